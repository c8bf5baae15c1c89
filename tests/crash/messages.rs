//! What clients say to instances, and how instances are started and removed: crashed at every commit of everybody.

use serde::{Deserialize, Serialize};
use std::future::{Future, IntoFuture};
use workflow_runtime::prelude::*;
use workflow_runtime::{
    engine::{ControlError, Filter, IdReuse, RunError, StartError, Status, UpdateError},
    journal::history::{Entry, Event},
    machine::{Workflow, WorkflowCall},
    testing::{Sweep, TestClock},
    workflow,
};

type DriveError = Box<dyn std::error::Error + Send + Sync>;

const NAMES: [&str; 6] = ["ledger", "notary", "mailbox", "desk", "keeper", "greeter"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum OfficeError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

pub(crate) const ADD: Update<u32, u32> = Update::new("add");
pub(crate) const NOTE: Signal<String> = Signal::new("note");
pub(crate) const DONE: Signal<u32> = Signal::new("done");

/// Adds until there is enough.
#[workflow]
pub(crate) async fn ledger(enough: u32) -> Result<u32, OfficeError> {
    let mut total = 0;
    while total < enough {
        let (n, reply) = ADD.recv().await?;
        if n == 0 {
            reply.reject("nothing to add");
            continue;
        }
        total += n;
        set_status(&total);
        reply.send(total);
    }
    Ok(total)
}

/// Answers a day later, and the last request never.
#[workflow]
pub(crate) async fn notary(requests: u32) -> Result<u32, OfficeError> {
    let mut answered = 0;
    while answered < requests {
        let (n, reply) = ADD.recv().timeout(days(30)).await?;
        sleep(days(1)).await?;
        answered += 1;
        reply.send(n + 1);
    }
    let (_, unanswered) = ADD.recv().await?;
    sleep(hours(1)).await?;
    drop(unanswered);
    Ok(answered)
}

/// Looks into the mailbox once a day.
#[workflow]
pub(crate) async fn mailbox(until: usize) -> Result<Vec<String>, OfficeError> {
    let mut letters = vec![];
    while letters.len() < until {
        sleep(days(1)).await?;
        while let Some(letter) = NOTE.try_recv() {
            letters.push(letter);
        }
        if let Some((n, reply)) = ADD.try_recv() {
            letters.push(format!("add {n}"));
            reply.send(letters.len() as u32);
        }
    }
    Ok(letters)
}

/// Ends when the driver says so.
#[workflow]
pub(crate) async fn desk() -> Result<u32, OfficeError> {
    Ok(DONE.recv().await?)
}

/// Keeps the first two notes that it gets.
#[workflow]
pub(crate) async fn keeper(name: String) -> Result<String, OfficeError> {
    let first = NOTE.recv().await?;
    let second = NOTE.recv().timeout(days(1)).await;
    Ok(format!("{name}: {first}, {}", second.unwrap_or_else(|e| e.to_string())))
}

/// Answers once, and waits for ever.
#[workflow]
pub(crate) async fn greeter(greeting: String) -> Result<String, OfficeError> {
    let (n, reply) = ADD.recv().await?;
    reply.send(n + greeting.len() as u32);
    NOTE.recv().await?;
    Ok(greeting)
}

pub(crate) fn sweep<W: Workflow>(call: WorkflowCall<W>, id: &str) -> Sweep<W> {
    Sweep::new(call, id).configure(|e| e.only(NAMES))
}

fn last(history: &[String]) -> &str {
    history.last().map_or("", |e| e.as_str())
}

fn count(history: &[String], what: &str) -> usize {
    history.iter().filter(|e| e.contains(what)).count()
}

fn expect(ok: bool, what: impl std::fmt::Debug) -> Result<(), DriveError> {
    if ok { Ok(()) } else { Err(format!("unexpected: {what:?}").into()) }
}

#[tokio::test]
async fn updates_are_taken_once_and_answered_the_same_however_often_they_are_asked() {
    let sweep = sweep(ledger(9), "l").drive(|run| async move {
        expect(run.update(&ADD, 4).id("first").await? == 4, "first")?;
        let refused = run.update(&ADD, 0).id("nothing").await;
        expect(matches!(&refused, Err(UpdateError::Rejected { reason, .. }) if reason == "nothing to add"), &refused)?;
        expect(run.update(&ADD, 5).id("second").await? == 9, "second")?;
        // The run has ended, and what it answered stays.
        expect(run.update(&ADD, 4).id("first").await? == 4, "again")?;
        let late = run.update(&ADD, 1).id("late").await;
        expect(matches!(late, Err(UpdateError::Closed { .. })), &late)
    });
    let swept = sweep.run().await;
    assert_eq!(last(&swept.history), "completed with 9");
    assert_eq!(count(&swept.history, "answered add"), 2);
    assert_eq!(count(&swept.history, "rejected add"), 1);
    assert_eq!(count(&swept.history, "received update add"), 3);
}

#[tokio::test]
async fn a_process_may_end_between_a_request_and_its_answer() {
    let sweep = sweep(notary(2), "n").drive(|run| async move {
        expect(run.update(&ADD, 1).id("a").await? == 2, "a")?;
        expect(run.update(&ADD, 2).id("b").await? == 3, "b")?;
        let never = run.update(&ADD, 3).id("c").await;
        expect(matches!(never, Err(UpdateError::Unanswered { state: "completed", .. })), &never)
    });
    let swept = sweep.run().await;
    assert_eq!(last(&swept.history), "completed with 2");
    assert_eq!(count(&swept.history, "took update add"), 3);
}

#[tokio::test]
async fn what_a_step_finds_in_the_inbox_is_part_of_its_input() {
    let sweep = sweep(mailbox(4), "m")
        .signal_at_start(&NOTE, "one".to_string())
        .signal_at_start(&NOTE, "two".to_string())
        .drive(|run| async move {
            let _still = run.clock.pause();
            if run.status().await?.state.is_closed() {
                return Ok(());
            }
            let asked = tokio::spawn(run.update(&ADD, 7).id("u").into_future());
            run.signal(&NOTE, "three".into()).id("third").await?;
            run.signal(&NOTE, "three".into()).id("third").await?;
            drop(_still);
            expect(asked.await?? > 0, "an answer")
        });
    let swept = sweep.any_order().run().await;
    assert_eq!(count(&swept.history, "took signal note"), 3);
    assert_eq!(count(&swept.history, "took update add 0 without waiting"), 1);
    assert_eq!(count(&swept.history, "received signal note"), 3);
}

/// Sweeps what happens to other instances; the desk itself ends when that has happened.
async fn office<W, F, D>(desk: WorkflowCall<W>, drive: F)
where
    W: Workflow,
    F: Fn(Engine, TestClock) -> D + Clone + Send + Sync + 'static,
    D: Future<Output = Result<(), DriveError>> + Send + 'static,
{
    let sweep = sweep(desk, "desk").drive(move |run| {
        let drive = drive.clone();
        async move {
            drive(run.engine.clone(), run.clock.clone()).await?;
            Ok(run.signal(&DONE, 1).id("done").await?)
        }
    });
    let swept = sweep.run().await;
    assert_eq!(last(&swept.history), "completed with 1");
}

#[tokio::test]
async fn a_start_with_a_signal_is_one_commit() {
    office(desk(), |engine, _| async move {
        let start = engine.start("k", keeper("Ada".into()));
        let run = start.signal_with_id(&NOTE, "a".into(), "1").signal_with_id(&NOTE, "b".into(), "2").await?;
        // Whoever sees the run sees its signals.
        let history = run.history().await?;
        expect(count_received(&history) == 2, &history)?;
        expect(run.result().await? == "Ada: a, b", "both")
    })
    .await;
}

#[tokio::test]
async fn a_start_with_an_update_answers_the_first_request_once() {
    office(desk(), |engine, _| async move {
        let start = engine.start("g", greeter("hello".into()));
        let (run, answer) = start.update(&ADD, 1).id("first").await?;
        expect(answer? == 6, "an answer")?;
        run.signal(&NOTE, "bye".into()).id("bye").await?;
        expect(run.result().await? == "hello", "the end")?;
        expect(count_received(&run.history().await?) == 2, "one request, one signal")
    })
    .await;
}

#[tokio::test]
async fn a_delayed_run_begins_in_time() {
    office(desk(), |engine, clock| async move {
        let still = clock.pause();
        let run = engine.start("k", keeper("Bob".into())).delay(days(3)).tag("team", "night").await?;
        let status = run.status().await?;
        if status.steps == 0 {
            expect(status.state == Status::Scheduled && status.begins.is_some(), &status)?;
        }
        run.signal(&NOTE, "early".into()).id("early").await?;
        drop(still);
        expect(run.result().await? == "Bob: early, timed out", "the end")?;
        let status = run.status().await?;
        let (begins, closed) = (status.begins.ok_or("begins")?, status.closed.ok_or("closed")?);
        expect(closed.duration_since(begins).as_hours() == 24, &status)?;
        expect(begins.duration_since(status.started).as_hours() == 72, &status)
    })
    .await;
}

#[tokio::test]
async fn a_run_whose_time_is_over_is_ended() {
    office(desk(), |engine, _| async move {
        let run = engine.start("g", greeter("hello".into())).execution_timeout(days(2)).await?;
        let asked = run.clone();
        let asked = tokio::spawn(async move {
            let first = asked.update(&ADD, 1).id("first").await;
            (first, asked.update(&ADD, 2).id("second").await)
        });
        let ended = run.result().await;
        expect(matches!(ended, Err(RunError::TimedOut { .. })), &ended)?;
        let (first, second) = asked.await?;
        expect(first? == 6, "the first answer")?;
        expect(matches!(second, Err(UpdateError::Unanswered { state: "timed out", .. })), &second)?;
        let status = run.status().await?;
        expect(status.state == Status::TimedOut && status.closed >= status.expires, &status)
    })
    .await;
}

#[tokio::test]
async fn an_id_is_used_again_and_its_former_runs_stay_readable() {
    office(desk(), |engine, _| async move {
        let mut former = None;
        // A conflict: the second run is there already, and this is a process after a crash.
        if let Ok(first) = engine.start("k", keeper("one".into())).signal_with_id(&NOTE, "a".into(), "a").await {
            former = first.run_id();
            expect(first.result().await?.starts_with("one: a"), "the first")?;
        }
        let next = match engine.start("k", keeper("two".into())).reuse(IdReuse::AllowIfClosed).await {
            Err(StartError::Conflict { .. }) => engine.run(keeper, "k"),
            next => next?,
        };
        let present = next.status().await?.run_id;
        next.signal(&NOTE, "b".into()).id("b").await?;
        expect(next.result().await?.starts_with("two: b"), "the second")?;
        if let Some(former) = former.filter(|f| *f != present) {
            let before = next.of_run(former);
            expect(before.result().await?.starts_with("one: a"), "the first, by its run id")?;
            expect(before.history().await?.len() >= 2, "its history")?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_running_one_is_replaced_in_one_commit() {
    office(desk(), |engine, _| async move {
        // A conflict: the new one is there already, and this is a process after a crash.
        let old = engine.start("g", greeter("old".into())).await;
        let start = engine.start("g", greeter("new".into()));
        let new = start.reuse(if old.is_ok() { IdReuse::TerminateRunning } else { IdReuse::AttachOrConflict }).await?;
        if let Ok(old) = old {
            let ended = old.result().await;
            expect(matches!(ended, Err(RunError::Terminated { .. })), &ended)?;
        }
        expect(new.update(&ADD, 1).id("one").await? == 4, "an answer of the new one")?;
        new.signal(&NOTE, "bye".into()).id("bye").await?;
        expect(new.result().await? == "new", "the end of the new one")
    })
    .await;
}

#[tokio::test]
async fn what_ended_long_ago_is_removed_and_its_id_is_free() {
    office(desk(), |engine, clock| async move {
        let still = clock.pause();
        let start = engine.start("k", keeper("gone".into())).retention(days(7)).tag("soon", "gone");
        let run = start.signal_with_id(&NOTE, "a".repeat(5000), "a").signal_with_id(&NOTE, "b".into(), "b").await?;
        drop(still);
        // A process that died may find it gone already.
        let _ = run.result().await;
        while run.status().await.is_ok() {
            tokio::task::yield_now().await;
        }
        let gone = run.cancel("").await;
        expect(matches!(gone, Err(ControlError::NotFound { .. })), &gone)?;
        expect(engine.count(&Filter::all().tag("soon", "gone")).await? == 0, "no entry of its tag")?;
        expect(engine.count(&Filter::all().workflow("keeper")).await? == 0, "no entry of the listing")
    })
    .await;
}

fn count_received(history: &[Entry]) -> usize {
    let received = |e: &&Event| matches!(e, Event::SignalReceived { .. } | Event::UpdateReceived { .. });
    history.iter().flat_map(|e| &e.events).filter(received).count()
}
