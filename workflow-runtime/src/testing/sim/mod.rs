//! The whole engine under a simulation that depends on one number.
//!
//! Everything that is left to chance in production is decided by a seed: which task goes on, which write becomes durable
//! first, when an attempt ends and how, when clients call, what time it is, and what fails. Processes die at any point, are
//! replaced while they still run, and lose the writes that nobody was told about. The invariants of the engine are checked
//! after every durable commit, at the start of every attempt and at every answer to a client; when the faults are over,
//! everything that can finish must finish. The same seed gives the same run, event by event.
//!
//! | | must hold |
//! | --- | --- |
//! | I1 | nothing happens before the commit that decided it is durable |
//! | I2 | the stored frame alone restores the machine |
//! | I3 | one writer: fences and revisions rise, a stale fence is refused |
//! | I4 | operations keep their ids and idempotency keys over attempts and crashes |
//! | I5 | nothing is lost and nothing is doubled |
//! | I6 | one commit, one instance |
//!
//! See [`Simulation`].

mod check;
mod clients;
mod clock;
mod driver;
mod executor;
mod failure;
mod outcomes;
mod rng;
mod scenario;
mod store;
mod tasks;
mod trace;
mod world;

pub use failure::{Failure, Smaller, Summary};
pub use outcomes::Outcomes;
pub use scenario::Scenario;

use crate::{
    engine::{Bug, EngineBuilder},
    registry::Registry,
};
use driver::{Driver, Ran, Setting};
use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Which kinds of faults may happen. By default all of them; each seed has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// Processes die at any point. Of the writes that they were not told about, some are durable.
    pub crashes: bool,
    /// A write fails and leaves open which of those underway have happened; the store has to be opened again.
    pub writes: bool,
    /// A new process takes over while the old one still runs.
    pub takeovers: bool,
    /// Processes are ended in order.
    pub shutdowns: bool,
    /// The clock is set forward and back.
    pub clock: bool,
    /// Attempts time out or panic, before they have done anything or after.
    pub attempts: bool,
    /// The store refuses a commit as too large: the instance is blocked until somebody lets it try again.
    pub refusals: bool,
    /// A read fails.
    pub reads: bool,
}

impl Faults {
    /// Every kind.
    pub const ALL: Faults = Faults {
        crashes: true,
        writes: true,
        takeovers: true,
        shutdowns: true,
        clock: true,
        attempts: true,
        refusals: true,
        reads: true,
    };

    /// Nothing fails; only the order of things is left to chance.
    pub const NONE: Faults = Faults {
        crashes: false,
        writes: false,
        takeovers: false,
        shutdowns: false,
        clock: false,
        attempts: false,
        refusals: false,
        reads: false,
    };

