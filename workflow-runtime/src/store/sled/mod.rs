//! A store in one directory: a write-ahead log, and sled 0.34.7 brought up to date behind it.
//!
//! Two threads work for it. The *committer* takes all commits that are waiting, appends them to the log as one group, syncs
//! it, shows them to readers and answers. The *applier* writes what has become durable to sled, every two seconds at least.

mod applier;
mod blocks;
mod chunks;
mod committer;
mod compact;
mod database;
mod inbox;
#[cfg(test)]
mod model;
mod readable;
mod recovery;
mod snapshot;
mod table;
mod view;
mod wal;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::oneshot;

use self::applier::{Applier, Progress};
use self::committer::{Committer, Message, Reply};
pub use self::compact::Compacted;
use self::database::Database;
use self::inbox::Inbox;
use self::recovery::{Behind, Opened};
pub use self::snapshot::{Snapshot, SnapshotError};
use self::view::{Shared, guarded};
use self::wal::Directory;
use super::footprint;
use super::record;
use super::stage::{Encoded, Fences, Guards};
use super::{
    Commit, CommitError, Fence, Footprint, OpenError, Revision, Row, ShardId, Store, StoreCounters, StoreError,
};

/// A store in one directory of this machine, for one process.
///
/// Clones are the same store. It is let go of when it is closed, or when the last clone is dropped.
///
/// Reads do not wait for writes. They may read from disk on the thread that asks.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use workflow_runtime::store::{SledStore, Store};
///
/// let directory = tempfile::tempdir()?;
/// let store = SledStore::open(directory.path())?;
/// let fences = store.acquire_all("this process").await?;
/// assert_eq!(fences.len(), 1024);
/// store.close().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SledStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    /// `None` only while the last handle is dropped.
    sender: Option<Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The configuration of a [`SledStore`].
#[derive(Debug, Clone)]
pub struct SledStoreBuilder {
    path: PathBuf,
    cache_capacity: u64,
    salvage: bool,
}

impl SledStoreBuilder {
    /// How many bytes of pages to keep in memory: 64 MiB unless told.
    #[must_use]
    pub fn cache_capacity(mut self, bytes: u64) -> Self {
        self.cache_capacity = bytes;
        self
    }

    /// Whether to open a store whose log is damaged ([`OpenError::Log`]): commits behind the damage are lost, the files
    /// are kept aside under names that begin with `damaged-`.
    ///
    /// Each instance is then at a state that it was in, but its latest steps may be missing: what they did in the world
    /// is done again. No unless told.
    #[must_use]
    pub fn salvage(mut self, salvage: bool) -> Self {
        self.salvage = salvage;
        self
    }

    /// Opens the store; creates it if the directory is empty or does not exist.
    ///
    /// Repairs what a crash leaves behind. This may take seconds after a crash with gigabytes of data.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; each says what to do next.
    pub fn open(self) -> Result<SledStore, OpenError> {
        let Opened { database, lock, files, last, wal, behind: Behind { applied, records, bytes } } =
            recovery::open(&self.path, self.cache_capacity, self.salvage)?;
        let shared = Shared::new(database.db.clone(), records);
        let progress = Progress::new(last, applied, bytes);
        let fences = shared.read(|durable| Fences::load(durable));
        let fences = match fences {
            Ok(fences) => fences,
            Err(error) => {
                shared.close();
                let _ = database.close();
                return Err(recovery::from_store(&self.path, error));
            }
        };
        let committer =
            Committer { wal, fences, guards: Guards::default(), shared: shared.clone(), progress: progress.clone() };
        let applier = Applier { database, files, shared: shared.clone(), progress: progress.clone(), applied };
        let (sender, inbox) = channel();
        let failed = |source| OpenError::Io { path: self.path.clone(), source: Arc::new(source) };
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        let applying = named("workflow-sled").spawn(move || applier.run()).map_err(failed)?;
        let ending = Ending { shared: shared.clone(), progress: progress.clone(), applying, lock };
        let run = move || {
            let closing = committer.run(&mut Inbox::new(inbox));
            ending.end(closing);
        };
        let thread = named("workflow-store").spawn(run).map_err(|e| {
            progress.close();
            failed(e)
        })?;
        let inner = Inner { path: self.path, shared, progress, sender: Some(sender), thread: Mutex::new(Some(thread)) };
        Ok(SledStore { inner: Arc::new(inner) })
    }
}

/// What is left to do when the last commit is made.
struct Ending {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    applying: JoinHandle<Database>,
    lock: File,
}

impl Ending {
    /// The files are let go of before anyone is told.
    fn end(self, closing: Option<Reply<(), StoreError>>) {
        self.progress.close();
        let database = self.applying.join();
        let outcome = self.shared.check();
        // A database whose thread has panicked is let go of with that.
        let view = guarded(|| {
            self.shared.close();
            Ok(())
        });
        let closed = match database {
            Ok(database) => database.close(),
            Err(panic) => Err(StoreError::backend(std::io::Error::other(recovery::panic_message(&*panic)))),
        };
        let closed = view.and(closed);
        if let Err(error) = &closed {
            tracing::error!(%error, "the database was not let go of in order; what is durable is not concerned");
        }
        drop(self.lock);
        let outcome = outcome.and(closed);
        if let Some(reply) = closing {
            let _ = reply.send(outcome);
        }
    }
}

