//! What stands in for activities.

use crate::shop::*;
use workflow_runtime::{
    ActivityError,
    engine::RunError,
    seconds,
    testing::{Mock, Sweep, TestEngine, differential::Differential},
};

type Paid = Mock<Payment, ChargeError>;

#[tokio::test]
async fn a_closure_answers_with_the_owned_arguments() {
    let engine = TestEngine::new().await.unwrap();
    engine.mock(charge, |card: Card, cents: u64| {
        assert_eq!(card, Card("4242".into()));
        Ok(paid(cents))
    });
    engine.mock(greet, |name: String, titles: Vec<String>| format!("{name} {titles:?}"));
    engine.mock(tick, || 5);
    let run = engine.start("o", order(card(), 500)).await.unwrap();
    run.signal(&APPROVED, "Ada".into()).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "payment 7 of 500 cents, approved by Ada");
    let greeted = engine.start("g", greeting("Zoë".into())).await.unwrap().result().await;
    assert_eq!(greeted.unwrap(), r#"Zoë ["Dr."]"#);
    assert_eq!(engine.start("t", ticks(3)).await.unwrap().result().await.unwrap(), 15);

    let call = engine.calls(charge).assert_called_once_with((card(), 500)).clone();
    assert_eq!((call.attempt, call.workflow_id.as_str()), (1, "o"));
    assert_eq!(call.idempotency_key, format!("{}-0", run.run_id().unwrap().0.simple()));
    assert_eq!(engine.calls(greet)[0].args, ("Zoë".to_string(), vec!["Dr.".to_string()]));
    engine.calls(tick).assert_called_times(3);
    engine.calls(refund).assert_not_called();
}

#[tokio::test]
async fn a_sequence_fails_panics_times_out_and_succeeds() {
    let engine = TestEngine::new().await.unwrap();
    let begin = workflow_runtime::engine::Clock::now(engine.clock());
    engine.mock_sequence(
        charge,
        [Paid::fail(ChargeError::Network), Mock::panic("paper jam"), Mock::time_out(), Mock::ok(paid(500))],
    );
    let run = engine.start("o", order(card(), 500)).await.unwrap();
    assert!(matches!(run.result().await, Err(RunError::Failed(OrderError::NotApproved))));
    assert_eq!(engine.calls(charge).assert_called_once().attempt, 4);
    engine.calls(refund).assert_called_once_with((7,));
    // Pauses of 1, 2 and 4 seconds, a timeout of 10, and the five days.
    let passed = workflow_runtime::engine::Clock::now(engine.clock()).duration_since(begin);
    assert_eq!(passed.as_secs(), 17 + 5 * 24 * 3600);
}

#[tokio::test]
async fn an_error_that_is_final_is_final_in_a_mock_too() {
    let engine = TestEngine::new().await.unwrap();
    engine.mock_sequence(charge, [Err(ChargeError::Declined { code: 51 })]);
    let ended = engine.start("o", order(card(), 500)).await.unwrap().result().await;
    let Err(RunError::Failed(OrderError::Charge(ActivityError::Failed(e)))) = ended else { panic!("{ended:?}") };
    assert_eq!(e, ChargeError::Declined { code: 51 });
}

#[tokio::test]
async fn an_activity_that_hangs_is_stopped_by_its_timeout() {
    let engine = TestEngine::new().await.unwrap();
    engine.mock(charge, |_: Card, _: u64| Paid::hang());
    let ended = engine.start("o", order(card(), 500)).await.unwrap().result().await;
    assert!(matches!(ended, Err(RunError::Failed(OrderError::Charge(ActivityError::TimedOut)))), "{ended:?}");
    // An activity without a limit counts as timed out at once, and runs again.
    engine.mock_sequence(tick, [Mock::time_out(), Mock::ok(3)]);
    assert_eq!(engine.start("t", ticks(1)).await.unwrap().result().await.unwrap(), 3);
}

/// What the test is told, by the call that waited and when the engine is dropped.
async fn failure(
    engine: TestEngine,
    call: workflow_runtime::WorkflowCall<impl workflow_runtime::machine::Workflow>,
) -> String {
    let ended = engine.start("w-1", call).await.unwrap().result().await;
    let Err(RunError::Unavailable(e)) = ended else { panic!("the engine went on") };
    let told = format!("{e}: {}", std::error::Error::source(&e).map_or_else(String::new, ToString::to_string));
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(engine))).unwrap_err();
    let dropped = dropped.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(told.contains(&dropped), "{told}\n{dropped}");
    dropped
}

