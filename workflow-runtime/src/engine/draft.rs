//! The next state of an instance, before it is committed.

use super::{
    chain::Finished,
    checkpoint::{
        Call, CancelRequest, Checkpoint, Operation, Packed, Pending, Reason, Remote, Response, SignalRecord, State,
    },
    group::Delta,
    inbox,
    instance::Next,
    outbox::Letter,
};
use crate::{
    activity::{OnCancel, Timeout},
    journal::{
        encoding,
        history::{Ending, Event, Outcome, Taken},
        key::InstanceKeys,
        payload::Payload,
    },
    machine::{Answer, Closed, Command, Completion, Input, OpId, Step, Ticket},
    store::{Revision, Write},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};
use workflow_definition::Fingerprint;

/// The steps that a draft has taken.
#[derive(Clone)]
pub(super) struct Stepped {
    /// The hash of the frame behind the last one.
    pub(super) frame: u64,
    pub(super) definition: Fingerprint,
    /// The definitions of the inline helpers that waited behind one of them.
    pub(super) helpers: Vec<Fingerprint>,
}

/// A state to be committed, and what is written along with it. Passed in a box: the futures that hold it stay small.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) now: Timestamp,
    pub(super) checkpoint: Box<Checkpoint>,
    pub(super) events: Vec<Event>,
    pub(super) writes: Vec<Write>,
    /// Definitions that the store does not hold yet.
    pub(super) definitions: BTreeMap<Fingerprint, Write>,
    /// The hash of the frame, and who wrote it, if the machine took a step.
    pub(super) stepped: Option<Stepped>,
    /// What the machine took for this draft, one for each step.
    pub(super) inputs: Vec<Taken>,
    /// Messages to other instances.
    pub(super) letters: BTreeMap<u64, Letter>,
    /// The run has ended and goes on as a new one with this input.
    pub(super) continued: Option<Payload>,
    /// Messages that came with this commit, by channel and number.
    pub(super) arrived: BTreeMap<(String, u64), SignalRecord>,
    /// Updates that this commit answers.
    pub(super) answers: Vec<(Ticket, Response)>,
    /// The run that ends where that of `checkpoint` begins.
    pub(super) finished: Option<Box<Finished>>,
    /// The instance is gone with this commit.
    pub(super) removes: bool,
    /// What changes about members of groups.
    pub(super) members: Delta,
    /// It is written over a damaged checkpoint, with this revision.
    pub(super) over_damage: Option<Revision>,
}

impl Draft {
    pub(super) fn new(checkpoint: Box<Checkpoint>, now: Timestamp, members: Delta) -> Box<Self> {
        let (definitions, arrived) = (BTreeMap::new(), BTreeMap::new());
        let (events, writes, inputs, answers) = (vec![], vec![], vec![], vec![]);
        let (stepped, finished, removes) = (None, None, false);
        let letters = BTreeMap::new();
        Box::new(Draft {
            // Time never goes backwards within an instance, whatever the clock does.
            now: now.max(checkpoint.updated),
            checkpoint,
            events,
            writes,
            definitions,
            stepped,
            inputs,
            letters,
            arrived,
            answers,
            finished,
            removes,
            members,
            continued: None,
            over_damage: None,
        })
    }

    /// Notes how an activity has ended. `at` is when that was known.
    pub(super) fn finish(&mut self, op: OpId, completion: Completion, at: Timestamp) {
        if self.look(op, |_| ()).is_none() {
            return;
        }
        self.events.push(match ending(&completion) {
            Ending::Cancelled => Event::OperationCancelled { op: op.0 },
            result => Event::Completed { op: op.0, result },
        });
        self.end(op, completion, at);
    }

    pub(super) fn request_cancel(&mut self, reason: String, at: Timestamp) {
        self.events.push(Event::CancelRequested { reason: reason.clone() });
        self.checkpoint.cancel = Some(CancelRequest { reason, at, delivered: false });
    }

