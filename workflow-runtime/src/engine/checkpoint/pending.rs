//! What an instance waits for.

use super::Remote;
use crate::{
    activity::ActivityOptions,
    journal::{history::Failure, payload::Payload},
    machine::Completion,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An operation that has not been handed back to the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Pending {
    pub(in crate::engine) since: Timestamp,
    /// It was asked to stop.
    pub(in crate::engine) cancel: bool,
    /// Nobody waits for it any more. Only an activity whose attempt runs is kept then, and only until that ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) detached: bool,
    /// It has ended, and the machine could not take it.
    pub(in crate::engine) done: Option<Done>,
    pub(in crate::engine) what: Operation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Done {
    pub(in crate::engine) at: Timestamp,
    pub(in crate::engine) completion: Completion,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) enum Operation {
    Activity(Call),
    Timer { at: Timestamp },
    Signal { name: String, deadline: Option<Timestamp> },
    Remote(Remote),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Call {
    pub(in crate::engine) name: String,
    pub(in crate::engine) args: Payload,
    pub(in crate::engine) options: ActivityOptions,
    /// The attempt that runs, or runs next.
    pub(in crate::engine) attempt: u32,
    /// When it starts, if it waits for that.
    pub(in crate::engine) next_at: Option<Timestamp>,
    pub(in crate::engine) last: Option<Failure>,
    /// No attempt can run until the instance is retried.
    pub(in crate::engine) stuck: bool,
}

impl Pending {
    /// When it is due, as an index entry.
    pub(in crate::engine) fn due(&self) -> Option<Timestamp> {
        if self.done.is_some() || self.cancel {
            return None;
        }
        match &self.what {
            Operation::Activity(call) => call.next_at,
            Operation::Timer { at } => Some(*at),
            Operation::Signal { deadline, .. } => *deadline,
            Operation::Remote(_) => None,
        }
    }
}

/// Microseconds since 1970, rounded up: nothing is woken before it is due.
pub(in crate::engine) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond() + i64::from(at.subsec_nanosecond() % 1000 > 0)
}
