//! A crowd that waits.

use crate::{
    Failure,
    child::{Rig, event},
    measure::{disk_bytes, memory_bytes},
    workflows::{GO, WOKEN, sleeper},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{path::Path, sync::atomic::Ordering, time::Duration};

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

/// Opens the store and wakes one.
pub(crate) async fn wake(dir: &Path, n: u64) -> Result<(), Failure> {
    let before = memory_bytes(std::process::id());
    let rig = Rig::open(dir, &format!("w4-{n}")).await?;
    let opened = memory_bytes(std::process::id());
    let run = rig.engine.run(sleeper, format!("sleeper-{}", n / 2));
    run.signal(&GO, 1).await?;
    until_woken().await;
    event("woken");
    rig.emit("open_ms_store", rig.opened_in * 1e3);
    rig.emit("open_to_step_ms", rig.begun.elapsed().as_secs_f64() * 1e3);
    rig.emit("step_after_store_ms", (rig.begun.elapsed().as_secs_f64() - rig.opened_in) * 1e3);
    run.result().await?;
    event("answered");
    rig.emit("memory_bytes_per_waiter_opened", per(opened.saturating_sub(before), n));
    rig.emit("memory_bytes_per_waiter", per(memory_bytes(std::process::id()).saturating_sub(before), n));
    rig.engine.shutdown().await;
    Ok(())
}

fn per(bytes: u64, n: u64) -> f64 {
    bytes as f64 / n as f64
}
