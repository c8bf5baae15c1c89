//! What a store on disk finds in its directory, and what it says.

use std::fs;
use std::path::Path;

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
        OpenError::NewerFormat { found, supported, .. } => assert_eq!((found, supported), (7, 1)),
        other => panic!("{other}"),
    }
    set(b"?");
    assert_eq!(open_error(directory.path()).code(), "WS024");
    set(b"wfst\0\0\0\x01");
    assert_eq!(get(&SledStore::open(directory.path()).unwrap(), "i0").await.as_deref(), Some("1"));
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
