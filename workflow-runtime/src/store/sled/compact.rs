//! A database written anew, without what it does not use any more: sled keeps its file as large as it has ever been.
//!
//! The new store is built in a directory within the old one. A file in it says how far the exchange has come, so that a crash at any
//! moment leaves either the old store, or one that the next opening finishes:
//!
//! ```text
//! compacted/            being built; the next opening removes it
//! compacted/complete    all of it is there and synced: the logs and caches of the old one are removed
//! compacted/moving      they are: what is in it takes the place of the old
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::Database;
use super::recovery::{self, Opened};
use super::snapshot::SnapshotError;
use super::view::guarded;
use crate::directory;
use crate::journal::key;
use crate::store::{StoreError, footprint, record};

const DIRECTORY: &str = "compacted";
const COMPLETE: &str = "complete";
const MOVING: &str = "moving";

/// What a compaction has made of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Compacted {
    /// How many records the database has: small ones lie together in one.
    pub records: u64,
    /// Bytes of all files before.
    pub before: u64,
    /// Bytes of all files afterwards.
    pub after: u64,
}

fn from_io(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Io { path: path.to_owned(), source: Arc::new(source) }
}

fn bytes(path: &Path) -> Result<u64, SnapshotError> {
    let mut all = 0;
    footprint::files(path, &mut |_, bytes| all += bytes).map_err(|e| from_io(path, e))?;
    Ok(all)
}

/// Compacts the store in `path`, which nobody has open.
pub(super) fn compact(path: &Path) -> Result<Compacted, SnapshotError> {
    if !path.join("db").exists() {
        return Err(from_io(path, ErrorKind::NotFound.into()));
    }
    let failed = |e| from_io(path, e);
    let opened = |e| SnapshotError::Open(Arc::new(e));
    let before = bytes(path)?;
    let mut old = recovery::open(path, 64 << 20, false).map_err(opened)?;
    let built = guarded(|| {
        old.catch_up()?;
        Ok(build(&old.database, path))
    });
    let Opened { database, lock, wal, .. } = old;
    drop(wal);
    let closed = database.close();
    let records = built??;
    closed?;
    fs::write(path.join(DIRECTORY).join(COMPLETE), []).map_err(failed)?;
    directory::sync(&path.join(DIRECTORY)).map_err(failed)?;
    finish(path).map_err(failed)?;
    drop(lock);
    Ok(Compacted { records, before, after: bytes(path)? })
}

/// Writes all records of `old` to a new store within its directory.
fn build(old: &Database, path: &Path) -> Result<u64, SnapshotError> {
    let directory = path.join(DIRECTORY);
    match fs::remove_dir_all(&directory) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(from_io(&directory, e)),
        _ => {}
    }
    let new = recovery::open(&directory, 64 << 20, false).map_err(|e| SnapshotError::Open(Arc::new(e)))?;
    let copied = guarded(|| copy_records(&old.db, &new.database.db));
    let finished = new.finish();
    let records = copied?;
    finished?;
    Ok(records)
}

/// All records, as they are, whatever they hold.
fn copy_records(old: &::sled::Db, new: &::sled::Db) -> Result<u64, StoreError> {
    // What says how a store is to be opened is the new store's own.
    let own = [record::own(key::STORE_FORMAT), record::own(key::STORE_LOG)];
    let mut records = 0;
    for row in old.iter() {
        let (key, value) = row.map_err(StoreError::backend)?;
        if !own.iter().any(|own| own.as_slice() == key.as_ref()) {
            new.insert(key, value).map_err(StoreError::backend)?;
            records += 1;
        }
    }
    Ok(records)
}

/// One change of the directory.
#[derive(Debug)]
enum Step {
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    Sync(PathBuf),
}

impl Step {
    fn take(&self) -> io::Result<()> {
        match self {
            Self::Remove(path) if path.is_dir() => fs::remove_dir_all(path),
            Self::Remove(path) => fs::remove_file(path),
            Self::Rename(from, to) => fs::rename(from, to),
            Self::Sync(path) => directory::sync(path),
        }
    }
}

/// Finishes a compaction that a crash has interrupted, if there is one. The caller holds the lock.
pub(super) fn finish(path: &Path) -> io::Result<()> {
    for step in steps(path)? {
        step.take()?;
    }
    Ok(())
}

