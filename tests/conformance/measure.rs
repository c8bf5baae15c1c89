//! Flushes and throughput, to be run by hand: `cargo test --release --test conformance -- --ignored --nocapture`.

use std::time::Instant;

use workflow_runtime::store::{SledStore, Store};

use crate::backend::{commit, fence, put};

async fn measure(writers: u64, steps: u64) {
    let directory =
        tempfile::tempdir_in(std::env::var_os("STORE_DIR").unwrap_or_else(|| std::env::temp_dir().into())).unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let fence = fence(&store).await;
    let before = store.counters();
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|w| {
            let store = store.clone();
            tokio::spawn(async move {
                let id = format!("order-{w:06}");
                for n in 0..steps {
                    let writes = vec![put(&id, vec![1; 1400]), put(format!("{id}/{n:08}"), vec![2; 300])];
                    store.commit(commit(fence, &id, n, writes)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    let now = store.counters();
    let commits = now.commits - before.commits;
    println!(
        "{writers:5} in flight: {:8.0} commits/s, {:.4} flushes/commit, {:.1} commits/batch, {:.2} keys/commit, {} B/commit",
        commits as f64 / seconds,
        (now.flushes - before.flushes) as f64 / commits as f64,
        commits as f64 / (now.batches - before.batches) as f64,
        (now.keys - before.keys) as f64 / commits as f64,
        (now.bytes - before.bytes) / commits,
    );
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn commits_per_second() {
    measure(1, 10_000).await;
    measure(64, 1000).await;
    measure(1024, 100).await;
}
