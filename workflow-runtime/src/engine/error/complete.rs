//! Why an activity was not completed from outside.

use super::Unavailable;
use crate::{
    journal::{
        encoding::{DecodeError, EncodeError},
        id::InvalidId,
    },
    machine::OpId,
};

/// Why a completion token could not be used. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompleteError {
    /// The token names an id that cannot be one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such instance, run, or activity call.
    #[error(
        "WE130: there is no activity call {op} of `{workflow_id}` in the run of this token; check which store it is of"
    )]
    NotFound {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
    },
    /// The run has ended.
    #[error("WE131: `{workflow_id}` has ended ({state}) and takes no result for its activity call {op}")]
    Closed {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
        /// How it has ended.
        state: &'static str,
    },
    /// The activity has its result: the first completion, a timeout or a cancellation came before.
    #[error("WE132: activity call {op} of `{workflow_id}` has ended; the first result stands, this one is not taken")]
    AlreadyCompleted {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
    },
    /// The token is of a call of another activity.
    #[error(
        "WE133: activity call {op} of `{workflow_id}` is of `{existing}`, not of `{expected}`; use the token of the right call"
    )]
    OtherActivity {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
        /// The activity that was called.
        existing: String,
        /// The activity that was named.
        expected: String,
    },
    /// This build does not have the activity, so nobody can tell whether the value is of its type.
    #[error(
        "WE134: this build has no activity `{activity}`, which `{workflow_id}` has called: use a build that links it"
    )]
    UnknownActivity {
        /// The instance.
        workflow_id: String,
        /// The activity.
        activity: String,
    },
    /// The value or error is not of the activity's type.
    #[error(
        "WE135: what was given for activity `{activity}` of `{workflow_id}` is not of its type; send what it returns"
    )]
    Mismatch {
        /// The instance.
        workflow_id: String,
        /// The activity.
        activity: String,
        /// Where and why.
        #[source]
        source: DecodeError,
    },
    /// The value cannot be encoded.
    #[error("WE136: what was given for activity call {op} of `{workflow_id}` cannot be saved")]
    Unencodable {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
        /// Where and why.
        #[source]
        source: EncodeError,
    },
    /// The value is larger than the engine takes.
    #[error(
        "WE137: what was given for activity call {op} of `{workflow_id}` has {bytes} bytes, the limit is {limit}; keep the data elsewhere and give a reference, or raise `payload_limit`"
    )]
    TooLarge {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Nobody has asked the activity to stop.
    #[error("WE138: nobody has cancelled activity call {op} of `{workflow_id}`; complete it, or fail it with an error")]
    NotCancelled {
        /// The instance.
        workflow_id: String,
        /// The operation.
        op: OpId,
    },
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl CompleteError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::NotFound { .. } => "WE130",
            Self::Closed { .. } => "WE131",
            Self::AlreadyCompleted { .. } => "WE132",
            Self::OtherActivity { .. } => "WE133",
            Self::UnknownActivity { .. } => "WE134",
            Self::Mismatch { .. } => "WE135",
            Self::Unencodable { .. } => "WE136",
            Self::TooLarge { .. } => "WE137",
            Self::NotCancelled { .. } => "WE138",
            Self::Unavailable(e) => e.code(),
        }
    }
}
