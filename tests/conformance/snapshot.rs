//! Snapshots of a store that is written to, and what is made of them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use workflow_runtime::store::{SledStore, Store};

use crate::backend::{commit, fence, get, put, step};

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_one_moment_of_a_store_that_is_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path().join("live")).unwrap();
    let own = fence(&store).await;
    let large = vec![7; 50_000];
    store.commit(commit(own, "large", 0, vec![put("large", &large)])).await.unwrap();
    // Both records of a commit say the same, and the commits of one instance come one after the other.
    let write = |n: u64| commit(own, "i", n, vec![put("i", (n + 1).to_string()), put("twin", (n + 1).to_string())]);
    let (before, after) = (50, 150);
    for n in 0..before {
        store.commit(write(n)).await.unwrap();
    }
    let path = directory.path().join("snapshot");
    let taking = tokio::spawn({
        let (store, path) = (store.clone(), path.clone());
        async move { store.snapshot(path).await }
    });
    for n in before..after {
        store.commit(write(n)).await.unwrap();
    }
    let taken = taking.await.unwrap().unwrap();
    assert_eq!(taken.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(store.snapshot(&path).await.unwrap_err().code(), "WS040");
    store.close().await.unwrap();
    assert_eq!(store.snapshot(directory.path().join("late")).await.unwrap_err().code(), "WS006");

    let restored = directory.path().join("restored");
    assert_eq!(SledStore::restore(&path, &restored).unwrap(), taken);
    assert_eq!(SledStore::restore(&path, &restored).unwrap_err().code(), "WS040");
    let store = SledStore::open(&restored).unwrap();
    let found = get(&store, "i").await.unwrap();
    assert_eq!(get(&store, "twin").await.as_ref(), Some(&found));
    let steps: u64 = found.parse().unwrap();
    assert!((before..=after).contains(&steps), "{steps}");
    assert_eq!(store.get(b"large").await.unwrap(), Some(large));
    // Fences go on, and so does the instance.
    let new = fence(&store).await;
    assert!(new.token > own.token);
    step(&store, new, "i", steps).await.unwrap();
    store.close().await.unwrap();
    let store = SledStore::open(&restored).unwrap();
    assert_eq!(get(&store, "i").await, Some((steps + 1).to_string()));
}

/// Under a load that never pauses there is always something that the database does not have yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_does_not_wait_for_a_pause() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path().join("live")).unwrap();
    let own = fence(&store).await;
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (store, over) = (store.clone(), over.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while !over.load(Ordering::Relaxed) {
                    step(&store, own, &format!("i{writer}"), n).await.unwrap();
                    n += 1;
                }
            })
        })
        .collect();
    for n in 0..3 {
        store.snapshot(directory.path().join(format!("{n}"))).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_whole_snapshot_is_not_restored() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path().join("live")).unwrap();
    let own = fence(&store).await;
    for n in 0..20 {
        step(&store, own, &format!("i{n}"), 0).await.unwrap();
    }
    let path = directory.path().join("snapshot");
    store.snapshot(&path).await.unwrap();
    let bytes = fs::read(&path).unwrap();
    let (damaged, restored) = (directory.path().join("damaged"), directory.path().join("restored"));
    let mut tried = 0;
    for at in (0..bytes.len()).step_by(17) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        for damage in [flipped, bytes[..at].to_vec()] {
            fs::write(&damaged, damage).unwrap();
            let error = SledStore::restore(&damaged, &restored).unwrap_err();
            assert!(["WS042", "WS043"].contains(&error.code()), "byte {at}: {error}");
            assert!(!restored.exists());
            assert_eq!(
                fs::read_dir(directory.path()).unwrap().count(),
                3,
                "nothing half is left: the store and two snapshots"
            );
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    // Nor is what a process has left that died meanwhile.
    fs::create_dir(directory.path().join("restored.unfinished")).unwrap();
    SledStore::restore(&path, &restored).unwrap();
    assert_eq!(get(&SledStore::open(&restored).unwrap(), "i19").await.as_deref(), Some("1"));
}
