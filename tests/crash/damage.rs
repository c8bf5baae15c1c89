//! Damaged records: they hurt the instance that they belong to, and no other; and that one can be ended.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::Semaphore;
use workflow_runtime::{
    engine::{Engine, Filter, Status},
    journal::{
        history::{Event, Outcome},
        id::{Namespace, WorkflowId},
        key::{InstanceKeys, Key, Kind, NamespaceKeys},
    },
    prelude::*,
    store::{MemoryStore, SledStore, Store},
    testing::{TestClock, TestEngine},
};

pub(crate) type Test = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const INDEXES: [Kind; 4] = [Kind::Ready, Kind::Timer, Kind::Listing, Kind::Tag];
const NAMES: [&str; 7] = ["run_about", "shift", "doze", "delivery", "boss", "clerk", "trainee"];
pub(crate) const WORD: Signal<String> = Signal::new("word");

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum DeskError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("{0}")]
    Other(String),
}

impl<E: std::fmt::Display> From<ChildError<E>> for DeskError {
    fn from(e: ChildError<E>) -> Self {
        DeskError::Other(e.to_string())
    }
}

impl From<ChildStartError> for DeskError {
    fn from(e: ChildStartError) -> Self {
        DeskError::Other(e.to_string())
    }
}

impl From<ActivityError<String>> for DeskError {
    fn from(e: ActivityError<String>) -> Self {
        DeskError::Other(e.to_string())
    }
}

#[activity]
async fn run_about(gate: State<Arc<Semaphore>>, n: u32) -> Result<u32, String> {
    gate.acquire().await.map_err(|e| e.to_string())?.forget();
    Ok(n)
}

#[workflow]
pub(crate) async fn doze(n: u32) -> Result<u32, DeskError> {
    sleep(hours(1)).await?;
    Ok(n)
}

#[workflow]
pub(crate) async fn delivery(n: u32) -> Result<u32, DeskError> {
    Ok(run_about(n).await?)
}

#[workflow]
pub(crate) async fn boss(padding: usize) -> Result<String, DeskError> {
    let word = clerk(padding).child("clerk").await;
    Ok(match word {
        Ok(word) => word,
        Err(e) => format!("no word: {e}"),
    })
}

/// It holds a lot, has a helper of its own, and waits for a word.
#[workflow]
pub(crate) async fn clerk(padding: usize) -> Result<String, DeskError> {
    tag("floor", 3);
    let papers = "x".repeat(padding);
    let _helper = trainee().start_child("trainee").await?;
    let word = WORD.recv().await?;
    sleep(days(1)).await?;
    Ok(format!("{word} {}", papers.len()))
}

#[workflow]
pub(crate) async fn trainee() -> Result<(), DeskError> {
    WORD.recv().await?;
    Ok(())
}

/// Goes on as a new run at once, and waits.
#[workflow]
pub(crate) async fn shift(more: u32) -> Result<(), DeskError> {
    if more > 0 {
        continue_as_new!(more - 1);
    }
    WORD.recv().await?;
    Ok(())
}

pub(crate) async fn open(store: &MemoryStore, clock: &TestClock, permits: usize) -> TestEngine {
    let builder = TestEngine::builder().store(store.reopen()).clock(clock).state(Arc::new(Semaphore::new(permits)));
    builder.configure(|e| e.only(NAMES).retention(days(30))).build().await.unwrap()
}

pub(crate) fn keys(id: &str) -> InstanceKeys {
    InstanceKeys::new(&Namespace::default(), &WorkflowId::new(id).unwrap())
}

/// Damages the entry in the middle of an index, and says whose it is.
async fn damage_middle(store: &MemoryStore, kind: Kind, which: impl Fn(&Key) -> bool) -> String {
    let (from, to) = NamespaceKeys::new(&Namespace::default()).all(kind);
    let rows = store.reopen().scan(&from, &to, 10_000).await.unwrap();
    let wanted: Vec<_> = rows.iter().filter(|(key, _)| which(&Key::parse(key).unwrap())).collect();
    let (key, _) = wanted[wanted.len() / 2];
    assert!(store.damage(key));
    Key::parse(key).unwrap().id.unwrap()
}

/// Instances of both workflows, each half: one sleeps, the other has an activity that nobody lets go on.
const EACH: u32 = 60;

fn both() -> BTreeSet<String> {
    (0..EACH).flat_map(|n| [format!("doze-{n}"), format!("delivery-{n}")]).collect()
}

