//! Messages between instances, as histories tell them.

use serde::{Deserialize, Serialize};

/// What a message to another instance says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Message {
    /// Start as my child.
    Start {
        /// Registered name of the workflow.
        workflow: String,
    },
    /// Tell me how you end.
    Watch,
    /// Take this signal.
    Signal {
        /// Its name.
        name: String,
    },
    /// Stop.
    Cancel {
        /// Why.
        reason: String,
    },
    /// End as you stand.
    Terminate {
        /// Why.
        reason: String,
    },
    /// I have ended.
    Ended,
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start { workflow } => write!(f, "start {workflow}"),
            Self::Watch => f.write_str("tell how you end"),
            Self::Signal { name } => write!(f, "signal {name}"),
            Self::Cancel { reason } => write!(f, "cancel: {reason}"),
            Self::Terminate { reason } => write!(f, "terminate: {reason}"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// Why a message came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The id is not one.
    #[error("{0}")]
    InvalidId(String),
    /// The id is taken by an instance that is not this child.
    #[error("it runs `{existing}`{}", match parent { Some(p) => format!(" as a child of `{p}`"), None => String::new() })]
    Conflict {
        /// The workflow that it runs.
        existing: String,
        /// The id of its parent, if it has one.
        parent: Option<String>,
    },
    /// The engine does not have the workflow.
    #[error("the engine was built without it")]
    UnknownWorkflow,
    /// The payload is larger than the engine takes.
    #[error("{bytes} bytes are more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// There is no such instance.
    #[error("there is no such instance")]
    NotFound,
    /// The instance runs another workflow.
    #[error("it runs `{existing}`")]
    OtherWorkflow {
        /// Which one.
        existing: String,
    },
    /// The instance has ended.
    #[error("it has ended ({state})")]
    Closed {
        /// How.
        state: String,
    },
    /// What the store has of the message, or of those before it, is damaged. Whether it was taken is not known.
    #[error("what the store has of it is damaged, and whether it was taken is not known")]
    Damaged,
}
