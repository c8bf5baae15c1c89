//! A crowd that waits.

use crate::{
    Failure,
    child::{Rig, emit, event},
    measure::{disk_bytes, memory_bytes},
    workflows::{GO, WOKEN, sleeper},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// Resolves once an activity has told that its workflow is past its wait.
pub(crate) async fn until_woken() {
    while WOKEN.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// Starts `n` that wait. The process is to be killed then.
pub(crate) async fn fill(dir: &Path, n: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, &format!("w4-{n}")).await?;
    event("ready");
    let (before, mark) = (memory_bytes(std::process::id()), rig.mark());
    let start = |i: u64| {
        let engine = rig.engine.clone();
        async move { engine.start(format!("sleeper-{i}"), sleeper(i)).await.map(drop) }
    };
    // A start is answered when the first step is durable: then it waits.
    stream::iter(0..n).map(start).buffer_unordered(256).try_collect::<Vec<()>>().await?;
    let cost = rig.emit_cost(&mark, n);
    rig.emit("starts_per_s", n as f64 / cost.seconds);
    rig.emit("memory_bytes_per_waiter_filled", per(memory_bytes(std::process::id()).saturating_sub(before), n));
    rig.emit("disk_bytes_per_waiter", per(disk_bytes(dir), n));
    event("filled");
    std::future::pending().await
}

/// Opens what sled has in `dir`, and nothing else: what the time and the memory of the whole are to be compared with.
pub(crate) fn database_alone(dir: &Path, n: u64) -> Result<(), Failure> {
    let (before, begun) = (memory_bytes(std::process::id()), Instant::now());
    // As the store configures it.
    let config = sled::Config::new().path(dir).cache_capacity(64 << 20).flush_every_ms(Some(500));
    let database = config.open()?;
    let opened_in = begun.elapsed().as_secs_f64() * 1e3;
    let workload = format!("w4-{n}");
    emit(&workload, "open_ms_sled", opened_in);
    emit(&workload, "memory_bytes_per_waiter_sled", per(memory_bytes(std::process::id()).saturating_sub(before), n));
    drop(database);
    Ok(())
}

/// Opens the store and wakes one.
pub(crate) async fn wake(dir: &Path, n: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, &format!("w4-{n}")).await?;
    let run = rig.engine.run(sleeper, format!("sleeper-{}", n / 2));
    run.signal(&GO, 1).await?;
    until_woken().await;
    event("woken");
    rig.emit("open_ms_store", rig.opened_in * 1e3);
    rig.emit("open_to_step_ms", rig.begun.elapsed().as_secs_f64() * 1e3);
    rig.emit("step_after_store_ms", (rig.begun.elapsed().as_secs_f64() - rig.opened_in) * 1e3);
    run.result().await?;
    event("answered");
    let [before, with_store, with_engine] = rig.memory;
    rig.emit("memory_bytes_per_waiter_store", per(with_store.saturating_sub(before), n));
    rig.emit("memory_bytes_per_waiter_engine", per(with_engine.saturating_sub(with_store), n));
    rig.emit("memory_bytes_per_waiter", per(memory_bytes(std::process::id()).saturating_sub(before), n));
    rig.engine.shutdown().await;
    Ok(())
}

fn per(bytes: u64, n: u64) -> f64 {
    bytes as f64 / n as f64
}
