//! Crashes a workflow at every commit, and compares.

pub(super) mod report;
mod run;

use crate::{
    activity::Activity,
    engine::{Engine, EngineBuilder, Run},
    journal::payload::Payload,
    machine::{Signal, Workflow, WorkflowCall},
    testing::{
        ActivityFn, IntoMock, MockFn, TestClock,
        deliveries::Deliveries,
        failure::{Failure, Only},
        journal::Commits,
        mock::{self, Mocks},
        variant::{Backend, Crash, Variant},
    },
};
use report::{Difference, Report, Reports};
pub(in crate::testing) use run::Ran;
use run::World;
use serde::Serialize;
use std::{
    collections::BTreeSet, error::Error, fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration,
};

type Configure = Arc<dyn Fn(EngineBuilder) -> EngineBuilder + Send + Sync>;
type MakeConfigure = Arc<dyn Fn() -> Configure + Send + Sync>;
/// Gives the mocks of one run what stands in for an activity.
type Mocking = Arc<dyn Fn(&Mocks) + Send + Sync>;
type Drive<W> = Arc<dyn Fn(Driven<W>) -> Pin<Box<dyn Future<Output = Result<(), DriveError>> + Send>> + Send + Sync>;

/// What a driver could not do. After a crash nobody looks at it: the driver runs again with the next engine.
pub type DriveError = Box<dyn Error + Send + Sync>;

/// What a driver works with. Dereferences to the [`Run`].
pub struct Driven<W> {
    /// The engine of this process.
    pub engine: Engine,
    /// The instance.
    pub run: Run<W>,
    /// The clock of the whole run.
    pub clock: TestClock,
}

impl<W> std::ops::Deref for Driven<W> {
    type Target = Run<W>;
    fn deref(&self) -> &Run<W> {
        &self.run
    }
}

/// Runs one workflow again and again, and lets the process die at every commit: once before it, once after it; and in
/// memory also twice in a row.
///
/// Each run happens over a store in memory and over sled in a temporary directory, with instances kept in memory and with
/// instances evicted after every step; over sled, and where the process dies twice, with either by turns. After a crash the
/// store is reopened and the workflow goes on. Every run must give the same result and, but for notes about attempts and for
/// times, the same history as one that nobody disturbed; every operation keeps its idempotency key and its arguments, and no
/// activity may have started for a start that was lost.
///
/// ```
/// use workflow_runtime::{prelude::*, testing::Sweep};
///
/// #[activity]
/// async fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[workflow]
/// async fn quadruple(n: u32) -> Result<u32, WorkflowError> {
///     let twice = double(n).await?;
///     sleep(days(30)).await?;
///     Ok(double(twice).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let swept = Sweep::new(quadruple(3), "q").run().await;
/// assert_eq!(swept.history.last().map(String::as_str), Some("completed with 12"));
/// # }
/// ```
///
/// Activities must give the same result in each run, for example by [`attempt`](crate::ActivityContext::attempt): state
/// that they keep belongs into [`Sweep::state_with`].
#[must_use = "call `.run().await`"]
pub struct Sweep<W> {
    call: WorkflowCall<W>,
    id: String,
    seed: u64,
    world: Vec<MakeConfigure>,
    mocks: Vec<Mocking>,
    strict: bool,
    drive: Option<Drive<W>>,
    signals: Vec<(&'static str, Payload)>,
    ordered: bool,
    deliveries: Vec<Deliveries>,
    only: Option<Only>,
    backends: Vec<Backend>,
    directory: Option<PathBuf>,
    rebuilds: bool,
    patience: Duration,
}

impl<W: Workflow> Sweep<W> {
    /// A sweep of an instance that is started with this call under this id.
    pub fn new(call: WorkflowCall<W>, id: impl Into<String>) -> Self {
        Sweep {
            call,
            id: id.into(),
            seed: 0x5eed,
            world: vec![],
            mocks: vec![],
            strict: false,
            drive: None,
            signals: vec![],
            ordered: true,
            deliveries: vec![Deliveries::Doubled, Deliveries::Reversed, Deliveries::Shuffled(1)],
            only: None,
            backends: vec![Backend::Memory, Backend::Sled],
            directory: None,
            rebuilds: false,
            patience: Duration::from_secs(60),
        }
    }

    /// The value for parameters of type `State<T>`, the same in every run.
    pub fn state<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.state_with(move || value.clone())
    }

