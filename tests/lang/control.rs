//! `if`, `loop`, `while`, labelled jumps, early return, `?`.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn straight_line(n: u32) -> Result<u32, OrderError> {
    let a = double(n).await?;
    let b = double(a).await?;
    let c = a + b;
    sleep(hours(1)).await?;
    Ok(c + n)
}

#[workflow]
async fn branches(n: u32) -> Result<String, OrderError> {
    let mut log = String::new();
    if n == 0 {
        log.push_str("zero");
    } else if double(n).await? > 10 {
        log.push_str("big");
        double(1).await?;
    } else if n == 2 {
        return Err(OrderError::Stopped(double(2).await?));
    } else {
        log.push_str("small");
    }
    let size = if n > 3 { double(n).await? } else { n };
    Ok(format!("{log} {size}"))
}

#[workflow]
async fn if_let(order: Order) -> Result<String, OrderError> {
    let mut out = String::new();
    if let Some(note) = order.note.clone() {
        let n = double(note.len() as u32).await?;
        out = format!("{note}{n}");
    } else if let Kind::Gift(to) = order.kind.clone() {
        double(1).await?;
        out.push_str(&to);
    } else {
        double(2).await?;
    }
    Ok(format!("{out} {}", order.id))
}

#[workflow]
async fn loop_with_value(limit: u32) -> Result<u32, OrderError> {
    let mut n = 1;
    let found = loop {
        n = double(n).await?;
        if n > limit {
            break n + 1;
        }
        if n == 64 {
            continue;
        }
        sleep(seconds(n as u64)).await?;
    };
    Ok(found)
}

#[workflow]
async fn while_await(mut n: u32) -> Result<u32, OrderError> {
    let mut rounds = 0;
    while double(n).await? < 50 {
        n += 7;
        rounds += 1;
    }
    while n > 0 {
        n = n.saturating_sub(ping(3).await?);
    }
    Ok(rounds)
}

#[workflow]
async fn while_let(mut stack: Vec<u32>) -> Result<Vec<u32>, OrderError> {
    let mut seen = Vec::new();
    while let Some(top) = stack.pop() {
        let d = double(top).await?;
        seen.push(d);
        if top > 2 {
            stack.push(top - 2);
        }
    }
    Ok(seen)
}

#[workflow]
async fn labelled(limit: u32) -> Result<String, OrderError> {
    let mut total = 0;
    let found = 'outer: loop {
        let mut i = 0;
        loop {
            i += 1;
            let d = double(i).await?;
            total += d;
            if total > limit {
                break 'outer Some(i);
            }
            if i == 4 {
                continue 'outer;
            }
            if total == 1_000 {
                break;
            }
        }
        if total > 10_000 {
            break None;
        }
    };
    Ok(format!("{found:?} {total}"))
}

#[workflow]
async fn plain(n: u32) -> u32 {
    if n == 0 {
        return 1;
    }
    let m = ping(n).await.unwrap_or(0);
    m + 1
}

#[workflow]
async fn option(n: u32) -> Option<u32> {
    let half = n.checked_sub(10)?;
    let d = double(half).await.ok()?;
    let e = d.checked_sub(5)?;
    sleep(seconds(1)).await.ok()?;
    Some(e)
}

#[workflow]
async fn nothing_returned(n: u32) {
    let _ = ping(n).await;
    let _ = sleep(seconds(1)).await;
}

#[workflow]
async fn question_converts(order: Order) -> Result<u64, OrderError> {
    let payment = charge(&order.card, order.cents).await?;
    let mut held = 0;
    for line in order.lines {
        held += reserve(&line.sku, line.quantity).await?;
    }
    Ok(payment.id + held as u64)
}

#[workflow]
async fn boxed_error(n: u32) -> Result<u32, WorkflowError> {
    let d = double(n).await?;
    let parsed: u32 = "12".parse()?;
    if d == 4 {
        return Err(WorkflowError::msg("four"));
    }
    sleep(millis(1)).await?;
    Ok(d + parsed)
}

#[test]
fn control_flow() {
    assert_eq!(agree(|| straight_line(3)).outcome, serde_json::json!({ "ok": 21 }));
    agree(|| straight_line(900));
    for n in [1, 2, 3, 4, 9, 600] {
        agree(|| branches(n));
    }
    agree(|| if_let(order("ok", 1)));
    for kind in [Kind::Gift("Ada".into()), Kind::Normal] {
        agree(|| if_let(Order { note: None, kind: kind.clone(), ..order("ok", 1) }));
    }
    for limit in [0, 5, 63, 64, 400, 5_000] {
        agree(|| loop_with_value(limit));
    }
    for n in [0, 20, 100] {
        agree(|| while_await(n));
    }
    agree(|| while_let(vec![1, 9, 4]));
    for limit in [0, 6, 19, 21, 55] {
        agree(|| labelled(limit));
    }
}

#[test]
fn outcomes() {
    agree(|| plain(4));
    for n in [10, 12, 13, 2_000] {
        agree(|| option(n));
    }
    agree(|| nothing_returned(1));
    for card in ["ok", "bad", "flaky", "dead"] {
        agree(|| question_converts(order(card, 3)));
    }
    let mut sold_out = order("ok", 3);
    sold_out.lines[1].sku = "none".into();
    agree(|| question_converts(sold_out.clone()));
    for n in [1, 2, 501] {
        agree(|| boxed_error(n));
    }
}
