//! What `#[workflow_runtime::test]` cannot stand on, and what it cannot be told.

use workflow_runtime::testing::Test;

#[workflow_runtime::test]
fn waits(t: Test) {
    let _ = t;
}

#[workflow_runtime::test]
async fn without_a_handle() {}

#[workflow_runtime::test]
async fn with_more(t: Test, n: u32) {
    let _ = (t, n);
}

#[workflow_runtime::test]
async fn generic<T>(t: Test) {
    let _ = t;
}

#[workflow_runtime::test(crashes = "often", seed = "7", sled = true, tide = "high")]
async fn told_too_much(t: Test) {
    let _ = t;
}

#[workflow_runtime::test]
struct NoFunction;

fn main() {}
