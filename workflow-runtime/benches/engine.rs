//! The engine on sled, measured against the disk in the same run. Prints ratios; asserts nothing.
//!
//! `cargo bench -p workflow-runtime --bench engine [-- --waiting 100000]`

use std::{fs::File, io::Write as _, path::Path, time::Instant};
use workflow_runtime::{
    engine::Engine,
    prelude::*,
    store::{SledStore, Store, StoreCounters},
};

#[activity]
async fn nothing(n: u32) -> u32 {
    n
}

#[workflow]
async fn steps(n: u32) -> u32 {
    let mut sum = 0;
    for i in 0..n {
        sum += nothing(i).await.unwrap_or(0);
    }
    sum
}

#[workflow]
async fn wide(n: u32) -> u32 {
    join_all((0..n).map(nothing)).await.into_iter().map(|sum| sum.unwrap_or(0)).max().unwrap_or(0)
}

const GO: Signal<u32> = Signal::new("go");

#[workflow]
async fn waiter(n: u32) -> u32 {
    let got = GO.recv().await.unwrap_or(0);
    got + n
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let waiting = args.iter().position(|a| a == "--waiting").and_then(|i| args.get(i + 1)?.parse().ok());
    sequential(1_000).await?;
    concurrent(1_024, 10).await?;
    fan_out(1_000).await?;
    fan_out(10_000).await?;
    reopen(100, waiting.unwrap_or(100_000)).await
}

/// One workflow at a time: what a step costs the store.
async fn sequential(n: u32) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let store = SledStore::open(dir.path())?;
    let engine = Engine::builder().store(store.clone()).build().await?;
    engine.start("warm", steps(1)).await?.result().await?;
    let (before, begun) = (store.counters(), Instant::now());
    engine.start("one", steps(n)).await?.result().await?;
    let (took, c) = (begun.elapsed(), since(&store.counters(), &before));
    let per = |x: u64| x as f64 / f64::from(n);
    println!("one sequential workflow of {n} steps: {:.1} us a step", took.as_secs_f64() * 1e6 / f64::from(n));
    println!(
        "  per step: {:.3} flushes, {:.3} commits, {:.3} records, {:.0} bytes",
        per(c.flushes),
        per(c.commits),
        per(c.keys),
        per(c.bytes)
    );
    engine.shutdown().await;
    Ok(())
}

/// Many at a time, against a bare loop that makes the same bytes durable.
async fn concurrent(instances: u32, n: u32) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let store = SledStore::open(dir.path())?;
    let engine = Engine::builder().store(store.clone()).build().await?;
    let (before, begun) = (store.counters(), Instant::now());
    let runs = (0..instances).map(|i| {
        let engine = engine.clone();
        tokio::spawn(async move {
            engine.start(format!("w-{i}"), steps(n)).await?.result().await?;
            Ok::<_, Failure>(())
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await??;
    }
    let (took, c) = (begun.elapsed(), since(&store.counters(), &before));
    engine.shutdown().await;
    let rate = c.commits as f64 / took.as_secs_f64();
    let bare_dir = tempfile::tempdir()?;
    let bare = bare_loop(bare_dir.path(), &c, u64::from(instances))?;
    println!("{instances} concurrent workflows of {n} steps: {rate:.0} commits/s in {} flushes", c.flushes);
    println!("  a bare loop that appends and syncs the same bytes: {bare:.0} commits/s; ratio {:.2}", rate / bare);
    Ok(())
}

/// Appends as many commits of the same size to a file, `group` of them a sync. Commits per second.
fn bare_loop(dir: &Path, c: &Cost, group: u64) -> Result<f64, Failure> {
    let mut file = File::create(dir.join("bare"))?;
    let commit = vec![7u8; (c.bytes / c.commits.max(1)) as usize];
    let begun = Instant::now();
    let mut written = 0;
    while written < c.commits {
        let now = group.min(c.commits - written);
        file.write_all(&commit.repeat(now as usize))?;
        file.sync_data()?;
        written += now;
    }
    Ok(c.commits as f64 / begun.elapsed().as_secs_f64())
}

/// One instance with many activities at once: what a member costs.
async fn fan_out(n: u32) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let store = SledStore::open(dir.path())?;
    let engine = Engine::builder().store(store.clone()).build().await?;
    engine.start("warm", wide(1)).await?.result().await?;
    let (before, begun) = (store.counters(), Instant::now());
    engine.start("wide", wide(n)).await?.result().await?;
    let (took, c) = (begun.elapsed(), since(&store.counters(), &before));
    let per = |x: u64| x as f64 / f64::from(n);
    println!("a fan-out of {n} activities: {took:.1?}, {:.1} us a member", took.as_secs_f64() * 1e6 / f64::from(n));
    println!("  per member: {:.3} commits, {:.3} records, {:.0} bytes", per(c.commits), per(c.keys), per(c.bytes));
    engine.shutdown().await;
    Ok(())
}

/// Opening a store full of instances that wait: time beyond sled's own until a signalled one has taken its step.
async fn reopen(few: u32, many: u32) -> Result<(), Failure> {
    let mut taken = vec![];
    for count in [few, many] {
        let dir = tempfile::tempdir()?;
        fill(dir.path(), count).await?;
        let before = resident_bytes();
        let opening = Instant::now();
        let store = SledStore::open(dir.path())?;
        let sled = opening.elapsed();
        let begun = Instant::now();
        let engine = Engine::builder().store(store).build().await?;
        let run = engine.run(waiter, "waiter-7");
        run.signal(&GO, 1).await?;
        run.result().await?;
        let first = begun.elapsed();
        let grown = resident_bytes().saturating_sub(before);
        println!(
            "{count} waiting: sled opens in {sled:.1?}, first step {first:.1?} after that, {} KiB more memory, sled's cache included",
            grown / 1_024
        );
        engine.shutdown().await;
        taken.push(first);
    }
    println!("  ratio {:.2}", taken[1].as_secs_f64() / taken[0].as_secs_f64().max(1e-9));
    Ok(())
}

async fn fill(dir: &Path, count: u32) -> Result<(), Failure> {
    let engine = Engine::builder().store(SledStore::open(dir)?).build().await?;
    let mut pending = tokio::task::JoinSet::new();
    for i in 0..count {
        let engine = engine.clone();
        pending.spawn(async move { engine.start(format!("waiter-{i}"), waiter(i)).await.map(|_| ()) });
        if pending.len() >= 1_024 {
            pending.join_next().await.transpose()?.transpose()?;
        }
    }
    while let Some(started) = pending.join_next().await {
        started??;
    }
    engine.shutdown().await;
    Ok(())
}

/// What the store did between two readings.
struct Cost {
    flushes: u64,
    keys: u64,
    bytes: u64,
    commits: u64,
}

fn since(now: &StoreCounters, before: &StoreCounters) -> Cost {
    Cost {
        flushes: now.flushes - before.flushes,
        keys: now.keys - before.keys,
        bytes: now.bytes - before.bytes,
        commits: now.commits - before.commits,
    }
}

/// Resident memory of this process, 0 where the system does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
