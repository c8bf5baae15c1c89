//! Completions that come twice, late, in another order or never, and activities that behave as badly as they can.

use crate::{
    process::{Random, rounds},
    workload::{Ledger, Lines, Place},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, Semaphore};
use workflow_runtime::{
    activity,
    activity::CompletionToken,
    engine::{Engine, RunError},
    prelude::*,
    store::SledStore,
    workflow,
};

/// The tokens of calls that wait for somebody outside, by name.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<BTreeMap<String, CompletionToken>>>);

impl Desk {
    fn tokens(&self) -> Vec<(String, CompletionToken)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, token)| (name.clone(), token.clone())).collect()
    }
}

/// Leaves its token at the desk; every second one also stays alive and never returns.
#[activity(retry(attempts = 1000, initial = "1ms", max = "1ms"))]
async fn outside(desk: State<Desk>, cx: ActivityContext, name: String) -> Result<u64, String> {
    desk.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), cx.completion_token());
    match name.ends_with(['1', '3', '5', '7', '9']) {
        true => std::future::pending().await,
        false => cx.defer().await,
    }
}

#[workflow]
async fn gathered(name: String, calls: u64) -> Result<Vec<u64>, WorkflowError> {
    let mut values = vec![];
    for value in join_all((0..calls).map(|n| outside(format!("{name}/{n}")))).await {
        values.push(value?);
    }
    Ok(values)
}

async fn open(place: &Place, desk: &Desk, held: &Held) -> Engine {
    let ledger = Ledger(Lines::open(&place.ledger()).expect("the ledger opens"));
    let store = SledStore::open(place.store()).expect("the store opens");
    let builder = Engine::builder().store(store).state(ledger).state(desk.clone()).state(held.clone());
    let names = ["outside", "gathered", "deaf", "deaf_waits", "explosive", "blunt", "clinging", "badly"];
    builder.only(names).grace(std::time::Duration::from_millis(50)).build().await.expect("the engine builds")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completions_that_come_twice_late_or_out_of_order_count_once() {
    let mut random = Random::seeded("completions");
    let (mut sent, mut won, mut restarts) = (0, 0, 0);
    for round in 0..rounds(3, 100) {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place(dir.path().to_owned());
        let (desk, held, calls) = (Desk::default(), Held::default(), 6);
        let mut engine = open(&place, &desk, &held).await;
        for n in 0..4 {
            let id = format!("gathered-{n}");
            engine.start(id.clone(), gathered(id, calls)).await.expect("it starts");
        }
        let mut first: BTreeMap<String, u64> = BTreeMap::new();
        while first.len() < 4 * calls as usize {
            let tokens = desk.tokens();
            if tokens.is_empty() || random.below(15) == 0 {
                // Those who wait for an answer now are not told; what was acknowledged stands.
                engine.kill();
                drop(engine);
                engine = open(&place, &desk, &held).await;
                restarts += 1;
                while desk.tokens().len() < 4 * calls as usize {
                    tokio::task::yield_now().await;
                }
            }
            let Some((name, token)) = tokens.get(random.below(tokens.len() as u64) as usize) else { continue };
            let value = random.below(1 << 40);
            sent += 1;
            match engine.complete(token, value).await {
                Ok(()) => {
                    let before = first.insert(name.clone(), value);
                    assert_eq!(before, None, "round {round}: {name} was completed twice");
                    won += 1;
                }
                Err(e) => {
                    assert!(first.contains_key(name), "round {round}: {name}: {e}");
                    assert!(["WE131", "WE132"].contains(&e.code()), "{e}");
                }
            }
        }
        for n in 0..4 {
            let run = engine.run(gathered, format!("gathered-{n}"));
            let values = run.result().await.expect("it ends");
            let expected: Vec<_> = (0..calls).map(|call| first[&format!("gathered-{n}/{call}")]).collect();
            assert_eq!(values, expected, "round {round}");
        }
        for (name, token) in desk.tokens() {
            let late = engine.complete(&token, 7u64).await.expect_err("it has ended");
            assert_eq!(late.code(), "WE131", "{name}: {late}");
            sent += 1;
        }
        engine.shutdown().await;
    }
    println!(
        "completions: {sent} sent, {won} won, {restarts} restarts in between; each call got the first that was taken"
    );
}

/// What keeps the badly behaved where they are, and sees what they do.
#[derive(Clone)]
struct Held {
    release: Arc<AtomicBool>,
    running: Arc<Notify>,
    kept: Arc<Mutex<Vec<ActivityContext>>>,
    gate: Arc<Semaphore>,
    after: Arc<AtomicU64>,
}

impl Default for Held {
    fn default() -> Self {
        let gate = Arc::new(Semaphore::new(0));
        Held { release: Arc::default(), running: Arc::default(), kept: Arc::default(), gate, after: Arc::default() }
    }
}

/// Does not listen when it is asked to stop.
#[activity]
async fn deaf(held: State<Held>) -> Result<u64, String> {
    held.running.notify_one();
    std::future::pending().await
}

/// Does not listen either, and whoever cancels it waits for it.
#[activity(on_cancel = "wait")]
async fn deaf_waits(held: State<Held>, cx: ActivityContext) -> Result<u64, String> {
    held.running.notify_one();
    cx.cancelled().await;
    let _open = held.gate.acquire().await.map_err(|e| e.to_string())?;
    Ok(7)
}

/// Panics with something that is not text.
#[activity(retry(attempts = 3, initial = "1ms"))]
async fn explosive(n: u64) -> Result<u64, String> {
    std::panic::panic_any(n)
}

/// Blocks the thread that it runs on.
#[activity]
async fn blunt(held: State<Held>) -> Result<u64, String> {
    held.running.notify_one();
    while !held.release.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    Ok(1)
}

/// Gives its context away to a task that outlives it, and the engine.
#[activity]
async fn clinging(held: State<Held>, cx: ActivityContext) -> Result<u64, String> {
    let (gate, after) = (held.gate.clone(), held.after.clone());
    held.kept.lock().unwrap_or_else(PoisonError::into_inner).push(cx);
    let kept = held.kept.clone();
    tokio::spawn(async move {
        let _open = gate.acquire().await;
        for cx in kept.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            cx.heartbeat("long after");
            after.fetch_add(1, Ordering::SeqCst);
        }
    });
    Ok(1)
}

