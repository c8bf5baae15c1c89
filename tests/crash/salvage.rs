//! Damaged checkpoints that are made anew when somebody asks, and what is refused because it would be a guess.

use crate::{
    damage::{Test, WORD, boss, clerk, damaged_clerk, delivery, doze, keys, open, shift, trainee},
    groups, new, upgrade,
};
use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};
use workflow_runtime::{
    engine::{RebuildError, Status},
    journal::{
        history::{Entry, Event},
        key::{InstanceKeys, Key, Kind},
    },
    prelude::*,
    store::{Commit, MemoryStore, Revision, ShardId, SledStore, Store, Write},
    testing::{TestClock, TestEngine},
};

/// All records of a kind of an instance.
async fn records(store: &MemoryStore, keys: &InstanceKeys, kind: Kind) -> Vec<Vec<u8>> {
    let (from, to) = keys.all(kind);
    store.reopen().scan(&from, &to, 1_000).await.unwrap().into_iter().map(|(key, _)| key).collect()
}

fn rebuilt(history: &[Entry]) -> Vec<Option<u64>> {
    let from = |event: &Event| match event {
        Event::Rebuilt { from } => Some(*from),
        _ => None,
    };
    history.iter().flat_map(|entry| entry.events.iter().filter_map(from)).collect()
}

#[tokio::test]
async fn who_waits_for_a_damaged_child_and_what_it_waits_for_are_known() -> Test {
    for padding in [10, 20_000] {
        let (store, clock) = damaged_clerk(padding).await;
        let engine = open(&store, &clock, 0).await;
        let census = engine.census().await?;
        assert_eq!((census.damaged, census.damaged_checkpoints), (1, vec!["clerk".to_owned()]));
        let run = engine.run(clerk, "clerk");
        for error in [run.status().await.unwrap_err().to_string(), run.retry().await.unwrap_err().to_string()] {
            assert!(
                error.starts_with("WE092") && error.contains("`rebuild`") && error.contains("`terminate`"),
                "{error}"
            );
        }
        run.rebuild().await?;
        let status = run.status().await?;
        assert_eq!((status.state, &*status.tags["floor"], status.children.len()), (Status::Running, "3", 1));
        assert!(matches!(run.rebuild().await, Err(RebuildError::NotDamaged { .. })));
        assert_eq!(rebuilt(&run.history().await?), [Some(0)]);
        run.verify().await?;
        run.signal(&WORD, "hello".into()).await?;
        engine.advance(days(1)).await;
        assert_eq!(engine.run(boss, "boss").result().await?, format!("hello {padding}"));
        assert_eq!(engine.run(trainee, "trainee").status().await?.state, Status::Cancelled);
    }
    Ok(())
}

