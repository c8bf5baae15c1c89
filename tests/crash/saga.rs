//! Sagas: whose calls run, in which order, what people see of it, and what an operator can do.

use crate::{
    arriving::sweep as sweep_requests,
    cancel::{Taken, TourError, give_back, take},
};
use std::{error::Error, sync::Arc};
use workflow_runtime::{
    engine::{RunError, SkipError, Status},
    journal::history::Event,
    prelude::*,
    testing::{Sweep, TestClock, TestEngine},
};

type Test = Result<(), Box<dyn Error + Send + Sync>>;

const NAMES: [&str; 10] =
    ["outer", "inner", "deep", "kept", "at_once", "broken", "take", "give_back", "never_back", "refuse"];

#[activity]
pub(crate) async fn refuse(what: &str) -> Result<(), String> {
    Err(format!("no {what}"))
}

/// Fails for days.
#[activity(timeout = "10s", retry(attempts = 3, initial = "1h", max = "1h"))]
pub(crate) async fn never_back(what: String) -> Result<(), String> {
    Err(format!("{what} is lost"))
}

#[workflow]
async fn deep(fails: String) -> Result<(), TourError> {
    saga::on_failure(give_back("deep".into()));
    take("deep").await?;
    if fails == "deep" {
        refuse("deep").await?;
    }
    Ok(())
}

#[workflow]
async fn inner(fails: String) -> Result<(), TourError> {
    saga::on_failure(give_back("inner".into()));
    take("inner").await?;
    deep(fails.clone()).await?;
    if fails == "inner" {
        refuse("inner").await?;
    }
    Ok(())
}

/// `fails` is where.
#[workflow]
async fn outer(fails: String) -> Result<String, TourError> {
    saga::on_failure(give_back("outer".into()));
    take("outer").await?;
    if let Err(e) = inner(fails.clone()).await {
        if fails != "inner" {
            return Err(e);
        }
        // What the helper did is undone; this goes on without it.
        saga::on_failure(give_back("instead".into()));
        take("instead").await?;
        sleep(days(1)).await?;
        return Ok("without".to_string());
    }
    if fails == "outer" {
        refuse("outer").await?;
    }
    Ok("with".to_string())
}

/// What is committed is not undone, and what comes after it is.
#[workflow]
async fn kept(first: String) -> Result<(), TourError> {
    saga::on_failure(give_back(first.clone()));
    deep("".into()).await?;
    saga::commit();
    saga::on_failure(give_back("later".into()));
    take("later").await?;
    refuse(&first).await?;
    Ok(())
}

#[workflow]
async fn at_once(n: u32) -> Result<(), TourError> {
    saga::parallel();
    let mut i = 0;
    while i < n {
        saga::on_failure(give_back(format!("thing {i}")));
        take(&format!("thing {i}")).await?;
        i += 1;
    }
    deep("".into()).await?;
    refuse("more").await?;
    Ok(())
}

#[workflow]
async fn broken(parallel: bool) -> Result<(), TourError> {
    if parallel {
        saga::parallel();
    }
    saga::on_failure(give_back("boots".into()));
    saga::on_failure(never_back("ring".into()));
    saga::on_failure(give_back("map".into()));
    refuse("luck").await?;
    Ok(())
}

fn undone(history: &[String]) -> Vec<&str> {
    let calls = history.iter().filter(|e| e.contains("_back[") && e.ends_with("scheduled"));
    calls.filter_map(|e| e.split('"').nth(1)).collect()
}

