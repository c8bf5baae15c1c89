//! What can go wrong between the engine and its store.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Revision, ShardId};
use crate::journal::key;

/// A cause, shared by everyone whose call it failed.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a store could not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// One stored record is not what was written. Other records are not affected: a scan can go on behind `key`.
    #[error(
        "WS001: the record {} is damaged: {reason}; restore it from a backup, or rebuild or terminate its instance",
        key::describe(key)
    )]
    Damaged {
        /// The key of the record.
        key: Vec<u8>,
        /// What does not fit.
        reason: String,
    },
    /// The write may or may not have become durable. The store takes no further writes.
    #[error("WS002: it is unknown whether the write became durable; reopen the store to find out")]
    Indeterminate {
        /// The error of the write.
        #[source]
        source: Cause,
    },
    /// An earlier write was indeterminate. Reads still answer, from before it.
    #[error("WS003: an earlier write failed ({reason}) and the store takes no more; reopen it")]
    Poisoned {
        /// The earlier error.
        reason: String,
    },
    /// The fence is not the shard's newest: someone else owns the shard.
    #[error(
        "WS004: shard {shard} has a new owner (fence {held}, now {current}); drop its instances and acquire it again"
    )]
    Fenced {
        /// The shard.
        shard: ShardId,
        /// The token that was presented.
        held: u64,
        /// The newest token.
        current: u64,
    },
    /// The database below failed a read.
    #[error("WS005: the database failed to read; check the disk, then reopen the store")]
    Backend {
        /// The error of the database.
        #[source]
        source: Cause,
    },
    /// The store is closed.
    #[error("WS006: the store is closed; open it again")]
    Closed,
    /// The disk is full. Nothing of the write was made, and the store takes the next one.
    #[error("WS011: the disk is full, nothing was written; make room, writes are taken again at once")]
    Full {
        /// The error of the operating system.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "WS001",
            Self::Indeterminate { .. } => "WS002",
            Self::Poisoned { .. } => "WS003",
            Self::Fenced { .. } => "WS004",
            Self::Backend { .. } => "WS005",
            Self::Closed => "WS006",
            Self::Full { .. } => "WS011",
        }
    }

    /// Whether the store takes no more writes until it is opened again.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Indeterminate { .. } | Self::Poisoned { .. } | Self::Closed)
    }

    pub(crate) fn backend(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Backend { source: Arc::new(source) }
    }

    pub(crate) fn damaged(key: &[u8], reason: impl Into<String>) -> Self {
        Self::Damaged { key: key.to_vec(), reason: reason.into() }
    }
}

/// Why a commit was not made.
///
/// Except for [`CommitError::Store`], nothing of the commit was written and the store goes on.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The commit's fence is not the shard's newest: someone else owns the shard.
    #[error(
        "WS007: shard {shard} has a new owner (fence {held}, now {current}); drop its instances and acquire it again"
    )]
    Fenced {
        /// The shard.
        shard: ShardId,
        /// The token of the commit.
        held: u64,
        /// The newest token.
        current: u64,
    },
    /// The instance is not at the revision that the commit was based on.
    #[error(
        "WS008: {} is at revision {found}, the commit was based on {based_on}; load it again",
        key::describe(instance)
    )]
    Revision {
        /// The key of the instance.
        instance: Vec<u8>,
        /// The revision that the commit was based on.
        based_on: Revision,
        /// The stored revision, 0 when there is none.
        found: Revision,
    },
    /// A key, a value or all of the commit is larger than a store takes.
    #[error(
        "WS009: the {what} of {} has {bytes} bytes, the limit is {limit}; store the data elsewhere and keep a reference",
        key::describe(key)
    )]
    TooLarge {
        /// "key", "value", "entry of an index" or "commit".
        what: &'static str,
        /// The key of the record.
        key: Vec<u8>,
        /// Its size.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The commit contradicts itself; this is an error of the caller.
    #[error("WS010: the commit of {} is malformed: {reason}; this is a bug, please report it", key::describe(instance))]
    Malformed {
        /// The key of the instance.
        instance: Vec<u8>,
        /// What contradicts what.
        reason: &'static str,
    },
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommitError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fenced { .. } => "WS007",
            Self::Revision { .. } => "WS008",
            Self::TooLarge { .. } => "WS009",
            Self::Malformed { .. } => "WS010",
            Self::Store(error) => error.code(),
        }
    }

    /// Whether the store takes no more writes until it is opened again.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_fatal())
    }
}

/// Why a directory could not be opened as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another handle in this one, has the store open.
    #[error("WS020: {path:?} is in use by another process; stop that process, or give this one a directory of its own")]
    Locked {
        /// The directory of the store.
        path: PathBuf,
    },
    /// The store was written by a newer version.
    #[error("WS021: {path:?} has format {found}, this build reads up to {supported}; run the newer build")]
    NewerFormat {
        /// The directory of the store.
        path: PathBuf,
        /// The format of the store.
        found: u32,
        /// The newest format that this build reads.
        supported: u32,
    },
    /// The path is something other than a directory.
    #[error("WS022: {path:?} is not a directory; give the path of a directory, it is created if it does not exist")]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The directory may not be read or written.
    #[error("WS023: no permission to use {path:?}; give this user read and write access to it")]
    Permission {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The files are damaged beyond what recovery repairs.
    #[error("WS024: the files in {path:?} are damaged: {reason}; copy the directory aside and restore a backup")]
    Damaged {
        /// The directory of the store.
        path: PathBuf,
        /// What was found.
        reason: String,
        /// The error of the database, where it gave one.
        #[source]
        source: Option<Cause>,
    },
    /// The directory holds a database that is not a store of this system.
    #[error("WS025: {path:?} holds a database of another program; give this one a directory of its own")]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The log in front of the database is damaged, and with it commits that were acknowledged.
    #[error(
        "WS027: the log in {path:?} is damaged: {reason}; restore a backup, or open it with \
         `SledStore::builder(..).salvage(true)`, which goes on with what can be read and keeps the damaged files aside"
    )]
    Log {
        /// The directory of the store.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The operating system failed.
    #[error("WS026: {path:?} cannot be opened; check the disk and the path")]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: Cause,
    },
}

impl OpenError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "WS020",
            Self::NewerFormat { .. } => "WS021",
            Self::NotADirectory { .. } => "WS022",
            Self::Permission { .. } => "WS023",
            Self::Damaged { .. } => "WS024",
            Self::Foreign { .. } => "WS025",
            Self::Io { .. } => "WS026",
            Self::Log { .. } => "WS027",
        }
    }
}
