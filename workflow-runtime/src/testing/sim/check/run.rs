//! A run as its history tells it: a second account of what its checkpoint says.

use super::{Effects, instance::Wrong, invariant};
use crate::{
    engine::inspect::{Inspected, Waiting},
    journal::{
        history::{Entry, Event, Outcome, Taken},
        id::RunId,
        payload::Payload,
    },
    machine::{OpId, channel},
    store::Revision,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

#[derive(Default)]
pub(super) struct Run {
    pub(super) id: Option<RunId>,
    /// How many entries its history has, and the time of the last one.
    entries: (u64, Option<Timestamp>),
    pub(super) outcome: Option<Outcome>,
    /// The hash of the frame behind the last step.
    pub(super) last_frame: Option<u64>,
    steps: u64,
    /// What the machine has taken; `None` is its input.
    taken: BTreeSet<Option<u64>>,
    ops: BTreeMap<u64, Op>,
    /// The number of the last operation that has begun; those of the members of a group come with the group.
    last: Option<u64>,
    /// The numbers of the members of each group.
    groups: Vec<Range<u64>>,
    signals: BTreeMap<String, Signals>,
}

/// An operation and how far it is.
struct Op {
    /// When it is due, if it is a timer or has a deadline.
    due: Option<Timestamp>,
    activity: bool,
    state: State,
}

/// What a checkpoint and the records beside it say about the members of groups.
pub(super) type Open = BTreeMap<u64, Option<Waiting>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Nobody waits for it, and it may or may not be there.
    Detached,
    /// It has ended, but the machine may not have taken that.
    Ended,
}

/// The signals of one name.
#[derive(Default, Clone)]
struct Signals {
    /// What they carried, where that is all.
    received: Vec<Option<Payload>>,
    taken: u64,
}

fn lost(message: String) -> Wrong {
    (invariant::LOST, message)
}

impl Run {
    /// What a signal carried.
    pub(super) fn payload(&self, name: &str, seq: u64) -> Option<&Payload> {
        self.signals.get(name)?.received.get(usize::try_from(seq).ok()?)?.as_ref()
    }

    /// The run that comes after this one under the same id. It may take the inbox over.
    pub(super) fn followed_by(&self, id: RunId, inbox: bool) -> Self {
        let signals = if inbox { self.signals.clone() } else { BTreeMap::new() };
        Run { id: Some(id), signals, ..Run::default() }
    }

    /// Adds an entry.
    pub(super) fn add(
        &mut self,
        entry: &Entry,
        revision: Revision,
        run: RunId,
        effects: &Effects,
    ) -> Result<(), Wrong> {
        let (count, last) = self.entries;
        if entry.seq != count {
            return Err(lost(format!("entry {} of the history follows {count} others", entry.seq)));
        }
        if entry.revision != revision.0 {
            return Err(lost(format!("entry {} says revision {}, not {revision}", entry.seq, entry.revision)));
        }
        if last.is_some_and(|last| last > entry.time) {
            return Err(lost(format!("entry {} is earlier than the one before", entry.seq)));
        }
        if self.outcome.is_some() && entry.step.is_some() {
            return Err((invariant::EFFECT, "a run that has ended takes a step".into()));
        }
        if let Some(step) = entry.step {
            if step != self.steps + entry.inputs.len() as u64 {
                let message = format!("step {step} follows step {}, with {} inputs", self.steps, entry.inputs.len());
                return Err(lost(message));
            }
            for input in &entry.inputs {
                self.input(*input)?;
            }
            self.steps = step;
            self.last_frame = entry.frame;
        }
        for event in &entry.events {
            self.event(event, entry, run, effects)?;
        }
        self.entries = (count + 1, Some(entry.time));
        Ok(())
    }

