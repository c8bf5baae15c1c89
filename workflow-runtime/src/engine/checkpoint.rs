//! The record that an instance is recovered from: the frame, what it waits for, and what waits for it.

use crate::{
    activity::ActivityOptions,
    journal::{
        encoding::{DecodeError, EncodeError},
        history::Failure,
        id::RunId,
        key::InstanceKeys,
        payload::Payload,
    },
    machine::{Activation, Closed, Completion, Frame, OpId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use workflow_definition::Fingerprint;

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

/// A slot in a record of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Large {
    /// Where the activation is in the frame, and the slot's key.
    pub(super) name: String,
    pub(super) hash: u64,
    pub(super) len: u64,
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

/// An operation that has not been handed back to the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) since: Timestamp,
    /// It was asked to stop.
    pub(super) cancel: bool,
    /// It has ended, and the machine could not take it.
    pub(super) done: Option<Done>,
    pub(super) what: Operation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) at: Timestamp,
    pub(super) completion: Completion,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Operation {
    Activity(Call),
    Timer { at: Timestamp },
    Signal { name: String, deadline: Option<Timestamp> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) args: Payload,
    pub(super) options: ActivityOptions,
    /// The attempt that runs, or runs next.
    pub(super) attempt: u32,
    /// When it starts, if it waits for that.
    pub(super) next_at: Option<Timestamp>,
    pub(super) last: Option<Failure>,
    /// No attempt can run until the instance is retried.
    pub(super) stuck: bool,
}

impl Pending {
    /// When it is due, as an index entry.
    pub(super) fn due(&self) -> Option<Timestamp> {
        if self.done.is_some() || self.cancel {
            return None;
        }
        match &self.what {
            Operation::Activity(call) => call.next_at,
            Operation::Timer { at } => Some(*at),
            Operation::Signal { deadline, .. } => *deadline,
        }
    }
}

/// Microseconds since 1970, rounded up: nothing is woken before it is due.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond() + i64::from(at.subsec_nanosecond() % 1000 > 0)
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
        }
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
        if pending.done.is_some() || pending.cancel {
            return true;
        }
        match &pending.what {
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
        index.extend(self.tags.iter().map(|(key, value)| keys.tagged(key, value)));
        index
    }
}

/// The state of an instance, as listings know it. The numbers are part of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[repr(u8)]
pub enum Status {
    /// It runs or waits.
    Running = 1,
    /// It cannot go on by itself.
    Blocked = 2,
    /// It returned a value.
    Completed = 3,
    /// It returned an error.
    Failed = 4,
    /// It returned an error after it was asked to stop.
    Cancelled = 5,
    /// It was ended from outside.
    Terminated = 6,
}

impl Status {
    /// The status with this number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        use Status::*;
        [Running, Blocked, Completed, Failed, Cancelled, Terminated].into_iter().find(|s| *s as u8 == number)
    }

    /// For people: `running`, `blocked`, ..
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
        }
    }

    /// True if the run has ended.
    pub fn is_closed(self) -> bool {
        !matches!(self, Self::Running | Self::Blocked)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Slots above this many bytes are records of their own.
const LARGE: usize = 1024;

/// A frame as it is stored.
pub(super) struct Packed {
    pub(super) frame: Payload,
    pub(super) large: Vec<(Large, Payload)>,
    pub(super) hash: u64,
}

/// Encodes a frame, its large slots apart.
pub(super) fn pack(mut frame: Frame) -> Result<Packed, EncodeError> {
    let mut large = vec![];
    walk(&mut frame.root, "", &mut |place, slots| {
        let names: Vec<_> = slots.iter().filter(|(_, p)| p.len() > LARGE).map(|(n, _)| n.clone()).collect();
        for name in names {
            if let Some(payload) = slots.remove(&name) {
                let name = format!("{place}{name}");
                large.push((Large { name, hash: payload.hash64(), len: payload.len() as u64 }, payload));
            }
        }
    });
    let frame = Payload::encode(&frame)?;
    let hash = large.iter().fold(frame.hash64(), |h, (l, _)| h.rotate_left(1) ^ l.hash);
    Ok(Packed { frame, large, hash })
}

/// Decodes a frame and puts its large slots back.
pub(super) fn unpack(frame: &Payload, mut large: BTreeMap<String, Payload>) -> Result<Frame, DecodeError> {
    let mut frame: Frame = frame.decode()?;
    walk(&mut frame.root, "", &mut |place, slots| {
        let here: Vec<_> =
            large.keys().filter(|n| n.strip_prefix(place).is_some_and(|rest| !rest.contains('/'))).cloned().collect();
        for name in here {
            if let Some(payload) = large.remove(&name) {
                slots.insert(name[place.len()..].to_owned(), payload);
            }
        }
    });
    Ok(frame)
}

/// Visits the slots of an activation and of its helpers. The name of a helper's place is the thread that awaits it.
fn walk(activation: &mut Activation, place: &str, f: &mut dyn FnMut(&str, &mut BTreeMap<String, Payload>)) {
    f(place, &mut activation.slots);
    for (i, thread) in activation.threads.iter_mut().enumerate() {
        if let Some(helper) = &mut thread.helper {
            walk(helper, &format!("{place}{i}/"), f);
        }
    }
}

/// The definitions that wrote the activations of a frame.
pub(super) fn definitions(activation: &Activation, into: &mut BTreeSet<Fingerprint>) {
    into.insert(activation.definition);
    for helper in activation.threads.iter().filter_map(|t| t.helper.as_ref()) {
        definitions(helper, into);
    }
}
