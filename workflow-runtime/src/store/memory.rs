//! A store that lives as long as its handles, for tests and simulations.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::record::{self, Each, Medium, Op};
use super::stage::{Encoded, Fences, Guards, Stage};
use super::{Commit, CommitError, Fence, Revision, Row, ShardId, Store, StoreCounters, StoreError};

/// A store in memory.
///
/// Clones share the data, like processes that share a database: two engines can run on one, and fence each other off.
/// Each clone is closed on its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use workflow_runtime::store::{Commit, MemoryStore, Revision, ShardId, Store, Write};
///
/// let store = MemoryStore::new();
/// let fence = store.acquire(ShardId(7)).await?;
/// let write = Write::Put { key: b"k".to_vec(), value: b"v".to_vec() };
/// store.commit(Commit { fence, instance: b"k".to_vec(), based_on: Revision::NONE, revision: Revision(1), writes: vec![write] }).await?;
/// assert_eq!(store.get(b"k").await?.as_deref(), Some(&b"v"[..]));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<State>>,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    fences: Fences,
    guards: Guards,
    counters: StoreCounters,
}

#[derive(Debug, Default)]
struct Records(BTreeMap<Vec<u8>, Vec<u8>>);

impl Medium for Records {
    type Value = Vec<u8>;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError> {
        for (key, value) in self.0.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to))) {
            if each(key, value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<record::Found<Vec<u8>>, StoreError> {
        let mut range = self.0.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
        Ok(range.next_back().map(|(key, value)| (key.clone(), value.clone())))
    }
}

impl State {
    fn apply(&mut self, ops: Vec<Op>) {
        self.counters.flushes += 1;
        self.counters.keys += ops.len() as u64;
        for (key, value) in ops {
            self.counters.bytes += (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
            match value {
                Some(value) => drop(self.records.0.insert(key, value)),
                None => drop(self.records.0.remove(&key)),
            }
        }
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        self.reopen()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new handle to the same data, open even when this one is closed.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { shared: self.shared.clone(), closed: AtomicBool::new(false) }
    }

    /// Damages the stored bytes of a record; for tests of what happens then. Says whether there was one.
    #[cfg(feature = "testing")]
    pub fn damage(&self, key: &[u8]) -> bool {
        let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        state.guards.forget();
        match state.records.0.get_mut(&record::physical(key)).and_then(|raw| raw.last_mut()) {
            Some(byte) => {
                *byte ^= 0x40;
                true
            }
            None => false,
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        Ok(f(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn take(&self, shard: Option<ShardId>, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.with(|state| {
            let (fences, op) = state.fences.acquire(shard, owner);
            state.apply(vec![op]);
            fences
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        let fences = self.take(Some(shard), "")?;
        fences.first().copied().ok_or(StoreError::Closed)
    }

    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.take(None, owner)
    }

    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        self.with(|state| state.fences.renew(fence))?
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let commit = Encoded::new(commit)?;
        self.with(|state| {
            let ops = Stage::new(&state.records, &mut state.guards).admit(commit, &state.fences)?;
            state.apply(ops);
            state.counters.commits += 1;
            Ok(())
        })?
    }

    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        self.with(|state| record::read(&state.records, key))?
    }

    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.with(|state| record::scan(&state.records, from, to, limit))?
    }

    async fn scan_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.with(|state| record::scan_back(&state.records, from, to, limit))?
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Ordering::Release);
        Ok(())
    }

    fn counters(&self) -> StoreCounters {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).counters
    }
}
