//! The record that an instance is recovered from: the frame, what it waits for, and what waits for it.

mod ended;
mod pack;
mod pending;
mod relations;
mod status;

pub(super) use ended::{Ended, Former, Listing, Response, Seen};
pub(super) use pack::{By, Large, Packed, pack, unpack};
pub(super) use pending::{Call, Deferred, Done, Operation, Pending, micros};
pub(super) use relations::{Addressed, ChildLink, Parent, Relations, Remote, Wait, Watcher};
pub use status::Status;

use crate::{
    journal::{encoding, id::RunId, key::InstanceKeys, payload::Payload},
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
    /// For how many microseconds it is kept once it has ended, if its start has said so. Some(None): for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retention: Option<Option<u64>>,
}

/// So many bytes of a checkpoint an event carries at most.
pub(super) const NOTED: usize = 8 << 20;

/// Numbers of what is due in an instance and is no operation of its workflow: they sort behind all operations.
pub(super) const BEGIN: OpId = OpId(u64::MAX);
pub(super) const EXPIRE: OpId = OpId(u64::MAX - 1);
pub(super) const RETIRE: OpId = OpId(u64::MAX - 2);
pub(super) const RETIRE_FORMER: OpId = OpId(u64::MAX - 3);

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
    #[serde(with = "crate::journal::time")]
    pub(super) started: Timestamp,
    #[serde(with = "crate::journal::time")]
    pub(super) updated: Timestamp,
    /// Steps that the machine took.
    pub(super) steps: u64,
    /// Entries of the history.
    pub(super) history: u64,
    /// The number of the entry that begins the last segment.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub(super) segment: u64,
    /// Entries before this number are gone to whoever reads.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub(super) truncated: u64,
    /// The records of entries before this number are deleted.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub(super) trimmed: u64,
    pub(super) state: State,
    /// The encoded [`Frame`] without its large slots. None before the first step, and once the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) frame: Option<Payload>,
    /// The large slots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) large: Vec<Large>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) pending: BTreeMap<OpId, Pending>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) inbox: BTreeMap<String, Inbox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cancel: Option<CancelRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Payload>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Relations::is_empty")]
    pub(super) relations: Relations,
    /// Before this time it takes no step; for a start that was delayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begins: Option<Timestamp>,
    /// The chain ends then, whatever it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<Timestamp>,
    /// For how many microseconds it is kept once it has ended. None: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retention: Option<u64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) closed: Option<Timestamp>,
    /// When it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retire: Option<Timestamp>,
    /// Its removal has begun: to everybody else it is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) removing: bool,
    /// Runs under the same id that ended before, the oldest that is to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) former: Option<Former>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    Running,
    Blocked(Reason),
    Closed(Closed),
    Terminated {
        reason: String,
    },
    /// The run goes on as a new one.
    Continued {
        next: RunId,
    },
    /// The chain of runs had no more time.
    TimedOut {
        after: Timestamp,
    },
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
pub(in crate::engine) struct CancelRequest {
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
            segment: 0,
            truncated: 0,
            trimmed: 0,
            state: State::Running,
            frame: None,
            large: vec![],
            pending: BTreeMap::new(),
            inbox: BTreeMap::new(),
            cancel: None,
            status: None,
            tags: BTreeMap::new(),
            relations: Relations::default(),
            begins: None,
            expires: None,
            retention: None,
            closed: None,
            retire: None,
            removing: false,
            former: None,
        }
    }

    /// The run with which the chain of runs began: who is meant by a handle, and who has sent a message.
    pub(super) fn first_run(&self) -> RunId {
        self.relations.first.unwrap_or(self.run)
    }

    pub(super) fn is_closed(&self) -> bool {
        !matches!(self.state, State::Running | State::Blocked(_))
    }

    /// What it waits for, and what it has been told: all but the frame, as the history notes it. `None`: it is too much, beside what else
    /// an event carries.
    pub(super) fn without_frame(&self, beside: usize) -> Option<Payload> {
        let state = Checkpoint { frame: None, large: vec![], ..self.clone() };
        Payload::encode(&state).ok().filter(|state| state.len() + beside <= NOTED)
    }

    /// Records of entries that are gone are left.
    pub(super) fn is_to_be_trimmed(&self) -> bool {
        self.trimmed < self.truncated
    }

    /// It waits for the time of its first step.
    pub(super) fn is_scheduled(&self) -> bool {
        self.begins.is_some() && self.steps == 0 && matches!(self.state, State::Running)
    }

    /// The number of the next revision's state in listings.
    pub(super) fn status(&self) -> Status {
        match &self.state {
            State::Running if self.is_scheduled() => Status::Scheduled,
            State::Running => Status::Running,
            State::Blocked(_) => Status::Blocked,
            State::Closed(Closed::Completed(_)) => Status::Completed,
            State::Closed(Closed::Failed { .. }) => Status::Failed,
            State::Closed(Closed::Cancelled { .. }) => Status::Cancelled,
            State::Terminated { .. } => Status::Terminated,
            State::Continued { .. } => Status::Continued,
            State::TimedOut { .. } => Status::TimedOut,
        }
    }

    /// What is due when.
    pub(super) fn due(&self) -> BTreeSet<(i64, OpId)> {
        let chores = self.chores().into_iter().filter_map(|(op, at)| Some((micros(at?), op)));
        let operations = self.pending.iter().filter(|_| !self.is_closed());
        operations.flat_map(|(op, p)| p.due().map(|at| (micros(at), *op))).chain(chores).collect()
    }

    /// Whether the same is due in both states, found without sorting it where no operation is due, as in most steps.
    pub(super) fn is_due_as(&self, other: &Self) -> bool {
        let waits = |c: &Self| c.pending.values().any(|p| p.due().next().is_some());
        if waits(self) || waits(other) { self.due() == other.due() } else { self.chores() == other.chores() }
    }

    /// What the engine has to do by itself, and when.
    pub(super) fn chores(&self) -> [(OpId, Option<Timestamp>); 4] {
        let open = !self.is_closed();
        [
            (BEGIN, self.begins.filter(|_| self.is_scheduled())),
            (EXPIRE, self.expires.filter(|_| open)),
            // What it has to tell others is told first.
            (RETIRE, self.retire.filter(|_| self.relations.outbox.open.is_empty())),
            (RETIRE_FORMER, self.former.as_ref().and_then(|f| f.retire)),
        ]
    }

    /// Whether the instance must be looked at when the store is opened, whatever the time.
    fn is_ready(&self) -> bool {
        if !self.relations.outbox.open.is_empty() || self.is_to_be_trimmed() {
            return true;
        }
        match self.state {
            State::Closed(_) | State::Terminated { .. } | State::TimedOut { .. } | State::Continued { .. } => false,
            State::Blocked(_) => true,
            State::Running if self.is_scheduled() => false,
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
        if let (Operation::Group(g), None) = (&pending.what, &pending.done) {
            return g.running > 0 || (g.listening > 0 && self.inbox.values().any(|i| !i.is_empty()));
        }
        match &pending.what {
            _ if pending.done.is_some() => true,
            Operation::Remote(remote) => pending.cancel && !remote.outlives_cancel(&self.relations.children),
            _ if pending.cancel => true,
            Operation::Activity(call) => call.next_at.is_none() && call.deferred.is_none(),
            Operation::Timer { .. } | Operation::Group(_) => false,
            Operation::Signal { name, .. } => self.inbox.get(name).is_some_and(|i| !i.is_empty()),
        }
    }

    /// Whether the instance has the same index entries in both states, found without making them.
    pub(super) fn is_indexed_as(&self, other: &Self) -> bool {
        let plain = |c: &Self| (c.run, c.closed, c.started, c.status(), c.removing, c.is_ready());
        plain(self) == plain(other)
            && self.workflow == other.workflow
            && self.tags == other.tags
            && self.relations.parent == other.relations.parent
            && self.is_due_as(other)
    }

    /// All index entries that the instance has in this state.
    pub(super) fn index(&self, keys: &InstanceKeys) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let due = self.due().into_iter().map(|(due, op)| keys.timer(due, op.0));
        let mut index: BTreeMap<_, _> = due.map(|key| (key, vec![])).collect();
        if self.is_ready() {
            index.insert(keys.ready(), vec![]);
        }
        if self.removing {
            return index;
        }
        let started = micros(self.started);
        let listing = Listing { run: self.run, closed: self.closed };
        // Two ids and a time always encode; an entry without them is read from the checkpoint.
        let listing = encoding::encode(&listing).unwrap_or_default();
        index.insert(keys.listing(&self.workflow, self.status() as u8, started), listing);
        index.extend(self.relations.parent.as_ref().map(|p| (keys.tagged(PARENT, &p.id, started), vec![])));
        index.extend(self.tags.iter().map(|(key, value)| (keys.tagged(key, value, started), vec![])));
        index
    }
}
