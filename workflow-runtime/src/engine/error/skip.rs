//! Why a compensation was not skipped.

use super::Unavailable;
use crate::{journal::id::InvalidId, machine::OpId};

/// Why a compensation was not skipped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SkipError {
    /// The id is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such instance.
    #[error("WE070: there is no instance `{workflow_id}` to skip a compensation of; check the id")]
    NotFound {
        /// The instance.
        workflow_id: String,
    },
    /// The instance has ended.
    #[error("WE071: `{workflow_id}` has ended ({state}), there is nothing to skip; its result stands")]
    Closed {
        /// The instance.
        workflow_id: String,
        /// How it has ended.
        state: &'static str,
    },
    /// No compensation runs, or not this one.
    #[error(
        "WE072: `{workflow_id}` runs no {}; see `compensating` in its status for what it undoes now",
        op.map_or_else(|| "compensation".to_owned(), |op| format!("compensation with the number {op}"))
    )]
    NotCompensating {
        /// The instance.
        workflow_id: String,
        /// The operation that was to be skipped.
        op: Option<OpId>,
    },
    /// Several compensations run at once.
    #[error(
        "WE073: `{workflow_id}` runs {} compensations at once ({}); say which one with `skip_compensation_of(op, reason)`",
        ops.len(),
        ops.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Several {
        /// The instance.
        workflow_id: String,
        /// Their operations.
        ops: Vec<OpId>,
    },
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl SkipError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::NotFound { .. } => "WE070",
            Self::Closed { .. } => "WE071",
            Self::NotCompensating { .. } => "WE072",
            Self::Several { .. } => "WE073",
            Self::Unavailable(e) => e.code(),
        }
    }
}
