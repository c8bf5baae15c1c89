//! An engine in memory, in virtual time.

use super::{
    Attempts, TestClock,
    deliveries::{Between, Deliveries},
    durable,
    mock::{ActivityFn, Calls, IntoMock, MockFn, Mocks},
};
use crate::{
    activity::Activity,
    engine::{BuildError, Engine, EngineBuilder, Run, RunStatus},
    machine::Workflow,
    store::{MemoryStore, Store},
};
use std::{fmt, ops::Deref, sync::Arc, time::Duration};

/// An engine for tests: in memory, in virtual time, with run ids that depend on a seed only. Runs that have ended are kept
/// for ever, unless [`configure`](TestEngineBuilder::configure) sets a retention.
///
/// Dereferences to [`Engine`]. Time skips to what is due next whenever nothing is in flight, so a workflow that sleeps for
/// a month is tested in no time; with [`TestEngineBuilder::manual`] it moves only when the test says so. Use it in a
/// `#[tokio::test]` with one thread, where activities run one poll at a time.
///
/// ```standalone_crate
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// const APPROVED: Signal<String> = Signal::new("approved");
///
/// #[workflow]
/// async fn approval() -> Result<String, Cancelled> {
///     match APPROVED.recv().timeout(days(5)).await {
///         Ok(by) => Ok(format!("approved by {by}")),
///         Err(WaitError::TimedOut) => Ok("nobody cared".to_string()),
///         Err(WaitError::Cancelled) => Err(Cancelled),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// let run = engine.start("in-time", approval()).await?;
/// run.signal(&APPROVED, "Ada".to_string()).await?;
/// assert_eq!(run.result().await?, "approved by Ada");
///
/// let run = engine.start("too-late", approval()).await?;
/// assert_eq!(run.result().await?, "nobody cared");
/// # Ok(()) }
/// ```
///
/// # Activities
///
/// An activity runs for real unless it is mocked; what it takes as `State<T>` must be there when it does. A test that does
/// something wrong, such as running an activity without its state, has its engine stopped: every call gives an error that
/// says so, and dropping the engine panics with it.
///
/// ```standalone_crate
/// # use workflow_runtime::{prelude::*, testing::{Mock, TestEngine}};
/// struct Gateway;
///
/// #[activity(retry(initial = "1h"))]
/// async fn charge(gateway: State<Gateway>, card: &str, cents: u64) -> Result<u64, String> {
///     unreachable!("the bank is not called in tests")
/// }
///
/// #[workflow]
/// async fn payment(card: String) -> Result<u64, WorkflowError> {
///     Ok(charge(&card, 500).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// engine.mock(charge, |card: String, cents: u64| if card == "4242" { Ok(cents) } else { Err("declined".into()) });
/// assert_eq!(engine.start("p-1", payment("4242".into())).await?.result().await?, 500);
///
/// engine.mock_sequence(charge, [Mock::fail("busy".to_string()), Mock::panic("paper jam"), Mock::ok(7)]);
/// assert_eq!(engine.start("p-2", payment("5555".into())).await?.result().await?, 7);
///
/// let calls = engine.calls(charge);
/// calls.assert_called_times(2);
/// assert_eq!((calls[0].args.clone(), calls[0].attempt), (("4242".to_string(), 500), 1));
/// assert_eq!((calls[1].workflow_id.as_str(), calls[1].attempt), ("p-2", 3));
/// # Ok(()) }
/// ```
pub struct TestEngine {
    engine: Engine,
    clock: TestClock,
    attempts: Attempts,
    mocks: Mocks,
    /// What the next engine is made of.
    builder: TestEngineBuilder,
}

/// Puts a [`TestEngine`] together.
#[derive(Clone)]
#[must_use = "call `.build().await`"]
pub struct TestEngineBuilder {
    engine: EngineBuilder,
    store: Arc<dyn Store>,
    clock: TestClock,
    attempts: Attempts,
    mocks: Mocks,
    /// Whose failures nobody else reports.
    own_mocks: bool,
    deliveries: Deliveries,
    seed: u64,
}

impl TestEngine {
    /// An engine with every function that is linked into the test.
    ///
    /// # Errors
    ///
    /// As [`EngineBuilder::build`].
    pub async fn new() -> Result<Self, BuildError> {
        Self::builder().build().await
    }

