//! The times at which a schedule is due.

use super::spec::{Schedule, When};
use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::{
    Timestamp, ToSpan, Zoned,
    tz::{AmbiguousOffset, TimeZone},
};
use std::time::Duration;

/// Why a schedule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchedule {
    /// A crontab line cannot be read.
    #[error(
        "`{expression}` is not a crontab line: {reason}; write minute, hour, day of month, month and day of week, as in `30 3 * * MON-FRI`"
    )]
    Cron {
        /// The line.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such time zone on this machine.
    #[error("there is no time zone `{name}` on this machine; use an IANA name such as `Europe/Berlin`")]
    TimeZone {
        /// The name.
        name: String,
    },
    /// An interval is too short.
    #[error("an interval of {period:?} is too short: the shortest is one millisecond")]
    Interval {
        /// The interval.
        period: Duration,
    },
    /// It will never be due.
    #[error("the schedule is never due; give it a time in the future, and an end behind its beginning")]
    Never,
}

/// The rules of a schedule, read.
pub(super) struct Times {
    rules: Vec<Rule>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

enum Rule {
    Cron { crontab: Box<Crontab>, every_hour: bool },
    Every { period: i128, offset: i128 },
}

/// Behind this the calendar arithmetic of crontab lines would leave the range of timestamps.
const LAST_YEAR: i16 = 9990;

impl Times {
    /// Reads the rules.
    pub(super) fn of(schedule: &Schedule) -> Result<Self, InvalidSchedule> {
        let rules = schedule.when.iter().map(|when| rule(when, schedule.time_zone.as_deref()));
        Ok(Times { rules: rules.collect::<Result<_, _>>()?, from: schedule.from, until: schedule.until })
    }

    /// The first time behind `after`.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = match self.from {
            // A schedule may be due at the very time from which it counts.
            Some(from) => after.max(from.checked_sub(Duration::from_nanos(1)).unwrap_or(from)),
            None => after,
        };
        let next = self.rules.iter().filter_map(|rule| rule.next(after)).min()?;
        (self.until.is_none_or(|until| next <= until)).then_some(next)
    }
}

fn rule(when: &When, zone: Option<&str>) -> Result<Rule, InvalidSchedule> {
    match when {
        When::Every { period, offset } => {
            if *period < Duration::from_millis(1) {
                return Err(InvalidSchedule::Interval { period: *period });
            }
            let nanos = |d: &Duration| i128::try_from(d.as_nanos()).unwrap_or(i128::MAX);
            let period = nanos(period);
            Ok(Rule::Every { period, offset: nanos(offset) % period })
        }
        When::Cron(expression) => {
            let zone = zone.unwrap_or("UTC");
            if TimeZone::get(zone).is_err() {
                return Err(InvalidSchedule::TimeZone { name: zone.to_owned() });
            }
            let mut options = ParseOptions::default();
            options.fallback_timezone_option = FallbackTimezoneOption::UTC;
            // A sixth field is the line's own time zone.
            let fields = expression.split_whitespace().count();
            let line = if fields == 5 { format!("{expression} {zone}") } else { expression.clone() };
            let crontab = cronexpr::parse_crontab_with(&line, options);
            let crontab = crontab.map_err(|e| InvalidSchedule::Cron {
                expression: expression.clone(),
                reason: e.to_string().lines().last().unwrap_or_default().trim_start_matches([' ', '^']).to_owned(),
            })?;
            let every_hour = expression.split_whitespace().nth(1).is_some_and(|hour| hour.starts_with('*'));
            Ok(Rule::Cron { crontab: Box::new(crontab), every_hour })
        }
    }
}

impl Rule {
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Rule::Every { period, offset } => {
                let passed = (after.as_nanosecond() - offset).div_euclid(*period) + 1;
                Timestamp::from_nanosecond(passed.checked_mul(*period)?.checked_add(*offset)?).ok()
            }
            Rule::Cron { crontab, every_hour } => {
                let mut after = after;
                // The library looks four years ahead; the 29th of February can be eight years away.
                for _ in 0..3 {
                    while let Some(next) =
                        before_the_end(after).then(|| crontab.find_next(MakeTimestamp(after)).ok())?
                    {
                        if *every_hour || !is_repeated(&next) {
                            return Some(next.timestamp());
                        }
                        after = next.timestamp();
                    }
                    after = after.to_zoned(TimeZone::UTC).checked_add(4.years()).ok()?.timestamp();
                }
                None
            }
        }
    }
}

fn before_the_end(t: Timestamp) -> bool {
    t.to_zoned(TimeZone::UTC).year() < LAST_YEAR
}

/// Whether the clock showed this time before, because summer time has just ended.
fn is_repeated(t: &Zoned) -> bool {
    match t.time_zone().to_ambiguous_zoned(t.datetime()).offset() {
        AmbiguousOffset::Fold { after, .. } => t.offset() == after,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => false,
    }
}

