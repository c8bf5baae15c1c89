//! Runs a workflow twice, as the function that the user wrote and as the machine that the compiler made of it, and compares.
//!
//! The function is the check copy, polled as a plain future against a small world. The machine meets the same world three
//! times: resident, evicted through bytes after every step, and evicted after every second one. All four must agree on the outcome
//! and on every operation that they asked for, in order. Where several operations are pending at once, all of this is repeated with
//! other orders in which they end.

mod child;
mod script;

use crate::{
    activity::{Activity, States, bounds::Transport},
    journal::{encoding, payload::Payload},
    machine::{
        Closed, Envelope, Frame, Identity, Input, Machine, Outcome, Resolve, Signal, StepError, Ticket, Update,
        Workflow, WorkflowCall, WorkflowDef, WorkflowRegistration,
        ambient::{self, Ambient},
        channel,
        oracle::{awaited, set_world},
        panic_location, panic_message, watch_panics,
    },
    testing::mock::{ActivityFn, IntoMock, MockFn, Mocks},
};
use jiff::Timestamp;
use script::{Messages, Script, Shared, answered};
use serde::Serialize;
use std::{
    cell::RefCell,
    collections::BTreeMap,
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
    /// How the workflow ended, as JSON: `{"ok": ..}`, `{"err": ..}`, or `{"panicked": message, "at": location}`.
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
        let (mut ended, mut panicked) = (None, None);
        loop {
            if ended.is_none() && world.0.borrow().continued.is_none() {
                match polled(|| future.as_mut().poll(&mut cx)) {
                    Ok(Poll::Ready(out)) => ended = Some(out),
                    Ok(Poll::Pending) => {}
                    Err(panic) => {
                        panicked = Some(panic);
                        break;
                    }
                }
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
            None => match (panicked, world.0.borrow_mut().continued.take()) {
                (Some(panic), _) => panic,
                (None, Some(input)) => serde_json::json!({ "continued": input.to_json() }),
                (None, None) => serde_json::Value::Null,
            },
        };
        let mut script = world.0.borrow_mut();
        let mut operations = std::mem::take(&mut script.operations);
        operations.extend(commands.iter().filter_map(answered));
        (Agreement { outcome, operations }, script.concurrent)
    }

    fn machine(&self, evict_every: usize, seed: Option<u64>) -> Agreement {
        self.driven(seed, |step, machine, args| {
            if evict_every != 0 && step.is_multiple_of(evict_every) {
                reload(machine, args, |_| {});
            }
        })
    }

    /// Runs the machine; `between` is called behind every step that waits, with the number of steps so far.
    fn driven(&self, seed: Option<u64>, mut between: impl FnMut(usize, &mut Machine, &Payload)) -> Agreement {
        let world = self.world(seed);
        let mut world = world.0.borrow_mut();
        let args = (self.call)().into_args().unwrap_or_else(|e| panic!("{e}"));
        let mut machine = Machine::start(identity(), W::def(), args.clone(), world.now);
        let (mut input, mut steps, mut answers) = (Input::Start, 0, vec![]);
        let outcome = loop {
            let step = match machine.step_with(input, world.now, world.inbox()) {
                Ok(step) => step,
                Err(StepError::Panicked { message, location, .. }) => break panicked(&message, location),
                Err(e) => panic!("{e}"),
            };
            answers.extend(step.commands.iter().filter_map(answered));
            for command in step.commands {
                world.perform(command);
            }
            if let Some(input) = step.continued {
                break serde_json::json!({ "continued": input.to_json() });
            }
            match step.closed {
                None => {}
                Some(Closed::Completed(value)) => break serde_json::json!({ "ok": value.to_json() }),
                Some(Closed::Failed { error, .. } | Closed::Cancelled { error, .. }) => {
                    break serde_json::json!({ "err": error.to_json() });
                }
            }
            steps += 1;
            between(steps, &mut machine, &args);
            input = match world.complete() {
                Some((op, completion)) => Input::Completed { op, completion },
                None => panic!("`{}` waits at `{}` for something that never comes", W::NAME, machine.point()),
            };
        };
        let mut operations = std::mem::take(&mut world.operations);
        operations.append(&mut answers);
        Agreement { outcome, operations }
    }

    /// Every local in every checkpoint of the run, and whether the rest of the run can do without it.
    ///
    /// The run is repeated once for each of them, with the local taken out of the checkpoint.
    #[doc(hidden)]
    pub fn saved(&self) -> Vec<Saved> {
        let mut all = vec![];
        self.driven(None, |step, machine, _| {
            let root = machine.frame().root;
            let point = machine.point().to_owned();
            all.extend(
                root.slots
                    .into_keys()
                    .map(|local| (step, Saved { point: point.clone(), local: local.into_owned(), needed: false })),
            );
        });
        for (at, saved) in &mut all {
            let without = self.driven(None, |step, machine, args| {
                if step == *at {
                    reload(machine, args, |frame| drop(frame.root.slots.remove(saved.local.as_str())));
                }
            });
            let empty = format!("slot `{}` is empty", saved.local);
            saved.needed = without.outcome["panicked"].as_str().is_some_and(|m| m.starts_with(&empty));
        }
        all.into_iter().map(|(_, saved)| saved).collect()
    }
}

/// A local in a checkpoint.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Saved {
    /// Label of the point.
    pub point: String,
    /// Key of the slot.
    pub local: String,
    /// The rest of the run takes it.
    pub needed: bool,
}

/// The machine as it comes back from its checkpoint, which `change` may change.
fn reload(machine: &mut Machine, args: &Payload, change: impl FnOnce(&mut Frame)) {
    let bytes = encoding::encode(&machine.frame()).unwrap_or_else(|e| panic!("{e}"));
    let mut frame: Frame = encoding::decode(&bytes).unwrap_or_else(|e| panic!("{e}"));
    change(&mut frame);
    let loaded = Machine::load(identity(), frame, args, &Linked);
    *machine = loaded.unwrap_or_else(|e| panic!("{e}")).0;
}

/// A poll of the function, or how it panicked.
fn polled<T>(poll: impl FnOnce() -> T) -> Result<T, serde_json::Value> {
    let _watch = watch_panics();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll))
        .map_err(|panic| panicked(&panic_message(&*panic), panic_location()))
}

fn panicked(message: &str, location: Option<String>) -> serde_json::Value {
    serde_json::json!({ "panicked": message, "at": location })
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
