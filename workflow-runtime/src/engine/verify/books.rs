//! What an instance waits for and has been told, kept from its history as the engine has kept it in its checkpoint.
//!
//! What steps decide comes from the steps, which are taken again; all else comes from events. Members of groups are not kept here: they
//! have records of their own.

use crate::{
    engine::checkpoint::{
        Addressed, Call, CancelRequest, Checkpoint, ChildLink, Deferred, Done, Operation, Parent, Pending, Reason,
        State, Wait,
    },
    journal::{
        history::{Entry, Event, Message},
        id::RunId,
        payload::Payload,
    },
    machine::{Ask, Command, Completion, OpId},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use workflow_definition::Fingerprint;

/// Why the books are not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Gap {
    /// Other definitions have taken steps since the segment began.
    Steps(Vec<Fingerprint>),
    /// An earlier build did not note what the segment begins with.
    Begin,
}

/// The books of a run.
pub(in crate::engine) struct Books {
    /// Without its frame.
    pub(in crate::engine) checkpoint: Checkpoint,
    /// The number of the entry with which the segment begins.
    pub(in crate::engine) from: u64,
    pub(in crate::engine) gap: Option<Gap>,
    /// How many segments have begun, after the first.
    pub(in crate::engine) segments: u64,
    /// What the run has been told before the segment is in `checkpoint`, all of it.
    pub(in crate::engine) stated: bool,
    /// The frame with which the segment begins, as long as no step has followed.
    pub(in crate::engine) parked: Option<Payload>,
    /// The number of the next message to another instance.
    pub(in crate::engine) next_message: u64,
    /// Messages that are looked for.
    pub(in crate::engine) looked_for: BTreeSet<u64>,
    /// Of these, those that the run has sent, and the operations that wait for their answers.
    pub(in crate::engine) sent: BTreeMap<u64, Option<OpId>>,
    /// Messages that nobody was known to have taken when the segment began.
    pub(in crate::engine) opened: BTreeMap<u64, Addressed>,
    /// Who has asked how the run ends.
    pub(in crate::engine) watching: BTreeSet<String>,
    /// Members of groups whose turn has not come.
    pub(super) turns: BTreeMap<OpId, Command>,
}

impl Books {
    pub(super) fn new(checkpoint: Checkpoint) -> Self {
        Books {
            checkpoint,
            from: 0,
            gap: None,
            segments: 0,
            stated: false,
            parked: None,
            next_message: 0,
            looked_for: BTreeSet::new(),
            sent: BTreeMap::new(),
            opened: BTreeMap::new(),
            watching: BTreeSet::new(),
            turns: BTreeMap::new(),
        }
    }

    /// A segment begins with this state. `None`: nobody noted it.
    pub(super) fn begin(&mut self, from: u64, state: Option<&Payload>) {
        self.from = from;
        match state.and_then(|state| state.decode::<Checkpoint>().ok()) {
            Some(checkpoint) => {
                (self.gap, self.stated, self.segments) = (None, true, self.segments + 1);
                self.next_message = self.next_message.max(checkpoint.relations.outbox.next);
                self.opened.clone_from(&checkpoint.relations.outbox.open);
                self.checkpoint = checkpoint;
            }
            None => self.gap = Some(Gap::Begin),
        }
    }

    /// Steps were taken that this build cannot take again.
    pub(super) fn lose(&mut self, by: Vec<Fingerprint>) {
        self.parked = None;
        match &mut self.gap {
            Some(Gap::Steps(known)) => known.extend(by.into_iter().filter(|f| !known.contains(f)).collect::<Vec<_>>()),
            Some(Gap::Begin) => {}
            gap @ None => *gap = Some(Gap::Steps(by)),
        }
    }

    /// Keeps what an entry says that no step has decided. The ends of operations, and what is in the inbox, are told apart.
    pub(super) fn note(&mut self, entry: &Entry) {
        let c = &mut self.checkpoint;
        c.updated = c.updated.max(entry.time);
        for event in &entry.events {
            match event {
                Event::CancelRequested { reason } if self.checkpoint.cancel.is_none() => {
                    let (reason, at) = (reason.clone(), entry.time);
                    self.checkpoint.cancel = Some(CancelRequest { reason, at, delivered: false });
                }
                Event::Blocked { code, message } => {
                    let (code, message) = (code.clone(), message.clone());
                    self.checkpoint.state = State::Blocked(Reason { code, message });
                }
                Event::Unblocked => self.checkpoint.state = State::Running,
                Event::TaggedAtStart { key, value } => drop(self.checkpoint.tags.insert(key.clone(), value.clone())),
                Event::Delayed { until } => self.checkpoint.begins = Some(*until),
                Event::CompensationSkipped { op, .. } => {
                    if let Some(p) = self.checkpoint.pending.get_mut(&OpId(*op)) {
                        p.cancel = true;
                    }
                }
                Event::ChildStarted { .. } | Event::ChildEnded { .. } | Event::MessageRefused { .. } => {
                    self.child(event);
                }
                Event::MessageReceived { from, sender, message, .. } => self.received(from, *sender, message),
                Event::MessageSent { op, seq, .. } => self.sent(op.map(OpId), *seq),
                _ => self.attempt(event, entry.time),
            }
        }
    }

