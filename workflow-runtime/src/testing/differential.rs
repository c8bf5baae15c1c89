//! Runs a workflow twice, as the function that the user wrote and as the machine that the compiler made of it, and compares.
//!
//! The function is the check copy, polled as a plain future against a small world. The machine meets the same world three
//! times: resident, evicted through bytes after every step, and evicted after every second one. All four must agree on the outcome
//! and on every operation that they asked for, in order. Where several operations are pending at once, all of this is repeated with
//! other orders in which they end.

mod child;

use crate::{
    activity::{
        Activity, ActivityContext, ActivityOptions, ActivityRegistration, Attempt, AttemptRequest, States,
        bounds::Transport,
    },
    journal::{encoding, payload::Payload},
    machine::{
        Buffered, Closed, Command, Completion, Envelope, Frame, Identity, Input, Join, Machine, OpId, Outcome, Resolve,
        Signal, StepInbox, Ticket, Update, Workflow, WorkflowCall, WorkflowDef, WorkflowRegistration,
        ambient::{self, Ambient},
        channel,
        oracle::{Undo, World, awaited, set_world},
    },
    testing::mock::{ActivityFn, Answer, Ended, IntoMock, MockFn, Mocks},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::{Context, Poll, Waker},
};
use uuid::Uuid;
use workflow_definition::{Definition, Fingerprint};

/// A comparison of a workflow's function with its machine.
///
/// Activities end first, one attempt at a time, and must not wait for anything; then signals come, those that were given with
/// [`signal`](Differential::signal); then timers fire and timeouts are reached, in the order in which they are due.
pub struct Differential<F> {
    call: F,
    signals: Messages,
    states: States,
    mocks: Mocks,
}

/// How many other orders of completions are tried where several operations are pending at once.
const SEEDS: u64 = 12;

/// What both sides did.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// How the workflow ended, as JSON: `{"ok": ..}` or `{"err": ..}`.
    pub outcome: serde_json::Value,
    /// Every operation in order: its kind, name and arguments.
    pub operations: Vec<String>,
}

