//! Borrows that live across awaits: they are taken again from places that are saved.

use crate::{agree, shop::*};
use std::collections::BTreeMap;
use workflow_runtime::prelude::*;

type Out = Result<Vec<String>, OrderError>;

#[workflow]
async fn of_places(order: Order, mut i: usize) -> Out {
    let mut out = vec![];
    let card = &order.card;
    let line = &order.lines[i];
    let next = &order.lines[(i + 1) % order.lines.len()];
    i += 1;
    let some = &order.lines[i - 1..];
    out.push(text(&card.0, &[line.quantity]).await?);
    i += 1;
    out.push(format!("{i}{}{}{}", line.sku, next.sku, some.len()));
    out.push(text(&line.sku, &[some.len() as u32]).await?);
    out.push(format!("{}{}", card.0, next.sku));
    Ok(out)
}

#[workflow]
async fn mutable_places(mut order: Order, mut i: usize) -> Result<Order, OrderError> {
    let lines = &mut order.lines;
    let line = &mut lines[i];
    i += 1;
    line.quantity += double(i as u32).await?;
    line.sku.push('!');
    double(1).await?;
    line.sku.push('?');
    let note = order.note.as_mut();
    ping(1).await?;
    if let Some(note) = note {
        note.push('x');
        let more = text(note, &[]).await?;
        note.push_str(&more);
    }
    if let Some(last) = order.lines.last_mut() {
        last.quantity += double(3).await?;
        last.quantity += 1;
    }
    let (first, rest) = order.lines.split_at_mut(1);
    first[0].quantity += double(5).await?;
    rest[0].quantity += first[0].quantity + double(6).await?;
    first[0].quantity += rest[0].quantity;
    Ok(order)
}

#[workflow]
async fn of_borrows(order: Order) -> Out {
    let mut out = vec![];
    let a = &order;
    let b = &a.lines;
    ping(b.len() as u32).await?;
    let c = b.first().ok_or(OrderError::Empty)?;
    let d = c;
    let Line { sku, quantity } = d;
    out.push(text(sku, &[*quantity]).await?);
    out.push(format!("{}{}{}{sku}", a.id, b.len(), c.sku));
    out.push(text(sku, &[*quantity]).await?);
    let sku = &**sku;
    out.push(text(sku, &[]).await?);
    out.push(sku.to_string());
    Ok(out)
}

#[workflow]
async fn by_ref_patterns(mut order: Order, pair: (String, u32)) -> Result<(Vec<String>, Order), OrderError> {
    let mut out = vec![];
    let (ref name, n) = pair;
    out.push(text(name, &[n]).await?);
    out.push(format!("{name}{n}"));
    let Order { ref card, id, .. } = order;
    out.push(text(&card.0, &[id as u32]).await?);
    out.push(format!("{card:?}{id}"));
    match order.kind {
        Kind::Express { ref by, ref mut fee } => {
            *fee += u64::from(double(by.len() as u32).await?);
            out.push(text(by, &[*fee as u32]).await?);
            *fee += 1;
        }
        Kind::Gift(ref to) if !to.is_empty() => {
            out.push(text(to, &[]).await?);
            out.push(to.clone());
        }
        Kind::Gift(_) | Kind::Normal => out.push(text("none", &[]).await?),
    }
    if let Some(ref mut note) = order.note {
        note.push_str(&text(note, &[1]).await?);
        note.push('!');
    }
    let &(ref a, b) = &pair;
    out.push(text(a, &[b]).await?);
    out.push(format!("{a}{b}"));
    Ok((out, order))
}

#[workflow]
async fn matched_by_reference(order: Order, other: Option<String>) -> Out {
    let mut out = vec![];
    if let Some(note) = &order.note {
        out.push(text(note, &[]).await?);
        out.push(note.clone());
    }
    if let (Some(a), Some(b)) = (&order.note, &other) {
        out.push(text(a, &[b.len() as u32]).await?);
        out.push(format!("{a}{b}"));
    }
    match &order.kind {
        Kind::Express { fee, by } => {
            out.push(text(by, &[*fee as u32]).await?);
            out.push(format!("{by}{fee}"));
        }
        Kind::Gift(to) => out.push(text(to, &[]).await?),
        Kind::Normal => {}
    }
    if let [first, .., last] = &order.lines[..] {
        out.push(text(&first.sku, &[last.quantity]).await?);
        out.push(format!("{}{}", first.sku, last.sku));
    }
    let Some(note) = &other else { return Ok(out) };
    out.push(text(note, &[]).await?);
    out.push(note.clone());
    Ok(out)
}

