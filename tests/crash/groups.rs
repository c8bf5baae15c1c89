//! Groups of operations, crashed at every commit.

use crate::scenarios::ShopError;
use workflow_runtime::{
    activity,
    engine::{ControlError, Waits},
    machine::{Workflow, WorkflowCall},
    prelude::*,
    testing::{Sweep, Swept, TestEngine},
    workflow,
};

pub(crate) const NAMES: [&str; 14] = [
    "weigh_parcel",
    "linger_guest",
    "weigh_all",
    "group_naps",
    "weigh_strict",
    "group_race",
    "weigh_narrow",
    "group_crowd",
    "group_letters",
    "group_echo",
    "group_wide",
    "group_child",
    "group_family",
    "group_heirs",
];

/// Busy once for every third parcel; refuses number 13.
#[activity(retry(attempts = 5, initial = "1s", unless(ShopError::Declined { .. })))]
async fn weigh_parcel(cx: ActivityContext, parcel: u64) -> Result<u64, ShopError> {
    if parcel == 13 {
        return Err(ShopError::Declined { reason: "thirteen".into() });
    }
    if parcel.is_multiple_of(3) && cx.attempt() == 1 {
        return Err(ShopError::Busy);
    }
    Ok(parcel * 10)
}

/// Returns when it is asked to stop, and not before.
#[activity]
async fn linger_guest(cx: ActivityContext, guest: u64) -> u64 {
    cx.cancelled().await;
    guest
}

#[workflow]
pub(crate) async fn weigh_all(parcels: u64) -> Result<Vec<u64>, ShopError> {
    let mut weights = vec![];
    for weight in join_all((1..=parcels).map(weigh_parcel)).await {
        weights.push(weight?);
    }
    Ok(weights)
}

#[workflow]
async fn group_naps(minutes_each: Vec<u64>) -> Result<usize, ShopError> {
    let slept = join_all(minutes_each.into_iter().map(minutes).map(sleep)).await;
    Ok(slept.into_iter().filter(|s| s.is_ok()).count())
}

#[workflow]
pub(crate) async fn weigh_strict(parcels: Vec<u64>) -> Result<Vec<u64>, ShopError> {
    let weights = try_join_all(parcels.into_iter().map(weigh_parcel)).await?;
    Ok(weights)
}

#[workflow]
async fn group_race(laps: Vec<u64>) -> Result<Option<usize>, ShopError> {
    let first = select_all(laps.into_iter().map(hours).map(sleep)).await;
    sleep(minutes(1)).await?;
    Ok(first.map(|(index, _)| index))
}

#[workflow]
pub(crate) async fn weigh_narrow(parcels: u64) -> Result<u64, ShopError> {
    let mut total = 0;
    for weight in for_each_concurrent(2, (1..=parcels).map(weigh_parcel)).await {
        total += weight?;
    }
    Ok(total)
}

/// The first letter of each name wins.
pub(crate) const LETTERS: Signal<String> = Signal::new("group_letters");

#[workflow]
pub(crate) async fn group_letters(n: u64) -> Result<Vec<String>, ShopError> {
    let mut all = vec![];
    for letter in join_all((0..n).map(|_| LETTERS.recv())).await {
        all.push(letter?);
    }
    Ok(all)
}

pub(crate) fn sweep<W: Workflow>(call: WorkflowCall<W>) -> Sweep<W> {
    Sweep::new(call, "g").configure(|e| e.only(NAMES)).any_order()
}

fn count(swept: &Swept, what: &str) -> usize {
    swept.history.iter().filter(|e| e.contains(what)).count()
}

fn last(swept: &Swept) -> &str {
    swept.history.last().map_or("", |e| e.as_str())
}

#[tokio::test]
async fn all_members_end_and_some_are_retried() {
    let swept = sweep(weigh_all(5)).run().await;
    assert_eq!(last(&swept), "completed with [10,20,30,40,50]");
    assert_eq!(count(&swept, "join_all of 5"), 1);
    assert_eq!(count(&swept, "scheduled"), 5);
    assert_eq!(count(&swept, "gave"), 5);
    assert!(swept.commits >= 4, "{swept:?}");
}

#[tokio::test]
async fn timers_of_a_group() {
    let swept = sweep(group_naps(vec![3, 1, 3, 0, 2])).run().await;
    assert_eq!(last(&swept), "completed with 5");
    assert_eq!(count(&swept, "timer fired"), 5);
}

#[tokio::test]
async fn the_first_error_ends_it() {
    let swept = sweep(weigh_strict(vec![13, 3])).run().await;
    assert!(last(&swept).contains("thirteen"), "{swept:?}");
    assert_eq!(count(&swept, "detached"), 1);
    let swept = sweep(weigh_strict(vec![7, 8])).run().await;
    assert_eq!(last(&swept), "completed with [70,80]");
}

#[tokio::test]
async fn the_first_of_several_timers() {
    let swept = sweep(group_race(vec![30, 10, 20])).run().await;
    assert_eq!(last(&swept), "completed with 1");
    assert_eq!((count(&swept, "detached"), count(&swept, "timer fired")), (2, 2));
    let swept = sweep(group_race(vec![])).in_memory().run().await;
    assert_eq!(last(&swept), "completed with null");
}

#[tokio::test]
async fn no_more_than_the_limit() {
    let swept = sweep(weigh_narrow(5)).run().await;
    assert_eq!(last(&swept), "completed with 150");
    assert_eq!(count(&swept, "gave"), 5);
}