impl SledStore {
    /// The format of the stores that this build writes, and the newest that it reads.
    pub const FORMAT: u32 = recovery::FORMAT;

    /// Opens the store in the directory `path`; creates it if there is none.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; each says what to do next.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(path).open()
    }

    /// A store in the directory `path`, to be configured.
    pub fn builder(path: impl AsRef<Path>) -> SledStoreBuilder {
        SledStoreBuilder { path: path.as_ref().to_owned(), cache_capacity: 64 << 20, salvage: false }
    }

    /// The directory of the store.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Writes all that is durable now to a new file at `path`, which [`SledStore::restore`] makes a store of.
    ///
    /// It is consistent: the state between two groups of commits. Reads and commits go on meanwhile, but commits wait when
    /// 64 MiB of records have changed before it is written. The file is there under its name when it is whole and synced.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]; nothing that exists is overwritten.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use workflow_runtime::store::{SledStore, Store};
    ///
    /// let directory = tempfile::tempdir()?;
    /// let store = SledStore::open(directory.path().join("live"))?;
    /// store.snapshot(directory.path().join("monday.snapshot")).await?;
    /// store.close().await?;
    ///
    /// SledStore::restore(directory.path().join("monday.snapshot"), directory.path().join("restored"))?;
    /// let store = SledStore::open(directory.path().join("restored"))?;
    /// store.close().await?;
    /// # Ok(()) }
    /// ```
    pub async fn snapshot(&self, path: impl AsRef<Path>) -> Result<Snapshot, SnapshotError> {
        Store::snapshot(self, path.as_ref()).await
    }

    /// Makes a store of a snapshot, in a directory that does not exist yet.
    ///
    /// Instances go on where they were when the snapshot was written: what they did in the world after that is done
    /// again, with the same idempotency keys.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]; the directory is there when all of it is.
    pub fn restore(snapshot: impl AsRef<Path>, directory: impl AsRef<Path>) -> Result<Snapshot, SnapshotError> {
        snapshot::restore(snapshot.as_ref(), directory.as_ref())
    }

    /// Writes the database of a store anew, without the room that it does not use any more: its file never becomes smaller by itself.
    ///
    /// Nobody may have the store open. It needs room for what it keeps, beside what there is. A crash at any moment loses nothing: the next
    /// opening goes on with it, or with the store as it was.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]; the store is as it was, or compacted.
    pub fn compact(directory: impl AsRef<Path>) -> Result<Compacted, SnapshotError> {
        compact::compact(directory.as_ref())
    }

    async fn ask<T, E: From<StoreError>>(&self, message: impl FnOnce(Reply<T, E>) -> Message) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        let sender = self.inner.sender.as_ref().ok_or(StoreError::Closed)?;
        sender.send(message(reply)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

#[async_trait]
impl Store for SledStore {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        let fences = self.ask(|reply| Message::Acquire(Some(shard), String::new(), reply)).await?;
        fences.first().copied().ok_or(StoreError::Closed)
    }

    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.ask(|reply| Message::Acquire(None, owner.to_owned(), reply)).await
    }

    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        self.ask(|reply| Message::Renew(fence, reply)).await
    }

    async fn commit(&self, mut commit: Commit) -> Result<(), CommitError> {
        if let (Revision::DAMAGED, [super::Write::Delete { key }]) = (commit.based_on, &mut commit.writes[..])
            && let Some(whole) = blocks::mark_of_all(key)
        {
            commit.instance.clone_from(&whole);
            *key = whole;
        }
        let commit = Encoded::new(commit)?;
        self.ask(|reply| Message::Commit(commit, reply)).await
    }

    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        self.inner.shared.read(|durable| record::read(durable, key))
    }

    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.shared.read(|durable| record::scan(durable, from, to, limit))
    }

    async fn scan_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.shared.read(|durable| record::scan_back(durable, from, to, limit))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.ask(Message::Close).await
    }

    fn directory(&self) -> Option<PathBuf> {
        Some(self.inner.path.clone())
    }

    fn counters(&self) -> StoreCounters {
        *self.inner.shared.count()
    }

    async fn footprint(&self) -> Result<Footprint, StoreError> {
        let Inner { path, shared, progress, .. } = &*self.inner;
        let log = recovery::log(path);
        let mut all =
            Footprint { log_lag: progress.lag(), log_lag_bytes: shared.waiting() as u64, ..Footprint::default() };
        let counted = footprint::files(path, &mut |file, bytes| match file {
            file if file.starts_with(&log) => all.log_bytes += bytes,
            file if recovery::is_of_database(path, file) => all.database_bytes += bytes,
            _ => all.other_bytes += bytes,
        });
        counted.map_err(StoreError::backend)?;
        all.log_segments = wal::segments(&Directory::new(log)).map_err(StoreError::backend)? as u64;
        Ok(all)
    }

    async fn snapshot(&self, path: &Path) -> Result<Snapshot, SnapshotError> {
        let answer = self.inner.progress.snapshot(path.to_owned());
        let gone = || SnapshotError::Store(self.inner.shared.check().err().unwrap_or(StoreError::Closed));
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    /// Waits for what is in flight, so that the directory can be opened again at once.
    fn drop(&mut self) {
        drop(self.sender.take());
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!(path = ?self.path, "the store's thread panicked");
        }
    }
}
