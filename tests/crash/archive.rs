//! What retention removes is in the archive before, whatever happens in between.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use workflow_runtime::{
    archive::Archive,
    engine::{Filter, Status, verify},
    journal::{
        history::Entry,
        id::{Namespace, RunId, WorkflowId},
        key::{InstanceKeys, Kind},
    },
    prelude::*,
    registry::Registry,
    store::{Fault, FaultStore, MemoryStore},
    testing::TestEngine,
};

/// More entries than one commit removes.
const STEPS: u32 = 600;

#[workflow]
pub(crate) async fn kept_ledger(steps: u32, runs: u32) -> Result<u32, Cancelled> {
    for n in 0..steps {
        set_status(&n);
        sleep(seconds(1)).await?;
    }
    if runs > 1 {
        continue_as_new!(3, runs - 1);
    }
    Ok(steps)
}

/// A store, and whether its process dies: before a commit, and the next time behind it.
pub(crate) fn dying() -> (FaultStore<MemoryStore>, Arc<AtomicBool>) {
    let store = FaultStore::new(MemoryStore::new());
    let (dies, commits) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    store.on_commit(Arc::new({
        let dies = dies.clone();
        move |_| match dies.load(Ordering::SeqCst) {
            false => Fault::None,
            true if commits.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => Fault::CrashBefore,
            true => Fault::CrashAfter,
        }
    }));
    (store, dies)
}

/// Every commit of the removal is made twice.
#[tokio::test]
async fn a_run_is_archived_whole_at_every_death_of_its_removal() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("archive");
    let (store, dies) = dying();
    let builder = TestEngine::builder().manual().store(store.clone()).configure({
        let to = to.clone();
        move |engine| engine.archive(to).retention(days(7)).seed(7)
    });
    let mut engine = builder.clone().build().await.unwrap();
    let run = engine.start("a", kept_ledger(STEPS, 3)).tag("kind", "long").await.unwrap();
    let first = run.run_id().unwrap();
    engine.advance(hours(1)).await;
    assert_eq!(engine.run(kept_ledger, "a").result().await.unwrap(), 3);
    let mut histories: BTreeMap<RunId, Vec<Entry>> = BTreeMap::new();
    let mut next = Some(first);
    while let Some(run) = next {
        let handle = engine.run(kept_ledger, "a").of_run(run);
        histories.insert(run, handle.history().await.unwrap());
        next = handle.status().await.unwrap().next_run_id;
    }
    assert_eq!(histories.len(), 3);

    dies.store(true, Ordering::SeqCst);
    let mut deaths = 0;
    let clock = engine.clock().clone();
    let mut present = store;
    engine.advance(days(8)).await;
    while present.is_dead() {
        deaths += 1;
        engine.kill();
        present = present.reopen();
        engine = builder.clone().store(present.clone()).clock(&clock).build().await.unwrap();
        engine.run_until_idle().await;
    }
    assert_eq!(engine.count(&Filter::all()).await.unwrap(), 0);
    let left = engine.census().await.unwrap();
    assert!(left.kinds.keys().all(|kind| kind == "Definition"), "{left:?}");
    assert_eq!(left.of(Kind::History).records, 0);
    assert!(deaths >= 8 && deaths % 2 == 0, "{deaths}");

    let archive = Archive::open(&to).unwrap();
    assert_eq!(archive.damage().len(), 0);
    assert_eq!(archive.runs().len(), 3);
    for (run, history) in &histories {
        let read: Vec<_> = archive.history(*run).unwrap().map(Result::unwrap).collect::<Vec<_>>().concat();
        assert!(read == *history, "{run}: {} entries of {}", read.len(), history.len());
        let archived = archive.run(*run).unwrap();
        assert_eq!(archived.tags["kind"], "long");
        let verified = verify(&archive.recorded(*run).unwrap(), &Registry::linked().unwrap()).unwrap();
        assert_eq!(verified.steps, archived.steps);
    }
    let newest = archive.newest("a").unwrap();
    assert_eq!((newest.status, newest.entries), (Status::Completed, histories[&newest.run_id].len() as u64));
    assert_eq!(archive.run(newest.run_id).unwrap().outcome.unwrap().decode::<u32>().unwrap(), 3);
    println!("{deaths} deaths");
}

#[tokio::test]
async fn a_damaged_entry_takes_no_other_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let (to, store) = (directory.path().join("archive"), MemoryStore::new());
    let configured = |engine: workflow_runtime::engine::EngineBuilder| engine.archive(&to).retention(days(7));
    let engine = TestEngine::builder().manual().store(store.reopen()).configure(configured).build().await.unwrap();
    let run = engine.start("a", kept_ledger(300, 1)).await.unwrap();
    engine.advance(hours(1)).await;
    let (history, run) = (run.history().await.unwrap(), run.run_id().unwrap());
    let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new("a").unwrap());
    for damaged in [100, 101, 250] {
        assert!(store.damage(&keys.history(run, damaged)));
    }
    engine.advance(days(8)).await;
    let left = engine.census().await.unwrap();
    assert!(left.kinds.keys().all(|kind| kind == "Definition"), "{left:?}");

    let archive = Archive::open(&to).unwrap();
    let archived = archive.run(run).unwrap();
    assert_eq!((archived.damaged_entries, archived.summary.entries), (3, history.len() as u64 - 3));
    let read: Vec<_> = archive.history(run).unwrap().map(Result::unwrap).collect::<Vec<_>>().concat();
    let whole = history.into_iter().filter(|entry| ![100, 101, 250].contains(&entry.seq));
    assert!(read.into_iter().eq(whole));
}

#[tokio::test]
async fn what_cannot_be_archived_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("archive");
    let configured = |engine: workflow_runtime::engine::EngineBuilder| engine.archive(&to).retention(hours(1));
    let engine = TestEngine::builder().manual().configure(configured).build().await.unwrap();
    engine.start("a", kept_ledger(3, 1)).await.unwrap();
    engine.advance(minutes(1)).await;
    // Where the archive was there is something else now.
    fs::remove_dir_all(&to).unwrap();
    fs::write(&to, "in the way").unwrap();
    engine.advance(hours(2)).await;
    assert_eq!(engine.run(kept_ledger, "a").status().await.unwrap().state, Status::Completed);
    assert_eq!(engine.start("b", kept_ledger(1, 1)).await.unwrap().id(), "b");
    fs::remove_file(&to).unwrap();
    fs::create_dir(&to).unwrap();
    engine.advance(minutes(2)).await;
    assert_eq!(engine.run(kept_ledger, "a").status().await.unwrap_err().code(), "WE050");
    assert!(Archive::open(&to).unwrap().newest("a").is_some());
}
