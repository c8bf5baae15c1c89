//! Activities that tell how far they are, that take too long, that are cancelled, and that somebody outside completes; each
//! crashed at every commit.

use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use workflow_runtime::{
    Timeout, activity,
    activity::HeartbeatError,
    engine::{CompleteError, ControlError, Waits},
    machine::{Workflow, WorkflowCall},
    prelude::*,
    testing::{DriveError, Driven, Sweep, TestClock},
    workflow,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("the disk is busy")]
    Busy,
    #[error("the progress is lost: {0}")]
    Progress(String),
}

impl From<HeartbeatError> for CopyError {
    fn from(e: HeartbeatError) -> Self {
        CopyError::Progress(e.to_string())
    }
}

/// Busy after every four rows: it comes to an end only if each attempt goes on where the one before stopped.
#[activity(retry(attempts = 8, initial = "1s"))]
async fn copy_rows(cx: ActivityContext, rows: u64) -> Result<u64, CopyError> {
    for row in cx.last_heartbeat::<u64>()?.unwrap_or(0)..rows {
        cx.heartbeat(&(row + 1));
        if row % 4 == 3 && row + 1 < rows {
            return Err(CopyError::Busy);
        }
    }
    Ok(rows)
}

#[workflow]
pub(crate) async fn copying(rows: u64) -> Result<u64, ActivityError<CopyError>> {
    copy_rows(rows).await
}

#[activity(timeout = "10m", total_timeout = "1h", retry(initial = "7m", factor = 1.0, max = "7m"))]
async fn never_answers(clock: State<TestClock>) -> Result<(), WorkflowError> {
    clock.hang().await;
    Ok(())
}

#[workflow]
pub(crate) async fn giving_up() -> Result<String, WorkflowError> {
    let begin = now();
    let ended = never_answers().detailed().await;
    let minutes = now().duration_since(begin).as_mins();
    Ok(match ended {
        Err(failure) if failure.timeout == Some(Timeout::Total) => format!("gave up after {minutes} minutes"),
        other => format!("{other:?}"),
    })
}

/// Who is to be asked: the world outside.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Vec<CompletionToken>>>);

#[activity(total_timeout = "30d")]
async fn ask_desk(desk: State<Desk>, cx: ActivityContext, question: &str) -> Result<String, WorkflowError> {
    assert!(!question.is_empty());
    desk.0.lock().unwrap_or_else(PoisonError::into_inner).push(cx.completion_token());
    cx.defer().await
}

#[workflow]
pub(crate) async fn asking(question: String) -> Result<String, WorkflowError> {
    let answer = ask_desk(&question).await?;
    sleep(days(1)).await?;
    Ok(format!("{question} {answer}"))
}

/// Goes on for a minute after it was asked to stop, or for ever.
#[activity]
async fn obeys(clock: State<TestClock>, cx: ActivityContext, how: String) -> Result<String, WorkflowError> {
    let parked = clock.clone();
    tokio::select! {
        () = cx.cancelled() => {}
        () = parked.hang() => {}
    }
    if how != "wait" {
        clock.hang().await;
    }
    clock.sleep(minutes(1)).await;
    Ok("done in order".into())
}

#[workflow]
pub(crate) async fn stopping(how: String) -> Result<String, WorkflowError> {
    let on_cancel = match how.as_str() {
        "wait" => OnCancel::Wait,
        "abandon" => OnCancel::Abandon,
        _ => OnCancel::Try,
    };
    let ended = obeys(how).on_cancel(on_cancel).await;
    Ok(match ended {
        Ok(value) => value,
        Err(e) => e.to_string(),
    })
}

const NAMES: [&str; 8] =
    ["copy_rows", "copying", "never_answers", "giving_up", "ask_desk", "asking", "obeys", "stopping"];

pub(crate) fn sweep<W: Workflow>(call: WorkflowCall<W>) -> Sweep<W> {
    Sweep::new(call, "a").state_with(Desk::default).configure(|e| e.only(NAMES))
}

fn last(history: &[String]) -> &str {
    history.last().map_or("", |e| e.as_str())
}

#[tokio::test]
async fn an_attempt_goes_on_where_the_one_before_stopped() {
    let swept = sweep(copying(12)).run().await;
    assert_eq!(last(&swept.history), "completed with 12");
    assert!(swept.commits >= 4, "{swept:?}");
}

#[tokio::test]
async fn the_time_for_all_attempts_goes_on_over_restarts() {
    let swept = sweep(giving_up()).run().await;
    assert_eq!(last(&swept.history), r#"completed with "gave up after 60 minutes""#);
    assert!(swept.history.iter().any(|e| e.ends_with("timed out (total_timeout)")), "{swept:?}");
}

/// Answers every question that waits for the desk, as a patient person would.
pub(crate) async fn answer<W: Workflow>(driven: Driven<W>) -> Result<(), DriveError> {
    let _still = driven.clock.pause();
    loop {
        let status = driven.run.status().await?;
        if let [Waits::Deferred { token, attempt, .. }] = &status.waits[..] {
            assert!(*attempt >= 1);
            return match driven.engine.complete(token, "yes").await {
                Ok(()) | Err(CompleteError::AlreadyCompleted { .. } | CompleteError::Closed { .. }) => Ok(()),
                Err(e) => Err(e.into()),
            };
        }
        if status.state.is_closed() || matches!(status.waits[..], [Waits::Timer { .. }]) {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_left_to_somebody_outside_is_completed_once() {
    let swept = sweep(asking("open?".into())).drive(answer).run().await;
    assert_eq!(last(&swept.history), r#"completed with "open? yes""#);
    assert_eq!(swept.history.iter().filter(|e| e.ends_with("from outside")).count(), 1);
}

pub(crate) async fn cancel<W: Workflow>(driven: Driven<W>) -> Result<(), DriveError> {
    let _still = driven.clock.pause();
    loop {
        let status = driven.run.status().await?;
        if status.state.is_closed() || status.cancel_requested.is_some() {
            return Ok(());
        }
        if matches!(status.waits[..], [Waits::Attempt { .. }]) {
            // The attempt has started and waits.
            driven.engine.pulse().idle().await;
            return match driven.run.cancel("enough").await {
                Ok(()) | Err(ControlError::Closed { .. }) => Ok(()),
                Err(e) => Err(e.into()),
            };
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_cancellation_that_tries_stops_what_does_not_stop_by_itself() {
    let swept = sweep(stopping("try".into())).drive(cancel).in_memory().run().await;
    assert!(last(&swept.history).contains("the activity was cancelled"), "{swept:?}");
}

#[tokio::test]
async fn a_cancellation_that_waits_gets_the_activitys_own_end() {
    let swept = sweep(stopping("wait".into())).drive(cancel).in_memory().run().await;
    assert!(last(&swept.history).contains("done in order"), "{swept:?}");
}

#[tokio::test]
async fn a_cancellation_that_abandons_waits_for_nothing() {
    let swept = sweep(stopping("abandon".into())).drive(cancel).run().await;
    assert!(last(&swept.history).contains("the activity was cancelled"), "{swept:?}");
}
