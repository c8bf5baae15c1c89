//! sled behind the log, and what sled 0.34.7 does not do by itself: syncing, waking who waits for a write that has failed,
//! and being let go of without a panic.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::applier::Position;
use super::blocks::Applied;
use super::chunks;
use super::recovery;
use super::table::Table;
use super::view::guarded;
use crate::store::StoreError;

/// There is a file of this name as long as a failed sync has not been made up for.
const UNSYNCED: &str = "unsynced";
/// How long somebody may wait for a write that has failed.
const WATCH: Duration = Duration::from_millis(500);

/// The database, for the one thread that writes to it.
pub(super) struct Database {
    /// Ends before the database is let go of.
    watch: Watch,
    pub(super) db: ::sled::Db,
    /// sled's data file: its own `flush` does not sync it. It is told of every sync that fails, whoever asked for it.
    data: File,
    path: PathBuf,
}

impl Database {
    pub(super) fn new(path: &Path, db: ::sled::Db) -> io::Result<Self> {
        let data = File::open(path.join("db"))?;
        Ok(Self { watch: Watch::new(db.clone())?, db, data, path: path.to_owned() })
    }

    /// Writes records. They are written one by one: the log makes them atomic, and a batch of sled would keep readers waiting.
    pub(super) fn apply(&self, table: &Table) -> Result<Applied, StoreError> {
        chunks::apply(&self.db, table)
    }

    /// sled's flush hands the pages to the kernel; only the second call makes them survive a power cut.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let flushed = self.db.flush().map_err(StoreError::backend);
        // Also after a flush that has failed: what the kernel could not write must be noted.
        let synced = sync_or_mark(&self.data, &self.path).map_err(StoreError::backend);
        flushed.map(drop).and(synced)
    }

    /// Returns when another one can open it.
    ///
    /// # Errors
    ///
    /// Of what sled moves within its file when it is let go of. The next opening makes up for it.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let Self { watch, db, data, path } = self;
        drop(watch);
        // sled syncs its file then, and panics if that fails.
        let let_go = guarded(|| {
            drop(db);
            Ok(())
        });
        if let_go.is_err() {
            mark(&path);
        }
        // Another thread of sled may have been told of a failed sync, and not have said so.
        let synced = sync_or_mark(&data, &path).map_err(StoreError::backend);
        recovery::wait_until_released(&data);
        let_go.and(synced)
    }

    pub(super) fn note(&self, position: Position) -> Result<(), StoreError> {
        let (key, value) = position.record();
        self.db.insert(key, value).map(drop).map_err(StoreError::backend)
    }
}

fn sync_or_mark(data: &File, path: &Path) -> io::Result<()> {
    data.sync_data().inspect_err(|_| mark(path))
}

/// Remembers that a sync has failed. For as long as the kernel may hold, as if they were written, pages that are not on the disk: that
/// is until the machine starts again, and so is the mark, which is not synced.
fn mark(path: &Path) {
    if let Err(error) = File::create(path.join(UNSYNCED)) {
        tracing::error!(%error, "a failed sync of the database is not noted; restart the machine before the store is opened again");
    }
}

/// Makes up for a sync that has failed: the kernel then takes for written what it was not able to write, so a second sync
/// does nothing. All of the file is written again.
pub(super) fn make_up_for_failed_sync(path: &Path) -> io::Result<()> {
    let mark = path.join(UNSYNCED);
    if !mark.exists() {
        return Ok(());
    }
    tracing::warn!(?path, "a sync of the database has failed; all of its file is written again");
    match OpenOptions::new().read(true).write(true).open(path.join("db")) {
        Ok(file) => write_again(file)?,
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    fs::remove_file(mark)
}

fn write_again(mut file: File) -> io::Result<()> {
    let (mut block, mut offset) = (vec![0; 1 << 20], 0);
    loop {
        file.seek(SeekFrom::Start(offset))?;
        let n = file.read(&mut block)?;
        if n == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&block[..n])?;
        offset += n as u64;
    }
}

/// Wakes whoever waits for a write of sled that has failed.
///
/// When one of sled's own threads cannot write a buffer that was sealed while somebody was writing into it, it remembers the
/// error and wakes nobody: a flush that waits for the buffer would wait for ever. A second flush finds the error, and
/// wakes the first.
struct Watch {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn new(db: ::sled::Db) -> io::Result<Self> {
        let (end, ended) = channel::<()>();
        let run = move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(WATCH) {
                if db.context.global_error().is_err() {
                    // It fails with the same error.
                    let _ = db.flush();
                }
            }
        };
        let thread = std::thread::Builder::new().name("workflow-watch".into()).spawn(run)?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that watches the database panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_synced_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        // Not a whole number of blocks.
        let bytes: Vec<u8> = (0..2_500_001_u32).map(|n| n as u8).collect();
        fs::write(path.join("db"), &bytes).unwrap();
        mark(path);
        make_up_for_failed_sync(path).unwrap();
        assert_eq!(fs::read(path.join("db")).unwrap(), bytes);
        assert!(!path.join(UNSYNCED).exists());
        make_up_for_failed_sync(path).unwrap();
    }
}