#[tokio::test]
async fn signals_go_to_the_members_in_order() {
    let sweep = sweep(group_letters(3)).signal_at_start(&LETTERS, "a".to_string());
    let sweep = sweep.signal_at_start(&LETTERS, "b".to_string()).signal_at_start(&LETTERS, "c".to_string());
    let swept = sweep.run().await;
    assert_eq!(last(&swept), r#"completed with ["a","b","c"]"#);
}

#[workflow]
async fn group_crowd(guests: u64, limit: usize) -> Result<usize, ShopError> {
    let stayed = for_each_concurrent(limit, (0..guests).map(linger_guest)).await;
    Ok(stayed.into_iter().filter(|s| s.is_ok()).count())
}

#[tokio::test]
async fn a_cancellation_in_the_middle() {
    for (limit, finished) in [(3, "completed with 3"), (2, "completed with 2")] {
        let sweep = sweep(group_crowd(3, limit)).drive(|run| async move {
            let _still = run.clock.pause();
            while !matches!(run.status().await?.waits[..], [Waits::Group { .. }]) {
                if run.status().await?.state.is_closed() {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
            match run.cancel("closing time").await {
                Ok(()) | Err(ControlError::Closed { .. }) => Ok(()),
                Err(e) => Err(e.into()),
            }
        });
        let swept = sweep.run().await;
        assert_eq!(count(&swept, "cancel requested: closing time"), 1);
        assert_eq!(last(&swept), finished, "{swept:?}");
    }
}

#[activity]
async fn group_echo(n: u64) -> u64 {
    n
}

#[workflow]
async fn group_wide(n: u64) -> Result<u64, ShopError> {
    Ok(join_all((0..n).map(group_echo)).await.into_iter().filter(|e| e.is_ok()).count() as u64)
}

/// Records and bytes that a member costs.
async fn cost(members: u64) -> (u64, u64) {
    let engine = TestEngine::builder().configure(|e| e.only(NAMES)).build().await.unwrap();
    let before = engine.store_counters();
    let run = engine.start("wide", group_wide(members)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), members);
    let after = engine.store_counters();
    (10 * (after.keys - before.keys) / members, (after.bytes - before.bytes) / members)
}

#[tokio::test]
async fn a_member_costs_the_same_however_many_there_are() {
    let (few, some, many) = (cost(100).await, cost(1_000).await, cost(10_000).await);
    println!("tenths of records and bytes per member: {few:?}, {some:?}, {many:?}");
    for (records, bytes) in [few, some, many] {
        assert!(records <= 80, "{records} tenths of records a member");
        assert!(bytes <= 2 * few.1, "{bytes} bytes a member, {} in a small group", few.1);
    }
}

#[workflow]
async fn group_child(n: u64) -> Result<u64, ShopError> {
    sleep(hours(n)).await?;
    if n == 4 { Err(ShopError::Busy) } else { Ok(n * 2) }
}

#[workflow]
pub(crate) async fn group_family(members: u64) -> Result<Vec<u64>, ShopError> {
    let ended = join_all((0..members).map(|n| group_child(n).child(format!("child-{n}")))).await;
    Ok(ended.into_iter().map(|e| e.unwrap_or(99)).collect())
}

#[workflow]
pub(crate) async fn group_heirs(members: u64) -> Result<Option<u64>, ShopError> {
    let first = select_all((1..=members).map(|n| group_child(n).child(format!("child-{n}")))).await;
    sleep(hours(9)).await?;
    Ok(first.and_then(|(_, ended)| ended.ok()))
}

#[tokio::test]
async fn the_first_child_to_end_decides_and_its_history_runs_again() {
    let engine = TestEngine::builder().configure(|e| e.only(NAMES)).build().await.unwrap();
    let run = engine.start("h", group_heirs(3)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), Some(2));
    run.verify().await.unwrap();
}

#[tokio::test]
async fn children_as_members() {
    let swept = sweep(group_family(3)).in_memory().run().await;
    assert_eq!(swept.history.iter().filter(|e| e.contains("completed with [0,2,4]")).count(), 1, "{swept:?}");
    let engine = TestEngine::builder().configure(|e| e.only(NAMES)).build().await.unwrap();
    let run = engine.start("f", group_family(5)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), [0, 2, 4, 6, 99]);
}

#[tokio::test]
async fn a_group_is_seen_as_one_and_its_history_runs_again() {
    let engine = TestEngine::builder().configure(|e| e.only(NAMES)).manual().build().await.unwrap();
    let run = engine.start("n", group_naps(vec![1, 2, 2])).await.unwrap();
    engine.pulse().idle().await;
    engine.clock().advance(minutes(1)).await;
    engine.pulse().idle().await;
    let status = run.status().await.unwrap();
    assert!(matches!(&status.waits[..], [Waits::Group { members: 3, ended: 1, open: 2, .. }]), "{status:?}");
    assert_eq!(status.waits[0].to_string(), "join_all of 3: 1 have ended, 2 are under way");
    engine.clock().advance(minutes(1)).await;
    assert_eq!(run.result().await.unwrap(), 3);
    run.verify().await.unwrap();
    for (id, call) in [("a", weigh_strict(vec![7, 8])), ("b", weigh_strict(vec![13, 3]))] {
        let run = engine.start(id, call).await.unwrap();
        engine.pulse().idle().await;
        engine.clock().advance(minutes(1)).await;
        let _ = run.result().await;
        run.verify().await.unwrap();
    }
}
