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

#[workflow]
async fn conditional_branches(n: u32) -> Result<u32, OrderError> {
    let (a, b) = join!(
        ping(n),
        async {
            #[cfg(test)]
            let x = ping(n).await?;
            #[cfg(not(test))]
            let x = 100u32;
            #[cfg(any())]
            missing();
            Ok::<u32, OrderError>(ping(x).await?)
        },
        #[cfg(any())]
        missing(),
    );
    let sum = a? + b?;
    let more = select! {
        x = ping(sum), if { #[cfg(test)] let yes = true; #[cfg(not(test))] let yes = false; yes } => match x? {
            #[cfg(any())]
            0.. => missing().await?,
            #[cfg(test)]
            x => ping(x).await?,
            #[cfg(not(test))]
            _ => 100,
        },
        else => 100,
    };
    Ok(sum + more)
}

#[workflow]
async fn conditions_in_macros(n: u32) -> Result<String, OrderError> {
    let told = format!(
        "{} {}",
        {
            #[cfg(test)]
            let x = ping(n).await?;
            #[cfg(not(test))]
            let x = 100;
            x
        },
        match ping(n).await? {
            #[cfg(not(test))]
            _ => ping(100).await?,
            #[cfg(test)]
            x => ping(x).await?,
        },
    );
    let listed = vec![
        ping(1).await?,
        Line {
            sku: String::new(),
            #[cfg(test)]
            quantity: ping(2).await?,
            #[cfg(not(test))]
            quantity: 100,
        }
        .quantity,
    ];
    Ok(format!("{told} {listed:?}"))
}

#[test]
fn conditions_within_macros() {
    for n in [0, 1, 5] {
        assert_eq!(agree(|| conditional_branches(n)).outcome, serde_json::json!({ "ok": 30 * n }));
        let told = format!("{} {} [2, 4]", 2 * n, 4 * n);
        assert_eq!(agree(|| conditions_in_macros(n)).outcome, serde_json::json!({ "ok": told }));
    }
}

#[test]
fn conditions() {
    for n in [0, 1, 5] {
        assert_eq!(agree(|| statements(n)).outcome, serde_json::json!({ "ok": 2 * n + 6 }));
        agree(|| attributes(n));
    }
    agree(|| parts(order("a", 2)));
}
