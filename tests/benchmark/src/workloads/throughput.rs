//! Short workflows: one at a time, many in flight, and one with many activities at once.

use crate::{
    Failure,
    child::{Cost, Rig, event},
    measure::quantile,
    workflows::{fan, steps},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{path::Path, time::Instant};
use workflow_runtime::{engine::Engine, store::MemoryStore};

/// `n` workflows of one step, each after the one before has ended.
pub(crate) async fn one_at_a_time(dir: &Path, n: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, "w1").await?;
    event("ready");
    for i in 0..20 {
        rig.engine.start(format!("warm-{i}"), steps(1)).await?.result().await?;
    }
    let (mark, mut ms) = (rig.mark(), vec![]);
    for i in 0..n {
        let begun = Instant::now();
        rig.engine.start(format!("w1-{i}"), steps(1)).await?.result().await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let cost = rig.emit_cost(&mark, n);
    rig.emit("p50_ms", quantile(&mut ms, 0.5));
    rig.emit("p99_ms", quantile(&mut ms, 0.99));
    rig.emit_limit(dir, &cost, 1)?;
    rig.engine.shutdown().await;
    Ok(())
}

/// `n` workflows of `length` steps, so many in flight.
pub(crate) async fn in_flight(dir: &Path, n: u64, in_flight: u64, length: u64) -> Result<(), Failure> {
    let name = if in_flight == 64 { "w2".into() } else { format!("w2-{in_flight}") };
    let rig = Rig::open(dir, &name).await?;
    let cost = crowd(&rig, n, in_flight, length).await?;
    rig.emit_limit(dir, &cost, in_flight)?;
    rig.engine.shutdown().await;
    Ok(())
}

/// The same in memory: what the engine costs without a store.
pub(crate) async fn engine_alone(n: u64, in_flight: u64, length: u64) -> Result<(), Failure> {
    let rig = Rig::in_memory("engine").await?;
    crowd(&rig, n, in_flight, length).await?;
    rig.engine.shutdown().await;
    Ok(())
}

/// For counting: no figures, one worker.
pub(crate) async fn counted(n: u64, length: u64) -> Result<(), Failure> {
    let engine = Engine::builder().store(MemoryStore::new()).workers(1).build().await?;
    let run = |i: u64| {
        let engine = engine.clone();
        async move {
            engine.start(format!("counted-{i}"), steps(length)).await?.result().await?;
            Ok::<_, Failure>(())
        }
    };
    stream::iter(0..n).map(run).buffer_unordered(8).try_collect::<Vec<()>>().await?;
    engine.shutdown().await;
    Ok(())
}

async fn crowd(rig: &Rig, n: u64, in_flight: u64, length: u64) -> Result<Cost, Failure> {
    event("ready");
    let run = |prefix: &'static str, i: u64| {
        let engine = rig.engine.clone();
        async move {
            let begun = Instant::now();
            engine.start(format!("{prefix}-{i}"), steps(length)).await?.result().await?;
            Ok::<_, Failure>(begun.elapsed().as_secs_f64() * 1e3)
        }
    };
    let width = usize::try_from(in_flight)?;
    stream::iter(0..in_flight).map(|i| run("warm", i)).buffer_unordered(width).try_collect::<Vec<_>>().await?;
    let mark = rig.mark();
    let mut ms: Vec<f64> = stream::iter(0..n).map(|i| run("w2", i)).buffer_unordered(width).try_collect().await?;
    let cost = rig.emit_cost(&mark, n * length);
    rig.emit("steps_per_s", (n * length) as f64 / cost.seconds);
    rig.emit("p50_ms", quantile(&mut ms, 0.5));
    rig.emit("p99_ms", quantile(&mut ms, 0.99));
    Ok(cost)
}

/// A workflow that has `n` activities at once.
pub(crate) async fn fan_out(dir: &Path, n: u64) -> Result<(), Failure> {
    const TIMES: u64 = 5;
    let rig = Rig::open(dir, "w5").await?;
    event("ready");
    rig.engine.start("warm", fan(n)).await?.result().await?;
    let (mark, mut ms) = (rig.mark(), vec![]);
    for i in 0..TIMES {
        let begun = Instant::now();
        rig.engine.start(format!("w5-{i}"), fan(n)).await?.result().await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    rig.emit_cost(&mark, n * TIMES);
    let p50 = quantile(&mut ms, 0.5);
    rig.emit("p50_ms", p50);
    rig.emit("activities_per_s", n as f64 * 1e3 / p50);
    rig.engine.shutdown().await;
    Ok(())
}
