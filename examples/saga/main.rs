//! A trip that fails half-way is undone in reverse order; one of the compensations fails until an operator skips it.
//!
//! `cargo run -p examples --bin saga`

use std::error::Error;
use workflow_runtime::{engine::Compensating, prelude::*};

type Failed = Box<dyn Error + Send + Sync>;

#[activity]
async fn reserve(what: &str, trip: u64) -> Result<(), String> {
    if what == "car" {
        return Err("no car is left".into());
    }
    println!("reserved: {what} for trip {trip}");
    Ok(())
}

/// The airline does not answer.
#[activity(retry(initial = "20ms", factor = 1.0))]
async fn release(what: String, trip: u64) -> Result<(), String> {
    if what == "flight" {
        return Err("the airline does not answer".into());
    }
    println!("released: {what} of trip {trip}");
    Ok(())
}

#[workflow]
async fn trip(id: u64) -> Result<(), WorkflowError> {
    for what in ["hotel", "flight", "car"].map(String::from) {
        saga::on_failure(release(what.clone(), id));
        reserve(&what, id).await?;
    }
    Ok(())
}

/// What an operator does who finds a compensation that fails: reads why, helps by hand, and says so.
async fn help<W: workflow_runtime::machine::Workflow>(run: &workflow_runtime::Run<W>) -> Result<(), Failed> {
    loop {
        let status = run.status().await?;
        let fails = |c: &Compensating| c.running.iter().find(|u| u.attempt > 3).cloned();
        if let Some(undo) = status.compensating.iter().find_map(fails) {
            let why = undo.last_error.unwrap_or_default();
            println!("stuck:    {}{} at attempt {}: {why}", undo.activity, undo.args, undo.attempt);
            run.skip_compensation_of(undo.op, "cancelled by phone").await?;
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let engine = Engine::builder().store(workflow_runtime::SledStore::open(directory.path())?);
    let engine = engine.only(["trip", "reserve", "release"]).build().await?;
    let run = engine.start("trip-1", trip(1)).await?;
    help(&run).await?;
    println!("ended:    {}", run.result().await.err().map(|e| e.to_string()).unwrap_or_default());
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::{engine::RunError, journal::history::Event, testing::TestEngine};

    #[tokio::test]
    async fn the_flight_is_skipped_and_the_hotel_released() -> Result<(), Failed> {
        let names = ["trip", "reserve", "release"];
        let engine = TestEngine::builder().configure(|e| e.only(names)).build().await?;
        let run = engine.start("t", trip(7)).await?;
        help(&run).await?;
        assert!(matches!(run.result().await, Err(RunError::Failed(_))));
        let released = engine.attempts().list().into_iter().filter(|a| a.name == "release");
        let last = released.last().map(|a| a.args.to_json());
        assert_eq!(last, Some(serde_json::json!(["hotel", 7])));
        let skipped = run.history().await?.into_iter().flat_map(|e| e.events);
        assert_eq!(skipped.filter(|e| matches!(e, Event::CompensationSkipped { .. })).count(), 1);
        Ok(())
    }
}
