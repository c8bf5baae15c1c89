//! A store that dies on command, for sweeps that crash at every commit.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{
    Commit, CommitError, Fence, Footprint, Revision, Row, ShardId, Snapshot, SnapshotError, Store, StoreCounters,
    StoreError,
};

/// What happens at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The process dies before the commit is applied.
    CrashBefore,
    /// The process dies after the commit is durable and before anyone is told.
    CrashAfter,
    /// The disk is full: nothing is written, and the process lives.
    Full,
}

type Hook = Arc<dyn Fn(u64) -> Fault + Send + Sync>;

/// A store in front of another that can die.
///
/// Once it has died, every call through this handle and its clones fails, as nothing runs in a dead process:
/// [`StoreError::Indeterminate`] for what was in flight, [`StoreError::Poisoned`] for the rest. [`FaultStore::reopen`]
/// gives the handle of the next process on the same data.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use workflow_runtime::store::{Commit, Fault, FaultStore, MemoryStore, Revision, ShardId, Store, Write};
///
/// let store = FaultStore::new(MemoryStore::new());
/// store.on_commit(Arc::new(|n| if n == 0 { Fault::CrashAfter } else { Fault::None }));
/// let fence = store.acquire(ShardId(0)).await?;
/// let writes = vec![Write::Put { key: b"k".to_vec(), value: b"v".to_vec() }];
/// let commit = Commit { fence, instance: b"k".to_vec(), based_on: Revision::NONE, revision: Revision(1), writes };
/// assert!(store.commit(commit).await.unwrap_err().is_fatal());
/// assert!(store.get(b"k").await.is_err());
/// assert_eq!(store.reopen().get(b"k").await?.as_deref(), Some(&b"v"[..]));
/// # Ok(()) }
/// ```
pub struct FaultStore<S> {
    world: Arc<World<S>>,
    dead: Arc<AtomicBool>,
}

/// What outlives the process.
struct World<S> {
    inner: S,
    commits: AtomicU64,
    hook: Mutex<Option<Hook>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk was made to be full at commit {0}")]
struct NoRoom(u64);

#[derive(Debug, thiserror::Error)]
#[error("the process was made to die at commit {0}")]
struct Died(u64);

impl<S> Clone for FaultStore<S> {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), dead: self.dead.clone() }
    }
}

impl<S: Store> fmt::Debug for FaultStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commits = self.world.commits.load(Ordering::SeqCst);
        f.debug_struct("FaultStore").field("commits", &commits).field("dead", &self.is_dead()).finish_non_exhaustive()
    }
}

impl<S: Store> FaultStore<S> {
    /// A store that works like `inner` until it is told to die.
    pub fn new(inner: S) -> Self {
        let world = World { inner, commits: AtomicU64::new(0), hook: Mutex::new(None) };
        Self { world: Arc::new(world), dead: Arc::new(AtomicBool::new(false)) }
    }

    /// Asks `hook` at every commit what happens, with the number of the commit: from 0, counted on over reopening.
    pub fn on_commit(&self, hook: Arc<dyn Fn(u64) -> Fault + Send + Sync>) {
        *self.world.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    /// How many commits were tried so far.
    pub fn commits(&self) -> u64 {
        self.world.commits.load(Ordering::SeqCst)
    }

    /// Makes the process die now, between two commits.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Whether the process of this handle has died.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// The handle of the next process, on the same data and with the same hook.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { world: self.world.clone(), dead: Arc::new(AtomicBool::new(false)) }
    }

    /// The store behind.
    pub fn inner(&self) -> &S {
        &self.world.inner
    }

    fn alive(&self) -> Result<&S, StoreError> {
        if self.is_dead() {
            return Err(StoreError::Poisoned { reason: "the process was made to die".into() });
        }
        Ok(&self.world.inner)
    }

    /// An answer that arrives after the death is heard by nobody.
    fn heard<T>(&self, answer: T) -> Result<T, StoreError> {
        self.alive().map(|_| answer)
    }

    fn die(&self, n: u64) -> CommitError {
        self.kill();
        StoreError::Indeterminate { source: Arc::new(Died(n)) }.into()
    }
}

#[async_trait]
impl<S: Store> Store for FaultStore<S> {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        let answer = self.alive()?.acquire(shard).await;
        self.heard(answer)?
    }

    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        let answer = self.alive()?.acquire_all(owner).await;
        self.heard(answer)?
    }

    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        let answer = self.alive()?.renew(fence).await;
        self.heard(answer)?
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let inner = self.alive()?;
        let n = self.world.commits.fetch_add(1, Ordering::SeqCst);
        let hook = self.world.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match hook.map_or(Fault::None, |hook| hook(n)) {
            Fault::None => {}
            Fault::CrashBefore => return Err(self.die(n)),
            Fault::Full => return Err(StoreError::Full { source: Arc::new(NoRoom(n)) }.into()),
            Fault::CrashAfter => {
                let applied = inner.commit(commit).await;
                let died = self.die(n);
                return Err(applied.err().unwrap_or(died));
            }
        }
        let answer = inner.commit(commit).await;
        if self.is_dead() {
            return Err(StoreError::Indeterminate { source: Arc::new(Died(n)) }.into());
        }
        answer
    }

    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        let answer = self.alive()?.get_with_revision(key).await;
        self.heard(answer)?
    }

    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let answer = self.alive()?.scan(from, to, limit).await;
        self.heard(answer)?
    }

    async fn scan_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let answer = self.alive()?.scan_back(from, to, limit).await;
        self.heard(answer)?
    }

    /// Ends the process of this handle in an orderly way. The store behind stays open for the next one.
    async fn close(&self) -> Result<(), StoreError> {
        self.alive()?;
        self.kill();
        Ok(())
    }

    fn directory(&self) -> Option<std::path::PathBuf> {
        self.world.inner.directory()
    }

    fn counters(&self) -> StoreCounters {
        self.world.inner.counters()
    }

    async fn footprint(&self) -> Result<Footprint, StoreError> {
        let answer = self.alive()?.footprint().await;
        self.heard(answer)?
    }

    async fn snapshot(&self, path: &std::path::Path) -> Result<Snapshot, SnapshotError> {
        self.alive()?.snapshot(path).await
    }
}
