//! One run of a test: its world, and one process after the other on it.

use crate::{
    engine::{Clock as _, Engine, EngineBuilder, Inline},
    machine::{LocalBoxFuture, OpId},
    store::{Fault, FaultStore, Store},
    testing::{
        Attempts, TestClock, TestEngine,
        disk::Disk,
        durable,
        journal::{Commits, Noting, Opened},
        mock::Mocks,
        sweep::{Ran, report::reports},
        variant::{Backend, Crash, Variant},
    },
};
use jiff::Timestamp;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::AbortHandle;
use uuid::Uuid;

/// What outlives a process, and the process.
pub(super) struct Session {
    variant: Variant,
    seed: u64,
    disk: Disk,
    pub(super) clock: TestClock,
    pub(super) attempts: Attempts,
    pub(super) mocks: Mocks,
    commits: Commits,
    made: Arc<AtomicU64>,
    /// What every engine is made of.
    builder: RefCell<EngineBuilder>,
    process: tokio::sync::Mutex<Option<Rc<Process>>>,
    crashes: Cell<usize>,
    /// The operations that had ended when the present process began, and how many attempts there had been.
    ended: RefCell<(BTreeSet<(Uuid, OpId)>, usize)>,
    /// One client call at a time: only then is it known which one a crash has hit.
    pub(super) sending: tokio::sync::Mutex<()>,
}

/// One engine, until it dies.
pub(super) struct Process {
    engine: TestEngine,
    store: Opened,
    /// The store behind, which survives.
    inner: Arc<dyn Store>,
    tasks: Arc<Tasks>,
}

impl Process {
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn is_dead(&self) -> bool {
        self.store.is_dead()
    }
}

/// The tasks of an engine's worker, on the thread of the test: so the same things happen in every run in the same order.
#[derive(Default)]
struct Tasks(Mutex<Vec<AbortHandle>>);

impl Inline for Tasks {
    fn spawn(&self, task: LocalBoxFuture<()>) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|t| !t.is_finished());
        tasks.push(tokio::task::spawn_local(task).abort_handle());
    }
}

impl Tasks {
    async fn end(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(AbortHandle::abort);
        // What is aborted is dropped when its turn comes, and with it what it waits for.
        while !tasks.iter().all(AbortHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
    }
}

impl Session {
    pub(super) fn new(variant: Variant, seed: u64, commits: &Commits) -> Result<Self, String> {
        Ok(Session {
            variant,
            seed,
            disk: Disk::new(variant.backend, None)?,
            clock: TestClock::manual(),
            attempts: Attempts::new(),
            mocks: Mocks::default(),
            commits: commits.clone(),
            made: Arc::default(),
            // Runs that continued are looked at in the end, whatever time has passed.
            builder: RefCell::new(Engine::builder().retention_forever()),
            process: tokio::sync::Mutex::new(None),
            crashes: Cell::new(0),
            ended: RefCell::default(),
            sending: tokio::sync::Mutex::default(),
        })
    }

    /// Changes what the engine is made of.
    pub(super) fn configure(&self, f: impl FnOnce(EngineBuilder) -> EngineBuilder) {
        assert!(
            self.process.try_lock().is_ok_and(|p| p.is_none()),
            "the engine of the test runs already: say what it is made of before the first call of it"
        );
        let parts = f(self.builder.borrow().clone());
        *self.builder.borrow_mut() = parts;
    }

    /// The living process; the next one if the last has died.
    pub(super) async fn process(&self) -> Rc<Process> {
        let mut process = self.process.lock().await;
        if let Some(living) = process.as_ref().filter(|p| !p.is_dead()) {
            return living.clone();
        }
        if let Some(dead) = process.take() {
            self.crashes.set(self.crashes.get() + 1);
            let most = self.variant.crash.map_or(0, Crash::most);
            assert!(self.crashes.get() <= most, "the process died more often than it was made to");
            self.bury(&dead).await;
        }
        let next = match self.open().await {
            Ok(next) => Rc::new(next),
            Err(e) => panic!("{e}"),
        };
        *process = Some(next.clone());
        next
    }

