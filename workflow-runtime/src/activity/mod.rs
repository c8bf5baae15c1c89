//! Activities: the functions that touch the world.

#[doc(hidden)]
pub mod bounds;
mod context;
mod def;
pub mod executor;
mod heartbeat;
mod interpose;
mod limits;
mod options;
mod stop;
mod token;

pub use context::ActivityContext;
#[cfg(feature = "testing")]
pub(crate) use context::idempotency_key;
pub use def::{
    Activity, ActivityDef, ActivityFn, ActivityRegistration, Attempt, AttemptFuture, SendBoxFuture, State, States,
};
pub use executor::{AttemptHandle, AttemptReport, AttemptRequest, Execute, Executor, ExecutorOptions, OnDone, Queues};
pub(crate) use heartbeat::Beats;
pub use heartbeat::HeartbeatError;
pub use interpose::Interpose;
pub use limits::{InvalidRate, Limits, Rate};
pub use options::{ActivityOptions, Lend, MAX_PRIORITY, Retry};
pub(crate) use stop::Stop;
pub use token::{CompletionToken, InvalidToken};

pub use crate::{journal::history::Timeout, machine::OnCancel};

use serde::{Deserialize, Serialize};
use std::fmt::{Debug, Display};

/// How an awaited activity can end other than in its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityError<E> {
    /// The activity returned this error, and it is final.
    Failed(E),
    /// One of the activity's limits has passed, and no attempt follows. [`ActivityCall::detailed`] says which one.
    ///
    /// [`ActivityCall::detailed`]: crate::ActivityCall::detailed
    TimedOut,
    /// The activity was cancelled before it ended.
    Cancelled,
    /// The last attempt that the retry policy allows panicked.
    Panicked(String),
}

impl<E: Display> Display for ActivityError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(e) => Display::fmt(e, f),
            Self::TimedOut => f.write_str("the activity timed out"),
            Self::Cancelled => f.write_str("the activity was cancelled"),
            Self::Panicked(message) => write!(f, "the activity panicked: {message}"),
        }
    }
}

impl<E: Display + Debug> std::error::Error for ActivityError<E> {}

/// An [`ActivityError`] with what it leaves out. Given by calls that are [`detailed`](crate::ActivityCall::detailed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActivityFailure<E> {
    /// How the activity ended.
    pub error: ActivityError<E>,
    /// Of [`ActivityError::TimedOut`]: which limit has passed.
    pub timeout: Option<Timeout>,
}

impl<E> ActivityFailure<E> {
    pub(crate) fn new(error: ActivityError<E>, timeout: Option<Timeout>) -> Self {
        ActivityFailure { error, timeout }
    }
}

impl<E: Display> Display for ActivityFailure<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.timeout {
            Some(Timeout::Attempt) => f.write_str("the last attempt of the activity took longer than its `timeout`"),
            Some(Timeout::Heartbeat) => f.write_str("the last attempt of the activity gave no heartbeat in time"),
            Some(Timeout::Start) => f.write_str("the activity did not start within `schedule_to_start`"),
            Some(Timeout::Total) => f.write_str("the activity did not end within its `total_timeout`"),
            None => Display::fmt(&self.error, f),
        }
    }
}

impl<E: Display + Debug> std::error::Error for ActivityFailure<E> {}

impl<E> From<ActivityFailure<E>> for ActivityError<E> {
    fn from(failure: ActivityFailure<E>) -> Self {
        failure.error
    }
}
