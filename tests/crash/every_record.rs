//! Each record of a store damaged, one after the other, at each moment of a small world: what can be made anew from other records is,
//! and what cannot is told.

use crate::{
    children::*,
    damage::Test,
    scenarios::{self, Stock},
};
use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{
    engine::{RunStatus, Status},
    journal::key::{Key, Kind},
    machine::Workflow,
    prelude::*,
    store::{MemoryStore, Store},
    testing::{TestClock, TestEngine},
};

/// All instances that there are in the end.
const IDS: [&str; 9] =
    ["iron", "inspector", "workshop", "suit", "wardrobe", "sewing", "shirt-1", "shirt-wool", "shirt-linen"];

async fn open(store: &MemoryStore, clock: &TestClock) -> TestEngine {
    let names: Vec<&str> = NAMES.into_iter().chain(scenarios::NAMES).collect();
    let builder = TestEngine::builder().store(store.reopen()).clock(clock).state(Stock::default());
    builder.configure(|e| e.only(names).seed(7).workers(1)).build().await.unwrap()
}

async fn start<W: Workflow>(engine: &TestEngine, id: &str, call: workflow_runtime::machine::WorkflowCall<W>) {
    engine.start(id, call).await.unwrap();
}

/// The world as a process leaves it that dies after so many moments. Says whether there are more.
async fn world(moments: usize) -> (MemoryStore, TestClock, bool) {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let engine = open(&store, &clock).await;
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
    engine.kill();
    (store, clock, more)
}

/// How all of them stand when everything has happened.
async fn end(store: &MemoryStore, clock: &TestClock) -> BTreeMap<&'static str, Result<RunStatus, String>> {
    let engine = open(store, clock).await;
    engine.advance(hours(4)).await;
    let mut stand = BTreeMap::new();
    for id in IDS {
        let status = engine.run(ironing, id).status().await;
        stand.insert(id, status.map_err(|e| e.code().to_owned()));
    }
    engine.kill();
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
        let (store, clock, more) = world(moments).await;
        let undamaged = end(&store, &clock).await;
        assert!(undamaged.values().all(|status| held_up(status).is_none()), "{undamaged:#?}");
        let (store, ..) = world(moments).await;
        let records = store.scan(&[], &[u8::MAX; 8], usize::MAX).await?;
        let of = |key: &[u8]| Key::parse(key).unwrap();
        // What lives long, one time of several. Nothing of a history is needed but by who asks for it.
        let chosen = |n: usize, kind: Kind| match kind {
            Kind::Timer | Kind::Signal | Kind::Received => true,
            Kind::History | Kind::Definition => (n + moments).is_multiple_of(10),
            _ => (n + moments).is_multiple_of(3),
        };
        for (n, (key, _)) in records.iter().enumerate().filter(|(n, (key, _))| chosen(*n, of(key).kind)) {
            let (store, clock, _) = world(moments).await;
            assert!(store.damage(key), "record {n}");
            let Key { kind, id, .. } = of(key);
            let mut whole = true;
            for (other, status) in end(&store, &clock).await {
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
