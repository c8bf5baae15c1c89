//! Work that comes faster than the disk takes it, in all and for one instance; and many instances that have something to
//! do at the same moment.

use crate::{
    audit::open_with,
    process::{rounds, run, spawn, text, told, was_killed},
    workload::{Lines, NAMES, Place, WORD, chain, listener},
};
use std::{
    io::{BufRead, BufReader},
    time::Instant,
};
use workflow_runtime::engine::{Engine, Filter, RunError, Status};

fn place() -> (tempfile::TempDir, Place) {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    (dir, place)
}

/// The memory of this process that is in use, in MiB.
fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_default();
    (pages * 4096) >> 20
}

/// Runs so many instances of [`chain`] to their ends, `lanes` at a time.
pub(crate) async fn chains(engine: &Engine, lanes: usize, name: &str, count: u64) {
    let mut tasks = vec![];
    for lane in 0..lanes as u64 {
        let (engine, name) = (engine.clone(), name.to_owned());
        tasks.push(tokio::spawn(async move {
            for n in (lane..count).step_by(lanes) {
                let id = format!("{name}-{n}");
                let run = engine.start(id.clone(), chain(id.clone(), 1)).await.expect("it starts");
                match run.result().await {
                    // One that is not retained may be gone before anybody has asked.
                    Ok(_) | Err(RunError::NotFound { .. }) => {}
                    Err(e) => panic!("{id}: {e}"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("it ends");
    }
}

/// Starts instances one after the other with so many in flight; how many a second.
async fn rate(engine: &Engine, name: &str, count: u64) -> f64 {
    let begun = Instant::now();
    chains(engine, 16, name, count).await;
    count as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_faster_than_the_disk_are_refused_and_nothing_that_was_taken_is_lost() {
    let (_dir, place) = place();
    let (limit, flood) = (rounds(500, 20_000), rounds(5_000, 500_000));
    let engine = open_with(&place, |b| b.only(NAMES).in_flight_limit(limit as usize)).await;
    let before = rate(&engine, "before", rounds(200, 10_000)).await;
    let memory_before = memory();
    // Nobody waits for an answer before the next start.
    let mut tasks = tokio::task::JoinSet::new();
    let (mut taken, mut refused, mut most) = (vec![], 0, 0);
    let mut ended = |done: Result<(String, Result<(), String>), _>| match done.expect("it ends") {
        (id, Ok(())) => taken.push(id),
        (_, Err(code)) => {
            assert_eq!(code, "WE019");
            refused += 1;
        }
    };
    for n in 0..flood {
        let engine = engine.clone();
        tasks.spawn(async move {
            let id = format!("flood-{n}");
            let started = engine.start(id.clone(), chain(id.clone(), 1)).await;
            (id, started.map(drop).map_err(|e| e.code().to_owned()))
        });
        most = most.max(memory());
        while let Some(done) = tasks.try_join_next() {
            ended(done);
        }
    }
    while let Some(done) = tasks.join_next().await {
        ended(done);
    }
    // Whoever calls again after a pause is served: when what was taken has ended.
    engine.pulse().idle().await;
    let after = rate(&engine, "after", rounds(200, 10_000)).await;
    for id in &taken {
        assert_eq!(engine.run(chain, id.clone()).result().await.expect("it ends") as usize, id.len() + 2);
    }
    let listed = engine.count(&Filter::all().workflow("chain")).await.expect("it counts");
    assert_eq!(listed, taken.len() as u64 + 2 * rounds(200, 10_000), "what was refused does not exist");
    assert!(refused > 0, "the flood was too small");
    engine.shutdown().await;
    println!(
        "overload: {flood} starts at once, {} taken, {refused} refused; {memory_before} MiB before, {most} at most; rate afterwards {:.2} of before",
        taken.len(),
        after / before
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_signals_to_one_instance_is_bounded_and_kept_in_order() {
    let (_dir, place) = place();
    let limit = rounds(100, 10_000);
    let engine = open_with(&place, |b| b.only(NAMES).only(["collector"]).inbox_limit(limit)).await;
    // It waits for a signal of another name until it is let go on.
    let run = engine.start("collector", crate::floods::collector("collector".into(), limit)).await.expect("it starts");
    let (mut sent, mut refused) = (0, 0);
    for n in 0..limit + limit / 2 {
        match run.signal(&WORD, n.to_string()).id(n.to_string()).await {
            Ok(()) => sent += 1,
            Err(e) => {
                assert_eq!(e.code(), "WE035", "{e}");
                refused += 1;
            }
        }
    }
    assert_eq!((sent, refused), (limit, limit / 2));
    // One that was sent before is acknowledged, full or not; and what it waits for gets in.
    run.signal(&WORD, "0".into()).id("0").await.expect("it is known");
    run.signal(&crate::poisons::GO, ()).await.expect("it is waited for");
    assert!(run.result().await.expect("it ends"), "in order and without a gap");
    // Another one is served as ever meanwhile.
    let other = engine.start("listener", listener("listener".into())).await.expect("it starts");
    for word in ["one", "two"] {
        other.signal(&WORD, word.into()).id(word).await.expect("it is sent");
    }
    assert_eq!(other.result().await.expect("it ends"), ["one", "two"]);
    engine.shutdown().await;
    println!("flood of signals: {sent} taken and consumed in order, {refused} refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_of_many_runnable_instances_survives_deaths_and_load() {
    let (_dir, place) = place();
    let (count, deaths) = (rounds(1_000, 100_000), rounds(3, 20));
    let args = ["stampede", text(&place.0), &count.to_string()];
    // Every one of them is started, and waits in the queue of its first activity.
    let mut child = spawn(&args);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    while lines.next().is_some_and(|l| l.is_ok_and(|l| l != "all started")) {}
    child.kill().expect("it can be killed");
    child.wait().expect("it can be waited for");
    // It dies again and again while it recovers.
    let mut died = 0;
    for n in 0..deaths {
        let k = (n * 97 % 400).to_string();
        let out = run(&["recovery", text(&place.0), &k]);
        assert!(out.status.success() || was_killed(out.status), "{}", told(&out));
        died += u64::from(was_killed(out.status));
    }
    let begun = Instant::now();
    let before = memory();
    let engine = open_with(&place, |b| b.only(NAMES)).await;
    let opened = begun.elapsed();
    let fresh = engine.start("fresh", chain("fresh".into(), 1)).await.expect("it starts");
    let taken = begun.elapsed();
    fresh.result().await.expect("it ends");
    let first = begun.elapsed();
    let mut most = memory();
    while engine.count(&Filter::all().workflow("chain").status(Status::Running)).await.expect("it counts") > 0 {
        most = most.max(memory());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let done = engine.count(&Filter::all().workflow("chain").status(Status::Completed)).await.expect("it counts");
    assert_eq!(done, count + 1);
    engine.shutdown().await;
    println!(
        "stampede: {count} runnable, {died} deaths in recovery; opened in {opened:.2?}, a fresh workflow was taken after {taken:.2?} and ended after {first:.2?}, all after {:.2?}; {before} MiB before, {most} at most",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn churn_that_retains_nothing_leaves_nothing() {
    let (_dir, place) = place();
    let (turns, each) = (rounds(4, 200), rounds(300, 5_000));
    let engine = open_with(&place, |b| b.only(NAMES).retention(std::time::Duration::ZERO)).await;
    let size = || {
        let files = std::fs::read_dir(place.store()).expect("it lists").filter_map(|e| e.ok()?.metadata().ok());
        files.map(|m| m.len()).sum::<u64>() >> 10
    };
    let mut seen = vec![];
    for turn in 0..turns {
        rate(&engine, &format!("turn-{turn}"), each).await;
        engine.pulse().idle().await;
        seen.push((memory(), size()));
    }
    while engine.count(&Filter::all()).await.expect("it counts") > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    engine.shutdown().await;
    let lines = Lines::open(&place.acknowledged()).expect("it opens");
    for (memory, disk) in &seen {
        lines.add(&format!("{memory} MiB {disk} KiB")).expect("it writes");
    }
    let (warm, last) = (seen[turns as usize / 2], seen[turns as usize - 1]);
    println!(
        "churn: {} runs and nothing kept; after half of them {} MiB of memory and {} KiB on disk, at the end {} and {}",
        turns * each,
        warm.0,
        warm.1,
        last.0,
        last.1
    );
    // Far from any noise: what leaks grows with every run.
    assert!(last.0 < 2 * warm.0 + 64, "memory grows: {seen:?}");
    assert!(last.1 < 2 * warm.1 + 64 * 1024, "the store grows: {seen:?}");
}
