//! Where instances live: an ordered map with atomic, fenced, revision-guarded commits.
//!
//! The engine knows [`Store`] only. [`SledStore`] keeps one directory, [`MemoryStore`] keeps nothing,
//! [`FaultStore`] wraps either and dies on command.
//!
//! What all of them promise, and the conformance suite checks:
//!
//! - A [`Commit`] happens as a whole or not at all, and `Ok` means that it survives a power cut.
//! - It is refused when its fence is not the newest of its shard, or its instance has moved on. A refusal does not
//!   hurt other commits that share its flush.
//! - Reads show what is durable, never what is merely written.
//! - Values of any size up to [`MAX_VALUE_BYTES`] are one record to the caller. A record that does not read back as
//!   it was written is [`StoreError::Damaged`] and names itself.

mod error;
mod fault;
mod footprint;
mod memory;
mod record;
mod sled;
mod stage;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;

pub use self::error::{Cause, CommitError, OpenError, StoreError};
pub use self::fault::{Fault, FaultStore};
pub use self::footprint::Footprint;
pub use self::memory::MemoryStore;
pub use self::sled::{Compacted, SledStore, SledStoreBuilder, Snapshot, SnapshotError};
pub use crate::journal::id::{SHARDS, ShardId};

/// The largest value of one record.
pub const MAX_VALUE_BYTES: usize = 16 << 20;

/// The most bytes of keys and values in one commit.
pub const MAX_COMMIT_BYTES: usize = 256 << 20;

/// The longest key of one record.
pub const MAX_KEY_BYTES: usize = 2048;

/// A revision of an instance: 0 is "does not exist", each commit goes to a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of an instance that does not exist.
    pub const NONE: Self = Self(0);

    /// Stands for the revision of an instance whose record is damaged.
    pub const DAMAGED: Self = Self(u64::MAX);

    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::DAMAGED => f.write_str("unknown"),
            Self(number) => std::fmt::Display::fmt(&number, f),
        }
    }
}

/// The right to write to a shard, until someone acquires the shard again (a *fencing token*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The shard.
    pub shard: ShardId,
    /// Higher for each acquisition.
    pub token: u64,
}

