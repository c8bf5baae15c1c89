//! Where an engine gets the time from.

use super::pulse::{Held, Pulse};
use async_trait::async_trait;
use jiff::Timestamp;
use std::time::Duration;

/// The time of an engine: the system's, or one that a test moves.
///
/// A virtual clock keeps the [`Pulse`] that it is given and moves to the earliest sleeper only when nothing is in flight.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> Timestamp;

    /// Resolves when [`now`](Self::now) is `at` or later. Earlier is allowed: the engine looks at the time again.
    ///
    /// A virtual clock takes a token for each sleeper that it wakes, before it looks at the pulse again, and hands it
    /// over in the [`Wake`]: so the clock stands still until the sleeper has dealt with it.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time, and is, whenever something earlier comes up.
    async fn sleep_until(&self, at: Timestamp) -> Wake;

    /// Called once, while the engine is built.
    fn attach(&self, pulse: &Pulse) {
        let _ = pulse;
    }
}

/// A sleeper was woken. The clock does not move on while this lives.
#[derive(Debug, Default)]
#[must_use = "keep it until what is due has been dealt with"]
pub struct Wake {
    _held: Option<Held>,
}

impl Wake {
    /// Stops the clock until it is dropped.
    pub fn holding(token: Held) -> Self {
        Wake { _held: Some(token) }
    }
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Longer sleeps are cut, so that a corrected system time is noticed.
const LONGEST: Duration = Duration::from_secs(60);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) -> Wake {
        let left = at.duration_since(self.now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO).min(LONGEST);
        tokio::time::sleep(left).await;
        Wake::default()
    }
}
