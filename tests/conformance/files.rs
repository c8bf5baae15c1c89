//! What a store on disk finds in its directory, and what it says.

use std::fs;
use std::path::{Path, PathBuf};

use workflow_runtime::store::{OpenError, SledStore, Store};

use crate::backend::{commit, fence, get, put, step};

fn open_error(path: &Path) -> OpenError {
    SledStore::open(path).expect_err("must not open")
}

async fn filled(path: &Path, instances: u64) {
    let store = SledStore::open(path).unwrap();
    let fence = fence(&store).await;
    for n in 0..instances {
        step(&store, fence, &format!("i{n}"), 0).await.unwrap();
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_store_in_use_is_locked_until_it_is_let_go() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let error = open_error(directory.path());
    assert_eq!(error.code(), "WS020");
    assert!(error.to_string().contains(directory.path().to_str().unwrap()), "{error}");
    let own = fence(&store).await;
    step(&store, own, "i", 0).await.unwrap();
    let clone = store.clone();
    drop(store);
    assert_eq!(open_error(directory.path()).code(), "WS020");
    drop(clone);
    let store = SledStore::open(directory.path()).unwrap();
    assert_eq!(get(&store, "i").await.as_deref(), Some("1"));
    store.close().await.unwrap();
    // Closed, though the handle is still there.
    SledStore::open(directory.path()).unwrap();
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 1).await;
    let set = |version: &[u8]| {
        let db = sled::open(directory.path()).unwrap();
        db.insert(b"sformat", version).unwrap();
        db.flush().unwrap();
    };
    set(b"wfst\0\0\0\x07");
    match open_error(directory.path()) {
        OpenError::NewerFormat { found, supported, .. } => assert_eq!((found, supported), (7, SledStore::FORMAT)),
        other => panic!("{other}"),
    }
    set(b"?");
    assert_eq!(open_error(directory.path()).code(), "WS024");
    set(&[b"wfst".as_slice(), &SledStore::FORMAT.to_be_bytes()].concat());
    assert_eq!(get(&SledStore::open(directory.path()).unwrap(), "i0").await.as_deref(), Some("1"));
}

/// The files of a store whose process was killed after `instances` commits, before the database had any of them.
async fn killed(instances: u64) -> tempfile::TempDir {
    let (directory, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (directory.path(), copy.path());
    let store = SledStore::open(from).unwrap();
    for name in ["lock", "conf", "db"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let fence = fence(&store).await;
    for n in 0..instances {
        step(&store, fence, &format!("i{n}"), 0).await.unwrap();
    }
    fs::create_dir(to.join("log")).unwrap();
    for entry in fs::read_dir(from.join("log")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("log").join(entry.file_name())).unwrap();
    }
    copy
}

fn log_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    files
}

