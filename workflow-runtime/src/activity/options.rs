//! Options of an activity call, resolved when the call is scheduled and stored with it.

use crate::{journal::Name, machine::OnCancel};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The highest priority of an activity call.
pub const MAX_PRIORITY: u8 = 9;

/// How an activity call runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityOptions {
    /// Limit of one attempt, from its start to its end; `None`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// An attempt that gives no heartbeat for so long has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Duration>,
    /// How long an attempt may wait in its queue. If it does not start in time, the activity has timed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_to_start: Option<Duration>,
    /// Limit of all attempts and the pauses between them, from the call on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_timeout: Option<Duration>,
    /// With a policy, an `Err` of the activity is retried. Without one it is final, and only panics, timeouts and lost
    /// workers are retried, without end, with the default backoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The queue whose limits apply.
    #[serde(default = "default_queue", skip_serializing_if = "is_default_queue")]
    pub queue: Name,
    /// From 0 to [`MAX_PRIORITY`]: of what waits in a queue, the highest starts first.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub priority: u8,
    /// What a cancellation of the call does.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub on_cancel: OnCancel,
    /// An `Err` is retried even where `unless(..)` calls it final: the call is a compensation.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub shielded: bool,
}

impl Default for ActivityOptions {
    fn default() -> Self {
        ActivityOptions {
            timeout: None,
            heartbeat: None,
            schedule_to_start: None,
            total_timeout: None,
            retry: None,
            queue: default_queue(),
            priority: 0,
            on_cancel: OnCancel::Try,
            shielded: false,
        }
    }
}

const DEFAULT_QUEUE: &str = "default";

fn default_queue() -> Name {
    DEFAULT_QUEUE.into()
}

fn is_default_queue(queue: &str) -> bool {
    queue == DEFAULT_QUEUE
}

impl ActivityOptions {
    /// The same call, retried without end whatever it answers.
    pub(crate) fn until_done(mut self) -> Self {
        let retry = self.retry.unwrap_or_default();
        self.retry = Some(Retry { attempts: None, ..retry });
        self.shielded = true;
        // These would end it before it is done.
        (self.schedule_to_start, self.total_timeout) = (None, None);
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