    /// The machine takes every end of an operation once.
    fn input(&mut self, input: Taken) -> Result<(), Wrong> {
        match input {
            Taken::Operation(op) if !self.taken.insert(Some(op)) => {
                Err(lost(format!("the machine takes the end of operation {op} twice")))
            }
            Taken::Start if !self.taken.insert(None) => Err(lost("the machine takes its input twice".into())),
            _ => Ok(()),
        }
    }

    fn event(&mut self, event: &Event, entry: &Entry, run: RunId, effects: &Effects) -> Result<(), Wrong> {
        match event {
            Event::Scheduled { op, .. } => self.open(*op, None, true)?,
            Event::TimerStarted { op, at } => self.open(*op, Some(*at), false)?,
            Event::Waiting { op, deadline, .. } => self.open(*op, *deadline, false)?,
            Event::Lost { op, attempt } => {
                self.open_op(*op, "is lost")?;
                if effects.is_own(run.0, OpId(*op), *attempt) {
                    return Err(lost(format!(
                        "attempt {attempt} of operation {op} is lost, and its process has not ended"
                    )));
                }
            }
            Event::Completed { op, result } => {
                self.end(*op, "completes")?;
                if !effects.has_ended(run.0, OpId(*op), result) {
                    return Err((
                        invariant::EFFECT,
                        format!("operation {op} has the result {result:?}, which no attempt has reported"),
                    ));
                }
            }
            Event::AttemptFailed { op, failure, attempt, .. } => {
                self.open_op(*op, "fails")?;
                if !effects.has_failed(run.0, OpId(*op), failure) {
                    let message = format!("attempt {attempt} of operation {op} has failed, which nobody has reported");
                    return Err((invariant::EFFECT, message));
                }
            }
            Event::TimerFired { op } => {
                let due = self.open_op(*op, "fires")?.due;
                if due.is_none_or(|due| due > entry.time) {
                    return Err(lost(format!("operation {op} fires at {}, it is due at {due:?}", entry.time)));
                }
                self.end(*op, "fires")?;
            }
            Event::OperationCancelled { op } => self.end(*op, "is cancelled")?,
            Event::Detached { op } => self.detach(*op),
            Event::SignalReceived { name, seq, payload } => self.receive(name.clone(), *seq, Some(payload))?,
            Event::UpdateReceived { name, seq, .. } => self.receive(channel(name), *seq, None)?,
            Event::SignalConsumed { op, name, seq } => {
                self.take_signal(name, *seq)?;
                self.end(*op, "takes a signal")?;
            }
            Event::UpdateTaken { op, name, seq } => {
                self.take_signal(&channel(name), *seq)?;
                if let Some(op) = op {
                    self.end(*op, "takes an update")?;
                }
            }
            Event::SignalSetAside { name, seq, .. } | Event::SignalTaken { name, seq } => {
                self.take_signal(name, *seq)?;
            }
            Event::UpdateSetAside { name, seq, .. } => self.take_signal(&channel(name), *seq)?,
            Event::WaitingForUpdate { op, deadline, .. } => self.open(*op, *deadline, false)?,
            Event::GroupStarted { op, members, .. } => {
                self.open(*op, None, false)?;
                // Its end is no event: the machine takes it, or it is given up.
                self.detach(*op);
                self.last = Some(op + members);
                self.groups.push(op + 1..op + 1 + members);
            }
            Event::MessageSent { op: Some(op), .. } => self.open(*op, None, false)?,
            // It may wait for the end as well.
            Event::ChildStarted { op, .. } => {
                self.open_op(*op, "starts a child")?;
                self.detach(*op);
            }
            Event::MessageTaken { op, .. } => self.end(*op, "is answered")?,
            Event::ChildEnded { op: Some(op), .. } => self.end(*op, "hears of an end")?,
            Event::MessageRefused { op, .. } => self.end(*op, "is refused")?,
            Event::AnswerAbandoned { op, .. } => self.end(*op, "is given up")?,
            Event::Closed(outcome) => self.outcome = Some(outcome.clone()),
            _ => {}
        }
        Ok(())
    }

