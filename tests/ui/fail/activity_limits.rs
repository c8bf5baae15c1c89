use workflow_runtime::prelude::*;

#[activity(heartbeat = "often", schedule_to_start = "0s", total_timeout = 3600)]
async fn times() {}

#[activity(priority = 10, max_concurrent = 0, rate = "100")]
async fn limits() {}

#[activity(priority = "high", max_concurrent = "10", rate = 100)]
async fn kinds() {}

#[activity(rate = "0/s", on_cancel = "kill")]
async fn nothing() {}

#[activity(rate = "1/d", on_cancel = wait, heartbeat)]
async fn forms() {}

#[workflow]
async fn calls() {
    let _ = limits().await;
    let _ = nothing().priority(3).on_cancel(OnCancel::Wait).await;
}

fn main() {}
