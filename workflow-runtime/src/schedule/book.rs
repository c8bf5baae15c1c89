//! What a schedule has dealt with and what it still owes: decisions only, no waiting.

use super::{
    spec::{Overlap, Schedule},
    times::{Times, jitter},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};

/// Times that are looked at in one step; the next step goes on.
const BATCH: usize = 256;

/// The state of a schedule between two decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) schedule: Schedule,
    pub(super) paused: Option<String>,
    /// All times up to here are in `due` or have been dealt with.
    seen: Timestamp,
    /// To be started, the earliest start first.
    due: VecDeque<Due>,
    /// To be started when the run that was started last has ended.
    waiting: Option<Due>,
    backfills: VecDeque<Backfill>,
    /// The run that was started last has been asked to cancel.
    cancelling: bool,
    pub(super) counts: Counts,
}

/// What has become of the times that were due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Runs that were started because they were due.
    pub started: u64,
    /// Runs that were started by a trigger or a backfill.
    pub extra: u64,
    /// Times that were skipped because a run had not ended.
    pub skipped: u64,
    /// Times that were more than the catch-up window ago when the schedule could look at them.
    pub missed: u64,
    /// Runs that could not be started, because their id is taken by something else.
    pub refused: u64,
}

/// A run to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Due {
    /// The time by the rules: part of the run's id.
    pub(super) nominal: Timestamp,
    start: Timestamp,
    overlap: Overlap,
    pub(super) cause: Cause,
}

/// Why a run is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cause {
    Rule,
    Trigger,
    Backfill,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Backfill {
    /// Times up to here have been dealt with.
    seen: Timestamp,
    until: Timestamp,
    overlap: Overlap,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Start(Due),
    /// Ask the run that was started last to cancel.
    Cancel,
}

/// What a look at the calendar found. It depends on the time zones that the machine knows, so it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// The times that have come since the last look.
    found: Vec<Timestamp>,
    /// The times of the first backfill.
    filled: Vec<Timestamp>,
    /// There is more behind `found` or `filled` to look at at once.
    more: bool,
    /// The next time by the rules, or at which to look again.
    pub(super) next: Option<Timestamp>,
    /// Why the calendar could not be looked at.
    pub(super) problem: Option<String>,
}

/// When to look again at a calendar that could not be looked at.
const RETRY: Duration = Duration::from_secs(60 * 60);

impl Book {
    pub(super) fn new(schedule: Schedule, now: Timestamp) -> Self {
        Book {
            paused: schedule.paused.clone(),
            schedule,
            seen: now,
            due: VecDeque::new(),
            waiting: None,
            backfills: VecDeque::new(),
            cancelling: false,
            counts: Counts::default(),
        }
    }

    /// Looks at the calendar.
    pub(super) fn look(&self, now: Timestamp) -> Look {
        let times = match Times::of(&self.schedule) {
            Ok(times) => times,
            // A machine may lack a time zone that another one had.
            Err(e) => {
                let next = now.checked_add(RETRY).ok();
                return Look { found: vec![], filled: vec![], more: false, next, problem: Some(e.to_string()) };
            }
        };
        let between = |from, until| {
            let mut found: Vec<_> = std::iter::successors(times.next(from), |t| times.next(*t))
                .take_while(|t| *t <= until)
                .take(BATCH + 1)
                .collect();
            let more = found.len() > BATCH;
            found.truncate(BATCH);
            (found, more)
        };
        let (found, more_found) = between(self.seen, now);
        let (filled, more_filled) = match self.backfills.front() {
            Some(b) => between(b.seen, b.until),
            None => (vec![], false),
        };
        let more = more_found || more_filled || self.backfills.len() > 1;
        Look { found, filled, more, next: times.next(now), problem: None }
    }

    /// Enters what was found. True if there is more to look at at once.
    pub(super) fn enter(&mut self, id: &str, look: &Look, now: Timestamp) -> bool {
        for nominal in look.found.iter().copied() {
            let start = nominal.checked_add(jitter(id, nominal, self.schedule.jitter)).unwrap_or(nominal);
            self.seen = nominal;
            let late = start.checked_add(self.schedule.catch_up).is_ok_and(|last| last < now);
            if late {
                self.counts.missed += 1;
            } else if self.paused.is_none() {
                self.push(Due { nominal, start, overlap: self.schedule.overlap, cause: Cause::Rule });
            }
        }
        if let (Some(b), None) = (self.backfills.front_mut(), &look.problem) {
            let overlap = b.overlap;
            match look.filled.last() {
                Some(last) if look.filled.len() == BATCH => b.seen = *last,
                _ => drop(self.backfills.pop_front()),
            }
            for nominal in look.filled.iter().copied() {
                self.push(Due { nominal, start: now, overlap, cause: Cause::Backfill });
            }
        }
        look.more
    }

