use workflow_runtime::prelude::*;

#[activity]
async fn ping(n: u32) -> u32 {
    n
}

#[workflow]
async fn unknown<T: Payload>(t: T) -> Result<T, WorkflowError> {
    ping(missing).await?;
    Ok(t)
}

#[workflow]
async fn mismatched<T: Payload>(t: T) -> Result<T, WorkflowError> {
    let n: u32 = ping(1).await?;
    ping("one").await?;
    Ok(n)
}

#[workflow]
async fn unset<T: Payload>(t: T) -> Result<T, WorkflowError> {
    let n: T;
    ping(1).await?;
    drop(t);
    Ok(n)
}

#[workflow]
async fn unbounded<T: Payload>(t: T) -> Result<T, WorkflowError> {
    ping(1).await?;
    Ok(t.clone())
}

fn main() {}
