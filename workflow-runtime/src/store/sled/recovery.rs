//! Opening a directory that may have been left in any state.
//!
//! sled 0.34.7 fails for ever on a half-written snapshot, fails on a damaged one, and may panic on damaged data. Each
//! is repaired here where nothing is lost by it: a snapshot only shortens the reading of the log.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::journal::key;
use crate::store::OpenError;
use crate::store::record;

/// The format of the stores that this build writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// What the lock file says once the first format record is durable.
const MARK: &str = "workflow store\n";
const MAGIC: &[u8; 4] = b"wfst";

/// An open database with what keeps it safe.
pub(super) struct Opened {
    pub(super) db: ::sled::Db,
    /// sled's data file: its own `flush` does not sync it.
    pub(super) data: File,
    /// Held for as long as the database is open.
    pub(super) lock: File,
}

pub(super) fn open(path: &Path, cache_capacity: u64) -> Result<Opened, OpenError> {
    create(path)?;
    let mut lock = lock(path)?;
    let mut mark = String::new();
    lock.read_to_string(&mut mark).map_err(|e| from_io(path, e))?;
    let begun = mark.ends_with(MARK);
    if begun && !path.join("db").exists() {
        return Err(damaged(path, "its data file is missing".into(), None));
    }
    remove_unfinished_snapshots(path).map_err(|e| from_io(path, e))?;
    let db = match attempt(path, cache_capacity) {
        Ok(db) => db,
        Err(Failure::Open(error)) => return Err(error),
        Err(Failure::Damaged(first)) => without_snapshots(path, cache_capacity, first)?,
    };
    let data = File::open(path.join("db")).map_err(|e| from_io(path, e))?;
    let opened = Opened { db, data, lock };
    check_format(path, &opened, begun)?;
    if !begun {
        begin(path, &opened.lock).map_err(|e| from_io(path, e))?;
    }
    Ok(opened)
}

fn create(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(OpenError::NotADirectory { path: path.to_owned() }),
        Err(e) if e.kind() == ErrorKind::NotFound => fs::create_dir_all(path).map_err(|e| from_io(path, e)),
        Err(e) => Err(from_io(path, e)),
    }
}

/// Takes a lock of our own, before anything in the directory is touched: repairing what another process uses would
/// break it.
fn lock(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path.join("lock"));
    let file = file.map_err(|e| from_io(path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(e)) => Err(from_io(path, e)),
    }
}

fn snapshots(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    for snapshot in snapshots(path)? {
        if snapshot.extension().is_some_and(|extension| extension == "generating") {
            tracing::info!(?snapshot, "removing a snapshot that was never finished");
            fs::remove_file(&snapshot)?;
        }
    }
    Ok(())
}

enum Failure {
    Open(OpenError),
    /// Possibly repairable.
    Damaged(OpenError),
}

fn attempt(path: &Path, cache_capacity: u64) -> Result<::sled::Db, Failure> {
    // A handle of this process that was just closed may hold sled's own lock for a moment longer than ours.
    for _ in 0..200 {
        let config = ::sled::Config::new().path(path).cache_capacity(cache_capacity).flush_every_ms(Some(500));
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(::sled::Error::Io(e))) if e.to_string().contains("could not acquire lock") => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(Err(::sled::Error::Io(e))) if is_about_the_system(&e) => return Err(Failure::Open(from_io(path, e))),
            Ok(Err(e)) => return Err(Failure::Damaged(damaged(path, e.to_string(), Some(Arc::new(e))))),
            Err(panic) => return Err(Failure::Damaged(damaged(path, panic_message(&*panic), None))),
        }
    }
    Err(Failure::Open(OpenError::Locked { path: path.to_owned() }))
}

fn is_about_the_system(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::StorageFull | ErrorKind::ReadOnlyFilesystem)
}

/// Tries again with the snapshots moved aside, and moves them back if that does not help.
fn without_snapshots(path: &Path, cache_capacity: u64, first: OpenError) -> Result<::sled::Db, OpenError> {
    let mut moved = Vec::new();
    for snapshot in snapshots(path).map_err(|e| from_io(path, e))? {
        let mut name = std::ffi::OsString::from("damaged-");
        name.push(snapshot.file_name().unwrap_or_default());
        let aside = path.join(name);
        fs::rename(&snapshot, &aside).map_err(|e| from_io(path, e))?;
        moved.push((snapshot, aside));
    }
    if moved.is_empty() {
        return Err(first);
    }
    match attempt(path, cache_capacity) {
        Ok(db) => {
            tracing::warn!(?moved, error = %first, "opened without damaged snapshots, which are kept aside");
            Ok(db)
        }
        Err(_) => {
            for (snapshot, aside) in moved {
                fs::rename(aside, snapshot).map_err(|e| from_io(path, e))?;
            }
            Err(first)
        }
    }
}

/// Reads the format, or writes it if this is a new store. sled takes a log that is damaged at its start for an empty
/// one; the mark in the lock file tells that from a new store.
fn check_format(path: &Path, opened: &Opened, begun: bool) -> Result<(), OpenError> {
    let key = record::own(key::STORE_FORMAT);
    let failed = |e: ::sled::Error| damaged(path, e.to_string(), Some(Arc::new(e)));
    match opened.db.get(&key).map_err(failed)? {
        Some(value) => match value.split_first_chunk::<4>() {
            Some((MAGIC, version)) => check_version(path, version),
            _ => Err(damaged(path, "the record of its format is not readable".into(), None)),
        },
        None if begun => Err(damaged(path, "the log lost all that was written to it".into(), None)),
        None if opened.db.is_empty() && opened.db.tree_names().len() == 1 => {
            let value = [MAGIC.as_slice(), &FORMAT.to_be_bytes()].concat();
            opened.db.insert(key, value).map_err(failed)?;
            opened.db.flush().map_err(failed)?;
            opened.data.sync_data().map_err(|e| from_io(path, e))
        }
        None => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn check_version(path: &Path, version: &[u8]) -> Result<(), OpenError> {
    let Ok(version) = version.try_into().map(u32::from_be_bytes) else {
        return Err(damaged(path, "the record of its format is not readable".into(), None));
    };
    if version > FORMAT {
        return Err(OpenError::NewerFormat { path: path.to_owned(), found: version, supported: FORMAT });
    }
    Ok(())
}

/// Marks that the database has been in use. A new file survives a power cut once its directory is synced.
fn begin(path: &Path, mut lock: &File) -> io::Result<()> {
    lock.write_all(MARK.as_bytes())?;
    lock.sync_all()?;
    for name in ["conf", "db"] {
        File::open(path.join(name))?.sync_all()?;
    }
    File::open(path)?.sync_all()?;
    match path.canonicalize()?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn damaged(path: &Path, reason: String, source: Option<crate::store::Cause>) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), reason, source }
}

fn from_io(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => OpenError::Permission { path, source },
        ErrorKind::NotADirectory => OpenError::NotADirectory { path },
        _ => OpenError::Io { path, source: Arc::new(source) },
    }
}

pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the database panicked: {}", text.unwrap_or_else(|| "without a message".into()))
}
