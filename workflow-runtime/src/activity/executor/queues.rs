//! How many attempts may run at once.

use super::Attempt;
use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
};

/// How many attempts of each queue may run at once in this process.
///
/// ```
/// use workflow_runtime::activity::executor::Queues;
/// let queues = Queues::new(100).limit_queue("mail", 2);
/// assert_eq!((queues.limit("mail"), queues.limit("default")), (2, 100));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queues {
    others: NonZeroUsize,
    limits: BTreeMap<String, NonZeroUsize>,
}

impl Default for Queues {
    fn default() -> Self {
        Queues::new(256)
    }
}

/// A queue that runs nothing would never let its workflows go on.
fn at_least_one(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN)
}

impl Queues {
    /// Every queue runs at most `limit` attempts at once; 0 counts as 1.
    pub fn new(limit: usize) -> Self {
        Queues { others: at_least_one(limit), limits: BTreeMap::new() }
    }

    /// This queue runs at most `limit` attempts at once; 0 counts as 1.
    #[must_use]
    pub fn limit_queue(mut self, queue: impl Into<String>, limit: usize) -> Self {
        self.limits.insert(queue.into(), at_least_one(limit));
        self
    }

    /// How many attempts of this queue run at most.
    pub fn limit(&self, queue: &str) -> usize {
        self.limits.get(queue).copied().unwrap_or(self.others).get()
    }
}

/// One queue: what waits, and how much runs. A waiting attempt is no task.
pub(super) struct Waiting {
    limit: usize,
    running: usize,
    attempts: VecDeque<Arc<Attempt>>,
}

impl Waiting {
    pub(super) fn new(limit: usize) -> Self {
        Waiting { limit, running: 0, attempts: VecDeque::new() }
    }

    pub(super) fn push(&mut self, attempt: Arc<Attempt>) {
        self.attempts.push_back(attempt);
    }

    /// The next attempt, if there is room for it. It counts as running until [`Waiting::release`].
    pub(super) fn next(&mut self) -> Option<Arc<Attempt>> {
        if self.running >= self.limit {
            return None;
        }
        let attempt = self.attempts.pop_front()?;
        self.running += 1;
        Some(attempt)
    }

    pub(super) fn release(&mut self) {
        debug_assert!(self.running > 0, "an attempt ended twice");
        self.running = self.running.saturating_sub(1);
    }

    /// Takes a waiting attempt out; false if it does not wait any more.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        // Ids rise from front to back.
        match self.attempts.binary_search_by_key(&id, |a| a.id) {
            Ok(at) => self.attempts.remove(at).is_some(),
            Err(_) => false,
        }
    }

    pub(super) fn clear(&mut self) -> VecDeque<Arc<Attempt>> {
        std::mem::take(&mut self.attempts)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running == 0 && self.attempts.is_empty()
    }
}