/// On the disk, where the log of the store has the commits, too.
#[tokio::test]
async fn a_checkpoint_on_the_disk_is_written_over_and_stays_as_it_was_made() -> Test {
    let (dir, clock) = (tempfile::tempdir()?, TestClock::manual());
    let builder = || {
        let store = SledStore::open(dir.path()).unwrap();
        TestEngine::builder().store(store).clock(&clock).configure(|e| e.only(["clerk", "trainee"]))
    };
    for opening in 0..4 {
        let engine = builder().build().await?;
        let run = match opening {
            0 => engine.start("clerk", clerk(20_000)).await?,
            _ => engine.run(clerk, "clerk"),
        };
        match opening {
            1 | 2 => run.rebuild().await?,
            3 => {
                run.signal(&WORD, "hello".into()).await?;
                engine.advance(days(1)).await;
                assert_eq!(run.result().await?, "hello 20000");
                assert_eq!(rebuilt(&run.history().await?), [Some(0), Some(0)]);
            }
            _ => {}
        }
        engine.shutdown().await;
        if opening < 2 {
            let db = sled::open(dir.path())?;
            let key = [b"r", &keys("clerk").frame()[..]].concat();
            let mut raw = db.get(&key)?.ok_or("a checkpoint")?.to_vec();
            *raw.last_mut().ok_or("a byte")? ^= 0x40;
            db.insert(key, raw)?;
            db.flush()?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_parent_comes_first() -> Test {
    let (store, clock) = damaged_clerk(10).await;
    assert!(store.damage(&keys("boss").frame()));
    let engine = open(&store, &clock, 0).await;
    let early = engine.run(clerk, "clerk").rebuild().await.unwrap_err();
    assert!(matches!(&early, RebuildError::After { other, .. } if other == "boss"), "{early}");
    engine.run(boss, "boss").rebuild().await?;
    engine.run(clerk, "clerk").rebuild().await?;
    engine.run(clerk, "clerk").signal(&WORD, "hello".into()).await?;
    engine.advance(days(1)).await;
    assert_eq!(engine.run(boss, "boss").result().await?, "hello 10");
    Ok(())
}

/// The attempt under way goes on, and what it gives is taken, though its end came while nobody could be told.
#[tokio::test]
async fn what_runs_under_the_engine_goes_on() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let builder = TestEngine::builder().store(store.reopen()).clock(&clock).state(gate.clone());
    let engine = builder.configure(|e| e.only(["run_about", "delivery", "trainee"])).build().await?;
    let run = engine.start("d", delivery(7)).await?;
    let other = engine.start("t", trainee()).await?;
    // Found by who is still in memory: nothing has to be taken again.
    assert!(store.damage(&keys("t").frame()));
    other.rebuild().await?;
    assert_eq!(rebuilt(&other.history().await?), [None]);
    other.signal(&WORD, "hello".into()).await?;
    other.result().await?;

    assert!(store.damage(&keys("d").frame()));
    assert_eq!(run.cancel("x").await.unwrap_err().code(), "WE092");
    gate.add_permits(1);
    engine.run_until_idle().await;
    run.rebuild().await?;
    assert_eq!(run.result().await?, 7);
    let history = run.history().await?;
    let again = |e: &Event| matches!(e, Event::Lost { .. } | Event::AttemptFailed { .. });
    assert!(!history.iter().flat_map(|entry| &entry.events).any(again), "{history:#?}");
    Ok(())
}

#[tokio::test]
async fn what_had_ended_has_its_result_again() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    let run = engine.start("d", doze(7)).retention(days(3)).await?;
    engine.advance(hours(1)).await;
    let before = run.status().await?;
    engine.kill();
    assert!(store.damage(&keys("d").frame()));
    let engine = open(&store, &clock, 0).await;
    let run = engine.run(doze, "d");
    run.rebuild().await?;
    assert_eq!((run.status().await?.closed, run.result().await?), (before.closed, 7));
    engine.advance(days(4)).await;
    assert_eq!(run.status().await.unwrap_err().code(), "WE050");
    Ok(())
}

#[tokio::test]
async fn of_many_runs_the_newest_goes_on() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    engine.start("s", shift(5)).await?;
    engine.run_until_idle().await;
    let before = engine.run(shift, "s").status().await?;
    engine.kill();
    assert!(store.damage(&keys("s").frame()));
    let engine = open(&store, &clock, 0).await;
    let run = engine.run(shift, "s");
    run.rebuild().await?;
    let after = run.status().await?;
    assert_eq!((after.run_id, after.first_run_id, after.steps), (before.run_id, before.first_run_id, before.steps));
    // The runs before it are removed in their time.
    assert_eq!(engine.census().await?.of(Kind::Ended).records, 5);
    engine.advance(days(31)).await;
    assert_eq!(engine.census().await?.of(Kind::Ended).records, 0);
    run.signal(&WORD, "go".into()).await?;
    run.result().await?;
    Ok(())
}

/// A local that is a record of its own is a part of the checkpoint.
#[tokio::test]
async fn a_damaged_local_is_made_anew() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    engine.start("clerk", clerk(20_000)).await?;
    engine.run_until_idle().await;
    engine.kill();
    let slots = records(&store, &keys("clerk"), Kind::Slot).await;
    assert!(slots.len() == 1 && store.damage(&slots[0]));
    let engine = open(&store, &clock, 0).await;
    let run = engine.run(clerk, "clerk");
    run.signal(&WORD, "hello".into()).await?;
    assert_eq!(run.status().await?.blocked.map(|reason| reason.code).as_deref(), Some("WB106"));
    run.rebuild().await?;
    engine.advance(days(1)).await;
    assert_eq!(run.result().await?, "hello 20000");
    Ok(())
}

