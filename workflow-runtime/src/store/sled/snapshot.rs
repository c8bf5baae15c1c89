//! A copy of a store in one file: consistent, checksummed, compact.
//!
//! ```text
//! "wfsn" version:u32, then blocks, then a block without records
//! block   length:u32 crc:u32 records   the checksum covers the number of the block too
//! record  key length:u16 value length:u32 key value
//! end     length 0, crc of the number of the block
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::Database;
use super::recovery;
use super::view::guarded;
use crate::directory;
use crate::journal::key;
use crate::store::{Cause, OpenError, StoreError, record};

const MAGIC: &[u8; 4] = b"wfsn";
/// Version 1 had no chunks of histories, version 2 no blocks.
const VERSION: u32 = 3;
/// A block ends after so many bytes.
const BLOCK: usize = 1 << 20;
/// The longest block that is read.
const LONGEST: usize = 4 << 20;

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// How many records of the database: small ones lie together in one.
    pub records: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

/// Why a snapshot was not written, or not restored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There is something at the path already.
    #[error("WS040: {path:?} exists; name a path where nothing is, nothing is overwritten")]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The operating system failed.
    #[error("WS041: {path:?} cannot be used; check the disk and the path")]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: Cause,
    },
    /// The file is not a whole snapshot.
    #[error("WS042: {path:?} is no whole snapshot: {reason}; use another one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The snapshot was written by a newer version.
    #[error("WS043: {path:?} has format {found}, this build reads up to {supported}; run the newer build")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this build reads.
        supported: u32,
    },
    /// This kind of store writes no snapshots.
    #[error(
        "WS044: this store does not write a snapshot to {path:?}; use the backup of its database, or a `SledStore`"
    )]
    Unsupported {
        /// Where one was asked for.
        path: PathBuf,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory could not be made a store.
    #[error(transparent)]
    Open(Arc<OpenError>),
}

impl SnapshotError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "WS040",
            Self::Io { .. } => "WS041",
            Self::Damaged { .. } => "WS042",
            Self::Newer { .. } => "WS043",
            Self::Unsupported { .. } => "WS044",
            Self::Store(error) => error.code(),
            Self::Open(error) => error.code(),
        }
    }
}

fn from_io(path: &Path, source: io::Error) -> SnapshotError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::AlreadyExists => SnapshotError::Exists { path },
        _ => SnapshotError::Io { path, source: Arc::new(source) },
    }
}

/// A name beside `path` for what is not finished.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn block_crc(number: u64, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&number.to_be_bytes());
    crc.update(body);
    crc.finalize()
}

/// Writes all records of the database, which nobody changes meanwhile.
pub(super) fn write(db: &::sled::Db, path: &Path) -> Result<Snapshot, SnapshotError> {
    if path.exists() {
        return Err(SnapshotError::Exists { path: path.to_owned() });
    }
    let partial = unfinished(path);
    let written = write_to(db, &partial, path);
    if written.is_err() {
        // The disk may be full.
        let _ = fs::remove_file(partial);
    }
    written
}

fn write_to(db: &::sled::Db, partial: &Path, path: &Path) -> Result<Snapshot, SnapshotError> {
    let failed = |e| from_io(path, e);
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(partial).map_err(failed)?;
    let mut blocks = Blocks { to: BufWriter::new(file), block: Vec::with_capacity(BLOCK), number: 0, bytes: 8 };
    blocks.to.write_all(MAGIC).and_then(|()| blocks.to.write_all(&VERSION.to_be_bytes())).map_err(failed)?;
    let mut records = 0;
    for row in db.iter() {
        let (key, value) = row.map_err(StoreError::backend)?;
        blocks.add(&key, &value).map_err(failed)?;
        records += 1;
    }
    let (file, bytes) = blocks.finish().map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(partial, path).and_then(|()| directory::sync_name(path)).map_err(failed)?;
    Ok(Snapshot { records, bytes })
}

struct Blocks {
    to: BufWriter<File>,
    block: Vec<u8>,
    number: u64,
    bytes: u64,
}

