//! What must be true of a store after a death, whatever died.

use crate::{
    clients::{Outcomes, Size, drive},
    workload::{Ledger, Lines, NAMES, Place},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use workflow_runtime::{
    engine::{Engine, EngineBuilder, Filter},
    store::SledStore,
};

/// The outcomes of a run in which nothing dies.
pub(crate) fn expected(size: Size) -> Outcomes {
    let mut all = Outcomes::new();
    for n in 0..size.0 {
        let length = |key: String| key.len() as u64;
        let chain = (0..3).fold(0, |sum, step| sum * 3 + length(format!("chain-{n}/{step}")));
        let naps: u64 = (0..2).map(|nap| length(format!("naps-{n}/{nap}"))).sum();
        let child = |which| length(format!("family-{n}-{which}/work")) + 1;
        let crowd: u64 = (0..4).map(|member| length(format!("crowd-{n}/{member}"))).sum();
        all.insert(format!("chain-{n}"), chain.to_string());
        all.insert(format!("naps-{n}"), naps.to_string());
        all.insert(format!("listener-{n}"), format!("{:?}", ["one", "two"]));
        all.insert(format!("family-{n}"), (child("a") * 100 + child("b")).to_string());
        all.insert(format!("crowd-{n}"), format!("failed: no more than {crowd}"));
    }
    all
}

/// Every business key of the workload: each has an effect.
fn keys(size: Size) -> Vec<String> {
    let of = |n: u64| {
        let mut keys = vec![];
        keys.extend((0..3).map(|step| format!("chain-{n}/{step}")));
        keys.extend((0..2).map(|nap| format!("naps-{n}/{nap}")));
        keys.extend(["one", "two"].map(|word| format!("listener-{n}/{word}")));
        keys.extend(["a", "b"].map(|child| format!("family-{n}-{child}/work")));
        keys.extend((0..4).map(|member| format!("crowd-{n}/{member}")));
        keys.extend((1..3).map(|call| format!("crowd-{n}/undo-{call}")));
        keys
    };
    (0..size.0).flat_map(of).collect()
}

pub(crate) fn lines(path: &Path) -> Vec<String> {
    // A process that died very early has written nothing.
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// What the ledger says: for each business key its idempotency keys, one for each time.
fn effects(place: &Place) -> BTreeMap<String, Vec<String>> {
    effects_in(&place.ledger())
}

pub(crate) fn effects_in(ledger: &Path) -> BTreeMap<String, Vec<String>> {
    let mut effects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines(ledger) {
        let (key, idempotency) = line.split_once(' ').unwrap_or_else(|| panic!("a torn line: {line:?}"));
        effects.entry(key.into()).or_default().push(idempotency.into());
    }
    effects
}

/// The instance that an effect is of.
fn instance(key: &str) -> &str {
    key.split_once('/').map_or(key, |(id, _)| id)
}

/// What was acknowledged: starts, signals by instance, results by instance.
#[derive(Default)]
struct Acknowledged {
    started: BTreeSet<String>,
    sent: BTreeMap<String, u64>,
    ended: Outcomes,
}

impl Acknowledged {
    fn read(place: &Place) -> Self {
        let mut all = Acknowledged::default();
        for line in lines(&place.acknowledged()) {
            let mut words = line.splitn(3, ' ');
            match [words.next(), words.next(), words.next()].map(Option::unwrap_or_default) {
                ["started", id, ""] => drop(all.started.insert(id.into())),
                ["sent", id, _] => *all.sent.entry(id.into()).or_default() += 1,
                ["ended", id, outcome] => {
                    let before = all.ended.insert(id.into(), outcome.into());
                    assert!(before.is_none_or(|b| b == outcome), "`{id}` ended twice, differently: {line}");
                }
                _ => panic!("a torn line: {line:?}"),
            }
        }
        all
    }
}

/// Opens what is left, compares it with what was acknowledged, lets it finish, and compares again. `deaths` is how many
/// processes have died on it.
pub(crate) async fn audit(place: &Place, size: Size, deaths: usize, what: &str) {
    let before = Acknowledged::read(place);
    let done = effects(place);
    let engine = open(place).await;
    let listed = engine.list(&Filter::all().limit(10_000)).await.expect("it lists");
    let there: BTreeSet<String> = listed.instances.iter().map(|l| l.workflow_id.clone()).collect();
    for id in &before.started {
        assert!(there.contains(id), "{what}: `{id}` was acknowledged and is not there");
    }
    for key in done.keys() {
        assert!(there.contains(instance(key)), "{what}: the effect `{key}` has no instance: it came before its commit");
    }
    let acknowledged = Lines::open(&place.acknowledged()).expect("the file opens");
    let outcomes = drive(&engine, size, &acknowledged).await.unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(outcomes, expected(size), "{what}");
    for (id, outcome) in &before.ended {
        assert_eq!(outcomes.get(id), Some(outcome), "{what}: the result of `{id}` has changed");
    }
    engine.shutdown().await;
    drop(engine);
    let mut done = effects(place);
    // What is blocked has other rules.
    done.retain(|key, _| !key.starts_with("poison-"));
    assert!(done.keys().eq(keys(size).iter().collect::<BTreeSet<_>>()), "{what}: {:?}", done.keys());
    for (key, times) in &done {
        assert!(times.len() <= deaths + 1, "{what}: `{key}` was done {} times in {deaths} deaths", times.len());
        let distinct: BTreeSet<_> = times.iter().collect();
        assert_eq!(distinct.len(), 1, "{what}: `{key}` has several idempotency keys: {times:?}");
    }
}

/// How often each effect was made, by its business key.
pub(crate) fn ledger(place: &Place) -> BTreeMap<String, usize> {
    effects(place).into_iter().map(|(key, times)| (key, times.len())).collect()
}

pub(crate) async fn open(place: &Place) -> Engine {
    open_with(place, |builder| builder.only(NAMES)).await
}

pub(crate) async fn open_with(place: &Place, configure: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Engine {
    let ledger = Ledger(Lines::open(&place.ledger()).expect("the ledger opens"));
    let store = SledStore::open(place.store()).expect("the store opens");
    configure(Engine::builder().store(store).state(ledger)).build().await.expect("the engine builds")
}
