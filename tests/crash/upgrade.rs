//! Instances of an old build go on in a new one, or are blocked with a reason; whatever happens in between.

use crate::new::*;
use std::{error::Error, path::Path, process::Command};
use workflow_runtime::{
    engine::{EngineBuilder, Status},
    store::SledStore,
    testing::{Sweep, TestEngine},
};

pub(crate) type Test = Result<(), Box<dyn Error + Send + Sync>>;

/// What the old build leaves behind: one instance of each of its workflows, asleep.
pub(crate) fn old_build(store: &Path) {
    let worker = Command::new(env!("CARGO_BIN_EXE_crash-worker")).arg("park").arg(store).status();
    assert!(worker.expect("the worker runs").success());
}

#[tokio::test]
async fn a_patch_keeps_to_the_path_that_was_begun() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let call = evolving("Ada".into());
    let swept = Sweep::new(call, "evolving").configure(|e| e.only(NAMES)).directory(dir.path()).run().await;
    let said = |what: &str| swept.history.iter().filter(|e| e.contains(what)).count();
    assert_eq!(said("hello again"), 0, "{swept:?}");
    assert_eq!(said("it was nice"), 2, "{swept:?}");
    assert_eq!(said(r#"upgraded evolving, decided ["second hello"]"#), 1, "{swept:?}");
    assert!(swept.history.last().is_some_and(|e| e == r#"completed with "hello Ada, bye Ada""#), "{swept:?}");
    Ok(())
}

#[tokio::test]
async fn an_instance_that_the_new_build_cannot_take_is_blocked_and_hurts_nobody() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let builder = TestEngine::builder().store(SledStore::open(dir.path())?).configure(|e| e.only(NAMES));
    let engine = builder.build().await?;
    assert_eq!(engine.run(evolving, "evolving").result().await?, "hello Ada, bye Ada");
    for (id, status, code) in [
        ("retyped", engine.run(retyped, "retyped").status().await?, "WB005"),
        ("restless", engine.run(restless, "restless").status().await?, "WB003"),
        ("crowded", engine.run(crowded, "crowded").status().await?, "WB003"),
        ("weighing", engine.run(weighing, "weighing").status().await?, "WB102"),
        ("repeating", engine.run(repeating, "repeating").status().await?, "WB003"),
    ] {
        assert_eq!(status.state, Status::Blocked, "{id}: {status:?}");
        assert_eq!(status.blocked.as_ref().map(|r| r.code.as_str()), Some(code), "{id}: {status:?}");
    }
    engine.run(retyped, "retyped").terminate("lost").await?;
    Ok(())
}

#[tokio::test]
async fn each_branch_keeps_to_its_own_path() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let call = gathering("Cleo".into());
    let swept = Sweep::new(call, "gathering").configure(|e| e.only(NAMES)).directory(dir.path()).run().await;
    let said = |what: &str| swept.history.iter().filter(|e| e.contains(what)).count();
    assert_eq!(said("never"), 0, "{swept:?}");
    assert_eq!(said(r#"upgraded gathering, decided ["before", "in what is over"]"#), 1, "{swept:?}");
    assert!(said(r#""ahead""#) > 0 && said(r#""behind""#) > 0, "{swept:?}");
    assert!(swept.history.last().is_some_and(|e| e == r#"completed with "a Cleo, b Cleo""#), "{swept:?}");
    Ok(())
}

#[tokio::test]
async fn a_generic_helper_is_upgraded_in_each_of_its_types() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let call = relaying("Eve".into());
    let swept = Sweep::new(call, "relaying").configure(|e| e.only(NAMES)).directory(dir.path()).run().await;
    let said = |what: &str| swept.history.iter().filter(|e| e.contains(what)).count();
    assert_eq!(said(r#"upgraded handed_on, decided ["wrapped"]"#), 2, "{swept:?}");
    // Only the activation that begins in the new build.
    assert_eq!((said("wrapped true"), said("wrapped Eve"), said("wrapped 3")), (2, 0, 0), "{swept:?}");
    assert!(swept.history.last().is_some_and(|e| e == r#"completed with "Eve 3 true""#), "{swept:?}");
    Ok(())
}

#[tokio::test]
async fn a_new_path_in_front_of_the_old_one_takes_nobody_from_it() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let call = parting("Fay".into());
    let swept = Sweep::new(call, "parting").configure(|e| e.only(NAMES)).directory(dir.path()).run().await;
    let said = |what: &str| swept.history.iter().filter(|e| e.contains(what)).count();
    assert_eq!(said("never"), 0, "{swept:?}");
    assert_eq!(said(r#"upgraded parting, decided ["if", "let", "match", "return"]"#), 1, "{swept:?}");
    let last = r#"completed with "if Fay, let Fay, match Fay, return Fay""#;
    assert!(swept.history.last().is_some_and(|e| e == last), "{swept:?}");
    let builder = TestEngine::builder().store(SledStore::open(dir.path())?).configure(|e| e.only(NAMES));
    let engine = builder.build().await?;
    let run = engine.run(parting, "parting");
    run.result().await?;
    run.verify().await?;
    Ok(())
}

#[tokio::test]
async fn a_fork_of_the_old_path_goes_on_under_its_new_label() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let names = |e: EngineBuilder| e.only(NAMES);
    let swept = Sweep::new(choosing("Gil".into()), "choosing").configure(names).directory(dir.path()).run().await;
    assert!(swept.history.iter().all(|e| !e.contains("never")), "{swept:?}");
    assert!(swept.history.last().is_some_and(|e| e == r#"completed with "first Gil 4""#), "{swept:?}");
    let swept = Sweep::new(joining("Hal".into()), "joining").configure(names).directory(dir.path()).run().await;
    assert!(swept.history.iter().all(|e| !e.contains("never")), "{swept:?}");
    assert!(swept.history.last().is_some_and(|e| e == r#"completed with "done Hal, slept""#), "{swept:?}");
    let engine = TestEngine::builder().store(SledStore::open(dir.path())?).configure(names).build().await?;
    engine.run(choosing, "choosing").result().await?;
    engine.run(choosing, "choosing").verify().await?;
    engine.run(joining, "joining").result().await?;
    engine.run(joining, "joining").verify().await?;
    Ok(())
}

#[tokio::test]
async fn a_label_stands_for_a_constant_of_another_name() -> Test {
    let dir = tempfile::tempdir()?;
    old_build(dir.path());
    let builder = TestEngine::builder().store(SledStore::open(dir.path())?).configure(|e| e.only(NAMES));
    let engine = builder.build().await?;
    let run = engine.run(waiting, "waiting");
    run.signal(&PROCEED, "now".into()).await?;
    engine.advance(workflow_runtime::seconds(1)).await;
    let status = run.status().await?;
    assert_eq!(status.state, Status::Completed, "{status:?}");
    assert_eq!(run.result().await?, "now");
    run.verify().await?;
    Ok(())
}
