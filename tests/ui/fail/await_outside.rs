use workflow_runtime::prelude::*;

#[activity]
async fn charge(cents: u64) -> Result<(), String> {
    let _ = cents;
    Ok(())
}

#[activity]
async fn pays_twice(cents: u64) -> Result<(), String> {
    charge(cents).await?;
    charge(cents).await
}

#[workflow]
async fn order(cents: u64) -> Result<(), ActivityError<String>> {
    charge(cents).await
}

async fn plain() {
    let _ = charge(1).await;
    let _ = sleep(days(1)).await;
    let _ = order(1).await;
}

fn main() {
    let _ = plain();
}
