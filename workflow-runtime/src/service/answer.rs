//! From a request to the engine's answer.

use super::control::{Answer, Request};
use crate::{
    engine::{
        ControlError, Engine, Filter, QueryError, Reason, RebuildError, Recorded, Run, RunError, SignalError,
        SkipError, StartError, Status, Untyped, UpdateError,
    },
    journal::payload::{self, Payload},
    store::SnapshotError,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{pin::pin, time::Duration};

/// Why a request was refused, with the code that people look up.
struct Refusal {
    code: String,
    message: String,
}

macro_rules! refusals { ($($t:ty)*) => { $(
    impl From<$t> for Refusal {
        fn from(e: $t) -> Self {
            Refusal { code: e.code().into(), message: chain(&e) }
        }
    }
)* } }
refusals!(StartError SignalError UpdateError ControlError RebuildError SkipError QueryError SnapshotError);

/// The message with those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}

pub(super) async fn answer(engine: &Engine, request: Request) -> Answer {
    match done(engine, request).await {
        Ok(value) => Answer::Done(value),
        Err(Refusal { code, message }) => Answer::Refused { code, message },
    }
}

async fn done(engine: &Engine, request: Request) -> Result<Value, Refusal> {
    let run = |id: String| engine.untyped(id);
    match request {
        Request::Start { workflow, id, args } => {
            let run = engine.start_untyped(&workflow, id, payload(&args)?).await?;
            Ok(json!({ "workflow_id": run.id(), "run_id": run.run_id(), "is_new": run.is_new() }))
        }
        Request::Signal { id, signal, payload: value, message_id } => {
            let mut send = run(id).signal_payload(&signal, payload(&value)?);
            if let Some(message_id) = message_id {
                send = send.id(message_id);
            }
            send.await?;
            Ok(Value::Null)
        }
        Request::Update { id, update, payload: value, message_id } => {
            let run = run(id);
            let mut ask = run.update_payload(&update, payload(&value)?);
            if let Some(message_id) = message_id {
                ask = ask.id(message_id);
            }
            Ok(unless_blocked(&run, ask.into_future()).await??)
        }
        Request::Skip { id, reason } => {
            run(id).skip_compensation(reason).await?;
            Ok(Value::Null)
        }
        Request::Cancel { id, reason } => {
            run(id).cancel(reason).await?;
            Ok(Value::Null)
        }
        Request::Terminate { id, reason } => {
            run(id).terminate(reason).await?;
            Ok(Value::Null)
        }
        Request::Retry { id } => {
            run(id).retry().await?;
            Ok(Value::Null)
        }
        Request::Rebuild { id } => {
            run(id).rebuild().await?;
            Ok(Value::Null)
        }
        Request::Truncate { id } => Ok(json!({ "removed": run(id).truncate_history().await? })),
        Request::Remove { id } => {
            run(id).remove().await?;
            Ok(Value::Null)
        }
        Request::List { workflow, status, tag, limit } => list(engine, workflow, status, tag, limit).await,
        Request::Show { id } => Ok(shown(&run(id).status().await?)),
        Request::History { id } => Ok(shown(&run(id).history().await?)),
        Request::Export { id } => export(&run(id)).await,
        Request::Result { id, wait } => result(&run(id), wait).await,
        Request::Stats { records } => {
            let mut stats = shown(&engine.stats().await?);
            if records {
                stats["records"] = shown(&engine.census().await?);
            }
            Ok(stats)
        }
        Request::Snapshot { file } => Ok(shown(&engine.snapshot(file).await?)),
    }
}

/// How often somebody who waits is told if the run has been blocked.
const LOOK: Duration = Duration::from_millis(250);

/// Waits for what a run gives, unless it is blocked: then somebody has to do something first.
async fn unless_blocked<T>(run: &Run<Untyped>, wait: impl Future<Output = T>) -> Result<T, Refusal> {
    let mut wait = pin!(wait);
    loop {
        if let Ok(done) = tokio::time::timeout(LOOK, &mut wait).await {
            return Ok(done);
        }
        if let Some(Reason { code, message, .. }) = run.status().await?.blocked {
            let message = format!("{code}: `{}` is blocked: {message}", run.id());
            return Err(Refusal { code, message });
        }
    }
}

async fn list(
    engine: &Engine,
    workflow: Option<String>,
    status: Option<Status>,
    tag: Option<(String, String)>,
    limit: usize,
) -> Result<Value, Refusal> {
    let mut filter = Filter::all().limit(limit);
    if let Some(workflow) = workflow {
        filter = filter.workflow(workflow);
    }
    if let Some(status) = status {
        filter = filter.status(status);
    }
    if let Some((key, value)) = tag {
        filter = filter.tag(key, value);
    }
    let page = engine.list(&filter).await?;
    Ok(json!({ "instances": shown(&page.instances), "more": page.next.is_some() }))
}

async fn result(run: &Run<Untyped>, wait: bool) -> Result<Value, Refusal> {
    if !wait {
        let status = run.status().await?;
        let reason = status.blocked.map(|reason| format!("{}: {}", reason.code, reason.message));
        return Ok(json!({ "state": status.state, "value": status.outcome, "reason": reason }));
    }
    let (state, value) = match unless_blocked(run, run.result()).await? {
        Ok(value) => (Status::Completed, value.to_json()),
        Err(RunError::Failed(error)) => (Status::Failed, error.to_json()),
        Err(RunError::Cancelled { error, .. }) => (Status::Cancelled, error.to_json()),
        Err(RunError::Terminated { reason, .. }) => (Status::Terminated, Value::String(reason)),
        Err(RunError::TimedOut { after, .. }) => (Status::TimedOut, Value::String(after.to_string())),
        Err(e) => return Err(Refusal { code: e.code().into(), message: e.to_string() }),
    };
    Ok(json!({ "state": state, "value": value }))
}

async fn export(run: &Run<Untyped>) -> Result<Value, Refusal> {
    let unwritable = |message| Refusal { code: "WE121".into(), message };
    exported(&run.recorded().await?).map_err(unwritable)
}

/// # Errors
///
/// Why the history cannot be exported.
pub(super) fn exported(recorded: &Recorded) -> Result<Value, String> {
    let value = recorded.to_json().and_then(|json| serde_json::from_str(&json));
    value.map_err(|e| format!("WE121: the history cannot be written as JSON: {e}"))
}

fn payload(value: &Value) -> Result<Payload, Refusal> {
    Payload::encode(value).map_err(|e| Refusal { code: e.code().into(), message: e.to_string() })
}

/// As JSON for people, payloads as the values that they hold.
pub(super) fn shown<T: Serialize>(value: &T) -> Value {
    payload::for_people(|| serde_json::to_value(value)).unwrap_or_else(|e| Value::String(format!("<{e}>")))
}
