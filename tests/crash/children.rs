//! Children, messages between instances, and runs that continue as new ones: crashed at every commit of everybody.

use crate::scenarios::Stock;
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;
use workflow_runtime::{
    activity,
    machine::{Workflow, WorkflowCall},
    testing::Sweep,
    workflow,
};

const NAMES: [&str; 4] = ["cut", "shirt", "suit", "wardrobe"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum TailorError {
    #[error("no more {0}")]
    OutOf(String),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("{0}")]
    Other(String),
}

impl<E: std::fmt::Display> From<ChildError<E>> for TailorError {
    fn from(e: ChildError<E>) -> Self {
        TailorError::Other(e.to_string())
    }
}

impl From<ChildStartError> for TailorError {
    fn from(e: ChildStartError) -> Self {
        TailorError::Other(e.to_string())
    }
}

impl From<ActivityError<String>> for TailorError {
    fn from(e: ActivityError<String>) -> Self {
        TailorError::OutOf(e.to_string())
    }
}

#[activity]
pub(crate) async fn cut(cloth: &str) -> Result<String, String> {
    if cloth == "silk" { Err(cloth.to_owned()) } else { Ok(format!("cut {cloth}")) }
}

#[workflow]
pub(crate) async fn shirt(cloth: String) -> Result<String, TailorError> {
    let piece = cut(&cloth).await?;
    sleep(hours(1)).await?;
    Ok(format!("a shirt of {piece}"))
}

#[workflow]
pub(crate) async fn suit(cloth: String) -> Result<String, TailorError> {
    let made = shirt(cloth.clone()).child("shirt-1").await?;
    Ok(format!("{made} and trousers"))
}

#[workflow]
pub(crate) async fn wardrobe(cloths: Vec<String>) -> Result<Vec<String>, TailorError> {
    let mut started = vec![];
    for cloth in cloths {
        let child = shirt(cloth.clone()).start_child(format!("shirt-{cloth}")).await?;
        started.push(child);
        sleep(minutes(1)).await?;
    }
    let mut made = vec![];
    for child in started {
        let shirt = child.result().await?;
        made.push(shirt);
    }
    Ok(made)
}

fn sweep<W: Workflow>(call: WorkflowCall<W>) -> Sweep<W> {
    Sweep::new(call, "parent").state_with(Stock::default).configure(|e| e.only(NAMES))
}

fn last(history: &[String]) -> &str {
    history.last().map_or("", |e| e.as_str())
}

#[tokio::test]
async fn a_child_that_is_awaited() {
    let swept = sweep(suit("wool".into())).run().await;
    assert_eq!(last(&swept.history), r#"completed with "a shirt of cut wool and trousers""#, "{swept:#?}");
    assert!(swept.history.iter().any(|e| e == "op 0: child shirt-1 started"), "{swept:#?}");
}

#[tokio::test]
async fn a_child_that_fails() {
    let swept = sweep(suit("silk".into())).run().await;
    assert_eq!(last(&swept.history), r#"failed with {"Other":"no more silk"}"#, "{swept:#?}");
}

#[tokio::test]
async fn children_that_are_started_and_awaited_later() {
    let swept = sweep(wardrobe(vec!["wool".into(), "linen".into()])).run().await;
    assert!(last(&swept.history).contains(r#"["a shirt of cut wool","a shirt of cut linen"]"#), "{swept:#?}");
}
