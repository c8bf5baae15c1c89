//! Borrows of values that have no name.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn nameless_scrutinees(n: u32) -> Result<u32, OrderError> {
    let mut sum = 0;
    match &text("a", &[n]).await? {
        s if s.len() == 4 => {
            sum += ping(s.len() as u32).await?;
            sum += ping(s.len() as u32).await?;
        }
        s => {
            text(s, &[]).await?;
            text(s, &[1]).await?;
        }
    }
    match text("b", &[n]).await?.as_str() {
        "b[1]" if ping(n).await? == 2 => sum += 100,
        s if ping(s.len() as u32).await? > 8 => {
            ping(3).await?;
            sum += s.len() as u32;
        }
        _ => {}
    }
    if let Some(rest) = text("c", &[n]).await?.strip_prefix('c') {
        text(rest, &[]).await?;
        text(rest, &[2]).await?;
    }
    let Some(rest) = &Some(ping(n).await?) else { return Ok(0) };
    ping(*rest).await?;
    ping(*rest).await?;
    let lines = &order("d", n).lines;
    for line in lines {
        sum += reserve(&line.sku, line.quantity).await?;
    }
    Ok(sum + lines.len() as u32)
}

/// What is unwrapped is a value of its own, unless it is a borrow.
#[workflow]
async fn unwrapped(note: Option<String>, words: Vec<String>) -> Result<u32, OrderError> {
    let mut sum = 0;
    match Some(text("a", &[]).await?).filter(|t| !t.is_empty()).unwrap_or_default().as_str() {
        "a[]" if ping(1).await? == 1 => sum += 1,
        _ => {}
    }
    match note.unwrap_or_default().as_str() {
        s if ping(s.len() as u32).await? > 2 => sum += ping(s.len() as u32).await?,
        _ => sum += 10,
    }
    match words.first().unwrap().as_str() {
        "w" if ping(2).await? == 1 => {}
        s => {
            text(s, &[sum]).await?;
            text(s, &[]).await?;
        }
    }
    Ok(sum)
}

/// What a borrow in a chain needs runs behind what stands in front of it.
#[workflow]
async fn chains_in_order(v: Vec<u32>) -> Result<u32, OrderError> {
    if !v.is_empty()
        && let last = &v[v.len() - 1]
        && ping(*last).await? > 2
    {
        return Ok(ping(*last).await?);
    }
    Ok(ping(0).await?)
}

#[test]
fn nameless() {
    agree(|| unwrapped(Some("note".into()), vec!["w".into()]));
    agree(|| unwrapped(None, vec!["v".into(), "w".into()]));
    for n in [0, 1, 12] {
        agree(|| nameless_scrutinees(n));
        agree(|| chains_in_order((0..n).collect()));
    }
}
