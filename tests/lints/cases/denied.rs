//! Lints that the crate denies are none the more reported.
#![deny(unused, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::shadow_reuse, clippy::panic)]
#![deny(dead_code, unreachable_code, private_interfaces, non_camel_case_types, unused_mut, unused_variables)]
#![allow(clippy::wildcard_imports)]

use shop::*;

#[workflow]
pub async fn fine(order: Order) -> Result<u32, OrderError> {
    let mut held = 0;
    for line in &order.lines {
        if line.quantity == 0 {
            continue;
        }
        held += reserve(&line.sku, line.quantity).await?;
    }
    let mut list = vec![held];
    ping(held).await?;
    list.push(1);
    let note = match order.note {
        Some(note) => note,
        None => ping(1).await?.to_string(),
    };
    ping(list.len().try_into().unwrap_or(1)).await?;
    reserve(&note, 1).await?;
    Ok(held)
}

#[workflow]
pub async fn not_fine(order: Order) -> Result<u32, OrderError> {
    let unused = 1;
    let mut kept = ping(1).await?;
    let text = order.note.unwrap();
    let kept_too = kept + reserve(&text, 1).await?;
    ping(1).await;
    if kept_too == 3 {
        panic!("three");
    }
    Ok(kept_too)
}

fn main() {}
