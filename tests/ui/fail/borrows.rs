//! Borrows that nobody can take again behind an `.await`, and values that look like such borrows.

use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[derive(Serialize, Deserialize)]
struct Line {
    sku: String,
    quantity: u32,
}

#[derive(Serialize, Deserialize)]
struct Order {
    lines: Vec<Line>,
    sum: u32,
}

#[derive(Serialize, Deserialize)]
struct Stats(Vec<u32>);

impl Stats {
    fn first(&self) -> u32 {
        self.0[0]
    }
}

#[activity]
async fn ping(n: u32) -> u32 {
    n
}

fn pick(order: &Order) -> &Line {
    &order.lines[0]
}

#[workflow]
async fn from_a_function(order: Order) -> Result<String, WorkflowError> {
    let line = pick(&order);
    ping(line.quantity).await?;
    Ok(line.sku.clone())
}

#[workflow]
async fn found(order: Order) -> Result<String, WorkflowError> {
    let sku = order.lines.iter().map(|l| &l.sku).max().unwrap();
    ping(1).await?;
    Ok(sku.clone())
}

#[workflow]
async fn found_by_the_clock(order: Order) -> Result<String, WorkflowError> {
    let line = order.lines.iter().find(|l| i64::from(l.quantity) > now().as_second()).unwrap();
    ping(1).await?;
    Ok(line.sku.clone())
}

#[workflow]
async fn found_at_random(order: Order) -> Result<String, WorkflowError> {
    let line = order.lines.iter().find(|l| l.sku == format!("{}", random::<u32>())).unwrap();
    ping(1).await?;
    Ok(line.sku.clone())
}

#[workflow]
async fn conditional(order: Order, other: Order, first: bool) -> Result<u32, WorkflowError> {
    let which = if first { &order } else { &other };
    ping(1).await?;
    Ok(which.sum)
}

#[workflow]
async fn a_value(mut stats: Stats) -> Result<u32, WorkflowError> {
    let first = stats.first();
    ping(1).await?;
    stats.0[0] = 2;
    ping(2).await?;
    Ok(first + stats.0[0])
}

#[workflow]
async fn matched(order: Order, other: Order, which: Option<u32>) -> Result<u32, WorkflowError> {
    let line = match which {
        Some(1) => &order.lines[0],
        Some(_) => &other.lines[0],
        None => return Ok(1),
    };
    ping(line.quantity).await?;
    Ok(line.sku.len() as u32)
}

#[workflow]
async fn chosen(order: Order, other: Order, first: bool) -> Result<u32, WorkflowError> {
    let which = if first { &order } else { &other };
    ping(which.sum).await?;
    Ok(which.sum + which.lines.len() as u32)
}

#[workflow]
async fn first_ref(mut stats: Stats) -> Result<u32, WorkflowError> {
    let first = &stats.first();
    ping(1).await?;
    stats.0[0] = 2;
    Ok(first + stats.0[0])
}

fn main() {}
