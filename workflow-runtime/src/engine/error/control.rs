//! Errors of steering a run.

use super::Unavailable;
use crate::journal::id::InvalidId;

/// Why an instance was not cancelled, terminated, retried or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The id is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such instance.
    #[error("WE040: there is no instance `{workflow_id}` to {action}; check the id")]
    NotFound {
        /// The instance.
        workflow_id: String,
        /// What was to be done.
        action: &'static str,
    },
    /// The instance has ended.
    #[error("WE041: `{workflow_id}` has ended ({state}), there is nothing to {action}; its result stands")]
    Closed {
        /// The instance.
        workflow_id: String,
        /// What was to be done.
        action: &'static str,
        /// How it has ended.
        state: &'static str,
    },
    /// The instance is not blocked, so there is nothing to retry.
    #[error("WE042: `{workflow_id}` is not blocked, there is nothing to retry; see its status for what it waits for")]
    NotBlocked {
        /// The instance.
        workflow_id: String,
    },
    /// The instance has not ended, so it is not removed.
    #[error("WE043: `{workflow_id}` has not ended ({state}) and is not removed; cancel or terminate it first")]
    NotClosed {
        /// The instance.
        workflow_id: String,
        /// How it stands.
        state: &'static str,
    },
    /// No segment of the history can begin now.
    #[error("WE044: the history of `{workflow_id}` is not truncated now: {what}; call again later")]
    InTheWay {
        /// The instance.
        workflow_id: String,
        /// Why.
        what: &'static str,
    },
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ControlError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::NotFound { .. } => "WE040",
            Self::Closed { .. } => "WE041",
            Self::NotBlocked { .. } => "WE042",
            Self::NotClosed { .. } => "WE043",
            Self::InTheWay { .. } => "WE044",
            Self::Unavailable(e) => e.code(),
        }
    }
}
