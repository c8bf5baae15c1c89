//! Labels that checkpoints could not find their points by.

use workflow_runtime::prelude::*;

const AGAIN: &str = "again";

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[workflow]
async fn given_twice(n: u64) -> Result<u64, WorkflowError> {
    Ok(charge(n).label("first").await? + charge(n).label("first").await?)
}

#[workflow]
async fn of_a_point_before_it(n: u64) -> Result<u64, WorkflowError> {
    let once = charge(n).await?;
    let twice = charge(n).await?;
    Ok(once + twice + charge(n).label("charge#1").await?)
}

#[workflow]
async fn of_a_point_behind_it(n: u64) -> Result<u64, WorkflowError> {
    let once = charge(n).label("charge").await?;
    Ok(once + charge(n).await?)
}

#[workflow]
async fn of_a_branch(n: u64) -> Result<u64, WorkflowError> {
    let (a, b) = join!(charge(n), async { charge(n).label("join").await });
    Ok(a? + b?)
}

#[workflow]
async fn of_the_beginning(n: u64) -> Result<u64, WorkflowError> {
    Ok(charge(n).label("start").await?)
}

#[workflow]
async fn of_no_characters(n: u64) -> Result<u64, WorkflowError> {
    Ok(charge(n).label("").await?)
}

#[workflow]
async fn no_literal(n: u64) -> Result<u64, WorkflowError> {
    Ok(charge(n).label(AGAIN).queue("slow").await? + charge(n).label(concat!("a", "b")).await?)
}

/// The literal of a macro by example is one.
macro_rules! labelled {
    ($function:ident, $label:literal) => {
        #[workflow]
        async fn $function(n: u64) -> Result<u64, WorkflowError> {
            Ok(charge(n).label($label).await?)
        }
    };
}

labelled!(of_a_macro, "charge it");

fn main() {}
