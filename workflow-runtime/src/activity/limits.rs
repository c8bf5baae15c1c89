//! How many attempts of one activity a process runs, and how often it starts one.

use std::{num::NonZeroU32, time::Duration};

/// The limits of one activity in one process, in addition to those of its queue.
///
/// ```
/// use workflow_runtime::activity::{Limits, Rate};
/// use std::time::Duration;
///
/// let limits = Limits::new().max_concurrent(10).rate(Rate::new(100, Duration::from_secs(1)));
/// assert_eq!(limits, Limits::new().max_concurrent(10).rate("100/s".parse()?));
/// # Ok::<(), workflow_runtime::activity::InvalidRate>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub(crate) max_concurrent: Option<NonZeroU32>,
    pub(crate) rate: Option<Rate>,
}

/// At least one: an activity that never starts would never let its workflows go on.
const fn at_least_one(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

impl Limits {
    /// No limits.
    pub const fn new() -> Self {
        Limits { max_concurrent: None, rate: None }
    }

    /// At most `n` attempts run at a time; 0 counts as 1.
    #[must_use]
    pub const fn max_concurrent(mut self, n: u32) -> Self {
        self.max_concurrent = Some(at_least_one(n));
        self
    }

    /// Attempts start at most at this rate.
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }
}

/// How often an attempt may start: a token bucket.
///
/// The bucket holds the starts of one period and is full at first, so that many may start at once; it fills evenly. Over
/// a longer time the rate is never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    starts: NonZeroU32,
    per: Duration,
}

/// The text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a rate: write a whole number from 1 on per second, minute or hour, like `100/s`, `30/m` or `5/h`"
)]
pub struct InvalidRate {
    /// The text.
    pub text: String,
}

impl Rate {
    /// `starts` in each period; 0 counts as 1, and a period of no time as a nanosecond.
    pub const fn new(starts: u32, per: Duration) -> Self {
        let per = if per.is_zero() { Duration::from_nanos(1) } else { per };
        Rate { starts: at_least_one(starts), per }
    }

    /// How many start at once from a full bucket.
    pub(super) fn burst(self) -> u32 {
        self.starts.get()
    }

    /// The time in which one start is allowed.
    pub(super) fn interval(self) -> Duration {
        (self.per / self.starts.get()).max(Duration::from_nanos(1))
    }
}

impl std::str::FromStr for Rate {
    type Err = InvalidRate;
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let parsed = text.trim().split_once('/').and_then(|(n, unit)| {
            let per = match unit.trim() {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                _ => return None,
            };
            let starts = n.trim().parse().ok().filter(|n| *n > 0u32)?;
            Some(Rate::new(starts, Duration::from_secs(per)))
        });
        parsed.ok_or_else(|| InvalidRate { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!("100/s".parse(), Ok(Rate::new(100, Duration::from_secs(1))));
        assert_eq!(" 5 / h ".parse(), Ok(Rate::new(5, Duration::from_secs(3600))));
        for text in ["", "5", "/s", "0/s", "-1/s", "5/d", "1.5/s", "5/s/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("30/m".parse::<Rate>().unwrap().interval(), Duration::from_secs(2));
    }
}
