//! The record that an instance is recovered from: the frame, what it waits for, and what waits for it.

mod pack;
mod pending;
mod relations;
mod status;

pub(super) use pack::{Large, Packed, definitions, pack, unpack};
pub(super) use pending::{Call, Done, Operation, Pending, micros};
pub(super) use relations::{Addressed, ChildLink, Parent, Relations, Remote, Wait, Watcher};
pub use status::Status;

use crate::{
    journal::{id::RunId, key::InstanceKeys, payload::Payload},
    machine::{Closed, OpId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use workflow_definition::Fingerprint;

/// The tag under which a child stands in the index of its parent. No workflow can set one with a control character.
pub(super) const PARENT: &str = "\u{1}parent";

/// How a run was started. Written once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StartRecord {
    pub(super) workflow: String,
    pub(super) input: Payload,
    pub(super) at: Timestamp,
    pub(super) definition: Fingerprint,
}

/// A buffered signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SignalRecord {
    pub(super) payload: Payload,
    pub(super) received: Timestamp,
}

/// An instance between two commits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) run: RunId,
    pub(super) workflow: String,
    pub(super) started: Timestamp,
    pub(super) updated: Timestamp,
    /// Steps that the machine took.
    pub(super) steps: u64,
    /// Entries of the history.
    pub(super) history: u64,
    pub(super) state: State,
    /// The encoded [`Frame`] without its large slots. None before the first step, and once the run has ended.
    pub(super) frame: Option<Payload>,
    /// The large slots.
    pub(super) large: Vec<Large>,
    pub(super) pending: BTreeMap<OpId, Pending>,
    pub(super) inbox: BTreeMap<String, Inbox>,
    pub(super) cancel: Option<CancelRequest>,
    pub(super) status: Option<Payload>,
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub(super) relations: Relations,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    Running,
    Blocked(Reason),
    Closed(Closed),
    Terminated { reason: String },
}

/// Why an instance cannot go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The stable code.
    pub code: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Signals of one name: those from `first` up to `next` are buffered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Inbox {
    pub(super) first: u64,
    pub(super) next: u64,
}

impl Inbox {
    pub(super) fn is_empty(self) -> bool {
        self.first == self.next
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CancelRequest {
    pub(super) reason: String,
    pub(super) at: Timestamp,
    pub(super) delivered: bool,
}

impl Checkpoint {
    pub(super) fn start(run: RunId, workflow: String, now: Timestamp) -> Self {
        Checkpoint {
            run,
            workflow,
            started: now,
            updated: now,
            steps: 0,
            history: 0,
            state: State::Running,
            frame: None,
            large: vec![],
            pending: BTreeMap::new(),
            inbox: BTreeMap::new(),
            cancel: None,
            status: None,
            tags: BTreeMap::new(),
            relations: Relations::default(),
        }
    }

    /// The run with which the chain of runs began: who is meant by a handle, and who has sent a message.
    pub(super) fn first_run(&self) -> RunId {
        self.relations.first.unwrap_or(self.run)
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_) | State::Terminated { .. })
    }

    /// The number of the next revision's state in listings.
    pub(super) fn status(&self) -> Status {
        match &self.state {
            State::Running => Status::Running,
            State::Blocked(_) => Status::Blocked,
            State::Closed(Closed::Completed(_)) => Status::Completed,
            State::Closed(Closed::Failed { .. }) => Status::Failed,
            State::Closed(Closed::Cancelled { .. }) => Status::Cancelled,
            State::Terminated { .. } => Status::Terminated,
        }
    }

    /// What is due when.
    pub(super) fn due(&self) -> BTreeSet<(i64, OpId)> {
        if self.is_closed() {
            return BTreeSet::new();
        }
        self.pending.iter().filter_map(|(op, p)| Some((micros(p.due()?), *op))).collect()
    }

    /// Whether the instance must be looked at when the store is opened, whatever the time.
    fn is_ready(&self) -> bool {
        if !self.relations.outbox.open.is_empty() {
            return true;
        }
        match self.state {
            State::Closed(_) | State::Terminated { .. } => false,
            State::Blocked(_) => true,
            State::Running => {
                self.steps == 0
                    || self.cancel.as_ref().is_some_and(|c| !c.delivered)
                    || self.pending.values().any(|p| self.operation_is_ready(p))
            }
        }
    }

    fn operation_is_ready(&self, pending: &Pending) -> bool {
        if pending.detached {
            // Its attempt has died with the process, and nobody asks for another one.
            return false;
        }
        match &pending.what {
            _ if pending.done.is_some() => true,
            Operation::Remote(remote) => pending.cancel && !remote.outlives_cancel(&self.relations.children),
            _ if pending.cancel => true,
            Operation::Activity(call) => call.next_at.is_none(),
            Operation::Timer { .. } => false,
            Operation::Signal { name, .. } => self.inbox.get(name).is_some_and(|i| !i.is_empty()),
        }
    }

    /// The keys of all index entries that the instance has in this state.
    pub(super) fn index(&self, keys: &InstanceKeys) -> BTreeSet<Vec<u8>> {
        let mut index: BTreeSet<_> = self.due().into_iter().map(|(due, op)| keys.timer(due, op.0)).collect();
        if self.is_ready() {
            index.insert(keys.ready());
        }
        index.insert(keys.listing(&self.workflow, self.status() as u8));
        index.extend(self.relations.parent.as_ref().map(|p| keys.tagged(PARENT, &p.id)));
        index.extend(self.tags.iter().map(|(key, value)| keys.tagged(key, value)));
        index
    }
}