    fn push(&mut self, due: Due) {
        let place = self.due.partition_point(|d| d.start <= due.start);
        self.due.insert(place, due);
    }

    /// Takes the next decision that can be taken now. `running`: the run that was started last has not ended.
    pub(super) fn act(&mut self, now: Timestamp, running: bool) -> Option<Act> {
        if !running {
            self.cancelling = false;
            if let Some(due) = self.waiting.take() {
                return Some(self.started(due));
            }
        }
        while self.due.front().is_some_and(|d| d.start <= now) {
            let due = self.due.pop_front()?;
            if due.cause == Cause::Rule && self.is_used_up() {
                continue;
            }
            if !running || due.overlap == Overlap::Allow {
                return Some(self.started(due));
            }
            match due.overlap {
                Overlap::BufferOne if self.waiting.is_none() => self.waiting = Some(due),
                Overlap::CancelOther => {
                    self.counts.skipped += u64::from(self.waiting.replace(due).is_some());
                    if !std::mem::replace(&mut self.cancelling, true) {
                        return Some(Act::Cancel);
                    }
                }
                _ => self.counts.skipped += 1,
            }
        }
        None
    }

    fn started(&mut self, due: Due) -> Act {
        *self.count(&due) += 1;
        Act::Start(due)
    }

    /// The run could not be started.
    pub(super) fn refused(&mut self, due: &Due) {
        *self.count(due) -= 1;
        self.counts.refused += 1;
    }

    fn count(&mut self, due: &Due) -> &mut u64 {
        match due.cause {
            Cause::Rule => &mut self.counts.started,
            Cause::Trigger | Cause::Backfill => &mut self.counts.extra,
        }
    }

    fn is_used_up(&self) -> bool {
        self.schedule.limit.is_some_and(|most| self.counts.started >= most)
    }

    /// When there is something to do again, if nothing else happens. `next` is the next time by the rules.
    pub(super) fn wake(&self, next: Option<Timestamp>) -> Option<Timestamp> {
        let next = next.filter(|_| self.paused.is_none() && !self.is_used_up());
        self.due.front().map(|d| d.start).into_iter().chain(next).min()
    }

    /// Whether nothing can come any more by itself.
    pub(super) fn is_over(&self, next: Option<Timestamp>) -> bool {
        let none = next.is_none() || self.is_used_up();
        none && self.paused.is_none() && self.due.is_empty() && self.waiting.is_none() && self.backfills.is_empty()
    }

    /// Starts a run as soon as `overlap` lets it.
    pub(super) fn trigger(&mut self, now: Timestamp, overlap: Option<Overlap>) {
        let overlap = overlap.unwrap_or(self.schedule.overlap);
        self.push(Due { nominal: now, start: now, overlap, cause: Cause::Trigger });
    }

    /// Starts the runs that were due from `from` to `until`, both included.
    pub(super) fn backfill(&mut self, from: Timestamp, until: Timestamp, overlap: Overlap) {
        let seen = from.checked_sub(Duration::from_nanos(1)).unwrap_or(from);
        self.backfills.push_back(Backfill { seen, until, overlap });
    }

    pub(super) fn pause(&mut self, note: String) {
        self.paused = Some(note);
        // What is due already, but not started, is not started either.
        self.due.retain(|d| d.cause != Cause::Rule);
    }

    /// Goes on with the first time behind `now`.
    pub(super) fn resume(&mut self, now: Timestamp) {
        if self.paused.take().is_some() {
            self.seen = self.seen.max(now);
        }
    }