/// One change of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// The record becomes `value`.
    Put {
        /// The key of the record.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// A record that has never been there, such as the next one of a history: the store need not look what it replaces.
    Append {
        /// The key of the record.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// The record is gone.
    Delete {
        /// The key of the record.
        key: Vec<u8>,
    },
}

impl Write {
    /// The key of the record that changes.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. } | Self::Append { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// One instance's new state, written as a whole or not at all.
///
/// The writes include a put of `instance` (the record that carries the instance's revision), or a delete of it, after
/// which the instance does not exist. All records of a commit carry its revision. Of several writes to one key the last wins.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The right to write to the instance's shard.
    pub fence: Fence,
    /// The key of the record that guards the instance: its frame.
    pub instance: Vec<u8>,
    /// The revision that the new state was computed from. [`Revision::NONE`]: the instance must not exist.
    /// [`Revision::DAMAGED`]: its record must be there and damaged; it is written over. A commit that only deletes it says that nobody has
    /// it, nor what the store may have lost together with it.
    pub based_on: Revision,
    /// The revision of the new state, higher than `based_on`. Over a damaged record: higher than any that the instance has had.
    pub revision: Revision,
    /// The changes.
    pub writes: Vec<Write>,
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct StoreCounters {
    /// Times that commits were made durable.
    pub flushes: u64,
    /// Keys put or deleted by commits, parts of large values included.
    pub keys: u64,
    /// Bytes that were made durable for that.
    pub bytes: u64,
    /// Commits that were acknowledged.
    pub commits: u64,
    /// Times that the database behind the log was synced, 0 where there is no log.
    pub database_flushes: u64,
    /// Keys put or deleted in the database behind the log.
    pub database_keys: u64,
    /// Bytes of keys and values given to the database behind the log.
    pub database_bytes: u64,
}

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A durable ordered map that takes fenced commits.
///
/// # Cancel safety
///
/// A write whose future is dropped may or may not be made, like one that is in flight when the process dies.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Takes a shard: a new fence, durable on return. Any older fence of the shard is refused from now on.
    ///
    /// # Errors
    ///
    /// When the store takes no writes, or this one fails.
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError>;

    /// Takes all shards with one durable write, in order of their numbers. `owner` is kept for diagnosis.
    ///
    /// # Errors
    ///
    /// When the store takes no writes, or this one fails.
    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError>;

    /// Confirms that `fence` is still the newest of its shard.
    ///
    /// # Errors
    ///
    /// [`StoreError::Fenced`] when it is not.
    async fn renew(&self, fence: Fence) -> Result<(), StoreError>;

    /// Writes one instance's new state. `Ok` means durable. Concurrent commits share flushes; commits of one
    /// caller that are sent in order are made in order.
    ///
    /// # Errors
    ///
    /// [`CommitError::Fenced`] and [`CommitError::Revision`] when the writer is out of date,
    /// [`StoreError::Indeterminate`] when the write may or may not have happened; the store takes no more writes then.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// The durable value of a record and the revision of the commit that wrote it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when the record does not read back as it was written.
    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError>;

    /// The durable value of a record.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when the record does not read back as it was written.
    async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get_with_revision(key).await?.map(|(_, value)| value))
    }

    /// The first `limit` durable records of `from..to`, in the order of their keys, all of one moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] at the first damaged record: to go on, scan from behind its key.
    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// The last `limit` durable records of `from..to`, the last one first. Unless a backend does better, it reads all
    /// that is before them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when one of them is damaged, of the last one that is: to go on, scan up to its key.
    async fn scan_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let (mut from, mut damaged) = (from.to_vec(), None);
        let mut rows = loop {
            match self.scan(&from, to, usize::MAX).await {
                Err(StoreError::Damaged { key, reason }) => {
                    from.clone_from(&key);
                    from.push(0);
                    damaged = Some(StoreError::Damaged { key, reason });
                }
                scanned => break scanned?,
            }
        };
        if let Some(damaged) = damaged.filter(|_| rows.len() < limit) {
            return Err(damaged);
        }
        rows.reverse();
        rows.truncate(limit);
        Ok(rows)
    }

    /// Finishes what is in flight and lets go of the files. Later calls are [`StoreError::Closed`].
    ///
    /// # Errors
    ///
    /// When what was in flight could not be made durable.
    async fn close(&self) -> Result<(), StoreError>;

    /// A directory for small files of the engine's own, which have to survive the process and not the machine. None: the
    /// data does not survive the process either, or it is elsewhere.
    fn directory(&self) -> Option<PathBuf> {
        None
    }

    /// What was done so far.
    fn counters(&self) -> StoreCounters;

    /// What the store takes up. Reads no records.
    ///
    /// # Errors
    ///
    /// When its files cannot be looked at.
    async fn footprint(&self) -> Result<Footprint, StoreError> {
        Ok(Footprint::default())
    }

    /// Writes all that is durable now to a new file at `path`, while reads and commits go on.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Unsupported`] unless a backend can; see there for the others.
    async fn snapshot(&self, path: &Path) -> Result<Snapshot, SnapshotError> {
        Err(SnapshotError::Unsupported { path: path.to_owned() })
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        (**self).acquire(shard).await
    }
    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        (**self).acquire_all(owner).await
    }
    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        (**self).renew(fence).await
    }
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        (**self).commit(commit).await
    }
    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        (**self).get_with_revision(key).await
    }
    async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(key).await
    }
    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        (**self).scan(from, to, limit).await
    }
    async fn scan_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        (**self).scan_back(from, to, limit).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        (**self).close().await
    }
    fn directory(&self) -> Option<PathBuf> {
        (**self).directory()
    }
    fn counters(&self) -> StoreCounters {
        (**self).counters()
    }
    async fn footprint(&self) -> Result<Footprint, StoreError> {
        (**self).footprint().await
    }
    async fn snapshot(&self, path: &Path) -> Result<Snapshot, SnapshotError> {
        (**self).snapshot(path).await
    }
}
