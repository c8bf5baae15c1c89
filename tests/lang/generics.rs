//! Generic workflows: helpers that run inline, with the types of the workflow that awaits them.

use crate::{agree, shop::*};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Debug};
use workflow_runtime::prelude::*;

/// Waits `n` days, a day at a time, and gives back what it was given.
#[workflow]
async fn after_days<T: Payload>(x: T, n: u32) -> Result<T, Cancelled> {
    for _ in 0..n {
        sleep(days(1)).await?;
    }
    Ok(x)
}

#[workflow]
async fn inferred(n: u32) -> Result<String, Cancelled> {
    let text = after_days(format!("text {n}"), 2).await?;
    let pair = after_days((n, Some(text.clone())), 1).await?;
    Ok(format!("{text} {pair:?}"))
}

#[workflow]
async fn turbofish(n: u32) -> Result<usize, Cancelled> {
    let none = after_days::<Option<u32>>(None, n).await?;
    let list = after_days::<Vec<u8>>(vec![1, 2], 1).await?;
    Ok(list.len() + none.map_or(0, |n| n as usize))
}

/// Explicit bounds and a `where` clause.
#[workflow]
async fn with_retries<T, E>(x: T, n: u32) -> Result<T, E>
where
    T: Serialize + DeserializeOwned + Send + Clone + Into<u32> + 'static,
    E: Serialize + DeserializeOwned + Send + From<OrderError> + 'static,
{
    let mut last = OrderError::Empty;
    for attempt in 0..n {
        match double(x.clone().into() + attempt).await {
            Ok(_) => return Ok(x),
            Err(e) => last = OrderError::from(e),
        }
    }
    Err(last.into())
}

#[workflow]
async fn retried(n: u16) -> Result<u16, OrderError> {
    let a = with_retries::<_, OrderError>(n, 3).await?;
    let b: Result<u8, OrderError> = with_retries(7u8, 1).await;
    let b = b?;
    Ok(a + u16::from(b))
}

#[workflow]
async fn doubled_all<const N: usize, K: Payload + Ord + Debug>(keys: [K; N], start: u32) -> BTreeMap<String, u32>
where
    [K; N]: Payload,
{
    let mut all = BTreeMap::new();
    let mut n = start;
    for key in &keys {
        n = double(n).await.unwrap_or(N as u32);
        all.insert(format!("{key:?}"), n);
    }
    all
}

#[workflow]
async fn arrays(n: u32) -> usize {
    let a = doubled_all(["a".to_owned(), "b".to_owned()], n).await;
    let b = doubled_all::<3, u8>([1, 2, 3], n + 1).await;
    a.len() + b.values().map(|n| *n as usize).sum::<usize>()
}

/// Calls itself with the same types, and another one with others.
#[workflow]
async fn halves<T: Payload + Clone>(x: T, depth: u32) -> Result<Vec<(T, Option<T>)>, Cancelled> {
    if depth == 0 {
        return Ok(vec![]);
    }
    let mut below = halves(x.clone(), depth - 1).await?;
    let again = after_days(Some(x.clone()), 1).await?;
    below.push((x, again));
    Ok(below)
}

#[workflow]
async fn recursive(n: u32) -> Result<String, Cancelled> {
    let a = halves(n, 3).await?;
    let b = halves("x".to_owned(), 1).await?;
    Ok(format!("{a:?} {b:?}"))
}

/// No type parameter is that of a value.
trait Policy: 'static {
    const LIMIT: u32;
}
struct Strict;
impl Policy for Strict {
    const LIMIT: u32 = 1;
}
struct Mild;
impl Policy for Mild {
    const LIMIT: u32 = 3;
}

#[workflow]
async fn by_policy<P: Policy>() -> u32 {
    let mut n = 0;
    while n < P::LIMIT {
        n += 1;
        ping(n).await.ok();
    }
    n
}

#[workflow]
async fn policies() -> u32 {
    by_policy::<Strict>().await * 10 + by_policy::<Mild>().await
}

#[workflow]
async fn side_by_side(n: u32) -> Result<String, Cancelled> {
    let (a, b) = join!(after_days(n, 2), async {
        let text = after_days("b".to_owned(), 1).await?;
        after_days(text + "!", 3).await
    });
    let c = select! {
        c = after_days('c', 5) => c?,
        t = sleep(days(2)) => { t?; 't' }
    };
    let d = shielded(after_days(1.5, 1)).await?;
    Ok(format!("{} {} {c} {d}", a?, b?))
}

#[workflow]
async fn plain_and_option<T: Payload>(x: T, keep: bool) -> Option<T> {
    ping(1).await.ok()?;
    keep.then_some(x)
}

#[workflow]
async fn kept_or_not(n: u32) -> String {
    let a = plain_and_option(n, true).await;
    let b = plain_and_option(vec![n], false).await;
    format!("{a:?} {b:?}")
}

#[workflow]
async fn where_without_parameters(n: u32) -> u32
where
    String: From<&'static str>,
    u32: Copy,
{
    ping(n).await.unwrap_or(0)
}

#[test]
fn types_are_inferred_or_written() {
    assert_eq!(agree(|| inferred(7)).outcome["ok"], r#"text 7 (7, Some("text 7"))"#);
    assert_eq!(agree(|| turbofish(2)).outcome["ok"], 2);
}

#[test]
fn bounds_and_where_clauses() {
    assert_eq!(agree(|| retried(5)).outcome["ok"], 12);
    agree(|| retried(13));
    agree(|| where_without_parameters(3));
}

#[test]
fn constants_and_types_that_are_no_values() {
    agree(|| arrays(1));
    assert_eq!(agree(policies).outcome["ok"], 13);
}

#[test]
fn recursion_and_branches() {
    agree(|| recursive(4));
    let sided = agree(|| side_by_side(4));
    assert_eq!(sided.outcome["ok"], "4 b! t 1.5");
    agree(|| kept_or_not(9));
}

#[test]
fn one_definition_serves_all_types_and_is_no_root() {
    let registry = workflow_runtime::Registry::linked().unwrap();
    let def = registry.workflow("after_days").unwrap();
    assert!(def.step.is_none());
    assert_eq!(def.definition().name, "after_days");
    assert_eq!(def.definition().parameters[0].ty, "T");
    assert_eq!(def.definition().points.len(), 1);
    let value = workflow_runtime::journal::payload::Payload::encode(&(1u32, 2u32)).unwrap();
    assert!((def.accepts)(&value).unwrap_err().to_string().contains("generic"));
}
