//! Branches: joins, races and their losers, crashed at every commit.

use crate::scenarios::*;
use workflow_runtime::{
    engine::RunError,
    machine::{Workflow, WorkflowCall},
    prelude::*,
    testing::{Sweep, TestClock, TestEngine},
    workflow,
};

const NAMES: [&str; 9] = [
    "charge",
    "reserve",
    "release",
    "branches",
    "deadline",
    "whoever_is_first",
    "careful_errand",
    "long_letters",
    "letter",
];

const STOP: Signal<String> = Signal::new("stop");

/// Two branches of several operations each.
#[workflow]
pub(crate) async fn branches(cents: u64) -> Result<String, ShopError> {
    let mut log = String::new();
    let (a, b) = join!(charge(cents), async {
        for sku in ["gem".to_string(), "ring".to_string()] {
            reserve(&sku, 1).await?;
            log.push_str(&sku);
            sleep(minutes(1)).await?;
        }
        Ok::<_, ShopError>(log.len())
    });
    Ok(format!("{:?} {:?} {log} at {}", a.is_ok(), b.ok(), now()))
}

/// A signal against a timer.
#[workflow]
pub(crate) async fn deadline(naps: u32) -> Result<String, ShopError> {
    let mut slept = 0;
    loop {
        select! {
            why = STOP.recv() => return Ok(format!("stopped by {} after {slept}", why?)),
            t = sleep(hours(1)), if slept < naps => {
                t?;
                slept += 1;
            }
            t = sleep(hours(2)) => {
                t?;
                return Ok(format!("slept {slept}"));
            }
        }
    }
}

/// Part of [`whoever_is_first`]: has something to undo when it loses.
#[workflow]
async fn careful_errand(sku: String) -> Result<String, ShopError> {
    saga::on_failure(release(sku.clone(), 1));
    reserve(&sku, 1).await?;
    sleep(days(1)).await?;
    Ok(sku)
}

#[workflow]
pub(crate) async fn whoever_is_first(cents: u64) -> Result<String, ShopError> {
    let first = select! {
        sku = careful_errand("gem".to_string()) => sku?,
        paid = charge(cents) => format!("paid {}", paid?),
    };
    Ok(first)
}

pub(crate) fn sweep<W: Workflow>(call: WorkflowCall<W>, id: &str) -> Sweep<W> {
    Sweep::new(call, id).state_with(Stock::default).configure(|e| e.only(NAMES))
}

fn last(history: &[String]) -> &str {
    history.last().map_or("", |e| e.as_str())
}

fn count(history: &[String], what: &str) -> usize {
    history.iter().filter(|e| e.contains(what)).count()
}

#[tokio::test]
async fn a_join_of_an_activity_and_a_loop() {
    let swept = sweep(branches(100), "b").any_order().run().await;
    assert_eq!(last(&swept.history), r#"completed with "true Some(7) gemring at 2000-01-01T00:02:00Z""#);
    assert_eq!(count(&swept.history, "reserve"), 2);
}

#[tokio::test]
async fn a_join_with_a_branch_that_fails() {
    let swept = sweep(branches(13), "b").any_order().run().await;
    assert_eq!(last(&swept.history), r#"completed with "false Some(7) gemring at 2000-01-01T00:02:00Z""#);
}

#[tokio::test]
async fn a_race_in_a_loop() {
    let swept = sweep(deadline(2), "d").any_order().run().await;
    assert_eq!(last(&swept.history), r#"completed with "slept 2""#);
    let stopped = sweep(deadline(2), "d").signal_at_start(&STOP, "Ada".to_string()).any_order().run().await;
    assert_eq!(last(&stopped.history), r#"completed with "stopped by Ada after 0""#);
}

#[tokio::test]
async fn a_helper_that_loses_is_undone() {
    let swept = sweep(whoever_is_first(100), "w").any_order().run().await;
    assert_eq!(last(&swept.history), r#"completed with "paid 100""#);
    assert_eq!(count(&swept.history, "release"), 1, "{swept:?}");
}

/// Part of [`long_letters`]: keeps a text that is too large for the frame.
#[workflow]
async fn letter(to: String, pages: u32) -> Result<usize, ShopError> {
    let text = format!("dear {to}, ").repeat(500);
    for page in 0..pages {
        select! {
            stop = STOP.recv() => {
                stop?;
                return Ok(page as usize);
            }
            late = sleep(days(1)) => late?,
        }
    }
    Ok(text.len())
}

#[workflow]
pub(crate) async fn long_letters(pages: u32) -> Result<String, ShopError> {
    let (a, b) = join!(letter("Ada".to_string(), pages), async {
        let text = "P.S. ".repeat(1_000);
        let n = letter("Bob".to_string(), pages + 1).await?;
        Ok::<_, ShopError>(n + text.len())
    });
    Ok(format!("{} {}", a?, b?))
}

#[tokio::test]
async fn large_locals_of_helpers_in_branches() {
    let swept = sweep(long_letters(1), "l").any_order().run().await;
    assert_eq!(last(&swept.history), r#"completed with "5000 10000""#, "{swept:?}");
}

#[tokio::test]
async fn a_cancellation_reaches_every_branch() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let clock = TestClock::manual();
    let engine =
        TestEngine::builder().clock(&clock).configure(|e| e.only(NAMES)).state(Stock::default()).build().await?;
    let run = engine.start("l", long_letters(3)).await?;
    clock.advance(seconds(1)).await;
    let status = run.status().await?;
    let points: Vec<(&str, &str)> = status.points.iter().map(|p| (p.workflow.as_str(), p.point.as_str())).collect();
    let each = [("letter", "select/0/STOP"), ("letter", "select/1/sleep")];
    assert_eq!(points, [each, each].concat());
    assert_eq!(status.point.as_deref(), Some("select/0/STOP"));
    assert_eq!(status.waits.len(), 4, "{status:?}");
    run.cancel("enough").await?;
    let RunError::Cancelled { .. } = run.result().await.unwrap_err() else { panic!("must be cancelled") };
    Ok(())
}
