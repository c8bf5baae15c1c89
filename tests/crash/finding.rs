//! Searching for instances, removing them, and messages that nobody can read: on an engine that does not crash.

use crate::messages::{ADD, NOTE, keeper, ledger, mailbox};
use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use workflow_runtime::prelude::*;
use workflow_runtime::{
    engine::{Clock, Filter, IdReuse, Status, UpdateError, Waits},
    journal::{history::Event, key::describe, payload::Payload},
    store::{Fault, FaultStore, SledStore, Store},
    testing::{TestClock, TestEngine},
};

type Tested = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn manual() -> TestEngine {
    TestEngine::builder().manual().configure(|e| e.only(["ledger", "keeper", "mailbox"])).build().await.unwrap()
}

fn ids(page: &workflow_runtime::engine::Page) -> Vec<&str> {
    page.instances.iter().map(|i| i.workflow_id.as_str()).collect()
}

async fn populate(engine: &TestEngine) -> Tested {
    for n in 0..10u32 {
        let city = if n.is_multiple_of(2) { "Oslo" } else { "Rome" };
        let id = format!("i-{n}");
        if n.is_multiple_of(3) {
            engine.start(&id, ledger(1)).tag("city", city).await?.update(&ADD, 1).await?;
        } else {
            engine.start(&id, keeper(id.clone())).tag("city", city).tag("n", n).await?;
        }
        engine.advance(minutes(1)).await;
    }
    Ok(())
}

async fn searches(engine: &TestEngine) -> Tested {
    let begin = engine.run(ledger, "i-0").status().await?.started;
    let at = |n: i64| begin + jiff::SignedDuration::from_mins(n);
    let find = async |filter: Filter| ids(&engine.list(&filter).await.unwrap()).join(" ");
    assert_eq!(find(Filter::all()).await, "i-0 i-1 i-2 i-3 i-4 i-5 i-6 i-7 i-8 i-9");
    assert_eq!(find(Filter::all().newest_first().limit(3)).await, "i-9 i-8 i-7");
    assert_eq!(find(Filter::all().workflow("ledger")).await, "i-0 i-3 i-6 i-9");
    assert_eq!(find(Filter::all().workflow("ledger").newest_first()).await, "i-9 i-6 i-3 i-0");
    assert_eq!(find(Filter::all().status(Status::Running).tag("city", "Oslo")).await, "i-2 i-4 i-8");
    assert_eq!(find(Filter::all().tag("city", "Rome").tag("n", 5)).await, "i-5");
    assert_eq!(find(Filter::all().started(at(2)..at(5))).await, "i-2 i-3 i-4");
    assert_eq!(find(Filter::all().started_since(at(8)).newest_first()).await, "i-9 i-8");
    assert_eq!(find(Filter::all().closed(at(3)..at(9))).await, "i-3 i-6");
    assert_eq!(find(Filter::all().closed_since(at(4)).tag("city", "Rome")).await, "i-9");
    assert_eq!(find(Filter::all().open().started_before(at(3))).await, "i-1 i-2");
    assert_eq!(find(Filter::all().workflow("none")).await, "");
    assert_eq!(engine.count(&Filter::all().open()).await?, 6);
    assert_eq!(engine.count(&Filter::all().tag("city", "Oslo").status(Status::Completed)).await?, 2);
    assert_eq!(engine.count(&Filter::all().closed_before(at(4))).await?, 2);
    for newest in [false, true] {
        let mut filter = Filter::all().open().limit(4);
        filter = if newest { filter.newest_first() } else { filter.oldest_first() };
        let first = engine.list(&filter).await?;
        // A cursor is a text as well: it may travel.
        let cursor = first.next.clone().ok_or("a cursor")?.to_string().parse()?;
        let second = engine.list(&filter.clone().after(cursor)).await?;
        assert_eq!((first.instances.len(), second.instances.len(), second.next.is_none()), (4, 2, true));
        assert!(ids(&first).iter().all(|id| !ids(&second).contains(id)));
    }
    let listed = &engine.list(&Filter::all().workflow("ledger")).await?.instances[1];
    assert_eq!((listed.status, listed.started, listed.closed), (Status::Completed, at(3), Some(at(3))));
    assert_eq!(listed.tags["city"], "Rome");
    Ok(())
}

#[tokio::test]
async fn instances_are_found_by_workflow_state_tag_and_time_in_either_order() -> Tested {
    let engine = manual().await;
    populate(&engine).await?;
    searches(&engine).await
}

#[tokio::test]
async fn a_search_on_disk_finds_the_same() -> Tested {
    let directory = tempfile::tempdir()?;
    let store = SledStore::open(directory.path())?;
    let engine =
        TestEngine::builder().manual().store(store).configure(|e| e.only(["ledger", "keeper"])).build().await?;
    populate(&engine).await?;
    searches(&engine).await
}

