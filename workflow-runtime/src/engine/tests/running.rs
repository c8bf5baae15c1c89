//! What a run does while nothing goes wrong with the engine.

use super::{super::*, script::*};
use crate::{journal::history::Event, store::MemoryStore, testing::TestClock};
use std::time::Duration;

pub(super) async fn timed(then: &[Then]) -> (Fixture, TestClock, MemoryStore) {
    let (clock, store) = (TestClock::manual(), MemoryStore::new());
    (reopen(&clock, &store, then).await, clock, store)
}

pub(super) async fn reopen(clock: &TestClock, store: &MemoryStore, then: &[Then]) -> Fixture {
    let (builder, started) = builder(store.reopen(), then);
    let f = Fixture { engine: builder.clock(clock.clone()).build().await.unwrap(), started };
    f.engine.pulse().idle().await;
    f
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_workflow_runs_to_its_end_and_is_attached_to_afterwards() {
    let f = fixture(MemoryStore::new(), &[]).await;
    let todo = vec![call("a"), call("b")];
    let run = f.engine.start("o-1", script(todo.clone())).await.unwrap();
    assert!(run.is_new());
    assert_eq!(run.result().await.unwrap(), ["a", "b"]);
    let again = f.engine.start("o-1", script(todo)).await.unwrap();
    assert!(!again.is_new());
    assert_eq!(again.run_id(), run.run_id());
    assert_eq!(again.result().await.unwrap(), ["a", "b"]);
    assert_eq!(f.engine.run(script, "o-1").result().await.unwrap(), ["a", "b"]);
    let conflict = f.engine.start("o-1", script(vec![])).await.unwrap_err();
    assert_eq!(conflict.code(), "WE020");
}

#[tokio::test]
async fn a_step_of_a_sequential_workflow_is_one_commit_of_two_records() {
    let f = fixture(MemoryStore::new(), &[]).await;
    let todo: Vec<_> = (0..20).map(|n| call(&n.to_string())).collect();
    f.engine.start("short", script(todo[..10].to_vec())).await.unwrap().result().await.unwrap();
    let before = f.engine.store_counters();
    f.engine.start("long", script(todo)).await.unwrap().result().await.unwrap();
    let after = f.engine.store_counters();
    // Start, 20 completions, the last of which closes.
    assert_eq!(after.commits - before.commits, 21);
    // Start: frame, history, start record, ready, listing. End: frame, history, ready and listing moved, the
    // timer of its removal.
    assert_eq!(after.keys - before.keys, 5 + 19 * 2 + 6);
}

#[tokio::test]
async fn a_timer_fires_when_it_is_due_and_not_before() {
    let (f, clock, _) = timed(&[]).await;
    let run = f.engine.start("t", script(vec![Do::Sleep(3600), call("done")])).await.unwrap();
    clock.advance(3599 * SECOND).await;
    assert_eq!(run.status().await.unwrap().steps, 1);
    clock.advance(SECOND).await;
    assert_eq!(run.result().await.unwrap(), ["slept", "done"]);
}

#[tokio::test]
async fn signals_are_received_in_order_whether_the_workflow_waits_or_not() {
    let (f, _, _) = timed(&[]).await;
    let nobody = f.engine.run(script, "s").signal(&NEWS, "x".into()).await.unwrap_err();
    assert_eq!(nobody.code(), "WE030");
    let run = f.engine.start("s", script(vec![Do::Recv, call("c"), Do::Recv, Do::Recv])).await.unwrap();
    for text in ["1", "2", "3"] {
        run.signal(&NEWS, text.into()).await.unwrap();
    }
    assert_eq!(run.result().await.unwrap(), ["1", "c", "2", "3"]);
    assert_eq!(run.signal(&NEWS, "late".into()).await.unwrap_err().code(), "WE031");
}

#[tokio::test]
async fn a_wait_with_a_deadline_ends_at_it_and_a_later_signal_stays_in_the_inbox() {
    let (f, clock, _) = timed(&[]).await;
    let run = f.engine.start("s", script(vec![Do::RecvFor(10), Do::Sleep(5), Do::Recv])).await.unwrap();
    clock.advance(10 * SECOND).await;
    f.engine.pulse().idle().await;
    run.signal(&NEWS, "late".into()).await.unwrap();
    assert_eq!(run.status().await.unwrap().inbox["news"], 1);
    clock.advance(5 * SECOND).await;
    assert_eq!(run.result().await.unwrap(), ["timed out", "slept", "late"]);
}

#[tokio::test]
async fn an_error_is_final_without_a_policy_and_retried_with_one() {
    let (f, clock, _) = timed(&[Then::Fail, Then::Fail, Then::Fail, Then::Echo]).await;
    let run = f.engine.start("r", script(vec![call("a"), Do::Retried("b".into())])).await.unwrap();
    f.engine.pulse().idle().await;
    let waits = &run.status().await.unwrap().waits[..];
    assert!(
        matches!(waits, [Waits::Backoff { attempt: 2, last_error: Some(e), .. }] if e.contains("no b")),
        "{waits:?}"
    );
    clock.advance(SECOND).await;
    f.engine.pulse().idle().await;
    clock.advance(2 * SECOND).await;
    assert_eq!(run.result().await.unwrap(), ["Failed(\"no a\")", "b"]);
    let history = run.history().await.unwrap();
    let failed = history.iter().flat_map(|e| &e.events).filter(|e| matches!(e, Event::AttemptFailed { .. }));
    assert_eq!(failed.count(), 2);
    assert!(history.iter().enumerate().all(|(i, e)| e.seq == i as u64));
}

#[tokio::test]
async fn panics_are_retried_without_a_policy_and_given_back_when_a_policy_is_used_up() {
    let (f, clock, _) = timed(&[Then::Panic, Then::Echo, Then::Panic, Then::Panic, Then::Panic]).await;
    let run = f.engine.start("p", script(vec![call("a"), Do::Retried("b".into())])).await.unwrap();
    clock.advance(60 * SECOND).await;
    assert_eq!(run.result().await.unwrap(), ["a", "Panicked(\"oh b\")"]);
}

#[tokio::test]
async fn cancelling_ends_waits_at_once_and_asks_running_activities() {
    let (mut f, clock, _) = timed(&[Then::UntilAsked, Then::Fail]).await;
    let timer = f.engine.start("timer", script(vec![Do::Sleep(9)])).await.unwrap();
    let signal = f.engine.start("signal", script(vec![Do::Recv])).await.unwrap();
    timer.cancel("bored").await.unwrap();
    timer.cancel("twice").await.unwrap_or(());
    signal.cancel("bored").await.unwrap();
    for (run, text) in [(timer, "cancelled sleep"), (signal, "cancelled wait")] {
        let e = run.result().await.unwrap_err();
        assert!(matches!(&e, RunError::Cancelled { reason, error, .. } if reason == "bored" && error == text), "{e}");
    }
    let running = f.engine.start("running", script(vec![call("a")])).await.unwrap();
    f.started.recv().await.unwrap();
    running.cancel("bored").await.unwrap();
    assert_eq!(running.result().await.unwrap(), ["stopped a"]);
    let backoff = f.engine.start("backoff", script(vec![Do::Retried("a".into())])).await.unwrap();
    f.engine.pulse().idle().await;
    backoff.cancel("bored").await.unwrap();
    let e = backoff.result().await.unwrap_err();
    assert!(matches!(&e, RunError::Cancelled { error, .. } if error == "cancelled call"), "{e}");
    clock.advance(60 * SECOND).await;
}

#[tokio::test]
async fn a_saga_undoes_in_reverse_order_until_it_is_done() {
    let (mut f, clock, _) = timed(&[Then::Echo, Then::Fail, Then::Echo, Then::Echo]).await;
    let undo = |t: &str| Do::Undo(t.into());
    let todo = vec![undo("first"), call("a"), undo("second"), Do::Fail("sorry".into())];
    let run = f.engine.start("saga", script(todo)).await.unwrap();
    f.engine.pulse().idle().await;
    clock.advance(SECOND).await;
    assert!(matches!(run.result().await.unwrap_err(), RunError::Failed(e) if e == "sorry"));
    let mut order = vec![];
    while let Ok((text, attempt)) = f.started.try_recv() {
        order.push(format!("{text} {attempt}"));
    }
    assert_eq!(order, ["a 1", "second 1", "second 2", "first 1"]);
}

#[tokio::test]
async fn terminating_ends_a_run_without_a_step_of_its_own() {
    let (f, clock, _) = timed(&[]).await;
    let run = f.engine.start("t", script(vec![Do::Sleep(5), call("never")])).await.unwrap();
    run.terminate("enough").await.unwrap();
    assert!(matches!(run.result().await.unwrap_err(), RunError::Terminated { reason, .. } if reason == "enough"));
    clock.advance(10 * SECOND).await;
    assert_eq!(run.status().await.unwrap().steps, 1);
    assert_eq!(run.terminate("again").await.unwrap_err().code(), "WE041");
    assert_eq!(run.retry().await.unwrap_err().code(), "WE041");
    assert_eq!(f.engine.run(script, "nobody").cancel("x").await.unwrap_err().code(), "WE040");
    assert_eq!(f.engine.run(script, "").cancel("x").await.unwrap_err().code(), "WS030");
}

#[tokio::test]
async fn large_locals_and_eviction_after_every_step_change_nothing() {
    let big = |c: &str| c.repeat(3000);
    let todo = vec![call(&big("a")), Do::Sleep(1), call(&big("b")), Do::Recv, call("c")];
    let expected = vec![big("a"), "slept".into(), big("b"), big("d"), "c".into()];
    for evict in [false, true] {
        let (clock, store) = (TestClock::manual(), MemoryStore::new());
        let (mut builder, _started) = builder(store.reopen(), &[]);
        if evict {
            builder = builder.evict_after_every_step();
        }
        let engine = builder.clock(clock.clone()).build().await.unwrap();
        let run = engine.start("big", script(todo.clone())).await.unwrap();
        engine.pulse().idle().await;
        clock.advance(SECOND).await;
        engine.pulse().idle().await;
        run.signal(&NEWS, big("d")).await.unwrap();
        assert_eq!(run.result().await.unwrap(), expected);
        engine.shutdown().await;
    }
}
