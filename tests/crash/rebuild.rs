//! Checkpoints that are damaged at every commit and made anew from the history: everything goes on as if nothing had happened. And what is
//! refused, because it would be a guess.
//!
//! After each death of a sweep the checkpoints of all instances are damaged. They are made anew, with further deaths at each commit of that, and the kit
//! compares them with what they were.

use crate::{
    activities, children, groups, messages,
    scenarios::{self, *},
    threads,
};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    testing::Sweep,
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
