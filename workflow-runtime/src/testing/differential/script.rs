//! The small world that both meet.

use super::{child, identity};
use crate::{
    activity::{ActivityContext, ActivityOptions, ActivityRegistration, Attempt, AttemptRequest, States},
    journal::payload::Payload,
    machine::{
        Buffered, Command, Completion, Identity, Join, OpId, StepInbox,
        oracle::{Undo, World},
    },
    testing::mock::{Answer, Ended, Mocks},
};
use jiff::Timestamp;
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Messages by channel, in order.
pub(super) type Messages = BTreeMap<String, VecDeque<Payload>>;

/// The inbox that a step may look into, which is the one that operations are served from.
pub(super) struct Inbox(pub(super) Rc<RefCell<Messages>>);

impl StepInbox for Inbox {
    fn take(&mut self, channel: &str) -> Buffered {
        let first = self.0.borrow_mut().get_mut(channel).and_then(VecDeque::pop_front);
        first.map_or(Buffered::Nothing, Buffered::Message)
    }
}

pub(super) struct Script {
    pub(super) next: u64,
    pub(super) now: Timestamp,
    pub(super) signals: Rc<RefCell<Messages>>,
    pub(super) states: States,
    pub(super) mocks: Mocks,
    pub(super) pending: BTreeMap<OpId, Command>,
    /// What the oracle is told next.
    pub(super) done: Option<(OpId, Completion)>,
    /// What is left of helpers that lost a race.
    pub(super) undoing: Vec<Undo>,
    pub(super) concurrent: bool,
    /// The state of the generator that chooses what ends next; without one the usual order holds.
    pub(super) random: Option<u64>,
    pub(super) operations: Vec<String>,
    pub(super) children: BTreeMap<String, child::Child>,
    /// The input with which the check copy goes on as a new run.
    pub(super) continued: Option<Payload>,
}

impl Script {
    pub(super) fn inbox(&self) -> Box<dyn StepInbox> {
        Box::new(Inbox(self.signals.clone()))
    }

    /// Notes the operation.
    pub(super) fn perform(&mut self, command: Command) {
        let Some(id) = op_of(&command) else {
            if let Command::Detach { op } = command {
                self.pending.remove(&op);
            }
            return;
        };
        self.note(&command);
        self.pending.insert(id, command);
        self.concurrent |= self.pending.len() > 1;
    }

    pub(super) fn note(&mut self, command: &Command) {
        match command {
            Command::Activity { op, name, args, .. } => self.operations.push(format!("{op} {name}{}", args.to_json())),
            Command::Timer { op, at } => self.operations.push(format!("{op} timer {at}")),
            Command::Signal { op, name, deadline } => self.operations.push(format!("{op} signal {name} {deadline:?}")),
            Command::Group { op, join, limit, members } => {
                self.operations.push(format!("{op} {join} of {}, limit {limit:?}", members.len()));
            }
            // Noted when it is answered.
            _ => {}
        }
    }

    /// Ends one of the pending operations.
    pub(super) fn complete(&mut self) -> Option<(OpId, Completion)> {
        let op = self.choose()?;
        let command = self.pending.remove(&op)?;
        Some((op, self.end(op, command)?))
    }

    /// How an operation ends.
    pub(super) fn end(&mut self, op: OpId, command: Command) -> Option<Completion> {
        Some(match command {
            Command::Group { join, members, .. } => self.group(join, members)?,
            Command::Activity { name, args, options, .. } => self.attempts(&name, &args, op, &options),
            Command::Remote { target, ask, .. } => {
                let (id, answer) = (target.id.clone(), self.remote(op, target, ask));
                Completion::Remote { id, answer }
            }
            Command::Timer { at, .. } => {
                self.now = self.now.max(at);
                Completion::Fired
            }
            Command::Signal { name, deadline, .. } => {
                match self.signals.borrow_mut().get_mut(&name).and_then(VecDeque::pop_front) {
                    Some(value) => Completion::Value(value),
                    None => {
                        self.now = self.now.max(deadline?);
                        Completion::TimedOut
                    }
                }
            }
            _ => return None,
        })
    }

    /// What ends next. Of all that is due at some time only the first can.
    pub(super) fn choose(&mut self) -> Option<OpId> {
        let come = |name: &String| self.signals.borrow().get(name).is_some_and(|s| !s.is_empty());
        let rank = |c: &Command| match c {
            Command::Activity { .. } | Command::Remote { .. } | Command::Group { .. } => Some((0, Timestamp::MIN)),
            Command::Signal { name, .. } if come(name) => Some((1, Timestamp::MIN)),
            Command::Signal { deadline, .. } => deadline.map(|at| (2, at)),
            Command::Timer { at, .. } => Some((2, *at)),
            _ => None,
        };
        let mut able: Vec<_> = self.pending.iter().filter_map(|(op, c)| Some((rank(c)?, *op))).collect();
        able.sort_unstable();
        let timed = able.iter().position(|((kind, _), _)| *kind == 2);
        able.truncate(timed.map_or(able.len(), |first| first + 1));
        let Some(state) = &mut self.random else { return Some(able.first()?.1) };
        // Knuth's MMIX generator.
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (*state >> 33) as usize % able.len().max(1);
        Some(able.get(at)?.1)
    }