#[workflow]
async fn by_methods(order: Order, prices: BTreeMap<String, u32>, mut changing: String, key: String) -> Out {
    let mut out = vec![];
    let note = order.note.as_ref();
    let short = order.note.as_deref().unwrap_or("nothing");
    let last = order.lines.last().unwrap();
    let second = order.lines.get(1);
    let price = prices.get(&key);
    let entry = prices.first_key_value();
    out.push(text(short, &[last.quantity]).await?);
    out.push(format!("{note:?}{short}{last:?}{second:?}{price:?}{entry:?}"));
    changing.push(' ');
    let trimmed = changing.trim();
    let bytes = changing.as_bytes();
    out.push(text(trimmed, &[bytes.len() as u32]).await?);
    out.push(format!("{trimmed}{}", bytes.len()));
    changing.push('x');
    let (a, b) = changing.split_at(1);
    out.push(text(a, &[b.len() as u32]).await?);
    out.push(format!("{a}-{b}"));
    let slice = &changing[1..];
    out.push(text(slice, &[]).await?);
    out.push(slice.to_string());
    if let Some((a, b)) = changing.split_once('b') {
        out.push(text(a, &[]).await?);
        out.push(format!("{a}-{b}"));
    }
    Ok(out)
}

#[workflow]
async fn values_by_method(mut stats: Vec<u32>) -> Out {
    let mut out = vec![];
    let first = { stats.first().copied() };
    out.push(double(1).await?.to_string());
    stats[0] = 9;
    out.push(double(2).await?.to_string());
    out.push(format!("{first:?}{stats:?}"));
    Ok(out)
}

#[workflow]
async fn elements(order: Order, sku: String) -> Result<u64, OrderError> {
    let mut order = order;
    let Some(line) = order.lines.iter().find(|l| l.sku == sku) else { return Ok(0) };
    ping(line.quantity).await?;
    text(&line.sku, &[]).await?;
    let most = order.lines.iter().rev().filter(|l| l.quantity > 0).max_by_key(|l| l.quantity);
    ping(most.map_or(0, |l| l.quantity)).await?;
    if let Some(line) = most {
        ping(line.quantity).await?;
        text(&line.sku, &[]).await?;
    }
    order.cents += 1;
    let words = "a=1 b=2".to_owned();
    let first = words.split(' ').next().unwrap_or("-");
    let last = words.split_whitespace().last();
    text(first, &[]).await?;
    text(last.unwrap_or_default(), &[]).await?;
    Ok(order.cents)
}

#[workflow]
async fn values_of_iterators(words: String) -> Result<u32, OrderError> {
    let (Some(last), Some(most)) = (words.chars().last(), words.bytes().max()) else { return Ok(0) };
    ping(u32::from(most)).await?;
    let Some(first) = words.chars().next() else { return Ok(1) };
    ping(u32::from(last)).await?;
    Ok(u32::from(first) + u32::from(last) + u32::from(most))
}

#[workflow]
async fn defaults(settings: String) -> Result<(), OrderError> {
    let other = "none".to_owned();
    for line in settings.lines() {
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let end = value.strip_prefix('x').unwrap_or(&other);
        text(key, &[1]).await?;
        text(value, &[2]).await?;
        text(end, &[3]).await?;
    }
    Ok(())
}

#[test]
fn borrows_are_taken_again() {
    agree(|| elements(order("ok", 3), "s1".into()));
    agree(|| values_of_iterators("ab".into()));
    agree(|| defaults("a=xb\nc\nd=e".into()));
    for i in 0..2 {
        agree(|| of_places(order("ok", 3), i));
        agree(|| mutable_places(order("ok", 3), i));
        agree(|| of_borrows(order("ok", i as u32 * 2)));
    }
    let mut gift = order("ok", 2);
    gift.kind = Kind::Gift("me".into());
    gift.note = None;
    for o in [order("ok", 3), gift] {
        agree(|| by_ref_patterns(o.clone(), ("n".into(), 4)));
        for other in [None, Some("other".to_owned())] {
            agree(|| matched_by_reference(o.clone(), other.clone()));
        }
        for key in ["a", "none"] {
            agree(|| by_methods(o.clone(), [("a".to_owned(), 4)].into(), " abc".into(), key.into()));
        }
    }
    agree(|| values_by_method(vec![1, 2]));
}
