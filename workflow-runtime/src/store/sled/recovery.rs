//! Opening a directory that may have been left in any state.
//!
//! What the log holds and the database does not have is read into memory, as it was before, and the applier goes on with it; so opening
//! does not wait for sled. A failed sync may have left the last group of the log in memory only: it is written and synced again first.
//!
//! sled 0.34.7 fails for ever on a half-written snapshot, fails on a damaged one, and may panic on damaged data. Each
//! is repaired here where nothing is lost by it: a snapshot only shortens the reading of the log.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::applier::Position;
use super::compact;
use super::database::{self, Database};
use super::readable;
use super::table::Table;
use super::view::{Written, guarded};
use super::wal::{self, Ahead, Damage, Directory, Files, Wal};
use crate::directory;
use crate::journal::key;
use crate::store::record;
use crate::store::{OpenError, StoreError};

/// The format of the stores that this build writes, and the newest that it reads. Format 1 had no log, format 2 no chunks, format 3 no blocks.
pub(super) const FORMAT: u32 = 4;
/// The directory of the log.
const LOG: &str = "log";
/// What the lock file says once the first format record is durable.
const MARK: &str = "workflow store\n";
const MAGIC: &[u8; 4] = b"wfst";

/// An open store.
pub(super) struct Opened {
    pub(super) database: Database,
    /// Held for as long as the database is open.
    pub(super) lock: File,
    pub(super) files: Arc<dyn Files>,
    /// The last group of the log.
    pub(super) last: u64,
    pub(super) wal: Wal,
    pub(super) behind: Behind,
}

/// What only the log has.
pub(super) struct Behind {
    /// The last group that the database has.
    pub(super) applied: u64,
    /// What the groups behind it have made of the records that they wrote.
    pub(super) records: Table,
    /// Their bytes in the log.
    pub(super) bytes: u64,
}

impl Opened {
    /// Brings the database up to date, for whoever looks at nothing else.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.behind.applied < self.last {
            write(&self.database, &std::mem::take(&mut self.behind.records), self.last)?;
            self.behind.applied = self.last;
        }
        Ok(())
    }

    /// Syncs the database of a store that nobody else has seen, and lets go of the directory. The next opening finds nothing behind it.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        let Self { database, lock, wal, .. } = self;
        drop(wal);
        let noted = guarded(|| {
            database.note(Position { group: 0, closed: true })?;
            database.sync()
        });
        let closed = database.close();
        drop(lock);
        noted.and(closed)
    }
}

/// Whatever is left of a database, it is opened or told: sled may panic.
pub(super) fn open(path: &Path, cache_capacity: u64, salvage: bool) -> Result<Opened, OpenError> {
    let open = AssertUnwindSafe(|| open_or_panic(path, cache_capacity, salvage));
    catch_unwind(open).unwrap_or_else(|panic| Err(from_panic(path, &*panic)))
}

fn open_or_panic(path: &Path, cache_capacity: u64, salvage: bool) -> Result<Opened, OpenError> {
    create(path)?;
    let mut lock = lock(path)?;
    let mut mark = String::new();
    lock.read_to_string(&mut mark).map_err(|e| from_io(path, e))?;
    let begun = mark.ends_with(MARK);
    compact::finish(path).map_err(|e| from_io(path, e))?;
    if begun && !path.join("db").exists() {
        return Err(damaged(path, "its data file is missing".into(), None));
    }
    database::make_up_for_failed_sync(path).map_err(|e| from_io(path, e))?;
    remove_unfinished_snapshots(path).map_err(|e| from_io(path, e))?;
    set_torn_settings_aside(path).map_err(|e| from_io(path, e))?;
    let (db, ahead) = open_database(path, cache_capacity)?;
    let database = Database::new(path, db).map_err(|e| from_io(path, e))?;
    check_format(path, &database, begun)?;
    let files: Arc<dyn Files> = Arc::new(open_log(path).map_err(|e| from_io(path, e))?);
    let (last, wal, behind) = read_log(path, &database, files.clone(), ahead, begun, salvage)?;
    begin(path, &database, begun, &lock)?;
    Ok(Opened { database, lock, files, last, wal, behind })
}

/// The log is read beside it, as far as it is known what of it will be needed.
fn open_database(path: &Path, cache_capacity: u64) -> Result<(::sled::Db, Option<Ahead>), OpenError> {
    thread::scope(|scope| {
        let read_ahead = || wal::read_ahead(&Directory::new(log(path)));
        let reading = thread::Builder::new().name("workflow-log".into()).spawn_scoped(scope, read_ahead);
        readable::check(path).map_err(|e| from_io(path, e))?;
        let db = match attempt(path, cache_capacity) {
            Ok(db) => db,
            Err(Failure::Open(error)) => return Err(error),
            Err(Failure::Damaged(first)) => without_snapshots(path, cache_capacity, first)?,
        };
        Ok((db, reading.ok().and_then(|reading| reading.join().ok()).flatten()))
    })
}

