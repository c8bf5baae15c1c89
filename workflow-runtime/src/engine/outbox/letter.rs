//! A message between two instances, as it is stored with its sender.

use crate::{
    journal::{history::Message, id::RunId, payload::Payload},
    machine::{Ended, OpId},
};
use serde::{Deserialize, Serialize};

/// A message. Its number is part of the key of its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Letter {
    pub(in crate::engine) to: String,
    /// The first run of the sender: with the number it names the message.
    pub(in crate::engine) sender: RunId,
    pub(in crate::engine) body: Body,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) enum Body {
    /// Start as the sender's child.
    Start {
        workflow: String,
        input: Payload,
        /// The operation that waits for the end as well.
        watcher: Option<(RunId, OpId)>,
    },
    /// Tell this operation how you end.
    Watch { first: RunId, run: RunId, op: OpId },
    /// Take this signal.
    Signal { only: Only, name: String, payload: Payload },
    /// Stop.
    Cancel { only: Only, reason: String },
    /// End as you stand.
    Terminate { only: Only, reason: String },
    /// The sender has ended.
    Ended {
        /// Its first run.
        first: RunId,
        /// Who asked, and the answer.
        asked: Option<Asked>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Asked {
    pub(in crate::engine) run: RunId,
    pub(in crate::engine) op: OpId,
    pub(in crate::engine) ended: Ended,
}

/// Which instance under an id a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum Only {
    /// Any that runs this workflow.
    Workflow(String),
    /// The one that began with this run.
    First(RunId),
    /// The sender's child.
    Child,
}

impl Body {
    /// The message as the history tells it.
    pub(in crate::engine) fn told(&self) -> Message {
        match self {
            Body::Start { workflow, .. } => Message::Start { workflow: workflow.clone() },
            Body::Watch { .. } => Message::Watch,
            Body::Signal { name, .. } => Message::Signal { name: name.clone() },
            Body::Cancel { reason, .. } => Message::Cancel { reason: reason.clone() },
            Body::Terminate { reason, .. } => Message::Terminate { reason: reason.clone() },
            Body::Ended { .. } => Message::Ended,
        }
    }
}
