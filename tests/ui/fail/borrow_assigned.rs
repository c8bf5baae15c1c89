//! What a borrow is taken from is assigned while the borrow is alive.

use workflow_runtime::prelude::*;

#[activity]
async fn print(text: &str) {
    let _ = text;
}

#[workflow]
async fn assigned(n: u64) -> Result<(), WorkflowError> {
    let mut name = "first";
    let rest = &name[1..];
    print(rest).await?;
    if n > 1 {
        name = "second";
    }
    print(rest).await?;
    print(name).await?;
    Ok(())
}

fn main() {}
