use workflow_runtime::prelude::*;

#[activity(timout = "10s", timeout = "10 seconds", name = charge, alias = "", queue = "a", queue = "b")]
async fn keys() {}

#[activity(timeout = "1.5s")]
async fn fraction() {}

#[activity(timeout = "0s")]
async fn zero() {}

#[activity(timeout = 10)]
async fn number() {}

#[activity(timeout)]
async fn bare() {}

#[activity(retry(attempts = 0, initial = "soon", factor = 0.5, max = "", times = 3))]
async fn policy() {}

#[activity(retry = 5)]
async fn retries() {}

#[activity(timeout = "1s" retry)]
async fn no_comma() {}

#[workflow]
async fn calls() {
    let _ = keys().await;
    let _ = policy().await;
}

fn main() {}