    /// An engine to be configured.
    pub fn builder() -> TestEngineBuilder {
        TestEngineBuilder {
            // Time skips: a test that looks at a run after its end would find nothing.
            engine: Engine::builder().workers(1).retention_forever(),
            store: Arc::new(MemoryStore::new()),
            clock: TestClock::new(),
            attempts: Attempts::new(),
            mocks: Mocks::default(),
            own_mocks: true,
            deliveries: Deliveries::Once,
            seed: 0,
        }
    }

    /// The clock of this engine.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Every attempt of an activity that has started.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Lets a closure answer the calls of an activity from now on. See [`TestEngineBuilder::mock`].
    pub fn mock<P, F, C>(&self, activity: F, closure: C)
    where
        F: ActivityFn<P>,
        C: MockFn<<F::Def as Activity>::Args, <F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        self.mocks.mock::<F::Def>(closure);
    }

    /// Lets an activity answer its attempts from now on with these, one after the other. See
    /// [`TestEngineBuilder::mock_sequence`].
    pub fn mock_sequence<P, F, M>(&self, activity: F, answers: M)
    where
        F: ActivityFn<P>,
        M: IntoIterator,
        M::Item: IntoMock<<F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        self.mocks.sequence::<F::Def, M>(answers);
    }

    /// What workflows have called, with typed arguments: by name of the activity's function, mocked or not.
    pub fn calls<P, F: ActivityFn<P>>(&self, activity: F) -> Calls<<F::Def as Activity>::Args> {
        let _ = activity;
        Calls::of::<F::Def>(&self.attempts.list())
    }

    /// Moves time by `d`, and stops at everything that becomes due on the way until it has been dealt with.
    pub async fn advance(&self, d: Duration) {
        let _still = self.clock.pause();
        self.clock.advance(d).await;
    }

    /// Waits until nothing can happen any more before time moves or somebody calls.
    pub async fn run_until_idle(&self) {
        let _still = self.clock.pause();
        self.clock.advance(Duration::ZERO).await;
    }

    /// Lets time pass until the run waits at the suspension point with this label, and nothing else is in flight.
    /// A point whose operation ends at once, such as an activity whose mock answers, is passed without a wait.
    ///
    /// With a clock that moves by itself, time goes on behind it: use [`TestEngineBuilder::manual`], or
    /// [`TestClock::pause`].
    ///
    /// # Panics
    ///
    /// If the run ends before, or waits for something that never comes; with its status.
    #[track_caller]
    pub fn wait_until_at<'a, W: Workflow>(
        &'a self,
        run: &'a Run<W>,
        point: &'a str,
    ) -> impl Future<Output = RunStatus> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let _still = self.clock.pause();
            loop {
                self.clock.advance(Duration::ZERO).await;
                let status = match run.status().await {
                    Ok(status) => status,
                    Err(e) => panic!("{caller}: `{}` has no status: {e}", run.id()),
                };
                if status.point.as_deref() == Some(point) {
                    return status;
                }
                let place = place(&status);
                assert!(
                    !status.state.is_closed(),
                    "{caller}: `{}` ended before it waited at `{point}`: {place}",
                    run.id()
                );
                let due = self.clock.advance_to_next().await;
                assert!(due, "{caller}: `{}` never waits at `{point}`: it {place}, and nothing is due", run.id());
            }
        }
    }

    /// Ends the engine as if its process had died, and opens the next one on the same store, clock, mocks and records.
    ///
    /// Handles of before belong to the dead engine: `engine.run(order, "order-1")` gives new ones.
    ///
    /// # Errors
    ///
    /// As [`EngineBuilder::build`].
    pub async fn restart(self) -> Result<TestEngine, BuildError> {
        let at_once = self.clock.pause();
        self.engine.kill();
        let builder = self.builder.clone();
        if let Ok(histories) = durable::histories(&*builder.store).await {
            self.mocks.crashed(&durable::failed_attempts(&histories));
        }
        let next = builder.build().await;
        drop(at_once);
        next
    }
}