    fn by_name(&mut self) -> [(&'static str, &mut bool); 8] {
        [
            ("crashes", &mut self.crashes),
            ("writes", &mut self.writes),
            ("takeovers", &mut self.takeovers),
            ("shutdowns", &mut self.shutdowns),
            ("clock", &mut self.clock),
            ("attempts", &mut self.attempts),
            ("refusals", &mut self.refusals),
            ("reads", &mut self.reads),
        ]
    }

    fn without(mut self, kinds: &[String]) -> Self {
        for (name, on) in self.by_name() {
            *on = *on && !kinds.iter().any(|k| k == name);
        }
        self
    }
}

type Setup = Arc<dyn Fn(&mut Scenario) + Send + Sync>;
type Configure = Arc<dyn Fn(EngineBuilder) -> EngineBuilder + Send + Sync>;

/// Runs workflows on a simulated machine, once for each of many seeds.
///
/// ```
/// use workflow_runtime::{prelude::*, testing::sim::Simulation};
///
/// #[activity]
/// async fn reserve(seats: u32) -> Result<u32, WorkflowError> {
///     Ok(seats)
/// }
///
/// const PAID: Signal<u32> = Signal::new("paid");
///
/// #[workflow]
/// async fn booking(seats: u32) -> Result<u32, WorkflowError> {
///     let reserved = reserve(seats).await?;
///     let cents = PAID.recv().await?;
///     Ok(reserved * 1000 + cents)
/// }
///
/// let simulation = Simulation::new(|world| {
///     world.start("trip", booking(2));
///     world.signal("trip", &PAID, 99);
///     world.check(|end| match end.completed::<u32>("trip")? {
///         2099 => Ok(()),
///         other => Err(format!("trip returned {other}")),
///     });
/// });
/// let summary = simulation.seeds(0..20).run().unwrap_or_else(|failure| panic!("{failure}"));
/// assert_eq!(summary.seeds, 20);
/// ```
///
/// Bodies of activities run on the simulation's own executor: they may wait for each other and for anything that needs no
/// runtime, and what they do to a [`State`](crate::State) is what they do to the world. Sockets and timers of tokio are
/// not there.
///
/// The environment says what is run instead of the seeds in the source: `SIM_SEED=7` one seed, `SIM_SEEDS=100000` that
/// many from 0 on, `SIM_SEEDS=5000..6000` those; `SIM_TRACE=1` prints every event of one seed. `SIM_SCALE`, `SIM_ONLY` and
/// `SIM_WITHOUT` stand in the report of a failure.
#[derive(Clone)]
pub struct Simulation {
    setup: Setup,
    configure: Configure,
    seeds: Range<u64>,
    threads: usize,
    faults: Faults,
    bug: Option<Bug>,
    fixed: bool,
}

/// What makes a run smaller.
#[derive(Clone, Default)]
struct Size {
    scale: Option<u64>,
    only: Option<BTreeSet<String>>,
    without: Vec<String>,
}

impl Size {
    fn from_environment() -> Self {
        let list = |name: &str| {
            let value = std::env::var(name).ok()?;
            Some(value.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>())
        };
        Size {
            scale: std::env::var("SIM_SCALE").ok().and_then(|s| s.parse().ok()),
            only: list("SIM_ONLY").map(BTreeSet::from_iter),
            without: list("SIM_WITHOUT").unwrap_or_default(),
        }
    }
}

impl Simulation {
    /// A simulation of what `setup` says. It is called for each seed, and may do something else for each.
    pub fn new(setup: impl Fn(&mut Scenario) + Send + Sync + 'static) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Simulation {
            setup: Arc::new(setup),
            configure: Arc::new(|engine| engine),
            seeds: 0..100,
            threads,
            faults: Faults::ALL,
            bug: None,
            fixed: false,
        }
    }

    /// The seeds, where the environment does not say others. Default: 0 to 99.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// These seeds and this size, whatever the environment says; for tests of a simulation.
    #[must_use]
    pub fn fixed_seeds(mut self, seeds: Range<u64>) -> Self {
        (self.seeds, self.fixed) = (seeds, true);
        self
    }