#[workflow]
async fn badly(which: String) -> Result<u64, WorkflowError> {
    let done = match which.as_str() {
        "deaf" => deaf().await,
        "deaf_waits" => deaf_waits().await,
        "explosive" => explosive(3).await,
        "blunt" => blunt().await,
        _ => clinging().await,
    };
    match done {
        Ok(value) => Ok(value),
        Err(ActivityError::Panicked(_)) => Ok(1000),
        Err(e) => Err(WorkflowError::msg(e)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn activities_that_behave_badly_hurt_only_themselves() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let (desk, held) = (Desk::default(), Held::default());
    let engine = open(&place, &desk, &held).await;
    let start = |id: &str, which: &str| engine.start(id.to_owned(), badly(which.to_owned()));

    let deaf = start("deaf", "deaf").await.expect("it starts");
    held.running.notified().await;
    deaf.cancel("enough").await.expect("it is asked to stop");
    let e = deaf.result().await.expect_err("it was cancelled");
    assert!(matches!(e, RunError::Cancelled { .. }), "{e}");

    let waits = start("waits", "deaf_waits").await.expect("it starts");
    held.running.notified().await;
    waits.cancel("enough").await.expect("it is asked to stop");

    let explosive = start("explosive", "explosive").await.expect("it starts");
    assert_eq!(explosive.result().await.expect("it ends"), 1000);

    let blunt = start("blunt", "blunt").await.expect("it starts");
    held.running.notified().await;
    let mut clinging = vec![];
    for n in 0..20 {
        clinging.push(start(&format!("clinging-{n}"), "clinging").await.expect("it starts"));
    }
    for run in &clinging {
        assert_eq!(run.result().await.expect("the others go on"), 1);
    }
    held.release.store(true, Ordering::Release);
    assert_eq!(blunt.result().await.expect("it ends"), 1);

    engine.shutdown().await;
    drop((engine, deaf, waits, explosive, blunt, clinging));
    // The directory is free although contexts of its activities are alive, and what they do now reaches nobody.
    let engine = open(&place, &desk, &held).await;
    held.gate.add_permits(100);
    let waits = engine.run(badly, "waits");
    // Its attempt ended with the engine; the next one is asked to stop as well, and comes to its end.
    assert_eq!(waits.result().await.expect("it came to its end"), 7);
    while held.after.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    for n in 0..20 {
        assert_eq!(engine.run(badly, format!("clinging-{n}")).result().await.expect("it has ended"), 1);
    }
    engine.shutdown().await;
    println!("badly behaved: deaf, deaf and waited for, panicking, blocking a thread, 20 that outlived their engine");
}
