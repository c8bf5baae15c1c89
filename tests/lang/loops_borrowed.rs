//! `for` over what the loop borrows: a position is saved, and the item is taken again where it is needed.

use crate::{agree, shop::*};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
};
use workflow_runtime::prelude::*;

type Out = Result<Vec<String>, OrderError>;
type Prices = BTreeMap<String, u32>;

#[workflow]
async fn borrowed_adaptors(order: Order, n: usize) -> Out {
    let mut out = vec![];
    for (i, line) in order.lines.iter().enumerate().rev() {
        out.push(text(&line.sku, &[i as u32]).await?);
        out.push(format!("{i}{}", line.sku));
    }
    for line in order.lines.iter().rev().skip(n).take(2) {
        out.push(text(&line.sku, &[1]).await?);
    }
    for (i, line) in order.lines.iter().rev().enumerate().step_by(2) {
        out.push(text(&line.sku, &[i as u32]).await?);
    }
    for (a, b) in order.lines.iter().zip(order.lines.iter().skip(1)) {
        out.push(text(&a.sku, &[b.quantity]).await?);
        out.push(format!("{}{}", a.sku, b.sku));
    }
    for (line, n) in order.lines.iter().zip(10..) {
        out.push(text(&line.sku, &[n]).await?);
        out.push(format!("{}{n}", line.sku));
    }
    for (n, line) in (0..2).zip(&order.lines) {
        out.push(text(&line.sku, &[n]).await?);
        out.push(format!("{}{n}", line.sku));
    }
    for line in order.lines.iter().chain(&order.lines).skip(n) {
        out.push(text(&line.sku, &[5]).await?);
        out.push(line.sku.clone());
    }
    for (i, (a, (b, c))) in order.lines.iter().zip(order.lines.iter().zip(["x", "y", "z"])).enumerate() {
        out.push(text(&a.sku, &[i as u32, b.quantity]).await?);
        out.push(format!("{c}{}", b.sku));
    }
    for pair in order.lines.iter().zip(order.lines.iter().rev()) {
        out.push(text(&pair.0.sku, &[pair.1.quantity]).await?);
        out.push(pair.1.sku.clone());
    }
    Ok(out)
}

#[workflow]
async fn borrowed_parts(numbers: Vec<u32>, mut n: usize) -> Out {
    let mut out = vec![];
    for part in numbers.chunks(n) {
        n += 1;
        out.push(text("c", part).await?);
        out.push(part.len().to_string());
    }
    for part in numbers.chunks_exact(2).rev() {
        out.push(text("e", part).await?);
    }
    for part in numbers.rchunks(n - 1) {
        out.push(text("r", part).await?);
    }
    for (i, pair) in numbers.windows(2).enumerate() {
        out.push(text("w", pair).await?);
        out.push(format!("{i}{pair:?}"));
    }
    Ok(out)
}

#[workflow]
async fn borrowed_values(numbers: Vec<u32>, names: Vec<String>) -> Out {
    let mut out = vec![];
    for n in numbers.iter().copied() {
        out.push(double(n).await?.to_string());
        out.push(n.to_string());
    }
    for mut name in names.iter().cloned().rev() {
        name.push('!');
        out.push(text(&name, &[]).await?);
        out.push(name);
    }
    for &n in &numbers {
        out.push(double(n).await?.to_string());
        out.push(n.to_string());
    }
    for (i, &n) in numbers.iter().enumerate() {
        out.push(double(n).await?.to_string());
        out.push((n as usize + i).to_string());
    }
    for (mut i, name) in names.iter().enumerate() {
        i += 1;
        out.push(text(name, &[i as u32]).await?);
        i += 1;
        out.push(format!("{i}{name}"));
    }
    for (name, n) in names.iter().zip(numbers.iter().copied()) {
        out.push(text(name, &[n]).await?);
        out.push(format!("{name}{n}"));
    }
    for (name, n) in names.iter().zip(numbers) {
        out.push(text(name, &[n]).await?);
        out.push(format!("{name}{n}"));
    }
    Ok(out)
}