    /// Makes `next` the machine's input. `signal` is the first signal of the name that the operation waits for.
    pub(super) fn take(&mut self, keys: &InstanceKeys, next: &Next, signal: Option<Payload>) -> Option<Input> {
        let input = self.input(keys, next, signal)?;
        self.inputs.push(match &input {
            Input::Start => Taken::Start,
            Input::Cancel { .. } => Taken::Cancel,
            Input::Completed { op, .. } => Taken::Operation(op.0),
        });
        Some(input)
    }

    /// What `next` brings.
    pub(super) fn input(&mut self, keys: &InstanceKeys, next: &Next, signal: Option<Payload>) -> Option<Input> {
        let completed = |op, completion| Some(Input::Completed { op, completion });
        match *next {
            Next::Start => Some(Input::Start),
            Next::Cancel => {
                let request = self.checkpoint.cancel.as_mut()?;
                request.delivered = true;
                Some(Input::Cancel { reason: request.reason.clone() })
            }
            Next::Done(op) => completed(op, self.checkpoint.pending.remove(&op)?.done?.completion),
            Next::Stop(op) => {
                let stopped = self.remove_pending(op)?.what;
                let (event, completion) = match stopped {
                    Operation::Remote(remote) => {
                        let Remote { id, .. } = *remote;
                        let answer = Completion::Remote { id: id.clone(), answer: Answer::Abandoned };
                        (Event::AnswerAbandoned { op: op.0, id }, answer)
                    }
                    _ => (Event::OperationCancelled { op: op.0 }, Completion::Cancelled),
                };
                self.events.push(event);
                completed(op, completion)
            }
            Next::Overdue(op) => {
                self.remove_pending(op)?;
                self.events.push(Event::Completed { op: op.0, result: Ending::TimedOut(Timeout::Total) });
                completed(op, Completion::Expired(Timeout::Total))
            }
            Next::Signal(op) => {
                let Operation::Signal { name, .. } = self.remove_pending(op)?.what else { return None };
                let seq = self.unbuffer(keys, &name);
                self.events.push(inbox::taken(Some(op), &name, seq));
                completed(op, Completion::Value(signal?))
            }
            Next::Expire | Next::Retire | Next::RetireFormer | Next::Trim => None,
            Next::Fire(op) => {
                let fired = match self.remove_pending(op)?.what {
                    Operation::Signal { .. } => Completion::TimedOut,
                    _ => Completion::Fired,
                };
                self.events.push(Event::TimerFired { op: op.0 });
                completed(op, fired)
            }
        }
    }

    /// Adds what a step decided.
    pub(super) fn apply(&mut self, keys: &InstanceKeys, step: Step, packed: Packed) {
        self.checkpoint.steps += 1;
        let blocked = matches!(self.checkpoint.state, State::Blocked(_));
        let mut helpers = self.stepped.take().map_or_else(Vec::new, |before| before.helpers);
        for helper in packed.by.helpers {
            if !helpers.contains(&helper) {
                helpers.push(helper);
            }
        }
        self.stepped = Some(Stepped { frame: packed.hash, definition: packed.by.definition, helpers });
        for command in step.commands {
            self.command(keys, command);
        }
        if blocked {
            self.unblock();
        }
        if let Some(input) = step.continued {
            return self.leave(input);
        }
        if let Some(closed) = step.closed {
            let ended = Event::Closed(outcome(&closed));
            self.close(keys, State::Closed(closed));
            self.events.push(ended);
            return;
        }
        let c = &mut self.checkpoint;
        for (slot, payload) in &packed.large {
            if !c.large.contains(slot) {
                // Payloads always encode: they are byte strings. Of several writes to one key the last wins.
                if let Ok(value) = encoding::encode(payload) {
                    self.writes.push(Write::Put { key: keys.slot(c.run, &slot.name), value });
                }
            }
        }
        let large: Vec<_> = packed.large.into_iter().map(|(slot, _)| slot).collect();
        for gone in c.large.iter().filter(|old| large.iter().all(|new| new.name != old.name)) {
            self.writes.push(Write::Delete { key: keys.slot(c.run, &gone.name) });
        }
        c.large = large;
        c.frame = Some(packed.frame);
    }

