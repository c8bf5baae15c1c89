//! Recorded histories run again: the same code decides the same, and what does not is found and explained.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use workflow_runtime::{
    Registry,
    engine::{Recorded, VerifyError, Wavering, verify, verify_twice},
    machine::{Workflow, WorkflowCall},
    prelude::*,
    testing::TestEngine,
};

const GO: Signal<u32> = Signal::new("go");

#[activity(retry(attempts = 3, initial = "1s"))]
async fn half(n: u64) -> Result<u64, String> {
    if n.is_multiple_of(2) { Ok(n / 2) } else { Err(format!("{n} is odd")) }
}

#[activity]
async fn undo(n: u64) {
    let _ = n;
}

#[workflow]
async fn inner(n: u64) -> Result<u64, WorkflowError> {
    Ok(half(n).await?)
}

#[workflow]
async fn everything(n: u64) -> Result<String, WorkflowError> {
    saga::on_failure(undo(n));
    let lucky = side_effect(|| AtomicU64::new(7).fetch_add(1, Ordering::Relaxed));
    tag("n", n);
    set_status(&"halving");
    let h = inner(n).await?;
    let go = GO.recv().timeout(minutes(5)).await.unwrap_or_default();
    sleep(hours(1)).await?;
    let drawn: u8 = random();
    let odd = half(1).await;
    if go > 1 {
        return Err(WorkflowError::msg("refused"));
    }
    Ok(format!("{h} {lucky} {drawn} {go} {}", odd.is_err()))
}

async fn record<W: Workflow>(call: WorkflowCall<W>, signal: Option<u32>) -> Recorded {
    let engine = TestEngine::new().await.unwrap();
    let run = engine.start("recorded", call).await.unwrap();
    if let Some(value) = signal {
        run.signal(&GO, value).await.unwrap();
    }
    let _ = run.result().await;
    run.recorded().await.unwrap()
}

fn again(recorded: &Recorded) -> Result<u64, VerifyError> {
    // Through its file, as it travels.
    let file = recorded.to_json().unwrap();
    let read = Recorded::from_json(&file).unwrap();
    assert_eq!(&read, recorded);
    verify(&read, &Registry::linked().unwrap()).map(|v| v.steps)
}

#[tokio::test]
async fn the_same_code_decides_the_same() {
    for signal in [None, Some(1), Some(2)] {
        let recorded = record(everything(10), signal).await;
        let steps = recorded.entries.iter().map(|e| e.inputs.len() as u64).sum::<u64>();
        assert!(steps >= 5, "{steps}");
        assert_eq!(again(&recorded).unwrap(), steps);
    }
}

static CHANGED: AtomicBool = AtomicBool::new(false);

fn has_changed() -> bool {
    CHANGED.load(Ordering::Relaxed)
}

#[workflow]
async fn changed(n: u64) -> Result<u64, WorkflowError> {
    let m = half(n).await?;
    let more = if has_changed() { m + 2 } else { m };
    let last = half(more).await?;
    Ok(last)
}

#[tokio::test]
async fn another_argument_is_found_with_its_path_and_line() {
    let recorded = record(changed(8), None).await;
    assert_eq!(again(&recorded).unwrap(), 3);
    CHANGED.store(true, Ordering::Relaxed);
    let Err(VerifyError::Difference(d)) = again(&recorded) else { panic!("the difference was not found") };
    assert_eq!((d.step, d.point.as_str()), (2, "half"));
    assert!(d.recorded.as_ref().unwrap().starts_with("Scheduled.args[0] = 4 in"), "{d}");
    assert_eq!(d.attempted.as_deref(), Some("Scheduled.args[0] = 6"));
    assert!(d.file.ends_with("verify.rs") && d.line.is_some());
    let text = d.to_string();
    assert!(text.contains("WE102: step 2 of `recorded`") && text.contains("computed in another way"), "{text}");
}

static RUNS: AtomicU64 = AtomicU64::new(0);

fn counted() -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed)
}

#[workflow]
async fn counts_globally(n: u64) -> Result<u64, WorkflowError> {
    let seen = counted();
    half(n).await?;
    Ok(seen)
}

#[tokio::test]
async fn a_global_shows_in_the_locals() {
    let recorded = record(counts_globally(2), None).await;
    let Err(VerifyError::Difference(d)) = again(&recorded) else { panic!("the difference was not found") };
    assert_eq!(d.step, 1);
    assert!(d.locals.iter().any(|l| l.name == "seen" && l.value == 1), "{d}");
    assert!(d.to_string().contains("a local holds another value"), "{d}");
}

fn shelved(n: u64) -> Vec<u64> {
    let shelves: HashMap<u64, u64> = (0..n).map(|i| (i, 2 * i)).collect();
    shelves.into_values().collect()
}

#[workflow]
async fn hash_order(n: u64) -> Result<u64, WorkflowError> {
    let order = shelved(n);
    Ok(half(order.iter().sum()).await? + half_of_all(order).await?)
}

#[activity]
async fn half_of_all(all: Vec<u64>) -> u64 {
    all.iter().sum::<u64>() / 2
}

#[workflow]
async fn hash_arguments(n: u64) -> Result<u64, WorkflowError> {
    Ok(half_of_all(shelved(n)).await?)
}

#[tokio::test]
async fn the_order_of_a_hash_map_is_named_as_the_cause() {
    let recorded = record(hash_arguments(30), None).await;
    let Err(VerifyError::Difference(d)) = again(&recorded) else { panic!("the difference was not found") };
    assert!(d.cause.contains("HashMap"), "{d}");
    let recorded = record(hash_order(30), None).await;
    assert!(matches!(again(&recorded), Err(VerifyError::Difference(_))));
}

