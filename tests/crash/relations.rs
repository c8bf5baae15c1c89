//! Who belongs to whom, as people see it, and what happens to messages that nobody can take.

use crate::children::*;
use workflow_runtime::{
    engine::{Expected, Filter, RunError, Status, Waits},
    journal::{
        history::Event,
        id::{Namespace, WorkflowId},
        key::{InstanceKeys, Kind, NamespaceKeys},
    },
    prelude::*,
    store::{MemoryStore, Store},
    testing::TestEngine,
};

#[workflow]
async fn breaks(with: String) -> Result<String, Cancelled> {
    sleep(minutes(1)).await?;
    panic!("broken by {with}")
}

#[workflow]
async fn waits_for_broken(id: String) -> Result<String, WorkflowError> {
    Ok(breaks("hammer".to_string()).child(id).await?)
}

/// A child of its own.
#[workflow]
async fn ouroboros(bites: u32) -> Result<String, WorkflowError> {
    if bites == 0 {
        return Ok("whole".to_string());
    }
    match ouroboros(bites - 1).child("tail").await {
        Ok(inner) => Ok(inner),
        Err(ChildError::Conflict { existing, .. }) => Ok(format!("conflict with {existing}")),
        Err(e) => Err(e.into()),
    }
}

#[workflow]
async fn counter(left: u64) -> Result<u64, Cancelled> {
    if left == 0 {
        return Ok(0);
    }
    continue_as_new!(left - 1)
}

/// Told inline to continue.
#[workflow]
async fn impatient(left: u64) -> Result<u64, Cancelled> {
    counter(left).await
}

#[workflow]
async fn invalid(id: String) -> Result<String, WorkflowError> {
    match breaks("x".repeat(10)).start_child(id).await {
        Ok(child) => Ok(child.id().to_string()),
        Err(e) => Ok(format!("{e}: {}", std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default())),
    }
}

#[tokio::test]
async fn a_blocked_child_shows_in_the_status_of_its_parent() {
    let engine = TestEngine::new().await.unwrap();
    let run = engine.start("p", waits_for_broken("c".into())).await.unwrap();
    let child = engine.run(breaks, "c");
    while !child.status().await.is_ok_and(|s| s.state == Status::Blocked) {
        tokio::task::yield_now().await;
    }
    let status = run.status().await.unwrap();
    assert_eq!(status.children, ["c"]);
    assert!(
        matches!(&status.waits[..], [Waits::Instance { id, expected: Expected::End, state: Some(Status::Blocked), .. }] if id == "c"),
        "{status:#?}"
    );
    assert!(status.waits[0].to_string().contains("the end of `c`, which is blocked"), "{}", status.waits[0]);
    assert_eq!(child.status().await.unwrap().parent.as_deref(), Some("p"));
    child.terminate("hopeless").await.unwrap();
    let failed = run.result().await.unwrap_err();
    assert!(failed.to_string().contains("the child `c` was terminated: hopeless"), "{failed}");
    assert_eq!(engine.list(&Filter::all().children_of("p")).await.unwrap().instances.len(), 1);
}

#[tokio::test]
async fn an_instance_that_starts_itself_is_told() {
    let engine = TestEngine::new().await.unwrap();
    let run = engine.start("tail", ouroboros(3)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "conflict with ouroboros");
    let run = engine.start("head", ouroboros(0)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "whole");
}

#[tokio::test]
async fn ids_that_are_none_and_inputs_that_are_too_large_are_refused() {
    let engine = TestEngine::builder().configure(|e| e.payload_limit(64)).build().await.unwrap();
    let run = engine.start("i", invalid(String::new())).await.unwrap();
    assert!(run.result().await.unwrap().contains("WS030"));
    let run = engine.start("j", counter(3)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), 0);
}

#[tokio::test]
async fn a_helper_cannot_continue_its_callers_run() {
    let engine = TestEngine::new().await.unwrap();
    let run = engine.start("h", impatient(2)).await.unwrap();
    while run.status().await.unwrap().state != Status::Blocked {
        tokio::task::yield_now().await;
    }
    let blocked = run.status().await.unwrap().blocked.unwrap();
    assert_eq!(blocked.code, "WB012");
    assert!(blocked.message.contains("`counter` was awaited inline"), "{}", blocked.message);
}

