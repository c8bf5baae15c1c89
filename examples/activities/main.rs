//! Activities that tell how far they are and go on where they stopped, and one that a webhook completes by its token.
//!
//! `cargo run -p examples --bin activities`

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use workflow_runtime::{
    engine::{BuildError, EngineBuilder},
    prelude::*,
};

#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
enum ImportError {
    #[error("the connection broke at row {0}")]
    Broken(u64),
    #[error("{0}")]
    Progress(String),
}

/// A service that answers later: it calls back with the token.
struct Inspector(UnboundedSender<(u64, CompletionToken)>);

/// Breaks once in the middle; the next attempt goes on from the last heartbeat.
#[activity(heartbeat = "5s", total_timeout = "10m", retry(initial = "10ms"), rate = "100/s")]
async fn import(cx: ActivityContext, rows: u64) -> Result<u64, ImportError> {
    let done = cx.last_heartbeat::<u64>().map_err(|e| ImportError::Progress(e.to_string()))?.unwrap_or(0);
    println!("attempt {} begins at row {done}", cx.attempt());
    for row in done..rows {
        if row == rows / 2 && cx.attempt() == 1 {
            return Err(ImportError::Broken(row));
        }
        cx.heartbeat(&(row + 1));
    }
    Ok(rows - done)
}

/// Sends the rows to be inspected, and leaves the answer to the webhook.
#[activity(total_timeout = "7d", priority = 5)]
async fn inspect(inspector: State<Inspector>, cx: ActivityContext, rows: u64) -> Result<bool, ImportError> {
    // Nobody listens only at the end of the program.
    let _ = inspector.0.send((rows, cx.completion_token()));
    cx.defer().await
}

#[workflow]
async fn load(rows: u64) -> Result<String, ActivityError<ImportError>> {
    let imported = import(rows).await?;
    let fine = inspect(rows).await?;
    Ok(format!("the last attempt imported {imported} of {rows} rows; fine: {fine}"))
}

/// What a web server does when the inspector calls back.
async fn webhook(engine: &Engine, token: &str, fine: bool) -> Result<(), WorkflowError> {
    let token: CompletionToken = token.parse()?;
    engine.activity(inspect, &token).complete(fine).await?;
    Ok(())
}

async fn run(
    builder: EngineBuilder,
    mut inspections: UnboundedReceiver<(u64, CompletionToken)>,
) -> Result<String, WorkflowError> {
    let engine = builder.build().await?;
    let run = engine.start("load-1", load(1_000)).await?;
    if let Some((rows, token)) = inspections.recv().await {
        println!("the inspector looks at {rows} rows, and calls back with {token}");
        webhook(&engine, &token.to_string(), true).await?;
        if let Err(late) = webhook(&engine, &token.to_string(), false).await {
            println!("it calls back again: {late}");
        }
    }
    let said = run.result().await?;
    engine.shutdown().await;
    Ok(said)
}

fn parts(builder: EngineBuilder) -> (EngineBuilder, UnboundedReceiver<(u64, CompletionToken)>) {
    let (sender, inspections) = unbounded_channel();
    (builder.state(Inspector(sender)), inspections)
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let data = tempfile::tempdir()?;
    let store = workflow_runtime::SledStore::open(data.path()).map_err(BuildError::from)?;
    let (builder, inspections) = parts(Engine::builder().store(store));
    println!("{}", run(builder, inspections).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::TestEngine;

    #[tokio::test]
    async fn the_import_goes_on_and_the_webhook_completes() {
        let (sender, mut inspections) = unbounded_channel();
        let engine = TestEngine::builder().state(Inspector(sender)).build().await.unwrap();
        let run = engine.start("load-1", load(10)).await.unwrap();
        let still = engine.clock().pause();
        let (rows, token) = loop {
            engine.pulse().idle().await;
            match inspections.try_recv() {
                Ok(asked) => break asked,
                Err(_) => engine.clock().advance(millis(10)).await,
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(rows, 10);
        webhook(&engine, &token.to_string(), true).await.unwrap();
        drop(still);
        assert_eq!(run.result().await.unwrap(), "the last attempt imported 5 of 10 rows; fine: true");
    }
}