    /// Members end one after the other, so the first one wins a race.
    pub(super) fn group(&mut self, join: Join, members: Vec<Command>) -> Option<Completion> {
        let mut all = vec![];
        for member in members {
            let op = op_of(&member)?;
            self.note(&member);
            let completion = self.end(op, member)?;
            let index = all.len() as u64;
            if join == Join::First || (join == Join::Try && completion.is_error()) {
                return Some(Completion::Member { index, completion: Box::new(completion) });
            }
            all.push(completion);
        }
        Some(Completion::All(all))
    }

    pub(super) fn attempts(&self, name: &str, args: &Payload, op: OpId, options: &ActivityOptions) -> Completion {
        let registered = inventory::iter::<ActivityRegistration>.into_iter().map(|r| (r.0)());
        let def = registered.into_iter().find(|d| d.name == name);
        let def = def.unwrap_or_else(|| panic!("no activity `{name}` is linked"));
        let limit = options.retry.as_ref().map_or(Some(1), |r| r.attempts);
        for attempt in 1.. {
            let cx = ActivityContext { op, attempt, run_id: identity().run_id, ..ActivityContext::for_test() };
            let mocked = self.mocked(attempt, name, args, op, options);
            let body = AssertUnwindSafe(|| match mocked {
                Some(answer) => match answer.end(options) {
                    Ended::Attempt(attempt) => Some(attempt),
                    Ended::TimedOut | Ended::Never => None,
                },
                None => Some(ready((def.run)(&self.states, cx, args))),
            });
            let last = limit.is_some_and(|n| attempt >= n);
            match catch_unwind(body) {
                Ok(Some(Attempt::Ok(value))) => return Completion::Value(value),
                Ok(Some(Attempt::Err { error, permanent })) => {
                    if (permanent && !options.shielded) || last {
                        return Completion::Failed(error);
                    }
                }
                Ok(Some(Attempt::Undecodable(e))) => panic!("{e}"),
                Ok(Some(Attempt::Unencodable(e))) => panic!("{e}"),
                Ok(None) if last => return Completion::TimedOut,
                Err(_) if last => return Completion::Panicked("panicked".into()),
                Ok(None) | Err(_) => {}
            }
        }
        Completion::Cancelled
    }

    pub(super) fn mocked(
        &self,
        attempt: u32,
        name: &str,
        args: &Payload,
        op: OpId,
        options: &ActivityOptions,
    ) -> Option<Answer> {
        let Identity { workflow_id, run_id } = identity();
        let (args, options) = (args.clone(), options.clone());
        let request = AttemptRequest {
            workflow_id,
            run_id,
            op,
            attempt,
            name: name.to_owned().into(),
            args,
            options,
            progress: None,
        };
        self.mocks.answer(name, &request).map(|answer| answer.unwrap_or_else(|e| panic!("{e}")))
    }
}

pub(super) fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(t) => t,
        Poll::Pending => panic!("an activity of a differential test must not wait"),
    }
}

#[derive(Clone)]
pub(super) struct Shared(pub(super) Rc<RefCell<Script>>);

impl World for Shared {
    fn begin(&mut self, command: Command) {
        self.0.borrow_mut().perform(command);
    }
    fn poll(&mut self, op: OpId) -> Option<Completion> {
        self.0.borrow_mut().done.take_if(|d| d.0 == op).map(|d| d.1)
    }
    fn next_op(&mut self) -> OpId {
        let mut script = self.0.borrow_mut();
        script.next += 1;
        OpId(script.next - 1)
    }
    fn detach(&mut self, op: OpId) {
        self.0.borrow_mut().pending.remove(&op);
    }
    fn continued(&mut self, input: Payload) {
        self.0.borrow_mut().continued = Some(input);
    }
    fn undo(&mut self, mut what: Undo) {
        let most = if what.parallel { what.saga.len() } else { 1 };
        for c in what.saga.iter_mut().rev().take(most).filter(|c| c.op.is_none()) {
            let op = self.next_op();
            let (name, args, options) = (c.activity.clone(), c.args.clone(), c.options.clone().until_done());
            self.begin(Command::Activity { op, name, args, options });
            c.op = Some(op);
        }
        if !what.saga.is_empty() {
            self.0.borrow_mut().undoing.push(what);
        }
    }
}

impl Shared {
    /// Goes on with undoing what lost, if `op` was a part of that.
    pub(super) fn undone(&self, op: OpId) -> bool {
        let at = self.0.borrow().undoing.iter().position(|u| u.saga.iter().any(|c| c.op == Some(op)));
        let Some(at) = at else { return false };
        let mut undo = self.0.borrow_mut().undoing.remove(at);
        undo.saga.retain(|c| c.op != Some(op));
        self.clone().undo(undo);
        true
    }
}

/// The answer to an update, in words.
pub(super) fn answered(command: &Command) -> Option<String> {
    let Command::Reply { ticket, answer } = command else { return None };
    Some(match answer {
        Ok(value) => format!("answer {} {}: {}", ticket.name, ticket.seq, value.to_json()),
        Err(why) => format!("reject {} {}: {why}", ticket.name, ticket.seq),
    })
}

pub(super) fn op_of(command: &Command) -> Option<OpId> {
    match command {
        Command::Activity { op, .. }
        | Command::Timer { op, .. }
        | Command::Signal { op, .. }
        | Command::Remote { op, .. }
        | Command::Group { op, .. } => Some(*op),
        Command::Cancel { .. }
        | Command::Detach { .. }
        | Command::SideEffect(_)
        | Command::Status(_)
        | Command::Compensating { .. }
        | Command::Tag { .. }
        | Command::Take { .. }
        | Command::SetAside { .. }
        | Command::Reply { .. } => None,
    }
}
