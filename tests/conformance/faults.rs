//! Stores that die on command.

use std::sync::Arc;

use workflow_runtime::prelude::*;
use workflow_runtime::store::{Fault, FaultStore, MemoryStore, Store, StoreError};
use workflow_runtime::testing::TestEngine;

use crate::backend::{Backend, Memory, Sled, at_once, commit, fence, get, put, step};

async fn dies_before_or_after<B: Backend>() {
    for (fault, kept) in [(Fault::CrashBefore, "2"), (Fault::CrashAfter, "3")] {
        let backend = B::fresh();
        let store = FaultStore::new(backend.store().clone());
        store.on_commit(Arc::new(move |n| if n == 2 { fault } else { Fault::None }));
        let old = fence(&store).await;
        step(&store, old, "i", 0).await.unwrap();
        step(&store, old, "i", 1).await.unwrap();
        let clone = store.clone();
        let error = step(&store, old, "i", 2).await.unwrap_err();
        assert_eq!((error.code(), error.is_fatal()), ("WS002", true));
        assert!(clone.is_dead());
        assert_eq!(step(&clone, old, "i", 3).await.unwrap_err().code(), "WS003");
        assert_eq!(clone.get(b"i").await.unwrap_err().code(), "WS003");
        assert!(clone.renew(old).await.is_err() && clone.acquire_all("").await.is_err());

        let next = store.reopen();
        assert_eq!(get(&next, "i").await.as_deref(), Some(kept));
        let new = fence(&next).await;
        step(&next, new, "i", kept.parse().unwrap()).await.unwrap();
        assert_eq!(next.commits(), 4);
    }
}

/// A sweep: crash at every commit, go on in the next process, and nothing is lost or done twice.
async fn a_sweep_reaches_the_same_end<B: Backend>() {
    for crash_at in 0..6 {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let backend = B::fresh();
            let mut store = FaultStore::new(backend.store().clone());
            store.on_commit(Arc::new(move |n| if n == crash_at { fault } else { Fault::None }));
            let mut own = fence(&store).await;
            let mut done = 0;
            while done < 6 {
                match step(&store, own, "i", done).await {
                    Ok(()) => done += 1,
                    Err(error) => {
                        assert!(error.is_fatal());
                        store = store.reopen();
                        own = fence(&store).await;
                        done = get(&store, "i").await.map_or(0, |value| value.parse().unwrap());
                    }
                }
            }
            assert_eq!(get(&store, "i").await.as_deref(), Some("6"));
        }
    }
}

async fn what_is_in_flight_at_the_death_is_not_acknowledged<B: Backend>() {
    let backend = B::fresh();
    let store = FaultStore::new(backend.store().clone());
    store.on_commit(Arc::new(|n| if n == 5 { Fault::CrashAfter } else { Fault::None }));
    let own = fence(&store).await;
    let commits = (0..10).map(|n| format!("i{n}")).map(|id| commit(own, &id, 0, vec![put(&id, "v")])).collect();
    let results = at_once(&store, commits).await;
    let next = store.reopen();
    for (n, result) in results.iter().enumerate() {
        let stored = get(&next, &format!("i{n}")).await.is_some();
        assert!(result.is_err() || stored, "commit {n} was acknowledged and is lost");
    }
    assert!(results[5..].iter().all(Result::is_err));
}

#[tokio::test]
async fn memory_dies_before_or_after() {
    dies_before_or_after::<Memory>().await;
}

#[tokio::test]
async fn sled_dies_before_or_after() {
    dies_before_or_after::<Sled>().await;
}

#[tokio::test]
async fn memory_sweep() {
    a_sweep_reaches_the_same_end::<Memory>().await;
}

#[tokio::test]
async fn sled_sweep() {
    a_sweep_reaches_the_same_end::<Sled>().await;
}

#[tokio::test]
async fn memory_in_flight() {
    what_is_in_flight_at_the_death_is_not_acknowledged::<Memory>().await;
}

#[tokio::test]
async fn sled_in_flight() {
    what_is_in_flight_at_the_death_is_not_acknowledged::<Sled>().await;
}

#[activity]
async fn next(n: u32) -> Result<u32, WorkflowError> {
    Ok(n + 1)
}

#[workflow]
async fn climb(floors: u32) -> Result<u32, WorkflowError> {
    let mut floor = 0;
    while floor < floors {
        floor = next(floor).await?;
    }
    Ok(floor)
}

/// Whenever the disk is full for a while, the instance stops there and goes on when there is room.
#[tokio::test]
async fn a_full_disk_holds_an_instance_up_and_loses_nothing() {
    for from in 1..5 {
        for commits in [1, 3] {
            let store = FaultStore::new(MemoryStore::new());
            store.on_commit(Arc::new(
                move |n| if (from..from + commits).contains(&n) { Fault::Full } else { Fault::None },
            ));
            let engine = TestEngine::builder().store(store.clone()).build().await.unwrap();
            let run = engine.start("i", climb(5)).await.unwrap();
            // Who waits is told what holds the instance up, and may wait again.
            let result = loop {
                match run.result().await {
                    Err(e) if e.code() == "WE012" => {}
                    other => break other,
                }
            };
            assert_eq!(result.unwrap(), 5, "from {from}");
            assert!(store.commits() > from + commits && !store.is_dead());
        }
    }
}

/// Who asks is told, and may ask again.
#[tokio::test]
async fn a_start_that_finds_no_room_is_refused_and_can_be_repeated() {
    let store = FaultStore::new(MemoryStore::new());
    store.on_commit(Arc::new(|n| if n == 0 { Fault::Full } else { Fault::None }));
    let engine = TestEngine::builder().store(store).build().await.unwrap();
    let error = engine.start("i", climb(2)).await.unwrap_err();
    assert_eq!(error.code(), "WE012");
    let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    assert!(causes.any(|cause| cause.to_string().contains("WS011")), "{error:?}");
    assert!(!StoreError::Full { source: Arc::new(std::io::Error::other("full")) }.is_fatal());
    assert_eq!(engine.start("i", climb(2)).await.unwrap().result().await.unwrap(), 2);
}
