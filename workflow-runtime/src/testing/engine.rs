//! An engine in memory, in virtual time.

use super::{Attempts, TestClock};
use crate::{
    engine::{BuildError, Engine, EngineBuilder},
    store::{MemoryStore, Store},
};
use std::{fmt, ops::Deref, sync::Arc};

/// An engine for tests: in memory, in virtual time, with run ids that depend on a seed only.
///
/// Dereferences to [`Engine`]. Time skips to what is due next whenever nothing is in flight, so a workflow that sleeps for
/// a month is tested in no time. Use it in a `#[tokio::test]` with one thread, where activities run one poll at a time.
///
/// ```
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
pub struct TestEngine {
    engine: Engine,
    clock: TestClock,
    attempts: Attempts,
}

/// Puts a [`TestEngine`] together.
#[must_use = "call `.build().await`"]
pub struct TestEngineBuilder {
    engine: EngineBuilder,
    clock: TestClock,
    attempts: Attempts,
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
        let engine = Engine::builder().store(MemoryStore::new()).workers(1);
        TestEngineBuilder { engine, clock: TestClock::new(), attempts: Attempts::new(), seed: 0 }
    }

    /// The clock of this engine.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Every attempt of an activity that has started.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
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
        f.debug_struct("TestEngine").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl TestEngineBuilder {
    /// The value for parameters of type `State<T>`.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.configure(|e| e.state(value))
    }

    /// Where instances live, instead of in memory.
    pub fn store(self, store: impl Store) -> Self {
        self.configure(|e| e.store(store))
    }

    /// Another clock, for example that of an engine before this one on the same store.
    pub fn clock(mut self, clock: &TestClock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Another record of attempts, for example that of an engine before this one on the same store.
    pub fn attempts(mut self, attempts: &Attempts) -> Self {
        self.attempts = attempts.clone();
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

    /// Builds the engine.
    ///
    /// # Errors
    ///
    /// As [`EngineBuilder::build`].
    pub async fn build(self) -> Result<TestEngine, BuildError> {
        let TestEngineBuilder { engine, clock, attempts, seed } = self;
        let noted = attempts.clone();
        let engine = engine
            .clock(clock.clone())
            .state(clock.clone())
            .observer(Arc::new(move |request| noted.note(request)))
            .seed(seed)
            .build()
            .await?;
        Ok(TestEngine { engine, clock, attempts })
    }
}
