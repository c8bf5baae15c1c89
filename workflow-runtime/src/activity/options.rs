//! Options of an activity call, resolved when the call is scheduled and stored with it.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How an activity call runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityOptions {
    /// Limit of one attempt; `None`: no limit.
    pub timeout: Option<Duration>,
    /// With a policy, an `Err` of the activity is retried. Without one it is final, and only panics, timeouts and lost
    /// workers are retried, without end, with the default backoff.
    pub retry: Option<Retry>,
    /// The queue whose limits apply.
    pub queue: String,
    /// An `Err` is retried even where `unless(..)` calls it final: the call is a compensation.
    pub shielded: bool,
}

impl Default for ActivityOptions {
    fn default() -> Self {
        ActivityOptions { timeout: None, retry: None, queue: "default".into(), shielded: false }
    }
}

impl ActivityOptions {
    /// The same call, retried without end whatever it answers.
    pub(crate) fn until_done(mut self) -> Self {
        let retry = self.retry.unwrap_or_default();
        self.retry = Some(Retry { attempts: None, ..retry });
        self.shielded = true;
        self
    }
}

/// Exponential backoff: attempt `n` starts `initial * factor^(n - 1)`, at most `max`, after the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// How many attempts there may be in all; `None`: without end.
    pub attempts: Option<u32>,
    /// Pause before the second attempt.
    pub initial: Duration,
    /// Growth of the pause.
    pub factor: f64,
    /// Longest pause.
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { attempts: None, initial: Duration::from_millis(200), factor: 2.0, max: Duration::from_secs(30) }
    }
}

impl Retry {
    /// The pause after attempt `attempt` (counted from 1) has failed; `None` if it was the last.
    pub fn pause(&self, attempt: u32) -> Option<Duration> {
        if self.attempts.is_some_and(|n| attempt >= n) {
            return None;
        }
        let factor = self.factor.max(1.0).powi(attempt.saturating_sub(1).min(1_000) as i32);
        let seconds = (self.initial.as_secs_f64() * factor).min(self.max.as_secs_f64());
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(self.max))
    }
}

/// The owned form of a parameter type: what storage holds and the body borrows from.
pub trait Lend {
    /// `String` for `str`, `Vec<T>` for `[T]`, `T` for any other `T`.
    type Owned;
}

impl<T> Lend for T {
    type Owned = T;
}

impl Lend for str {
    type Owned = String;
}

impl<T> Lend for [T] {
    type Owned = Vec<T>;
}

impl Lend for std::path::Path {
    type Owned = std::path::PathBuf;
}