impl<F, W> Differential<F>
where
    W: Workflow,
    F: Fn() -> WorkflowCall<W>,
{
    /// Compares the calls that `call` makes; it is called once for each run.
    pub fn new(call: F) -> Self {
        Differential { call, signals: Messages::new(), states: States::default(), mocks: Mocks::default() }
    }

    /// Puts a signal into the inbox.
    ///
    /// # Panics
    ///
    /// If the value cannot be encoded.
    pub fn signal<T: Serialize>(mut self, signal: &Signal<T>, value: T) -> Self {
        let payload = Payload::encode(&value).unwrap_or_else(|e| panic!("{e}"));
        self.signals.entry(signal.name().into()).or_default().push_back(payload);
        self
    }

    /// Puts the request of an update into the inbox. What it is answered counts among the operations.
    ///
    /// # Panics
    ///
    /// If the request cannot be encoded.
    pub fn update<Req: Serialize, Resp>(mut self, update: &Update<Req, Resp>, request: Req) -> Self {
        let requests = self.signals.entry(channel(update.name())).or_default();
        let ticket = Ticket { name: update.name().into(), seq: requests.len() as u64, id: None };
        let envelope = Payload::encode(&request).and_then(|request| Payload::encode(&Envelope { ticket, request }));
        requests.push_back(envelope.unwrap_or_else(|e| panic!("{e}")));
        self
    }

    /// Gives activities a state.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Lets a closure answer the calls of an activity; it must give the same answers in each of the runs. See
    /// [`TestEngineBuilder::mock`](super::TestEngineBuilder::mock).
    pub fn mock<P, A, C>(self, activity: A, closure: C) -> Self
    where
        A: ActivityFn<P>,
        C: MockFn<<A::Def as Activity>::Args, <A::Def as Activity>::Ok, <A::Def as Activity>::Err>,
    {
        let _ = activity;
        self.mocks.mock::<A::Def>(closure);
        self
    }

    /// Lets an activity answer its attempts with these, one after the other.
    pub fn mock_sequence<P, A, M>(self, activity: A, answers: M) -> Self
    where
        A: ActivityFn<P>,
        M: IntoIterator,
        M::Item: IntoMock<<A::Def as Activity>::Ok, <A::Def as Activity>::Err>,
    {
        let _ = activity;
        self.mocks.sequence::<A::Def, M>(answers);
        self
    }

    /// Runs function and machine, and returns what both did in the usual order.
    ///
    /// # Panics
    ///
    /// If they differ, with the first difference; or if a step fails.
    pub fn run(self) -> Agreement {
        let (agreement, concurrent) = self.agree(None);
        for seed in 0..if concurrent { SEEDS } else { 0 } {
            self.agree(Some(seed));
        }
        agreement
    }

    /// Compares all runs under one order of completions; true if several operations were pending at once.
    fn agree(&self, seed: Option<u64>) -> (Agreement, bool) {
        let (expected, concurrent) = self.oracle(seed);
        for evict_every in [0, 1, 2] {
            let found = self.machine(evict_every, seed);
            let order = seed.map_or("the usual order".to_owned(), |s| format!("the order of seed {s}"));
            assert!(
                found == expected,
                "`{}`: the machine, evicted every {evict_every} steps (0: never), in {order}, does not do what the function does\n{}",
                W::NAME,
                first_difference(&expected, &found)
            );
        }
        (expected, concurrent)
    }

    fn world(&self, seed: Option<u64>) -> Shared {
        Shared(Rc::new(RefCell::new(Script {
            next: 0,
            now: Timestamp::UNIX_EPOCH,
            signals: Rc::new(RefCell::new(self.signals.clone())),
            states: self.states.clone(),
            mocks: self.mocks.clone(),
            pending: BTreeMap::new(),
            done: None,
            undoing: vec![],
            concurrent: false,
            random: seed,
            operations: vec![],
            children: BTreeMap::new(),
            continued: None,
        })))
    }

    fn oracle(&self, seed: Option<u64>) -> (Agreement, bool) {
        let world = self.world(seed);
        let before = set_world(Some(Box::new(world.clone())));
        let Identity { workflow_id, run_id } = identity();
        let step = Ambient::new(world.0.borrow().now, workflow_id, run_id, 0);
        let outer = ambient::set(Some(Ambient { inbox: world.0.borrow().inbox(), ..step }));
        let mut future = awaited((self.call)());
        let mut cx = Context::from_waker(Waker::noop());
        let mut ended = None;
        loop {
            if ended.is_none()
                && world.0.borrow().continued.is_none()
                && let Poll::Ready(out) = future.as_mut().poll(&mut cx)
            {
                ended = Some(out);
            }
            let over = ended.is_some() || world.0.borrow().continued.is_some();
            if over && world.0.borrow().undoing.is_empty() {
                break;
            }
            let Some((op, completion)) = world.0.borrow_mut().complete() else {
                panic!("`{}` waits for something that never comes", W::NAME)
            };
            ambient::set_now(world.0.borrow().now);
            if !world.undone(op) {
                world.0.borrow_mut().done = Some((op, completion));
            }
        }
        drop(future);
        let commands = ambient::set(outer).map(|a| a.commands).unwrap_or_default();
        set_world(before);
        let outcome = match ended.map(<W::Outcome as Outcome>::halves) {
            Some(Ok(value)) => ended_with("ok", &value),
            Some(Err(error)) => ended_with("err", &error),
            None => match world.0.borrow_mut().continued.take() {
                Some(input) => serde_json::json!({ "continued": input.to_json() }),
                None => serde_json::Value::Null,
            },
        };
        let mut script = world.0.borrow_mut();
        let mut operations = std::mem::take(&mut script.operations);
        operations.extend(commands.iter().filter_map(answered));
        (Agreement { outcome, operations }, script.concurrent)
    }

    fn machine(&self, evict_every: usize, seed: Option<u64>) -> Agreement {
        let world = self.world(seed);
        let mut world = world.0.borrow_mut();
        let args = (self.call)().into_args().unwrap_or_else(|e| panic!("{e}"));
        let mut machine = Machine::start(identity(), W::def(), args.clone(), world.now);
        let (mut input, mut steps, mut answers) = (Input::Start, 0, vec![]);
        loop {
            let step = machine.step_with(input, world.now, world.inbox()).unwrap_or_else(|e| panic!("{e}"));
            answers.extend(step.commands.iter().filter_map(answered));
            for command in step.commands {
                world.perform(command);
            }
            if let Some(input) = step.continued {
                let outcome = serde_json::json!({ "continued": input.to_json() });
                return Agreement { outcome, operations: std::mem::take(&mut world.operations) };
            }
            let outcome = match step.closed {
                None => None,
                Some(Closed::Completed(value)) => Some(serde_json::json!({ "ok": value.to_json() })),
                Some(Closed::Failed { error, .. } | Closed::Cancelled { error, .. }) => {
                    Some(serde_json::json!({ "err": error.to_json() }))
                }
            };
            if let Some(outcome) = outcome {
                let mut operations = std::mem::take(&mut world.operations);
                operations.append(&mut answers);
                return Agreement { outcome, operations };
            }
            steps += 1;
            if evict_every != 0 && steps % evict_every == 0 {
                let bytes = encoding::encode(&machine.frame()).unwrap_or_else(|e| panic!("{e}"));
                let frame: Frame = encoding::decode(&bytes).unwrap_or_else(|e| panic!("{e}"));
                let loaded = Machine::load(identity(), frame, &args, &Linked);
                machine = loaded.unwrap_or_else(|e| panic!("{e}")).0;
            }
            input = match world.complete() {
                Some((op, completion)) => Input::Completed { op, completion },
                None => panic!("`{}` waits at `{}` for something that never comes", W::NAME, machine.point()),
            };
        }
    }
}