    /// Goes by other rules from now on; what is running or waits stays, and who has paused it has to resume it.
    pub(super) fn replace(&mut self, schedule: Schedule, now: Timestamp) {
        self.paused = self.paused.take().or_else(|| schedule.paused.clone());
        self.schedule = schedule;
        self.seen = self.seen.max(now);
        self.due.retain(|d| d.cause != Cause::Rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hours, minutes, seconds};

    const ID: &str = "s";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn book(schedule: Schedule) -> Book {
        Book::new(schedule, at(0))
    }

    /// Lets the clock show `minute` and gives the minutes of the runs that are started, -1 for a request to cancel.
    fn tick(book: &mut Book, minute: i64, mut running: bool) -> Vec<i64> {
        let mut done = vec![];
        loop {
            let look = book.look(at(minute));
            let more = book.enter(ID, &look, at(minute));
            while let Some(act) = book.act(at(minute), running) {
                done.push(match act {
                    Act::Cancel => -1,
                    Act::Start(due) => {
                        running = true;
                        due.nominal.as_second() / 60
                    }
                });
            }
            if !more {
                return done;
            }
        }
    }

    #[test]
    fn a_run_is_skipped_while_another_one_runs() {
        let mut b = book(Schedule::every(minutes(10)));
        assert_eq!(tick(&mut b, 10, false), [10]);
        assert!(tick(&mut b, 30, true).is_empty());
        assert_eq!(tick(&mut b, 40, false), [40]);
        assert_eq!((b.counts.started, b.counts.skipped), (2, 2));
    }

    #[test]
    fn one_run_waits_for_the_end_of_the_other() {
        let mut b = book(Schedule::every(minutes(10)).overlap(Overlap::BufferOne));
        assert_eq!(tick(&mut b, 10, false), [10]);
        assert!(tick(&mut b, 35, true).is_empty());
        assert_eq!(tick(&mut b, 36, false), [20]);
        assert_eq!((b.counts.started, b.counts.skipped), (2, 1));
    }

    #[test]
    fn all_runs_are_started_side_by_side() {
        let mut b = book(Schedule::every(minutes(10)).overlap(Overlap::Allow));
        assert_eq!(tick(&mut b, 30, false), [10, 20, 30]);
    }

    #[test]
    fn the_other_run_is_cancelled_once_and_the_last_one_follows() {
        let mut b = book(Schedule::every(minutes(10)).overlap(Overlap::CancelOther));
        assert_eq!(tick(&mut b, 10, false), [10]);
        assert_eq!(tick(&mut b, 20, true), [-1]);
        assert!(tick(&mut b, 30, true).is_empty());
        assert_eq!(tick(&mut b, 31, false), [30]);
        assert_eq!(tick(&mut b, 40, true), [-1]);
    }

    #[test]
    fn what_is_too_late_is_missed_and_a_long_absence_is_caught_up_in_batches() {
        let mut b = book(Schedule::every(minutes(1)).overlap(Overlap::Allow).catch_up(hours(10)));
        let started = tick(&mut b, 1000, false);
        assert_eq!((started.len(), started.first()), (601, Some(&400)));
        assert_eq!(b.counts.missed, 399);
    }

    #[test]
    fn jitter_delays_the_start_and_not_the_name() {
        let mut b = book(Schedule::every(minutes(10)).jitter(minutes(5)));
        assert!(tick(&mut b, 10, false).is_empty());
        let wake = b.wake(Some(at(20))).unwrap();
        assert!(wake > at(10) && wake < at(15));
        assert_eq!(tick(&mut b, 15, false), [10]);
    }

    #[test]
    fn a_paused_schedule_starts_only_what_it_is_told_to() {
        let mut b = book(Schedule::every(minutes(10)));
        b.pause("holidays".into());
        assert_eq!(b.wake(Some(at(10))), None);
        b.trigger(at(12), None);
        assert_eq!(tick(&mut b, 12, false), [12]);
        b.resume(at(55));
        assert_eq!(tick(&mut b, 60, false), [60]);
        assert_eq!(b.counts, Counts { started: 1, extra: 1, ..Counts::default() });
    }

    #[test]
    fn a_backfill_starts_what_was_due_then() {
        let mut b = book(Schedule::every(minutes(10)));
        assert!(tick(&mut b, 1, false).is_empty());
        b.backfill(at(-30), at(-10), Overlap::Allow);
        b.backfill(at(-600), at(-590), Overlap::Allow);
        assert_eq!(tick(&mut b, 2, false), [-30, -20, -10, -600, -590]);
        assert!(b.backfills.is_empty());
    }

    #[test]
    fn a_large_backfill_is_complete_and_has_no_doubles() {
        let mut b = book(Schedule::every(seconds(60)));
        b.backfill(at(-1000), at(-1), Overlap::Allow);
        assert_eq!(tick(&mut b, 0, false), (-1000..0).collect::<Vec<_>>());
    }

    #[test]
    fn a_calendar_that_cannot_be_read_is_looked_at_again() {
        let mut b = book(Schedule::cron("0 0 * * *").time_zone("Mars/Base"));
        b.backfill(at(-10), at(0), Overlap::Allow);
        let look = b.look(at(5));
        assert!(look.problem.as_ref().is_some_and(|p| p.contains("Mars/Base")));
        assert!(!b.enter(ID, &look, at(5)) && b.act(at(5), false).is_none());
        assert_eq!(b.wake(look.next), Some(at(65)));
        assert_eq!(b.backfills.len(), 1);
    }

    #[test]
    fn a_limit_ends_the_schedule() {
        let mut b = book(Schedule::every(minutes(10)).limit(2).overlap(Overlap::Allow));
        assert!(!b.is_over(Some(at(10))));
        assert_eq!(tick(&mut b, 50, false), [10, 20]);
        assert!(b.is_over(Some(at(60))) && b.wake(Some(at(60))).is_none());
    }
}
