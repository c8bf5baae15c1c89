//! What stands in for activities in a test.

mod answer;
mod calls;
mod function;

pub use answer::Mock;
pub use calls::{Call, Calls};
pub use function::{ActivityFn, IntoMock, MockFn};

use super::TestClock;
use crate::{
    activity::{
        Activity, ActivityContext, ActivityDef, Attempt, AttemptFuture, AttemptReport, AttemptRequest, States, Timeout,
        bounds::Arguments as _,
    },
    engine::Backdoor,
    journal::payload::Payload,
    machine::{panic_location, panic_message},
};
pub(super) use answer::{Answer, Ended};
use calls::called;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Answers an attempt from its stored arguments; an error is the test's, not the activity's.
type Answering = Arc<Mutex<dyn FnMut(&Payload) -> Result<Answer, String> + Send>>;

/// One attempt of one operation: its idempotency key and its number.
pub(super) type Tried = (String, u32);

enum Mocked {
    Always(Answering),
    Sequence(Sequence),
}

/// Answers that are given one after the other.
#[derive(Default)]
struct Sequence {
    answers: Vec<Answer>,
    next: usize,
    /// Which answer an attempt was given.
    given: BTreeMap<Tried, usize>,
    /// Answers whose attempts were lost in a crash: the next attempt of the same operation gets the same.
    lost: BTreeMap<String, usize>,
}

/// The mocks of one test, over all of its engines. Clones are the same mocks.
#[derive(Clone, Default)]
pub(super) struct Mocks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mocked: BTreeMap<&'static str, Mocked>,
    strict: bool,
    clock: Option<TestClock>,
    engine: Option<Backdoor>,
    /// What the test did wrong, or found.
    failure: Option<String>,
    timed_out: BTreeSet<Tried>,
}

impl fmt::Debug for Mocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.state().mocked.keys()).finish()
    }
}

/// What answers by the closure.
fn answering<A, C>(mut closure: C) -> Mocked
where
    A: Activity,
    C: MockFn<A::Args, A::Ok, A::Err>,
{
    Mocked::Always(Arc::new(Mutex::new(move |args: &Payload| {
        let args = A::Args::load(args).map_err(|e| format!("the arguments of `{}` do not decode: {e}", A::NAME))?;
        let answer = catch_unwind(AssertUnwindSafe(|| closure.answer(args)));
        answer.map(Answer::of::<A>).map_err(|panic| {
            let at = panic_location().map(|at| format!(" at {at}")).unwrap_or_default();
            format!("the mock of `{}` panicked{at}: {}", A::NAME, panic_message(&*panic))
        })
    })))
}

/// The answers of a sequence, without their types.
pub(super) fn answers<A, M>(sequence: M) -> Vec<Answer>
where
    A: Activity,
    M: IntoIterator,
    M::Item: IntoMock<A::Ok, A::Err>,
{
    sequence.into_iter().map(|m| Answer::of::<A>(m.into_mock())).collect()
}

