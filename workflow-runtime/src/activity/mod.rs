//! Activities: the functions that touch the world.

#[doc(hidden)]
pub mod bounds;
mod context;
mod def;
pub mod executor;
mod interpose;
mod options;

pub use context::ActivityContext;
#[cfg(feature = "testing")]
pub(crate) use context::idempotency_key;
pub use def::{Activity, ActivityDef, ActivityRegistration, Attempt, AttemptFuture, SendBoxFuture, State, States};
pub use executor::{AttemptHandle, AttemptReport, AttemptRequest, Execute, Executor, ExecutorOptions, OnDone, Queues};
pub use interpose::Interpose;
pub use options::{ActivityOptions, Lend, Retry};

use serde::{Deserialize, Serialize};
use std::fmt::{Debug, Display};

/// How an awaited activity can end other than in its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityError<E> {
    /// The activity returned this error, and it is final.
    Failed(E),
    /// The last attempt that the retry policy allows took too long.
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