#[tokio::test]
async fn without_its_start_or_its_history_it_is_not_rebuilt() -> Test {
    let (store, clock) = damaged_clerk(10).await;
    let starts = records(&store, &keys("clerk"), Kind::Start).await;
    assert!(store.damage(&starts[0]));
    let engine = open(&store, &clock, 0).await;
    let refused = engine.run(clerk, "clerk").rebuild().await.unwrap_err();
    assert!(matches!(refused, RebuildError::NoStart { .. }), "{refused}");
    assert_eq!(engine.run(clerk, "nobody").rebuild().await.unwrap_err().code(), "WE150");

    let (store, clock) = damaged_clerk(10).await;
    let history = records(&store, &keys("clerk"), Kind::History).await;
    assert!(store.damage(&history[1]));
    let engine = open(&store, &clock, 0).await;
    let run = engine.run(clerk, "clerk");
    let refused = run.rebuild().await.unwrap_err();
    assert!(matches!(refused, RebuildError::History { entry: 1, .. }), "{refused}");
    assert_eq!(run.status().await.unwrap_err().code(), "WE092", "nothing has changed");
    run.terminate("its history is damaged, too").await?;
    Ok(())
}

/// What is before a segment of the history does not matter.
#[tokio::test]
async fn a_history_that_was_truncated_needs_no_more_than_it_has() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    let run = engine.start("clerk", clerk(20_000)).await?;
    engine.run_until_idle().await;
    run.signal(&WORD, "hello".into()).await?;
    let early = records(&store, &keys("clerk"), Kind::History).await;
    assert!(run.truncate_history().await? > 0);
    engine.kill();
    let late = records(&store, &keys("clerk"), Kind::History).await;
    assert!(early.iter().all(|key| !late.contains(key)));
    assert!(store.damage(&keys("clerk").frame()));
    let engine = open(&store, &clock, 0).await;
    let run = engine.run(clerk, "clerk");
    run.rebuild().await?;
    engine.advance(days(1)).await;
    assert_eq!(run.result().await?, "hello 20000");
    Ok(())
}

#[tokio::test]
async fn a_damaged_member_of_a_group_is_told() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let builder = || TestEngine::builder().store(store.reopen()).clock(&clock).configure(|e| e.only(groups::NAMES));
    let engine = builder().build().await?;
    engine.start("g", groups::group_letters(3)).await?;
    engine.run_until_idle().await;
    engine.kill();
    let members = records(&store, &keys("g"), Kind::Member).await;
    assert!(members.len() == 3 && store.damage(&members[1]) && store.damage(&keys("g").frame()));
    let engine = builder().build().await?;
    let refused = engine.run(groups::group_letters, "g").rebuild().await.unwrap_err();
    assert!(matches!(&refused, RebuildError::Record { record, .. } if record.contains("Member")), "{refused}");
    Ok(())
}

/// Counts outside of its locals, which no type can refuse.
#[workflow(allow(WF010, reason = "a rebuild has to find it"))]
async fn absent_minded(n: u32) -> Result<u32, Cancelled> {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let seen = SEEN.fetch_add(1, Ordering::SeqCst);
    sleep(seconds(1)).await?;
    Ok(n + seen)
}

#[tokio::test]
async fn steps_that_do_something_else_now_are_not_taken_for_what_they_did() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let builder = || TestEngine::builder().store(store.reopen()).clock(&clock).configure(|e| e.only(["absent_minded"]));
    let engine = builder().build().await?;
    engine.start("f", absent_minded(1)).await?;
    engine.kill();
    assert!(store.damage(&keys("f").frame()));
    let engine = builder().build().await?;
    let refused = engine.run(absent_minded, "f").rebuild().await.unwrap_err();
    assert!(matches!(refused, RebuildError::Steps { .. }), "{refused}");
    let source = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    assert!(source.starts_with("WE102"), "{source}");
    Ok(())
}