    async fn open(&self) -> Result<Process, String> {
        let inner = self.disk.open().await?;
        let histories = durable::histories(&*inner).await?;
        self.mocks.crashed(&durable::failed_attempts(&histories));
        *self.ended.borrow_mut() = (durable::ended_operations(&histories), self.attempts.list().len());
        let store: Opened = FaultStore::new(inner.clone());
        let (made, crash) = (self.made.clone(), self.variant.crash);
        store.on_commit(Arc::new(move |_| {
            let n = made.fetch_add(1, Ordering::SeqCst);
            crash.map_or(Fault::None, |crash| crash.fault(n))
        }));
        let tasks = Arc::new(Tasks::default());
        let mut parts = self.builder.borrow().clone().workers(1).inline(tasks.clone());
        if self.variant.evict {
            parts = parts.evict_after_every_step();
        }
        let builder = TestEngine::builder().store(Noting::new(store.clone(), self.commits.clone()));
        let builder = builder.clock(&self.clock).attempts(&self.attempts).mocks(&self.mocks).seed(self.seed);
        let engine = builder.deliveries(self.variant.deliveries).configure(|_| parts).build().await;
        let engine = engine.map_err(|e| format!("the engine does not build: {e}"))?;
        Ok(Process { engine, store, inner, tasks })
    }

    /// Nothing of a dead process goes on.
    async fn bury(&self, dead: &Process) {
        dead.store.kill();
        dead.engine.kill();
        dead.tasks.end().await;
        if self.variant.backend == Backend::Sled
            && let Err(e) = dead.inner.close().await
        {
            panic!("the store does not close: {e}");
        }
        let (ended, begun) = &*self.ended.borrow();
        if let Some(again) = self.attempts.list()[*begun..].iter().find(|a| ended.contains(&(a.run_id, a.op))) {
            panic!("{} (operation {}) ran again although its end was durable", again.name, again.op);
        }
    }

    /// Ends the test if it did something wrong.
    pub(super) fn check(&self) {
        if let Some(failure) = self.mocks.take_failure() {
            panic!("{failure}");
        }
    }

    /// Waits until nothing can happen any more before time moves or the test calls.
    pub(super) async fn settle(&self) {
        loop {
            let process = self.process().await;
            let idle = tokio::select! {
                biased;
                () = process.engine.down() => false,
                () = self.clock.settle() => true,
            };
            self.check();
            match (process.is_dead(), idle) {
                (true, _) => {}
                (false, true) => return,
                (false, false) => panic!("the engine has ended, and nobody asked it to"),
            }
        }
    }

    /// Does what the test asks of the engine, which may wait for the end of an activity: what is held back until the engine is
    /// idle is let through meanwhile.
    pub(super) async fn alongside<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.clock.let_through() => {}
            }
        }
    }

    /// Moves time by `d`, and deals with everything that becomes due on the way.
    pub(super) async fn advance(&self, d: Duration) {
        let target = self.clock.now().checked_add(d).unwrap_or(Timestamp::MAX);
        loop {
            self.settle().await;
            match self.clock.next_due() {
                Some(at) if at <= target => self.clock.jump_to(at),
                _ => break,
            }
        }
        self.clock.jump_to(target);
        self.settle().await;
    }

    /// Lets the next thing happen: what is in flight, or what is due next. False if there is nothing.
    pub(super) async fn go_on(&self) -> bool {
        self.settle().await;
        match self.clock.next_due() {
            Some(at) => {
                self.clock.jump_to(at);
                true
            }
            None => false,
        }
    }

    /// What the run has left behind, and whether a process died.
    pub(super) async fn finish(&self) -> Result<Ran, String> {
        self.settle().await;
        let process = self.process().await;
        let histories = durable::histories(&*process.inner).await?;
        let unverified = durable::verify(process.engine(), &histories, self.crashes.get() > 0).await;
        *self.process.lock().await = None;
        self.bury(&process).await;
        Ok(Ran { reports: reports(&histories, &self.attempts)?, crashed: self.crashes.get() > 0, unverified })
    }
}
