//! The process of one workload: it opens the engine, does the work, tells what it measured, one JSON object per line.

use crate::{Failure, measure, workloads};
use std::{io::Write, path::Path, sync::Arc, time::Instant};
use workflow_runtime::{
    engine::Engine,
    store::{MemoryStore, SledStore, Store, StoreCounters},
};

/// An engine on a directory, and what its store has done.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    /// Seconds that the store took to open.
    pub(crate) opened_in: f64,
    /// When opening began.
    pub(crate) begun: Instant,
    /// Bytes of memory before the store was opened, before the engine was, and after that.
    pub(crate) memory: [u64; 3],
    workload: String,
}

/// Tells a figure.
pub(crate) fn emit(workload: &str, metric: &str, value: f64) {
    let line = serde_json::json!({"workload": workload, "metric": metric, "value": value});
    say(&line);
}

/// Tells whoever has started this process how far it is.
pub(crate) fn event(name: &str) {
    say(&serde_json::json!({"event": name}));
}

fn say(line: &serde_json::Value) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: nobody is to be told.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

impl Rig {
    pub(crate) async fn open(dir: &Path, workload: &str) -> Result<Self, Failure> {
        Self::on(workload, || Ok(Arc::new(SledStore::open(dir.join("store"))?))).await
    }

    /// An engine on nothing but memory.
    pub(crate) async fn in_memory(workload: &str) -> Result<Self, Failure> {
        Self::on(workload, || Ok(Arc::new(MemoryStore::new()))).await
    }

    async fn on(workload: &str, open: impl FnOnce() -> Result<Arc<dyn Store>, Failure>) -> Result<Self, Failure> {
        let memory = || measure::memory_bytes(std::process::id());
        let (before, begun) = (memory(), Instant::now());
        let store = open()?;
        let opened_in = begun.elapsed().as_secs_f64();
        let with_store = memory();
        let engine = Engine::builder().store(store.clone()).build().await?;
        let memory = [before, with_store, memory()];
        Ok(Rig { engine, store, opened_in, begun, memory, workload: workload.into() })
    }

    pub(crate) fn emit(&self, metric: &str, value: f64) {
        emit(&self.workload, metric, value);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { at: Instant::now(), cpu: measure::cpu_seconds(std::process::id()), store: self.store.counters() }
    }

    /// Tells what `steps` steps since `mark` have cost.
    pub(crate) fn emit_cost(&self, mark: &Mark, steps: u64) -> Cost {
        let (seconds, now) = (mark.at.elapsed().as_secs_f64(), self.store.counters());
        let cpu = measure::cpu_seconds(std::process::id()) - mark.cpu;
        let since = |now: u64, before: u64| (now - before) as f64;
        let (commits, bytes) = (since(now.commits, mark.store.commits), since(now.bytes, mark.store.bytes));
        let (flushes, keys) = (since(now.flushes, mark.store.flushes), since(now.keys, mark.store.keys));
        let steps = steps as f64;
        self.emit("cpu_ms_per_step", cpu * 1e3 / steps);
        self.emit("commits_per_step", commits / steps);
        self.emit("flushes_per_step", flushes / steps);
        self.emit("keys_per_step", keys / steps);
        self.emit("bytes_per_step", bytes / steps);
        self.emit("commits_per_s", commits / seconds);
        Cost { commits, bytes, seconds }
    }

    /// Tells what part of the disk's limit was reached: appends of the same bytes, so many to a sync.
    pub(crate) fn emit_limit(&self, dir: &Path, cost: &Cost, group: u64) -> Result<(), Failure> {
        let raw = measure::raw_appends(dir, cost.commits as u64, (cost.bytes / cost.commits) as u64, group)?;
        self.emit("raw_commits_per_s", raw);
        self.emit("part_of_disk_limit", cost.commits / cost.seconds / raw);
        Ok(())
    }
}

pub(crate) struct Mark {
    at: Instant,
    cpu: f64,
    store: StoreCounters,
}

pub(crate) struct Cost {
    pub(crate) commits: f64,
    pub(crate) bytes: f64,
    pub(crate) seconds: f64,
}

pub(crate) fn main(dir: &Path, workload: &str, numbers: &[u64]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(workloads::run(dir, workload, numbers))
}
