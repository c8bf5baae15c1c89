//! Every construct, and nothing to complain of.
#![deny(warnings)]
#![warn(
    missing_docs,
    rust_2018_idioms,
    unreachable_pub,
    unused_qualifications,
    single_use_lifetimes,
    let_underscore_drop,
    elided_lifetimes_in_paths,
    missing_debug_implementations,
    unnameable_types,
    unused_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    redundant_lifetimes,
    explicit_outlives_requirements,
    keyword_idents,
    macro_use_extern_crate,
    meta_variable_misuse,
    non_ascii_idents,
    unit_bindings,
    unused_import_braces,
    variant_size_differences,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::shadow_unrelated,
    clippy::shadow_same,
    clippy::str_to_string,
    clippy::clone_on_ref_ptr,
    clippy::as_conversions,
    clippy::pattern_type_mismatch,
    clippy::let_underscore_must_use,
    clippy::let_underscore_untyped,
    clippy::redundant_type_annotations,
    clippy::rest_pat_in_fully_bound_structs,
    clippy::semicolon_outside_block,
    clippy::unneeded_field_pattern,
    clippy::wildcard_enum_match_arm
)]
#![allow(clippy::missing_errors_doc, clippy::wildcard_imports, clippy::future_not_send)]
#![forbid(unsafe_code)]

use shop::*;
use std::collections::BTreeMap;

/// Straight code.
#[workflow]
pub async fn straight(order: Order) -> Result<u64, OrderError> {
    let payment = charge(&order.card, order.cents).await?;
    sleep(days(1)).await?;
    refund(payment.id).await?;
    Ok(payment.cents)
}

/// Branches and loops.
#[workflow]
pub async fn control(order: Order, limit: u32) -> Result<u32, OrderError> {
    let mut held = 0;
    for line in &order.lines {
        if line.quantity > limit {
            continue;
        }
        held += reserve(&line.sku, line.quantity).await?;
    }
    let mut left = limit;
    while left > 0 {
        left -= 1;
        if ping(left).await? == 3 {
            break;
        }
    }
    let found = loop {
        held += 1;
        if ping(held).await? > 7 {
            break held;
        }
    };
    let label = 'block: {
        if ping(1).await? == found {
            break 'block 2;
        }
        3
    };
    'outer: for i in 0..limit {
        for j in 0..i {
            if ping(j).await? == 9 {
                continue 'outer;
            }
            if ping(j).await? == 10 {
                break 'outer;
            }
        }
    }
    let more = if ping(label).await? > 1 { ping(2).await? } else { 4 };
    Ok(more + left)
}

/// Patterns.
#[workflow]
pub async fn matching(order: Order) -> Result<u32, OrderError> {
    let Order { kind, note, lines, .. } = order;
    let first = match kind {
        Kind::Normal => ping(1).await?,
        Kind::Express { fee, by } if fee > 3 => reserve(&by, 1).await?,
        Kind::Express { .. } => 2,
        Kind::Gift(to) => {
            let got = reserve(&to, 1).await?;
            reserve(&to, got).await?
        }
    };
    let Some(text) = note else { return Ok(first) };
    let second = reserve(&text, 1).await.unwrap_or(3);
    if let Some(line) = lines.first()
        && line.quantity > 1
    {
        reserve(&line.sku, second).await?;
    }
    Ok(second)
}

/// Expressions around awaits.
#[workflow]
pub async fn expressions(base: u32) -> Result<u32, OrderError> {
    let pair = (ping(base).await?, ping(2).await?);
    let sum = pair.0 + ping(pair.1).await? * 2;
    let text = format!("{} and {sum}", ping(3).await?);
    let both = ping(1).await? > 1 && ping(2).await? > 2;
    let list = vec![ping(1).await?, ping(2).await?];
    let mut total = 0;
    total += ping(base).await?;
    let mut counts = BTreeMap::new();
    for item in list {
        *counts.entry(item).or_insert(0_u32) += ping(item).await?;
    }
    if both {
        total += helper(text.len().try_into().unwrap_or(0)).await?;
    }
    let late;
    if total > 3 {
        late = ping(total).await?;
    } else {
        late = 4;
        ping(late).await?;
    }
    Ok(late + counts.values().sum::<u32>())
}

/// Branches.
#[workflow]
pub async fn threads(base: u32) -> Result<u32, OrderError> {
    let mut count = base;
    let (one, two) = join!(ping(1), async {
        count += 1;
        ping(count).await
    });
    let (three, four) = try_join!(ping(3), ping(4))?;
    let chosen = select! {
        got = ping(5) => got?,
        waited = sleep(days(1)) => {
            waited?;
            6
        }
    };
    let approved = APPROVED.recv().await?;
    Ok(one? + two? + three + four + chosen + u32::from(approved))
}

/// Closures, items and shadowing.
#[workflow]
pub async fn items(base: u32) -> Result<u32, OrderError> {
    const STEP: u32 = 2;
    const fn next(of: u32) -> u32 {
        of + STEP
    }
    let next_two = |of: u32| next(next(of));
    let start = next_two(base);
    let start = ping(start).await?;
    let names: Vec<String> = (0..start).map(|i| i.to_string()).collect();
    for (i, name) in names.iter().enumerate() {
        let _got: u32 = reserve(name, u32::try_from(i).unwrap_or(0)).await?;
    }
    Ok(start)
}

/// Nothing but an end.
#[workflow(allow(WF008, reason = "what a macro prints is an argument like any other"))]
pub async fn unit(base: u32) {
    if let Err(error) = ping(base).await {
        println!("{error}");
    }
}

/// What may be absent.
#[workflow]
pub async fn optional(base: Option<u32>) -> Option<u32> {
    let got = base?;
    let answer = ping(got).await.ok()?;
    Some(answer)
}

fn main() {}
