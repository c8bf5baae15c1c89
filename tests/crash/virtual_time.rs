//! What a test in virtual time may rely on.

use crate::scenarios::*;
use workflow_runtime::testing::TestEngine;

/// Who sends a signal right after the start is not overtaken by the deadline.
#[tokio::test]
async fn a_deadline_does_not_overtake_the_test() {
    let engine = TestEngine::builder().state(Stock::default()).configure(|e| e.only(NAMES)).build().await.unwrap();
    for n in 0..300 {
        let run = engine.start(format!("a-{n}"), approval("gem".into())).await.unwrap();
        run.signal(&APPROVED, "Ada".into()).await.unwrap();
        assert_eq!(run.result().await.unwrap(), "2 x gem, approved by Ada", "{n}");
    }
    let month = std::time::Duration::from_secs(30 * 24 * 3600);
    let run = engine.start("p", patience(1)).await.unwrap();
    assert_eq!(run.result().await.unwrap() as u64 * 3600, month.as_secs());
}
