//! What is due next: the near end of the timer index, in memory.

use super::pulse::Held;
use crate::{journal::id::WorkflowId, machine::OpId};
use std::collections::BTreeSet;

/// More than this is dropped again and read from the index when its time comes, but for what is due in the first microsecond.
const MOST: usize = 16_384;

/// When, whose, which.
pub(super) type Timer = (i64, WorkflowId, OpId);

/// The timers of one worker up to a horizon; what lies behind it is in the index only.
pub(super) struct Timers {
    near: BTreeSet<Timer>,
    /// Everything up to here is in `near`; `i64::MAX` when there is nothing more in the index.
    horizon: i64,
    /// The index is being read: what is set meanwhile may be missing in what was read.
    reading: bool,
    /// Held from a change until somebody sleeps until what is due now.
    pub(super) unsettled: Option<Held>,
}

impl Timers {
    pub(super) fn new() -> Self {
        Timers { near: BTreeSet::new(), horizon: i64::MIN, reading: false, unsettled: None }
    }

    pub(super) fn set(&mut self, due: i64, id: &WorkflowId, op: OpId) {
        if self.reading || due <= self.horizon {
            self.near.insert((due, id.clone(), op));
            self.shrink();
        }
    }

    pub(super) fn unset(&mut self, due: i64, id: &WorkflowId, op: OpId) {
        self.near.remove(&(due, id.clone(), op));
    }

    fn shrink(&mut self) {
        if self.near.len() <= MOST || self.reading {
            return;
        }
        let ends = self.near.first().zip(self.near.last()).map(|(first, last)| (first.0, last.0));
        let Some((first, last)) = ends.filter(|(first, last)| first < last) else { return };
        let middle = self.near.iter().nth(MOST / 2).map_or(last, |t| t.0);
        // What is due in one microsecond stays or goes as a whole: the index is read from the horizon on. The first of it
        // stays, however much that is: else nothing would ever be due.
        self.horizon = middle.saturating_sub(1).max(first);
        let horizon = self.horizon;
        self.near.retain(|t| t.0 <= horizon);
    }

    /// The time of the next timer.
    pub(super) fn next(&self) -> Option<i64> {
        self.near.first().map(|t| t.0)
    }

    /// Takes a timer that is due.
    pub(super) fn take(&mut self, now: i64) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.near.pop_first()
    }

    /// From where to read the index, if it is to be read now.
    pub(super) fn begin_read(&mut self) -> Option<i64> {
        if self.reading || self.horizon == i64::MAX || !self.near.is_empty() {
            return None;
        }
        self.reading = true;
        Some(self.horizon)
    }

    /// Adds what was read. `horizon` is how far everything is known now.
    pub(super) fn end_read(&mut self, read: impl IntoIterator<Item = Timer>, horizon: i64) {
        self.reading = false;
        self.near.extend(read);
        self.horizon = self.horizon.max(horizon);
        self.shrink();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> WorkflowId {
        WorkflowId::new(format!("w{n}")).unwrap()
    }

    #[test]
    fn what_is_far_away_is_left_to_the_index() {
        let mut timers = Timers::new();
        assert_eq!(timers.begin_read(), Some(i64::MIN));
        timers.set(70, &id(0), OpId(0));
        timers.end_read([(10, id(1), OpId(0)), (20, id(2), OpId(0))], 50);
        timers.set(60, &id(3), OpId(0));
        let mut order = vec![];
        while let Some((due, ..)) = timers.take(100) {
            order.push(due);
        }
        assert_eq!(order, [10, 20, 70]);
        assert_eq!(timers.begin_read(), Some(50));
    }

    #[test]
    fn memory_is_bounded_and_nothing_near_is_lost() {
        let mut timers = Timers::new();
        timers.begin_read();
        timers.end_read([], i64::MAX);
        for n in 0..3 * MOST {
            timers.set(n as i64, &id(n), OpId(0));
            assert!(timers.near.len() <= MOST);
        }
        assert!(timers.horizon < i64::MAX);
        assert!((0..=timers.horizon).all(|n| timers.take(n).is_some_and(|t| t.0 == n)));
    }
    #[test]
    fn any_number_may_be_due_in_one_microsecond() {
        for read in [false, true] {
            let (mut timers, all) = (Timers::new(), 3 * MOST);
            timers.begin_read();
            if read {
                timers.end_read((0..all).map(|n| (7, id(n), OpId(0))).chain([(8, id(0), OpId(1))]), 8);
            } else {
                timers.end_read([], i64::MAX);
                timers.set(8, &id(0), OpId(1));
                (0..all).for_each(|n| timers.set(7, &id(n), OpId(0)));
            }
            assert_eq!(timers.horizon, 7);
            assert!((0..all).all(|_| timers.take(100).is_some_and(|t| t.0 == 7)));
            // The others are read when their time comes.
            assert_eq!((timers.take(100), timers.begin_read()), (None, Some(7)));
        }
    }
}