async fn start_both(engine: &Engine) {
    for n in 0..EACH {
        engine.start(format!("doze-{n}"), doze(n)).tag("kind", "rest").await.unwrap();
        engine.start(format!("delivery-{n}"), delivery(n)).await.unwrap();
    }
}

async fn found(engine: &Engine, filter: Filter) -> BTreeSet<String> {
    let page = engine.list(&filter.limit(1_000)).await.unwrap();
    page.instances.into_iter().map(|listed| listed.workflow_id).collect()
}

/// All have their entries, and go on as if nothing had been.
async fn nothing_is_lost(engine: &TestEngine) {
    // Who lists may be the first to meet the damage.
    for filter in [Filter::all(), Filter::all().tag("kind", "rest")] {
        found(engine, filter).await;
    }
    engine.run_until_idle().await;
    assert_eq!(found(engine, Filter::all()).await, both());
    let resting: BTreeSet<_> = both().into_iter().filter(|id| id.starts_with("doze")).collect();
    assert_eq!(found(engine, Filter::all().tag("kind", "rest").newest_first()).await, resting);
    engine.advance(hours(2)).await;
    for id in both() {
        assert_eq!(engine.run(doze, &id).status().await.unwrap().state, Status::Completed, "{id}");
    }
}

#[tokio::test]
async fn a_damaged_entry_of_an_index_hides_no_other_and_is_made_anew() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    start_both(&engine).await;
    engine.kill();

    damage_middle(&store, Kind::Timer, |_| true).await;
    damage_middle(&store, Kind::Ready, |_| true).await;
    let unlisted = damage_middle(&store, Kind::Listing, |key| key.name.as_deref() == Some("doze")).await;
    let untagged = damage_middle(&store, Kind::Tag, |_| true).await;
    // One that only looks changes nothing.
    let looks = Engine::builder().store(store.reopen()).build_read_only().await?;
    for backwards in [false, true] {
        let ordered = |filter: Filter| if backwards { filter.newest_first() } else { filter.oldest_first() };
        let all: BTreeSet<_> = both().into_iter().filter(|id| *id != unlisted).collect();
        assert_eq!(found(&looks, ordered(Filter::all())).await, all);
        let resting = |id: &String| id.starts_with("doze") && *id != untagged;
        let resting: BTreeSet<_> = both().into_iter().filter(resting).collect();
        assert_eq!(found(&looks, ordered(Filter::all().tag("kind", "rest"))).await, resting);
    }
    assert_eq!(looks.census().await?.damaged, 4);
    let engine = open(&store, &clock, EACH as usize).await;
    nothing_is_lost(&engine).await;
    assert_eq!(engine.census().await?.damaged, 0);
    Ok(())
}

/// Several timers of one operation.
#[workflow]
async fn turns(n: u64) -> Result<u64, DeskError> {
    for slept in join_all((1..=n).map(|m| sleep(hours(m)))).await {
        slept?;
    }
    Ok(n)
}

#[tokio::test]
async fn damaged_timers_of_members_are_made_anew() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let builder = |store: &MemoryStore| TestEngine::builder().store(store.reopen()).clock(&clock);
    let engine = builder(&store).configure(|e| e.only(["turns"])).build().await?;
    engine.start("turns", turns(3)).await?;
    engine.run_until_idle().await;
    engine.kill();
    let (from, to) = NamespaceKeys::new(&Namespace::default()).all(Kind::Timer);
    let timers = store.reopen().scan(&from, &to, 100).await?;
    assert!(timers.len() == 3 && timers.iter().all(|(key, _)| store.damage(key)));
    let engine = builder(&store).configure(|e| e.only(["turns"])).build().await?;
    engine.advance(hours(3)).await;
    // Asked for its result, it would look for itself.
    assert_eq!(engine.run(turns, "turns").status().await?.state, Status::Completed);
    Ok(())
}

/// What is damaged may belong to an instance whose checkpoint cannot be read: it stays until that is made anew.
#[tokio::test]
async fn what_may_be_of_an_unreadable_instance_is_not_removed() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    engine.start("a", doze(1)).await?;
    engine.start("b", doze(2)).await?;
    engine.kill();
    let (from, to) = NamespaceKeys::new(&Namespace::default()).all(Kind::Timer);
    let timers = store.reopen().scan(&from, &to, 100).await?;
    assert!(timers.len() == 2 && timers.iter().all(|(key, _)| store.damage(key)) && store.damage(&keys("b").frame()));
    let engine = open(&store, &clock, 0).await;
    engine.run_until_idle().await;
    assert_eq!(engine.census().await?.damaged, 2, "the timer of `b`, and its checkpoint");
    engine.run(doze, "b").rebuild().await?;
    engine.advance(hours(1)).await;
    for (id, n) in [("a", 1), ("b", 2)] {
        assert_eq!(engine.run(doze, id).result().await?, n);
    }
    assert_eq!(engine.census().await?.damaged, 0);
    Ok(())
}