#[tokio::test]
async fn what_only_the_log_has_is_there_after_a_kill() {
    let directory = killed(50).await;
    // Twice: the first opening may be killed too.
    for _ in 0..2 {
        let store = SledStore::open(directory.path()).unwrap();
        for n in 0..50 {
            assert_eq!(get(&store, &format!("i{n}")).await.as_deref(), Some("1"), "i{n}");
        }
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_log_is_refused_and_can_be_salvaged() {
    let directory = killed(50).await;
    let file = &log_files(directory.path())[0];
    let mut bytes = fs::read(file).unwrap();
    let place = bytes.windows(3).position(|window| window == b"i30").unwrap();
    bytes[place] ^= 1;
    fs::write(file, &bytes).unwrap();
    for _ in 0..2 {
        let error = open_error(directory.path());
        assert_eq!(error.code(), "WS027");
        assert!(error.to_string().contains("salvage"), "{error}");
        assert_eq!(fs::read(file).unwrap(), bytes, "it is left as it was");
    }
    let store = SledStore::builder(directory.path()).salvage(true).open().unwrap();
    assert_eq!(get(&store, "i29").await.as_deref(), Some("1"));
    assert_eq!(get(&store, "i30").await, None);
    let fence = fence(&store).await;
    step(&store, fence, "i30", 0).await.unwrap();
    store.close().await.unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    assert_eq!(get(&store, "i30").await.as_deref(), Some("1"));
    let aside = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("damaged-");
    assert!(fs::read_dir(directory.path().join("log")).unwrap().any(|entry| aside(entry.unwrap())));
}

#[tokio::test]
async fn a_log_that_is_missing_or_older_is_refused() {
    let directory = killed(50).await;
    let log = directory.path().join("log");
    let saved = fs::read_dir(&log).unwrap().map(|e| e.unwrap().path());
    let saved: Vec<_> = saved.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    fs::remove_dir_all(&log).unwrap();
    assert_eq!(open_error(directory.path()).code(), "WS027");
    fs::create_dir_all(&log).unwrap();
    saved.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    // It lost its end: what was noted as durable is more.
    let file = &log_files(directory.path())[0];
    let bytes = fs::read(file).unwrap();
    let place = bytes.windows(3).position(|window| window == b"i40").unwrap();
    fs::write(file, &bytes[..place]).unwrap();
    assert_eq!(open_error(directory.path()).code(), "WS027");
    fs::write(file, bytes).unwrap();
    SledStore::open(directory.path()).unwrap();
}

#[test]
fn what_is_no_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "text").unwrap();
    assert_eq!(open_error(&file).code(), "WS022");
    assert_eq!(open_error(&file.join("below")).code(), "WS022");
    assert!(fs::read_to_string(&file).unwrap() == "text");
}

#[test]
fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    sled::open(directory.path()).unwrap().insert("theirs", "value").unwrap();
    assert_eq!(open_error(directory.path()).code(), "WS025");
    assert_eq!(&*sled::open(directory.path()).unwrap().get("theirs").unwrap().unwrap(), b"value");
}

#[tokio::test]
async fn an_unfinished_snapshot_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 20).await;
    let unfinished = directory.path().join("snap.00000000000000FF.generating");
    fs::write(&unfinished, "half").unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    assert!(!unfinished.exists());
    assert_eq!(get(&store, "i19").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_damaged_snapshot_is_moved_aside_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 200).await;
    // sled writes a snapshot when it opens what was written since the last.
    SledStore::open(directory.path()).unwrap().close().await.unwrap();
    let snapshots: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."))
        .collect();
    assert!(!snapshots.is_empty());
    for snapshot in &snapshots {
        let mut bytes = fs::read(snapshot).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(snapshot, bytes).unwrap();
    }
    let store = SledStore::open(directory.path()).unwrap();
    for n in 0..200 {
        assert_eq!(get(&store, &format!("i{n}")).await.as_deref(), Some("1"), "i{n}");
    }
    let aside = |name: &str| name.starts_with("damaged-snap.");
    assert!(fs::read_dir(directory.path()).unwrap().any(|e| aside(&e.unwrap().file_name().to_string_lossy())));
}

#[tokio::test]
async fn a_log_that_is_gone_is_not_taken_for_a_new_store() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), 5).await;
    let length = fs::metadata(directory.path().join("db")).unwrap().len();
    fs::write(directory.path().join("db"), vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    let error = open_error(directory.path());
    assert_eq!(error.code(), "WS024");
    assert!(error.to_string().contains("restore a backup"), "{error}");

    fs::remove_file(directory.path().join("db")).unwrap();
    assert_eq!(open_error(directory.path()).code(), "WS024");
}

#[tokio::test]
async fn large_values_stay_out_of_files_that_are_never_synced() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    let fence = fence(&store).await;
    for n in 0..12 {
        let writes = vec![put("i", vec![n as u8; 300_000]), put(vec![n as u8; 2000], vec![9; 4083])];
        store.commit(commit(fence, "i", n, writes)).await.unwrap();
    }
    store.close().await.unwrap();
    let blobs = directory.path().join("blobs");
    assert!(!blobs.exists() || fs::read_dir(blobs).unwrap().next().is_none());
}
