//! `#[cfg]` on everything in a body that can have it.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn statements(n: u32) -> Result<u32, OrderError> {
    #[cfg(test)]
    let x = ping(n).await?;
    #[cfg(not(test))]
    let x = missing(n).await?;
    #[cfg(any())]
    missing(x).await?;
    #[cfg(not(any()))]
    ping(x).await?;
    #[cfg(any())]
    {
        missing(x).await?;
    }
    let mut sum = 0;
    #[cfg(test)]
    for i in 0..2 {
        #[cfg(any())]
        break;
        sum += ping(i).await?;
    }
    #[cfg(any())]
    sum = missing(sum).await?;
    #[cfg(test)]
    if sum > 1 {
        sum += ping(sum).await?;
    }
    #[cfg(not(any()))]
    assert!(ping(sum).await? > 0, "{}", ping(2).await?);
    #[cfg(any())]
    return Err(OrderError::Empty);
    #[cfg(test)]
    {
        Ok(sum + x)
    }
    #[cfg(not(test))]
    {
        Ok(missing(sum).await?)
    }
}

#[workflow]
async fn parts(order: Order) -> Result<Order, OrderError> {
    let Order {
        id,
        #[cfg(test)]
        lines,
        #[cfg(any())]
        missing,
        ..
    } = order.clone();
    match ping(id as u32).await? {
        #[cfg(any())]
        14 => missing().await?,
        #[cfg(test)]
        14 => drop(ping(1).await?),
        _ => {}
    }
    let all = [
        ping(1).await?,
        #[cfg(any())]
        missing().await?,
        #[cfg(not(any()))]
        ping(lines.len() as u32).await?,
    ];
    let listed = text(
        "a",
        #[cfg(any())]
        missing().await?,
        #[cfg(test)]
        &all,
    )
    .await?;
    Ok(Order {
        id,
        #[cfg(test)]
        note: Some(listed),
        #[cfg(any())]
        missing: missing().await?,
        ..order
    })
}

#[workflow]
async fn attributes(n: u32) -> Result<u32, OrderError> {
    #[cfg_attr(test, allow(unused_variables))]
    let unused = ping(n).await?;
    #[allow(unused_variables)]
    let unused = ping(n).await?;
    #[cfg_attr(any(), missing)]
    let x = ping(n).await?;
    #[rustfmt::skip]
    let y = { #[allow(clippy::identity_op)] let z = ping(x + 0).await?; z };
    #[allow(clippy::needless_return)]
    return Ok(y);
}

#[test]
fn conditions() {
    for n in [0, 1, 5] {
        assert_eq!(agree(|| statements(n)).outcome, serde_json::json!({ "ok": 2 * n + 6 }));
        agree(|| attributes(n));
    }
    agree(|| parts(order("a", 2)));
}
