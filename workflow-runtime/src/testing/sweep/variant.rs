//! One run of a scenario, with at most one crash.

use super::{Configure, Driven, Report, Sweep};
use crate::{
    engine::{Engine, Run, RunError},
    journal::history::Event,
    machine::{OpId, Workflow},
    store::{Fault, FaultStore, MemoryStore, OpenError, SledStore, Store},
    testing::{
        Attempts, TestClock, TestEngine,
        durable::{self, Histories},
        mock::Mocks,
    },
};
use std::{
    collections::BTreeSet,
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Where instances live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Memory,
    Sled,
}

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crash {
    /// Number of the commit, from 0.
    pub(super) commit: u64,
    /// Before it is made, or after it is durable.
    pub(super) before: bool,
    /// The next process dies as well, so many commits after its first.
    pub(super) again: Option<u64>,
}

impl Crash {
    /// What happens at a commit. Those of all processes are counted together.
    fn fault(self, n: u64) -> Fault {
        let again = self.again.map(|after| self.commit + 1 + after);
        match self.before {
            _ if n != self.commit && Some(n) != again => Fault::None,
            true => Fault::CrashBefore,
            false => Fault::CrashAfter,
        }
    }

    fn most(self) -> usize {
        1 + usize::from(self.again.is_some())
    }
}

/// How one run differs from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) backend: Backend,
    /// Instances are evicted after every step.
    pub(super) evict: bool,
    pub(super) crash: Option<Crash>,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.crash {
            Some(Crash { commit, before: true, .. }) => write!(f, "crash before commit {commit}")?,
            Some(Crash { commit, before: false, .. }) => write!(f, "crash after commit {commit}")?,
            None => f.write_str("no crash")?,
        }
        if let Some(Crash { again: Some(after), .. }) = self.crash {
            write!(f, " and again {} later", after + 1)?;
        }
        f.write_str(match self.backend {
            Backend::Memory => ", in memory",
            Backend::Sled => ", on sled",
        })?;
        f.write_str(if self.evict { ", evicted after every step" } else { ", resident" })
    }
}

/// What outlives the process in one run.
pub(super) struct World {
    pub(super) configure: Vec<Configure>,
    pub(super) mocks: Mocks,
    pub(super) seed: u64,
}

/// The data of one run, to be opened by one process after the other.
enum Disk {
    Memory(MemoryStore),
    Sled(tempfile::TempDir),
}

/// What one process works on.
type Opened = FaultStore<Arc<dyn Store>>;

impl Disk {
    fn new(backend: Backend, begin: Option<&Path>) -> Result<Self, String> {
        let failed = |e| format!("no directory: {e}");
        if backend == Backend::Memory {
            return Ok(Disk::Memory(MemoryStore::new()));
        }
        let directory = tempfile::tempdir().map_err(failed)?;
        if let Some(begin) = begin {
            copy(begin, directory.path()).map_err(failed)?;
        }
        Ok(Disk::Sled(directory))
    }

    async fn open(&self) -> Result<Arc<dyn Store>, String> {
        let directory = match self {
            Disk::Memory(store) => return Ok(Arc::new(store.clone())),
            Disk::Sled(directory) => directory.path(),
        };
        let begun = Instant::now();
        loop {
            match SledStore::builder(directory).cache_capacity(1 << 20).open() {
                Ok(store) => return Ok(Arc::new(store)),
                // Another test of this process may be starting a child, which has our lock until it becomes its program.
                Err(OpenError::Locked { .. }) if begun.elapsed() < FORK => tokio::task::yield_now().await,
                Err(e) => return Err(format!("the store does not open: {e}")),
            }
        }
    }
}

/// Longer than any child has a lock of its parent.
const FORK: Duration = Duration::from_secs(5);

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