#[workflow]
async fn borrowed_kinds(numbers: Vec<u32>) -> Out {
    let mut out = vec![];
    let array = [1, 2, 3];
    let mut queue: VecDeque<u32> = numbers.iter().copied().collect();
    queue.push_front(9);
    let by_ref = &numbers;
    let slice: Box<[u32]> = numbers.clone().into();
    let boxed = Box::new(numbers.clone());
    let cow: Cow<'static, [u32]> = Cow::Owned(numbers.clone());
    let nested = vec![numbers.clone(), vec![], vec![7]];
    for n in &array {
        out.push(double(*n).await?.to_string());
    }
    for n in &queue {
        out.push(double(*n).await?.to_string());
    }
    for n in queue.iter().rev() {
        out.push(double(*n).await?.to_string());
    }
    for n in slice.iter() {
        out.push(double(*n).await?.to_string());
    }
    for n in boxed.iter().rev() {
        out.push(double(*n).await?.to_string());
    }
    for n in by_ref.iter() {
        out.push(double(*n).await?.to_string());
    }
    for n in &*boxed {
        out.push(double(*n).await?.to_string());
    }
    for n in cow.iter() {
        out.push(double(*n).await?.to_string());
    }
    for row in &nested {
        for (i, n) in row.iter().enumerate() {
            out.push(double(*n + i as u32).await?.to_string());
            out.push(format!("{}{n}", row.len()));
        }
    }
    let first = Some(4);
    for n in &first {
        out.push(double(*n).await?.to_string());
        out.push(n.to_string());
    }
    for n in numbers.first() {
        out.push(double(*n).await?.to_string());
    }
    for n in vec![1, 2].iter() {
        out.push(double(*n).await?.to_string());
    }
    const LIMITS: [u32; 2] = [5, 6];
    for n in &LIMITS {
        out.push(double(*n).await?.to_string());
    }
    Ok(out)
}

#[workflow]
async fn borrowed_maps(prices: Prices, names: BTreeSet<String>, from: u32) -> Out {
    let mut out = vec![];
    for (name, price) in prices.iter().rev() {
        out.push(text(name, &[*price]).await?);
        out.push(name.clone());
    }
    for (i, (name, price)) in prices.iter().enumerate().skip(1) {
        out.push(text(name, &[*price, i as u32]).await?);
        out.push(format!("{i}{name}"));
    }
    for name in prices.keys().take(2) {
        out.push(text(name, &[]).await?);
        out.push(name.clone());
    }
    for price in prices.values().rev() {
        out.push(double(*price).await?.to_string());
        out.push(price.to_string());
    }
    for (name, price) in prices.keys().zip(prices.values().rev()) {
        out.push(text(name, &[*price]).await?);
        out.push(name.clone());
    }
    for name in names.iter().rev() {
        out.push(text(name, &[]).await?);
        out.push(name.clone());
    }
    for (i, name) in names.range("b".to_string()..).enumerate() {
        out.push(text(name, &[i as u32]).await?);
        out.push(name.clone());
    }
    let numbers: BTreeMap<u32, u32> = (0..6).map(|n| (n, n * n)).collect();
    let mut to = from + 3;
    for (n, square) in numbers.range(from..to).rev() {
        to += 1;
        out.push(text("n", &[*n, *square, to]).await?);
        out.push(n.to_string());
    }
    let shared = Box::new(prices);
    for (name, price) in shared.iter() {
        out.push(text(name, &[*price]).await?);
        out.push(name.clone());
    }
    for (name, price) in &*shared {
        out.push(text(name, &[*price]).await?);
        out.push(name.clone());
    }
    Ok(out)
}

#[workflow]
async fn borrowed_mutably(mut order: Order, mut prices: Prices) -> Result<(Order, Prices, Vec<u32>), OrderError> {
    for (i, line) in order.lines.iter_mut().enumerate().rev() {
        line.quantity += double(i as u32).await?;
        sleep(seconds(1)).await?;
        line.sku.push('!');
    }
    for (line, price) in order.lines.iter_mut().zip(prices.values()) {
        line.quantity += double(*price).await?;
        line.sku.push_str(&price.to_string());
    }
    for price in prices.values_mut() {
        *price += double(*price).await?;
        *price += 1;
    }
    for (name, price) in &mut prices {
        *price += double(name.len() as u32).await?;
        *price += 1;
    }
    for (_, price) in prices.iter_mut().skip(1) {
        *price = double(*price).await?;
    }
    let mut numbers: Vec<u32> = (0..5).collect();
    for pair in numbers.chunks_mut(2) {
        pair[0] = double(pair[0] + 1).await?;
        pair.reverse();
    }
    let all = &mut numbers;
    for n in all.iter_mut() {
        *n += ping(*n).await?;
        *n += 1;
    }
    for n in all {
        *n += ping(*n).await?;
        *n += 1;
    }
    for note in &mut order.note {
        note.push_str(&text(note, &[]).await?);
    }
    Ok((order, prices, numbers))
}

