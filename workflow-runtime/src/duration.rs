//! Durations as workflows write them.

use jiff::Span;
use std::time::Duration;

/// `n` milliseconds.
pub const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `n` seconds.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes of 60 seconds.
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

/// `n` hours of 60 minutes.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(3_600))
}

/// `n` days of 24 hours.
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(86_400))
}

/// `n` weeks of 7 days of 24 hours.
pub const fn weeks(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(604_800))
}

/// `n` months of the calendar: for [`sleep`](crate::sleep), which counts them in UTC.
///
/// A month later is the same day of the next month, or its last day if there is no such day. What is longer than the
/// calendar is as long as the calendar.
pub fn months(n: u32) -> Span {
    Span::new().try_months(n).unwrap_or_else(|_| years(u32::MAX))
}

/// `n` years of the calendar: for [`sleep`](crate::sleep), which counts them in UTC. At most as long as the calendar.
pub fn years(n: u32) -> Span {
    /// The most that a span can say.
    const MOST: i64 = 19_998;
    Span::new().try_years(i64::from(n).min(MOST)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::SleepTime;
    use jiff::Timestamp;

    #[test]
    fn what_is_too_long_ends_with_time() {
        let now: Timestamp = "2024-05-31T12:00:00Z".parse().unwrap();
        for time in
            [months(u32::MAX).into(), years(u32::MAX).into(), weeks(u64::MAX).into(), SleepTime::from(Duration::MAX)]
        {
            assert_eq!(time.after(now), Timestamp::MAX, "{time:?}");
        }
    }

    #[test]
    fn the_calendar_counts_days_of_months() {
        let after = |span: Span, from: &str| SleepTime::from(span).after(from.parse().unwrap()).to_string();
        assert_eq!(after(months(1), "2023-01-31T00:00:00Z"), "2023-02-28T00:00:00Z");
        assert_eq!(after(years(1), "2024-02-29T00:00:00Z"), "2025-02-28T00:00:00Z");
        assert_eq!(after(months(12), "2024-03-31T23:59:59Z"), "2025-03-31T23:59:59Z");
        assert_eq!(after(-months(1), "2024-03-31T00:00:00Z"), "2024-03-31T00:00:00Z", "the past is now");
    }
}
