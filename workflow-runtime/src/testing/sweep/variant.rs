//! One run of a scenario, with at most one crash.

use super::{Configure, Driven, Report, Sweep};
use crate::{
    engine::{Engine, Run, RunError},
    journal::history::Event,
    machine::Workflow,
    store::{Fault, FaultStore, MemoryStore, SledStore, Store},
    testing::{Attempts, TestClock, TestEngine},
};
use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

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
            Some(Crash { commit, before: true }) => write!(f, "crash before commit {commit}")?,
            Some(Crash { commit, before: false }) => write!(f, "crash after commit {commit}")?,
            None => f.write_str("no crash")?,
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

    fn open(&self) -> Result<Arc<dyn Store>, String> {
        fn sled(path: &Path) -> Result<Arc<dyn Store>, String> {
            let store = SledStore::builder(path).cache_capacity(1 << 20).open();
            Ok(Arc::new(store.map_err(|e| format!("the store does not open: {e}"))?))
        }
        match self {
            Disk::Memory(store) => Ok(Arc::new(store.clone())),
            Disk::Sled(directory) => sled(directory.path()),
        }
    }
}

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
        let mut crashed = false;
        loop {
            let inner = disk.open()?;
            let store: Opened = FaultStore::new(inner.clone());
            store.on_commit(self.hook(&commits));
            let ended = self.process(sweep, &world, &store, &clock, &attempts).await;
            let died = store.is_dead();
            if self.backend == Backend::Sled {
                inner.close().await.map_err(|e| format!("the store does not close: {e}"))?;
            }
            match ended {
                Ok(report) => return Ok((report, crashed)),
                Err(_) if died && !crashed => crashed = true,
                Err(e) => return Err(e),
            }
        }
    }

    /// Commits are counted over all processes of the run.
    fn hook(self, commits: &Arc<AtomicU64>) -> Arc<dyn Fn(u64) -> Fault + Send + Sync> {
        let commits = commits.clone();
        Arc::new(move |_| {
            let n = commits.fetch_add(1, Ordering::SeqCst);
            match self.crash {
                Some(Crash { commit, before }) if commit == n => {
                    if before {
                        Fault::CrashBefore
                    } else {
                        Fault::CrashAfter
                    }
                }
                _ => Fault::None,
            }
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
        let mut builder = TestEngine::builder().store(store.clone()).clock(clock).attempts(attempts).seed(world.seed);
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
        Report::new(id.0, &history, attempts)
    }
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
