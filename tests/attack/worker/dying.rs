//! A store whose process dies at one of its durable writes.

use async_trait::async_trait;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use workflow_runtime::store::{Commit, CommitError, Fence, Revision, Row, ShardId, Store, StoreCounters, StoreError};

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    Never,
    /// Before the write with this number, from 0, reaches the store.
    Before(u64),
    /// When it is durable and nobody has been told.
    After(u64),
}

/// Counts the durable writes of the store behind, and ends the process at one of them: no destructor runs.
pub(crate) struct Dying<S> {
    inner: S,
    death: Death,
    writes: Arc<AtomicU64>,
}

impl<S> Dying<S> {
    pub(crate) fn new(inner: S, death: Death) -> Self {
        Dying { inner, death, writes: Arc::default() }
    }

    /// How many durable writes there were so far.
    pub(crate) fn writes(&self) -> Arc<AtomicU64> {
        self.writes.clone()
    }

    async fn write<T>(&self, write: impl Future<Output = T>) -> T {
        let n = self.writes.fetch_add(1, Ordering::SeqCst);
        if self.death == Death::Before(n) {
            std::process::abort();
        }
        let written = write.await;
        if self.death == Death::After(n) {
            std::process::abort();
        }
        written
    }
}

#[async_trait]
impl<S: Store> Store for Dying<S> {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        self.write(self.inner.acquire(shard)).await
    }
    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.write(self.inner.acquire_all(owner)).await
    }
    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        self.inner.renew(fence).await
    }
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.write(self.inner.commit(commit)).await
    }
    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        self.inner.get_with_revision(key).await
    }
    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(from, to, limit).await
    }
    async fn scan_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan_back(from, to, limit).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
    fn directory(&self) -> Option<std::path::PathBuf> {
        self.inner.directory()
    }
    fn counters(&self) -> StoreCounters {
        self.inner.counters()
    }
}
