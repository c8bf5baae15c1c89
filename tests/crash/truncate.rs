//! Histories that are truncated while their runs go on.

use std::{collections::BTreeMap, sync::atomic::Ordering};
use workflow_runtime::{
    archive::Archive,
    engine::{ControlError, Status, verify},
    journal::{
        history::{Entry, Event},
        key::Kind,
    },
    prelude::*,
    registry::Registry,
    testing::TestEngine,
};

pub(crate) const STAMP: Signal<u32> = Signal::new("stamp");
pub(crate) const LATER: Signal<String> = Signal::new("later");
pub(crate) const ASKED: Update<u32, u32> = Update::new("asked");

#[activity(retry(initial = "1s"))]
async fn stamped(cx: ActivityContext, n: u32) -> Result<u32, WorkflowError> {
    if cx.attempt() < n % 3 { Err(WorkflowError::msg("once more")) } else { Ok(2 * n) }
}

#[workflow]
async fn logbook_page(n: u32) -> Result<u32, Cancelled> {
    sleep(seconds(2)).await?;
    Ok(n)
}

#[workflow]
async fn signed(n: u32) -> Result<u32, WorkflowError> {
    let kept = vec![n; 2];
    sleep(seconds(1)).await?;
    Ok(stamped(kept[0]).await?)
}

/// Goes through all that a run can wait for, round after round.
#[workflow]
pub(crate) async fn logbook(rounds: u32) -> Result<u64, WorkflowError> {
    let large = "a local that is a record of its own ".repeat(100);
    let mut sum = 0;
    for n in 0..rounds {
        set_status(&n);
        sum += select! {
            stamp = STAMP.recv() => u64::from(stamp?),
            t = sleep(seconds(3)) => { t?; side_effect(|| 7) }
        };
        let (a, b) = join!(stamped(n), async {
            sleep(seconds(1)).await?;
            signed(n).await
        });
        sum += u64::from(a? + b?);
        sum += u64::from(logbook_page(n).child(format!("page-{n}")).await?);
        for done in join_all((0..3).map(stamped)).await {
            sum += u64::from(done?);
        }
    }
    let (asked, reply) = ASKED.recv().await?;
    reply.send(asked + rounds);
    let later = LATER.recv().await?;
    Ok(sum + (large.len() + later.len()) as u64)
}

fn numbers(history: &[Entry]) -> std::ops::Range<u64> {
    let (first, last) = (history.first().map_or(0, |e| e.seq), history.last().map_or(0, |e| e.seq));
    let expected: Vec<_> = (first..=last).collect();
    assert_eq!(history.iter().map(|e| e.seq).collect::<Vec<_>>(), expected);
    first..last + 1
}

fn removed(history: &[Entry]) -> u64 {
    let of = |event: &Event| match event {
        Event::Checkpointed { removed, .. } => *removed,
        _ => 0,
    };
    history.iter().flat_map(|entry| &entry.events).map(of).sum()
}

async fn logged(keep: Option<u64>) -> (u64, u64, usize) {
    let configured = move |engine: workflow_runtime::engine::EngineBuilder| match keep {
        Some(n) => engine.keep_history(n).seed(3),
        None => engine.seed(3),
    };
    let engine = TestEngine::builder().manual().configure(configured).build().await.unwrap();
    let run = engine.start("log", logbook(6)).await.unwrap();
    for text in ["first", "second"] {
        run.signal(&LATER, text.into()).await.unwrap();
    }
    let (mut segments, mut verified) = (0, 0);
    for second in 0..90 {
        if second % 11 == 0 {
            run.signal(&STAMP, second).await.unwrap();
        }
        engine.advance(seconds(1)).await;
        let history = run.history().await.unwrap();
        let range = numbers(&history);
        if let Some(keep) = keep {
            // A group puts a segment off.
            assert!(range.end - range.start < 2 * keep + 20, "{range:?}");
            segments = segments.max(range.start);
        }
        let done = run.verify().await.unwrap_or_else(|e| panic!("second {second}, entries {range:?}: {e}"));
        assert_eq!(done.skipped, 0);
        verified += done.steps;
    }
    assert_eq!(run.update(&ASKED, 1).await.unwrap(), 7);
    engine.run_until_idle().await;
    let (total, left) = (run.result().await.unwrap(), run.history().await.unwrap());
    assert!(run.verify_twice().await.unwrap().steps > 0);
    assert!(verified > 0);
    (total, segments, left.len())
}

#[tokio::test]
async fn verify_goes_on_from_every_state_in_which_a_segment_begins() {
    let (total, _, whole) = logged(None).await;
    for keep in [1, 2, 5, 9] {
        let (same, segments, left) = logged(Some(keep)).await;
        assert_eq!(same, total);
        assert!(segments > 3 * keep && left < whole / 2, "{segments}, {left} of {whole}");
    }
}

