//! What a workflow calls inside a step: plain functions that find the running step in a thread-local.

pub mod saga;

use super::{
    command::Command,
    frame::Compensation,
    inbox::{NoInbox, StepInbox},
};
use crate::journal::payload::Payload;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use uuid::Uuid;

thread_local!(static STEP: RefCell<Option<Ambient>> = const { RefCell::new(None) });

/// The step that runs on this thread.
pub(crate) struct Ambient {
    pub(crate) now: Timestamp,
    pub(crate) workflow_id: Arc<str>,
    pub(crate) run_id: Uuid,
    pub(crate) draws: u64,
    pub(crate) commands: Vec<Command>,
    pub(crate) scope: Scope,
    /// Why somebody asked the run to stop.
    pub(crate) cancel: Option<String>,
    pub(crate) error: Option<crate::journal::encoding::EncodeError>,
    /// The values of side effects that a recorded step had, when it is run again.
    pub(crate) recorded: Option<VecDeque<Payload>>,
    pub(crate) inbox: Box<dyn StepInbox>,
}

impl Ambient {
    pub(crate) fn new(now: Timestamp, workflow_id: Arc<str>, run_id: Uuid, draws: u64) -> Self {
        let (commands, scope, inbox) = (vec![], Scope::default(), Box::new(NoInbox));
        let (cancel, error, recorded) = (None, None, None);
        Ambient { now, workflow_id, run_id, draws, commands, scope, cancel, error, recorded, inbox }
    }
}

/// What belongs to one activation.
#[derive(Default)]
pub(crate) struct Scope {
    /// Its compensations.
    pub(crate) saga: Vec<Compensation>,
    /// They run all at once.
    pub(crate) parallel: bool,
    /// Its decided patches.
    pub(crate) patches: BTreeMap<String, bool>,
}

/// Makes `step` the running one and gives back the one before, which a nested oracle needs again.
pub(crate) fn set(step: Option<Ambient>) -> Option<Ambient> {
    STEP.with(|s| std::mem::replace(&mut *s.borrow_mut(), step))
}

/// Moves the time of the running step on; only an oracle does that.
#[cfg(feature = "testing")]
pub(crate) fn set_now(now: Timestamp) {
    with("", |a| a.now = now);
}

/// Opens the scope of an activation and gives back the outer one.
pub(crate) fn enter(scope: Scope) -> Scope {
    with("", |a| std::mem::replace(&mut a.scope, scope))
}

/// Closes it and opens the outer one again.
pub(crate) fn leave(outer: Scope) -> Scope {
    enter(outer)
}

/// Adds a helper's compensations to those of the activation that runs.
pub(crate) fn inherit(saga: Vec<Compensation>) {
    if !saga.is_empty() {
        with("", |a| a.scope.saga.extend(saga));
    }
}

pub(super) fn with<R>(what: &str, f: impl FnOnce(&mut Ambient) -> R) -> R {
    STEP.with(|s| match s.borrow_mut().as_mut() {
        Some(a) => f(a),
        None => panic!("`{what}` was called outside of a workflow: call it in the body of a `#[workflow]`, between two awaits or in a function that the body calls"),
    })
}

/// The time of the input that this step handles. It is the same whenever the step runs again and never goes backwards within an instance.
///
/// # Panics
///
/// Outside of a workflow.
pub fn now() -> Timestamp {
    with("now()", |a| a.now)
}

/// The id that the instance was started under.
///
/// # Panics
///
/// Outside of a workflow.
pub fn workflow_id() -> String {
    with("workflow_id()", |a| a.workflow_id.to_string())
}

/// The id of this run of the instance.
///
/// # Panics
///
/// Outside of a workflow.
pub fn run_id() -> Uuid {
    with("run_id()", |a| a.run_id)
}

/// Why somebody asked the run to stop, once its request has come: the reason of the first one.
///
/// A request resolves what is pending when it comes, and what begins later works: behind a
/// [`shielded`](crate::shielded) operation, or in a loop of clean-up, this tells that there was one.
///
/// # Panics
///
/// Outside of a workflow.
pub fn cancel_requested() -> Option<String> {
    with("cancel_requested()", |a| a.cancel.clone())
}

/// A value that [`random`] can draw.
pub trait Random {
    /// Makes the value from a source of uniformly distributed words.
    fn draw(next: &mut dyn FnMut() -> u64) -> Self;
}

macro_rules! random_integers { ($($t:ty)*) => { $(
    impl Random for $t {
        fn draw(next: &mut dyn FnMut() -> u64) -> Self { next() as $t }
    }
)* } }
random_integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl Random for u128 {
    fn draw(next: &mut dyn FnMut() -> u64) -> Self {
        u128::from(next()) << 64 | u128::from(next())
    }
}

impl Random for bool {
    fn draw(next: &mut dyn FnMut() -> u64) -> Self {
        next() >> 63 == 1
    }
}

/// Uniform in `[0, 1)`.
impl Random for f64 {
    fn draw(next: &mut dyn FnMut() -> u64) -> Self {
        (next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Random for Uuid {
    fn draw(next: &mut dyn FnMut() -> u64) -> Self {
        uuid::Builder::from_random_bytes(u128::draw(next).to_be_bytes()).into_uuid()
    }
}

/// A random value from the run's own stream: the same whenever the step runs again.
///
/// SplitMix64 (Steele, Lea, Flood 2014) over the run id; not for secrets.
///
/// # Panics
///
/// Outside of a workflow.
pub fn random<T: Random>() -> T {
    T::draw(&mut || {
        with("random()", |a| {
            let seed = a.run_id.as_u64_pair();
            a.draws += 1;
            let mut z = (seed.0 ^ seed.1).wrapping_add(a.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    })
}

/// A random (version 4) UUID from the run's own stream.
///
/// # Panics
///
/// Outside of a workflow.
pub fn uuid() -> Uuid {
    random()
}

/// Runs `f` in the step and records its value. It may run again if the commit is lost; only the committed value is ever seen.
///
/// # Panics
///
/// Outside of a workflow.
pub fn side_effect<T: Serialize + DeserializeOwned>(f: impl FnOnce() -> T) -> T {
    let recorded = with("side_effect()", |a| a.recorded.as_mut().and_then(VecDeque::pop_front));
    // A recorded value of another type is as good as none: the difference shows.
    let value = recorded.and_then(|p| p.decode().ok()).unwrap_or_else(f);
    let payload = Payload::encode(&value);
    with("side_effect()", |a| match payload {
        Ok(p) => a.commands.push(Command::SideEffect(p)),
        Err(e) => a.error = Some(e),
    });
    value
}

/// Sets the status that `run.status()` shows until the next call.
///
/// # Panics
///
/// Outside of a workflow.
pub fn set_status<T: Serialize + ?Sized>(status: &T) {
    let payload = Payload::encode(status);
    with("set_status()", |a| match payload {
        Ok(p) => a.commands.push(Command::Status(p)),
        Err(e) => a.error = Some(e),
    });
}

/// Puts a searchable tag on the instance.
///
/// # Panics
///
/// Outside of a workflow.
pub fn tag(key: impl Into<String>, value: impl ToString) {
    let (key, value) = (key.into(), value.to_string());
    with("tag()", |a| a.commands.push(Command::Tag { key, value }));
}

/// Answers `patched!`: false only where an upgrade has decided so for this run.
#[doc(hidden)]
pub fn patched(id: &str) -> bool {
    with("patched!()", |a| a.scope.patches.get(id).copied().unwrap_or(true))
}
