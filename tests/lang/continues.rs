//! `continue_as_new!` in every place where a `return` can stand.

use crate::{agree, shop::*};
use serde_json::json;
use workflow_runtime::prelude::*;

#[workflow]
async fn counting(n: u32, seen: Vec<u32>) -> Result<Vec<u32>, OrderError> {
    let doubled = twice(n).await?;
    let mut seen = seen;
    seen.push(doubled);
    if n < 3 {
        continue_as_new!(n + 1, seen)
    }
    Ok(seen)
}

#[workflow]
async fn in_a_match(what: String) -> u32 {
    let n = ping(1).await.unwrap_or(0);
    let m = match what.as_str() {
        "on" => continue_as_new!("off".to_string()),
        "later" => {
            let paid = ping(n).await.unwrap_or(0);
            workflow_runtime::continue_as_new!(format!("after {paid}"));
        }
        _ => n,
    };
    m + 1
}

#[workflow]
async fn awaits_an_argument(n: u32) -> Option<u32> {
    if n > 100 {
        return None;
    }
    continue_as_new!(100 + ping(n).await.ok()?)
}

#[workflow]
async fn in_a_loop(orders: Vec<u32>) -> u32 {
    let mut sum = 0;
    for order in orders {
        sum += ping(order).await.unwrap_or(0);
        if order == 7 {
            continue_as_new!(vec![sum]);
        }
    }
    sum
}

#[workflow]
async fn for_ever(n: u32) {
    let _ = ping(n).await;
    continue_as_new!(n)
}

#[test]
fn a_run_that_continues_ends_with_the_arguments_of_the_next() {
    assert_eq!(agree(|| counting(1, vec![])).outcome, json!({ "continued": [2, [4]] }));
    assert_eq!(agree(|| counting(3, vec![2])).outcome, json!({ "ok": [2, 12] }));
}

#[test]
fn every_place_of_a_return() {
    assert_eq!(agree(|| in_a_match("on".into())).outcome, json!({ "continued": ["off"] }));
    assert_eq!(agree(|| in_a_match("later".into())).operations.len(), 2);
    assert!(agree(|| in_a_match("off".into())).outcome.get("ok").is_some());
    assert!(agree(|| awaits_an_argument(1)).outcome.get("continued").is_some());
    assert!(agree(|| in_a_loop(vec![1, 7, 9])).outcome.get("continued").is_some());
    assert_eq!(agree(|| in_a_loop(vec![1, 7, 9])).operations.len(), 2);
    assert!(agree(|| for_ever(3)).outcome.get("continued").is_some());
}
