//! One run of a scenario, with at most one crash.

use super::{
    Configure, Driven, Sweep,
    report::{Reports, reports},
};
use crate::{
    engine::{Engine, QueryError, RebuildError, Run, RunError, rebuilt_differs},
    journal::history::Event,
    machine::Workflow,
    store::{Fault, FaultStore},
    testing::{
        Attempts, TestClock, TestEngine,
        disk::{Damaged, Disk},
        durable,
        journal::{Commits, Noting, Opened},
        mock::Mocks,
        variant::{Backend, Crash, Variant},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What outlives the process in one run.
pub(super) struct World {
    pub(super) configure: Vec<Configure>,
    pub(super) mocks: Mocks,
    pub(super) seed: u64,
    pub(super) commits: Commits,
}

/// What one run has left behind.
pub(in crate::testing) struct Ran {
    pub(in crate::testing) reports: Reports,
    /// A process died.
    pub(in crate::testing) crashed: bool,
    /// A recorded step decides something else when it is run again.
    pub(in crate::testing) unverified: Option<String>,
}

impl Variant {
    /// What the run left behind, and whether the process died.
    ///
    /// # Errors
    ///
    /// It did not come to an end, or broke a promise.
    pub(super) async fn run<W: Workflow>(self, sweep: &Sweep<W>, world: World) -> Result<Ran, String> {
        let disk = Disk::new(self.backend, sweep.directory.as_deref())?;
        let (clock, attempts) = (TestClock::new(), Attempts::new());
        let commits = Arc::new(AtomicU64::new(0));
        let mut crashes = 0;
        loop {
            let inner = disk.open().await?;
            let histories = durable::histories(&*inner).await?;
            world.mocks.crashed(&durable::failed_attempts(&histories));
            let (durable, begun) = (durable::ended_operations(&histories), attempts.list().len());
            let damaged = if sweep.rebuilds && crashes > 0 { disk.damage_checkpoints().await? } else { vec![] };
            let store: Opened = FaultStore::new(inner.clone());
            store.on_commit(self.hook(&commits));
            let ended = self.process(sweep, &world, &store, (&clock, &attempts), damaged).await;
            let died = store.is_dead();
            if let Some(failure) = world.mocks.take_failure() {
                return Err(failure);
            }
            let left = durable::histories(&*inner).await;
            if self.backend == Backend::Sled {
                inner.close().await.map_err(|e| format!("the store does not close: {e}"))?;
            }
            if let Some(again) = attempts.list()[begun..].iter().find(|a| durable.contains(&(a.run_id, a.op))) {
                return Err(format!("{} (operation {}) ran again although its end was durable", again.name, again.op));
            }
            crashes += usize::from(died);
            match ended {
                Ok(unverified) => {
                    let reports = reports(&left?, &attempts)?;
                    return Ok(Ran { reports, crashed: crashes > 0, unverified });
                }
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
        (clock, attempts): (&TestClock, &Attempts),
        damaged: Vec<Damaged>,
    ) -> Result<Option<String>, String> {
        let builder = TestEngine::builder().store(Noting::new(store.clone(), world.commits.clone()));
        let builder = builder.clock(clock).attempts(attempts).seed(world.seed);
        let mut builder = builder.mocks(&world.mocks).deliveries(self.deliveries);
        for configure in &world.configure {
            builder = builder.configure(|e| configure(e));
        }
        if self.evict {
            builder = builder.configure(|e| e.evict_after_every_step());
        }
        let at_once = clock.pause();
        let engine = builder.build().await.map_err(|e| format!("the engine does not build: {e}"))?;
        rebuild(&engine, damaged, &world.commits).await?;
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
        // What the end has set going comes to rest, at this time.
        let _still = clock.pause();
        tokio::select! {
            biased;
            () = engine.down() => return Err("WE011".into()),
            () = clock.settle() => {}
        }
        let mut histories = durable::histories(store).await?;
        if sweep.directory.is_some() {
            // What an older build has left of others is not what is swept: the present code may decide otherwise.
            histories.retain(|(id, _), _| *id == sweep.id);
        }
        Ok(durable::verify(&engine, &histories, self.crash.is_some()).await)
    }
}

/// Makes the checkpoints of these instances anew, those before others that wait for them.
async fn rebuild(engine: &Engine, mut damaged: Vec<Damaged>, commits: &Commits) -> Result<(), String> {
    let made = commits.count();
    while !damaged.is_empty() {
        let (before, mut left) = (damaged.len(), vec![]);
        for Damaged { id, was } in damaged {
            match engine.untyped(&id).rebuild().await {
                Ok(()) => {
                    let is = commits.first_checkpoint(made, &id);
                    if let Some(differs) = was.zip(is).and_then(|(was, is)| rebuilt_differs(&was, &is)) {
                        return Err(format!("the checkpoint of `{id}` is not what it was: {differs}"));
                    }
                }
                Err(RebuildError::After { .. }) => left.push(Damaged { id, was }),
                Err(e) => {
                    let causes = std::iter::successors(std::error::Error::source(&e), |e| e.source());
                    return Err(causes.fold(format!("rebuild `{id}`: {e}"), |text, cause| format!("{text}: {cause}")));
                }
            }
        }
        if left.len() == before {
            let left: Vec<_> = left.into_iter().map(|damaged| damaged.id).collect();
            return Err(format!("each waits for another one to be rebuilt: {left:?}"));
        }
        damaged = left;
    }
    Ok(())
}

async fn send_signals<W: Workflow>(sweep: &Sweep<W>, run: &Run<W>) -> Result<(), String> {
    if sweep.signals.is_empty() {
        return Ok(());
    }
    let seen = events_of_all_runs(run).await.map_err(|e| format!("history: {e}"))?;
    for (name, payload) in &sweep.signals {
        let there =
            |e: &Event| matches!(e, Event::SignalReceived { name: n, payload: p, .. } if n == name && p == payload);
        if !seen.iter().any(there) {
            run.signal_payload(name, payload.clone()).await.map_err(|e| format!("signal {name}: {e}"))?;
        }
    }
    Ok(())
}

/// What happened to an instance since it was started, also in runs that went on as others.
async fn events_of_all_runs<W: Workflow>(run: &Run<W>) -> Result<Vec<Event>, QueryError> {
    let mut next = Some(run.status().await?.first_run_id);
    let mut events = vec![];
    while let Some(id) = next {
        let run = run.of_run(id);
        events.extend(run.history().await?.into_iter().flat_map(|entry| entry.events));
        next = run.status().await?.next_run_id;
    }
    Ok(events)
}