impl Variant {
    /// What the run left behind, and whether the process died.
    ///
    /// # Errors
    ///
    /// It did not come to an end, or broke a promise.
    pub(super) async fn run<W: Workflow>(self, sweep: &Sweep<W>, world: World) -> Result<(Report, bool), String> {
        let disk = Disk::new(self.backend, sweep.directory.as_deref())?;
        let (clock, attempts) = (TestClock::new(), Attempts::new());
        let commits = Arc::new(AtomicU64::new(0));
        let mut crashes = 0;
        loop {
            let inner = disk.open().await?;
            let histories = durable::histories(&*inner).await?;
            world.mocks.crashed(&durable::failed_attempts(&histories));
            let (durable, begun) = (ended_operations(&histories), attempts.list().len());
            let store: Opened = FaultStore::new(inner.clone());
            store.on_commit(self.hook(&commits));
            let ended = self.process(sweep, &world, &store, &clock, &attempts).await;
            let died = store.is_dead();
            if let Some(failure) = world.mocks.take_failure() {
                return Err(failure);
            }
            if self.backend == Backend::Sled {
                inner.close().await.map_err(|e| format!("the store does not close: {e}"))?;
            }
            if let Some(again) = attempts.list()[begun..].iter().find(|a| durable.contains(&(a.run_id, a.op))) {
                return Err(format!("{} (operation {}) ran again although its end was durable", again.name, again.op));
            }
            crashes += usize::from(died);
            match ended {
                Ok(report) => return Ok((report, crashes > 0)),
                Err(_) if died && crashes <= self.crash.map_or(0, Crash::most) => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn hook(self, commits: &Arc<AtomicU64>) -> Arc<dyn Fn(u64) -> Fault + Send + Sync> {
        let commits = commits.clone();
        Arc::new(move |_| {
            let n = commits.fetch_add(1, Ordering::SeqCst);
            self.crash.map_or(Fault::None, |crash| crash.fault(n))
        })
    }

    /// From the opening of the store to the end of the workflow, or of the process.
    async fn process<W: Workflow>(
        self,
        sweep: &Sweep<W>,
        world: &World,
        store: &Opened,
        clock: &TestClock,
        attempts: &Attempts,
    ) -> Result<Report, String> {
        let builder = TestEngine::builder().store(store.clone()).clock(clock).attempts(attempts);
        let mut builder = builder.mocks(&world.mocks).seed(world.seed);
        for configure in &world.configure {
            builder = builder.configure(|e| configure(e));
        }
        if self.evict {
            builder = builder.configure(|e| e.evict_after_every_step());
        }
        let at_once = clock.pause();
        let engine = builder.build().await.map_err(|e| format!("the engine does not build: {e}"))?;
        let run = engine.start(&sweep.id, sweep.call.clone()).await.map_err(|e| format!("start: {e}"))?;
        send_signals(sweep, &run).await?;
        drop(at_once);
        let driven = async {
            let Some(drive) = &sweep.drive else { return Ok(()) };
            let driven = Driven { engine: Engine::clone(&engine), run: run.clone(), clock: clock.clone() };
            drive(driven).await.map_err(|e| format!("the driver failed: {e}"))
        };
        let ended = async {
            match run.result().await {
                Err(e @ (RunError::Unavailable(_) | RunError::NotFound { .. } | RunError::Undecodable { .. })) => {
                    Err(e.code().to_owned())
                }
                _ => Ok(()),
            }
        };
        tokio::try_join!(driven, ended)?;
        let history = run.history().await.map_err(|e| format!("history: {e}"))?;
        let id = run.run_id().ok_or("a started run has no id")?;
        Report::new(&sweep.id, id.0, &history, attempts)
    }

    /// How many attempts of one operation may be lost.
    pub(super) fn crashes(self) -> usize {
        self.crash.map_or(0, Crash::most)
    }
}

/// The operations whose end a store holds.
fn ended_operations(histories: &Histories) -> BTreeSet<(Uuid, OpId)> {
    let events = histories
        .iter()
        .flat_map(|((_, run), entries)| entries.iter().flat_map(|e| &e.events).map(move |event| (*run, event)));
    let ended = events.filter_map(|(run, event)| match event {
        Event::Completed { op, .. } => Some((run, OpId(*op))),
        _ => None,
    });
    ended.collect()
}

async fn send_signals<W: Workflow>(sweep: &Sweep<W>, run: &Run<W>) -> Result<(), String> {
    for (name, payload) in &sweep.signals {
        let history = run.history().await.map_err(|e| format!("history: {e}"))?;
        let there =
            |e: &Event| matches!(e, Event::SignalReceived { name: n, payload: p, .. } if n == name && p == payload);
        if !history.iter().flat_map(|e| &e.events).any(there) {
            run.signal_payload(name, payload.clone()).await.map_err(|e| format!("signal {name}: {e}"))?;
        }
    }
    Ok(())
}
