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
    for n in [0, 1, 12] {
        agree(|| nameless_scrutinees(n));
        agree(|| chains_in_order((0..n).collect()));
    }
}
