//! The history of a run: what went in, and notes about it. For people and for verification; recovery does not read it.

pub use super::message::{Message, Refused};
mod event;

pub use event::Event;
pub(crate) use event::split;

use super::{encoding, payload::Payload};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use workflow_definition::Fingerprint;

/// What one commit adds to the history of a run. A commit with very much to tell adds several, of which the last one says
/// which steps were taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the history, from 0, without gaps.
    pub seq: u64,
    /// The revision of the instance that this commit made.
    pub revision: u64,
    /// The time of the commit decision: what `now()` was in the step, if there was one.
    #[serde(with = "super::time")]
    pub time: Timestamp,
    /// The number of the last step, from 1, if the machine took any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// What the machine took, one for each step, in order. Its first step has the number `step - inputs.len() + 1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Taken>,
    /// A hash of the frame behind the last step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// The definition that took the steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Fingerprint>,
    /// The definitions of the inline helpers that waited behind one of the steps. Earlier builds did not record them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helpers: Vec<Fingerprint>,
    /// What happened: inputs, and what the steps decided.
    pub events: Vec<Event>,
}

/// What a step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Taken {
    /// The input of the run.
    Start,
    /// The request to stop.
    Cancel,
    /// The end of the operation with this number. How it ended is in an event of this entry or of one before.
    Operation(u64),
}
/// How an activity ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ending {
    /// With a value.
    Value(Payload),
    /// With its error.
    Failed(Payload),
    /// It took too long.
    TimedOut(Timeout),
    /// Its last attempt panicked.
    Panicked(String),
    /// It was cancelled.
    Cancelled,
    /// With something that could not be kept, after it had been detached.
    Unusable(String),
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// The activity returned this error.
    Error(Payload),
    /// It took too long.
    TimedOut(Timeout),
    /// It panicked with this message.
    Panicked(String),
}

/// Which limit of an activity has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Timeout {
    /// `timeout`: one attempt ran for too long (start to close).
    Attempt,
    /// `heartbeat`: an attempt was silent for too long.
    Heartbeat,
    /// `schedule_to_start`: an attempt waited in its queue for too long.
    Start,
    /// `total_timeout`: all attempts together took too long (schedule to close).
    Total,
}

impl Timeout {
    /// The attribute that sets it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "timeout",
            Self::Heartbeat => "heartbeat",
            Self::Start => "schedule_to_start",
            Self::Total => "total_timeout",
        }
    }
}

impl std::fmt::Display for Timeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(e) => write!(f, "{}", e.to_json()),
            Self::TimedOut(which) => write!(f, "timed out ({which})"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// With a value.
    Completed(Payload),
    /// With its error.
    Failed(Payload),
    /// With its error after somebody asked it to stop.
    Cancelled {
        /// Why it was asked to.
        reason: String,
        /// The error.
        error: Payload,
    },
    /// From outside.
    Terminated {
        /// Why.
        reason: String,
    },
    /// By its execution timeout.
    TimedOut {
        /// When it was over.
        after: Timestamp,
    },
}

impl Entry {
    /// An entry without a step.
    pub(crate) fn of(seq: u64, revision: u64, time: Timestamp, events: Vec<Event>) -> Self {
        Entry {
            seq,
            revision,
            time,
            step: None,
            inputs: vec![],
            frame: None,
            definition: None,
            helpers: vec![],
            events,
        }
    }

    /// The definitions that it refers to.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = Fingerprint> {
        let checkpoint = self.events.iter().find_map(|event| match event {
            Event::Checkpointed { by, helpers, .. } => Some(std::iter::once(*by).chain(helpers.iter().copied())),
            _ => None,
        });
        self.definition.into_iter().chain(self.helpers.iter().copied()).chain(checkpoint.into_iter().flatten())
    }

    /// The stored form.
    ///
    /// # Errors
    ///
    /// As [`encoding::encode`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, encoding::EncodeError> {
        encoding::encode(self)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// The bytes are of a form that this build does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, encoding::DecodeError> {
        encoding::decode(bytes)
    }
}
