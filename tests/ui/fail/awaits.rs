//! Awaits where a workflow cannot wait, and what else is wrong beside them.

use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> u64 {
    cents
}

#[workflow]
async fn yields(n: u64) -> Result<u64, WorkflowError> {
    yield n;
    let paid = charge(n).await?;
    Ok(paid)
}

#[workflow]
async fn in_a_const_block(n: u64) -> Result<u64, WorkflowError> {
    let paid = const { charge(1).await };
    Ok(charge(n).await? + paid?)
}

#[workflow]
async fn in_a_const_item(n: u64) -> Result<u64, WorkflowError> {
    const PAID: u64 = charge(1).await;
    Ok(charge(n).await? + PAID)
}

#[workflow]
async fn in_a_try_block(n: u64) -> Result<u64, WorkflowError> {
    let paid: Result<u64, ActivityError<std::convert::Infallible>> = try { charge(n).await? };
    Ok(paid?)
}

#[workflow]
async fn in_unsafe(n: u64, at: Vec<u64>) -> Result<u64, WorkflowError> {
    Ok(unsafe { charge(*at.get_unchecked(0)).await? + n })
}

#[workflow]
async fn in_a_nested_function(n: u64) -> Result<u64, WorkflowError> {
    fn twice(n: u64) -> Result<u64, WorkflowError> {
        Ok(charge(n).await? + charge(n).await?)
    }
    async fn once(n: u64) -> Result<u64, WorkflowError> {
        Ok(charge(n).await?)
    }
    Ok(twice(n)? + once(n).await?)
}

#[workflow]
async fn in_closures(list: Vec<u64>) -> Result<u64, WorkflowError> {
    let pay = |n: u64| charge(n).await;
    let all: Vec<u64> = list.iter().map(|n| charge(*n).await.unwrap_or(0)).collect();
    let wait = async |n: u64| charge(n).await;
    Ok(pay(1)? + wait(all[0]).await?)
}

#[workflow]
async fn in_async_blocks(n: u64) -> Result<u64, WorkflowError> {
    let first = async { charge(n).await };
    let second = async { n + 1 };
    let third = Box::pin(async move { n });
    Ok(first.await? + second.await + third.await + async { 1 }.await)
}

#[workflow]
async fn spawned(list: Vec<u64>) -> Result<u64, WorkflowError> {
    let mut sum = 0;
    let tasks: Vec<_> = list.into_iter().map(|n| tokio::spawn(async move { n })).collect();
    for task in tasks {
        sum += task.await?;
    }
    Ok(sum)
}

#[workflow]
async fn breaks_with_a_value(n: u64) -> Result<u64, WorkflowError> {
    while charge(n).await? > 3 {
        break 3;
    }
    for i in 0..n {
        charge(i).await?;
        break i;
    }
    Ok(n)
}

#[workflow]
async fn of_several_kinds(n: u64) -> Result<u64, WorkflowError> {
    let text: String = charge(n).await?;
    let later = |n: u64| charge(n).await;
    let paid = unsafe { charge(n).await? };
    let sum = async { n + 1 };
    Ok(later(paid)? + text.len() + sum.await)
}

fn main() {}