#[workflow]
async fn borrowed_through_borrows(order: Order, lines: Vec<Line>) -> Out {
    let mut out = vec![];
    let of = &order;
    let inner = &of.lines;
    for line in inner {
        out.push(text(&line.sku, &[line.quantity]).await?);
        out.push(line.sku.clone());
    }
    for (a, b) in inner.iter().zip(&lines) {
        out.push(text(&a.sku, &[b.quantity]).await?);
        out.push(b.sku.clone());
    }
    for line in of.lines.iter().rev() {
        let Line { sku, quantity } = line;
        out.push(text(sku, &[*quantity]).await?);
        out.push(sku.clone());
    }
    for Line { sku, quantity } in inner {
        out.push(text(sku, &[*quantity]).await?);
        out.push(sku.clone());
    }
    for line in lines.as_slice() {
        out.push(text(&line.sku, &[]).await?);
        out.push(line.sku.clone());
    }
    Ok(out)
}

#[workflow]
async fn borrowed_same_name(line: Vec<Line>, mut order: Order) -> Out {
    let mut out = vec![];
    'all: for n in 0..2 {
        for line in &line {
            out.push(text(&line.sku, &[n]).await?);
            out.push(line.sku.clone());
            if line.quantity == 2 && n == 1 {
                break 'all;
            }
            for line in [&line.sku].map(Clone::clone) {
                out.push(text(&line, &[9]).await?);
            }
        }
        out.push(line.len().to_string());
    }
    out.push(line[0].sku.clone());
    for order in order.lines.iter_mut() {
        order.quantity += double(order.quantity).await?;
        order.sku.push('?');
    }
    let lines = &order.lines;
    for lines in lines {
        out.push(text(&lines.sku, &[lines.quantity]).await?);
        out.push(lines.sku.clone());
    }
    out.push(format!("{order:?}"));
    Ok(out)
}

#[workflow]
async fn borrowed_in_branches(order: Order, mut numbers: Vec<u32>) -> Out {
    numbers.push(1);
    let (a, b) = join!(
        async {
            let mut out = vec![];
            for line in order.lines.iter().rev() {
                out.push(text(&line.sku, &[numbers.len() as u32]).await?);
                out.push(line.sku.clone());
            }
            Ok::<_, OrderError>(out)
        },
        async {
            let mut sum = 0;
            for n in &numbers {
                sum += double(*n).await?;
                sum += n;
            }
            Ok::<_, OrderError>(sum)
        }
    );
    let mut out = a?;
    out.push(b?.to_string());
    Ok(out)
}

fn numbers(n: u32) -> Vec<u32> {
    (1..=n).collect()
}

fn prices() -> Prices {
    [("a", 4), ("bb", 5), ("c", 6)].map(|(name, price)| (name.to_owned(), price)).into()
}

#[workflow]
async fn constants(n: u32) -> Result<u32, OrderError> {
    const TABLE: &[(&str, u32)] = &[("a", 1), ("b", 2)];
    const STEPS: [u32; 2] = [3, 4];
    const WAYS: std::ops::Range<u32> = 1..3;
    const NAMES: [&str; 2] = ["x", "y"];
    let mut sum = n;
    for (name, k) in TABLE {
        text(name, &[*k]).await?;
        sum += ping(*k).await?;
    }
    for &(name, mut k) in TABLE {
        k += 1;
        text(name, &[k]).await?;
        sum += ping(k).await?;
    }
    for mut step in STEPS {
        step += ping(step).await?;
        sum += step;
    }
    for way in WAYS {
        sum += ping(way).await? + way;
    }
    for name in NAMES {
        text(name, &[]).await?;
        text(name, &[sum]).await?;
    }
    Ok(sum)
}

#[test]
fn loops_borrow() {
    agree(|| constants(1));
    for n in 0..4 {
        agree(|| borrowed_adaptors(order("ok", 4), n));
        agree(|| borrowed_parts(numbers(7), n + 1));
        agree(|| borrowed_maps(prices(), ["a", "b", "c"].map(String::from).into(), n as u32));
    }
    agree(|| borrowed_values(numbers(3), vec!["a".into(), "b".into()]));
    agree(|| borrowed_kinds(numbers(3)));
    agree(|| borrowed_mutably(order("ok", 3), prices()));
    agree(|| borrowed_through_borrows(order("ok", 3), order("ok", 2).lines));
    agree(|| borrowed_same_name(order("ok", 3).lines, order("ok", 2)));
    agree(|| borrowed_in_branches(order("ok", 2), numbers(2)));
}
