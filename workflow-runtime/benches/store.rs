//! The sled store alone: flushes and throughput at 1, 64 and 1,024 commits in flight.
//!
//! `cargo bench -p workflow-runtime --bench store`; `STORE_DIR` names another disk.

use std::time::Instant;
use workflow_runtime::store::{Commit, Fence, Revision, ShardId, SledStore, Store, Write};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    measure(1, 10_000).await?;
    measure(64, 1_000).await?;
    measure(1_024, 100).await
}

async fn measure(writers: u64, steps: u64) -> Result<(), Failure> {
    let directory = tempfile::tempdir_in(std::env::var_os("STORE_DIR").unwrap_or_else(|| std::env::temp_dir().into()))?;
    let store = SledStore::open(directory.path())?;
    let fence = store.acquire(ShardId(3)).await?;
    let (before, started) = (store.counters(), Instant::now());
    let write = |w| {
        let store = store.clone();
        tokio::spawn(async move {
            let id = format!("order-{w:06}");
            for n in 0..steps {
                store.commit(step(fence, &id, n)).await?;
            }
            Ok::<_, Failure>(())
        })
    };
    for task in (0..writers).map(write).collect::<Vec<_>>() {
        task.await??;
    }
    let (seconds, now) = (started.elapsed().as_secs_f64(), store.counters());
    let commits = (now.commits - before.commits) as f64;
    println!(
        "{writers:5} in flight: {:8.0} commits/s, {:.4} flushes/commit, {:.1} commits/batch, {:.2} keys/commit, {:.0} B/commit",
        commits / seconds,
        (now.flushes - before.flushes) as f64 / commits,
        commits / (now.batches - before.batches) as f64,
        (now.keys - before.keys) as f64 / commits,
        (now.bytes - before.bytes) as f64 / commits,
    );
    store.close().await?;
    Ok(())
}

/// A frame of 1,400 bytes and a history record of 300.
fn step(fence: Fence, id: &str, n: u64) -> Commit {
    let frame = Write::Put { key: id.into(), value: vec![1; 1_400] };
    let history = Write::Append { key: format!("{id}/{n:08}").into(), value: vec![2; 300] };
    let (based_on, revision) = (Revision(n), Revision(n + 1));
    Commit { fence, instance: id.into(), based_on, revision, writes: vec![frame, history] }
}