    pub(super) fn command(&mut self, keys: &InstanceKeys, command: Command) {
        let since = self.now;
        let c = &mut self.checkpoint;
        let pending = |what| Pending { since, cancel: false, detached: false, done: None, what };
        match command {
            Command::Activity { op, name, args, options } => {
                self.events.push(Event::Scheduled { op: op.0, activity: name.clone(), args: args.clone() });
                c.pending.insert(op, pending(Operation::Activity(Arc::new(Call::new(name, args, options)))));
            }
            Command::Timer { op, at } => {
                self.events.push(Event::TimerStarted { op: op.0, at });
                c.pending.insert(op, pending(Operation::Timer { at }));
            }
            Command::Signal { op, name, deadline } => {
                self.events.push(inbox::waiting(op, &name, deadline));
                c.pending.insert(op, pending(Operation::Signal { name, deadline }));
            }
            Command::Cancel { op } => {
                if let Some(p) = c.pending.get_mut(&op) {
                    p.cancel = true;
                    self.events.push(Event::CancelAsked { op: op.0 });
                    let reason = c.cancel.as_ref().map_or_else(String::new, |request| request.reason.clone());
                    self.stop_remote(keys, op, false, &reason);
                    self.stop_activity(op);
                    self.cancel_group(keys, op, &reason);
                }
            }
            Command::Remote { op, target, ask } => self.remote(keys, op, target, ask),
            Command::Detach { op } => {
                self.stop_remote(keys, op, true, "nobody waits for it any more");
                self.detach(op);
            }
            Command::Group { op, join, limit, members } => self.begin_group(keys, op, join, limit, members),
            Command::Compensating { workflow, error, calls } => {
                self.events.push(Event::Compensating { workflow, error, calls });
            }
            Command::SideEffect(value) => self.events.push(Event::SideEffect(value)),
            Command::Status(value) => {
                self.events.push(Event::StatusSet(value.clone()));
                c.status = Some(value);
            }
            Command::Tag { key, value } => {
                self.events.push(Event::Tagged { key: key.clone(), value: value.clone() });
                c.tags.insert(key, value);
            }
            Command::Take { channel } => {
                let seq = self.unbuffer(keys, &channel);
                self.events.push(inbox::taken(None, &channel, seq));
            }
            Command::SetAside { channel, payload, error } => self.set_aside(keys, &channel, payload, error),
            Command::Reply { ticket, answer } => {
                self.respond(keys, ticket, answer.map_or_else(Response::Rejected, Response::Value));
            }
        }
    }

    /// What becomes of an activity that is asked to stop.
    pub(super) fn stop_activity(&mut self, op: OpId) {
        let now = self.now;
        let Some(call) = self.call(op) else { return };
        call.stop_deferred(now);
        let abandoned = call.options.on_cancel == OnCancel::Abandon;
        if abandoned && self.pending_mut(op).is_some_and(|p| p.done.is_none()) {
            self.finish(op, Completion::Cancelled, now);
        }
    }

    /// Ends the run: nothing waits for it and it waits for nothing.
    pub(super) fn close(&mut self, keys: &InstanceKeys, state: State) {
        self.close_groups();
        let c = &mut self.checkpoint;
        c.end(state, self.now);
        c.pending.clear();
        c.frame = None;
        for gone in std::mem::take(&mut c.large) {
            self.writes.push(Write::Delete { key: keys.slot(c.run, &gone.name) });
        }
        for (name, inbox) in std::mem::take(&mut c.inbox) {
            for seq in inbox.first..inbox.next {
                let key = keys.signal(&name, seq);
                self.writes.retain(|w| w.key() != key);
                self.writes.push(Write::Delete { key });
            }
        }
        self.tell_the_end(keys);
    }

