//! What is written over and over, and removed over and over: the disk and the memory that it takes stay within bounds.

use crate::{
    audit::open_with,
    overload::chains,
    process::{long, rounds},
    workload::{NAMES, Place, chain},
};
use std::time::Duration;
use workflow_runtime::{
    engine::{Engine, Filter},
    journal::key::Kind,
    prelude::*,
    workflow,
};

/// Entries that are kept of a history, and about twice as many at most.
const KEPT: u64 = 50;

/// Steps as fast as it can, with a local that changes and one that does not.
#[workflow]
pub(crate) async fn turning(turns: u64) -> Result<u64, Cancelled> {
    let large = "it stays as it is ".repeat(200);
    let mut seen = vec![];
    for n in 0..turns {
        seen.push(n);
        if seen.len() > 50 {
            seen.remove(0);
        }
        sleep(Duration::ZERO).await?;
    }
    Ok(seen.len() as u64 + large.len() as u64)
}

/// The memory of this process that is in use, in bytes.
fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_default();
    pages * 4096
}

/// What there is after a part of the work.
#[derive(Debug, Clone, Copy)]
struct Sample {
    memory: u64,
    disk: u64,
    database: u64,
    live: u64,
}

impl Sample {
    async fn of(engine: &Engine) -> Self {
        let stats = engine.stats().await.expect("it is counted");
        let live = engine.census().await.expect("it is counted").total().bytes;
        Sample { memory: memory(), disk: stats.store.bytes(), database: stats.store.database_bytes, live }
    }
}

fn mib(bytes: u64) -> f64 {
    (bytes as f64 / 10_485.76).round() / 100.0
}

fn show(what: &str, samples: &[Sample]) {
    for Sample { memory, disk, database, live } in samples {
        let (memory, disk, database, live) = (mib(*memory), mib(*disk), mib(*database), mib(*live));
        println!(
            "{what}: {live} MiB live, {disk} MiB on disk, of them {database} the database; {memory} MiB of memory"
        );
    }
}

/// The log keeps a few segments of 32 MiB whatever happens, and a database begins with some MiB; beyond that the disk is
/// bound by what is live.
fn is_bounded(samples: &[Sample]) {
    let last = samples[samples.len() - 1];
    let warm = samples[samples.len() / 2];
    assert!(last.disk < (192 << 20) + 20 * last.live, "the disk: {samples:?}");
    assert!(last.database < 2 * warm.database + (32 << 20), "the database grows: {samples:?}");
    assert!(last.memory < warm.memory + warm.memory / 2 + (64 << 20), "the memory grows: {samples:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_step_for_ever_take_no_more_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let engine = open_with(&place, |b| b.only(["turning"]).keep_history(KEPT)).await;
    let (instances, turns, parts) = (rounds(16, 64), rounds(100, 5_000), rounds(4, minutes_asked()));
    let mut samples = vec![];
    for part in 0..parts {
        let runs = (0..instances).map(|n| engine.start(format!("turning-{part}-{n}"), turning(turns)));
        let mut started = vec![];
        for run in runs {
            started.push(run.await.expect("it starts"));
        }
        for run in started {
            run.result().await.expect("it ends");
            run.remove().await.expect("it is removed");
        }
        engine.pulse().idle().await;
        samples.push(Sample::of(&engine).await);
        if long() {
            show("written over", &samples[samples.len() - 1..]);
        }
    }
    assert_eq!(engine.count(&Filter::all()).await.expect("it counts"), 0);
    assert_eq!(engine.census().await.expect("it counts").of(Kind::History).records, 0);
    engine.shutdown().await;
    println!("written over: {} steps of {} instances, nothing kept", parts * instances * turns, parts * instances);
    show("written over", &samples[samples.len() - 1..]);
    is_bounded(&samples);
}

/// How many parts the long form has: `ATTACK_PARTS`, or enough for a few minutes.
fn minutes_asked() -> u64 {
    std::env::var("ATTACK_PARTS").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_come_and_go_take_no_more_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    let archive = place.0.join("archive");
    let kept = 200;
    let configured =
        |b: workflow_runtime::engine::EngineBuilder| b.only(NAMES).retention(Duration::ZERO).archive(archive);
    let engine = open_with(&place, configured).await;
    // Some stay: what is live is not nothing.
    for n in 0..kept {
        let id = format!("kept-{n}");
        let run = engine.start(id.clone(), chain(id, 1)).retention_forever().await.expect("it starts");
        run.result().await.expect("it ends");
    }
    let (each, parts) = (rounds(200, 20_000), rounds(3, minutes_asked()));
    let mut samples = vec![];
    for part in 0..parts {
        chains(&engine, 32, &format!("run-{part}"), each).await;
        engine.pulse().idle().await;
        samples.push(Sample::of(&engine).await);
        if long() {
            show("come and gone", &samples[samples.len() - 1..]);
        }
    }
    assert_eq!(engine.count(&Filter::all()).await.expect("it counts"), kept);
    engine.shutdown().await;
    let archived = workflow_runtime::archive::Archive::open(place.0.join("archive")).expect("it opens");
    assert_eq!(archived.runs().len() as u64, parts * each);
    assert_eq!(archived.damage().len(), 0);
    println!("come and gone: {} runs, each archived and removed, {kept} kept", parts * each);
    show("come and gone", &samples[samples.len() - 1..]);
    is_bounded(&samples);
}