#[tokio::test]
async fn what_a_test_does_wrong_it_is_told_by_name() {
    let strict = TestEngine::builder().strict().build().await.unwrap();
    assert_eq!(
        failure(strict, ticks(1)).await,
        "`tick()` (workflow `w-1`) is not mocked, and this test is strict: add `.mock(tick, ..)`"
    );
    assert_eq!(
        failure(TestEngine::new().await.unwrap(), order(card(), 5)).await,
        "`charge` (workflow `w-1`) is not mocked and needs a `State<kit::shop::Gateway>`, which nobody gave: add `.state(..)`, or `.mock(charge, ..)`"
    );
    let short = TestEngine::builder().mock_sequence(tick, [Ok(1), Ok(2)]).build().await.unwrap();
    assert_eq!(
        failure(short, ticks(3)).await,
        "attempt 1 of `tick()` (workflow `w-1`) finds no answer: the sequence of its mock has 2; add one, or use `.mock(..)`"
    );
    let wrong = |_: Card, cents: u64| -> Result<Payment, ChargeError> { panic!("who pays {cents}?") };
    let panics = TestEngine::builder().mock(charge, wrong).build().await.unwrap();
    let told = failure(panics, order(card(), 5)).await;
    assert!(told.starts_with("the mock of `charge` panicked at tests/tests/kit/mocks.rs:"), "{told}");
    assert!(told.ends_with(": who pays 5?"), "{told}");
}

#[tokio::test]
async fn an_assertion_says_what_was_called() {
    let engine = TestEngine::new().await.unwrap();
    engine.start("t", ticks(2)).await.unwrap().result().await.unwrap();
    let key = |n: usize| engine.calls(tick)[n].idempotency_key.clone();
    let panicked = |f: &dyn Fn()| {
        let e = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        e.downcast_ref::<String>().unwrap().clone()
    };
    let listed = format!(
        "it was called 2 times:\n  tick() by `t`, attempt 1, key {}\n  tick() by `t`, attempt 1, key {}",
        key(0),
        key(1)
    );
    let once = panicked(&|| drop(engine.calls(tick).assert_called_once().clone()));
    assert_eq!(once, format!("`tick` should have been called once; {listed}"));
    let never = panicked(&|| engine.calls(tick).assert_not_called());
    assert_eq!(never, format!("`tick` should not have been called; {listed}"));
    let with = panicked(&|| drop(engine.calls(refund).assert_called_once_with((7,)).clone()));
    assert_eq!(with, "`refund` should have been called once; it was not called");
}

#[tokio::test]
async fn a_sweep_with_mocks() {
    let sweep = Sweep::new(order(card(), 500), "o").in_memory().strict();
    let sweep = sweep
        .mock_sequence(charge, [Paid::fail(ChargeError::Network), Mock::panic("paper jam"), Mock::ok(paid(500))])
        .mock(refund, |payment: u64| if payment == 7 { Ok(()) } else { Err(ChargeError::Network) });
    let swept = sweep.run().await;
    assert!(swept.history.last().unwrap().contains("NotApproved"), "{swept:?}");
}

#[tokio::test]
#[should_panic(expected = "`charge(\"4242\", 500)` (workflow `o`) is not mocked, and this test is strict")]
async fn a_strict_sweep_names_what_is_not_mocked() {
    Sweep::new(order(card(), 500), "o").in_memory().strict().run().await;
}

#[test]
fn a_comparison_with_mocks() {
    let comparison = Differential::new(|| order(card(), 500))
        .mock_sequence(charge, [Err(ChargeError::Network), Ok(paid(400))])
        .mock(refund, |_: u64| Ok(()));
    let agreement = comparison.run();
    assert_eq!(agreement.outcome, serde_json::json!({ "err": "NotApproved" }));
    assert_eq!(agreement.operations.len(), 3, "{agreement:?}");
    let slow = Differential::new(|| ticks(1)).mock_sequence(tick, [Mock::time_out()]).run();
    assert!(slow.outcome["err"].to_string().contains("TimedOut"), "{slow:?}");
}

/// Time of a retry, seen by a closure with a memory.
#[tokio::test]
async fn a_closure_may_remember() {
    let engine = TestEngine::new().await.unwrap();
    let mut calls = 0;
    engine.mock(charge, move |_: Card, cents: u64| {
        calls += 1;
        if calls < 3 { Err(ChargeError::Network) } else { Ok(paid(cents)) }
    });
    let run = engine.start("o", order(card(), 9)).await.unwrap();
    run.signal(&APPROVED, "Ada".into()).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "payment 7 of 9 cents, approved by Ada");
    let _ = seconds(1);
}
