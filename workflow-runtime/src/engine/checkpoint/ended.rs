//! What is kept beside the checkpoint: runs that have ended, ids that were seen, answers, entries of listings.

use super::{Checkpoint, State};
use crate::journal::{id::RunId, payload::Payload};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run that has ended, and another one has begun under its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Ended {
    pub(in crate::engine) run: RunId,
    pub(in crate::engine) workflow: String,
    pub(in crate::engine) chain: RunId,
    pub(in crate::engine) started: Timestamp,
    pub(in crate::engine) updated: Timestamp,
    pub(in crate::engine) closed: Timestamp,
    pub(in crate::engine) steps: u64,
    pub(in crate::engine) history: u64,
    pub(in crate::engine) state: State,
    pub(in crate::engine) status: Option<Payload>,
    pub(in crate::engine) tags: BTreeMap<String, String>,
    pub(in crate::engine) cancel: Option<super::CancelRequest>,
    /// When its records are removed. None: with the id.
    pub(in crate::engine) retire: Option<Timestamp>,
    /// The run that began then.
    pub(in crate::engine) next: RunId,
    /// The run that it continued.
    #[serde(default)]
    pub(in crate::engine) previous: Option<RunId>,
    /// The first entry of its history that there is.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub(in crate::engine) truncated: u64,
}

impl Ended {
    pub(in crate::engine) fn of(c: &Checkpoint, now: Timestamp, next: RunId) -> Self {
        Ended {
            run: c.run,
            workflow: c.workflow.clone(),
            chain: c.first_run(),
            started: c.started,
            updated: c.updated,
            closed: c.closed.unwrap_or(now),
            steps: c.steps,
            history: c.history,
            state: c.state.clone(),
            status: c.status.clone(),
            tags: c.tags.clone(),
            cancel: c.cancel.clone(),
            retire: c.retire,
            next,
            previous: c.relations.previous,
            truncated: c.truncated,
        }
    }

    /// As a checkpoint, for those who read one.
    pub(in crate::engine) fn into_checkpoint(self) -> Checkpoint {
        let mut c = Checkpoint::start(self.run, self.workflow, self.started);
        (c.updated, c.closed, c.retire) = (self.updated, Some(self.closed), self.retire);
        (c.relations.first, c.relations.previous) = (Some(self.chain), self.previous);
        (c.steps, c.history, c.state) = (self.steps, self.history, self.state);
        (c.truncated, c.trimmed) = (self.truncated, self.truncated);
        (c.status, c.tags, c.cancel) = (self.status, self.tags, self.cancel);
        c
    }
}

/// The oldest run under an id whose records are to be removed before those of the newest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Former {
    pub(in crate::engine) run: RunId,
    pub(in crate::engine) retire: Option<Timestamp>,
}

/// What an entry of the listing says beside its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Listing {
    pub(in crate::engine) run: RunId,
    pub(in crate::engine) closed: Option<Timestamp>,
}

/// What is known of an id that a client gave to a signal or an update, for as long as the chain of runs lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Seen {
    pub(in crate::engine) chain: RunId,
    /// Its number among the messages of its name.
    pub(in crate::engine) seq: u64,
    /// What an update was answered.
    pub(in crate::engine) answer: Option<Response>,
}

/// How an update was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) enum Response {
    Value(Payload),
    Rejected(String),
}
