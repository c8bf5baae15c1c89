mod script;

use super::*;
use crate::store::{FaultStore, MemoryStore};
use script::*;

#[tokio::test]
async fn a_workflow_runs_to_its_end_and_is_attached_to_afterwards() {
    let f = fixture(MemoryStore::new(), &[]).await;
    let todo = vec![call("a"), call("b")];
    let run = f.engine.start("o-1", script(todo.clone())).await.unwrap();
    assert!(run.is_new());
    assert_eq!(run.result().await.unwrap(), ["a", "b"]);
    let again = f.engine.start("o-1", script(todo)).await.unwrap();
    assert!(!again.is_new());
    assert_eq!(again.result().await.unwrap(), ["a", "b"]);
    assert_eq!(f.engine.run(script, "o-1").result().await.unwrap(), ["a", "b"]);
    let conflict = f.engine.start("o-1", script(vec![])).await.unwrap_err();
    assert_eq!(conflict.code(), "WE020");
}
