//! Inline helpers, signals, patches.

use crate::{agree, shop::*};
use workflow_runtime::{machine::Workflow, prelude::*, testing::differential::Differential};

const APPROVED: Signal<String> = Signal::new("approved");

#[workflow]
async fn inline(n: u32) -> Result<u32, OrderError> {
    let a = twice(n).await?;
    let b = twice(a).await.unwrap_or(1);
    Ok(a + b)
}

#[workflow]
async fn factorial(n: u32) -> u32 {
    if n == 0 {
        return 1;
    }
    let half = ping(n).await.unwrap_or(0) / 2;
    let below = factorial(n - 1).await;
    below * half
}

#[workflow]
async fn undo_inside(n: u32) -> Result<u32, OrderError> {
    saga::on_failure(release("inner"));
    double(n).await?;
    Ok(n)
}

#[workflow]
async fn undo_outside(n: u32, m: u32) -> Result<u32, OrderError> {
    saga::on_failure(release("outer"));
    undo_inside(n).await?;
    double(m).await?;
    Ok(1)
}

#[workflow]
async fn approval(n: u32) -> Result<String, OrderError> {
    let first = APPROVED.recv().await?;
    let second = match APPROVED.recv().timeout(days(5)).await {
        Ok(s) => s,
        Err(WaitError::TimedOut) => "never".to_string(),
        Err(WaitError::Cancelled) => return Err(OrderError::Empty),
    };
    double(n).await?;
    Ok(first + &second)
}

#[workflow]
async fn patches(n: u32) -> Result<u32, OrderError> {
    let a = double(n).await?;
    if patched!("audit") {
        double(a).await?;
    }
    let b = double(a).await?;
    if patched!("report") {
        double(b).await?;
    }
    sleep(seconds(1)).await?;
    Ok(b)
}

#[test]
fn inline_helpers() {
    for n in [1, 200, 600] {
        agree(|| inline(n));
    }
    agree(|| factorial(5));
    for (n, m) in [(1, 1), (1, 2_000), (2_000, 1)] {
        agree(|| undo_outside(n, m));
    }
}

#[test]
fn signals() {
    let one = || Differential::new(|| approval(1)).signal(&APPROVED, "yes".to_string());
    assert_eq!(one().run().outcome, serde_json::json!({ "ok": "yesnever" }));
    assert_eq!(one().signal(&APPROVED, "!".to_string()).run().outcome, serde_json::json!({ "ok": "yes!" }));
}

#[test]
fn a_point_knows_the_patches_behind_it() {
    agree(|| patches(1));
    fn points<W: Workflow>(_: impl Fn() -> workflow_runtime::WorkflowCall<W>) -> Vec<(String, Vec<String>)> {
        W::def().definition().points.iter().map(|p| (p.label.clone(), p.passed.clone())).collect()
    }
    let passed: Vec<_> = points(|| patches(1));
    let of = |label: &str| passed.iter().find(|p| p.0 == label).unwrap().1.clone();
    assert!(of("double").is_empty());
    assert_eq!(of("double#1"), ["audit"]);
    assert_eq!(of("double#2"), ["audit"]);
    assert_eq!(of("double#3"), ["audit", "report"]);
    assert_eq!(of("sleep"), ["audit", "report"]);
}