/// The directory of the log of the store in `path`.
pub(super) fn log(path: &Path) -> PathBuf {
    path.join(LOG)
}

/// Whether sled owns a file of the store in `path`.
pub(super) fn is_of_database(path: &Path, file: &Path) -> bool {
    let Ok(within) = file.strip_prefix(path) else { return false };
    let first = within.iter().next().unwrap_or_default().to_string_lossy();
    first == "db" || first == "conf" || first == "blobs" || first.starts_with("snap.")
}

/// Also makes sure that the names in the directory of the store survive a power cut. At each opening: the process that made them may have
/// ended before that.
fn open_log(path: &Path) -> io::Result<Directory> {
    let log = log(path);
    if !log.exists() {
        fs::create_dir(&log)?;
    }
    directory::sync(path)?;
    Ok(Directory::new(log))
}

/// Reads what only the log has, and goes on with the log. Returns the last group too.
fn read_log(
    path: &Path,
    database: &Database,
    files: Arc<dyn Files>,
    ahead: Option<Ahead>,
    begun: bool,
    salvage: bool,
) -> Result<(u64, Wal, Behind), OpenError> {
    let failed = |e| from_store(path, e);
    let position = Position::read(&Written(&database.db)).map_err(failed)?;
    let Some(mut position) = position else {
        return Err(damaged(path, "it does not say how far its database has come".into(), None));
    };
    // The process may have ended before there was a log.
    position.closed |= !begun;
    let scan = || wal::scan(&*files, position, salvage);
    let mut replay = match ahead.and_then(|ahead| ahead.behind(position)).map_or_else(scan, Ok) {
        Ok(replay) => replay,
        Err(Damage::At(reason)) => return Err(OpenError::Log { path: path.to_owned(), reason }),
        Err(Damage::Newer(found)) => {
            return Err(OpenError::NewerFormat { path: path.to_owned(), found, supported: wal::VERSION });
        }
        Err(Damage::Io(e)) => return Err(from_io(path, e)),
    };
    if replay.last > position.group {
        let groups = replay.last - position.group;
        tracing::info!(groups, bytes = replay.bytes, "the log has what the database does not have yet");
        wal::settle(&*files, &replay).map_err(|e| from_io(path, e))?;
    }
    // A group that is in doubt, because its sync had failed, must not be in the middle of a segment.
    let tail = replay.tail.filter(|_| position.closed && replay.last == position.group);
    if replay.damaged {
        // Nothing reads this log again.
        write(database, &std::mem::take(&mut replay.records), replay.last).map_err(failed)?;
        position.group = replay.last;
        wal::set_aside(&*files).map_err(|e| from_io(path, e))?;
    }
    let wal = Wal::begin(files, replay.last + 1, tail, wal::SIZES).map_err(|e| from_io(path, e))?;
    // Only now, because an open store has a log. Without a sync: it only tells that the log may not be missing.
    database.note(Position { group: position.group, closed: false }).map_err(failed)?;
    let behind = Behind { applied: position.group, records: replay.records, bytes: replay.bytes };
    Ok((replay.last, wal, behind))
}

/// Writes to the database what only the log has, up to the group `last`.
fn write(database: &Database, records: &Table, last: u64) -> Result<(), StoreError> {
    database.apply(records)?;
    database.sync()?;
    database.note(Position { group: last, closed: false })?;
    database.sync()
}

fn create(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(OpenError::NotADirectory { path: path.to_owned() }),
        Err(e) if e.kind() == ErrorKind::NotFound => directory::create(path).map_err(|e| from_io(path, e)),
        Err(e) => Err(from_io(path, e)),
    }
}

/// Takes a lock of our own, before anything in the directory is touched: repairing what another process uses would
/// break it. A child that this process has just forked holds what was open until it executes its program: for a moment, a store that
/// was closed is locked by nobody else.
fn lock(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path.join("lock"));
    let file = file.map_err(|e| from_io(path, e))?;
    for _ in 0..40 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::Error(e)) => return Err(from_io(path, e)),
        }
    }
    Err(OpenError::Locked { path: path.to_owned() })
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

/// sled writes its settings once, in two parts and without a sync. What is left of them when that is interrupted is refused
/// for ever. They are the same for every store, so sled may write them again.
fn set_torn_settings_aside(path: &Path) -> io::Result<()> {
    let settings = path.join("conf");
    let bytes = match fs::read(&settings) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    let whole = bytes.split_last_chunk::<4>().is_some_and(|(rest, crc)| crc32fast::hash(rest).to_le_bytes() == *crc);
    if !whole {
        tracing::warn!(?settings, "the settings of the database are torn; they are kept aside and written again");
        fs::rename(&settings, path.join("damaged-conf"))?;
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
                thread::sleep(Duration::from_millis(5));
            }
            Ok(Err(::sled::Error::Io(e))) if nothing_helps(&e) => return Err(Failure::Open(from_io(path, e))),
            Ok(Err(e)) => return Err(Failure::Damaged(from_sled(path, e))),
            Err(panic) => return Err(Failure::Damaged(from_panic(path, &*panic))),
        }
    }
    Err(Failure::Open(OpenError::Locked { path: path.to_owned() }))
}

