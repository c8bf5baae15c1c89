//! A removal company: a move is an instance, each of its vans is a child, and the season goes on as a new run with every move.
//!
//! One van breaks down and is cancelled by its parent; the others finish. Run it and read what happens.

use serde::{Deserialize, Serialize};
use workflow_runtime::{Engine, MemoryStore, engine::Filter, prelude::*};

const BROKEN: Signal<String> = Signal::new("broken");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Move {
    customer: String,
    vans: u32,
}

/// Drives until it is there, or breaks down and tells the move.
#[workflow]
async fn van(number: u32, of: String) -> Result<String, WorkflowError> {
    sleep(millis(20)).await?;
    if number == 2 {
        external(removal, of).signal(&BROKEN, format!("van {number}")).await?;
        sleep(days(1)).await?;
    }
    sleep(millis(20)).await?;
    Ok(format!("van {number} is there"))
}

/// All vans at once; one that breaks down is given up.
#[workflow]
async fn removal(order: Move) -> Result<Vec<String>, WorkflowError> {
    let mut vans = vec![];
    for number in 1..=order.vans {
        let id = format!("{}/van-{number}", workflow_id());
        vans.push(van(number, workflow_id()).start_child(id).await?);
    }
    if order.vans > 1 {
        let broken = BROKEN.recv().await?;
        set_status(&format!("{broken} has broken down"));
        if let Some(second) = vans.get(1) {
            second.cancel("broken down").await?;
        }
    }
    let mut told = vec![];
    for van in vans {
        match van.result().await {
            Ok(text) => told.push(text),
            Err(ChildError::Cancelled { id, reason, .. }) => told.push(format!("{id} was stopped: {reason}")),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(told)
}

/// One move after the other, each in a run of its own.
#[workflow]
async fn season(moves: Vec<Move>, done: Vec<String>) -> Result<Vec<String>, WorkflowError> {
    let (mut moves, mut done) = (moves, done);
    if moves.is_empty() {
        return Ok(done);
    }
    let next = moves.remove(0);
    let id = format!("move-{}", next.customer);
    done.extend(removal(next).child(id).await?);
    continue_as_new!(moves, done)
}

fn moves() -> Vec<Move> {
    vec![Move { customer: "ada".into(), vans: 1 }, Move { customer: "grace".into(), vans: 3 }]
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder().store(MemoryStore::new()).build().await?;
    let run = engine.start("season-1", season(moves(), vec![])).await?;
    let first = run.pinned().await?;
    for line in run.result().await? {
        println!("{line}");
    }
    println!("the first run: {}", first.result().await.err().map_or_else(String::new, |e| e.to_string()));
    for below in engine.tree("season-1", 100).await? {
        let instance = below.instance;
        println!("{}{} ({}): {}", "  ".repeat(below.depth), instance.workflow_id, instance.workflow, instance.status);
    }
    let moves = engine.list(&Filter::all().children_of("season-1")).await?;
    println!("{} moves", moves.instances.len());
    engine.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow_runtime::testing::TestEngine;

    #[tokio::test]
    async fn a_broken_van_stops_and_the_others_arrive() {
        let engine = TestEngine::new().await.unwrap();
        let run = engine.start("season-1", season(moves(), vec![])).await.unwrap();
        let told = run.result().await.unwrap();
        assert_eq!(
            told,
            ["van 1 is there", "van 1 is there", "move-grace/van-2 was stopped: broken down", "van 3 is there"]
        );
        assert_eq!(engine.tree("season-1", 100).await.unwrap().len(), 6);
    }
}