    fn receive(&mut self, channel: String, seq: u64, payload: Option<&Payload>) -> Result<(), Wrong> {
        let signals = self.signals.entry(channel.clone()).or_default();
        if seq != signals.received.len() as u64 {
            return Err(lost(format!("message {channel} #{seq} follows {} others", signals.received.len())));
        }
        signals.received.push(payload.cloned());
        Ok(())
    }

    fn detach(&mut self, op: u64) {
        if let Some(op) = self.ops.get_mut(&op) {
            op.state = State::Detached;
        }
    }

    fn open(&mut self, op: u64, due: Option<Timestamp>, activity: bool) -> Result<(), Wrong> {
        let member = self.groups.iter().any(|g| g.contains(&op));
        if self.ops.contains_key(&op) || (!member && self.last.is_some_and(|last| last >= op)) {
            return Err((invariant::STABLE, format!("operation {op} begins after a later one, or twice")));
        }
        self.last = self.last.max(Some(op));
        self.ops.insert(op, Op { due, activity, state: State::Open });
        Ok(())
    }

    fn open_op(&mut self, op: u64, what: &str) -> Result<&mut Op, Wrong> {
        match self.ops.get_mut(&op) {
            None => Err(lost(format!("operation {op} {what} and has not begun"))),
            Some(o) if o.state == State::Ended => Err(lost(format!("operation {op} {what} and has ended before"))),
            Some(o) => Ok(o),
        }
    }

    fn end(&mut self, op: u64, what: &str) -> Result<(), Wrong> {
        self.open_op(op, what)?.state = State::Ended;
        Ok(())
    }

    fn take_signal(&mut self, name: &str, seq: u64) -> Result<(), Wrong> {
        let signals = self.signals.entry(name.to_owned()).or_default();
        if seq != signals.taken || seq >= signals.received.len() as u64 {
            let message = format!("signal {name} #{seq} is taken, the next one is #{}", signals.taken);
            return Err(lost(message));
        }
        signals.taken += 1;
        Ok(())
    }

    /// Whether history and checkpoint tell the same story.
    pub(super) fn compare(&self, state: &Inspected, members: &Open) -> Result<(), Wrong> {
        if state.history != self.entries.0 || state.steps != self.steps {
            return Err(lost(format!(
                "the checkpoint counts {} entries and {} steps, there are {} and {}",
                state.history, state.steps, self.entries.0, self.steps
            )));
        }
        if state.closed != self.outcome.is_some() {
            return Err(lost("checkpoint and history do not agree whether the run has ended".into()));
        }
        if state.closed {
            return Ok(());
        }
        for (name, signals) in &self.signals {
            let inbox = state.inbox.get(name).copied().unwrap_or_default();
            if inbox != (signals.taken, signals.received.len() as u64) {
                return Err(lost(format!(
                    "the inbox of {name} has {inbox:?}, received are {} and taken {}",
                    signals.received.len(),
                    signals.taken
                )));
            }
        }
        self.compare_pending(state, members)
    }

    fn compare_pending(&self, state: &Inspected, members: &Open) -> Result<(), Wrong> {
        for (op, known) in &self.ops {
            let pending = state.pending.get(&OpId(*op)).or_else(|| members.get(op)?.as_ref());
            match (known.state, pending) {
                (State::Open, None) => return Err(lost(format!("operation {op} is open and nobody will complete it"))),
                (State::Open, Some(p)) if p.done => {
                    return Err(lost(format!("operation {op} has a result that the history does not know")));
                }
                (State::Ended, Some(p)) if !p.done => {
                    return Err(lost(format!("operation {op} has ended and is still waited for")));
                }
                (State::Open, Some(p)) if p.call.is_some() != known.activity => {
                    return Err((invariant::STABLE, format!("operation {op} has become another kind of operation")));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
