//! `match`, `let .. else`, patterns.

use crate::{agree, shop::*};
use workflow_runtime::{prelude::*, testing::differential::Differential};

#[workflow]
async fn by_value(order: Order) -> Result<String, OrderError> {
    let id = order.id;
    let out = match order.kind {
        Kind::Express { fee, by } if fee > 3 => {
            let d = double(fee as u32).await?;
            format!("{by} {d} {fee}")
        }
        Kind::Express { by, .. } => by,
        Kind::Gift(to) => {
            sleep(seconds(1)).await?;
            to
        }
        Kind::Normal => return Err(OrderError::Stopped(double(1).await?)),
    };
    Ok(format!("{out} {id}"))
}

#[workflow]
async fn scrutinee(n: u32) -> Result<String, OrderError> {
    let word = match double(n).await? {
        0 => "zero",
        2 | 4 => "few",
        x @ 5..=10 if x != 8 => {
            double(x).await?;
            "some"
        }
        _ => "many",
    };
    Ok(word.to_owned())
}

#[workflow]
async fn let_else(order: Order) -> Result<String, OrderError> {
    let Some(note) = order.note else {
        double(1).await?;
        return Err(OrderError::Empty);
    };
    let Ok(d) = double(note.len() as u32).await else {
        return Err(OrderError::Stopped(1));
    };
    let (Kind::Express { fee, .. }, true) = (order.kind, d > 2) else { return Ok(note) };
    sleep(seconds(fee)).await?;
    Ok(format!("{note} {fee} {d}"))
}

#[workflow]
async fn let_else_in_loop(orders: Vec<Order>) -> Result<Vec<String>, OrderError> {
    let mut out = vec![];
    for order in orders {
        let Some(note) = order.note else { continue };
        let n = double(order.id as u32).await?;
        let Kind::Express { by, .. } = order.kind else { break };
        out.push(format!("{note}{n}{by}"));
    }
    Ok(out)
}

#[workflow]
async fn patterns(order: Order) -> Result<String, OrderError> {
    let Order { card: Card(number), lines, cents, .. } = order;
    let (a, mut b) = (double(1).await?, cents);
    b += double(a).await? as u64;
    let [x, y] = [a, a + 1];
    let first = match lines.as_slice() {
        [] => None,
        [one] => Some(one.sku.clone()),
        [one, .., last] => Some(format!("{}{}", one.sku, last.sku)),
    };
    double(y).await?;
    Ok(format!("{number} {b} {x} {y} {first:?} {}", lines.len()))
}

#[test]
fn matching() {
    for kind in [
        Kind::Normal,
        Kind::Gift("Bo".into()),
        Kind::Express { fee: 1, by: "sea".into() },
        Kind::Express { fee: 9, by: "air".into() },
    ] {
        let subject = Order { kind, ..order("ok", 1) };
        // One of the four awaits nothing, which `agree` would not take.
        Differential::new(|| by_value(subject.clone())).run();
    }
    for n in 0..8 {
        agree(|| scrutinee(n));
    }
    agree(|| let_else(order("ok", 1)));
    agree(|| let_else(Order { note: None, ..order("ok", 1) }));
    agree(|| let_else(Order { note: Some("n".into()), ..order("ok", 1) }));
    agree(|| {
        let_else_in_loop(vec![
            order("a", 1),
            Order { note: None, ..order("b", 1) },
            order("c", 1),
            Order { kind: Kind::Normal, ..order("d", 1) },
            order("e", 1),
        ])
    });
    for lines in [0, 1, 3] {
        agree(|| patterns(order("ok", lines)));
    }
}
