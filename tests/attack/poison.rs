//! Instances that cannot be run, beside others that can: the others do not notice.

use crate::{
    audit::{expected, ledger, open_with},
    clients::{Size, drive},
    poisons::{GATE, GO, MENDED, deadly, endless, grudging, held, panicking},
    process::{rounds, run, text, told, was_killed},
    workload::{Lines, NAMES, Place},
};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use workflow_runtime::{
    engine::{Engine, EngineBuilder, Filter, Status},
    millis, seconds,
    store::SledStore,
};

/// Of the tests that set what a build does.
static BUILD: Mutex<()> = Mutex::const_new(());

fn all_names(builder: EngineBuilder) -> EngineBuilder {
    builder.only(NAMES.into_iter().chain(crate::poisons::POISONS))
}

async fn open(place: &Place) -> Engine {
    open_with(place, all_names).await
}

/// Every blocked instance has this code.
async fn blocked(engine: &Engine, code: &str) -> usize {
    let listed = engine.list(&Filter::all().status(Status::Blocked).limit(20_000)).await.expect("it lists");
    for instance in &listed.instances {
        let status = engine.run(panicking, instance.workflow_id.clone()).status().await.expect("it has a status");
        assert_eq!(status.blocked.expect("a reason").code, code);
    }
    listed.instances.len()
}

/// The engine behind one that has stopped, when it has nothing more to do.
async fn next_engine(stopped: Engine, place: &Place) -> Engine {
    drop(stopped);
    // In place of the end of the process: the threads return, and let go of the directory.
    MENDED.store(true, Ordering::Relaxed);
    while SledStore::open(place.store()).is_err() {
        tokio::task::yield_now().await;
    }
    let engine = open(place).await;
    engine.pulse().idle().await;
    engine
}

