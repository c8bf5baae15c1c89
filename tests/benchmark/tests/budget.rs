//! What a step may cost the store. These figures depend on no machine: whoever changes one says so here.

use std::sync::Arc;
use workflow_runtime::{
    engine::Engine,
    prelude::*,
    store::{MemoryStore, SledStore, Store, StoreCounters},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[activity]
async fn noop(i: u64) -> u64 {
    i
}

#[workflow]
async fn steps(n: u64) -> Result<u64, WorkflowError> {
    for i in 0..n {
        noop(i).await?;
    }
    Ok(n)
}

#[workflow]
async fn fan(n: u64) -> Result<u64, WorkflowError> {
    Ok(try_join_all((0..n).map(noop)).await?.len() as u64)
}

const GO: Signal<u32> = Signal::new("go");

#[workflow]
async fn sleeper() -> Result<u32, Cancelled> {
    GO.recv().await
}

/// What `run` costs a store.
async fn cost<F: Future<Output = Result<(), Failure>>>(
    store: Arc<dyn Store>,
    run: impl FnOnce(Engine) -> F,
) -> Result<StoreCounters, Failure> {
    let engine = Engine::builder().store(store.clone()).workers(1).build().await?;
    // One worker, and whatever it writes once for each definition is written before.
    engine.start("warm", steps(1)).await?.result().await?;
    engine.start("warm-fan", fan(1)).await?.result().await?;
    let sleeps = engine.start("warm-sleeper", sleeper()).await?;
    sleeps.signal(&GO, 1).await?;
    sleeps.result().await?;
    let before = store.counters();
    run(engine.clone()).await?;
    let mut cost = store.counters();
    cost.flushes -= before.flushes;
    cost.commits -= before.commits;
    cost.keys -= before.keys;
    cost.bytes -= before.bytes;
    engine.shutdown().await;
    Ok(cost)
}

async fn sequential(engine: Engine) -> Result<(), Failure> {
    engine.start("sequential", steps(100)).await?.result().await?;
    Ok(())
}

#[tokio::test]
async fn a_step_is_one_commit_of_two_records_and_one_flush() -> Result<(), Failure> {
    let c = cost(Arc::new(MemoryStore::new()), sequential).await?;
    // The start takes the first step, and each of a hundred results one more.
    assert_eq!(c.commits, 101);
    // Two records for each; at the start the input and two index entries, of which one is replaced and one deleted at the
    // end, when another says until when all of it is kept.
    assert_eq!(c.keys, 2 * 101 + 7);
    assert!(c.bytes / 100 <= STEP_BYTES, "{} bytes per step, {STEP_BYTES} are allowed", c.bytes / 100);
    let directory = tempfile::tempdir()?;
    let c = cost(Arc::new(SledStore::open(directory.path())?), sequential).await?;
    assert_eq!((c.commits, c.flushes), (101, 101));
    Ok(())
}

/// Keys and values of both records.
const STEP_BYTES: u64 = 760;

#[tokio::test]
async fn a_member_of_a_fan_out_is_at_most_four_records() -> Result<(), Failure> {
    let run = |engine: Engine| async move {
        engine.start("wide", fan(1_000)).await?.result().await?;
        Ok(())
    };
    let c = cost(Arc::new(MemoryStore::new()), run).await?;
    assert!(c.keys <= 4 * 1_000 + 100, "{} keys", c.keys);
    assert!(c.bytes / 1_000 <= MEMBER_BYTES, "{} bytes per member, {MEMBER_BYTES} are allowed", c.bytes / 1_000);
    Ok(())
}

/// Keys and values of all records of a member, its part of the history among them.
const MEMBER_BYTES: u64 = 600;

#[tokio::test]
async fn a_sleeper_is_one_commit_of_four_records() -> Result<(), Failure> {
    let run = |engine: Engine| async move {
        for i in 0..100 {
            engine.start(format!("sleeper-{i}"), sleeper()).await?;
        }
        Ok(())
    };
    let c = cost(Arc::new(MemoryStore::new()), run).await?;
    // Checkpoint, history, input, listing.
    assert_eq!((c.commits, c.keys), (100, 4 * 100));
    assert!(c.bytes / 100 <= SLEEPER_BYTES, "{} bytes per sleeper, {SLEEPER_BYTES} are allowed", c.bytes / 100);
    Ok(())
}

/// What sled needs in memory depends on how many records its database has.
#[tokio::test]
async fn a_sleeper_is_little_more_than_one_record_of_the_database() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let store = SledStore::open(directory.path().join("store"))?;
    let run = |engine: Engine| async move {
        for i in 0..SLEEPERS {
            engine.start(format!("sleeper-{i}"), sleeper()).await?;
        }
        Ok(())
    };
    cost(Arc::new(store.clone()), run).await?;
    drop(store);
    let store = SledStore::open(directory.path().join("store"))?;
    let records = store.snapshot(directory.path().join("snapshot")).await?.records;
    assert!(records <= SLEEPERS * 3 / 2, "{records} records for {SLEEPERS} sleepers");
    Ok(())
}

/// Checkpoints are records of their own, and what else they have lies together.
const SLEEPERS: u64 = 400;

/// All that a waiting instance has in the store.
const SLEEPER_BYTES: u64 = 1_000;