    /// How many seeds run at a time, each on a thread of its own. Default: one per core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, 256);
        self
    }

    /// What may go wrong. Default: everything.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Sets anything else that an engine can be given, for every process.
    #[must_use]
    pub fn configure(mut self, f: impl Fn(EngineBuilder) -> EngineBuilder + Send + Sync + 'static) -> Self {
        self.configure = Arc::new(f);
        self
    }

    /// Builds a defect into the engine, to show that it is found.
    #[doc(hidden)]
    #[must_use]
    pub fn bug(mut self, bug: Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    /// Runs all seeds.
    ///
    /// # Errors
    ///
    /// The first seed that breaks an invariant, in the smallest setting that was found.
    pub fn run(&self) -> Result<Summary, Box<Failure>> {
        let began = Instant::now();
        let registry = self.registry()?;
        let size = if self.fixed { Size::default() } else { Size::from_environment() };
        let (seeds, one) = self.chosen();
        let next = AtomicU64::new(seeds.start);
        let total = Mutex::new((Summary::default(), None::<u64>));
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return;
                        }
                        let ran = self.once(&registry, seed, &size, one, one && wanted());
                        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                        add(&mut total.0, &ran);
                        if ran.violation.is_some() {
                            next.store(seeds.end, Ordering::Relaxed);
                            total.1 = Some(total.1.map_or(seed, |s| s.min(seed)));
                        }
                    }
                });
            }
        });
        let (mut summary, failed) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
        summary.elapsed = began.elapsed();
        match failed {
            Some(seed) => Err(Box::new(self.report(&registry, seed, size))),
            None => Ok(summary),
        }
    }

    /// Runs one seed and gives a hash of everything that happened, in order.
    ///
    /// # Errors
    ///
    /// The seed breaks an invariant.
    pub fn run_seed(&self, seed: u64) -> Result<u64, Box<Failure>> {
        let registry = self.registry()?;
        let ran = self.once(&registry, seed, &Size::default(), false, false);
        match ran.violation {
            Some(_) => Err(Box::new(self.report(&registry, seed, Size::default()))),
            None => Ok(ran.hash),
        }
    }

    fn registry(&self) -> Result<Arc<Registry>, Box<Failure>> {
        Registry::linked().map(Arc::new).map_err(|e| {
            Box::new(Failure {
                seed: 0,
                step: 0,
                invariant: check::invariant::SETUP.into(),
                instance: String::new(),
                message: e.to_string(),
                tail: vec![],
                smaller: Smaller::default(),
            })
        })
    }

    /// The seeds to be run, and whether it is one that is to be looked at.
    fn chosen(&self) -> (Range<u64>, bool) {
        let given = |name: &str| std::env::var(name).ok().filter(|_| !self.fixed);
        if let Some(seed) = given("SIM_SEED").and_then(|s| s.parse().ok()) {
            return (seed..seed + 1, true);
        }
        let range = given("SIM_SEEDS").and_then(|s| match s.split_once("..") {
            Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
            None => Some(0..s.parse().ok()?),
        });
        (range.unwrap_or(self.seeds.clone()), false)
    }

    fn once(&self, registry: &Arc<Registry>, seed: u64, size: &Size, recorded: bool, whole: bool) -> Ran {
        let mut scenario = Scenario::new(seed, size.scale.unwrap_or(100), size.only.clone());
        (self.setup)(&mut scenario);
        let setting = Setting {
            registry: registry.clone(),
            configure: &*self.configure,
            faults: self.faults.without(&size.without),
            bug: self.bug,
            recorded,
            whole,
        };
        Driver::new(&setting, &mut scenario).run(&scenario)
    }

    /// Makes a failure smaller, and runs it once more to tell what happened.
    fn report(&self, registry: &Arc<Registry>, seed: u64, size: Size) -> Failure {
        let fails = |size: &Size| self.once(registry, seed, size, false, false).violation.map(|v| v.invariant);
        let Some(invariant) = fails(&size) else {
            return self.failure(seed, self.once(registry, seed, &size, true, false), size);
        };
        let same = |size: &Size| fails(size) == Some(invariant);
        let mut size = size;
        for scale in [10, 25, 50] {
            let smaller = Size { scale: Some(scale), ..size.clone() };
            if size.scale.is_none() && same(&smaller) {
                size = smaller;
            }
        }
        size = self.fewer_instances(seed, size, &same);
        let mut faults = self.faults.without(&size.without);
        for (name, _) in faults.by_name().into_iter().filter(|(_, on)| **on) {
            let mut smaller = size.clone();
            smaller.without.push(name.to_owned());
            if same(&smaller) {
                size = smaller;
            }
        }
        self.failure(seed, self.once(registry, seed, &size, true, false), size)
    }

    /// Leaves instances out, one by one.
    fn fewer_instances(&self, seed: u64, mut size: Size, same: &dyn Fn(&Size) -> bool) -> Size {
        let mut scenario = Scenario::new(seed, size.scale.unwrap_or(100), size.only.clone());
        (self.setup)(&mut scenario);
        let mut ids: BTreeSet<String> = scenario.actions.iter().map(|a| a.id.clone()).collect();
        for id in ids.clone() {
            ids.remove(&id);
            let smaller = Size { only: Some(ids.clone()), ..size.clone() };
            if !ids.is_empty() && same(&smaller) {
                size = smaller;
            } else {
                ids.insert(id);
            }
        }
        size
    }

    fn failure(&self, seed: u64, ran: Ran, size: Size) -> Failure {
        let violation = ran.violation.unwrap_or_else(|| world::Violation {
            invariant: "the same seed gives the same run",
            instance: String::new(),
            message:
                "it broke an invariant, and does not when it is run again: something in a workflow or an activity \
                      depends on more than its input"
                    .into(),
        });
        Failure {
            seed,
            step: ran.steps,
            invariant: violation.invariant.into(),
            instance: violation.instance,
            message: violation.message,
            tail: ran.tail,
            smaller: Smaller {
                scale: size.scale,
                only: size.only.map(|ids| ids.into_iter().collect()),
                without: size.without,
            },
        }
    }
}

fn wanted() -> bool {
    std::env::var_os("SIM_TRACE").is_some()
}

fn add(total: &mut Summary, ran: &Ran) {
    total.seeds += 1;
    total.steps += ran.steps;
    total.commits += ran.commits;
    total.processes += ran.processes;
}
