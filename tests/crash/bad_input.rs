//! What an engine cannot take is a typed error that says what to do, and hurts no other instance.

use crate::scenarios::*;
use std::error::Error;
use workflow_runtime::{
    __private::{ActivityContext, ActivityDef, States},
    engine::{BuildError, Engine, RunError, SignalError, StartError},
    journal::{history::Event, payload::Payload},
    prelude::*,
    store::{MemoryStore, OpenError},
    testing::{TestEngine, TestEngineBuilder},
};

type Test = Result<(), Box<dyn Error + Send + Sync>>;

async fn shop() -> Result<TestEngine, BuildError> {
    builder().build().await
}

fn builder() -> TestEngineBuilder {
    TestEngine::builder().state(Stock::default()).configure(|e| e.only(NAMES))
}

#[tokio::test]
async fn a_directory_that_another_engine_has_open() -> Test {
    let dir = tempfile::tempdir()?;
    let first = Engine::builder().store(workflow_runtime::store::SledStore::open(dir.path())?);
    let first = first.only(["payment", "charge", "print_label"]).build().await?;
    let second = Engine::open(dir.path()).await;
    assert!(matches!(second, Err(BuildError::Open(OpenError::Locked { .. }))));
    let run = first.start("p", payment(1)).await?;
    assert_eq!(run.id(), "p");
    Ok(())
}

#[tokio::test]
async fn ids_that_are_none_and_ids_that_only_look_strange() -> Test {
    let engine = shop().await?;
    for id in ["", "a\nb", "nul\0", "\u{7f}", &"x".repeat(257)] {
        let refused = engine.start(id, patience(0)).await;
        assert!(matches!(refused, Err(StartError::InvalidId(_))), "{id:?}");
    }
    for id in ["../../etc/passwd", "a/b", "%00", "日本語", "' OR 1=1", "\u{202e}gnp", ".", &"é".repeat(128)] {
        let run = engine.start(id, patience(0)).await?;
        assert_eq!(run.result().await?, 0, "{id:?}");
        assert!(run.is_new());
    }
    Ok(())
}

#[tokio::test]
async fn payloads_above_the_limit() -> Test {
    let engine = builder().configure(|e| e.payload_limit(1000)).build().await?;
    let refused = engine.start("big", approval("x".repeat(1001))).await;
    assert!(matches!(refused, Err(StartError::TooLarge { limit: 1000, .. })));
    let _still = engine.clock().pause();
    let run = engine.start("small", approval("x".into())).await?;
    let refused = run.signal(&APPROVED, "y".repeat(1001)).await;
    assert!(matches!(refused, Err(SignalError::TooLarge { limit: 1000, .. })));
    run.signal(&APPROVED, "Ada".into()).await?;
    assert_eq!(run.result().await?, "2 x x, approved by Ada");
    Ok(())
}

