//! Workflows as the build has them that replaces another one. See `old.rs`.

use std::fmt::Display;
use workflow_runtime::prelude::*;
use workflow_runtime::{activity, workflow};

#[activity]
pub(crate) async fn note(text: String) -> Result<String, WorkflowError> {
    Ok(text)
}

#[activity]
pub(crate) async fn count(text: String) -> Result<u64, WorkflowError> {
    Ok(text.len() as u64)
}

/// The old build had neither patch: one stands before the place in which its instances wait, one behind it.
#[workflow]
pub(crate) async fn evolving(name: String) -> Result<String, WorkflowError> {
    let hello = note(format!("hello {name}")).await?;
    if patched!("second hello") {
        note("hello again".to_string()).await?;
    }
    sleep(days(1)).await?;
    if patched!("kind words") {
        note("it was nice".to_string()).await?;
    }
    let bye = note(format!("bye {name}")).await?;
    Ok(format!("{hello}, {bye}"))
}

#[workflow]
pub(crate) async fn retyped(kept: String) -> Result<String, WorkflowError> {
    let kept = count(kept).await?;
    sleep(days(1)).await?;
    Ok(format!("{kept}"))
}

#[workflow]
pub(crate) async fn restless(name: String) -> Result<String, WorkflowError> {
    note(name.clone()).await?;
    Ok(name)
}

#[activity]
pub(crate) async fn weigh(item: u64) -> Result<String, WorkflowError> {
    Ok(format!("{item} kg"))
}

#[workflow]
pub(crate) async fn weighing(item: String) -> Result<String, WorkflowError> {
    Ok(weigh(item.len() as u64).await?)
}

pub(crate) const NAMES: [&str; 18] = [
    "note",
    "count",
    "weigh",
    "evolving",
    "retyped",
    "restless",
    "weighing",
    "gathering",
    "crowded",
    "repeated",
    "repeating",
    "handed_on",
    "relaying",
    "parting",
    "slept",
    "choosing",
    "joining",
    "waiting",
];

/// Of the patches, the old build has passed those before its sleep and in the branch that is over.
#[workflow]
pub(crate) async fn gathering(name: String) -> Result<String, WorkflowError> {
    let (a, b) = join!(
        async {
            if patched!("before") {
                note("never".to_string()).await?;
            }
            let a = note(format!("a {name}")).await?;
            sleep(days(1)).await?;
            if patched!("ahead") {
                note("ahead".to_string()).await?;
            }
            Ok::<_, WorkflowError>(a)
        },
        async {
            let mut b = note(format!("b {name}")).await?;
            if patched!("in what is over") {
                b.push('!');
            }
            Ok::<_, WorkflowError>(b)
        }
    );
    if patched!("in what is over") {
        note("never".to_string()).await?;
    }
    if patched!("behind") {
        note("behind".to_string()).await?;
    }
    Ok(format!("{}, {}", a?, b?))
}

#[workflow]
pub(crate) async fn crowded(name: String) -> Result<String, WorkflowError> {
    let (a, b, c) = join!(sleep(days(1)), note(name.clone()), note(name));
    a?;
    c?;
    Ok(b?)
}

#[workflow]
pub(crate) async fn repeated(text: String, times: u32) -> Result<String, WorkflowError> {
    note(format!("{text} {times}")).await?;
    sleep(days(1)).await?;
    Ok(text.repeat(times as usize))
}

#[workflow]
pub(crate) async fn repeating(text: String) -> Result<String, WorkflowError> {
    repeated(text, 2).await
}

#[workflow]
pub(crate) async fn handed_on<T: Payload + Display>(what: T, after: u64) -> Result<T, WorkflowError> {
    if patched!("wrapped") {
        note(format!("wrapped {what}")).await?;
    }
    note(format!("from {what}")).await?;
    sleep(days(after)).await?;
    note(format!("to {what}")).await?;
    Ok(what)
}

#[workflow]
pub(crate) async fn relaying(name: String) -> Result<String, WorkflowError> {
    let (name, count) = join!(handed_on(name, 1), handed_on(3_u64, 2));
    let last = handed_on(true, 1).await?;
    Ok(format!("{} {} {last}", name?, count?))
}

/// The new path comes first, with the same operations: an instance of the old build waits in none of them.
#[workflow]
pub(crate) async fn parting(name: String) -> Result<String, WorkflowError> {
    let (a, b, c, d) = join!(
        async {
            if patched!("if") {
                sleep(days(1)).await?;
                Ok::<_, WorkflowError>(note("never".into()).await?)
            } else {
                sleep(days(1)).await?;
                Ok::<_, WorkflowError>(note(format!("if {name}")).await?)
            }
        },
        async {
            let fresh = patched!("let");
            if fresh && !name.is_empty() {
                sleep(days(1)).await?;
                return Ok::<_, WorkflowError>(note("never".into()).await?);
            }
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(note(format!("let {name}")).await?)
        },
        async {
            match patched!("match") {
                true => {
                    sleep(days(1)).await?;
                    Ok::<_, WorkflowError>(note("never".into()).await?)
                }
                false => {
                    sleep(days(1)).await?;
                    Ok::<_, WorkflowError>(note(format!("match {name}")).await?)
                }
            }
        },
        async {
            if !patched!("return") {
                sleep(days(1)).await?;
                return Ok::<_, WorkflowError>(note(format!("return {name}")).await?);
            }
            sleep(days(1)).await?;
            Ok::<_, WorkflowError>(note("never".into()).await?)
        }
    );
    Ok(format!("{}, {}, {}, {}", a?, b?, c?, d?))
}

#[workflow]
pub(crate) async fn slept(n: u64) -> Result<u64, WorkflowError> {
    sleep(days(n)).await?;
    Ok(n)
}

/// The races and joins of the new paths have one branch more.
#[workflow]
pub(crate) async fn choosing(name: String) -> Result<String, WorkflowError> {
    if patched!("third way") {
        return Ok(select! {
            said = async {
                let first = note("first".into()).await?;
                let total = name.len() as u64 + slept(1).await?;
                Ok::<_, WorkflowError>(note(format!("never {first} {name} {total}")).await?)
            } => said?,
            _ = sleep(days(9)) => "never".into(),
            _ = sleep(days(8)) => "never".into(),
        });
    }
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
    if patched!("three at once") {
        let (a, b, c) = join!(note(format!("never {name}")), sleep(days(2)), async {
            sleep(days(1)).await?;
            Ok::<String, WorkflowError>(note("never".into()).await?)
        });
        b?;
        Ok(format!("{}, {}", a?, c?))
    } else {
        let (a, b) = join!(note(format!("done {name}")), async {
            sleep(days(1)).await?;
            Ok::<String, WorkflowError>(note("slept".into()).await?)
        });
        Ok(format!("{}, {}", a?, b?))
    }
}

pub(crate) const PROCEED: Signal<String> = Signal::new("go");

#[workflow]
pub(crate) async fn waiting() -> Result<String, WorkflowError> {
    Ok(PROCEED.recv().label("GO").await?)
}
