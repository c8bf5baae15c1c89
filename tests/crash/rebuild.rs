//! Checkpoints that are damaged at every commit and made anew from the history: everything goes on as if nothing had happened. And what is
//! refused, because it would be a guess.
//!
//! After each death of a sweep the checkpoints of all instances are damaged. They are made anew, with further deaths at each commit of that, and the kit
//! compares them with what they were.

use crate::{
    activities, children, groups, messages,
    scenarios::{self, *},
    threads,
    truncate::{ASKED, LATER, STAMP, logbook},
};
use workflow_runtime::{
    engine::{RebuildError, rebuilt_differs},
    journal::{
        id::Namespace,
        key::{Key, Kind, NamespaceKeys},
    },
    machine::{Workflow, WorkflowCall},
    prelude::*,
    store::{MemoryStore, Store},
    testing::{Sweep, TestClock, TestEngine},
};

fn scenario<W: Workflow>(call: WorkflowCall<W>) -> Sweep<W> {
    Sweep::new(call, "s").state_with(Stock::default).configure(|e| e.only(scenarios::NAMES)).damaging_checkpoints()
}

#[tokio::test]
async fn activities_that_are_retried_and_panic() {
    let swept = scenario(payment(500)).run().await;
    assert!(swept.commits >= 5, "{swept:?}");
}

#[tokio::test]
async fn signals_timers_and_what_a_step_draws() {
    scenario(approval("gem".into())).signal_at_start(&APPROVED, "Ada".to_string()).run().await;
    scenario(draws(2)).run().await;
}

#[tokio::test]
async fn compensations() {
    scenario(trip(13)).run().await;
}

#[tokio::test]
async fn histories_that_are_truncated_all_the_time() {
    scenario(errands(vec!["milk".into()])).configure(|e| e.keep_history(1)).run().await;
}

#[tokio::test]
async fn progress_and_what_is_left_to_somebody_outside() {
    activities::sweep(activities::copying(6)).damaging_checkpoints().run().await;
    activities::sweep(activities::asking("open?".into())).drive(activities::answer).damaging_checkpoints().run().await;
    activities::sweep(activities::giving_up()).damaging_checkpoints().run().await;
}

#[tokio::test]
async fn cancellations() {
    activities::sweep(activities::stopping("try".into())).drive(activities::cancel).damaging_checkpoints().run().await;
}

#[tokio::test]
async fn branches_helpers_and_large_locals() {
    threads::sweep(threads::deadline(1), "d").any_order().damaging_checkpoints().run().await;
    threads::sweep(threads::whoever_is_first(100), "w").any_order().damaging_checkpoints().run().await;
    threads::sweep(threads::long_letters(1), "l").any_order().damaging_checkpoints().run().await;
}

#[tokio::test]
async fn groups_with_retries_with_a_limit_and_with_an_error() {
    groups::sweep(groups::weigh_all(3)).damaging_checkpoints().run().await;
    groups::sweep(groups::weigh_narrow(3)).damaging_checkpoints().run().await;
    groups::sweep(groups::weigh_strict(vec![13, 3])).damaging_checkpoints().run().await;
}

#[tokio::test]
async fn groups_of_signals_and_children() {
    let letters = groups::sweep(groups::group_letters(2)).damaging_checkpoints();
    letters
        .signal_at_start(&groups::LETTERS, "a".to_string())
        .signal_at_start(&groups::LETTERS, "b".to_string())
        .run()
        .await;
    groups::sweep(groups::group_family(2)).damaging_checkpoints().run().await;
}

#[tokio::test]
async fn updates_that_are_answered_late() {
    let notary = messages::sweep(messages::notary(1), "n").drive(|run| async move {
        let _ = run.update(&messages::ADD, 1).id("a").await?;
        let _ = run.update(&messages::ADD, 3).id("c").await;
        Ok(())
    });
    notary.damaging_checkpoints().run().await;
}

#[tokio::test]
async fn children_that_are_awaited() {
    children::sweep(children::suit("wool".into())).damaging_checkpoints().run().await;
}

#[tokio::test]
async fn children_that_are_told_and_continue_as_new() {
    children::sweep(children::workshop(vec![1])).damaging_checkpoints().run().await;
    // What waits in the inbox goes with it.
    let sewing = children::sweep(children::sewing(2, vec![])).damaging_checkpoints();
    sewing.signal_at_start(&children::BUTTON, 7).signal_at_start(&children::BUTTON, 8).run().await;
}

#[tokio::test]
async fn parents_that_end_before_their_children() {
    children::sweep(children::laundry(0)).damaging_checkpoints().run().await;
}

/// Of all instances of a store.
async fn checkpoints(store: &MemoryStore) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let (from, to) = NamespaceKeys::new(&Namespace::default()).all(Kind::Frame);
    let rows = store.reopen().scan(&from, &to, 1_000).await.unwrap();
    rows.into_iter().map(|(key, value)| (Key::parse(&key).unwrap().id.unwrap(), key, value)).collect()
}

/// A long run that goes through all that one can wait for, with its children, damaged and made anew each second of it.
async fn logged(keep: Option<u64>) -> u64 {
    let (store, clock) = (MemoryStore::new(), TestClock::manual());
    let builder = || {
        let builder = TestEngine::builder().store(store.reopen()).clock(&clock);
        builder.configure(move |e| keep.map_or(e.clone().seed(3), |n| e.keep_history(n).seed(3)))
    };
    let mut engine = builder().build().await.unwrap();
    let run = engine.start("log", logbook(3)).await.unwrap();
    for text in ["first", "second"] {
        run.signal(&LATER, text.into()).await.unwrap();
    }
    for second in 0..50 {
        if second % 7 == 0 {
            engine.run(logbook, "log").signal(&STAMP, second).await.unwrap();
        }
        engine.advance(seconds(1)).await;
        engine.kill();
        let mut damaged = checkpoints(&store).await;
        assert!(damaged.iter().all(|(_, key, _)| store.damage(key)));
        engine = builder().build().await.unwrap();
        while let Some((id, key, was)) = damaged.pop() {
            match engine.untyped(&id).rebuild().await {
                Ok(()) => {}
                Err(RebuildError::After { .. }) => {
                    damaged.insert(0, (id, key, was));
                    continue;
                }
                Err(e) => panic!("second {second}: {e:?}"),
            }
            if keep.is_none() {
                // Else its history has been truncated since.
                let is = store.reopen().get(&key).await.unwrap().unwrap();
                assert_eq!(rebuilt_differs(&was, &is), None, "second {second}, `{id}`");
            }
        }
        engine.run(logbook, "log").verify().await.unwrap_or_else(|e| panic!("second {second}: {e}"));
    }
    let run = engine.run(logbook, "log");
    assert_eq!(run.update(&ASKED, 1).await.unwrap(), 4);
    engine.run_until_idle().await;
    run.result().await.unwrap()
}

#[tokio::test]
async fn a_long_run_that_is_damaged_every_second() {
    let total = logged(None).await;
    assert_eq!(logged(Some(2)).await, total);
}
