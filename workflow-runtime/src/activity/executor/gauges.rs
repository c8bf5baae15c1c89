//! The limits of single activities: how many attempts run, and how often one starts.

use crate::activity::{Limits, Rate};
use jiff::Timestamp;
use std::{collections::HashMap, time::Duration};

/// Limited activities by name.
#[derive(Default)]
pub(super) struct Gauges(HashMap<String, Gauge>);

/// Whether an attempt of an activity may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Now,
    /// When another one has ended.
    Full,
    /// Not before so much time has passed.
    Later(Duration),
}

struct Gauge {
    limits: Limits,
    running: u32,
    bucket: Option<Bucket>,
}

/// A token bucket as one point in time (GCRA): it is full at `full_at`, and each start moves that on by one interval.
struct Bucket {
    rate: Rate,
    full_at: Timestamp,
}

impl Bucket {
    /// When there is a token.
    fn next(&mut self, now: Timestamp) -> Timestamp {
        // An empty bucket is full after this long: so a clock that was set back does not close it for longer.
        let whole = self.rate.interval().saturating_mul(self.rate.burst());
        self.full_at = self.full_at.min(now.checked_add(whole).unwrap_or(Timestamp::MAX));
        let ahead = self.rate.interval().saturating_mul(self.rate.burst() - 1);
        self.full_at.checked_sub(ahead).unwrap_or(Timestamp::MIN)
    }

    fn take(&mut self, now: Timestamp) {
        self.full_at = self.full_at.max(now).checked_add(self.rate.interval()).unwrap_or(Timestamp::MAX);
    }
}

impl Gauges {
    /// Makes the limits of an activity known, if it has any.
    pub(super) fn know(&mut self, activity: &str, limits: Limits) {
        if limits != Limits::default() && !self.0.contains_key(activity) {
            let bucket = limits.rate.map(|rate| Bucket { rate, full_at: Timestamp::MIN });
            self.0.insert(activity.to_owned(), Gauge { limits, running: 0, bucket });
        }
    }

    /// Whether an attempt may start at `now`.
    pub(super) fn admits(&mut self, activity: &str, now: Timestamp) -> Admission {
        let Some(gauge) = self.0.get_mut(activity) else { return Admission::Now };
        if gauge.limits.max_concurrent.is_some_and(|n| gauge.running >= n.get()) {
            return Admission::Full;
        }
        match gauge.bucket.as_mut().map(|b| b.next(now)).filter(|next| *next > now) {
            Some(next) => Admission::Later(Duration::try_from(next.duration_since(now)).unwrap_or_default()),
            None => Admission::Now,
        }
    }

    /// An attempt starts.
    pub(super) fn start(&mut self, activity: &str, now: Timestamp) {
        let Some(gauge) = self.0.get_mut(activity) else { return };
        gauge.running += 1;
        if let Some(bucket) = &mut gauge.bucket {
            bucket.take(now);
        }
    }

    /// An attempt is gone. True if another one may wait for that.
    pub(super) fn end(&mut self, activity: &str) -> bool {
        let Some(gauge) = self.0.get_mut(activity) else { return false };
        gauge.running = gauge.running.saturating_sub(1);
        gauge.limits.max_concurrent.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_the_rate() {
        let mut gauges = Gauges::default();
        gauges.know("a", Limits::new().rate("3/s".parse().unwrap()));
        let mut starts = vec![];
        for millis in 0..5_000 {
            while gauges.admits("a", at(millis)) == Admission::Now {
                gauges.start("a", at(millis));
                starts.push(millis);
            }
        }
        assert_eq!(starts[..6], [0, 0, 0, 334, 667, 1000]);
        assert_eq!(starts.len(), 3 + 14);
        // Idle for long: no more than one burst.
        for n in 0..3 {
            assert_eq!(gauges.admits("a", at(100_000)), Admission::Now, "{n}");
            gauges.start("a", at(100_000));
        }
        let Admission::Later(wait) = gauges.admits("a", at(100_000)) else { panic!("a burst of four") };
        assert!(wait > Duration::from_millis(333) && wait < Duration::from_millis(334), "{wait:?}");
        // The clock is set back by an hour.
        assert!(matches!(gauges.admits("a", at(-3_600_000)), Admission::Later(d) if d < Duration::from_secs(1)));
        assert_eq!(gauges.admits("a", at(-3_599_000)), Admission::Now);
    }

    #[test]
    fn no_more_run_than_may() {
        let mut gauges = Gauges::default();
        gauges.know("a", Limits::new().max_concurrent(2));
        gauges.know("a", Limits::new().max_concurrent(5));
        for _ in 0..2 {
            assert_eq!(gauges.admits("a", at(0)), Admission::Now);
            gauges.start("a", at(0));
        }
        assert_eq!((gauges.admits("a", at(0)), gauges.admits("b", at(0))), (Admission::Full, Admission::Now));
        assert!(gauges.end("a") && !gauges.end("b"));
        assert_eq!(gauges.admits("a", at(0)), Admission::Now);
    }
}
