//! Groups of operations.

use crate::{agree, shop::*};
use workflow_runtime::{machine::Sleep, prelude::*, testing::differential::Differential};

#[workflow]
async fn all_of_them(n: u32) -> Result<u32, OrderError> {
    let mut sum = 0;
    for doubled in join_all((0..n).map(double)).await {
        sum += doubled.unwrap_or(100);
    }
    Ok(sum)
}

#[test]
fn join_all_in_the_order_of_the_calls() {
    let agreement = agree(|| all_of_them(4));
    assert_eq!(agreement.outcome, serde_json::json!({ "ok": 12 }));
    assert_eq!(agreement.operations[0], "0 join_all of 4, limit None");
    assert!(agreement.operations[4].starts_with("4 double"), "{agreement:?}");
}

#[workflow]
async fn none_of_them() -> Result<usize, OrderError> {
    let none: Vec<Sleep> = vec![];
    let all = join_all(none).await.len();
    let raced = select_all(Vec::<Sleep>::new()).await.is_some();
    let tried = try_join_all(Vec::<Sleep>::new()).await.unwrap_or_default().len();
    double(3).await?;
    Ok(all + tried + usize::from(raced))
}

#[test]
fn empty_groups_wait_for_nothing() {
    let agreement = agree(none_of_them);
    assert_eq!(agreement.outcome, serde_json::json!({ "ok": 0 }));
    assert_eq!(agreement.operations.len(), 1);
}

#[workflow]
async fn until_the_first_error(numbers: Vec<u32>) -> Result<Vec<u32>, OrderError> {
    let doubled = try_join_all(numbers.iter().map(|n| double(*n))).await?;
    let again = for_each_concurrent(2, doubled.iter().map(|n| double(*n))).await;
    again.into_iter().map(|d| d.map_err(OrderError::from)).collect()
}

#[test]
fn try_join_all_and_a_limit() {
    let agreement = agree(|| until_the_first_error(vec![1, 2, 3]));
    assert_eq!(agreement.outcome, serde_json::json!({ "ok": [4, 8, 12] }));
    let agreement = agree(|| until_the_first_error(vec![1, 2000, 3]));
    assert!(agreement.outcome.get("err").is_some(), "{agreement:?}");
}

const WORDS: Signal<String> = Signal::new("words");

#[workflow]
async fn words_and_naps(n: usize) -> Result<String, OrderError> {
    let words = join_all((0..n).map(|_| WORDS.recv()).collect::<Vec<_>>()).await;
    let (first, slept) = match select_all([hours(1), hours(2)].map(sleep)).label("nap").await {
        Some(first) => first,
        None => return Ok(String::new()),
    };
    assert!(slept.is_ok());
    let words: Vec<String> = words.into_iter().flatten().collect();
    Ok(format!("{first} {}", words.join(" ")))
}

#[test]
fn signals_and_timers_in_groups() {
    let agreement = Differential::new(|| words_and_naps(2))
        .signal(&WORDS, "hello".to_owned())
        .signal(&WORDS, "world".to_owned())
        .run();
    assert_eq!(agreement.outcome, serde_json::json!({ "ok": "0 hello world" }));
}
