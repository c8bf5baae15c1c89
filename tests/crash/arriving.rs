//! A request to cancel that arrives at every commit of a workflow, and for each a process that dies at every commit after it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};
use workflow_runtime::{
    engine::{Engine, EngineBuilder, Run, RunError},
    journal::history::{Entry, Event},
    machine::{ErrOf, OkOf, Workflow, WorkflowCall},
    store::{Fault, FaultStore, MemoryStore, SledStore, Store},
    testing::{TestClock, TestEngine},
};

/// How a run ended.
pub(crate) type Outcome<W> = Result<OkOf<W>, RunError<ErrOf<W>>>;

/// One run: when the request came, and when the process died.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// While this commit was made; none: nobody asked.
    pub(crate) at: Option<u64>,
    /// The process died at this commit, before it or after.
    crash: Option<(u64, bool)>,
    evict: bool,
    sled: bool,
}

/// What one run left behind.
pub(crate) struct Left<'a, W: Workflow, S> {
    pub(crate) arrival: Arrival,
    pub(crate) outcome: Outcome<W>,
    pub(crate) history: Vec<Entry>,
    pub(crate) world: &'a S,
}

impl<W: Workflow, S> Left<'_, W, S> {
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.history.iter().flat_map(|e| &e.events)
    }

    /// Whether the run saw the request: it had not ended before.
    pub(crate) fn requested(&self) -> bool {
        self.events().any(|e| matches!(e, Event::CancelRequested { .. }))
    }
}

/// Lets a request arrive at every commit of a run, crashes the process at every commit behind it, and checks each run:
/// every operation ends once, is asked to stop at most once, and what `check` says holds. Gives the number of runs.
pub(crate) async fn sweep<W: Workflow, S: Clone + Send + Sync + 'static>(
    call: WorkflowCall<W>,
    find: impl Fn(&Engine) -> Run<W>,
    world: impl Fn() -> S,
    configure: impl Fn(EngineBuilder) -> EngineBuilder,
    check: impl Fn(&Left<'_, W, S>),
) -> usize {
    let mut runs = 0;
    for sled in [false, true] {
        let mut at = None;
        loop {
            let arrival = Arrival { at, crash: None, evict: false, sled };
            let (commits, _) = one(&call, &find, &world, &configure, &check, arrival).await;
            if !sled {
                one(&call, &find, &world, &configure, &check, Arrival { evict: true, ..arrival }).await;
            }
            runs += 1 + usize::from(!sled);
            let begin = at.unwrap_or_default();
            for before in [true, false] {
                // Over sled, which is slow to open, only the commits next to the request.
                let most = if sled { begin + 2 } else { u64::MAX };
                let mut commit = begin;
                while commit < most {
                    // Evicted by turns: every request meets both with every other commit, every commit with every other request.
                    let evict = !sled && (begin + commit + u64::from(before)) % 2 == 1;
                    let arrival = Arrival { crash: Some((commit, before)), evict, ..arrival };
                    let (_, crashed) = one(&call, &find, &world, &configure, &check, arrival).await;
                    runs += 1;
                    if !crashed {
                        break;
                    }
                    commit += 1;
                }
            }
            at = Some(at.map_or(0, |n| n + 1));
            if at.is_some_and(|n| n > commits) {
                break;
            }
        }
    }
    runs
}