/// A listing is the first to meet what no opening reads.
#[tokio::test]
async fn a_damaged_listing_is_made_anew_by_who_lists() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, EACH as usize).await;
    start_both(&engine).await;
    let unlisted = damage_middle(&store, Kind::Listing, |key| key.name.as_deref() == Some("doze")).await;
    let others: BTreeSet<_> = both().into_iter().filter(|id| *id != unlisted).collect();
    assert_eq!(found(&engine, Filter::all()).await, others);
    nothing_is_lost(&engine).await;
    assert_eq!(engine.census().await?.damaged, 0);
    assert_eq!(engine.stats().await?.instances.values().sum::<u64>(), 2 * u64::from(EACH));
    Ok(())
}

/// On the disk an entry lies in one record with its neighbours, and of a damaged one nobody knows whose they were.
#[tokio::test]
async fn damaged_blocks_of_indexes_are_made_anew() -> Test {
    for (kinds, workers) in [(&[Kind::Timer][..], 1), (&[Kind::Ready], 2), (&[Kind::Listing], 2), (&INDEXES, 3)] {
        let (dir, clock) = (tempfile::tempdir()?, TestClock::manual());
        let open = async |permits: usize| {
            let store = SledStore::open(dir.path()).unwrap();
            let builder = TestEngine::builder().store(store).clock(&clock).state(Arc::new(Semaphore::new(permits)));
            builder
                .configure(|e| e.only(NAMES).retention(days(30)).workers(workers).grace(seconds(0)))
                .build()
                .await
                .unwrap()
        };
        let engine = open(0).await;
        start_both(&engine).await;
        engine.shutdown().await;
        let db = sled::open(dir.path())?;
        for kind in kinds {
            let (from, to) = NamespaceKeys::new(&Namespace::default()).all(*kind);
            let blocks: Vec<_> = db.range([b"br", &from[..]].concat()..[b"br", &to[..]].concat()).collect();
            assert!(!blocks.is_empty(), "{kind:?}");
            let (key, raw) = blocks[blocks.len() / 2].clone()?;
            let mut raw = raw.to_vec();
            *raw.last_mut().ok_or("a byte")? ^= 0x40;
            db.insert(key, raw)?;
        }
        db.flush()?;
        drop(db);
        let engine = open(2 * EACH as usize).await;
        nothing_is_lost(&engine).await;
        engine.shutdown().await;
        let engine = open(0).await;
        assert_eq!(engine.census().await?.damaged, 0, "{kinds:?}");
        engine.shutdown().await;
    }
    Ok(())
}

/// A boss who waits for a clerk whose checkpoint is damaged. `padding` bytes in a local of the clerk.
pub(crate) async fn damaged_clerk(padding: usize) -> (MemoryStore, TestClock) {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    engine.start("boss", boss(padding)).await.unwrap();
    engine.run_until_idle().await;
    engine.kill();
    assert!(store.damage(&keys("clerk").frame()));
    (store, clock)
}

#[tokio::test]
async fn an_instance_with_a_damaged_checkpoint_is_ended_in_order() -> Test {
    for padding in [10, 900, 20_000] {
        let (store, clock) = damaged_clerk(padding).await;
        let engine = open(&store, &clock, 0).await;
        engine.run_until_idle().await;
        let run = engine.run(clerk, "clerk");
        assert_eq!(run.status().await.unwrap_err().code(), "WE092");
        assert_eq!(run.signal(&WORD, "hello".into()).await.unwrap_err().code(), "WE092");
        assert_eq!(run.cancel("x").await.unwrap_err().code(), "WE092");

        run.terminate("its checkpoint is damaged").await?;
        engine.run_until_idle().await;
        let status = run.status().await?;
        assert_eq!((status.state, &*status.workflow), (Status::Terminated, "clerk"));
        assert_eq!(status.tags["floor"], "3");
        let history = run.history().await?;
        assert!(history.iter().zip(0..).all(|(entry, n)| entry.seq == n), "its history goes on");
        assert!(history.windows(2).all(|two| two[0].revision < two[1].revision));
        assert!(history[0].events.iter().any(|e| matches!(e, Event::Started { .. })));
        let end = history.last().unwrap().events.iter().find(|e| matches!(e, Event::Closed(_)));
        assert_eq!(end, Some(&Event::Closed(Outcome::Terminated { reason: "its checkpoint is damaged".into() })));
        assert_eq!(run.terminate("again").await.unwrap_err().code(), "WE041");
        // The parent is told, and the child is asked to stop.
        let told = engine.run(boss, "boss").result().await?;
        assert!(told.starts_with("no word: ") && told.contains("terminated"), "{told}");
        assert_eq!(engine.run(trainee, "trainee").status().await?.state, Status::Cancelled);
        let open: Vec<_> = engine.list(&Filter::all().open()).await?.instances;
        assert!(open.is_empty(), "{open:?}");

        engine.kill();
        let engine = self::open(&store, &clock, 0).await;
        engine.advance(days(32)).await;
        let left = engine.census().await?;
        assert!(left.kinds.keys().all(|kind| kind == "Definition"), "{left:?}");
        assert!(engine.start("clerk", trainee()).await?.is_new());
    }
    Ok(())
}

