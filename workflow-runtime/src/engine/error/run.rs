//! How a run can end other than in its value.

use super::Unavailable;
use crate::journal::{
    encoding::DecodeError,
    id::{InvalidId, RunId},
};
use jiff::Timestamp;
use std::{
    error::Error,
    fmt::{self, Debug, Display},
};

/// Why a run gave no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The workflow returned this error.
    Failed(E),
    /// The workflow returned an error after it was asked to stop.
    Cancelled {
        /// The instance.
        workflow_id: String,
        /// Why it was asked to.
        reason: String,
        /// The error that it returned.
        error: E,
    },
    /// The run was ended from outside, without a step of its own.
    Terminated {
        /// The instance.
        workflow_id: String,
        /// Why.
        reason: String,
    },
    /// The run had not ended when its execution timeout was over, and was ended.
    TimedOut {
        /// The instance.
        workflow_id: String,
        /// When it was over.
        after: Timestamp,
    },
    /// The run went on as a new one; only a handle of one run is told.
    ContinuedAsNew {
        /// The instance.
        workflow_id: String,
        /// The new run.
        next: RunId,
    },
    /// There is no such instance: it was never started, or is removed.
    NotFound {
        /// The instance.
        workflow_id: String,
    },
    /// The id belongs to an instance of another workflow.
    OtherWorkflow {
        /// The instance.
        workflow_id: String,
        /// What it runs.
        existing: String,
        /// What the handle is for.
        expected: String,
    },
    /// The stored outcome is not of the handle's types.
    Undecodable {
        /// The instance.
        workflow_id: String,
        /// Where and why.
        source: DecodeError,
    },
    /// The id is not one.
    InvalidId(InvalidId),
    /// The engine could not serve the call.
    Unavailable(Unavailable),
}

impl<E> RunError<E> {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failed(_) => "WE060",
            Self::Cancelled { .. } => "WE061",
            Self::Terminated { .. } => "WE062",
            Self::TimedOut { .. } => "WE066",
            Self::ContinuedAsNew { .. } => "WE067",
            Self::NotFound { .. } => "WE063",
            Self::OtherWorkflow { .. } => "WE064",
            Self::Undecodable { .. } => "WE065",
            Self::InvalidId(e) => e.code(),
            Self::Unavailable(e) => e.code(),
        }
    }
}

impl<E> From<Unavailable> for RunError<E> {
    fn from(e: Unavailable) -> Self {
        Self::Unavailable(e)
    }
}

impl<E: Debug> Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(e) => write!(f, "WE060: the workflow failed: {e:?}"),
            Self::Cancelled { workflow_id, reason, error } => {
                write!(f, "WE061: `{workflow_id}` was cancelled ({reason}) and ended with {error:?}")
            }
            Self::Terminated { workflow_id, reason } => write!(f, "WE062: `{workflow_id}` was terminated: {reason}"),
            Self::TimedOut { workflow_id, after } => {
                write!(f, "WE066: `{workflow_id}` had not ended by {after}, when its execution timeout was over")
            }
            Self::ContinuedAsNew { workflow_id, next } => {
                write!(f, "WE067: this run of `{workflow_id}` goes on as run {next}; ask that one, or the instance")
            }
            Self::NotFound { workflow_id } => {
                write!(
                    f,
                    "WE063: there is no instance `{workflow_id}`: it was not started, or was removed since it ended; start it, or check the id and the retention"
                )
            }
            Self::OtherWorkflow { workflow_id, existing, expected } => {
                write!(f, "WE064: `{workflow_id}` runs `{existing}`, not `{expected}`; use the handle of `{existing}`")
            }
            Self::Undecodable { workflow_id, .. } => {
                write!(f, "WE065: the outcome of `{workflow_id}` does not decode; make the type read what was written")
            }
            Self::InvalidId(e) => Display::fmt(e, f),
            Self::Unavailable(e) => Display::fmt(e, f),
        }
    }
}

/// The error of the workflow is part of the message, not a source: it need not be an `Error`.
impl<E: Debug> Error for RunError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Undecodable { source, .. } => Some(source),
            Self::InvalidId(e) => e.source(),
            Self::Unavailable(e) => e.source(),
            _ => None,
        }
    }
}