    /// The value for parameters of type `State<T>`, a new one for every run. Within a run, the engine after the crash gets
    /// a clone: what must survive the process, as the world outside does, belongs behind an `Arc`.
    pub fn state_with<T: Clone + Send + Sync + 'static>(
        mut self,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.world.push(Arc::new(move || {
            let value = make();
            Arc::new(move |engine: EngineBuilder| engine.state(value.clone()))
        }));
        self
    }

    /// Sets anything else that an engine can be given.
    pub fn configure(mut self, f: impl Fn(EngineBuilder) -> EngineBuilder + Send + Sync + 'static) -> Self {
        let f: Configure = Arc::new(f);
        self.world.push(Arc::new(move || f.clone()));
        self
    }

    /// Lets a closure answer the calls of an activity; each run begins with a clone of it. It must give the same answers
    /// in each run. See [`TestEngineBuilder::mock`](super::TestEngineBuilder::mock).
    pub fn mock<P, F, C>(mut self, activity: F, closure: C) -> Self
    where
        F: ActivityFn<P>,
        C: MockFn<<F::Def as Activity>::Args, <F::Def as Activity>::Ok, <F::Def as Activity>::Err> + Clone + Sync,
    {
        let _ = activity;
        self.mocks.push(Arc::new(move |mocks| mocks.mock::<F::Def>(closure.clone())));
        self
    }

    /// Lets an activity answer its attempts with these, one after the other, in each run anew. An attempt that is made
    /// again because a crash lost it gets the same answer again.
    pub fn mock_sequence<P, F, M>(mut self, activity: F, answers: M) -> Self
    where
        F: ActivityFn<P>,
        M: IntoIterator,
        M::Item: IntoMock<<F::Def as Activity>::Ok, <F::Def as Activity>::Err>,
    {
        let _ = activity;
        let answers = mock::answers::<F::Def, M>(answers);
        self.mocks.push(Arc::new(move |mocks| mocks.answers::<F::Def>(answers.clone())));
        self
    }

    /// No activity runs for real: a call of one that is not mocked fails the sweep.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Another seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sends a signal as soon as the instance has started; again after a crash only if it was lost.
    ///
    /// # Panics
    ///
    /// If the value cannot be encoded.
    pub fn signal_at_start<T: Serialize>(mut self, signal: &Signal<T>, value: T) -> Self {
        let payload = Payload::encode(&value).unwrap_or_else(|e| panic!("{e}"));
        self.signals.push((signal.name(), payload));
        self
    }

    /// What happens from outside while the instance runs. Called with each engine after the start: what it sends must be
    /// idempotent, or depend on what it finds.
    pub fn drive<F, D>(mut self, f: F) -> Self
    where
        F: Fn(Driven<W>) -> D + Send + Sync + 'static,
        D: Future<Output = Result<(), DriveError>> + Send + 'static,
    {
        self.drive = Some(Arc::new(move |driven| Box::pin(f(driven))));
        self
    }

    /// Lets events come in another order: for workflows whose branches wait for things that happen at one time.
    pub fn any_order(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Leaves sled out.
    pub fn in_memory(mut self) -> Self {
        self.backends = vec![Backend::Memory];
        self
    }

    /// Lets every run begin with a copy of this directory, which a sled store has written, for example of an older build:
    /// the instance is there already, and is attached to.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.backends = vec![Backend::Sled];
        self.directory = Some(path.into());
        self
    }

    /// Damages the checkpoints of all instances after each death, and has them [made anew](crate::Run::rebuild) from their histories before anything
    /// else happens. In memory only.
    ///
    /// ```
    /// use workflow_runtime::{prelude::*, testing::Sweep};
    ///
    /// #[workflow]
    /// async fn damaged_nap() -> Result<(), Cancelled> {
    ///     sleep(days(30)).await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// Sweep::new(damaged_nap(), "p").damaging_checkpoints().run().await;
    /// # }
    /// ```
    pub fn damaging_checkpoints(mut self) -> Self {
        self.rebuilds = true;
        self.in_memory()
    }

    /// Runs one variant and no other: what a failed sweep has printed, as `"memory-evicted-before3"`. The variable
    /// `WORKFLOW_TEST_ONLY` does the same.
    ///
    /// # Panics
    ///
    /// If there is no such variant.
    #[track_caller]
    pub fn only(mut self, variant: &str) -> Self {
        self.only = Some(Only::parse(variant).unwrap_or_else(|e| panic!("{e}")));
        self
    }

    /// Delivers every report of an attempt once and in the order in which attempts end: for workflows whose outcome
    /// depends on which of two activities ends first.
    pub fn reports_in_order(mut self) -> Self {
        self.deliveries = vec![];
        self
    }

    /// Runs everything.
    ///
    /// # Panics
    ///
    /// If a run differs, with the seed, the commit, the kind of the crash, the store, the first difference, where the
    /// instance was, and how to run that variant alone.
    pub async fn run(&self) -> Swept {
        let mut swept = Swept { runs: 0, commits: 0, history: vec![], unverified: None };
        let mut undisturbed: Option<Reports> = None;
        if let Some(Only { variant, seed }) = self.only.or_else(Only::of_environment) {
            let seed = seed.unwrap_or(self.seed);
            self.compare(Variant::plain(variant.backend), seed, &mut undisturbed, &mut swept).await;
            self.compare(variant, seed, &mut undisturbed, &mut swept).await;
            return swept.verified();
        }
        for &backend in &self.backends {
            // Dying twice in a row is the same on sled, and sled is slow to open.
            let again: &[_] = if backend == Backend::Memory { &[None, Some(0), Some(1)] } else { &[None] };
            for evict in [false, true] {
                let plain = Variant { evict, ..Variant::plain(backend) };
                self.compare(plain, self.seed, &mut undisturbed, &mut swept).await;
                for (before, &again) in [true, false].into_iter().flat_map(|b| again.iter().map(move |a| (b, a))) {
                    let mut crash = Crash { commit: 0, before, again };
                    // A process that dies once does so at every commit both ways. What comes on top of that, sled or a second
                    // death, is tried by turns: an eviction and a crash read the same checkpoint back, from stores that keep
                    // one contract, which a suite of its own holds them to.
                    let on_top = again.is_some() || self.backends.first() != Some(&backend);
                    let step = if on_top { crash.take_turns(evict) } else { 1 };
                    let variant = |crash| Variant { crash: Some(crash), ..plain };
                    while self.compare(variant(crash), self.seed, &mut undisturbed, &mut swept).await {
                        swept.commits = swept.commits.max(crash.commit + 1);
                        crash.commit += step;
                    }
                }
            }
            for &deliveries in self.deliveries.iter().filter(|_| backend == Backend::Memory) {
                let variant = Variant { deliveries, ..Variant::plain(backend) };
                self.compare(variant, self.seed, &mut undisturbed, &mut swept).await;
            }
        }
        swept.verified()
    }

    fn world(&self, seed: u64) -> World {
        let mocks = Mocks::default();
        self.mocks.iter().for_each(|mock| mock(&mocks));
        if self.strict {
            mocks.strict();
        }
        World { configure: self.world.iter().map(|make| make()).collect(), mocks, seed, commits: Commits::default() }
    }

    /// True if the crash happened.
    async fn compare(&self, variant: Variant, seed: u64, undisturbed: &mut Option<Reports>, swept: &mut Swept) -> bool {
        swept.runs += 1;
        let world = self.world(seed);
        let commits = world.commits.clone();
        let run = tokio::time::timeout(self.patience, variant.run(self, world));
        let ran = run.await.unwrap_or_else(|_| Err(format!("it had not ended after {:?} of real time", self.patience)));
        let found = match (ran, &undisturbed) {
            (Err(what), _) => Err((None, Difference { what, event: None, events: vec![] })),
            (Ok(ran), Some(expected)) => match self.difference(variant, expected, &ran.reports) {
                None => Ok((ran.crashed, ran.unverified)),
                Some((id, difference)) => Err((Some(id), difference)),
            },
            (Ok(Ran { reports, unverified, .. }), None) => {
                let own = reports.iter().filter(|((id, _), _)| *id == self.id);
                swept.history = own.flat_map(|(_, r)| r.history()).cloned().collect();
                *undisturbed = Some(reports);
                Ok((false, unverified))
            }
        };
        let told = |instance: Option<String>, difference: Difference| {
            // Of the swept instance itself, the name of the workflow says enough.
            let instance = instance.as_deref().filter(|id| *id != self.id);
            let subject = format!("`{}`", W::NAME);
            Failure { subject, seed, variant, commits: &commits, instance, difference }.text()
        };
        match found {
            Ok((crashed, unverified)) => {
                // Told when nothing else is wrong, for everything else says more.
                if let Some(what) = unverified.filter(|_| swept.unverified.is_none()) {
                    swept.unverified = Some(told(None, Difference { what, event: None, events: vec![] }));
                }
                crashed
            }
            Err((instance, difference)) => panic!("{}", told(instance, difference)),
        }
    }

    /// The first run that differs. Of others than the swept instance, those count that have ended both times.
    fn difference(&self, variant: Variant, expected: &Reports, found: &Reports) -> Option<(String, Difference)> {
        let ordered = self.ordered && !variant.deliveries.reorder();
        let nothing = Report::default();
        let runs: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        runs.into_iter().find_map(|run| {
            let (expected, found) = (expected.get(run).unwrap_or(&nothing), found.get(run).unwrap_or(&nothing));
            let counts = run.0 == self.id || (expected.is_closed() && found.is_closed());
            let difference = found.difference(expected, ordered, variant.crashes()).filter(|_| counts)?;
            Some((run.0.clone(), difference))
        })
    }
}

impl<W> fmt::Debug for Sweep<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep").field("id", &self.id).field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What a sweep has done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// How often the workflow was run.
    pub runs: u64,
    /// At how many commits the process died.
    pub commits: u64,
    /// What happens in the run, in words; the same in every run.
    pub history: Vec<String>,
    /// The first run whose recorded steps decide something else when they are run again.
    unverified: Option<String>,
}

impl Swept {
    fn verified(self) -> Self {
        if let Some(text) = &self.unverified {
            panic!("{text}");
        }
        self
    }
}
