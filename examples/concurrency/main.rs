//! Several things at once: a parcel is packed and paid for at the same time, then a courier races against a deadline.
//!
//! Stop it with ctrl-c wherever it is and run it again with the same name: every branch goes on where it was.

use workflow_runtime::{Engine, prelude::*};

const PICKED_UP: Signal<String> = Signal::new("picked-up");

#[activity]
async fn pack(item: &str) -> Result<String, WorkflowError> {
    println!("  packing {item}");
    Ok(format!("a parcel with {item}"))
}

#[activity]
async fn charge(cents: u64) -> Result<u64, WorkflowError> {
    println!("  charging {cents} cents");
    Ok(cents)
}

#[activity]
async fn call_courier(name: &str) -> Result<(), WorkflowError> {
    println!("  calling {name}");
    Ok(())
}

#[workflow]
async fn ship(items: Vec<String>, cents: u64) -> Result<String, WorkflowError> {
    // Both branches read the arguments; only the first writes `parcels`.
    let mut parcels = vec![];
    let (_, paid) = try_join!(
        async {
            for item in &items {
                parcels.push(pack(item).await?);
                sleep(millis(200)).await?;
            }
            Ok::<_, WorkflowError>(())
        },
        async {
            sleep(millis(300)).await?;
            Ok(charge(cents).await?)
        }
    )?;
    let couriers = ["Ada".to_string(), "Bob".to_string(), "Cleo".to_string()];
    for courier in couriers {
        call_courier(&courier).await?;
        // What comes first wins; the other is given up.
        select! {
            who = PICKED_UP.recv() => {
                return Ok(format!("{} parcels for {paid} cents, picked up by {}", parcels.len(), who?));
            }
            late = sleep(millis(500)) => late?,
        }
    }
    Ok(format!("{} parcels for {paid} cents, still here", parcels.len()))
}

#[tokio::main]
async fn main() -> Result<(), WorkflowError> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "first".into());
    let data = args.next().unwrap_or_else(|| "concurrency-data".into());
    let engine = Engine::open(data).await?;
    let items = vec!["a lamp".to_string(), "two books".to_string(), "a kite".to_string()];
    let run = engine.start(format!("ship-{name}"), ship(items, 4_200)).await?;
    for point in run.status().await?.points {
        println!("waits in {} at line {}", point.point, point.line.unwrap_or_default());
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    if !run.status().await?.state.is_closed() {
        run.signal(&PICKED_UP, "Bob".to_string()).await?;
    }
    println!("{}", run.result().await?);
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::TestEngine;

    #[tokio::test]
    async fn whoever_comes_first_decides() -> Result<(), WorkflowError> {
        let engine = TestEngine::builder().build().await?;
        let items = || vec!["a lamp".to_string(), "a kite".to_string()];
        let run = engine.start("nobody", ship(items(), 100)).await?;
        assert_eq!(run.result().await?, "2 parcels for 100 cents, still here");
        let run = engine.start("somebody", ship(items(), 100)).await?;
        run.signal(&PICKED_UP, "Ada".to_string()).await?;
        assert_eq!(run.result().await?, "2 parcels for 100 cents, picked up by Ada");
        Ok(())
    }
}
