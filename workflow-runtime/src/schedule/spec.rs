//! When a schedule starts runs, as the user says it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When runs of a workflow are started, and what happens when they would overlap.
///
/// Plain data: it says nothing about which workflow; [`Engine::schedule`](crate::Engine::schedule) brings the two together.
///
/// ```
/// use workflow_runtime::{minutes, schedule::{Overlap, Schedule}};
///
/// // At 03:30 in Berlin on working days, or up to ten minutes later; never two at a time.
/// let nightly = Schedule::cron("30 3 * * MON-FRI").time_zone("Europe/Berlin").jitter(minutes(10)).overlap(Overlap::BufferOne);
/// // Every 15 minutes from the full hour.
/// let often = Schedule::every(minutes(15));
/// # let _ = (nightly, often);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "a schedule does nothing until it is given to an engine"]
pub struct Schedule {
    pub(super) when: Vec<When>,
    pub(super) time_zone: Option<String>,
    pub(super) jitter: Duration,
    pub(super) overlap: Overlap,
    pub(super) catch_up: Duration,
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) limit: Option<u64>,
    pub(super) paused: Option<String>,
}

/// One rule; a schedule is due when any of its rules is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum When {
    Cron(String),
    Every { period: Duration, offset: Duration },
}

/// What happens when a run is due and the one that was started last has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Overlap {
    /// The run is not started.
    #[default]
    Skip,
    /// The run is started when the other one has ended. Of several that come due meanwhile only the first waits.
    BufferOne,
    /// The run is started.
    Allow,
    /// The other one is asked to cancel, and the run is started when it has ended. Of several that come due meanwhile
    /// only the last one is started.
    CancelOther,
}

/// A run that came due this long ago is still started, if nothing else is said.
const CATCH_UP: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Schedule {
    fn of(when: When) -> Self {
        Schedule {
            when: vec![when],
            time_zone: None,
            jitter: Duration::ZERO,
            overlap: Overlap::Skip,
            catch_up: CATCH_UP,
            from: None,
            until: None,
            limit: None,
            paused: None,
        }
    }

    /// A [crontab](https://en.wikipedia.org/wiki/Cron#Cron_expression) line of five fields: minute, hour, day of month,
    /// month, day of week. Names (`MON`, `JAN`), lists, ranges, steps, `L`, `15W` and `5#3` are understood. A sixth field
    /// may name a time zone; see [`time_zone`](Self::time_zone).
    ///
    /// A local time that a change to summer time leaves out is skipped; one that occurs twice is due once, unless the line
    /// is due in every hour (`*`).
    ///
    /// Whether the line can be read is told when the schedule is given to an engine.
    pub fn cron(expression: impl Into<String>) -> Self {
        Self::of(When::Cron(expression.into()))
    }

    /// Every `period`, counted from 1970-01-01T00:00:00Z.
    pub fn every(period: Duration) -> Self {
        Self::of(When::Every { period, offset: Duration::ZERO })
    }

    /// Shifts every interval of this schedule.
    pub fn offset(mut self, by: Duration) -> Self {
        for rule in &mut self.when {
            if let When::Every { offset, .. } = rule {
                *offset = by;
            }
        }
        self
    }

    /// Is due when the other schedule's rules are, too; everything else that the other one says is dropped.
    pub fn or(mut self, other: Schedule) -> Self {
        self.when.extend(other.when);
        self
    }

    /// The [IANA time zone](https://en.wikipedia.org/wiki/List_of_tz_database_time_zones) of crontab lines that name none.
    /// Default: UTC.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = Some(name.into());
        self
    }

    /// Starts each run up to `most` later, by an amount that depends on nothing but the schedule's id and the time at which the run is
    /// due. Spreads the load of many schedules that are due at once.
    pub fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// What happens when runs would overlap. Default: [`Overlap::Skip`].
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// How late a run may be started, for example because the process was down. Runs that are later are counted as missed. Default: one year.
    pub fn catch_up(mut self, window: Duration) -> Self {
        self.catch_up = window;
        self
    }

    /// Nothing is due before `at`.
    pub fn from(mut self, at: Timestamp) -> Self {
        self.from = Some(at);
        self
    }

    /// Nothing is due after `at`.
    pub fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(at);
        self
    }

    /// Starts at most `runs` runs, those of triggers and backfills not counted.
    pub fn limit(mut self, runs: u64) -> Self {
        self.limit = Some(runs);
        self
    }

    /// Begins paused.
    pub fn paused(mut self, note: impl Into<String>) -> Self {
        self.paused = Some(note.into());
        self
    }
}