/// The same workload, and how long it took.
async fn timed(engine: &Engine, place: &Place, size: Size) -> Duration {
    let lines = Lines::open(&place.acknowledged()).expect("the file opens");
    let begun = Instant::now();
    let outcomes = drive(engine, size, &lines).await.expect("the healthy end");
    assert_eq!(outcomes, expected(size));
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_panicking_instances_hurt_no_other() {
    let (dir, alone) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (place, alone) = (Place(dir.path().to_owned()), Place(alone.path().to_owned()));
    let (poisoned, size) = (rounds(300, 10_000), Size(rounds(4, 100)));
    let engine = open(&alone).await;
    let undisturbed = timed(&engine, &alone, size).await;
    engine.shutdown().await;

    let engine = open(&place).await;
    let starting = tokio::spawn({
        let engine = engine.clone();
        async move {
            for n in 0..poisoned {
                let id = format!("poison-{n}");
                engine.start(id.clone(), panicking(id)).await.expect("it starts");
            }
        }
    });
    let disturbed = timed(&engine, &place, size).await;
    starting.await.expect("all are started");
    engine.pulse().idle().await;
    assert_eq!(blocked(&engine, "WB010").await as u64, poisoned);
    engine.shutdown().await;
    drop(engine);

    // Each is tried once by each engine, and stays what it is.
    let engine = open(&place).await;
    engine.pulse().idle().await;
    assert_eq!(blocked(&engine, "WB010").await as u64, poisoned);
    let of = |n: u64| engine.run(panicking, format!("poison-{n}"));
    of(0).retry().await.expect("it is tried again");
    of(1).cancel("no use").await.expect("it is cancelled");
    of(2).terminate("no use").await.expect("it is terminated");
    engine.pulse().idle().await;
    assert_eq!(of(0).status().await.expect("a status").state, Status::Blocked);
    assert_eq!(of(2).status().await.expect("a status").state, Status::Terminated);
    engine.shutdown().await;
    println!(
        "panicking: {poisoned} blocked beside {} healthy ones, which took {:.2} times as long as without",
        size.0 * 5,
        disturbed.as_secs_f64() / undisturbed.as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_does_not_end_blocks_its_instance_and_no_other() {
    let _build = BUILD.lock().await;
    MENDED.store(false, Ordering::Relaxed);
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let configure = |b: EngineBuilder| all_names(b).workers(2).step_limit(seconds(2));
    let engine = open_with(&place, configure).await;
    let waiting = engine.start("waiting", endless("waiting".into(), true)).await.expect("it starts");
    let mut running = vec![];
    for n in 0..8 {
        let id = format!("held-{n}");
        running.push(engine.start(id.clone(), held(id)).await.expect("it starts"));
    }
    let healthy = tokio::spawn({
        let (engine, place) = (engine.clone(), place.clone());
        async move { timed(&engine, &place, Size(4)).await }
    });
    // A call that leads to the step is told that nobody knows; one that may be made twice is made again by itself.
    let refused = waiting.signal(&GO, ()).await.expect_err("the step does not end");
    assert_eq!(refused.code(), "WE017", "{refused}");
    waiting.signal(&GO, ()).id("go").await.expect("it is kept");
    let hasty = engine.start("hasty", endless("hasty".into(), false)).await.expect("it is there, and blocked");
    for run in [&waiting, &hasty] {
        let status = run.status().await.expect("it has a status");
        let reason = status.blocked.expect("it is blocked");
        assert_eq!((status.state, reason.code.as_str()), (Status::Blocked, "WB108"), "{}", reason.message);
    }
    healthy.await.expect("the healthy end");
    // Attempts that were running went on, and were made once.
    GATE.add_permits(8);
    for run in &running {
        assert_eq!(run.result().await.expect("it ends") as usize, "held-0/held".len());
    }
    let made = ledger(&place);
    assert!((0..8).all(|n| made[&format!("held-{n}/held")] == 1), "{made:?}");
    engine.shutdown().await;
    drop(engine);

    // Not tried again by itself: it would cost a thread each time.
    let engine = open_with(&place, configure).await;
    engine.pulse().idle().await;
    assert_eq!(blocked(&engine, "WB108").await, 2);
    // The threads that were left behind return, and do nothing.
    MENDED.store(true, Ordering::Relaxed);
    timed(&engine, &place, Size(5)).await;
    assert!(ledger(&place).keys().all(|key| !key.ends_with("/after")), "a step of a replaced worker had an effect");
    for (run, length) in [("waiting", "waiting/after".len()), ("hasty", "hasty/after".len())] {
        let run = engine.run(endless, run);
        run.retry().await.expect("it is tried again");
        assert_eq!(run.result().await.expect("it ends") as usize, length);
    }
    engine.shutdown().await;
    println!("endless: 2 blocked beside 25 healthy ones; their threads came back and had no effect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_with_too_many_endless_steps_stops_and_the_next_one_goes_on() {
    let _build = BUILD.lock().await;
    MENDED.store(false, Ordering::Relaxed);
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let engine = open_with(&place, |b| all_names(b).workers(2).step_limit(millis(400))).await;
    let mut starting = tokio::task::JoinSet::new();
    for n in 0..12 {
        let engine = engine.clone();
        starting.spawn(async move {
            let id = format!("hasty-{n}");
            engine.start(id.clone(), endless(id, false)).await.map(drop).map_err(|e| e.code().to_owned())
        });
    }
    let (mut blocked_here, mut refused) = (0, 0);
    while let Some(started) = starting.join_next().await {
        match started.expect("it is answered") {
            Ok(()) => blocked_here += 1,
            Err(code) => {
                assert_eq!(code, "WE018");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "{blocked_here}");
    let late = engine.start("late", panicking("late".into())).await.expect_err("it has stopped");
    assert_eq!(late.code(), "WE018");
    let engine = next_engine(engine, &place).await;
    assert!(blocked(&engine, "WB108").await >= blocked_here, "what was acknowledged is blocked");
    timed(&engine, &place, Size(2)).await;
    engine.shutdown().await;
    println!("endless: the engine stopped after {blocked_here} were blocked, {refused} calls were told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_steps_that_are_queued_at_once_are_blocked_one_by_one() {
    let _build = BUILD.lock().await;
    MENDED.store(false, Ordering::Relaxed);
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let engine = open_with(&place, |b| all_names(b).workers(1).step_limit(millis(400))).await;
    let mut runs = vec![];
    for n in 0..12 {
        let id = format!("patient-{n}");
        runs.push(engine.start(id.clone(), endless(id, true)).await.expect("it starts"));
    }
    engine.pulse().idle().await;
    let mut signals = tokio::task::JoinSet::new();
    for run in runs {
        signals.spawn(async move { run.signal(&GO, ()).id("go").await.map_err(|e| e.code().to_owned()) });
    }
    while let Some(sent) = signals.join_next().await {
        if let Err(code) = sent.expect("it is answered") {
            assert_eq!(code, "WE018");
        }
    }
    while engine.start("late", panicking("late".into())).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let engine = next_engine(engine, &place).await;
    // Each worker blocks durably what its predecessor did not return from, before it steps anything.
    assert_eq!(blocked(&engine, "WB108").await, 8);
    engine.shutdown().await;
    println!("endless: 8 of 12 that were queued at once were blocked before the engine stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_panics_when_it_is_dropped_hurts_no_other_instance() {
    let _build = BUILD.lock().await;
    MENDED.store(false, Ordering::Relaxed);
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let count = rounds(20, 2_000);
    // Nothing is kept in memory: each value is dropped outside of its step.
    let engine = open_with(&place, |b| all_names(b).resident(0)).await;
    let starts = async {
        for n in 0..count {
            let id = format!("grudge-{n}");
            match engine.start(id.clone(), grudging(id)).await {
                Ok(_) => {}
                Err(e) => assert_eq!(e.code(), "WE090", "{e}"),
            }
        }
    };
    tokio::join!(starts, timed(&engine, &place, Size(4)));
    for n in 0..count {
        let run = engine.run(grudging, format!("grudge-{n}"));
        // The step that lets it go panics as well, and that one is a step's.
        match run.signal(&GO, ()).id("go").await {
            Ok(()) => {}
            Err(e) => assert_eq!(e.code(), "WE090", "{e}"),
        }
    }
    timed(&engine, &place, Size(5)).await;
    // The engine ends in order: nobody is missed.
    assert_eq!(engine.shutdown().await.interrupted, 0);
    drop(engine);
    MENDED.store(true, Ordering::Relaxed);
    let engine = open(&place).await;
    for n in 0..count {
        let run = engine.run(grudging, format!("grudge-{n}"));
        run.signal(&GO, ()).id("go").await.ok();
        assert_eq!(run.result().await.expect("it ends") as usize, format!("grudge-{n}").len());
    }
    engine.shutdown().await;
    println!("grudging: {count} that panic when they are evicted, beside 25 healthy ones");
}

/// Runs a worker with deadly instances until it ends in order; how often it died.
fn until_it_lives(place: &Place, how: &str, most: usize) -> usize {
    for deaths in 0..=most {
        let out = run(&["poison", text(&place.0), how]);
        if out.status.success() {
            return deaths;
        }
        assert!(was_killed(out.status) || how == "allocation", "{}", told(&out));
    }
    panic!("`{how}` still kills after {most} deaths");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_kills_the_process_is_blocked_after_four_openings() {
    let _build = BUILD.lock().await;
    MENDED.store(false, Ordering::Relaxed);
    let mut all = 0;
    for (how, killers) in [("abort", 1), ("overflow", 1), ("allocation", 1), ("abort", rounds(3, 20))] {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place(dir.path().to_owned());
        let how_many = format!("{how}:{killers}");
        // The first death is not marked; then each killer is found by three.
        let deaths = until_it_lives(&place, &how_many, 1 + 3 * killers as usize);
        assert!(deaths > 3, "{deaths} deaths are too few to tell a killer from the innocent");
        let engine = open(&place).await;
        engine.pulse().idle().await;
        assert_eq!(blocked(&engine, "WB107").await as u64, killers);
        let of = |n: u64| engine.run(deadly, format!("deadly-{n}"));
        match killers {
            1 => {
                MENDED.store(true, Ordering::Relaxed);
                of(0).retry().await.expect("it is tried again");
                assert_eq!(of(0).result().await.expect("it ends") as usize, "deadly-0/after".len());
                MENDED.store(false, Ordering::Relaxed);
            }
            _ => of(0).terminate("no use").await.expect("it is terminated"),
        }
        engine.shutdown().await;
        drop(engine);
        if killers > 1 {
            // The others stay blocked, and one that is tried again is blocked again.
            let out = run(&["retry", text(&place.0), "deadly-1"]);
            assert!(was_killed(out.status), "{}", told(&out));
            let again = until_it_lives(&place, &how_many, 4);
            let engine = open(&place).await;
            engine.pulse().idle().await;
            assert_eq!(blocked(&engine, "WB107").await as u64, killers - 1);
            engine.shutdown().await;
            all += again + 1;
        }
        println!("deadly ({how}): {killers} blocked after {deaths} deaths");
        all += deaths;
    }
    println!("deadly steps: {all} deaths of processes, the healthy instances of each ended as ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_activity_that_kills_the_process_uses_up_its_attempts_and_no_other() {
    let _build = BUILD.lock().await;
    MENDED.store(false, Ordering::Relaxed);
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    // Two are free, because processes die for many reasons.
    let deaths = until_it_lives(&place, "activity:1", 6);
    assert_eq!(deaths, 4);
    let engine = open(&place).await;
    let error = engine.run(deadly, "deadly-0").result().await.expect_err("it kills");
    assert!(error.to_string().contains("the process ended while attempt 4 ran"), "{error}");
    assert_eq!(blocked(&engine, "").await, 0);
    engine.shutdown().await;
    println!("deadly activity: given up after {deaths} deaths, the healthy instances ended as ever");
}
