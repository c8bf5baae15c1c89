//! Workflows as a build has them that is replaced. See `new.rs`.

use std::fmt::Display;
use workflow_runtime::prelude::*;
use workflow_runtime::{activity, testing::TestClock, workflow};

#[activity]
pub(crate) async fn note(text: String) -> Result<String, WorkflowError> {
    Ok(text)
}

#[workflow]
pub(crate) async fn evolving(name: String) -> Result<String, WorkflowError> {
    let hello = note(format!("hello {name}")).await?;
    sleep(days(1)).await?;
    let bye = note(format!("bye {name}")).await?;
    Ok(format!("{hello}, {bye}"))
}

/// The next build has another type for `kept`.
#[workflow]
pub(crate) async fn retyped(kept: String) -> Result<String, WorkflowError> {
    let kept = note(kept).await?;
    sleep(days(1)).await?;
    Ok(kept)
}

/// The next build does not sleep here.
#[workflow]
pub(crate) async fn restless(name: String) -> Result<String, WorkflowError> {
    sleep(days(1)).await?;
    Ok(name)
}

/// Still runs when the next build comes, which takes a number.
#[activity]
pub(crate) async fn weigh(clock: State<TestClock>, item: String) -> Result<String, WorkflowError> {
    clock.hang().await;
    Ok(item)
}

#[workflow]
pub(crate) async fn weighing(item: String) -> Result<String, WorkflowError> {
    Ok(weigh(item).await?)
}

/// One branch sleeps, one is over.
#[workflow]
pub(crate) async fn gathering(name: String) -> Result<String, WorkflowError> {
    let (a, b) = join!(
        async {
            let a = note(format!("a {name}")).await?;
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(a)
        },
        note(format!("b {name}"))
    );
    Ok(format!("{}, {}", a?, b?))
}

/// The next build has a third branch.
#[workflow]
pub(crate) async fn crowded(name: String) -> Result<String, WorkflowError> {
    let (a, b) = join!(sleep(days(1)), note(name));
    a?;
    Ok(b?)
}

/// The next build reads `times` behind the sleep, too.
#[workflow]
pub(crate) async fn repeated(text: String, times: u32) -> Result<String, WorkflowError> {
    note(format!("{text} {times}")).await?;
    sleep(days(1)).await?;
    Ok(text)
}

#[workflow]
pub(crate) async fn repeating(text: String) -> Result<String, WorkflowError> {
    repeated(text, 2).await
}

/// The next build notes one thing more in front of it.
#[workflow]
pub(crate) async fn handed_on<T: Payload + Display>(what: T, after: u64) -> Result<T, WorkflowError> {
    note(format!("from {what}")).await?;
    sleep(days(after)).await?;
    note(format!("to {what}")).await?;
    Ok(what)
}

/// Two types of the generic helper wait at once.
#[workflow]
pub(crate) async fn relaying(name: String) -> Result<String, WorkflowError> {
    let (name, count) = join!(handed_on(name, 1), handed_on(3_u64, 2));
    let last = handed_on(true, 1).await?;
    Ok(format!("{} {} {last}", name?, count?))
}

#[workflow]
pub(crate) async fn parting(name: String) -> Result<String, WorkflowError> {
    let (a, b, c, d) = join!(
        async {
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(note(format!("if {name}")).await?)
        },
        async {
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(note(format!("let {name}")).await?)
        },
        async {
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(note(format!("match {name}")).await?)
        },
        async {
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(note(format!("return {name}")).await?)
        }
    );
    Ok(format!("{}, {}, {}, {}", a?, b?, c?, d?))
}

#[workflow]
pub(crate) async fn slept(n: u64) -> Result<u64, WorkflowError> {
    sleep(days(n)).await?;
    Ok(n)
}

#[workflow]
pub(crate) async fn choosing(name: String) -> Result<String, WorkflowError> {
    let said = select! {
        said = async {
            let first = note("first".into()).await?;
            let total = name.len() as u64 + slept(1).await?;
            Ok::<_, WorkflowError>(note(format!("{first} {name} {total}")).await?)
        } => said?,
        _ = sleep(days(9)) => "too late".into(),
    };
    Ok(said)
}

#[workflow]
pub(crate) async fn joining(name: String) -> Result<String, WorkflowError> {
    let (a, b) = join!(note(format!("done {name}")), async {
        sleep(days(1)).await?;
        Ok::<String, WorkflowError>(note("slept".into()).await?)
    });
    Ok(format!("{}, {}", a?, b?))
}

const GO: Signal<String> = Signal::new("go");

#[workflow]
pub(crate) async fn waiting() -> Result<String, WorkflowError> {
    Ok(GO.recv().await?)
}