/// The records of a store on the disk, in memory.
async fn in_memory(directory: &Path) -> MemoryStore {
    let (disk, store) = (SledStore::open(directory).unwrap(), MemoryStore::new());
    let rows = disk.scan(&[], &[u8::MAX; 8], usize::MAX).await.unwrap();
    let owner = |key: &[u8]| Key::parse(key).unwrap().id;
    let frames: Vec<_> = rows.iter().filter(|(key, _)| Key::parse(key).unwrap().kind == Kind::Frame).collect();
    for (n, (instance, _)) in frames.iter().enumerate() {
        let own = |key: &[u8]| owner(key) == owner(instance) || (n == 0 && owner(key).is_none());
        let own = rows.iter().filter(|(key, _)| own(key));
        let writes = own.map(|(key, value)| Write::Put { key: key.clone(), value: value.clone() }).collect();
        let (revision, _) = disk.get_with_revision(instance).await.unwrap().unwrap();
        let shard: ShardId = Key::parse(instance).unwrap().shard.unwrap();
        let fence = store.acquire(shard).await.unwrap();
        let commit = Commit { fence, instance: instance.clone(), based_on: Revision::NONE, revision, writes };
        store.commit(commit).await.unwrap();
    }
    disk.close().await.unwrap();
    store
}

/// Only the build that took the last steps can take them again; one that has taken the run over begins there.
#[tokio::test]
async fn only_the_build_of_its_last_steps_rebuilds_an_instance() -> Test {
    let dir = tempfile::tempdir()?;
    upgrade::old_build(dir.path());
    let store = in_memory(dir.path()).await;
    let clock = TestClock::manual();
    let builder = || TestEngine::builder().store(store.reopen()).clock(&clock).configure(|e| e.only(new::NAMES));

    assert!(store.damage(&keys("evolving").frame()));
    let engine = builder().build().await?;
    let run = engine.run(new::evolving, "evolving");
    let refused = run.rebuild().await.unwrap_err();
    assert!(matches!(&refused, RebuildError::OtherBuild { by, .. } if by.len() == 1), "{refused}");
    engine.kill();
    assert!(store.damage(&keys("evolving").frame()), "it is whole again");

    // Each step by the new build, the first of which takes it over.
    for _ in 0..2 {
        let engine = builder().configure(|e| e.evict_after_every_step()).build().await?;
        engine.advance(hours(24)).await;
        let run = engine.run(new::gathering, "gathering");
        let upgraded = |e: &Event| matches!(e, Event::Upgraded { state: Some(_), .. });
        assert!(run.history().await?.iter().flat_map(|entry| &entry.events).any(upgraded));
        engine.kill();
        for id in ["gathering", "evolving"] {
            assert!(store.damage(&keys(id).frame()));
        }
        let engine = builder().build().await?;
        engine.run(new::gathering, "gathering").rebuild().await?;
        engine.run(new::evolving, "evolving").rebuild().await?;
        engine.kill();
    }
    let engine = builder().build().await?;
    engine.advance(days(9)).await;
    assert_eq!(engine.run(new::gathering, "gathering").result().await?, "a Cleo, b Cleo");
    assert_eq!(engine.run(new::evolving, "evolving").result().await?, "hello Ada, bye Ada");
    engine.run(new::gathering, "gathering").verify().await?;
    Ok(())
}

/// Changes what an entry of the history says, as an earlier build might have written it.
async fn rewrite(store: &MemoryStore, id: &str, change: impl Fn(&mut Event)) {
    let (store, keys) = (store.reopen(), keys(id));
    let (revision, frame) = store.get_with_revision(&keys.frame()).await.unwrap().unwrap();
    let (from, to) = keys.all(Kind::History);
    let mut writes = vec![Write::Put { key: keys.frame(), value: frame }];
    for (key, value) in store.scan(&from, &to, 1_000).await.unwrap() {
        let mut entry = Entry::from_bytes(&value).unwrap();
        entry.events.iter_mut().for_each(&change);
        writes.push(Write::Put { key, value: entry.to_bytes().unwrap() });
    }
    let fence = store.acquire(keys.shard()).await.unwrap();
    let instance = keys.frame();
    store.commit(Commit { fence, instance, based_on: revision, revision: revision.next(), writes }).await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_build_did_not_note_is_not_guessed() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    engine.start("s", shift(1)).await?;
    engine.run_until_idle().await;
    engine.kill();
    rewrite(&store, "s", |event| {
        if let Event::ContinuedFrom { state, .. } = event {
            *state = None;
        }
    })
    .await;
    assert!(store.damage(&keys("s").frame()));
    let engine = open(&store, &clock, 0).await;
    let refused = engine.run(shift, "s").rebuild().await.unwrap_err();
    assert!(matches!(refused, RebuildError::Untold { .. }), "{refused}");
    engine.run(shift, "s").terminate("lost").await?;
    Ok(())
}
