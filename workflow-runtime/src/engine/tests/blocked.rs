//! What cannot go on by itself, and how it goes on.

use super::{super::*, running::reopen, script::*};
use crate::{
    journal::{
        id::{Namespace, WorkflowId},
        key::InstanceKeys,
    },
    machine::Signal,
    store::MemoryStore,
    testing::TestClock,
};

#[tokio::test]
async fn a_panic_blocks_its_instance_and_no_other() {
    let (clock, store) = (TestClock::manual(), MemoryStore::new());
    let f = reopen(&clock, &store, &[]).await;
    let first = f.engine.start("first", script(vec![Do::Panic])).await.unwrap();
    let later = f.engine.start("later", script(vec![call("a"), Do::Panic])).await.unwrap();
    let other = f.engine.start("other", script(vec![call("a")])).await.unwrap();
    assert_eq!(other.result().await.unwrap(), ["a"]);
    f.engine.pulse().idle().await;
    for run in [&first, &later] {
        let status = run.status().await.unwrap();
        let reason = status.blocked.unwrap();
        assert_eq!((status.state, reason.code.as_str()), (Status::Blocked, "WB010"));
        assert!(reason.message.contains("the script says so"), "{}", reason.message);
        run.retry().await.unwrap();
        f.engine.pulse().idle().await;
        assert_eq!(run.status().await.unwrap().state, Status::Blocked);
        run.signal(&NEWS, "kept".into()).await.unwrap();
    }
    let commits = f.engine.store_counters().commits;
    f.engine.kill();
    // Opening the store tries once more, and says nothing new.
    let f = reopen(&clock, &store, &[]).await;
    assert_eq!(f.engine.store_counters().commits, commits);
    let later = f.engine.run(script, "later");
    assert_eq!(later.status().await.unwrap().inbox["news"], 1);
    later.terminate("hopeless").await.unwrap();
    assert!(matches!(later.result().await.unwrap_err(), RunError::Terminated { .. }));
    assert_eq!(f.engine.run(script, "other").retry().await.unwrap_err().code(), "WE041");
}

#[tokio::test]
async fn an_unknown_activity_blocks_until_a_build_knows_it() {
    let (clock, store) = (TestClock::manual(), MemoryStore::new());
    let (b, _started) = builder(store.reopen(), &[]);
    let engine = b.only(["script"]).clock(clock.clone()).build().await.unwrap();
    let run = engine.start("u", script(vec![call("a")])).await.unwrap();
    engine.pulse().idle().await;
    let reason = run.status().await.unwrap().blocked.unwrap();
    assert_eq!(reason.code, "WB101");
    assert_eq!(engine.run(script, "u").retry().await.ok(), Some(()));
    engine.pulse().idle().await;
    assert_eq!(run.status().await.unwrap().state, Status::Blocked);
    engine.shutdown().await;
    let f = reopen(&clock, &store, &[]).await;
    assert_eq!(f.engine.run(script, "u").result().await.unwrap(), ["a"]);
}

#[tokio::test]
async fn an_unknown_workflow_blocks_until_a_build_knows_it() {
    let (clock, store) = (TestClock::manual(), MemoryStore::new());
    let f = reopen(&clock, &store, &[]).await;
    f.engine.start("w", script(vec![Do::Sleep(5), call("a")])).await.unwrap();
    f.engine.kill();
    let (b, _started) = builder(store.reopen(), &[]);
    let engine = b.only(["echo"]).clock(clock.clone()).build().await.unwrap();
    engine.pulse().idle().await;
    assert_eq!(engine.start("x", script(vec![])).await.unwrap_err().code(), "WE021");
    clock.advance(crate::seconds(5)).await;
    engine.pulse().idle().await;
    let status = engine.run(script, "w").status().await.unwrap();
    assert_eq!(status.blocked.unwrap().code, "WB001");
    engine.kill();
    let f = reopen(&clock, &store, &[]).await;
    assert_eq!(f.engine.run(script, "w").result().await.unwrap(), ["slept", "a"]);
}

#[tokio::test]
async fn a_signal_that_does_not_decode_is_set_aside() {
    let (clock, store) = (TestClock::manual(), MemoryStore::new());
    let f = reopen(&clock, &store, &[]).await;
    let run = f.engine.start("s", script(vec![Do::Recv])).await.unwrap();
    let wrong: Signal<u32> = Signal::new("news");
    run.signal(&wrong, 7).await.unwrap();
    assert_eq!(run.status().await.unwrap().state, Status::Running);
    run.signal(&NEWS, "right".into()).await.unwrap();
    assert_eq!(run.result().await.unwrap(), ["right"]);
    let history = run.history().await.unwrap();
    let aside = |e: &crate::journal::history::Event| matches!(e, crate::journal::history::Event::SignalSetAside { payload, .. } if payload.to_json() == serde_json::json!(7));
    assert!(history.iter().flat_map(|e| &e.events).any(aside));
}

#[tokio::test]
async fn a_damaged_local_blocks_its_instance_which_can_still_be_terminated() {
    let (clock, store) = (TestClock::manual(), MemoryStore::new());
    let f = reopen(&clock, &store, &[]).await;
    let run = f.engine.start("d", script(vec![call(&"x".repeat(3000)), Do::Sleep(5)])).await.unwrap();
    f.engine.pulse().idle().await;
    f.engine.kill();
    let id = WorkflowId::new("d").unwrap();
    assert!(store.damage(&InstanceKeys::new(&Namespace::default(), &id).slot(run.run_id().unwrap(), "log")));
    let f = reopen(&clock, &store, &[]).await;
    clock.advance(crate::seconds(5)).await;
    f.engine.pulse().idle().await;
    let run = f.engine.run(script, "d");
    assert_eq!(run.status().await.unwrap().blocked.unwrap().code, "WB106");
    run.terminate("restored elsewhere").await.unwrap();
    assert_eq!(run.status().await.unwrap().state, Status::Terminated);
}

#[tokio::test]
async fn a_run_that_waits_for_an_unknown_activity_can_be_cancelled() {
    let (b, _started) = builder(MemoryStore::new(), &[]);
    let engine = b.only(["script"]).clock(TestClock::manual()).build().await.unwrap();
    let run = engine.start("c", script(vec![call("a")])).await.unwrap();
    engine.pulse().idle().await;
    assert_eq!(run.status().await.unwrap().state, Status::Blocked);
    run.cancel("hopeless").await.unwrap();
    let e = run.result().await.unwrap_err();
    assert!(matches!(&e, RunError::Cancelled { error, .. } if error == "cancelled call"), "{e}");
}
