//! How many attempts may run at once.

use super::Attempt;
use crate::activity::MAX_PRIORITY;
use std::{
    cmp::Reverse,
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

/// Of this many starts in a queue, the last one goes to what has waited longest, whatever its priority.
const FAIR: u64 = 8;

/// One queue: what waits, and how much runs. A waiting attempt is no task.
///
/// The highest priority starts first, of one priority what came first; and every [`FAIR`]th start goes to the oldest, so
/// that nothing waits for ever. What waits for the limits of its activity keeps nobody else from starting.
pub(super) struct Waiting {
    limit: usize,
    running: usize,
    starts: u64,
    /// What waits, by activity.
    lanes: BTreeMap<String, Lane>,
}

/// What waits of one activity, by priority.
type Lane = [VecDeque<Arc<Attempt>>; MAX_PRIORITY as usize + 1];

fn level(attempt: &Attempt) -> usize {
    usize::from(attempt.request.options.priority.min(MAX_PRIORITY))
}

impl Waiting {
    pub(super) fn new(limit: usize) -> Self {
        Waiting { limit, running: 0, starts: 0, lanes: BTreeMap::new() }
    }

    pub(super) fn push(&mut self, attempt: Arc<Attempt>) {
        let lane = match self.lanes.get_mut(attempt.activity()) {
            Some(lane) => lane,
            None => self.lanes.entry(attempt.activity().to_owned()).or_default(),
        };
        lane[level(&attempt)].push_back(attempt);
    }

    /// The next attempt, if there is room for it and its activity admits it. It counts as running until [`Waiting::release`].
    pub(super) fn next(&mut self, admits: &mut dyn FnMut(&str) -> bool) -> Option<Arc<Attempt>> {
        if self.running >= self.limit {
            return None;
        }
        let oldest = self.starts % FAIR == FAIR - 1;
        let (mut best, mut found) = (None, None);
        for (activity, lane) in &self.lanes {
            if !admits(activity) {
                continue;
            }
            for (priority, waiting) in lane.iter().enumerate() {
                let Some(first) = waiting.front() else { continue };
                let rank = (if oldest { 0 } else { priority }, Reverse(first.id));
                if best.is_none_or(|b| rank > b) {
                    (best, found) = (Some(rank), Some((activity.clone(), priority)));
                }
            }
        }
        let (activity, priority) = found?;
        let lane = self.lanes.get_mut(&activity)?;
        let attempt = lane[priority].pop_front()?;
        if lane.iter().all(VecDeque::is_empty) {
            self.lanes.remove(&activity);
        }
        self.running += 1;
        self.starts += 1;
        Some(attempt)
    }

    /// Whether there is room and nobody waits for it.
    pub(super) fn is_free(&self) -> bool {
        self.running < self.limit && self.lanes.is_empty()
    }

    /// An attempt that has not waited runs.
    pub(super) fn begin(&mut self) {
        self.running += 1;
        self.starts += 1;
    }

    pub(super) fn release(&mut self) {
        debug_assert!(self.running > 0, "an attempt ended twice");
        self.running = self.running.saturating_sub(1);
    }

    /// Takes a waiting attempt out; false if it does not wait any more.
    pub(super) fn remove(&mut self, attempt: &Attempt) -> bool {
        let Some(lane) = self.lanes.get_mut(attempt.activity()) else { return false };
        let waiting = &mut lane[level(attempt)];
        // Ids rise from front to back.
        let removed = match waiting.binary_search_by_key(&attempt.id, |a| a.id) {
            Ok(at) => waiting.remove(at).is_some(),
            Err(_) => false,
        };
        if lane.iter().all(VecDeque::is_empty) {
            self.lanes.remove(attempt.activity());
        }
        removed
    }

    pub(super) fn clear(&mut self) -> Vec<Arc<Attempt>> {
        std::mem::take(&mut self.lanes).into_values().flatten().flatten().collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running == 0 && self.lanes.is_empty()
    }
}