/// The number of commits, and whether the process died.
async fn one<W: Workflow, S: Clone + Send + Sync + 'static>(
    call: &WorkflowCall<W>,
    find: &impl Fn(&Engine) -> Run<W>,
    world: &impl Fn() -> S,
    configure: &impl Fn(EngineBuilder) -> EngineBuilder,
    check: &impl Fn(&Left<'_, W, S>),
    arrival: Arrival,
) -> (u64, bool) {
    let (world, clock) = (world(), TestClock::new());
    let directory = arrival.sled.then(|| tempfile::tempdir().expect("a directory"));
    let memory = MemoryStore::new();
    let asked = Arc::new(AtomicBool::new(false));
    let mut offset = 0;
    let mut died = false;
    loop {
        let inner: Arc<dyn Store> = match &directory {
            Some(d) => Arc::new(SledStore::builder(d.path()).cache_capacity(1 << 20).open().expect("it opens")),
            None => Arc::new(memory.reopen()),
        };
        let store = FaultStore::new(inner.clone());
        let asker: Arc<Mutex<Option<Run<W>>>> = Arc::default();
        store.on_commit(hook(arrival, offset, asked.clone(), asker.clone()));
        let mut builder = TestEngine::builder().store(store.clone()).clock(&clock).state(world.clone());
        builder = builder.configure(|e| configure(if arrival.evict { e.evict_after_every_step() } else { e }));
        let engine = builder.build().await.expect("the engine builds");
        *asker.lock().expect("no panic") = Some(find(&engine));
        let ended = tokio::time::timeout(Duration::from_secs(30), process(&engine, call, &asked, arrival)).await;
        asker.lock().expect("no panic").take();
        let ended = ended.unwrap_or_else(|_| panic!("{arrival:?}: the run does not end"));
        offset += store.commits();
        if let (Some((outcome, history)), false) = (ended, store.is_dead()) {
            let left = Left { arrival, outcome, history, world: &world };
            lawful(&left);
            check(&left);
            return (offset, died);
        }
        assert!(store.is_dead() && !died, "{arrival:?}: the process did not die");
        died = true;
        drop(engine);
        if arrival.sled {
            inner.close().await.expect("it closes");
        }
    }
}

/// Sends the request while its commit is made, and lets the process die at its own.
fn hook<W: Workflow>(
    arrival: Arrival,
    offset: u64,
    asked: Arc<AtomicBool>,
    asker: Arc<Mutex<Option<Run<W>>>>,
) -> Arc<dyn Fn(u64) -> Fault + Send + Sync> {
    Arc::new(move |n| {
        let n = n + offset;
        if arrival.at == Some(n) && !asked.swap(true, Ordering::SeqCst) {
            // Polled once: the request is in the mail of the instance, nobody waits for the answer.
            let run = asker.lock().expect("no panic").clone().expect("the engine is there");
            let request = async { drop(run.cancel("enough").await) };
            let _ = std::pin::pin!(request).poll(&mut Context::from_waker(Waker::noop()));
        }
        match arrival.crash {
            Some((commit, true)) if commit == n => Fault::CrashBefore,
            Some((commit, false)) if commit == n => Fault::CrashAfter,
            _ => Fault::None,
        }
    })
}

async fn process<W: Workflow>(
    engine: &TestEngine,
    call: &WorkflowCall<W>,
    asked: &AtomicBool,
    arrival: Arrival,
) -> Option<(Outcome<W>, Vec<Entry>)> {
    let still = engine.clock().pause();
    let run = engine.start("c", call.clone()).await.ok()?;
    // Who got no answer asks again.
    if asked.load(Ordering::SeqCst) && arrival.crash.is_some() && run.status().await.ok()?.cancel_requested.is_none() {
        let _ = run.cancel("enough").await;
    }
    drop(still);
    let outcome = run.result().await;
    if matches!(&outcome, Err(RunError::Unavailable(_) | RunError::NotFound { .. })) {
        return None;
    }
    Some((outcome, run.history().await.ok()?))
}

/// What holds for every run.
fn lawful<W: Workflow, S>(left: &Left<'_, W, S>) {
    let (mut begun, mut ended, mut asked) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut requests = 0;
    for event in left.events() {
        match event {
            Event::Scheduled { op, .. } | Event::TimerStarted { op, .. } | Event::Waiting { op, .. } => {
                *begun.entry(*op).or_insert(0) += 1;
            }
            Event::Completed { op, .. }
            | Event::OperationCancelled { op }
            | Event::TimerFired { op }
            | Event::SignalConsumed { op, .. }
            | Event::CompensationSkipped { op, .. } => *ended.entry(*op).or_insert(0) += 1,
            Event::CancelAsked { op } => *asked.entry(*op).or_insert(0) += 1,
            Event::CancelRequested { .. } => requests += 1,
            _ => {}
        }
    }
    let arrival = left.arrival;
    assert!(requests <= 1, "{arrival:?}: asked {requests} times");
    assert!(begun.values().chain(ended.values()).chain(asked.values()).all(|n| *n == 1), "{arrival:?}: not once");
    assert!(begun.keys().eq(ended.keys()), "{arrival:?}: begun {begun:?}, ended {ended:?}\n{:#?}", left.history);
    assert!(asked.keys().all(|op| begun.contains_key(op)), "{arrival:?}: asked {asked:?}");
}
