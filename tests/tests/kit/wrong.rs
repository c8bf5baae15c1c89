//! Workflows that are wrong in ways that compile, and what a sweep says about them.

use crate::shop::*;
use serde::{Deserialize, Serialize};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering},
};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    prelude::*,
    testing::Sweep,
};

static DRAWN: AtomicU32 = AtomicU32::new(0);

/// Remembers something in the process.
#[workflow]
async fn counts_in_a_static(n: u32) -> Result<u32, OrderError> {
    #[workflow(allow(WF010, reason = "the sweep has to find it"))]
    let drawn = DRAWN.fetch_add(1, Ordering::SeqCst);
    sleep(seconds(1)).await?;
    Ok(n + drawn)
}

thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });

/// Remembers something in its thread.
#[workflow(allow(WF010, reason = "the sweep has to find it"))]
async fn remembers_in_its_thread(n: u32) -> Result<u32, OrderError> {
    SEEN.set(n);
    let one = tick().await?;
    Ok(SEEN.get() + one)
}

/// A counter whose count serde leaves out.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counter {
    name: String,
    #[serde(skip)]
    count: Cell<u32>,
}

/// Loses its count whenever it is saved.
#[workflow]
async fn counts_in_a_cell(name: String) -> Result<u32, OrderError> {
    let counter = Counter { name, count: Cell::new(0) };
    counter.count.set(counter.count.get() + 2);
    let one = tick().await?;
    counter.count.set(counter.count.get() + one);
    if counter.name.is_empty() {
        return Err(OrderError::NotApproved);
    }
    Ok(counter.count.get())
}

/// What the sweep says, with the runs of the wrong workflow one after the other in one thread.
fn said<W: Workflow>(call: WorkflowCall<W>) -> String {
    said_by(&Sweep::new(call, "w").in_memory())
}

fn said_by<W: Workflow>(sweep: &Sweep<W>) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(sweep.run()))).expect_err("it is wrong");
    panic.downcast_ref::<String>().expect("a text").clone()
}

/// The number of the line that holds `what`, which is this very test's file.
fn line(what: &str) -> usize {
    let lines = include_str!("wrong.rs").lines();
    1 + lines.into_iter().position(|l| l.contains(what)).expect("a line")
}

#[test]
fn a_static_counter() {
    let said = said(counts_in_a_static(10));
    let at = line("sleep(seconds(1)).await?;");
    assert_eq!(
        said,
        format!(
            "\
sweep of `counts_in_a_static` (seed 0x5eed), crash before commit 0, in memory, resident: event 3: expected completed with 10, found completed with 14
  this came with commit 2; before it, it was at `sleep` (tests/tests/kit/wrong.rs:{at}) with {{\"drawn\":4,\"n\":10}}
  commit 0 was of `w`: started counts_in_a_static; op 0: timer set
  with it, it is at `sleep` (tests/tests/kit/wrong.rs:{at}) with {{\"drawn\":3,\"n\":10}}
  all events:
    started counts_in_a_static
    op 0: timer set
    op 0: timer fired
    completed with 14
  this run alone: WORKFLOW_TEST_ONLY=memory-resident-before0@0x5eed cargo test, or `only = \"memory-resident-before0\"`"
        )
    );
}

#[test]
fn state_in_a_thread() {
    let said = said(remembers_in_its_thread(10));
    let at = line("let one = tick().await?;");
    let begin = "sweep of `remembers_in_its_thread` (seed 0x5eed), crash before commit 1, in memory, resident: event 3: expected completed with 11, found completed with 1";
    assert!(said.starts_with(begin), "{said}");
    assert!(said.contains(&format!("before it, it was at `tick` (tests/tests/kit/wrong.rs:{at})")), "{said}");
    // That very run, and no other, says the same.
    assert_eq!(said_by(&Sweep::new(remembers_in_its_thread(10), "w").only("memory-resident-before1@0x5eed")), said);
}

#[test]
fn interior_mutability_that_serde_loses() {
    let said = said(counts_in_a_cell("c".into()));
    let at = line("counter.count.set(counter.count.get() + 2);") + 1;
    assert_eq!(
        said.lines().take(2).collect::<Vec<_>>().join("\n"),
        format!(
            "\
sweep of `counts_in_a_cell` (seed 0x5eed), crash before commit 1, in memory, resident: event 3: expected completed with 3, found completed with 1
  this came with commit 3; before it, it was at `tick` (tests/tests/kit/wrong.rs:{at}) with {{\"counter\":{{\"name\":\"c\"}}}}"
        )
    );
}

#[test]
#[should_panic(expected = "`disk` in `disk-resident` names no variant")]
fn a_variant_that_there_is_not() {
    drop(Sweep::new(ticks(1), "w").only("disk-resident"));
}

/// The first way in which a test fails is its own.
#[workflow_runtime::test(crashes = "none")]
#[should_panic(expected = "there are 2 ticks, not 3")]
async fn a_test_that_fails_by_itself(t: workflow_runtime::testing::Test) {
    let ticked = t.start("t", ticks(2)).await.result().await.expect("ticks");
    assert!(ticked == 3, "there are {ticked} ticks, not 3");
}

#[workflow_runtime::test]
#[should_panic(
    expected = "sweep of the test `a_test_of_a_wrong_workflow` (seed 0x5eed), no crash, in memory, evicted after every step: the test panics"
)]
async fn a_test_of_a_wrong_workflow(t: workflow_runtime::testing::Test) {
    let counted = t.start("c", counts_in_a_cell("c".into())).await.result().await;
    assert_eq!(counted, Ok(3));
}

#[workflow_runtime::test]
#[should_panic(expected = "`o` has no result: it is at `APPROVED`")]
async fn a_test_that_waits_for_ever(t: workflow_runtime::testing::Test) {
    let run = t.start("o", waits_for_ever()).await;
    let _ = run.result().await;
}

#[workflow]
async fn waits_for_ever() -> Result<String, OrderError> {
    Ok(APPROVED.recv().await?)
}