#[tokio::test]
async fn a_truncation_is_whole_at_every_death() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("archive");
    let (store, dies) = super::archive::dying();
    let builder = TestEngine::builder().manual().store(store.clone()).configure({
        let to = to.clone();
        move |engine| engine.archive(to).retention(days(7)).seed(7)
    });
    let mut engine = builder.clone().build().await.unwrap();
    let run = engine.start("a", super::archive::kept_ledger(1300, 1)).await.unwrap();
    let id = run.run_id().unwrap();
    run.signal(&LATER, "it stays in the inbox".into()).await.unwrap();
    engine.advance(seconds(1200)).await;
    let mut known: BTreeMap<u64, Entry> = run.history().await.unwrap().into_iter().map(|e| (e.seq, e)).collect();
    assert!(known.len() > 1100);

    dies.store(true, Ordering::SeqCst);
    let clock = engine.clock().clone();
    let (mut present, mut deaths) = (store, 0);
    loop {
        let run = engine.run(super::archive::kept_ledger, "a");
        let told = run.truncate_history().await;
        if told.is_ok() {
            break;
        }
        deaths += 1;
        // Two for each commit of a truncation, and a few of the next one.
        dies.store(deaths < 12, Ordering::SeqCst);
        engine.kill();
        present = present.reopen();
        engine = builder.clone().store(present.clone()).clock(&clock).build().await.unwrap();
        // What is seen at once is as whole as what is seen when it is done, unless it has died once more by then.
        let run = engine.run(super::archive::kept_ledger, "a");
        if let Ok(seen) = run.history().await {
            numbers(&seen);
            known.extend(seen.into_iter().map(|e| (e.seq, e)));
        }
        if let Err(e) = run.verify().await {
            // The engine has heard of the death, or the read has met it.
            assert!(["WE011", "WE013"].contains(&e.code()), "{e}");
        }
    }
    assert_eq!(deaths, 12);
    engine.run_until_idle().await;
    let run = engine.run(super::archive::kept_ledger, "a");
    let left = run.history().await.unwrap();
    assert!(matches!(left[0].events[..], [Event::Checkpointed { .. }, Event::SignalReceived { .. }]), "{left:?}");
    assert_eq!(engine.census().await.unwrap().of(Kind::History).records, left.len() as u64);
    assert!(removed(&left) > 0);

    engine.advance(hours(1)).await;
    assert_eq!(run.result().await.unwrap(), 1300);
    let left = run.history().await.unwrap();
    assert!(run.verify().await.unwrap().steps > 90);
    known.extend(left.into_iter().map(|e| (e.seq, e)));
    engine.advance(days(8)).await;
    let archive = Archive::open(&to).unwrap();
    let archived = archive.run(id).unwrap();
    assert_eq!((archived.summary.status, archived.summary.entries), (Status::Completed, known.len() as u64));
    let read: Vec<_> = archive.history(id).unwrap().map(Result::unwrap).collect::<Vec<_>>().concat();
    assert!(read == known.into_values().collect::<Vec<_>>(), "{} entries", read.len());
    let recorded = archive.recorded(id).unwrap();
    assert!(verify(&recorded, &Registry::linked().unwrap()).unwrap().steps >= archived.steps);
    println!("{deaths} deaths");
}

#[tokio::test]
async fn what_cannot_be_told_again_puts_a_truncation_off() {
    let engine = TestEngine::builder().manual().build().await.unwrap();
    let run = engine.start("log", waits_for_many(3)).await.unwrap();
    engine.run_until_idle().await;
    let refused = run.truncate_history().await.unwrap_err();
    assert!(matches!(refused, ControlError::InTheWay { .. }), "{refused}");
    assert_eq!(run.history().await.unwrap()[0].seq, 0);
    engine.advance(seconds(5)).await;
    assert!(run.truncate_history().await.unwrap() > 0);
    // Nothing is left to remove but the checkpoint itself.
    assert_eq!(run.truncate_history().await.unwrap(), 1);
    run.terminate("enough").await.unwrap();
    assert!(matches!(run.truncate_history().await, Err(ControlError::Closed { .. })));
    assert!(matches!(engine.untyped("none").truncate_history().await, Err(ControlError::NotFound { .. })));
}

#[workflow]
async fn waits_for_many(n: u64) -> Result<(), Cancelled> {
    for done in join_all((0..n).map(|m| sleep(seconds(m)))).await {
        done?;
    }
    sleep(hours(1)).await
}
