//! What a crash, a shutdown or another engine does to runs: nothing.

use super::{running::*, script::*};
use crate::{
    journal::history::Event,
    store::{Fault, FaultStore, MemoryStore},
    testing::TestClock,
};
use std::sync::Arc;

#[tokio::test]
async fn a_sleeping_run_wakes_in_another_process_however_late() {
    let (f, clock, store) = timed(&[]).await;
    f.engine.start("s", script(vec![Do::Sleep(3600), call("a")])).await.unwrap();
    f.engine.kill();
    let f = reopen(&clock, &store, &[]).await;
    clock.advance(crate::hours(1)).await;
    assert_eq!(f.engine.run(script, "s").result().await.unwrap(), ["slept", "a"]);
    f.engine.start("late", script(vec![Do::Sleep(3600)])).await.unwrap();
    f.engine.shutdown().await;
    clock.jump(crate::days(30));
    let f = reopen(&clock, &store, &[]).await;
    assert_eq!(f.engine.run(script, "late").result().await.unwrap(), ["slept"]);
}

#[tokio::test]
async fn a_signal_before_the_deadline_wins_although_both_are_seen_later() {
    let (f, clock, store) = timed(&[]).await;
    // Blocked, so the signal is stored and not received before the deadline has passed.
    f.engine.start("s", script(vec![Do::RecvFor(60)])).await.unwrap();
    f.engine.kill();
    let (b, _started) = builder(store.reopen(), &[]);
    let engine = b.only(["echo"]).clock(clock.clone()).build().await.unwrap();
    let run = engine.run(script, "s");
    run.signal(&NEWS, "in time".into()).await.unwrap();
    engine.kill();
    clock.jump(crate::days(1));
    let f = reopen(&clock, &store, &[]).await;
    assert_eq!(f.engine.run(script, "s").result().await.unwrap(), ["in time"]);
}

#[tokio::test]
async fn an_attempt_that_dies_with_its_process_is_made_again() {
    let (mut f, clock, store) = timed(&[Then::UntilAsked]).await;
    f.engine.start("l", script(vec![call("a")])).await.unwrap();
    assert_eq!(f.started.recv().await.unwrap(), ("a".into(), 1));
    f.engine.kill();
    let mut f = reopen(&clock, &store, &[]).await;
    let run = f.engine.run(script, "l");
    assert_eq!(run.result().await.unwrap(), ["a"]);
    assert_eq!(f.started.recv().await.unwrap(), ("a".into(), 2));
    let history = run.history().await.unwrap();
    assert!(history.iter().flat_map(|e| &e.events).any(|e| *e == Event::Lost { op: 0, attempt: 1 }));
}

#[tokio::test]
async fn what_an_attempt_has_reported_outlives_a_disk_that_is_full_for_a_while() {
    for then in [Then::Echo, Then::Fail] {
        let (clock, store) = (TestClock::manual(), FaultStore::new(MemoryStore::new()));
        // After the start: what the first attempt has reported, twice.
        store.on_commit(Arc::new(|n| if n == 1 || n == 2 { Fault::Full } else { Fault::None }));
        let (builder, mut started) = builder(store.clone(), std::slice::from_ref(&then));
        let engine = builder.clock(clock.clone()).build().await.unwrap();
        let run = engine.start("o", script(vec![Do::Retried("a".into()), call("b")])).await.unwrap();
        clock.advance(crate::hours(1)).await;
        assert_eq!(run.result().await.unwrap(), ["a", "b"], "{then:?}");
        let (mut expected, mut made) = (vec![("a".into(), 1)], vec![]);
        expected.extend((then == Then::Fail).then(|| ("a".into(), 2)));
        expected.push(("b".into(), 1));
        while let Ok(attempt) = started.try_recv() {
            made.push(attempt);
        }
        assert_eq!(made, expected);
        assert!(store.commits() > 3, "{} commits", store.commits());
    }
}

#[tokio::test]
async fn a_shutdown_waits_stops_reports_and_loses_nothing() {
    let (mut f, clock, store) = timed(&[Then::UntilAsked]).await;
    let run = f.engine.start("l", script(vec![call("a")])).await.unwrap();
    f.started.recv().await.unwrap();
    let waiting = tokio::spawn({
        let run = run.clone();
        async move { run.result().await }
    });
    let (engine, moving) = (f.engine.clone(), clock.clone());
    let ending = tokio::spawn(async move { engine.shutdown().await });
    while !ending.is_finished() {
        moving.jump(crate::seconds(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(ending.await.unwrap().interrupted, 1);
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), "WE010");
    assert_eq!(run.signal(&NEWS, "x".into()).await.unwrap_err().code(), "WE010");
    assert!(f.engine.shutdown().await.already_down);
    let f = reopen(&clock, &store, &[]).await;
    assert_eq!(f.engine.run(script, "l").result().await.unwrap(), ["a"]);
}

#[tokio::test]
async fn an_engine_whose_store_was_taken_over_does_nothing_more() {
    let (f, clock, store) = timed(&[]).await;
    let run = f.engine.start("r", script(vec![Do::Recv])).await.unwrap();
    let other = reopen(&clock, &store, &[]).await;
    let e = run.signal(&NEWS, "x".into()).await.unwrap_err();
    assert_eq!(e.code(), "WE011");
    assert_eq!(run.result().await.unwrap_err().code(), "WE011");
    other.engine.run(script, "r").signal(&NEWS, "y".into()).await.unwrap();
    assert_eq!(other.engine.run(script, "r").result().await.unwrap(), ["y"]);
}

/// Starts the run and sends it what it waits for, again and again, until it has ended: as a patient client would.
async fn play(store: &FaultStore<MemoryStore>, todo: &[Do]) -> Option<Vec<String>> {
    let (b, _started) = builder(store.clone(), &[Then::Panic]);
    let engine = b.clock(TestClock::new()).evict_after_every_step().build().await.ok()?;
    let run = engine.start("c", script(todo.to_vec())).await.ok()?;
    if run.status().await.ok()?.inbox.is_empty() && !run.history().await.ok()?.iter().any(received) {
        run.signal(&NEWS, "n".into()).await.ok()?;
    }
    run.result().await.ok()
}

fn received(entry: &crate::journal::history::Entry) -> bool {
    entry.events.iter().any(|e| matches!(e, Event::SignalReceived { .. }))
}

#[tokio::test]
async fn a_crash_at_any_commit_changes_no_result() {
    let todo = [Do::Sleep(5), Do::Retried("a".into()), Do::Recv, call("b"), Do::RecvFor(5)];
    let expected = ["slept", "a", "n", "b", "timed out"];
    let calm = FaultStore::new(MemoryStore::new());
    assert_eq!(play(&calm, &todo).await.unwrap(), expected);
    let commits = calm.commits();
    assert!(commits >= 7, "{commits}");
    for n in 0..commits {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let store = FaultStore::new(MemoryStore::new());
            store.on_commit(Arc::new(move |at| if at == n { fault } else { Fault::None }));
            assert_eq!(play(&store, &todo).await, None, "{fault:?} at {n}");
            let result = play(&store.reopen(), &todo).await;
            assert_eq!(result.as_deref(), Some(&expected.map(String::from)[..]), "{fault:?} at {n}");
        }
    }
}
