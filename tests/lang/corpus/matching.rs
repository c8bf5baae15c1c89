//! `match` and patterns.

use super::Case;
use crate::shop::*;
use workflow_runtime::prelude::*;

#[workflow]
async fn match_by_value(kind: Kind) -> Result<String, OrderError> {
    match kind {
        Kind::Normal => Ok(text("n", &[]).await?),
        Kind::Express { fee, by } => {
            let paid = double(fee as u32).await?;
            Ok(text(&by, &[paid]).await?)
        }
        Kind::Gift(to) => {
            ping(1).await?;
            Ok(to)
        }
    }
}

#[workflow]
async fn match_by_reference(order: Order) -> Result<String, OrderError> {
    match &order.kind {
        Kind::Normal => drop(ping(1).await?),
        Kind::Express { fee, by } => {
            text(by, &[*fee as u32]).await?;
            text(by, &[]).await?;
        }
        Kind::Gift(to) => drop(text(to, &[]).await?),
    }
    Ok(order.card.0)
}

#[workflow]
async fn match_ref(mut order: Order) -> Result<u64, OrderError> {
    match order.kind {
        Kind::Express { ref mut fee, .. } => {
            ping(1).await?;
            *fee += 1;
            ping(2).await?;
            *fee += 1;
        }
        Kind::Gift(ref to) => {
            text(to, &[1]).await?;
            text(to, &[2]).await?;
        }
        Kind::Normal => {}
    }
    ping(3).await?;
    Ok(match order.kind {
        Kind::Express { fee, .. } => fee,
        _ => order.cents,
    })
}

#[workflow]
async fn match_awaits_everywhere(n: u32) -> Result<u32, OrderError> {
    Ok(match ping(n).await? {
        0 => ping(7).await?,
        m if ping(m).await? > 10 => ping(m).await? + m,
        m => m + ping(n).await?,
    })
}

#[workflow]
async fn or_patterns(n: u32) -> Result<u32, OrderError> {
    match (n, ping(n).await?) {
        (1 | 2, x) | (x, 20) => Ok(ping(x).await? + x),
        (3 | 4, _) => Ok(ping(0).await?),
        _ => Ok(1),
    }
}

#[workflow]
async fn at_patterns(n: u32) -> Result<u32, OrderError> {
    match ping(n).await? {
        small @ 0..=4 => Ok(ping(small).await? + small),
        whole @ (6 | 8) => Ok(ping(whole).await? + whole),
        other => Ok(other),
    }
}

#[workflow]
async fn slice_patterns(v: Vec<u32>) -> Result<u32, OrderError> {
    match v.as_slice() {
        [] => Ok(ping(0).await?),
        [one] => Ok(ping(*one).await? + ping(*one).await?),
        [first, .., last] if first == last => Ok(ping(*first).await?),
        [first, rest @ ..] => {
            ping(*first).await?;
            ping(rest.len() as u32).await?;
            Ok(rest[0] + first)
        }
    }
}

#[workflow]
async fn nested_patterns(order: Order) -> Result<u32, OrderError> {
    let Order { id, card: Card(number), lines, note, .. } = order;
    let (a, (b, [c, d])) = (ping(id as u32).await?, (number.len() as u32, [1, 2]));
    ping(a + b).await?;
    match (note, lines.first()) {
        (Some(note), Some(Line { sku, quantity: q @ 1.. })) => {
            text(&note, &[*q]).await?;
            Ok(text(sku, &[c, d]).await?.len() as u32 + *q)
        }
        _ => Ok(c + d),
    }
}

#[workflow]
async fn constant_patterns(n: u32) -> Result<u32, OrderError> {
    const FIVE: u32 = 10;
    match ping(n).await? {
        FIVE => Ok(ping(1).await?),
        u32::MIN => Ok(ping(2).await?),
        m => Ok(m),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let kinds = || [Kind::Normal, Kind::Gift("g".into()), Kind::Express { fee: 3, by: "b".into() }];
    let with = |kind: Kind| Order { kind, note: Some("note".into()), ..order("c", 2) };
    vec![
        Case::new(kinds().map(|k| super::run(move || match_by_value(k.clone()))).into()),
        Case::new(kinds().map(|k| super::run(move || match_by_reference(with(k.clone())))).into()),
        Case::new(kinds().map(|k| super::run(move || match_ref(with(k.clone())))).into()),
        case!(match_awaits_everywhere(0), match_awaits_everywhere(2), match_awaits_everywhere(4)),
        case!(or_patterns(1), or_patterns(3), or_patterns(10), or_patterns(7)),
        case!(at_patterns(1), at_patterns(3), at_patterns(9)),
        case!(
            slice_patterns(vec![]),
            slice_patterns(vec![3]),
            slice_patterns(vec![3, 4, 3]),
            slice_patterns(vec![3, 4])
        ),
        case!(
            nested_patterns(order("c", 2)),
            nested_patterns(order("c", 0)),
            nested_patterns(Order { note: Some("n".into()), ..order("c", 2) })
        ),
        case!(constant_patterns(5), constant_patterns(0), constant_patterns(1)),
    ]
}
