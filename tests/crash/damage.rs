//! Damaged records: they hurt the instance that they belong to, and no other; and that one can be ended.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::Semaphore;
use workflow_runtime::{
    engine::{Filter, Status},
    journal::{
        history::{Event, Outcome},
        id::{Namespace, WorkflowId},
        key::{InstanceKeys, Key, Kind, NamespaceKeys},
    },
    prelude::*,
    store::{MemoryStore, Store},
    testing::{TestClock, TestEngine},
};

pub(crate) type Test = Result<(), Box<dyn std::error::Error + Send + Sync>>;

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

#[tokio::test]
async fn a_damaged_entry_of_an_index_hides_no_other() -> Test {
    const EACH: u32 = 60;
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock, 0).await;
    for n in 0..EACH {
        engine.start(format!("doze-{n}"), doze(n)).tag("kind", "rest").await?;
        engine.start(format!("delivery-{n}"), delivery(n)).await?;
    }
    engine.kill();

    let sleeper = damage_middle(&store, Kind::Timer, |_| true).await;
    let runner = damage_middle(&store, Kind::Ready, |_| true).await;
    let unlisted = damage_middle(&store, Kind::Listing, |key| key.name.as_deref() == Some("doze")).await;
    let untagged = damage_middle(&store, Kind::Tag, |_| true).await;
    let engine = open(&store, &clock, EACH as usize).await;
    let all = |except: &str| -> BTreeSet<String> {
        let both = (0..EACH).flat_map(|n| [format!("doze-{n}"), format!("delivery-{n}")]);
        both.filter(|id| id != except).collect()
    };
    for backwards in [false, true] {
        let ordered = |filter: Filter| if backwards { filter.newest_first() } else { filter.oldest_first() };
        let found = async |filter: Filter| -> BTreeSet<String> {
            let page = engine.list(&ordered(filter.limit(1_000))).await.unwrap();
            page.instances.into_iter().map(|listed| listed.workflow_id).collect()
        };
        assert_eq!(found(Filter::all()).await, all(&unlisted));
        let resting: BTreeSet<_> = all(&untagged).into_iter().filter(|id| id.starts_with("doze")).collect();
        assert_eq!(found(Filter::all().tag("kind", "rest")).await, resting);
    }
    engine.advance(hours(2)).await;
    let mut open = BTreeSet::new();
    for id in all("") {
        if engine.run(doze, &id).status().await?.state != Status::Completed {
            open.insert(id);
        }
    }
    assert_eq!(open, BTreeSet::from([sleeper, runner]));
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
