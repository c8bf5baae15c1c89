//! `for` over ranges, owned collections and borrowed places.

use crate::{agree, shop::*};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use workflow_runtime::prelude::*;

#[workflow]
async fn ranges(from: u32, to: u32) -> Result<Vec<u32>, OrderError> {
    let mut out = vec![];
    for i in from..to {
        out.push(double(i).await?);
    }
    for i in from..=to {
        if i == 2 {
            continue;
        }
        let d = double(i).await?;
        if d > 8 {
            break;
        }
        out.push(d + 1);
    }
    for _ in 0..2 {
        ping(9).await?;
    }
    Ok(out)
}

#[workflow]
async fn owned(order: Order) -> Result<String, OrderError> {
    let mut out = String::new();
    for Line { sku, quantity } in order.lines {
        let held = reserve(&sku, quantity).await?;
        out.push_str(&format!("{sku}:{held};"));
    }
    let queue: VecDeque<u32> = [1, 2, 3].into();
    for n in queue {
        out.push_str(&double(n).await?.to_string());
    }
    let names: BTreeSet<String> = ["b", "a"].map(String::from).into();
    for name in names {
        out.push_str(&text(&name, &[1]).await?);
    }
    let prices: BTreeMap<String, u32> = [("x".to_string(), 5), ("y".to_string(), 6)].into();
    for (name, price) in prices {
        let d = double(price).await?;
        out.push_str(&format!("{name}{d}"));
    }
    for n in [7, 8] {
        double(n).await?;
    }
    for n in Some(3) {
        double(n).await?;
    }
    Ok(out)
}

#[workflow]
async fn text_items() -> Result<String, OrderError> {
    let mut out = String::new();
    for word in ["a", "b", "c"] {
        out.push_str(&text(word, &[1]).await?);
        sleep(seconds(1)).await?;
        out.push_str(word);
    }
    for (word, n) in [("x", 1), ("y", 2)] {
        let d = double(n).await?;
        out.push_str(&text(word, &[d]).await?);
    }
    for (word, n) in vec![("v", String::from("w"))] {
        out.push_str(&text(word, &[1]).await?);
        out.push_str(&n);
    }
    for word in Some("z") {
        out.push_str(&text(word, &[2]).await?);
    }
    Ok(out)
}

#[workflow]
async fn borrowed(order: Order) -> Result<u64, OrderError> {
    let mut held = 0;
    for line in &order.lines {
        held += reserve(&line.sku, line.quantity).await?;
        if line.quantity == 2 {
            sleep(seconds(1)).await?;
            held += line.quantity;
        }
    }
    Ok(held as u64 + order.id)
}

#[workflow]
async fn iter_and_enumerate(order: Order) -> Result<String, OrderError> {
    let mut out = String::new();
    for line in order.lines.iter() {
        let held = reserve(&line.sku, line.quantity).await?;
        out.push_str(&format!("{}={held} ", line.sku));
    }
    for (i, line) in order.lines.iter().enumerate() {
        let d = double(i as u32).await?;
        out.push_str(&format!("{i}.{}.{d} ", line.sku));
    }
    Ok(out)
}

#[workflow]
async fn mutable(mut order: Order) -> Result<Order, OrderError> {
    for line in &mut order.lines {
        line.quantity += double(line.quantity).await?;
        sleep(seconds(1)).await?;
        line.sku.push('!');
    }
    for line in order.lines.iter_mut() {
        let held = reserve(&line.sku, line.quantity).await?;
        line.quantity = held;
    }
    Ok(order)
}

#[workflow]
async fn ordered_map(prices: BTreeMap<String, u32>) -> Result<u32, OrderError> {
    let mut sum = 0;
    for (name, price) in &prices {
        sum += double(*price).await? + name.len() as u32;
    }
    Ok(sum)
}

#[workflow]
async fn nested_loops(order: Order, limit: u32) -> Result<String, OrderError> {
    let mut trail = vec![];
    'lines: for line in &order.lines {
        for n in 0..line.quantity {
            let d = double(n).await?;
            if d == 4 {
                continue 'lines;
            }
            trail.push(format!("{}{d}", line.sku));
            if trail.len() as u32 > limit {
                break 'lines;
            }
        }
        sleep(seconds(1)).await?;
    }
    Ok(trail.join(","))
}

#[workflow]
async fn saga_in_loop(order: Order) -> Result<u64, OrderError> {
    saga::on_failure(refund(order.id));
    let payment = charge(&order.card, order.cents).await?;
    for line in &order.lines {
        saga::on_failure(release(&line.sku));
        reserve(&line.sku, line.quantity).await?;
    }
    Ok(payment.id)
}

#[test]
fn for_loops() {
    for (a, b) in [(0, 3), (1, 9), (4, 4), (5, 2)] {
        agree(|| ranges(a, b));
    }
    agree(text_items);
    agree(|| owned(order("ok", 3)));
    agree(|| owned(order("ok", 0)));
    agree(|| borrowed(order("ok", 4)));
    agree(|| iter_and_enumerate(order("ok", 3)));
    agree(|| mutable(order("ok", 3)));
    agree(|| ordered_map([("a".to_string(), 4), ("bb".to_string(), 5)].into()));
    for limit in [0, 2, 50] {
        agree(|| nested_loops(order("ok", 5), limit));
    }
}

#[test]
fn compensations() {
    for card in ["ok", "bad"] {
        agree(|| saga_in_loop(order(card, 2)));
    }
    let mut sold_out = order("ok", 3);
    sold_out.lines[2].sku = "none".into();
    let operations = agree(|| saga_in_loop(sold_out.clone())).operations;
    let names: Vec<_> = operations.iter().map(|o| o.split([' ', '[']).nth(1).unwrap()).collect();
    assert_eq!(names, ["charge", "reserve", "reserve", "reserve", "release", "release", "release", "refund"]);
}