#[tokio::test]
async fn nothing_is_left_of_what_was_removed_and_nothing_else_is_gone() -> Tested {
    let store = workflow_runtime::MemoryStore::new();
    let only = |e: workflow_runtime::engine::EngineBuilder| e.only(["ledger", "keeper"]).retention(days(7));
    let engine = TestEngine::builder().manual().store(store.clone()).configure(only).build().await?;
    let mut runs = vec![];
    for n in 0..3 {
        let start = engine.start("again", keeper(format!("{n}"))).reuse(IdReuse::AllowIfClosed);
        let run = start.signal_with_id(&NOTE, "a".into(), "a").signal(&NOTE, "b".into()).await?;
        assert!(run.result().await?.contains("a, b"));
        runs.push(run.run_id().ok_or("a run id")?);
        engine.advance(days(2)).await;
    }
    engine.start("stays", keeper("s".into())).retention_forever().signal(&NOTE, "a".into()).await?;
    engine.start("open", keeper("o".into())).await?;
    let again = engine.run(keeper, "again");
    let first = again.of_run(runs[0]);
    assert_eq!(first.result().await?, "0: a, b");
    engine.advance(days(2)).await;
    // The first run is gone by itself, the last one is there.
    assert_eq!(first.status().await.unwrap_err().code(), "WE050");
    assert!(again.result().await?.starts_with('2'));
    engine.advance(days(10)).await;
    assert_eq!(again.status().await.unwrap_err().code(), "WE050");
    assert!(engine.start("again", keeper("new".into())).await?.is_new());
    engine.run(keeper, "again").terminate("").await?;
    engine.advance(days(8)).await;
    let rows = store.scan(&[], &[255; 8], usize::MAX).await?;
    let left: Vec<_> = rows.iter().map(|(key, _)| describe(key)).collect();
    assert!(left.iter().all(|key| !key.contains("again")), "{left:?}");
    assert_eq!(engine.count(&Filter::all()).await?, 2);
    Ok(())
}

#[tokio::test]
async fn what_nobody_can_read_is_set_aside_and_what_is_behind_it_is_read() -> Tested {
    let engine = manual().await;
    let run = engine.start("m", mailbox(2)).await?;
    run.signal_payload("note", Payload::encode(&7)?).await?;
    run.signal(&NOTE, "readable".into()).await?;
    let wrong: Update<String, u32> = Update::new("add");
    let asked = tokio::spawn(run.update(&wrong, "many".into()).into_future());
    let also = tokio::spawn(run.update(&ADD, 3).into_future());
    // The engine can be idle before the clients have asked.
    while run.status().await?.updates.get("add") != Some(&2) {
        tokio::task::yield_now().await;
        engine.run_until_idle().await;
    }
    assert_eq!(run.status().await?.inbox["note"], 2);
    engine.advance(days(1)).await;
    let refused = asked.await?.unwrap_err();
    assert!(matches!(&refused, UpdateError::Rejected { reason, .. } if reason.contains("cannot read")), "{refused}");
    assert_eq!(also.await??, 2);
    assert_eq!(run.result().await?, ["readable", "add 3"]);
    let history = run.history().await?;
    let aside = |e: &&Event| matches!(e, Event::SignalSetAside { .. } | Event::UpdateSetAside { .. });
    assert_eq!(history.iter().flat_map(|e| &e.events).filter(aside).count(), 2);
    assert_eq!(run.verify().await?.steps, 2);
    Ok(())
}

#[tokio::test]
async fn a_wait_for_an_update_is_shown_and_its_unreadable_requests_are_rejected() -> Tested {
    let engine = manual().await;
    let run = engine.start("l", ledger(5)).await?;
    engine.run_until_idle().await;
    let waits = run.status().await?.waits;
    assert!(matches!(&waits[..], [Waits::Update { name, deadline: None, .. }] if name == "add"), "{waits:?}");
    let wrong: Update<String, u32> = Update::new("add");
    assert_eq!(run.update(&wrong, "many".into()).id("w").await.unwrap_err().code(), "WE080");
    assert_eq!(run.update(&wrong, "many".into()).id("w").await.unwrap_err().code(), "WE080");
    assert_eq!(run.update(&ADD, 2).await?, 2);
    let other: Update<u32, String> = Update::new("add");
    assert_eq!(run.update(&other, 1).await.unwrap_err().code(), "WE086");
    assert_eq!(run.local("total").await?, Some(3.into()));
    assert_eq!(run.local("nothing").await?, None);
    assert_eq!(run.local_as::<String>("total").await.unwrap_err().code(), "WE052");
    assert_eq!(run.status_as::<u32>().await?, Some(3));
    assert_eq!(run.update(&ADD, 2).await?, 5);
    assert_eq!(run.result().await?, 5);
    assert_eq!(run.verify().await?.steps, 4);
    Ok(())
}