/// Messages by channel, in order.
type Messages = BTreeMap<String, VecDeque<Payload>>;

/// The inbox that a step may look into, which is the one that operations are served from.
struct Inbox(Rc<RefCell<Messages>>);

impl StepInbox for Inbox {
    fn take(&mut self, channel: &str) -> Buffered {
        let first = self.0.borrow_mut().get_mut(channel).and_then(VecDeque::pop_front);
        first.map_or(Buffered::Nothing, Buffered::Message)
    }
}

/// The answer to an update, in words.
fn answered(command: &Command) -> Option<String> {
    let Command::Reply { ticket, answer } = command else { return None };
    Some(match answer {
        Ok(value) => format!("answer {} {}: {}", ticket.name, ticket.seq, value.to_json()),
        Err(why) => format!("reject {} {}: {why}", ticket.name, ticket.seq),
    })
}

fn identity() -> Identity {
    Identity { workflow_id: "differential".into(), run_id: Uuid::from_u128(0x5eed) }
}

fn ended_with<T: Transport>(how: &str, value: &T) -> serde_json::Value {
    let payload = value.save().unwrap_or_else(|e| panic!("{e}"));
    serde_json::json!({ how: payload.to_json() })
}

fn first_difference(expected: &Agreement, found: &Agreement) -> String {
    let n = expected.operations.len().max(found.operations.len());
    for i in 0..n {
        let (e, f) = (expected.operations.get(i), found.operations.get(i));
        if e != f {
            let show = |o: Option<&String>| o.map_or("nothing", |s| s.as_str()).to_owned();
            return format!("operation {i}: the function asked for {}, the machine for {}", show(e), show(f));
        }
    }
    format!("outcome: the function ended in {}, the machine in {}", expected.outcome, found.outcome)
}

fn op_of(command: &Command) -> Option<OpId> {
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

/// Everything that is linked into the test.
struct Linked;

impl Resolve for Linked {
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        inventory::iter::<WorkflowRegistration>.into_iter().map(|r| (r.0)()).find(|d| d.name == name)
    }
    fn definition(&self, _: Fingerprint) -> Option<Definition> {
        None
    }
}

struct Script {
    next: u64,
    now: Timestamp,
    signals: Rc<RefCell<Messages>>,
    states: States,
    mocks: Mocks,
    pending: BTreeMap<OpId, Command>,
    /// What the oracle is told next.
    done: Option<(OpId, Completion)>,
    /// What is left of helpers that lost a race.
    undoing: Vec<Undo>,
    concurrent: bool,
    /// The state of the generator that chooses what ends next; without one the usual order holds.
    random: Option<u64>,
    operations: Vec<String>,
    children: BTreeMap<String, child::Child>,
    /// The input with which the check copy goes on as a new run.
    continued: Option<Payload>,
}

impl Script {
    fn inbox(&self) -> Box<dyn StepInbox> {
        Box::new(Inbox(self.signals.clone()))
    }

    /// Notes the operation.
    fn perform(&mut self, command: Command) {
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

    fn note(&mut self, command: &Command) {
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
    fn complete(&mut self) -> Option<(OpId, Completion)> {
        let op = self.choose()?;
        let command = self.pending.remove(&op)?;
        Some((op, self.end(op, command)?))
    }

    /// How an operation ends.
    fn end(&mut self, op: OpId, command: Command) -> Option<Completion> {
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
    fn choose(&mut self) -> Option<OpId> {
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
    fn group(&mut self, join: Join, members: Vec<Command>) -> Option<Completion> {
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

    fn attempts(&self, name: &str, args: &Payload, op: OpId, options: &ActivityOptions) -> Completion {
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

    fn mocked(&self, attempt: u32, name: &str, args: &Payload, op: OpId, options: &ActivityOptions) -> Option<Answer> {
        let Identity { workflow_id, run_id } = identity();
        let (instance, name, args, options) = (workflow_id.clone(), name.to_owned(), args.clone(), options.clone());
        let request = AttemptRequest {
            instance,
            workflow_id,
            run_id,
            op,
            attempt,
            name: name.clone(),
            args,
            options,
            progress: None,
        };
        self.mocks.answer(&name, &request).map(|answer| answer.unwrap_or_else(|e| panic!("{e}")))
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(t) => t,
        Poll::Pending => panic!("an activity of a differential test must not wait"),
    }
}

#[derive(Clone)]
struct Shared(Rc<RefCell<Script>>);

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
    fn undone(&self, op: OpId) -> bool {
        let at = self.0.borrow().undoing.iter().position(|u| u.saga.iter().any(|c| c.op == Some(op)));
        let Some(at) = at else { return false };
        let mut undo = self.0.borrow_mut().undoing.remove(at);
        undo.saga.retain(|c| c.op != Some(op));
        self.clone().undo(undo);
        true
    }
}
