//! The stores under test, and a writer that makes commits readable.

use workflow_runtime::store::{Commit, CommitError, Fence, MemoryStore, Revision, ShardId, SledStore, Store, Write};

/// A kind of store: how to open it, and how to damage it from behind.
pub(crate) trait Backend: Sized {
    type Store: Store + Clone;
    const GROUPS_COMMITS: bool;
    fn fresh() -> Self;
    fn store(&self) -> &Self::Store;
    /// Closes the store and opens it again.
    fn reopen(self) -> impl Future<Output = Self>;
    /// Changes one byte of a stored record, below the contract.
    fn damage(self, key: &[u8]) -> impl Future<Output = Self>;
}

pub(crate) struct Memory(MemoryStore);

impl Backend for Memory {
    type Store = MemoryStore;
    const GROUPS_COMMITS: bool = false;
    fn fresh() -> Self {
        Self(MemoryStore::new())
    }
    fn store(&self) -> &MemoryStore {
        &self.0
    }
    async fn reopen(self) -> Self {
        self.0.close().await.unwrap();
        Self(self.0.reopen())
    }
    async fn damage(self, key: &[u8]) -> Self {
        assert!(self.0.damage(key));
        self
    }
}

pub(crate) struct Sled {
    store: SledStore,
    directory: tempfile::TempDir,
}

impl Backend for Sled {
    type Store = SledStore;
    const GROUPS_COMMITS: bool = true;
    fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SledStore::builder(directory.path()).cache_capacity(8 << 20).open().unwrap();
        Self { store, directory }
    }
    fn store(&self) -> &SledStore {
        &self.store
    }
    async fn reopen(self) -> Self {
        self.store.close().await.unwrap();
        let store = SledStore::open(self.directory.path()).unwrap();
        Self { store, directory: self.directory }
    }
    async fn damage(self, key: &[u8]) -> Self {
        self.store.close().await.unwrap();
        {
            let db = sled::open(self.directory.path()).unwrap();
            let physical = [b"r", key].concat();
            let mut raw = db.get(&physical).unwrap().unwrap().to_vec();
            *raw.last_mut().unwrap() ^= 0x40;
            db.insert(physical, raw).unwrap();
            db.flush().unwrap();
        }
        let store = SledStore::open(self.directory.path()).unwrap();
        Self { store, directory: self.directory }
    }
}

pub(crate) async fn fence<S: Store>(store: &S) -> Fence {
    store.acquire(ShardId(3)).await.unwrap()
}

pub(crate) fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Write {
    Write::Put { key: key.as_ref().to_vec(), value: value.as_ref().to_vec() }
}

pub(crate) fn delete(key: impl AsRef<[u8]>) -> Write {
    Write::Delete { key: key.as_ref().to_vec() }
}

/// A commit of `instance` from `based_on` to the next revision.
pub(crate) fn commit(fence: Fence, instance: &str, based_on: u64, writes: Vec<Write>) -> Commit {
    let (based_on, revision) = (Revision(based_on), Revision(based_on + 1));
    Commit { fence, instance: instance.into(), based_on, revision, writes }
}

/// Writes the instance with its number of steps as its value.
pub(crate) async fn step<S: Store>(store: &S, fence: Fence, instance: &str, based_on: u64) -> Result<(), CommitError> {
    let value = (based_on + 1).to_string();
    store.commit(commit(fence, instance, based_on, vec![put(instance, value)])).await
}

pub(crate) async fn get<S: Store>(store: &S, key: &str) -> Option<String> {
    store.get(key.as_bytes()).await.unwrap().map(|value| String::from_utf8(value).unwrap())
}

/// Starts all commits before the first can finish, and gives their results in order.
pub(crate) async fn at_once<S: Store + Clone>(store: &S, commits: Vec<Commit>) -> Vec<Result<(), CommitError>> {
    let tasks: Vec<_> = commits
        .into_iter()
        .map(|commit| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(commit).await })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
