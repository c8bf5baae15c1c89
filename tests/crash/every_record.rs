//! Each record of a store damaged, one after the other, at each moment of a small world: what can be made anew from other records is,
//! and what cannot is told.

use crate::{
    children::*,
    damage::Test,
    scenarios::{self, Stock},
};
use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{
    engine::{Clock, RunStatus, Status},
    journal::key::{Key, Kind},
    machine::Workflow,
    prelude::*,
    store::{MemoryStore, SledStore, Store},
    testing::{TestClock, TestEngine},
};

/// All instances that there are in the end.
const IDS: [&str; 9] =
    ["iron", "inspector", "workshop", "suit", "wardrobe", "sewing", "shirt-1", "shirt-wool", "shirt-linen"];

async fn open(store: impl Store, clock: &TestClock) -> TestEngine {
    let names: Vec<&str> = NAMES.into_iter().chain(scenarios::NAMES).collect();
    let builder = TestEngine::builder().store(store).clock(clock).state(Stock::default());
    builder.configure(|e| e.only(names).seed(7).workers(1).grace(seconds(0))).build().await.unwrap()
}

async fn start<W: Workflow>(engine: &TestEngine, id: &str, call: workflow_runtime::machine::WorkflowCall<W>) {
    engine.start(id, call).await.unwrap();
}

/// The world after so many moments. Says whether there are more.
async fn world(store: impl Store, clock: &TestClock, moments: usize) -> (TestEngine, bool) {
    let engine = open(store, clock).await;
    start(&engine, "iron", ironing("shirt".into())).await;
    start(&engine, "inspector", inspector("Ada".into())).await;
    start(&engine, "workshop", workshop(vec![1, 2, 3])).await;
    start(&engine, "suit", suit("wool".into())).await;
    start(&engine, "wardrobe", wardrobe(vec!["wool".into(), "linen".into()])).await;
    engine.run_until_idle().await;
    let mut more = true;
    for _ in 0..moments {
        more = clock.advance_to_next().await;
    }
    (engine, more)
}

/// The world as a process leaves it that dies.
async fn killed(moments: usize) -> (MemoryStore, TestClock, bool) {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let (engine, more) = world(store.reopen(), &clock, moments).await;
    engine.kill();
    (store, clock, more)
}

/// How all of them stand when everything has happened.
async fn end(engine: &TestEngine) -> BTreeMap<&'static str, Result<RunStatus, String>> {
    engine.advance(hours(4)).await;
    let mut stand = BTreeMap::new();
    for id in IDS {
        let status = engine.run(ironing, id).status().await;
        stand.insert(id, status.map_err(|e| e.code().to_owned()));
    }
    stand
}

/// How one stands that cannot go on, or waits for one that does not: with a code, or with what it waits for.
fn held_up(status: &Result<RunStatus, String>) -> Option<String> {
    match status {
        Err(code) => Some(code.clone()),
        Ok(status) if status.state == Status::Blocked => status.blocked.as_ref().map(|reason| reason.code.clone()),
        Ok(status) if !status.state.is_closed() => Some(format!("waits for {:?}", status.waits)),
        Ok(_) => None,
    }
}

/// Nothing but these is held up by a damaged record of `owner`.
fn expected(kind: Kind, owner: &str, id: &str, held_up: &str) -> bool {
    match (kind, held_up) {
        (Kind::Frame, "WE092") | (Kind::Start, "WB106") => id == owner,
        // A child that was to be started by one that does not go on.
        (Kind::Frame | Kind::Start, "WE050") => owner == "wardrobe" && id == "shirt-linen",
        (Kind::Frame | Kind::Start, waits) => {
            let parent = match owner {
                "sewing" => "workshop",
                "shirt-1" => "suit",
                "shirt-wool" | "shirt-linen" => "wardrobe",
                "iron" => "inspector",
                "inspector" => return id == "iron" && waits.starts_with("waits for"),
                _ => return false,
            };
            id == parent && waits.contains(owner)
        }
        _ => false,
    }
}

#[tokio::test]
async fn what_a_damaged_record_said_is_found_elsewhere_or_its_absence_is_told() -> Test {
    let (mut damaged, mut made_anew, mut kinds) = (0, 0, BTreeSet::new());
    for moments in 0.. {
        let (store, clock, more) = killed(moments).await;
        let undamaged = end(&open(store, &clock).await).await;
        assert!(undamaged.values().all(|status| held_up(status).is_none()), "{undamaged:#?}");
        let (store, ..) = killed(moments).await;
        let records = store.scan(&[], &[u8::MAX; 8], usize::MAX).await?;
        let of = |key: &[u8]| Key::parse(key).unwrap();
        // What lives long, one time of several. Nothing of a history is needed but by who asks for it.
        let chosen = |n: usize, kind: Kind| match kind {
            Kind::Timer | Kind::Signal | Kind::Received => true,
            Kind::History | Kind::Definition => (n + moments).is_multiple_of(10),
            _ => (n + moments).is_multiple_of(3),
        };
        for (n, (key, _)) in records.iter().enumerate().filter(|(n, (key, _))| chosen(*n, of(key).kind)) {
            let (store, clock, _) = killed(moments).await;
            assert!(store.damage(key), "record {n}");
            let Key { kind, id, .. } = of(key);
            let mut whole = true;
            for (other, status) in end(&open(store, &clock).await).await {
                let Some(reason) = held_up(&status) else {
                    let outcome = |s: &Result<RunStatus, String>| s.as_ref().ok().map(|s| (s.state, s.outcome.clone()));
                    let (now, before) = (outcome(&status), outcome(&undamaged[other]));
                    // Of one that is held up, others may hear something else.
                    let same = now == before || matches!(kind, Kind::Frame | Kind::Start);
                    assert!(
                        same,
                        "{now:?} for {before:?}: `{other}` by a damaged {kind:?} of {id:?} after {moments} moments"
                    );
                    continue;
                };
                whole = false;
                let told = id.as_ref().is_some_and(|owner| expected(kind, owner, other, &reason));
                assert!(told, "`{other}` {reason} by a damaged {kind:?} of {id:?} after {moments} moments");
            }
            damaged += 1;
            made_anew += u32::from(whole);
            kinds.insert(format!("{kind:?}"));
        }
        if !more {
            break;
        }
    }
    println!("damaged, one at a time: {damaged} records of {kinds:?}; nothing was missed of {made_anew}");
    assert!(damaged > 200 && kinds.len() > 9, "{damaged} {kinds:?}");
    Ok(())
}

