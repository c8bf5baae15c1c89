//! What the body of a test works with.

use super::{run::TestRun, session::Session};
use crate::{
    activity::Activity,
    engine::{Clock as _, Engine, EngineBuilder, WorkflowFn},
    machine::{Workflow, WorkflowCall},
    testing::mock::{ActivityFn, Calls, IntoMock, MockFn},
};
use jiff::Timestamp;
use std::{fmt, panic::Location, rc::Rc, time::Duration};

/// The handle of a test with [`#[workflow_runtime::test]`](macro@crate::test).
///
/// It belongs to an engine in virtual time, which it opens at the first call. When the process is made to die, the next
/// one is opened behind the handle and the call is made good, so the body of the test does not notice.
///
/// Time stands still unless the test waits: [`advance`](Test::advance) moves it, and [`TestRun::result`] and
/// [`TestRun::wait_until_at`] let it run ahead until they have what they wait for. Every call ends when nothing is in flight
/// any more, so a test does the same things in the same order in each of its runs.
#[derive(Clone)]
pub struct Test(pub(super) Rc<Session>);

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Test").field("clock", &self.0.clock).field("mocks", &self.0.mocks).finish_non_exhaustive()
    }
}

impl Test {
    /// Lets a closure answer the calls of an activity from now on. It takes the owned arguments as parameters, with their
    /// types, and gives the activity's `Result`, or its value if it has no error, or a [`Mock`](crate::testing::Mock).
    ///
    /// It may be called again for one call of the workflow, when a crash has lost the answer: let it depend on its
    /// arguments only, or use [`mock_sequence`](Test::mock_sequence).
    pub fn mock<P, F, C>(&self, activity: F, closure: C)
    where
        F: ActivityFn<P>,
        C: MockFn<<F::Def as Activity>::Args, <F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        self.0.mocks.mock::<F::Def>(closure);
    }

    /// Lets an activity answer its attempts from now on with these, one after the other: each `Ok(..)`, `Err(..)` or a
    /// [`Mock`](crate::testing::Mock). One attempt more fails the test. An answer that a crash has lost is given again.
    pub fn mock_sequence<P, F, M>(&self, activity: F, answers: M)
    where
        F: ActivityFn<P>,
        M: IntoIterator,
        M::Item: IntoMock<<F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        self.0.mocks.sequence::<F::Def, M>(answers);
    }

    /// No activity runs for real from now on: a call of one that is not mocked fails the test.
    pub fn strict(&self) {
        self.0.mocks.strict();
    }

    /// The value for parameters of type `State<T>` of activities that are not mocked. It survives crashes, as the world
    /// outside does.
    ///
    /// # Panics
    ///
    /// If the engine has been used already.
    pub fn state<T: Send + Sync + 'static>(&self, value: T) {
        self.0.configure(|e| e.state(value));
    }

    /// Sets anything else that an engine can be given.
    ///
    /// # Panics
    ///
    /// If the engine has been used already.
    pub fn configure(&self, f: impl FnOnce(EngineBuilder) -> EngineBuilder) {
        self.0.configure(f);
    }

    /// Starts an instance, and lets it do what it can do at this time.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[track_caller]
    pub fn start<W: Workflow>(
        &self,
        id: impl Into<String>,
        call: WorkflowCall<W>,
    ) -> impl Future<Output = TestRun<W>> + '_ {
        let (id, caller) = (id.into(), Location::caller());
        async move {
            let started = self.call(async |engine| engine.start(id.as_str(), call.clone()).await.map(drop)).await;
            if let Err(e) = started {
                panic!("{caller}: `{id}` does not start: {e}");
            }
            TestRun::new(self.clone(), id)
        }
    }

    /// A handle of an instance that something else has started, such as a child.
    pub fn run<Args, F>(&self, workflow: F, id: impl Into<String>) -> TestRun<F::Def>
    where
        F: WorkflowFn<Args>,
        F::Def: Workflow,
    {
        let _ = workflow;
        TestRun::new(self.clone(), id.into())
    }

    /// Does anything else with the engine. After a crash it is done again with the next one, so it must be idempotent or
    /// depend on what it finds.
    ///
    /// # Errors
    ///
    /// Those of the closure.
    pub async fn call<T, E>(&self, f: impl AsyncFn(&Engine) -> Result<T, E>) -> Result<T, E> {
        loop {
            let process = self.0.process().await;
            let done = self.0.alongside(f(process.engine())).await;
            self.0.check();
            match done {
                Err(_) if process.is_dead() => {}
                done => {
                    self.0.settle().await;
                    return done;
                }
            }
        }
    }

    /// What workflows have called, with typed arguments: by the activity's function, mocked or not. A call is one however
    /// many attempts it took.
    pub fn calls<P, F: ActivityFn<P>>(&self, activity: F) -> Calls<<F::Def as Activity>::Args> {
        let _ = activity;
        Calls::of::<F::Def>(&self.0.attempts.list())
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Moves time by `d`, and stops at everything that becomes due on the way until it has been dealt with.
    pub async fn advance(&self, d: Duration) {
        self.0.advance(d).await;
    }
}
