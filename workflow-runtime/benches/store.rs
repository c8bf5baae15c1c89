//! The sled store alone at 1, 64 and 1,024 commits in flight, against the disk: appending the same bytes to a file and
//! syncing it, as many commits at a time.
//!
//! `cargo bench -p workflow-runtime --bench store`; `STORE_DIR` names another disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;
use uuid::Uuid;
use workflow_runtime::journal::id::{Namespace, RunId, WorkflowId};
use workflow_runtime::journal::key::InstanceKeys;
use workflow_runtime::store::{Commit, Fence, Revision, SledStore, Store, Write};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let scale = std::env::var("STORE_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for _ in 0..2 {
        measure(1, 10_000 * scale).await?;
        measure(64, 2_000 * scale).await?;
        measure(1_024, 200 * scale).await?;
    }
    Ok(())
}

async fn measure(writers: u64, steps: u64) -> Result<(), Failure> {
    let directory = tempfile::tempdir_in(std::env::var_os("STORE_DIR").unwrap_or_else(|| std::env::temp_dir().into()))?;
    let store = SledStore::open(directory.path())?;
    let fences = store.acquire_all("benchmark").await?;
    let (before, started, cpu) = (store.counters(), Instant::now(), cpu_seconds());
    let write = |w: u64| {
        let (store, fences) = (store.clone(), fences.clone());
        tokio::spawn(async move {
            let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new(format!("order-{w:06}"))?);
            let run = RunId(Uuid::from_u128(w.into()));
            for n in 0..steps {
                store.commit(step(fences[usize::from(keys.shard().0)], &keys, run, n)).await?;
            }
            Ok::<_, Failure>(())
        })
    };
    for task in (0..writers).map(write).collect::<Vec<_>>() {
        task.await??;
    }
    let (seconds, cpu, now) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu, store.counters());
    store.close().await?;
    let done = store.counters();
    let commits = (now.commits - before.commits) as f64;
    let bytes = (now.bytes - before.bytes) as f64 / commits;
    let (disk, disk_cpu) = raw(&directory.path().join("raw"), writers, steps, bytes as usize)?;
    println!(
        "{writers:5} in flight: {:7.0} commits/s, {:.2} of the disk's {disk:.0}; {:.1} us CPU (disk {disk_cpu:.1}); {:.4} flushes, {bytes:.0} B, {:.2} keys, of which {:.2} reach sled",
        commits / seconds,
        commits / seconds / disk,
        cpu * 1e6 / commits,
        (now.flushes - before.flushes) as f64 / commits,
        (now.keys - before.keys) as f64 / commits,
        done.database_keys as f64 / commits,
    );
    Ok(())
}

/// Commits per second of a loop that appends `writers` commits and syncs, and its CPU in microseconds a commit.
fn raw(path: &Path, writers: u64, steps: u64, bytes: usize) -> Result<(f64, f64), Failure> {
    let group = vec![7; bytes * writers as usize];
    let mut file = File::create(path)?;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    for _ in 0..steps {
        file.write_all(&group)?;
        file.sync_data()?;
    }
    let commits = (writers * steps) as f64;
    let rate = commits / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok((rate, (cpu_seconds() - cpu) * 1e6 / commits))
}

/// User and system time of this process so far, 0 where the system does not say.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// A frame of 1,400 bytes and a history record of 300.
fn step(fence: Fence, keys: &InstanceKeys, run: RunId, n: u64) -> Commit {
    let frame = Write::Put { key: keys.frame(), value: vec![1; 1_400] };
    let history = Write::Append { key: keys.history(run, n), value: vec![2; 300] };
    let (based_on, revision) = (Revision(n), Revision(n + 1));
    Commit { fence, instance: keys.frame(), based_on, revision, writes: vec![frame, history] }
}
