//! What can go wrong with an archive.

use crate::{journal::id::RunId, store::Cause};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why a run was not archived, or cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The operating system failed.
    #[error("WS050: {path:?} cannot be used; check the disk and the path")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: Cause,
    },
    /// A part of a file is not what was written. All else can be read.
    #[error(
        "WS051: {path:?} is damaged at byte {offset}: {reason}; take this file from a backup. The other runs can be read"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged block begins.
        offset: u64,
        /// What does not fit.
        reason: String,
    },
    /// The file was written by a newer version.
    #[error("WS052: {path:?} has format {found}, this build reads up to {supported}; use the newer build")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this build reads.
        supported: u32,
    },
    /// Another engine writes to the archive.
    #[error("WS053: another engine writes to {path:?}; stop it, or give this one a directory of its own")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The archive does not hold the run.
    #[error("WS054: there is no run {run} in {path:?}; `list --archive` shows those that there are")]
    NotFound {
        /// The directory.
        path: PathBuf,
        /// The run.
        run: RunId,
    },
    /// The run was archived without the record of its start, which was damaged.
    #[error(
        "WS055: run {run} was archived without its input, its start record was damaged; it can be looked at, not exported"
    )]
    NoStart {
        /// The run.
        run: RunId,
    },
    /// The engine that writes it has ended.
    #[error("WS056: the archive {path:?} is closed; it is written to again with the next engine")]
    Closed {
        /// The directory.
        path: PathBuf,
    },
}

impl ArchiveError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "WS050",
            Self::Damaged { .. } => "WS051",
            Self::Newer { .. } => "WS052",
            Self::Locked { .. } => "WS053",
            Self::NotFound { .. } => "WS054",
            Self::NoStart { .. } => "WS055",
            Self::Closed { .. } => "WS056",
        }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn damaged(path: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), offset, reason: reason.into() }
    }
}
