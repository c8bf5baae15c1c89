//! Runs a workflow twice, as the function that the user wrote and as the machine that the compiler made of it, and compares.
//!
//! The function is the check copy, polled as a plain future against a small world. The machine meets the same world three
//! times: resident, evicted through bytes after every step, and evicted after every second one. All four must agree on the outcome
//! and on every operation that they asked for, in order.

mod child;

use crate::{
    activity::{
        Activity, ActivityContext, ActivityOptions, ActivityRegistration, Attempt, AttemptRequest, States,
        bounds::Transport,
    },
    journal::{encoding, payload::Payload},
    machine::{
        Closed, Command, Completion, Frame, Identity, Input, Machine, OpId, Outcome, Resolve, Signal, Workflow,
        WorkflowCall, WorkflowDef, WorkflowRegistration,
        ambient::{self, Ambient},
        oracle::{World, awaited, set_world},
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
/// Activities run at once, one attempt at a time, and must not wait for anything; timers fire in the order in which they are
/// begun; signals come from [`signal`](Differential::signal), and a timeout is reached when none is left.
pub struct Differential<F> {
    call: F,
    signals: BTreeMap<String, VecDeque<Payload>>,
    states: States,
    mocks: Mocks,
}

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
        Differential { call, signals: BTreeMap::new(), states: States::default(), mocks: Mocks::default() }
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

    /// Gives activities a state.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Lets a closure answer the calls of an activity; it must give the same answers in each of the four runs. See
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

    /// Runs function and machine.
    ///
    /// # Panics
    ///
    /// If they differ, with the first difference; or if a step fails.
    pub fn run(self) -> Agreement {
        let (outcome, operations) = self.oracle();
        let expected = Agreement { outcome, operations };
        for evict_every in [0, 1, 2] {
            let (outcome, operations) = self.machine(evict_every);
            let found = Agreement { outcome, operations };
            assert!(
                found == expected,
                "`{}`: the machine, evicted every {evict_every} steps (0: never), does not do what the function does\n{}",
                W::NAME,
                first_difference(&expected, &found)
            );
        }
        expected
    }

    fn world(&self) -> Shared {
        Shared(Rc::new(RefCell::new(Script {
            next: 0,
            now: Timestamp::UNIX_EPOCH,
            signals: self.signals.clone(),
            states: self.states.clone(),
            mocks: self.mocks.clone(),
            done: BTreeMap::new(),
            operations: vec![],
            children: BTreeMap::new(),
        })))
    }

    fn oracle(&self) -> (serde_json::Value, Vec<String>) {
        let world = self.world();
        let before = set_world(Some(Box::new(world.clone())));
        let Identity { workflow_id, run_id } = identity();
        let outer = ambient::set(Some(Ambient::new(world.0.borrow().now, workflow_id, run_id, 0)));
        let mut future = awaited((self.call)());
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(out) = future.as_mut().poll(&mut cx) else {
            panic!("`{}` waits for something that never comes", W::NAME)
        };
        drop(future);
        ambient::set(outer);
        set_world(before);
        let json = match <W::Outcome as Outcome>::halves(out) {
            Ok(value) => ended("ok", &value),
            Err(error) => ended("err", &error),
        };
        let operations = std::mem::take(&mut world.0.borrow_mut().operations);
        (json, operations)
    }

    fn machine(&self, evict_every: usize) -> (serde_json::Value, Vec<String>) {
        let world = self.world();
        let mut world = world.0.borrow_mut();
        let args = (self.call)().into_args().unwrap_or_else(|e| panic!("{e}"));
        let mut machine = Machine::start(identity(), W::def(), args.clone(), world.now);
        let (mut inputs, mut steps) = (VecDeque::from([Input::Start]), 0);
        loop {
            let Some(input) = inputs.pop_front() else {
                panic!("`{}` waits at `{}` for something that never comes", W::NAME, machine.point())
            };
            let step = machine.step(input, world.now).unwrap_or_else(|e| panic!("{e}"));
            for command in step.commands {
                if let Some(op) = op_of(&command) {
                    world.perform(command);
                    if let Some(completion) = world.done.remove(&op) {
                        inputs.push_back(Input::Completed { op, completion });
                    }
                }
            }
            match step.closed {
                None => {}
                Some(Closed::Completed(value)) => {
                    return (serde_json::json!({ "ok": value.to_json() }), std::mem::take(&mut world.operations));
                }
                Some(Closed::Failed { error, .. } | Closed::Cancelled { error, .. }) => {
                    return (serde_json::json!({ "err": error.to_json() }), std::mem::take(&mut world.operations));
                }
            }
            steps += 1;
            if evict_every != 0 && steps % evict_every == 0 {
                let bytes = encoding::encode(&machine.frame()).unwrap_or_else(|e| panic!("{e}"));
                let frame: Frame = encoding::decode(&bytes).unwrap_or_else(|e| panic!("{e}"));
                let loaded = Machine::load(identity(), frame, &args, &Linked);
                machine = loaded.unwrap_or_else(|e| panic!("{e}")).0;
            }
        }
    }
}

fn identity() -> Identity {
    Identity { workflow_id: "differential".into(), run_id: Uuid::from_u128(0x5eed) }
}

fn ended<T: Transport>(how: &str, value: &T) -> serde_json::Value {
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
        | Command::Remote { op, .. } => Some(*op),
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
    signals: BTreeMap<String, VecDeque<Payload>>,
    states: States,
    mocks: Mocks,
    done: BTreeMap<OpId, Completion>,
    operations: Vec<String>,
    children: BTreeMap<String, child::Child>,
}

impl Script {
    /// Notes the operation and completes it.
    fn perform(&mut self, command: Command) {
        match command {
            Command::Activity { op, name, args, options } => {
                self.operations.push(format!("{op} {name}{}", args.to_json()));
                let completion = self.attempts(&name, &args, op, &options);
                self.done.insert(op, completion);
            }
            Command::Timer { op, at } => {
                self.operations.push(format!("{op} timer {at}"));
                self.now = self.now.max(at);
                self.done.insert(op, Completion::Fired);
            }
            Command::Signal { op, name, deadline } => {
                self.operations.push(format!("{op} signal {name} {deadline:?}"));
                let next = self.signals.get_mut(&name).and_then(VecDeque::pop_front);
                match (next, deadline) {
                    (Some(value), _) => {
                        self.done.insert(op, Completion::Value(value));
                    }
                    (None, Some(at)) => {
                        self.now = self.now.max(at);
                        self.done.insert(op, Completion::TimedOut);
                    }
                    (None, None) => panic!("the workflow waits for the signal `{name}`, and none is left"),
                }
            }
            Command::Detach { op } => {
                self.done.remove(&op);
            }
            Command::Remote { op, target, ask } => {
                let (id, answer) = (target.id.clone(), self.remote(op, target, ask));
                self.done.insert(op, Completion::Remote { id, answer });
            }
            Command::Cancel { .. }
            | Command::SideEffect(_)
            | Command::Status(_)
            | Command::Compensating { .. }
            | Command::Tag { .. }
            | Command::Take { .. }
            | Command::SetAside { .. }
            | Command::Reply { .. } => {}
        }
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
        let request = AttemptRequest { instance, workflow_id, run_id, op, attempt, name: name.clone(), args, options };
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
        let mut script = self.0.borrow_mut();
        script.perform(command);
        // As in the machine, the next step runs at the time of what has just ended.
        ambient::set_now(script.now);
    }
    fn poll(&mut self, op: OpId) -> Option<Completion> {
        self.0.borrow_mut().done.remove(&op)
    }
    fn next_op(&mut self) -> OpId {
        let mut script = self.0.borrow_mut();
        script.next += 1;
        OpId(script.next - 1)
    }
}