#[tokio::test]
async fn nested_helpers_undo_their_own_or_hand_it_over() {
    for (fails, order, end) in [
        ("", &[][..], r#"completed with "with""#),
        ("outer", &["deep", "inner", "outer"], "failed with"),
        ("inner", &["deep", "inner"], r#"completed with "without""#),
        ("deep", &["deep", "inner", "outer"], "failed with"),
    ] {
        let swept = Sweep::new(outer(fails.into()), "o").state_with(Taken::default).configure(|e| e.only(NAMES));
        // The way is the same on sled; once is enough.
        let swept = if fails == "outer" { swept.run().await } else { swept.in_memory().run().await };
        assert_eq!(undone(&swept.history), order, "{fails}: {swept:?}");
        assert!(swept.history.last().unwrap().starts_with(end), "{fails}: {swept:?}");
    }
}

#[tokio::test]
async fn a_request_at_any_moment_of_nested_helpers() {
    for fails in ["", "inner"] {
        let check = |left: &crate::arriving::Left<'_, _, Taken>| match &left.outcome {
            Ok(_) => {}
            Err(RunError::Cancelled { .. }) => assert!(left.world.is_clean(), "{:?}: {:?}", left.arrival, left.world),
            Err(e) => panic!("{:?}: {e}", left.arrival),
        };
        let call = outer(fails.into());
        sweep_requests(call, |e| e.run(outer, "c"), Taken::default, |e| e.only(NAMES), check).await;
    }
}

#[tokio::test]
async fn what_is_committed_stays() {
    let swept = Sweep::new(kept("first".into()), "k").state_with(Taken::default).configure(|e| e.only(NAMES));
    assert_eq!(undone(&swept.run().await.history), ["later"]);
}

#[tokio::test]
async fn all_at_once() -> Test {
    let sweep = Sweep::new(at_once(3), "a").state_with(Taken::default).configure(|e| e.only(NAMES)).any_order();
    assert_eq!(undone(&sweep.run().await.history), ["deep", "thing 2", "thing 1", "thing 0"]);

    let clock = TestClock::manual();
    let engine =
        TestEngine::builder().state(Taken::default()).clock(&clock).configure(|e| e.only(NAMES)).build().await?;
    let run = engine.start("a", at_once(3)).await?;
    engine.pulse().idle().await;
    let begin = run.status().await?.started;
    let undoing = &run.status().await?.compensating[0];
    assert_eq!((undoing.running.len(), undoing.left.len(), undoing.parallel), (4, 0, true));
    // Each waits half a minute twice, together.
    clock.advance(minutes(2)).await;
    assert!(matches!(run.result().await, Err(RunError::Failed(TourError::Activity(_)))));
    let took = run.status().await?.updated.duration_since(begin);
    assert_eq!(took.as_secs(), 60);
    Ok(())
}

#[tokio::test]
async fn a_compensation_that_fails_for_days_is_seen_and_skipped() -> Test {
    let clock = TestClock::manual();
    let engine =
        TestEngine::builder().state(Taken::default()).clock(&clock).configure(|e| e.only(NAMES)).build().await?;
    let run = engine.start("b", broken(false)).await?;
    clock.advance(days(5)).await;
    let status = run.status().await?;
    assert_eq!((status.state, status.point), (Status::Running, None));
    let [undoing] = &status.compensating[..] else { panic!("{:?}", status.compensating) };
    assert_eq!(undoing.workflow, "broken");
    assert!(undoing.error.as_ref().is_some_and(|e| e.to_string().contains("no luck")), "{undoing:?}");
    let [ring] = &undoing.running[..] else { panic!("{undoing:?}") };
    assert_eq!((ring.activity.as_str(), &ring.args), ("never_back", &serde_json::json!(["ring"])));
    // Its limit of three attempts does not count, its pauses do.
    assert!(ring.attempt > 100 && ring.next.is_some(), "{ring:?}");
    assert!(ring.last_error.as_deref().is_some_and(|e| e.contains("ring is lost")), "{ring:?}");
    let left: Vec<_> = undoing.left.iter().map(|u| u.args[0].as_str().unwrap_or_default()).collect();
    assert_eq!(left, ["boots"]);

    run.skip_compensation("Ada paid for the ring").await?;
    // Asking for the same one again does not skip the next one.
    let again = run.skip_compensation_of(ring.op, "again").await;
    assert!(matches!(again, Err(SkipError::NotCompensating { op: Some(op), .. }) if op == ring.op));
    clock.advance(minutes(5)).await;
    assert!(matches!(run.result().await, Err(RunError::Failed(_))));
    let skipped = run.history().await?.into_iter().flat_map(|e| e.events).find_map(|e| match e {
        Event::CompensationSkipped { activity, reason, .. } => Some((activity, reason)),
        _ => None,
    });
    assert_eq!(skipped, Some(("never_back".to_string(), "Ada paid for the ring".to_string())));
    assert_eq!(run.skip_compensation("late").await.unwrap_err().code(), "WE071");
    Ok(())
}

#[tokio::test]
async fn skipping_is_refused_where_it_says_nothing() -> Test {
    let clock = TestClock::manual();
    let engine =
        TestEngine::builder().state(Taken::default()).clock(&clock).configure(|e| e.only(NAMES)).build().await?;
    assert_eq!(engine.run(broken, "nobody").skip_compensation("x").await.unwrap_err().code(), "WE070");
    assert_eq!(engine.run(broken, "").skip_compensation("x").await.unwrap_err().code(), "WS030");
    let run = engine.start("o", outer("inner".into())).await?;
    clock.advance(minutes(10)).await;
    // It sleeps, and nothing is undone.
    assert!(matches!(run.skip_compensation("x").await, Err(SkipError::NotCompensating { op: None, .. })));
    let run = engine.start("b", broken(true)).await?;
    engine.pulse().idle().await;
    let Err(SkipError::Several { ops, .. }) = run.skip_compensation("which?").await else { panic!("one of three") };
    assert_eq!(ops.len(), 3);
    clock.advance(minutes(5)).await;
    // Only the one that fails is left.
    run.skip_compensation("lost").await?;
    assert!(matches!(run.result().await, Err(RunError::Failed(_))));
    Ok(())
}

/// The decision survives the process, and skips one call only.
#[tokio::test]
async fn a_skip_at_every_crash() {
    let sweep = Sweep::new(broken(false), "b").state_with(Taken::default).configure(|e| e.only(NAMES));
    let swept = sweep
        .drive(|driven| async move {
            loop {
                let status = driven.status().await?;
                let running = status.compensating.iter().flat_map(|c| &c.running);
                let ring = running.into_iter().find(|u| u.activity == "never_back" && u.attempt > 2).map(|u| u.op);
                if let Some(op) = ring {
                    return match driven.skip_compensation_of(op, "paid").await {
                        Ok(()) | Err(SkipError::NotCompensating { .. }) => Ok(()),
                        Err(e) => Err(e.into()),
                    };
                }
                if status.state.is_closed() || status.compensating.iter().any(|c| c.left.is_empty()) {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
        })
        .run()
        .await;
    assert_eq!(undone(&swept.history), ["map", "ring", "boots"]);
    assert_eq!(swept.history.iter().filter(|e| e.contains("skipped: paid")).count(), 1);
}

#[workflow]
async fn panics(n: u32) -> Result<u32, TourError> {
    saga::on_failure(give_back("boots".into()));
    take("boots").await?;
    assert!(n != 13, "unlucky");
    Ok(n)
}

#[tokio::test]
async fn a_panic_blocks_and_undoes_nothing() -> Test {
    let taken = Taken::default();
    let builder = TestEngine::builder().state(taken.clone()).configure(|e| e.only(["panics", "take", "give_back"]));
    let engine = builder.build().await?;
    let run = engine.start("p", panics(13)).await?;
    while run.status().await?.state != Status::Blocked {
        tokio::task::yield_now().await;
    }
    assert!(run.status().await?.compensating.is_empty());
    assert_eq!(engine.attempts().of("give_back"), 0);
    assert!(Arc::strong_count(&taken.0) > 1 && !taken.is_clean());
    // Whoever gives up on it terminates it; a cancellation needs a step that does not panic.
    run.terminate("undone by hand").await?;
    assert_eq!(engine.attempts().of("give_back"), 0);
    Ok(())
}