/// Neither the record nor the history says whether a message came before: its sender is told, and nothing is taken twice.
#[tokio::test]
async fn a_sender_is_told_that_nobody_knows() -> Test {
    let (store, clock, _) = killed(1).await;
    let records = store.scan(&[], &[u8::MAX; 8], usize::MAX).await?;
    let of_iron = |key: &&Vec<u8>, kind: Kind| {
        Key::parse(key).is_ok_and(|key| key.kind == kind && key.id.as_deref() == Some("iron"))
    };
    for kind in [Kind::Received, Kind::History] {
        let keys: Vec<_> = records.iter().map(|(key, _)| key).filter(|key| of_iron(key, kind)).collect();
        assert!(!keys.is_empty() && keys.into_iter().all(|key| store.damage(key)), "{kind:?}");
    }
    let stands = end(&open(store, &clock).await).await;
    let heard = stands["inspector"].as_ref().map_err(Clone::clone)?.outcome.clone().ok_or("it has not ended")?;
    assert!(heard[1].as_str().ok_or("a text")?.contains("reason: Damaged"), "{heard}");
    assert_eq!(stands["iron"].as_ref().map_err(Clone::clone)?.state, Status::Completed);
    Ok(())
}

/// The next message is damaged and the history does not have it either: the instance says so, and can be ended.
#[tokio::test]
async fn a_message_that_is_nowhere_blocks_who_waits_for_it() -> Test {
    let (store, clock, _) = killed(0).await;
    let records = store.scan(&[], &[u8::MAX; 8], usize::MAX).await?;
    for kind in [Kind::Signal, Kind::History] {
        let of_sewing =
            |key: &&Vec<u8>| Key::parse(key).is_ok_and(|key| key.kind == kind && key.id.as_deref() == Some("sewing"));
        let keys: Vec<_> = records.iter().map(|(key, _)| key).filter(of_sewing).collect();
        assert!(!keys.is_empty() && keys.into_iter().all(|key| store.damage(key)), "{kind:?}");
    }
    let engine = open(store, &clock).await;
    let stands = end(&engine).await;
    assert_eq!(held_up(&stands["sewing"]).as_deref(), Some("WB106"));
    engine.run(sewing, "sewing").terminate("its message is lost").await?;
    engine.run_until_idle().await;
    let told = engine.run(workshop, "workshop").result().await.unwrap_err();
    assert!(told.to_string().contains("its message is lost"), "{told}");
    Ok(())
}

/// As they lie on the disk, small ones with their neighbours. Who is held up says why, or whom it waits for.
#[tokio::test]
async fn what_is_damaged_on_the_disk_holds_nobody_up_without_a_word() -> Test {
    let (mut damaged, mut made_anew) = (0, 0);
    for moments in [0, 2, 5] {
        let (dir, begin) = (tempfile::tempdir()?, TestClock::manual());
        let (engine, _) = world(SledStore::open(dir.path())?, &begin, moments).await;
        engine.shutdown().await;
        let raw: Vec<_> = sled::open(dir.path())?.iter().collect::<Result<_, _>>()?;
        for (n, (key, value)) in raw.iter().enumerate() {
            // Of all histories, and what is read when a store is opened: some, and none.
            if (key.starts_with(b"h") && !n.is_multiple_of(9)) || key.starts_with(b"s") {
                continue;
            }
            let copied = tempfile::tempdir()?;
            tests::copy(dir.path(), copied.path())?;
            let db = sled::open(copied.path())?;
            let mut value = value.to_vec();
            *value.last_mut().ok_or("a byte")? ^= 0x40;
            db.insert(key, value)?;
            db.flush()?;
            drop(db);
            let clock = TestClock::manual();
            clock.set(begin.now());
            let engine = open(SledStore::open(copied.path())?, &clock).await;
            let stands = end(&engine).await;
            engine.shutdown().await;
            let held_up: BTreeMap<_, _> = stands.iter().filter_map(|(id, s)| Some((id, held_up(s)?))).collect();
            for (id, reason) in &held_up {
                let waits_for_such = held_up.keys().any(|other| *other != *id && reason.contains(**other))
                    || (**id == "iron" && held_up.contains_key(&"inspector"));
                let told = ["WE092", "WB106", "WE050"].contains(&reason.as_str()) || waits_for_such;
                assert!(told, "`{id}` {reason}, after {moments} moments, by {}: {held_up:?}", key.escape_ascii());
            }
            damaged += 1;
            made_anew += u32::from(held_up.is_empty());
        }
    }
    println!("damaged on the disk, one at a time: {damaged} records; nothing was missed of {made_anew}");
    assert!(damaged > 60 && made_anew > 20, "{damaged} {made_anew}");
    Ok(())
}
