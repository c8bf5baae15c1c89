//! Shadowing, nested blocks, moves, and what a frame holds.

use crate::{agree, shop::*};
use workflow_runtime::{machine::Workflow, prelude::*};

#[workflow]
async fn shadowing(n: u32) -> Result<String, OrderError> {
    let x = double(n).await?;
    let x = format!("{x}!");
    {
        let x = x.len() as u32;
        let y = double(x).await?;
        let x = x + y;
        double(x).await?;
    }
    let n = {
        let n = n + 1;
        double(n).await?
    };
    Ok(format!("{x} {n}"))
}

#[workflow]
async fn shadow_in_branch(n: u32) -> Result<String, OrderError> {
    let label = String::from("outer");
    if n > 1 {
        let label = double(n).await?;
        sleep(seconds(1)).await?;
        double(label).await?;
    }
    for label in 0..n.min(2) {
        double(label).await?;
    }
    match n {
        label if label > 2 => {
            double(label).await?;
        }
        _ => {}
    }
    Ok(label)
}

#[workflow]
async fn moves(order: Order) -> Result<String, OrderError> {
    let payment = charge(&order.card, order.cents).await?;
    let lines = order.lines;
    let n = double(lines.len() as u32).await?;
    let card = order.card;
    let shown = format!("{} {n} {lines:?}", card.0);
    drop(lines);
    double(1).await?;
    Ok(format!("{shown} {}", payment.id))
}

#[workflow]
async fn move_on_one_path(n: u32) -> Result<String, OrderError> {
    let text = String::from("kept");
    let mut taken = None;
    if n > 1 {
        taken = Some(text);
        double(1).await?;
    } else {
        double(2).await?;
        drop(text);
    }
    sleep(seconds(1)).await?;
    Ok(taken.unwrap_or_default())
}

#[workflow]
async fn dead_locals_are_not_saved(n: u32) -> Result<u32, OrderError> {
    let big = vec![n; 100];
    let len = big.len() as u32;
    let first = double(len).await?;
    let unused_later = first + 1;
    let second = double(unused_later).await?;
    Ok(second)
}

#[workflow]
async fn static_text(n: u32) -> Result<String, OrderError> {
    let currency = if n > 1 { "EUR" } else { "USD" };
    let none: Option<u32> = None;
    let unit = ();
    double(n).await?;
    let () = unit;
    Ok(format!("{currency} {none:?}"))
}

#[workflow]
async fn mutable_arguments(mut list: Vec<u32>, (a, b): (u32, u32)) -> Result<Vec<u32>, OrderError> {
    list.push(double(a).await?);
    list.push(double(b).await?);
    list.push(a + b);
    Ok(list)
}

#[test]
fn scopes() {
    for n in [0, 1, 2, 3] {
        agree(|| shadowing(n));
        agree(|| shadow_in_branch(n + 1));
        agree(|| move_on_one_path(n));
        agree(|| static_text(n));
    }
    agree(|| moves(order("ok", 2)));
    agree(|| mutable_arguments(vec![1], (2, 3)));
}

fn live<W: Workflow>(_: impl Fn() -> workflow_runtime::WorkflowCall<W>, label: &str) -> Vec<String> {
    W::def().definition().point(label).unwrap_or_else(|| panic!("no point `{label}`")).live.clone()
}

#[test]
fn a_frame_holds_what_is_live_and_nothing_else() {
    agree(|| dead_locals_are_not_saved(3));
    assert!(live(|| dead_locals_are_not_saved(3), "double").is_empty());
    assert!(live(|| dead_locals_are_not_saved(3), "double#1").is_empty());
}
