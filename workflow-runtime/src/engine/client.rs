//! The engine as its callers see it.

use super::{
    builder::EngineBuilder,
    error::BuildError,
    list::{Filter, Page},
    message::{Mail, Message},
    place,
    pulse::Pulse,
    run::{Run, WorkflowFn},
    shared::Shared,
    start::Start,
    watch::Watchdog,
    {QueryError, Unavailable},
};
use crate::{
    journal::id::{InvalidId, WorkflowId},
    machine::{Workflow, WorkflowCall},
    store::{SledStore, StoreCounters},
};
use jiff::Timestamp;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// Runs workflows on a store. Cheap to clone; the last clone or [`Run`] that is dropped ends it.
///
/// Ending it, or the process, in any way loses nothing: what was committed goes on when the store is opened again.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    watchdog: Mutex<Option<Watchdog>>,
}

/// What an orderly end left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Attempts that did not end within the grace period and were stopped. The next engine makes them again.
    pub interrupted: usize,
    /// The engine had been shut down before, or its store had failed.
    pub already_down: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("registry", &self.inner.shared.registry).finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Engine { inner: Arc::new(Inner { shared, watchdog: Mutex::default() }) }
    }

    pub(super) fn watched_by(&self, watchdog: Watchdog) {
        *self.inner.watchdog.lock().unwrap_or_else(PoisonError::into_inner) = Some(watchdog);
    }

    /// An engine on the directory `path`, with everything annotated in this binary.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the directory cannot be opened, or the functions do not fit together.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::builder().store(SledStore::open(path)?).build().await
    }

    /// Puts an engine together.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use workflow_runtime::{engine::Engine, store::MemoryStore};
    ///
    /// let engine = Engine::builder().store(MemoryStore::new()).build().await?;
    /// engine.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Starts an instance, or attaches to the one that was started with this id, workflow and input before, also when
    /// it has ended: [`Run::is_new`] tells which. The start is durable on return.
    ///
    /// The await starts it; before it, options can be given:
    ///
    /// ```standalone_crate
    /// # use workflow_runtime::{prelude::*, engine::IdReuse, testing::TestEngine};
    /// # #[workflow] async fn report(n: u32) -> Result<u32, Cancelled> { sleep(hours(1)).await?; Ok(n) }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = TestEngine::new().await?;
    /// let run = engine.start("report", report(1)).delay(days(1)).tag("team", "sales").reuse(IdReuse::AllowIfClosed).await?;
    /// assert_eq!(run.result().await?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartError::Conflict`](super::StartError::Conflict): the id is taken by something else. Otherwise nothing was started.
    ///
    /// # Cancel safety
    ///
    /// The instance may or may not be started if the future is dropped. Starting it again attaches.
    pub fn start<W: Workflow>(&self, id: impl Into<String>, call: WorkflowCall<W>) -> Start<W> {
        Start::new(self.clone(), id.into(), call)
    }

    /// A handle of an instance of the workflow that the function `workflow` is. Nothing is looked up until it is used.
    pub fn run<Args, F>(&self, workflow: F, id: impl Into<String>) -> Run<F::Def>
    where
        F: WorkflowFn<Args>,
        F::Def: Workflow,
    {
        let _ = workflow;
        Run::new(self.clone(), WorkflowId::new(id), None)
    }

    /// The present time of the engine's clock.
    #[cfg(feature = "schedules")]
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.shared.clock.now()
    }

    /// A page of instances.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: the cursor is not one, or the store does not answer.
    pub async fn list(&self, filter: &Filter) -> Result<Page, QueryError> {
        super::list::list(&self.inner.shared, filter).await
    }

    /// How many instances a filter matches, on all pages.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: the store does not answer.
    pub async fn count(&self, filter: &Filter) -> Result<u64, QueryError> {
        super::list::count(&self.inner.shared, filter).await
    }

    /// Takes no more calls, lets attempts finish within the grace period, stops the others, and closes the store.
    pub async fn shutdown(&self) -> ShutdownReport {
        let shared = &self.inner.shared;
        if !shared.health.stopping() {
            return ShutdownReport { interrupted: 0, already_down: true };
        }
        let interrupted = match shared.executor() {
            Some(executor) => executor.drain(shared.settings.grace).await,
            None => 0,
        };
        let busy = shared.pulse.hold();
        // All at once: one that takes its time does not keep the others from hearing of it.
        let finishing: Vec<_> = self.inner.senders().iter().map(place::finish).collect();
        let finished = async {
            for finished in finishing {
                // An error: it has ended before.
                let _ = finished.await;
            }
        };
        // A step that never returns must not keep the others from ending in order.
        tokio::select! {
            biased;
            () = finished => {}
            _wake = shared.clock.sleep_until(after(shared.clock.now(), shared.settings.grace)) => {}
        }
        drop(busy);
        shared.health.stopped();
        self.inner.join();
        shared.drop_executor();
        shared.close_archive();
        if let Err(error) = shared.store.close().await {
            tracing::error!(%error, "the store did not close cleanly");
        } else {
            shared.watch.end_in_order();
        }
        ShutdownReport { interrupted, already_down: false }
    }

    /// What is in flight.
    pub fn pulse(&self) -> &Pulse {
        &self.inner.shared.pulse
    }

    /// What the store has done so far.
    pub fn store_counters(&self) -> StoreCounters {
        self.inner.shared.store.counters()
    }

    /// Ends the engine at once, as if its process had died.
    #[doc(hidden)]
    pub fn kill(&self) {
        self.inner.die();
    }
}

