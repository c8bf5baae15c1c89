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

/// Guards that read fields of what their arm binds.
#[workflow]
async fn field_guards(order: Order, cents: u64) -> Result<String, OrderError> {
    let paid = match charge(&order.card, cents).detailed().await {
        Ok(paid) if paid.cents > 50 && paid.id != 78 => {
            ping(paid.id as u32).await?;
            format!("much {}", paid.cents)
        }
        Ok(paid) if paid.cents == order.cents => format!("all {}", paid.id),
        Ok(paid) => format!("{paid:?}"),
        Err(failure) if failure.error == ActivityError::Failed(ChargeError::Network) => {
            sleep(seconds(1)).await?;
            format!("{:?}", failure.timeout)
        }
        Err(failure) if matches!(failure.error, ActivityError::TimedOut) => return Err(OrderError::Empty),
        Err(failure) => format!("{} {}", failure.error, order.id),
    };
    Ok(paid)
}

/// What an arm binds hides what its guard would read otherwise.
#[workflow]
async fn hiding_guards(line: Line, n: u32) -> Result<String, OrderError> {
    let out = match lines(n).await {
        Ok(line) if line.quantity == 1 => {
            ping(line.quantity).await?;
            line.sku
        }
        Err(ActivityError::Failed(line)) if line.len() > 7 => line,
        Ok(other) if other.quantity == line.quantity => format!("same {}", other.sku),
        _ => format!("none of {}", ping(7).await?),
    };
    Ok(format!("{out} {} {}", line.sku, line.quantity))
}

#[activity]
async fn lines(quantity: u32) -> Result<Line, String> {
    if quantity > 4 { Err(format!("{quantity} is much")) } else { Ok(Line { sku: format!("s{quantity}"), quantity }) }
}

/// Chains whose later links read fields of what earlier ones bind.
#[workflow]
async fn guard_chains(n: u32, mut all: Vec<Line>) -> Result<String, OrderError> {
    let mut out = String::new();
    if let Ok(line) = lines(n).await
        && line.quantity > 1
        && ping(line.quantity).await? > 4
        && line.sku != "s4"
    {
        out.push_str(&line.sku);
    } else if let Err(failure) = lines(n).detailed().await
        && failure.timeout.is_none()
        && let ActivityError::Failed(text) = failure.error
    {
        sleep(seconds(1)).await?;
        out.push_str(&text);
    }
    while let Some(line) = all.pop()
        && line.quantity > 1
    {
        let held = reserve(&line.sku, line.quantity).await?;
        out.push_str(&format!(" {}{held}", line.sku));
    }
    Ok(format!("{out} {}", all.len()))
}

/// The same in what `select!` does with an output, and in a branch.
#[workflow]
async fn guarded_handlers(n: u32) -> Result<String, OrderError> {
    let first = select! {
        got = lines(n).detailed() => match got {
            Ok(line) if line.quantity == 2 => line.sku,
            Ok(line) if line.quantity > 2 => ping(line.quantity).await?.to_string(),
            Ok(line) => format!("{line:?}"),
            Err(failure) if failure.timeout.is_some() => return Err(OrderError::Empty),
            Err(failure) => format!("{failure:?}"),
        },
        _ = sleep(days(1)) => "late".to_owned(),
    };
    let second = select! {
        Ok(line) = lines(n) => if let Ok(again) = lines(line.quantity).await && again.sku == line.sku && again.quantity > 1 {
            format!("{}{}", again.sku, ping(line.quantity).await?)
        } else {
            line.sku
        },
        else => "nothing".to_owned(),
    };
    let (third, fourth) = join!(
        async {
            match lines(n + 1).await {
                Ok(line) if line.quantity < 3 => Ok::<_, OrderError>(line.sku),
                Ok(line) => Ok(format!("{}{}", line.sku, ping(line.quantity).await?)),
                Err(e) => Err(e.into()),
            }
        },
        ping(n),
    );
    Ok(format!("{first} {second} {third:?} {}", fourth?))
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
    for (card, cents) in [("ok", 90), ("ok", 77), ("ok", 100), ("ok", 7), ("bad", 1), ("dead", 1)] {
        agree(|| field_guards(order(card, 1), cents));
    }
    for n in 0..6 {
        agree(|| hiding_guards(Line { sku: "outer".into(), quantity: 3 }, n));
        agree(|| guard_chains(n, order("ok", 3).lines));
        agree(|| guarded_handlers(n));
    }
    agree(|| hiding_guards(Line { sku: "outer".into(), quantity: 3 }, 10_000));
}