#[tokio::test]
async fn what_is_not_a_history_or_was_cut_is_refused() {
    let linked = Registry::linked().unwrap();
    assert_eq!(Recorded::from_json("{}").unwrap_err().code(), "WE100");
    assert_eq!(Recorded::from_json(r#"{"format": 99}"#).unwrap_err().code(), "WE101");
    let whole = record(everything(10), Some(1)).await;
    let mut cut = whole.clone();
    cut.entries.remove(1);
    assert!(matches!(verify(&cut, &linked), Err(VerifyError::Missing { .. } | VerifyError::Difference(_))));
    let mut other = whole.clone();
    other.workflow = "nobody".into();
    assert_eq!(verify(&other, &linked).unwrap_err().code(), "WE104");
    assert_eq!(verify(&whole, &Registry::new()).unwrap_err().code(), "WE104");
    let mut damaged: BTreeMap<String, serde_json::Value> = serde_json::from_str(&whole.to_json().unwrap()).unwrap();
    damaged.insert("input".into(), serde_json::json!({ "bytes": "zz" }));
    assert!(Recorded::from_json(&serde_json::to_string(&damaged).unwrap()).is_err());
}

fn place_of(n: &u64) -> String {
    format!("{n:p}")
}

#[workflow]
async fn keeps_an_address(n: u64) -> Result<u64, WorkflowError> {
    let key = place_of(&n);
    let m = half(n).await?;
    Ok(m + key.len() as u64)
}

#[workflow]
async fn keeps_a_count(n: u64) -> Result<u64, WorkflowError> {
    let seen = vec![n, counted()];
    let m = inner_count(n).await?;
    Ok(m + seen.len() as u64)
}

#[workflow]
async fn inner_count(n: u64) -> Result<u64, WorkflowError> {
    Ok(half(n).await?)
}

#[workflow]
async fn keeps_an_order(n: u64) -> Result<u64, WorkflowError> {
    let order = shelved(n);
    let shelves: HashMap<u64, u64> = order.iter().map(|v| (*v, *v)).collect();
    half(2).await?;
    Ok(shelves[&2] + order.len() as u64)
}

#[activity]
async fn half_of_map(all: HashMap<String, u64>) -> u64 {
    all.values().sum::<u64>() / 2
}

/// Small, and in a record of its own.
fn named(n: u64, width: usize) -> HashMap<String, u64> {
    (0..n).map(|i| (format!("{i:0width$}"), i)).collect()
}

#[workflow]
async fn keeps_maps(n: u64, width: u64) -> Result<u64, WorkflowError> {
    let names = named(n, width as usize);
    let nested = vec![Some((n, named(n, 1)))];
    let sum = half_of_map(names.clone()).await?;
    sleep(hours(1)).await?;
    Ok(sum + names.len() as u64 + nested.len() as u64)
}

#[workflow]
async fn keeps_a_set(n: u64) -> Result<u64, WorkflowError> {
    let seen: HashSet<u64> = (0..n).collect();
    half(2).await?;
    Ok(seen.len() as u64)
}

#[tokio::test]
async fn the_order_in_which_a_map_is_saved_is_no_difference() {
    let linked = Registry::linked().unwrap();
    for width in [2, 60] {
        let recorded = record(keeps_maps(30, width), None).await;
        assert_eq!(again(&recorded).unwrap(), 3);
        assert_eq!(verify_twice(&recorded, &linked).unwrap().steps, 3);
    }
    let recorded = record(keeps_a_set(30), None).await;
    let Err(VerifyError::Difference(d)) = again(&recorded) else { panic!("the difference was not found") };
    assert!(d.cause.contains("HashSet"), "{d}");
    let w = twice(&recorded);
    assert_eq!(w.local.as_deref(), Some("seen"));
    assert!(w.cause.contains("another order") && w.cause.contains("HashSet"), "{w}");
}

fn twice(recorded: &Recorded) -> Wavering {
    match verify_twice(recorded, &Registry::linked().unwrap()) {
        Err(VerifyError::Wavering(w)) => *w,
        other => panic!("the two runs do not differ: {other:?}"),
    }
}

#[tokio::test]
async fn a_step_that_runs_twice_leaves_the_same_behind() {
    for signal in [None, Some(1)] {
        let recorded = record(everything(10), signal).await;
        let steps = verify(&recorded, &Registry::linked().unwrap()).unwrap();
        assert_eq!(verify_twice(&recorded, &Registry::linked().unwrap()).unwrap(), steps);
    }
}

#[tokio::test]
async fn the_local_that_differs_is_named_with_both_values() {
    let w = twice(&record(keeps_an_address(8), None).await);
    assert_eq!((w.step, w.local.as_deref(), w.path.as_str()), (1, Some("key"), ""));
    assert!(w.first.starts_with("\"0x") && w.first != w.second, "{w}");

    let w = twice(&record(keeps_a_count(8), None).await);
    assert_eq!((w.workflow.as_str(), w.local.as_deref(), w.path.as_str()), ("keeps_a_count", Some("seen"), "[1]"));
    let text = w.to_string();
    assert!(
        text.contains("WE106: step 1 of `recorded`") && text.contains("the local `seen` of `keeps_a_count`"),
        "{text}"
    );

    let w = twice(&record(keeps_an_order(30), None).await);
    assert_eq!(w.local.as_deref(), Some("order"));
    assert!(w.cause.contains("another order"), "{w}");
}