impl Mocks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mock<A: Activity>(&self, closure: impl MockFn<A::Args, A::Ok, A::Err>) {
        self.state().mocked.insert(A::NAME, answering::<A, _>(closure));
    }

    pub(super) fn sequence<A, M>(&self, sequence: M)
    where
        A: Activity,
        M: IntoIterator,
        M::Item: IntoMock<A::Ok, A::Err>,
    {
        self.answers::<A>(answers::<A, M>(sequence));
    }

    pub(super) fn answers<A: Activity>(&self, answers: Vec<Answer>) {
        let sequence = Sequence { answers, ..Sequence::default() };
        self.state().mocked.insert(A::NAME, Mocked::Sequence(sequence));
    }

    pub(super) fn strict(&self) {
        self.state().strict = true;
    }

    /// Stands between this engine and its activities from now on.
    pub(super) fn attach(&self, engine: &crate::engine::Engine, clock: &TestClock) {
        let mut state = self.state();
        state.clock = Some(clock.clone());
        let engine = engine.backdoor();
        let failure = state.failure.clone();
        state.engine = Some(engine.clone());
        drop(state);
        if let Some(failure) = failure {
            engine.stop(&failure);
        }
    }

    /// What the test did wrong, or found; told once.
    pub(super) fn take_failure(&self) -> Option<String> {
        self.state().failure.take()
    }

    /// Ends the test: the engine answers every call with this.
    pub(super) fn fail(&self, message: String) {
        let mut state = self.state();
        let engine = state.engine.clone();
        state.failure.get_or_insert_with(|| message.clone());
        drop(state);
        if let Some(engine) = engine {
            engine.stop(&message);
        }
    }

    /// After a crash: the attempts whose failure is durable; all others were lost, and their answers with them.
    pub(super) fn crashed(&self, failed: &BTreeSet<Tried>) {
        for mocked in self.state().mocked.values_mut() {
            let Mocked::Sequence(sequence) = mocked else { continue };
            let given = std::mem::take(&mut sequence.given);
            for (tried, answer) in given {
                if failed.contains(&tried) {
                    sequence.given.insert(tried, answer);
                } else {
                    sequence.lost.entry(tried.0).or_insert(answer);
                }
            }
        }
    }

    /// `None`: the activity is not mocked.
    pub(super) fn answer(&self, name: &str, request: &AttemptRequest) -> Option<Result<Answer, String>> {
        let mut state = self.state();
        Some(match state.mocked.get_mut(name)? {
            Mocked::Always(answering) => {
                let answering = answering.clone();
                // The closure is the test's, and may use the mocks.
                drop(state);
                let mut answering = answering.lock().unwrap_or_else(PoisonError::into_inner);
                answering(&request.args)
            }
            Mocked::Sequence(sequence) => sequence.answer((request.idempotency_key(), request.attempt)).ok_or_else(|| {
                format!(
                    "attempt {} of `{}` (workflow `{}`) finds no answer: the sequence of its mock has {}; add one, or use `.mock(..)`",
                    request.attempt,
                    called(name, &request.args),
                    request.workflow_id,
                    sequence.answers.len()
                )
            }),
        })
    }

    /// Why an activity that is not mocked must not run.
    fn refusal(&self, request: &AttemptRequest, def: &ActivityDef, states: &States) -> Option<String> {
        let (name, workflow) = (def.name, &request.workflow_id);
        if self.state().strict {
            return Some(format!(
                "`{}` (workflow `{workflow}`) is not mocked, and this test is strict: add `.mock({name}, ..)`",
                called(name, &request.args)
            ));
        }
        let (_, missing) = (def.states)().into_iter().find(|(id, _)| !states.has(*id))?;
        Some(format!(
            "`{name}` (workflow `{workflow}`) is not mocked and needs a `State<{missing}>`, which nobody gave: add `.state(..)`, or `.mock({name}, ..)`"
        ))
    }

    async fn perform(self, answer: Answer, request: AttemptRequest) -> Attempt {
        match answer.end(&request.options) {
            Ended::Attempt(attempt) => attempt,
            Ended::TimedOut => {
                self.state().timed_out.insert((request.idempotency_key(), request.attempt));
                Attempt::Ok(request.args)
            }
            Ended::Never => {
                let clock = self.state().clock.clone();
                match clock {
                    Some(clock) => clock.hang().await,
                    None => std::future::pending().await,
                }
                Attempt::Ok(request.args)
            }
        }
    }
}

impl Sequence {
    fn answer(&mut self, tried: Tried) -> Option<Answer> {
        let before = self.given.get(&tried).copied();
        let answer = match before.or_else(|| self.lost.remove(&tried.0)) {
            Some(again) => again,
            None => {
                self.next += 1;
                self.next - 1
            }
        };
        let found = self.answers.get(answer)?.clone();
        self.given.insert(tried, answer);
        Some(found)
    }
}

impl Mocks {
    /// What runs instead of an activity: its mock, or nothing if it must not run.
    pub(super) fn replace(
        &self,
        request: &AttemptRequest,
        def: &'static ActivityDef,
        states: &States,
        _: &ActivityContext,
    ) -> Option<AttemptFuture> {
        let wrong = match self.answer(def.name, request) {
            Some(Ok(answer)) => return Some(Box::pin(self.clone().perform(answer, request.clone()))),
            Some(Err(wrong)) => wrong,
            None => self.refusal(request, def, states)?,
        };
        self.fail(wrong);
        // The attempt is lost with its engine.
        Some(Box::pin(std::future::pending()))
    }

    /// The report of an attempt, or that it has timed out.
    pub(super) fn reported(&self, request: &AttemptRequest, report: AttemptReport) -> AttemptReport {
        let timed_out = self.state().timed_out.remove(&(request.idempotency_key(), request.attempt));
        if timed_out { AttemptReport::TimedOut(Timeout::Attempt) } else { report }
    }
}