/// What a run does, in words.
pub(super) fn place(status: &RunStatus) -> String {
    let mut words = match (&status.point, &status.file, status.line) {
        (Some(point), Some(file), Some(line)) => format!("is at `{point}` ({file}:{line})"),
        _ => format!("is {}", status.state.as_str()),
    };
    if let Some(outcome) = &status.outcome {
        words += &format!(" with {outcome}");
    }
    if let Some(reason) = &status.blocked {
        words += &format!(", blocked: {} {}", reason.code, reason.message);
    }
    for waits in &status.waits {
        words += &format!(", waits for {waits}");
    }
    words
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        if !self.builder.own_mocks || std::thread::panicking() {
            return;
        }
        if let Some(failure) = self.mocks.take_failure() {
            panic!("{failure}");
        }
    }
}

impl Deref for TestEngine {
    type Target = Engine;
    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl fmt::Debug for TestEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestEngine").field("clock", &self.clock).field("mocks", &self.mocks).finish_non_exhaustive()
    }
}

impl TestEngineBuilder {
    /// The value for parameters of type `State<T>`.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.configure(|e| e.state(value))
    }

    /// Where instances live, instead of in memory.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Another clock, for example that of an engine before this one on the same store.
    pub fn clock(mut self, clock: &TestClock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// A clock that moves only when the test moves it: by [`TestEngine::advance`], [`TestEngine::wait_until_at`].
    pub fn manual(self) -> Self {
        self.clock(&TestClock::manual())
    }

    /// Another record of attempts, for example that of an engine before this one on the same store.
    pub fn attempts(mut self, attempts: &Attempts) -> Self {
        self.attempts = attempts.clone();
        self
    }

    /// Lets a closure answer the calls of an activity. It takes the owned arguments as parameters, with their types, and
    /// gives the activity's `Result`, or its value if the activity has no error, or a [`Mock`](super::Mock).
    ///
    /// A mocked activity needs no `State`. A panic of the closure fails the test; for an attempt that panics, give
    /// [`Mock::panic`](super::Mock::panic).
    pub fn mock<P, F, C>(self, activity: F, closure: C) -> Self
    where
        F: ActivityFn<P>,
        C: MockFn<<F::Def as Activity>::Args, <F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        self.mocks.mock::<F::Def>(closure);
        self
    }

    /// Lets an activity answer its attempts with these, one after the other: each `Ok(..)`, `Err(..)` or a
    /// [`Mock`](super::Mock). One attempt more fails the test.
    pub fn mock_sequence<P, F, M>(self, activity: F, answers: M) -> Self
    where
        F: ActivityFn<P>,
        M: IntoIterator,
        M::Item: IntoMock<<F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        self.mocks.sequence::<F::Def, M>(answers);
        self
    }

    /// No activity runs for real: a call of one that is not mocked fails the test.
    pub fn strict(self) -> Self {
        self.mocks.strict();
        self
    }

    /// Decides about run ids, and so about everything that workflows draw from them: `random`, `uuid`.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets anything else that an engine can be given.
    pub fn configure(mut self, f: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        self.engine = f(self.engine);
        self
    }

    pub(super) fn mocks(mut self, mocks: &Mocks) -> Self {
        self.mocks = mocks.clone();
        self.own_mocks = false;
        self
    }

    pub(super) fn deliveries(mut self, deliveries: Deliveries) -> Self {
        self.deliveries = deliveries;
        self
    }

    /// Builds the engine.
    ///
    /// # Errors
    ///
    /// As [`EngineBuilder::build`], except that a missing state is missed when the activity runs.
    pub async fn build(self) -> Result<TestEngine, BuildError> {
        let builder = self.clone();
        let TestEngineBuilder { engine, store, clock, attempts, mocks, seed, deliveries, own_mocks: _ } = self;
        let between = Between::new(mocks.clone(), deliveries);
        let noted = attempts.clone();
        let engine = engine
            .store(store)
            .clock(clock.clone())
            .state(clock.clone())
            .observer(Arc::new(move |request| noted.note(request)))
            .interpose(Arc::new(between.clone()))
            .seed(seed)
            .build()
            .await?;
        between.attach(&engine, &clock);
        Ok(TestEngine { engine, clock, attempts, mocks, builder })
    }
}