#[tokio::test]
async fn a_handle_of_one_run_does_not_follow_and_the_others_do() {
    let engine = TestEngine::new().await.unwrap();
    let run = engine.start("c", counter(3)).await.unwrap();
    let first = run.of_run(run.run_id().unwrap());
    assert_eq!(run.result().await.unwrap(), 0);
    let next = match first.result().await {
        Err(RunError::ContinuedAsNew { next, .. }) => next,
        other => panic!("{other:?}"),
    };
    let old = first.status().await.unwrap();
    assert_eq!((old.state, old.next_run_id, old.previous_run_id), (Status::Continued, Some(next), None));
    let history = first.history().await.unwrap();
    assert!(matches!(history.last().unwrap().events.last(), Some(Event::ContinuedAsNew { next: n, .. }) if *n == next));
    let second = run.of_run(next).history().await.unwrap();
    assert!(matches!(&second[0].events[0], Event::ContinuedFrom { run, .. } if *run == first.run_id().unwrap()));
    let last = run.pinned().await.unwrap();
    assert_eq!(last.result().await.unwrap(), 0);
    let status = last.status().await.unwrap();
    assert_eq!(status.first_run_id, first.run_id().unwrap());
    assert!(status.previous_run_id.is_some());
    // The first arguments attach.
    assert!(!engine.start("c", counter(3)).await.unwrap().is_new());
    assert_eq!(engine.start("c", counter(7)).await.unwrap_err().code(), "WE020");
}

#[tokio::test]
async fn ten_thousand_runs_leave_their_records_and_nothing_else() {
    let store = MemoryStore::new();
    let engine = TestEngine::builder().store(store.clone()).build().await.unwrap();
    let run = engine.start("c", counter(10_000)).await.unwrap();
    assert_eq!(run.result().await.unwrap(), 0);
    let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new("c").unwrap());
    for (kind, expected) in
        [(Kind::Start, 10_001), (Kind::Slot, 0), (Kind::Signal, 0), (Kind::Outbox, 0), (Kind::Result, 0)]
    {
        let (from, to) = keys.all(kind);
        assert_eq!(store.scan(&from, &to, usize::MAX).await.unwrap().len(), expected, "{kind:?}");
    }
    for kind in [Kind::Ready, Kind::Timer] {
        let (from, to) = NamespaceKeys::new(&Namespace::default()).all(kind);
        assert!(store.scan(&from, &to, usize::MAX).await.unwrap().len() <= 10_001, "{kind:?}");
    }
}

const NOTE: Signal<u32> = Signal::new("note");

/// Takes no note for so long.
#[workflow]
async fn busy(time: u64) -> Result<u32, WorkflowError> {
    sleep(seconds(time)).await?;
    Ok(NOTE.recv().await? + NOTE.recv().await?)
}

/// Writes one note more than there is room for: how many seconds until it was taken.
#[workflow]
async fn writes_too_much() -> Result<i64, WorkflowError> {
    let reader = external(busy, "busy");
    reader.signal(&NOTE, 1).await?;
    let sent = now();
    reader.signal(&NOTE, 2).await?;
    Ok((now() - sent).get_seconds())
}

#[tokio::test]
async fn a_message_to_a_full_inbox_comes_again_less_and_less_often() {
    let engine = TestEngine::builder().configure(|e| e.inbox_limit(1)).build().await.unwrap();
    let at_once = engine.clock().pause();
    let reader = engine.start("busy", busy(100)).await.unwrap();
    let writer = engine.start("w", writes_too_much()).await.unwrap();
    drop(at_once);
    // After 1, 3, 7, 15, 31 seconds, and then every 16.
    assert_eq!(writer.result().await.unwrap(), 111);
    assert_eq!(reader.result().await.unwrap(), 3);
}

#[tokio::test]
async fn what_parents_and_children_did_is_done_again_by_verification() {
    let engine = TestEngine::builder().state(crate::scenarios::Stock::default()).build().await.unwrap();
    let run = engine.start("w", workshop(vec![4, 5])).await.unwrap();
    assert_eq!(run.result().await.unwrap(), [4, 5]);
    run.verify().await.unwrap();
    let child = engine.run(sewing, "sewing");
    child.verify().await.unwrap();
    let first = child.of_run(child.status().await.unwrap().first_run_id);
    first.verify().await.unwrap();
    let run = engine.start("x", inspector("nobody".into())).await.unwrap();
    assert!(run.result().await.unwrap()[0].contains("NotFound"));
    run.verify().await.unwrap();
    let run = engine.start("tail", ouroboros(1)).await.unwrap();
    run.result().await.unwrap();
    run.verify().await.unwrap();
}

#[tokio::test]
async fn messages_across_many_workers() {
    let engine = TestEngine::builder().configure(|e| e.workers(4)).build().await.unwrap();
    let mut runs = vec![];
    for n in 0..20 {
        let run = engine.start(format!("h-{n}"), waits_for_broken(format!("b-{n}"))).await.unwrap();
        runs.push(run);
    }
    for n in 0..20 {
        let child = engine.run(breaks, format!("b-{n}"));
        while child.terminate("enough").await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    for run in runs {
        assert!(run.result().await.unwrap_err().to_string().contains("enough"));
    }
}