/// What is left to do, in order.
fn steps(path: &Path) -> io::Result<Vec<Step>> {
    let new = path.join(DIRECTORY);
    let (complete, moving) = (new.join(COMPLETE), new.join(MOVING));
    let mut steps = vec![];
    if complete.exists() {
        // The new store has all of it.
        for entry in fs::read_dir(path)? {
            let entry = entry?.path();
            if entry.starts_with(recovery::log(path)) || recovery::is_of_database(path, &entry) {
                steps.push(Step::Remove(entry));
            }
        }
        steps.push(Step::Sync(path.to_owned()));
        steps.push(Step::Rename(complete, moving.clone()));
        steps.push(Step::Sync(new.clone()));
    } else if !moving.exists() {
        // One that was never finished, or an empty directory behind one that was.
        steps.extend(new.exists().then_some(Step::Remove(new)));
        return Ok(steps);
    }
    for entry in fs::read_dir(&new)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != "lock" && name != COMPLETE && name != MOVING {
            steps.push(Step::Rename(entry.path(), path.join(name)));
        }
    }
    steps.push(Step::Sync(path.to_owned()));
    steps.push(Step::Remove(moving));
    steps.push(Step::Remove(new));
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Commit, Fence, Revision, SledStore, Store, Write};

    fn put(fence: Fence, n: u32, based_on: u64) -> Commit {
        let key = format!("key {n}").into_bytes();
        let value = n.to_string().repeat(2_000).into_bytes();
        let write = Write::Put { key: key.clone(), value };
        Commit {
            fence,
            instance: key,
            based_on: Revision(based_on),
            revision: Revision(based_on + 1),
            writes: vec![write],
        }
    }

    async fn filled(path: &Path, records: u32) -> Fence {
        let store = SledStore::open(path).unwrap();
        let fence = store.acquire_all("test").await.unwrap()[0];
        for n in 0..records {
            store.commit(put(fence, n, 0)).await.unwrap();
        }
        store.close().await.unwrap();
        fence
    }

    async fn check(path: &Path, records: u32, before: Fence) {
        let store = SledStore::open(path).unwrap();
        for n in 0..records {
            let (revision, value) = store.get_with_revision(format!("key {n}").as_bytes()).await.unwrap().unwrap();
            assert_eq!((revision, value), (Revision(1), n.to_string().repeat(2_000).into_bytes()));
        }
        let fence = store.acquire_all("test").await.unwrap()[0];
        assert!(fence.token > before.token);
        store.commit(put(fence, 0, 1)).await.unwrap();
        assert!(!path.join(DIRECTORY).exists());
        store.close().await.unwrap();
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            match entry.metadata().unwrap().is_dir() {
                true => copy(&entry.path(), &to.join(entry.file_name())),
                false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
            }
        }
    }

    /// The exchange stops behind each of its steps, and the next opening goes on with it.
    #[tokio::test]
    async fn an_exchange_that_stops_anywhere_is_finished_by_the_next_opening() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("base");
        let fence = filled(&base, 20).await;
        {
            let Opened { database, lock, wal, .. } = recovery::open(&base, 1 << 20, false).unwrap();
            drop(wal);
            // One that was never finished is in nobody's way.
            build(&database, &base).unwrap();
            let half = directory.path().join("half");
            database.close().unwrap();
            drop(lock);
            copy(&base, &half);
            let store = SledStore::open(&half).unwrap();
            assert!(store.get(b"key 19").await.unwrap().is_some());
            store.close().await.unwrap();
            compact(&half).unwrap();
            check(&half, 20, fence).await;
        }
        fs::write(base.join(DIRECTORY).join(COMPLETE), []).unwrap();
        let all = steps(&base).unwrap().len();
        for stops in 0..=all {
            let path = directory.path().join(format!("{stops}"));
            copy(&base, &path);
            for step in steps(&path).unwrap().iter().take(stops) {
                step.take().unwrap();
            }
            check(&path, 20, fence).await;
        }
        println!("{} interruptions", all + 1);
    }

    #[tokio::test]
    async fn what_was_removed_gives_its_room_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let (records, kept) = (600, 40);
        let fence = filled(&path, records).await;
        let store = SledStore::open(&path).unwrap();
        for n in kept..records {
            let mut commit = put(fence, n, 1);
            commit.writes = vec![Write::Delete { key: commit.instance.clone() }];
            store.commit(commit).await.unwrap();
        }
        assert!(matches!(compact(&path), Err(SnapshotError::Open(_))), "it is open");
        store.close().await.unwrap();
        let Compacted { before, after, .. } = compact(&path).unwrap();
        println!("{before} bytes before, {after} after");
        assert!(after * 2 < before, "{before} bytes before, {after} after");
        check(&path, kept, fence).await;
        assert!(matches!(compact(&directory.path().join("none")), Err(SnapshotError::Io { .. })));
    }
}
