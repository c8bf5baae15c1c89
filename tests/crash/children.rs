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

pub(crate) const NAMES: [&str; 11] = [
    "cut",
    "shirt",
    "suit",
    "wardrobe",
    "sewing",
    "ironing",
    "laundry",
    "inspector",
    "household",
    "butler",
    "workshop",
];

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

pub(crate) fn sweep<W: Workflow>(call: WorkflowCall<W>) -> Sweep<W> {
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

pub(crate) const BUTTON: Signal<u32> = Signal::new("button");
pub(crate) const DONE: Signal<String> = Signal::new("done");

/// Sews until it has so many buttons, and begins anew after each.
#[workflow]
pub(crate) async fn sewing(wanted: u32, sewn: Vec<u32>) -> Result<Vec<u32>, TailorError> {
    if sewn.len() as u32 == wanted {
        return Ok(sewn);
    }
    let button = BUTTON.recv().await?;
    sleep(minutes(1)).await?;
    let mut sewn = sewn;
    sewn.push(button);
    continue_as_new!(wanted, sewn)
}

/// Waits for ever, and tidies up when it is asked to stop.
#[workflow]
pub(crate) async fn ironing(shirt: String) -> Result<String, TailorError> {
    match DONE.recv().await {
        Ok(by) => Ok(format!("{shirt} ironed by {by}")),
        Err(e) => {
            sleep(minutes(1)).await?;
            Err(e.into())
        }
    }
}

#[workflow]
pub(crate) async fn laundry(close: u32) -> Result<String, TailorError> {
    let policy = match close {
        0 => ParentClose::Cancel,
        1 => ParentClose::Terminate,
        _ => ParentClose::Abandon,
    };
    let child = ironing("shirt".to_string()).start_child("iron").parent_close(policy).await?;
    sleep(hours(1)).await?;
    if close == 3 {
        return Err(TailorError::OutOf("steam".to_string()));
    }
    Ok(child.id().to_string())
}

/// Somebody who tells [`ironing`] that it is done, and asks it to stop.
#[workflow]
pub(crate) async fn inspector(what: String) -> Result<Vec<String>, TailorError> {
    let iron = external(ironing, "iron");
    let mut heard = vec![];
    sleep(seconds(1)).await?;
    if what == "cancel" {
        let asked = iron.cancel("burnt").await;
        heard.push(format!("{asked:?}"));
    } else {
        let told = iron.signal(&DONE, what).await;
        heard.push(format!("{told:?}"));
    }
    sleep(hours(2)).await?;
    let late = iron.signal(&DONE, "late".to_string()).await;
    heard.push(format!("{late:?}"));
    let other = external(sewing, "iron").cancel("no").await;
    heard.push(format!("{other:?}"));
    let nobody = external(ironing, "nobody").cancel("no").await;
    heard.push(format!("{nobody:?}"));
    Ok(heard)
}

/// Irons as a child and hears how that ended, and has a grandchild.
#[workflow]
pub(crate) async fn household(depth: u32) -> Result<String, TailorError> {
    if depth == 0 {
        return Ok(ironing("towel".to_string()).child("iron").await?);
    }
    Ok(household(depth - 1).child(format!("household-{depth}")).await?)
}

/// Everything that a started child can be told.
#[workflow]
pub(crate) async fn butler(orders: Vec<String>) -> Result<String, TailorError> {
    let child = ironing("shirt".to_string()).start_child("iron").await?;
    for order in orders {
        match order.as_str() {
            "signal" => {
                child.signal(&DONE, "the butler".to_string()).await.map_err(|e| TailorError::Other(e.to_string()))?
            }
            "cancel" => child.cancel("enough").await.map_err(|e| TailorError::Other(e.to_string()))?,
            "terminate" => child.terminate("enough").await.map_err(|e| TailorError::Other(e.to_string()))?,
            _ => sleep(minutes(10)).await?,
        }
    }
    match child.result().await {
        Ok(text) => Ok(text),
        Err(e) => Ok(format!("{e:?}")),
    }
}

/// A tailor that sews as a child that continues as new.
#[workflow]
pub(crate) async fn workshop(buttons: Vec<u32>) -> Result<Vec<u32>, TailorError> {
    let child = sewing(buttons.len() as u32, vec![]).start_child("sewing").await?;
    for button in buttons {
        child.signal(&BUTTON, button).await.map_err(|e| TailorError::Other(e.to_string()))?;
    }
    Ok(child.result().await?)
}

fn memory<W: Workflow>(call: WorkflowCall<W>) -> Sweep<W> {
    sweep(call).in_memory()
}

#[tokio::test]
async fn a_run_that_continues_takes_its_inbox_with_it() {
    let mut sweep = sweep(sewing(3, vec![]));
    for button in [7, 8, 9] {
        sweep = sweep.signal_at_start(&BUTTON, button);
    }
    let swept = sweep.run().await;
    assert!(swept.history.iter().any(|e| e == "completed with [7,8,9]"), "{swept:#?}");
}

#[tokio::test]
async fn a_child_that_continues_is_one_child() {
    let swept = sweep(workshop(vec![1, 2])).run().await;
    assert_eq!(last(&swept.history), "completed with [1,2]", "{swept:#?}");
}

#[tokio::test]
async fn parents_that_end_before_their_children() {
    for (close, message) in [
        (0, "message 1 to iron: cancel: its parent has ended (completed)"),
        (1, "message 1 to iron: terminate: its parent has ended (completed)"),
        (3, "message 1 to iron: "),
    ] {
        let swept = memory(laundry(close)).run().await;
        let told = swept.history.iter().any(|e| e.starts_with(message));
        assert_eq!(told, close != 3, "{swept:#?}");
    }
    sweep(laundry(0)).run().await;
    sweep(laundry(2)).run().await;
}

#[tokio::test]
async fn what_a_child_is_told() {
    let ended = |swept: &workflow_runtime::testing::Swept| last(&swept.history).to_owned();
    let orders = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let swept = sweep(butler(orders(&["", "signal"]))).run().await;
    assert_eq!(ended(&swept), r#"completed with "shirt ironed by the butler""#, "{swept:#?}");
    let swept = sweep(butler(orders(&["", "cancel"]))).run().await;
    assert!(ended(&swept).contains("Cancelled { id: \\\"iron\\\", reason: \\\"enough\\\""), "{swept:#?}");
    let swept = sweep(butler(orders(&["", "terminate"]))).run().await;
    assert!(ended(&swept).contains("Terminated { id: \\\"iron\\\", reason: \\\"enough\\\""), "{swept:#?}");
}

#[tokio::test]
async fn a_cancellation_goes_down_to_grandchildren_and_the_end_comes_up() {
    let sweep = sweep(household(2)).drive(|run| async move {
        let _still = run.clock.pause();
        let iron = run.engine.run(ironing, "iron");
        // Not before the grandchild waits, so that each run of the sweep is cancelled in one place.
        while !iron.status().await.is_ok_and(|s| !s.waits.is_empty()) {
            if run.status().await?.state.is_closed() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        match run.cancel("moving out").await {
            Ok(()) | Err(workflow_runtime::engine::ControlError::Closed { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    });
    let swept = sweep.any_order().run().await;
    assert!(last(&swept.history).starts_with("cancelled (moving out)"), "{swept:#?}");
    assert!(last(&swept.history).contains("household-1"), "{swept:#?}");
}

/// Starts the iron beside the swept run, as somebody else would.
fn with_iron(what: &str) -> Sweep<impl Workflow> {
    sweep(inspector(what.into())).drive(|run| async move {
        run.engine.start("iron", ironing("shirt".into())).await?;
        Ok(())
    })
}

#[tokio::test]
async fn messages_to_somebody_elses_instance() {
    let swept = with_iron("the inspector").any_order().run().await;
    assert!(swept.runs > 10, "{swept:#?}");
}

#[tokio::test]
async fn every_kind_of_message_delivered_twice() {
    let twice = |name: &str| name.to_owned();
    let doubled = |sweep: Sweep<_>| sweep.configure(|e| e.deliver_messages(2));
    // Start, end.
    let swept = doubled(memory(suit("wool".into()))).run().await;
    assert_eq!(last(&swept.history), r#"completed with "a shirt of cut wool and trousers""#, "{swept:#?}");
    // Signals, in order, to a chain of runs; a request to tell the end.
    let swept = memory(workshop(vec![1, 2])).configure(|e| e.deliver_messages(2)).run().await;
    assert_eq!(last(&swept.history), "completed with [1,2]", "{swept:#?}");
    // Requests to stop, terminations.
    for order in ["cancel", "terminate"] {
        let call = butler(vec![String::new(), twice(order)]);
        let swept = memory(call).configure(|e| e.deliver_messages(2)).run().await;
        assert!(last(&swept.history).contains("enough"), "{swept:#?}");
    }
    for close in [0, 1] {
        memory(laundry(close)).configure(|e| e.deliver_messages(2)).run().await;
    }
}