#[tokio::test]
async fn an_instance_that_had_ended_gets_its_result_back() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    let run = engine.start("d", doze(7)).await?;
    engine.advance(hours(1)).await;
    let before = run.status().await?;
    engine.kill();
    assert!(store.damage(&keys("d").frame()));
    let engine = open(&store, &clock, 0).await;
    let run = engine.run(doze, "d");
    assert_eq!(run.status().await.unwrap_err().code(), "WE092");
    assert_eq!(run.terminate("x").await.unwrap_err().code(), "WE041");
    let after = run.status().await?;
    assert_eq!((after.state, after.closed, after.steps), (Status::Completed, before.closed, before.steps));
    assert_eq!(run.result().await?, 7);
    engine.advance(days(31)).await;
    assert_eq!(run.status().await.unwrap_err().code(), "WE050");
    Ok(())
}

/// All of them began at the same instant; messages wait for the last.
#[tokio::test]
async fn of_many_runs_the_newest_is_ended_and_nothing_is_left_of_any() -> Test {
    const NOTE: Signal<u32> = Signal::new("note");
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    let run = engine.start("s", shift(5)).await?;
    engine.run_until_idle().await;
    for n in 0..3 {
        run.signal(&NOTE, n).await?;
    }
    let before = engine.run(shift, "s").status().await?;
    assert_eq!(before.inbox["note"], 3);
    engine.kill();
    assert!(store.damage(&keys("s").frame()));

    let engine = open(&store, &clock, 0).await;
    engine.run(shift, "s").terminate("its checkpoint is damaged").await?;
    let after = engine.run(shift, "s").status().await?;
    assert_eq!((after.state, after.run_id), (Status::Terminated, before.run_id));
    let chain = |status: workflow_runtime::engine::RunStatus| (status.first_run_id, status.previous_run_id);
    assert_eq!(chain(after), chain(before));
    assert_eq!(engine.census().await?.of(Kind::Signal).records, 0);
    engine.advance(days(31)).await;
    let left = engine.census().await?;
    assert!(left.kinds.keys().all(|kind| kind == "Definition"), "{left:?}");
    Ok(())
}

/// Found by a commit, while the instance is in memory.
#[tokio::test]
async fn a_checkpoint_that_is_damaged_under_a_running_engine_stops_its_instance_alone() -> Test {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    let (run, other) = (engine.start("a", trainee()).await?, engine.start("b", trainee()).await?);
    assert!(store.damage(&keys("a").frame()));
    assert_eq!(run.signal(&WORD, "hello".into()).await.unwrap_err().code(), "WE092");
    other.signal(&WORD, "hello".into()).await?;
    other.result().await?;
    run.terminate("its checkpoint is damaged").await?;
    assert_eq!(run.status().await?.state, Status::Terminated);
    Ok(())
}

/// Nothing says how it was started: it cannot be ended, and hurts nobody.
#[tokio::test]
async fn without_a_start_record_it_stays_as_it_is() -> Test {
    let (store, clock) = damaged_clerk(10).await;
    let (from, to) = keys("clerk").all(Kind::Start);
    let starts = store.reopen().scan(&from, &to, 9).await?;
    assert!(starts.len() == 1 && store.damage(&starts[0].0));
    let engine = open(&store, &clock, 0).await;
    assert_eq!(engine.run(clerk, "clerk").terminate("x").await.unwrap_err().code(), "WE092");
    engine.run(trainee, "trainee").signal(&WORD, "hello".into()).await?;
    engine.run(trainee, "trainee").result().await?;
    Ok(())
}