#[tokio::test]
async fn a_signal_to_nobody_and_one_that_comes_too_late() -> Test {
    let engine = shop().await?;
    let nobody = engine.run(approval, "nobody").signal(&APPROVED, "Ada".into()).await;
    assert!(matches!(nobody, Err(SignalError::NotFound { .. })));
    let run = engine.start("a", approval("x".into())).await?;
    run.result().await?;
    assert!(matches!(run.signal(&APPROVED, "Ada".into()).await, Err(SignalError::Closed { .. })));
    assert!(matches!(engine.run(approval, "nobody").result().await, Err(RunError::NotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn a_signal_of_another_type_is_refused_or_set_aside() -> Test {
    let engine = shop().await?;
    let still = engine.clock().pause();
    let run = engine.start("a", approval("x".into())).await?;
    // Refused at the door if the receiver is known to wait for another type, else set aside.
    let _ = run.signal_payload(APPROVED.name(), Payload::encode(&vec![1, 2, 3])?).await;
    run.signal(&APPROVED, "Ada".into()).await?;
    drop(still);
    assert_eq!(run.result().await?, "2 x x, approved by Ada");
    Ok(())
}

#[tokio::test]
async fn an_id_that_is_taken() -> Test {
    let engine = shop().await?;
    engine.start("a", approval("x".into())).await?.result().await?;
    assert!(!engine.start("a", approval("x".into())).await?.is_new());
    assert!(matches!(engine.start("a", approval("y".into())).await, Err(StartError::Conflict { .. })));
    assert!(matches!(engine.start("a", patience(1)).await, Err(StartError::Conflict { .. })));
    let other = engine.run(patience, "a").result().await;
    assert!(matches!(other, Err(RunError::OtherWorkflow { .. })));
    Ok(())
}

#[tokio::test]
async fn a_state_that_nobody_gave() {
    let built = Engine::builder().store(MemoryStore::new()).build().await;
    let Err(e) = built else { panic!("there is no Stock") };
    assert!(matches!(e, BuildError::MissingState { .. }));
    let text = e.to_string();
    assert!(text.contains("Stock") || text.contains("Ledger"), "{text}");
}

#[tokio::test]
async fn two_functions_with_one_name() {
    fn run(_: &States, _: ActivityContext, _: &Payload) -> workflow_runtime::activity::AttemptFuture {
        Box::pin(std::future::pending())
    }
    static OTHER: ActivityDef = ActivityDef::untyped("charge", &[], "elsewhere.rs", 7, run);
    let built = TestEngine::builder().state(Stock::default()).configure(|e| e.register([&OTHER])).build().await;
    let Err(e) = built else { panic!("`charge` is there twice") };
    let text = e.to_string();
    assert!(text.contains("charge") && text.contains("elsewhere.rs:7") && text.contains("scenarios.rs"), "{text}");
}

/// A build that lacks what an instance needs blocks that instance, serves the others, and a better build goes on.
#[tokio::test]
async fn a_build_without_the_workflow_or_the_activity() -> Test {
    let store = MemoryStore::new();
    let clock = workflow_runtime::testing::TestClock::manual();
    {
        let engine = builder().store(store.clone()).clock(&clock).build().await?;
        engine.start("nap", patience(2)).await?;
        engine.start("errands", errands(vec!["milk".into(), "bread".into()])).await?;
        engine.clock().advance(seconds(1)).await;
        engine.shutdown().await;
    }
    {
        let only = ["errands", "errand", "payment", "charge", "print_label"];
        let engine =
            TestEngine::builder().store(store.clone()).clock(&clock).configure(|e| e.only(only)).build().await?;
        engine.clock().advance(days(40)).await;
        for (id, code) in [("nap", "WB001"), ("errands", "WB101")] {
            let blocked = blocked(&engine, id).await?;
            assert!(blocked.starts_with(code), "{id}: {blocked}");
        }
        let other = engine.start("p", payment(5)).await?;
        engine.clock().advance(hours(1)).await;
        assert_eq!(other.result().await?, "PAID 5");
        engine.shutdown().await;
    }
    let clock = workflow_runtime::testing::TestClock::new();
    clock.jump(days(41));
    let engine = builder().store(store).clock(&clock).build().await?;
    assert!(engine.run(patience, "nap").result().await? >= 1440);
    assert_eq!(engine.run(errands, "errands").result().await?.len(), 2);
    Ok(())
}

/// Why an instance is blocked: code and message.
async fn blocked(engine: &Engine, id: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let history = match id {
        "nap" => engine.run(patience, id).history().await?,
        _ => engine.run(errands, id).history().await?,
    };
    let reason = history.iter().flat_map(|e| &e.events).rev().find_map(|e| match e {
        Event::Blocked { code, message } => Some(format!("{code} {message}")),
        _ => None,
    });
    Ok(reason.unwrap_or_else(|| format!("not blocked: {history:?}")))
}

/// Whatever an engine is asked can be asked from a task.
#[tokio::test]
async fn every_call_can_be_spawned() -> Test {
    let engine = shop().await?;
    let asked = tokio::spawn(async move {
        let run = engine.start("a", approval("x".into())).await?;
        run.signal(&APPROVED, "Ada".into()).await?;
        run.status().await?;
        run.history().await?;
        run.result().await?;
        let _ = (run.cancel("why").await, run.terminate("why").await, run.retry().await);
        engine.list(&Default::default()).await?;
        engine.shutdown().await;
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    });
    asked.await?
}