    fn call(&mut self, op: u64) -> Option<(&mut Call, bool)> {
        let Pending { what, cancel, .. } = self.checkpoint.pending.get_mut(&OpId(op))?;
        match what {
            Operation::Activity(call) => Some((Arc::make_mut(call), *cancel)),
            _ => None,
        }
    }

    /// What became of an attempt.
    fn attempt(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::AttemptFailed { op, attempt, failure, next } => {
                let Some((call, _)) = self.call(*op) else { return };
                (call.attempt, call.lost) = (attempt.saturating_add(1), 0);
                (call.next_at, call.last, call.deferred) = (Some(*next), Some(failure.clone()), None);
            }
            Event::Heartbeat { op, progress, .. } => {
                let Some((call, _)) = self.call(*op) else { return };
                call.progress = Some(progress.clone());
                if let Some(deferred) = &mut call.deferred {
                    deferred.beat = now;
                }
            }
            Event::Deferred { op, .. } => {
                let Some((call, asked)) = self.call(*op) else { return };
                call.deferred = Some(Deferred { since: now, beat: now, stop_at: None });
                call.next_at = None;
                if asked {
                    call.stop_deferred(now);
                }
            }
            Event::Lost { op, attempt } => {
                if self.checkpoint.pending.get(&OpId(*op)).is_some_and(|p| p.detached) {
                    self.checkpoint.pending.remove(&OpId(*op));
                }
                let Some((call, _)) = self.call(*op) else { return };
                // Whether its process died of it is not told: it is not held against it.
                (call.attempt, call.next_at) = (attempt.saturating_add(1), None);
                call.excused = call.excused.saturating_add(1);
            }
            _ => {}
        }
    }

    fn received(&mut self, from: &str, sender: RunId, message: &Message) {
        if let Message::Start { .. } = message {
            let parent = Parent { id: from.to_owned(), first: sender };
            self.checkpoint.relations.parent.get_or_insert(parent);
        }
        if let Message::Start { .. } | Message::Watch = message {
            self.watching.insert(from.to_owned());
        }
    }

    fn sent(&mut self, op: Option<OpId>, seq: u64) {
        self.next_message = self.next_message.max(seq + 1);
        if self.looked_for.contains(&seq) {
            self.sent.insert(seq, op);
        }
        let Some(op) = op else { return };
        // The turn of a member has come, and no step has said so.
        if let Some(Command::Remote { target, ask: Ask::Start { close, .. }, .. }) = self.turns.remove(&op) {
            let link = ChildLink { workflow: target.workflow, close, first: None };
            self.checkpoint.relations.children.entry(target.id).or_insert(link);
        }
    }

    /// What is known of a child.
    fn child(&mut self, event: &Event) {
        let Checkpoint { pending, relations, .. } = &mut self.checkpoint;
        let children = &mut relations.children;
        match event {
            Event::ChildStarted { id, run, .. } => {
                if let Some(link) = children.get_mut(id) {
                    link.first = Some(*run);
                }
            }
            Event::ChildEnded { op, id, .. } => {
                let waits = op.and_then(|op| pending.get(&OpId(op))).map(|p| &p.what);
                let looked_at = match waits {
                    Some(Operation::Remote(remote)) => match remote.wait {
                        Wait::Result { first, .. } => Some(first),
                        _ => None,
                    },
                    _ => None,
                };
                let known = children.get(id).and_then(|link| link.first);
                // It may be another instance, of the same id, that somebody has looked at.
                if !matches!((looked_at, known), (Some(first), Some(known)) if first != known) {
                    children.remove(id);
                }
            }
            Event::MessageRefused { id, .. } if children.get(id).is_some_and(|link| link.first.is_none()) => {
                children.remove(id);
            }
            _ => {}
        }
    }

    /// An operation has ended; or a child has only started that is waited for.
    pub(super) fn end(&mut self, op: u64, completion: &Completion, at: Timestamp) {
        let op = OpId(op);
        let Some(p) = self.checkpoint.pending.get_mut(&op) else { return };
        if p.detached {
            self.checkpoint.pending.remove(&op);
            return;
        }
        if let Operation::Remote(remote) = &mut p.what
            && let Wait::Child { first, .. } = &mut remote.wait
            && let Completion::Remote { answer: crate::machine::Answer::Started { run }, .. } = completion
        {
            *first = Some(RunId(*run));
            return;
        }
        p.done = Some(Box::new(Done { at, completion: completion.clone() }));
    }
}