/// How much later than `due` the schedule `id` starts a run: less than `most`, and always the same.
pub(super) fn jitter(id: &str, due: Timestamp, most: Duration) -> Duration {
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    if most == 0 {
        return Duration::ZERO;
    }
    // FNV-1a with a final mix: spread, not secrecy.
    let bytes = id.bytes().chain(due.as_nanosecond().to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_nanos((hash ^ (hash >> 29)) % most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hours, millis, minutes, seconds};
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn due(schedule: Schedule, after: &str, n: usize) -> Vec<String> {
        let times = Times::of(&schedule).unwrap();
        let next = |t: &Timestamp| times.next(*t);
        std::iter::successors(next(&at(after)), next).take(n).map(|t| t.to_string()).collect()
    }

    #[test]
    fn intervals_are_counted_from_1970_and_shifted() {
        let quarter = Schedule::every(minutes(15));
        assert_eq!(due(quarter.clone(), "2026-01-01T00:00:00Z", 2), ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"]);
        assert_eq!(due(quarter.offset(minutes(61)), "1969-12-31T23:47:00Z", 1), ["1970-01-01T00:01:00Z"]);
    }

    #[test]
    fn crontab_lines_follow_the_clock_of_their_time_zone() {
        let nightly = Schedule::cron("30 3 * * MON-FRI").time_zone("Europe/Berlin");
        let winter_to_summer = ["2026-03-27T02:30:00Z", "2026-03-30T01:30:00Z", "2026-03-31T01:30:00Z"];
        assert_eq!(due(nightly, "2026-03-27T00:00:00Z", 3), winter_to_summer);
        let own = Schedule::cron("0 12 * * * Asia/Tokyo").time_zone("Europe/Berlin");
        assert_eq!(due(own, "2026-01-01T00:00:00Z", 1), ["2026-01-01T03:00:00Z"]);
    }

    #[test]
    fn a_time_that_is_left_out_is_skipped_and_one_that_comes_twice_is_due_once() {
        let gap = Schedule::cron("30 2 * * *").time_zone("Europe/Berlin");
        let over_the_gap = ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"];
        assert_eq!(due(gap.clone(), "2026-03-28T00:00:00Z", 2), over_the_gap);
        let over_the_fold = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        assert_eq!(due(gap, "2026-10-24T12:00:00Z", 2), over_the_fold);
        let every_hour = Schedule::cron("30 * * * *").time_zone("Europe/Berlin");
        let both = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"];
        assert_eq!(due(every_hour, "2026-10-25T00:00:00Z", 3), both);
    }

    #[test]
    fn leap_days_are_found_across_the_turn_of_a_century() {
        let leap = Schedule::cron("0 0 29 FEB *");
        assert_eq!(due(leap, "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00Z"]);
        assert!(due(Schedule::cron("0 0 31 FEB *"), "2026-01-01T00:00:00Z", 1).is_empty());
    }

    #[test]
    fn rules_are_joined_and_bounded() {
        let both = Schedule::cron("0 * * * *").or(Schedule::every(minutes(45)));
        let first = ["2026-01-01T00:45:00Z", "2026-01-01T01:00:00Z", "2026-01-01T01:30:00Z"];
        assert_eq!(due(both.clone(), "2026-01-01T00:00:00Z", 3), first);
        let bounded = both.from(at("2026-01-01T01:00:00Z")).until(at("2026-01-01T01:30:00Z"));
        assert_eq!(due(bounded, "2025-01-01T00:00:00Z", 9), ["2026-01-01T01:00:00Z", "2026-01-01T01:30:00Z"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let why = |s: Schedule| Times::of(&s).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(why(Schedule::cron("61 * * * *")).starts_with("`61 * * * *` is not a crontab line: "));
        assert!(why(Schedule::cron("* * *")).contains("not a crontab line"));
        assert!(why(Schedule::cron("* * * * *").time_zone("Mars/Base")).contains("no time zone `Mars/Base`"));
        assert!(why(Schedule::every(Duration::ZERO)).contains("too short"));
    }

    #[test]
    fn the_end_of_time_is_the_end() {
        assert_eq!(Times::of(&Schedule::every(hours(1))).unwrap().next(Timestamp::MAX), None);
        assert_eq!(Times::of(&Schedule::cron("* * * * *")).unwrap().next(Timestamp::MAX), None);
    }

    proptest! {
        #[test]
        fn times_go_up_and_none_is_left_out(start in -1_000_000_000i64..4_000_000_000, period in 1u64..100_000, offset in 0u64..200_000) {
            let times = Times::of(&Schedule::every(seconds(period)).offset(seconds(offset))).unwrap();
            let start = Timestamp::from_second(start).unwrap();
            let first = times.next(start).unwrap();
            prop_assert!(first > start && first.duration_since(start).as_secs() <= period as i64);
            prop_assert_eq!(times.next(first).unwrap().duration_since(first).as_secs(), period as i64);
        }

        #[test]
        fn jitter_is_stable_and_below_its_bound(second in 0i64..4_000_000_000, most in 0u64..100_000) {
            let due = Timestamp::from_second(second).unwrap();
            let by = jitter("s", due, millis(most));
            prop_assert!(by < millis(most) || most == 0);
            prop_assert_eq!(by, jitter("s", due, millis(most)));
        }
    }
}
