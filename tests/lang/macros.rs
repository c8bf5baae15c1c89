//! Awaits and identifiers inside the macros that the compiler knows.

use crate::{agree, shop::*};
use anyhow::anyhow;
use std::{
    fmt::Write as _,
    io::{Read as _, Seek as _},
};
use tracing::info;
use workflow_runtime::prelude::*;

#[workflow(allow(WF008, reason = "what a macro prints is an argument like any other"))]
async fn formats(n: u32) -> Result<String, OrderError> {
    let width = 5;
    let name = String::from("x");
    let a = format!("{} {name} {}", n, double(n).await?);
    let b = format!("{name:>width$} {n:?} {0}", double(1).await?);
    let c = format!("{x:?}", x = double(2).await?);
    let mut out = String::new();
    write!(out, "{a}{}", double(3).await?).ok();
    println!("{}", double(4).await?);
    Ok(format!("{out} {b} {c}"))
}

#[workflow]
async fn vectors(n: u32) -> Result<Vec<u32>, OrderError> {
    let mut v = vec![n, double(n).await?, double(2).await?];
    v.extend(vec![double(1).await?; 2]);
    Ok(v)
}

#[workflow]
async fn assertions(n: u32) -> Result<bool, OrderError> {
    assert!(double(n).await? > n, "{n} is not positive");
    assert_eq!(double(n).await?, n * 2);
    assert_ne!(double(n).await?, n);
    let m = matches!(double(n).await?, 4 | 6);
    Ok(m)
}

#[workflow]
async fn inline_arguments_are_uses(n: u32) -> Result<String, OrderError> {
    let captured = format!("c{n}");
    double(n).await?;
    sleep(seconds(1)).await?;
    Ok(format!("{captured}"))
}

// anyhow's own error type cannot be stored, so these make the workflow's.
macro_rules! bail {
    ($m:literal $($t:tt)*) => { return Err(WorkflowError::msg(format!($m $($t)*)).into()) };
    ($e:expr) => { return Err($e.into()) };
}
macro_rules! ensure {
    ($c:expr, $($t:tt)*) => { if !$c { bail!($($t)*) } };
}

#[workflow]
async fn lazy_messages(n: u32) -> Result<u32, OrderError> {
    assert!(n < 100, "{} of {n}", double(n).await?);
    assert!(double(n).await? < 100, "{} {}", n, text("x", &[double(1).await?]).await?);
    assert_eq!(n % 2, 0, "odd: {}", double(n).await?);
    let s = String::from("a");
    assert_ne!(s, text("b", &[]).await?, "{}", double(n).await?);
    debug_assert!(double(n).await? < 90, "{}", double(2).await?);
    debug_assert_eq!(double(n).await?, n * 2);
    assert!(double(n).await? < 80);
    let m = matches!(double(n).await?, 4 | 8 if ping(n).await? > 4);
    let m2 = matches!(Some(n), Some(x) if x > 1 && ping(x).await? > 6);
    Ok(n + m as u32 + m2 as u32 + s.len() as u32)
}
#[workflow]
async fn errors(n: u32) -> Result<u32, WorkflowError> {
    let text = anyhow!("{}", double(n).await?).to_string();
    ensure!(double(n).await? > 4, "{text} {}", ping(n).await?);
    if n == 9 {
        bail!("nine {}", ping(n).await?)
    }
    Ok(inner(n).await?)
}
#[workflow]
async fn inner(n: u32) -> Result<u32, Text> {
    ensure!(n < 20, Text(format!("big {}", double(n).await?)));
    ensure!(ping(n).await? < 30, Text("no".into()));
    if ping(n).await? == 8 {
        bail!(Text(format!("eight {}", ping(1).await?)))
    }

    Ok(n)
}
#[derive(Debug, serde::Serialize, serde::Deserialize, Clone, PartialEq, thiserror::Error)]
#[error("{0}")]
struct Text(String);
impl From<WorkflowError> for Text {
    fn from(e: WorkflowError) -> Self {
        Text(e.to_string())
    }
}
impl<E: std::fmt::Display> From<ActivityError<E>> for Text {
    fn from(e: ActivityError<E>) -> Self {
        Text(e.to_string())
    }
}

#[workflow]
async fn traced(n: u32) -> Result<u32, OrderError> {
    info!("plain {n}");
    info!(n, target_n = ping(n).await?, "with {}", ping(n + 1).await?);
    tracing::debug!(target: "mine", x = ?ping(n).await?, y = %n, "m {n}");
    tracing::event!(tracing::Level::WARN, a.b = ping(n).await?);
    Ok(ping(n).await?)
}
#[workflow]
async fn fails(n: u32) -> Result<u32, OrderError> {
    assert_eq!(double(n).await?, 4, "x{}", ping(7).await?);
    assert!(n > 5, "a{}", ping(n).await?);
    Ok(n)
}

#[test]
fn macros() {
    agree(|| formats(3));
    agree(|| vectors(3));
    for n in [1, 2, 3] {
        agree(|| assertions(n));
    }
    agree(|| inline_arguments_are_uses(1));
}

#[test]
fn messages_that_wait_do_so_only_if_they_are_needed() {
    for n in [2, 4] {
        assert_eq!(agree(|| lazy_messages(n)).operations.len(), 8);
    }
    for n in [2, 4, 6, 9, 15, 25] {
        agree(|| errors(n));
        agree(|| inner(n));
    }
}

#[test]
fn a_failed_assertion_says_what_the_function_says() {
    let said = |n| agree(|| fails(n)).outcome["panicked"].clone();
    assert_eq!(said(1), "assertion `left == right` failed: x14\n  left: 2\n right: 4");
    assert_eq!(said(2), "a4");
}

#[test]
fn an_event_that_nobody_listens_to_awaits_nothing() {
    assert_eq!(agree(|| traced(3)).operations, ["0 ping[3]"]);
    let mut file = tempfile::tempfile().expect("a temporary file");
    let writer = std::sync::Arc::new(file.try_clone().expect("a second handle"));
    let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        // `info!` and `event!(WARN)` are heard, `debug!` is not.
        assert_eq!(agree(|| traced(3)).operations.len(), 4);
    });
    let mut written = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut written)).expect("what was written");
    assert!(written.contains("with 8 n=3 target_n=6"), "{written}");
}