fn nothing_helps(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::StorageFull | ErrorKind::ReadOnlyFilesystem)
}

/// An error of the system is told as that: no backup helps against it. sled copies it, and what it finds damaged is of one of these kinds.
fn from_sled(path: &Path, e: ::sled::Error) -> OpenError {
    use ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    match e {
        ::sled::Error::Io(e) if !matches!(e.kind(), InvalidData | InvalidInput | Other | UnexpectedEof) => {
            from_io(path, e)
        }
        e => damaged(path, e.to_string(), Some(Arc::new(e))),
    }
}

/// sled panics on some errors of the system too.
fn from_panic(path: &Path, panic: &(dyn Any + Send)) -> OpenError {
    let reason = panic_message(panic);
    match reason.contains("Os { code: ") {
        true => from_io(path, io::Error::other(reason)),
        false => damaged(path, reason, None),
    }
}

/// A database that does not answer is told as what the system said.
pub(super) fn from_store(path: &Path, e: StoreError) -> OpenError {
    match e {
        StoreError::Backend { source } => OpenError::Io { path: path.to_owned(), source },
        other => damaged(path, other.to_string(), None),
    }
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
fn check_format(path: &Path, database: &Database, begun: bool) -> Result<(), OpenError> {
    let failed = |e| from_sled(path, e);
    let unreadable = || damaged(path, "the record of its format is not readable".into(), None);
    let found = match database.db.get(record::own(key::STORE_FORMAT)).map_err(failed)? {
        Some(value) => match value.split_first_chunk::<4>() {
            Some((MAGIC, version)) => version.try_into().map(u32::from_be_bytes).map_err(|_| unreadable())?,
            _ => return Err(unreadable()),
        },
        None if begun => return Err(damaged(path, "the log lost all that was written to it".into(), None)),
        None if database.db.is_empty() && database.db.tree_names().len() == 1 => 0,
        None => return Err(OpenError::Foreign { path: path.to_owned() }),
    };
    match found {
        FORMAT => Ok(()),
        0..FORMAT => write_format(database, found).map_err(|e| from_store(path, e)),
        _ => Err(OpenError::NewerFormat { path: path.to_owned(), found, supported: FORMAT }),
    }
}

/// Makes a store of a database that is empty or of an older format: the format and, where there was no log, the position,
/// both or neither.
fn write_format(database: &Database, found: u32) -> Result<(), StoreError> {
    let mut batch = ::sled::Batch::default();
    batch.insert(record::own(key::STORE_FORMAT), [MAGIC.as_slice(), &FORMAT.to_be_bytes()].concat());
    if found < 2 {
        let (key, value) = Position { group: 0, closed: found == 1 }.record();
        batch.insert(key, value);
    }
    database.db.apply_batch(batch).map_err(StoreError::backend)?;
    database.sync()
}

/// Makes sure that the store survives a power cut, and then marks that it has been in use.
///
/// At each opening, because the one before may have failed here: its mark is then taken for written by the kernel, and may be on no disk.
/// What it was not able to sync of sled's file is remembered beside that.
fn begin(path: &Path, database: &Database, begun: bool, lock: &File) -> Result<(), OpenError> {
    if !begun {
        database.sync().map_err(|e| from_store(path, e))?;
    }
    mark(path, begun, lock).map_err(|e| from_io(path, e))
}

fn mark(path: &Path, begun: bool, mut lock: &File) -> io::Result<()> {
    if !begun {
        File::open(path.join("conf"))?.sync_all()?;
    }
    if let Some(parent) = path.canonicalize()?.parent() {
        directory::sync(parent)?;
    }
    // Over the one that is there.
    let there = if begun { MARK.len() } else { 0 };
    lock.seek(SeekFrom::End(-(there as i64)))?;
    lock.write_all(MARK.as_bytes())?;
    lock.sync_all()
}

/// sled's own threads may hold its lock for a moment longer.
pub(super) fn wait_until_released(data: &File) {
    for _ in 0..200 {
        if data.try_lock().is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(5));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// sled writes them in two parts; whatever is there of them, the store opens.
    #[test]
    fn settings_that_were_written_in_part_are_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        open(path, 1 << 20, false).unwrap().finish().unwrap();
        let settings = path.join("conf");
        let whole = fs::read(&settings).unwrap();
        for length in 0..=whole.len() {
            fs::write(&settings, &whole[..length]).unwrap();
            let aside = length < whole.len();
            open(path, 1 << 20, false).unwrap().finish().unwrap();
            assert_eq!(fs::read(&settings).unwrap(), whole);
            assert_eq!(fs::remove_file(path.join("damaged-conf")).is_ok(), aside, "{length}");
        }
    }
}
