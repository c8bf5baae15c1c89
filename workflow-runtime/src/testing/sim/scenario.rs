//! What clients do in a run, and what must come out of it.

use super::{outcomes::Outcomes, rng::Rng};
use crate::{
    activity::{States, bounds::Transport as _},
    engine::{ControlError, Engine, RunError, SignalError, StartError, inspect},
    journal::{history::Outcome, payload::Payload},
    machine::{LocalBoxFuture, OkOf, Signal, Workflow, WorkflowCall},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    rc::Rc,
};

/// What happens to one world: which instances are started, what clients do to them, and how the end is judged.
///
/// Made anew for every seed, by the function that [`Simulation::new`](super::Simulation::new) was given. Clients act at
/// random times, and repeat what got no answer, after they have looked whether it has happened.
pub struct Scenario {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) scale: u64,
    pub(super) only: Option<BTreeSet<String>>,
    pub(super) states: States,
    pub(super) actions: Vec<Action>,
    pub(super) handles: Handles,
    pub(super) checks: Vec<Check>,
    pub(super) max_steps: u64,
}

/// Judges the end of a run.
pub(super) type Check = Box<dyn Fn(&Outcomes<'_>) -> Result<(), String>>;

/// A call of a client.
pub(super) struct Action {
    pub(super) id: String,
    pub(super) what: What,
    call: Call,
}

enum Call {
    Start(Rc<dyn Fn(Engine) -> LocalBoxFuture<Reply>>),
    /// Through the handle of the instance.
    Handle,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Start,
    Signal(String, Payload),
    Cancel(String),
    Terminate(String),
    Retry,
    Result,
}

impl Action {
    /// Lets a blocked instance try again.
    pub(super) fn retry(id: &str) -> Self {
        Action { id: id.to_owned(), what: What::Retry, call: Call::Handle }
    }

    /// Asks an instance to stop.
    pub(super) fn cancel(id: &str) -> Self {
        Action { id: id.to_owned(), what: What::Cancel("nothing comes any more".into()), call: Call::Handle }
    }

    /// Ends an instance.
    pub(super) fn terminate(id: &str) -> Self {
        Action { id: id.to_owned(), what: What::Terminate("nothing comes any more".into()), call: Call::Handle }
    }

    /// Makes the call.
    pub(super) fn make(&self, engine: Engine, handles: &Handles) -> LocalBoxFuture<Reply> {
        match (&self.call, handles.get(&self.id)) {
            (Call::Start(start), _) => start(engine),
            (Call::Handle, Some(handle)) => handle.call(engine, self.id.clone(), self.what.clone()),
            // A child: nobody has a handle of it with its types.
            (Call::Handle, None) => {
                let (run, what) = (engine.untyped(self.id.clone()), self.what.clone());
                Box::pin(async move {
                    match what {
                        What::Cancel(reason) => control(run.cancel(reason).await),
                        What::Terminate(reason) => control(run.terminate(reason).await),
                        What::Retry => control(run.retry().await),
                        What::Start | What::Signal(..) | What::Result => {
                            Reply::Wrong("the scenario starts no such instance".into())
                        }
                    }
                })
            }
        }
    }
}

/// The handles of the instances that are started, by id.
pub(super) type Handles = BTreeMap<String, Rc<dyn Handle>>;

/// A handle of an instance, whatever it runs.
pub(super) trait Handle {
    fn call(&self, engine: Engine, id: String, what: What) -> LocalBoxFuture<Reply>;
}

struct Typed<W>(PhantomData<W>);

impl<W: Workflow> Handle for Typed<W> {
    fn call(&self, engine: Engine, id: String, what: What) -> LocalBoxFuture<Reply> {
        let run = inspect::run::<W>(&engine, &id);
        Box::pin(async move {
            match what {
                What::Start => Reply::Wrong("a start has no handle".into()),
                What::Signal(name, payload) => match run.signal_payload(&name, payload).await {
                    Ok(()) => Reply::Done,
                    Err(SignalError::NotFound { .. }) => Reply::Absent,
                    Err(SignalError::Closed { .. }) => Reply::Closed,
                    Err(SignalError::Unavailable(_)) => Reply::Unknown,
                    Err(e) => Reply::Wrong(e.to_string()),
                },
                What::Cancel(reason) => control(run.cancel(reason).await),
                What::Terminate(reason) => control(run.terminate(reason).await),
                What::Retry => control(run.retry().await),
                What::Result => ended::<W>(run.result().await),
            }
        })
    }
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// It has happened.
    Done,
    /// The run had ended before.
    Closed,
    /// There is no such instance.
    Absent,
    /// It has happened, or not.
    Unknown,
    /// How the run has ended.
    Ended(Outcome),
    /// What should not be answered here.
    Wrong(String),
}

impl Scenario {
    pub(super) fn new(seed: u64, scale: u64, only: Option<BTreeSet<String>>) -> Self {
        Scenario {
            seed,
            rng: Rng::new(seed, 1),
            scale,
            only,
            states: States::default(),
            actions: vec![],
            handles: Handles::new(),
            checks: vec![],
            max_steps: 200_000,
        }
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A random number below `n`, which depends on the seed only.
    pub fn random(&mut self, n: u64) -> u64 {
        self.rng.below(n)
    }

    /// A random size from 1 to `most`. A failure is tried again with smaller ones.
    pub fn size(&mut self, most: u64) -> u64 {
        1 + self.rng.below((most * self.scale).div_ceil(100).max(1))
    }

    /// The value for parameters of type `State<T>` of activities. It is part of the world: crashes do not touch it.
    pub fn state<T: Send + Sync + 'static>(&mut self, value: T) {
        self.states.insert(value);
    }

    /// A run that takes more decisions of the simulation than this to end is stuck. Default: 200,000.
    pub fn max_steps(&mut self, steps: u64) {
        self.max_steps = steps;
    }

    /// A client starts an instance, and another one waits for its result.
    pub fn start<W: Workflow>(&mut self, id: impl Into<String>, call: WorkflowCall<W>) {
        let id = id.into();
        self.handles.insert(id.clone(), Rc::new(Typed::<W>(PhantomData)));
        let of = id.clone();
        let start = move |engine: Engine| -> LocalBoxFuture<Reply> {
            let (id, call) = (of.clone(), call.clone());
            Box::pin(async move {
                match engine.start(id, call).await {
                    Ok(_) => Reply::Done,
                    Err(StartError::Unavailable(_)) => Reply::Unknown,
                    Err(e) => Reply::Wrong(e.to_string()),
                }
            })
        };
        self.act(&id, What::Start, Call::Start(Rc::new(start)));
        self.act(&id, What::Result, Call::Handle);
    }

    /// A client sends a signal to an instance that [`start`](Self::start) names: exactly once, whatever happens, unless
    /// the run ends before.
    pub fn signal<T: Serialize>(&mut self, id: impl Into<String>, signal: &Signal<T>, value: T) {
        let name = signal.name();
        match Payload::encode(&value) {
            Ok(payload) => self.act(&id.into(), What::Signal(name.to_owned(), payload), Call::Handle),
            Err(e) => {
                let message = format!("the payload of signal `{name}` cannot be saved: {e}");
                self.check(move |_| Err(message.clone()));
            }
        }
    }

    /// A client asks an instance that [`start`](Self::start) names to stop.
    pub fn cancel(&mut self, id: impl Into<String>, reason: impl Into<String>) {
        self.act(&id.into(), What::Cancel(reason.into()), Call::Handle);
    }

    /// A client terminates an instance that [`start`](Self::start) names.
    pub fn terminate(&mut self, id: impl Into<String>, reason: impl Into<String>) {
        self.act(&id.into(), What::Terminate(reason.into()), Call::Handle);
    }

    /// Judges the end: every instance has ended, and nothing is under way any more.
    pub fn check(&mut self, judge: impl Fn(&Outcomes<'_>) -> Result<(), String> + 'static) {
        self.checks.push(Box::new(judge));
    }

    fn act(&mut self, id: &str, what: What, call: Call) {
        if self.has(id) {
            self.actions.push(Action { id: id.to_owned(), what, call });
        }
    }

    /// Whether this instance is part of the run: not all of them are, when a failure is made smaller.
    pub fn has(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }
}

fn control(answer: Result<(), ControlError>) -> Reply {
    match answer {
        Ok(()) => Reply::Done,
        Err(ControlError::NotFound { .. }) => Reply::Absent,
        Err(ControlError::Closed { .. } | ControlError::NotBlocked { .. }) => Reply::Closed,
        Err(ControlError::Unavailable(_)) => Reply::Unknown,
        Err(e) => Reply::Wrong(e.to_string()),
    }
}

fn ended<W: Workflow>(result: Result<OkOf<W>, RunError<crate::machine::ErrOf<W>>>) -> Reply {
    let unsaveable = |e: crate::journal::encoding::EncodeError| Reply::Wrong(e.to_string());
    match result {
        Ok(value) => value.save().map_or_else(unsaveable, |v| Reply::Ended(Outcome::Completed(v))),
        Err(RunError::Failed(error)) => error.save().map_or_else(unsaveable, |e| Reply::Ended(Outcome::Failed(e))),
        Err(RunError::Cancelled { reason, error, .. }) => {
            error.save().map_or_else(unsaveable, |error| Reply::Ended(Outcome::Cancelled { reason, error }))
        }
        Err(RunError::Terminated { reason, .. }) => Reply::Ended(Outcome::Terminated { reason }),
        Err(RunError::NotFound { .. }) => Reply::Absent,
        Err(RunError::Unavailable(_)) => Reply::Unknown,
        Err(e) => Reply::Wrong(e.code().to_owned()),
    }
}
