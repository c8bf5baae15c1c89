//! `match` with awaits in its guards, and alternatives that borrow.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn guards(order: Order, n: u32) -> Result<String, OrderError> {
    let a = match n {
        0 => "zero".to_string(),
        x if ping(x).await? == 4 => format!("four {x}"),
        x @ (1 | 3)
            if {
                let y = ping(x).await?;
                y > 2 && ping(y).await? > 8
            } =>
        {
            ping(x).await?;
            format!("big {x}")
        }
        1 => "one".into(),
        _ if ping(100).await? == 3 => "never".into(),
        x => format!("other {x}"),
    };
    let b = match order.kind {
        Kind::Gift(g) if ping(g.len() as u32).await? > 8 && !g.is_empty() => {
            ping(1).await?;
            g
        }
        Kind::Gift(g) => {
            ping(2).await?;
            g + "x"
        }
        Kind::Express { fee, by } if text(&by, &[fee as u32]).await?.len() > 3 => by,
        Kind::Express { .. } | Kind::Normal => "n".into(),
    };
    let c = match &order.note {
        Some(s) if text(s, &[1]).await?.len() == 7 => {
            text(s, &[2]).await?;
            s.len() as u32
        }
        Some(s) | Some(s) if s.len() > 100 => 1,
        Some(s) => {
            text(s, &[3]).await?;
            5
        }
        None => 0,
    };
    let d = match ping(n).await {
        Ok(n) if ping(n).await.is_ok_and(|n| n > 5) => n,
        Ok(n) => n + 100,
        Err(e) => return Err(e.into()),
    };
    Ok(format!("{a} {b} {c} {d}"))
}
#[workflow]
async fn alternatives_that_borrow(v: Vec<u32>) -> Result<u32, OrderError> {
    match v.as_slice() {
        [] => {
            ping(0).await?;
        }
        [a] | [a, _] => {
            ping(*a).await?;
            ping(*a + 1).await?;
        }
        [first, .., last] => {
            ping(*first).await?;
            ping(*last).await?;
        }
    }
    Ok(1)
}

#[test]
fn guards_that_wait() {
    let kinds =
        [Kind::Normal, Kind::Gift("abcdefgh".into()), Kind::Gift("a".into()), Kind::Express { fee: 3, by: "z".into() }];
    for n in 0..5 {
        for kind in &kinds {
            for note in [None, Some("abcd"), Some("abc")] {
                let order = || Order { note: note.map(Into::into), kind: kind.clone(), ..order("a", n) };
                agree(|| guards(order(), n));
            }
        }
        agree(|| alternatives_that_borrow((0..n).collect()));
    }
}