#[tokio::test]
async fn every_refusal_of_a_message_or_a_start_has_its_code() -> Tested {
    let engine = manual().await;
    let nobody = engine.run(ledger, "nobody");
    assert_eq!(nobody.update(&ADD, 1).await.unwrap_err().code(), "WE081");
    assert_eq!(nobody.local("x").await.unwrap_err().code(), "WE050");
    let run = engine.start("l", ledger(1)).await?;
    assert_eq!(run.signal_payload("update:add", Payload::encode(&1)?).await.unwrap_err().code(), "WE034");
    assert_eq!(run.signal_payload("", Payload::encode(&1)?).await.unwrap_err().code(), "WS030");
    assert_eq!(run.signal(&NOTE, "x".into()).id("x".repeat(300)).await.unwrap_err().code(), "WS031");
    let long = Update::<String, u32>::new("add");
    assert_eq!(run.update(&long, "x".repeat(3 << 20)).await.unwrap_err().code(), "WE085");
    assert_eq!(engine.start("l", ledger(1)).reuse(IdReuse::Reject).await.unwrap_err().code(), "WE025");
    assert_eq!(engine.start("l", ledger(2)).await.unwrap_err().code(), "WE020");
    assert_eq!(engine.start("l", ledger(2)).reuse(IdReuse::AllowIfFailed).await.unwrap_err().code(), "WE020");
    run.update(&ADD, 1).await?;
    assert_eq!(run.result().await?, 1);
    assert_eq!(run.update(&ADD, 1).await.unwrap_err().code(), "WE082");
    assert_eq!(engine.start("l", ledger(1)).signal(&NOTE, "x".into()).await.unwrap_err().code(), "WE031");
    assert_eq!(engine.start("l", ledger(2)).reuse(IdReuse::AllowIfFailed).await.unwrap_err().code(), "WE020");
    let next = engine.start("l", ledger(2)).reuse(IdReuse::AllowIfClosed).await?;
    assert!(next.is_new());
    next.cancel("enough").await?;
    assert!(next.result().await.is_err());
    assert!(engine.start("l", ledger(2)).reuse(IdReuse::AllowIfFailed).await?.is_new());
    assert_eq!(run.result().await?, 1);
    assert_eq!(engine.start("t", ledger(1)).tag("a\nb", 1).await.unwrap_err().code(), "WS032");
    let late = engine.start("d", ledger(1)).at(engine.clock().now() + jiff::SignedDuration::from_hours(1)).await?;
    late.cancel("not needed").await?;
    assert_eq!(late.result().await.unwrap_err().code(), "WE062");
    assert_eq!(late.status().await?.steps, 0);
    Ok(())
}

/// Of a run with more records than one commit removes, each commit of the removal is the last one of its process.
#[tokio::test]
async fn a_removal_that_is_cut_off_goes_on() -> Tested {
    for (at, fault) in
        [(0, Fault::CrashBefore), (0, Fault::CrashAfter), (1, Fault::CrashBefore), (1, Fault::CrashAfter)]
    {
        let (clock, store) = (TestClock::new(), FaultStore::new(workflow_runtime::MemoryStore::new()));
        let build = |store: FaultStore<_>| {
            let only = |e: workflow_runtime::engine::EngineBuilder| e.only(["mailbox"]).retention(days(1));
            TestEngine::builder().clock(&clock).store(store).configure(only).build()
        };
        let engine = build(store.clone()).await?;
        let still = clock.pause();
        let run = engine.start("large", mailbox(700)).await?;
        for n in 0..700 {
            run.signal(&NOTE, "x".into()).id(n.to_string()).await?;
        }
        let commits = AtomicU64::new(0);
        let dies = move |closed: bool| match closed.then(|| commits.fetch_add(1, Ordering::SeqCst)) {
            Some(n) if n == at => fault,
            _ => Fault::None,
        };
        let first = AtomicU64::new(0);
        // The first commit from here on is the step that ends the run.
        store.on_commit(Arc::new(move |_| dies(first.fetch_add(1, Ordering::SeqCst) > 0)));
        drop(still);
        while run.status().await.is_ok() {
            tokio::task::yield_now().await;
        }
        while !store.is_dead() {
            tokio::task::yield_now().await;
        }
        drop((run, engine));
        let store = store.reopen();
        store.on_commit(Arc::new(|_| Fault::None));
        let engine = build(store.clone()).await?;
        let left = async || -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
            let rows = store.scan(&[], &[255; 8], usize::MAX).await?;
            Ok(rows.iter().filter(|(key, _)| describe(key).contains("large")).count())
        };
        while left().await? > 0 {
            assert!(fault == Fault::CrashBefore && at == 0 || engine.run(mailbox, "large").status().await.is_err());
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