impl Inner {
    /// Sends a piece of mail and waits for the answer. The outer error: there is none.
    pub(super) async fn ask<T>(
        &self,
        id: &WorkflowId,
        mail: impl FnOnce(oneshot::Sender<T>) -> Mail,
    ) -> Result<T, Unavailable> {
        self.shared.health.check()?;
        let (reply, answer) = oneshot::channel();
        // Held until the answer is here, so that the clock does not move on before the caller has it.
        let busy = self.shared.pulse.hold();
        let sent = self.shared.watch.sending(self.shared.worker_of(id));
        self.send(id, mail(reply));
        let answer = tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| self.shared.health.unanswered()),
            () = self.shared.watch.replaced(&sent) => Err(self.shared.health.lost_worker()),
        };
        drop(busy);
        answer
    }

    pub(super) fn send(&self, id: &WorkflowId, mail: Mail) {
        match self.shared.workers.get() {
            Some(_) => self.shared.post(id, mail),
            None => mail.refuse(&Unavailable::ReadOnly),
        }
    }

    fn senders(&self) -> &[UnboundedSender<Message>] {
        self.shared.workers.get().map_or(&[], Vec::as_slice)
    }

    fn die(&self) {
        self.shared.health.stopped();
        self.shared.drop_executor();
        for sender in self.senders() {
            let _ = sender.send(Message::Die);
        }
        self.join();
        self.shared.close_archive();
    }

    /// Waits for the threads: they hold the store. They end at once when told to, unless a step does not return.
    fn join(&self) {
        let watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watchdog) = watchdog {
            watchdog.stop();
        }
        let threads: Vec<_> = self.shared.watch.posts().iter_mut().filter_map(|p| p.thread.take()).collect();
        let patience = Instant::now() + PATIENCE;
        for thread in threads {
            if thread.thread().id() == std::thread::current().id() {
                continue;
            }
            while !thread.is_finished() && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !thread.is_finished() {
                tracing::error!("a step does not return; its thread is left behind");
            } else if thread.join().is_err() {
                tracing::error!("a worker has panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.die();
    }
}

fn after(now: Timestamp, d: Duration) -> Timestamp {
    now.checked_add(d).unwrap_or(Timestamp::MAX)
}

/// How long the end of an engine waits for a step that runs.
const PATIENCE: Duration = Duration::from_secs(5);

/// An id that may not be one.
pub(super) type MaybeId = Result<WorkflowId, InvalidId>;
