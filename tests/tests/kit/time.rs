//! Time, points and restarts.

use crate::shop::*;
use workflow_runtime::{days, testing::TestEngine};

#[tokio::test]
async fn a_test_moves_time_and_looks_where_a_run_is() {
    let engine = TestEngine::builder().manual().build().await.unwrap();
    engine.mock_sequence(charge, [Err(ChargeError::Network), Ok(paid(5))]);
    let run = engine.start("o", order(card(), 5)).await.unwrap();
    engine.run_until_idle().await;
    assert_eq!(run.status().await.unwrap().point.as_deref(), Some("charge"));
    let status = engine.wait_until_at(&run, "APPROVED").await;
    assert!(status.waits[0].to_string().starts_with("the signal `approved`, until"), "{status:?}");
    engine.advance(days(4)).await;
    assert!(!run.status().await.unwrap().state.is_closed());
    engine.advance(days(1)).await;
    assert!(run.status().await.unwrap().state.is_closed());
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let engine = TestEngine::builder().manual().build().await.unwrap();
    engine.mock(charge, |_: Card, cents: u64| Ok(paid(cents)));
    let run = engine.start("o", order(card(), 5)).await.unwrap();
    engine.wait_until_at(&run, "APPROVED").await;
    let engine = engine.restart().await.unwrap();
    assert!(run.status().await.is_err(), "the engine of this handle is dead");
    let run = engine.run(order, "o");
    run.signal(&APPROVED, "Ada".into()).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "payment 7 of 5 cents, approved by Ada");
    engine.calls(charge).assert_called_once();
}

#[tokio::test]
#[should_panic(expected = "`o` never waits at `nowhere`: it is at `APPROVED` (tests/tests/kit/time.rs:")]
async fn a_point_that_is_never_reached_is_told() {
    let engine =
        TestEngine::builder().manual().mock(charge, |_: Card, cents: u64| Ok(paid(cents))).build().await.unwrap();
    let run = engine.start("o", ticks_then_wait()).await.unwrap();
    engine.wait_until_at(&run, "nowhere").await;
}

#[workflow_runtime::workflow]
async fn ticks_then_wait() -> Result<String, OrderError> {
    Ok(APPROVED.recv().await?)
}

#[tokio::test]
#[should_panic(expected = "ended before it waited at `nowhere`")]
async fn a_run_that_ends_before_is_told() {
    let engine = TestEngine::builder().manual().build().await.unwrap();
    let run = engine.start("t", ticks(2)).await.unwrap();
    engine.wait_until_at(&run, "nowhere").await;
}