    /// The run cannot go on by itself. False if that is known already.
    pub(super) fn block(&mut self, reason: Reason) -> bool {
        let known = matches!(&self.checkpoint.state, State::Blocked(r) if *r == reason);
        if !known {
            let Reason { code, message } = reason.clone();
            self.events.push(Event::Blocked { code, message });
            self.checkpoint.state = State::Blocked(reason);
        }
        !known
    }

    /// The run gets another try.
    pub(super) fn unblock(&mut self) {
        self.checkpoint.state = State::Running;
        self.events.push(Event::Unblocked);
        // What was asked to stop does not run again.
        let ops: Vec<OpId> = self.checkpoint.pending.keys().copied().chain(self.members.all()).collect();
        for op in ops {
            let Some(p) = self.pending_mut(op).filter(|p| !p.cancel) else { continue };
            if let Operation::Activity(call) = &mut p.what {
                Arc::make_mut(call).stuck = false;
            }
        }
    }

    /// Keeps what an attempt has said, for the next one.
    pub(super) fn keep_progress(&mut self, op: OpId, attempt: u32, progress: Option<Payload>) {
        if let (Some(progress), Some(call)) = (progress, self.call(op)) {
            call.progress = Some(progress.clone());
            self.events.push(Event::Heartbeat { op: op.0, attempt, progress });
        }
    }

    /// The activities that an attempt has told something of since.
    pub(super) fn reports_since(&self, before: &Checkpoint) -> Vec<OpId> {
        let told = |p: &Pending, was: &Pending| match (&p.what, &was.what) {
            (Operation::Activity(call), Operation::Activity(old)) => {
                p.done.is_some() != was.done.is_some() || call.attempt != old.attempt || call.stuck != old.stuck
            }
            _ => false,
        };
        let pending = self.checkpoint.pending.iter();
        pending.filter(|(op, p)| before.pending.get(op).is_some_and(|was| told(p, was))).map(|(op, _)| *op).collect()
    }

    /// No attempt of an activity that has not ended can give a result.
    pub(super) fn give_up(&mut self, op: OpId) {
        let open = self.pending_mut(op).is_some_and(|p| p.done.is_none());
        if let Some(call) = self.call(op).filter(|_| open) {
            // That attempt was made: the next one has a number of its own.
            call.attempt = call.attempt.saturating_add(1);
            call.stuck = true;
        }
    }

    /// The call of an operation, to be changed.
    pub(super) fn call(&mut self, op: OpId) -> Option<&mut Call> {
        match self.pending_mut(op).map(|p| &mut p.what) {
            Some(Operation::Activity(call)) => Some(Arc::make_mut(call)),
            _ => None,
        }
    }
}

pub(super) fn ending(completion: &Completion) -> Ending {
    match completion {
        Completion::Value(v) => Ending::Value(v.clone()),
        Completion::Failed(e) => Ending::Failed(e.clone()),
        Completion::TimedOut => Ending::TimedOut(Timeout::Attempt),
        Completion::Expired(which) => Ending::TimedOut(*which),
        Completion::Panicked(message) => Ending::Panicked(message.clone()),
        Completion::Cancelled | Completion::Fired | Completion::Remote { .. } | Completion::All(_) => Ending::Cancelled,
        Completion::Member { completion, .. } => ending(completion),
    }
}

fn outcome(closed: &Closed) -> Outcome {
    match closed {
        Closed::Completed(v) => Outcome::Completed(v.clone()),
        Closed::Failed { error, .. } => Outcome::Failed(error.clone()),
        Closed::Cancelled { reason, error } => Outcome::Cancelled { reason: reason.clone(), error: error.clone() },
    }
}
