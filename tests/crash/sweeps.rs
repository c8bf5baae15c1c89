//! Every scenario, crashed at every commit, resident and evicted, in memory and on sled.

use crate::scenarios::*;
use workflow_runtime::{
    engine::{ControlError, Waits},
    machine::{Workflow, WorkflowCall},
    testing::Sweep,
};

fn sweep<W: Workflow>(call: WorkflowCall<W>, id: &str) -> Sweep<W> {
    Sweep::new(call, id).state_with(Stock::default).configure(|e| e.only(NAMES))
}

fn last(history: &[String]) -> &str {
    history.last().map_or("", |e| e.as_str())
}

fn count(history: &[String], what: &str) -> usize {
    history.iter().filter(|e| e.contains(what)).count()
}

#[tokio::test]
async fn activities_that_are_retried_and_panic() {
    let swept = sweep(payment(500), "p").run().await;
    assert_eq!(last(&swept.history), r#"completed with "PAID 500""#);
    assert!(swept.commits >= 5, "{swept:?}");
}

#[tokio::test]
async fn an_error_that_no_retry_helps() {
    let swept = sweep(payment(13), "p").run().await;
    assert!(last(&swept.history).starts_with("failed with"), "{swept:?}");
    assert!(last(&swept.history).contains("unlucky"), "{swept:?}");
}

#[tokio::test]
async fn timers_of_months() {
    let swept = sweep(patience(3), "p").run().await;
    assert_eq!(last(&swept.history), "completed with 2160");
    assert_eq!(count(&swept.history, "timer fired"), 3);
}

#[tokio::test]
async fn a_signal_before_its_deadline() {
    let sweep = sweep(approval("gem".into()), "a");
    let swept = sweep.signal_at_start(&APPROVED, "Ada".to_string()).run().await;
    assert_eq!(last(&swept.history), r#"completed with "2 x gem, approved by Ada""#);
    assert_eq!(count(&swept.history, "received signal approved 0"), 1);
}

#[tokio::test]
async fn a_signal_that_never_comes() {
    let swept = sweep(approval("gem".into()), "a").run().await;
    assert_eq!(last(&swept.history), r#"completed with "2 x gem, nobody cared""#);
}

#[tokio::test]
async fn a_saga_that_fails() {
    let swept = sweep(trip(13), "t").run().await;
    assert_eq!(count(&swept.history, "release"), 2);
    assert!(last(&swept.history).contains("unlucky"), "{swept:?}");
}

#[tokio::test]
async fn a_saga_that_succeeds() {
    let swept = sweep(trip(100), "t").run().await;
    assert_eq!(count(&swept.history, "release"), 0);
    assert_eq!(last(&swept.history), r#"completed with "paid 100""#);
}

#[tokio::test]
async fn helpers_inline() {
    let names = vec!["milk".to_string(), "bread".to_string()];
    let swept = sweep(errands(names), "e").run().await;
    assert_eq!(count(&swept.history, "reserve"), 2);
    assert!(last(&swept.history).contains("milk at 2000-01-01T00:05:00Z"), "{swept:?}");
}

#[tokio::test]
async fn a_generic_helper_with_two_types() {
    let swept = sweep(deliveries(3), "d").run().await;
    assert_eq!(count(&swept.history, "timer fired"), 6);
    assert_eq!(last(&swept.history), r#"completed with "6 3000 3 6000""#);
}

#[tokio::test]
async fn what_a_step_draws() {
    for seed in [1, 2] {
        let swept = sweep(draws(3), "d").seed(seed).run().await;
        assert_eq!(count(&swept.history, "tag round"), 3);
    }
}

#[tokio::test]
async fn an_activity_that_hangs() {
    let swept = sweep(hopeless(112), "h").in_memory().run().await;
    assert_eq!(last(&swept.history), r#"completed with "nobody answers""#);
}

#[tokio::test]
async fn a_cancellation_from_outside() {
    let sweep = sweep(approval("gem".into()), "a").drive(|run| async move {
        // Not before the run waits for its signal, so that each run of the sweep is cancelled in one place.
        let _still = run.clock.pause();
        while !matches!(run.status().await?.waits[..], [Waits::Signal { .. }]) {
            if run.status().await?.state.is_closed() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        match run.cancel("changed my mind").await {
            Ok(()) | Err(ControlError::Closed { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    });
    let swept = sweep.run().await;
    assert_eq!(count(&swept.history, "cancel requested: changed my mind"), 1);
    assert!(last(&swept.history).starts_with("cancelled (changed my mind)"), "{swept:?}");
}

#[tokio::test]
#[should_panic(
    expected = "crash before commit 0, in memory, resident: event 3: expected completed with 10, found completed with 1"
)]
async fn a_workflow_that_is_not_deterministic_is_found() {
    sweep(forgetful(10), "f").run().await;
}