impl Blocks {
    fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        // The lengths are those of a store, far below what their numbers hold.
        self.block.extend_from_slice(&(key.len() as u16).to_be_bytes());
        self.block.extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        if self.block.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.to.write_all(&(self.block.len() as u32).to_be_bytes())?;
        self.to.write_all(&block_crc(self.number, &self.block).to_be_bytes())?;
        self.to.write_all(&self.block)?;
        self.bytes += 8 + self.block.len() as u64;
        self.number += 1;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<(File, u64)> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.end_block()?;
        let bytes = self.bytes;
        Ok((self.to.into_inner().map_err(io::IntoInnerError::into_error)?, bytes))
    }
}

/// Makes a store of a snapshot in a directory that does not exist.
pub(super) fn restore(snapshot: &Path, directory: &Path) -> Result<Snapshot, SnapshotError> {
    if directory.exists() {
        return Err(SnapshotError::Exists { path: directory.to_owned() });
    }
    let failed = |e| from_io(directory, e);
    let partial = unfinished(directory);
    match fs::remove_dir_all(&partial) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let restored = restore_to(snapshot, &partial);
    if restored.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    let restored = restored?;
    fs::rename(&partial, directory).and_then(|()| directory::sync_name(directory)).map_err(failed)?;
    Ok(restored)
}

fn restore_to(snapshot: &Path, partial: &Path) -> Result<Snapshot, SnapshotError> {
    let opened = recovery::open(partial, 64 << 20, false).map_err(|e| SnapshotError::Open(Arc::new(e)))?;
    let restored = guarded(|| Ok(fill(&opened.database, snapshot)));
    let finished = opened.finish();
    let restored = restored??;
    finished?;
    Ok(restored)
}

fn fill(database: &Database, path: &Path) -> Result<Snapshot, SnapshotError> {
    let damaged = |reason: String| SnapshotError::Damaged { path: path.to_owned(), reason };
    let failed = |e: io::Error| match e.kind() {
        ErrorKind::UnexpectedEof => damaged("it ends too early".into()),
        _ => from_io(path, e),
    };
    let mut from = BufReader::new(File::open(path).map_err(failed)?);
    let mut word = [0; 4];
    from.read_exact(&mut word).map_err(failed)?;
    if word != *MAGIC {
        return Err(damaged("it does not begin like one".into()));
    }
    from.read_exact(&mut word).map_err(failed)?;
    let found = u32::from_be_bytes(word);
    if found > VERSION {
        return Err(SnapshotError::Newer { path: path.to_owned(), found, supported: VERSION });
    }
    // What says how a store is to be opened is the new store's own.
    let own = [record::own(key::STORE_FORMAT), record::own(key::STORE_LOG)];
    let (mut records, mut bytes, mut block) = (0, 8, Vec::new());
    for number in 0.. {
        from.read_exact(&mut word).map_err(failed)?;
        let length = u32::from_be_bytes(word) as usize;
        from.read_exact(&mut word).map_err(failed)?;
        if length > LONGEST {
            return Err(damaged(format!("block {number} cannot have {length} bytes")));
        }
        block.resize(length, 0);
        from.read_exact(&mut block).map_err(failed)?;
        if block_crc(number, &block) != u32::from_be_bytes(word) {
            return Err(damaged(format!("the checksum of block {number} is another one")));
        }
        bytes += 8 + length as u64;
        if block.is_empty() {
            break;
        }
        let rows = rows(&block).ok_or_else(|| damaged(format!("block {number} does not hold records")))?;
        records += rows.len() as u64;
        let kept = rows.into_iter().filter(|(key, _)| !own.contains(key));
        database.apply(&kept.map(|(key, value)| (key, Some(value.into()))).collect())?;
    }
    Ok(Snapshot { records, bytes })
}

fn rows(mut block: &[u8]) -> Option<Vec<(Vec<u8>, &[u8])>> {
    let mut rows = Vec::new();
    while !block.is_empty() {
        let (key, rest) = block.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key)))?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value) as usize)?;
        rows.push((key.to_vec(), value));
        block = rest;
    }
    Some(rows)
}
