//! Why an update gave no response.

use super::Unavailable;
use crate::journal::{
    encoding::{DecodeError, EncodeError},
    id::InvalidId,
};

/// Why an update gave no response.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The workflow rejected the request, or could not read it.
    #[error("WE080: `{workflow_id}` rejected `{update}`: {reason}")]
    Rejected {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// What the workflow said.
        reason: String,
    },
    /// There is no such instance.
    #[error("WE081: there is no instance `{workflow_id}` to answer `{update}`; start it first, or check the id")]
    NotFound {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
    },
    /// The instance had ended before the request came.
    #[error("WE082: `{workflow_id}` has ended ({state}) and does not answer `{update}`; start a new instance")]
    Closed {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// How it has ended.
        state: &'static str,
    },
    /// The instance took the request and ended without an answer.
    #[error(
        "WE083: `{workflow_id}` has ended ({state}) without an answer to `{update}`; look at its history for what became of the request"
    )]
    Unanswered {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// How it has ended.
        state: &'static str,
    },
    /// The request cannot be encoded.
    #[error("WE084: the request `{update}` to `{workflow_id}` cannot be saved")]
    Unencodable {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// Where and why.
        #[source]
        source: EncodeError,
    },
    /// The request is larger than the engine takes.
    #[error(
        "WE085: the request `{update}` to `{workflow_id}` has {bytes} bytes, the limit is {limit}; keep the data elsewhere and send a reference, or raise `payload_limit`"
    )]
    TooLarge {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The stored response is not of the update's type.
    #[error(
        "WE086: the response of `{workflow_id}` to `{update}` does not decode; make the type read what was written"
    )]
    Undecodable {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// Where and why.
        #[source]
        source: DecodeError,
    },
    /// The workflow takes its messages more slowly than they come. Nothing has happened.
    #[error(
        "WE087: {buffered} messages wait in the inbox of `{workflow_id}`, which takes no more; ask for `{update}` again after a pause, or raise `inbox_limit`"
    )]
    InboxFull {
        /// The instance.
        workflow_id: String,
        /// The update.
        update: String,
        /// How many messages wait, of all names.
        buffered: u64,
    },
    /// The id of the instance, the name of the update or the id of the request is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// The engine could not serve the call. Ask again with the same id: a request that was taken is not taken twice.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl UpdateError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected { .. } => "WE080",
            Self::NotFound { .. } => "WE081",
            Self::Closed { .. } => "WE082",
            Self::Unanswered { .. } => "WE083",
            Self::Unencodable { .. } => "WE084",
            Self::TooLarge { .. } => "WE085",
            Self::Undecodable { .. } => "WE086",
            Self::InboxFull { .. } => "WE087",
            Self::InvalidId(e) => e.code(),
            Self::Unavailable(e) => e.code(),
        }
    }
}
