//! Where scopes, moves, borrows and awaits meet.

use crate::{agree, shop::*};
use std::{collections::BTreeMap, fmt::Write as _};
use workflow_runtime::prelude::*;

#[workflow]
async fn assigned_later(n: u32) -> Result<String, OrderError> {
    let word;
    let count: u32;
    if n > 1 {
        word = format!("many{}", double(n).await?);
        count = 2;
    } else {
        word = String::from("few");
        count = double(1).await?;
    }
    let mut held = String::new();
    for i in 0..count {
        double(i).await?;
        held = format!("{held}{i}");
    }
    sleep(seconds(1)).await?;
    let replaced = std::mem::take(&mut held);
    held = double(2).await?.to_string();
    Ok(word + &held + &replaced)
}

#[workflow]
async fn hidden_by_patterns(n: u32, note: Option<String>) -> Result<String, OrderError> {
    let text = String::from("outer");
    if let Some(text) = note.clone() {
        double(text.len() as u32).await?;
        let inner = text + "?";
        double(inner.len() as u32).await?;
    }
    let found = match note {
        Some(text) if text.len() > 2 => text + &double(n).await?.to_string(),
        Some(mut text) => {
            text.push('.');
            double(n).await?;
            text
        }
        None => String::new(),
    };
    let Some(n) = Some(n + 1) else { return Ok(text) };
    while let Some(n) = (double(n).await? > 1_000).then_some(n) {
        double(n).await?;
    }
    Ok(format!("{text}{found}{n}"))
}

#[workflow]
async fn lent_by_patterns(order: Order) -> Result<String, OrderError> {
    let mut out = String::new();
    if let Some(note) = &order.note {
        let d = double(note.len() as u32).await?;
        out.push_str(&format!("{note}{d}"));
    }
    match &order.kind {
        Kind::Normal => {}
        Kind::Express { fee, by } => {
            sleep(seconds(*fee)).await?;
            out.push_str(by);
            double(1).await?;
            out.push_str(by);
        }
        Kind::Gift(to) => {
            double(2).await?;
            out.push_str(to);
        }
    }
    let lines = &order.lines;
    let first = lines.len();
    double(first as u32).await?;
    let name = order.card.0.as_str();
    double(lines.len() as u32).await?;
    let Some(note) = order.note.as_deref() else {
        return Ok(out + name);
    };
    ping(3).await.ok();
    Ok(out + note + name)
}

#[workflow]
async fn lent_mutably(mut order: Order) -> Result<Order, OrderError> {
    if let Some(note) = &mut order.note {
        note.push_str(&double(1).await?.to_string());
        sleep(seconds(1)).await?;
        note.push('!');
    }
    let lines = &mut order.lines;
    lines.push(Line { sku: "new".into(), quantity: double(4).await? });
    lines.retain(|l| l.quantity != 2);
    let d = double(lines.len() as u32).await?;
    lines[0].quantity = d;
    order.cents += u64::from(double(7).await?);
    order.lines[double(0).await? as usize].quantity += double(9).await?;
    Ok(order)
}

#[workflow]
async fn loops_with_values(n: u32) -> Result<String, OrderError> {
    let mut i = 0;
    let found = loop {
        i += 1;
        if double(i).await? > n {
            break i;
        }
        if i > 20 {
            return Err(OrderError::Empty);
        }
    };
    let block = 'a: {
        if found == 1 {
            break 'a "one".to_string();
        }
        let d = double(found).await?;
        if d > 6 {
            break 'a format!("big{d}");
        }
        d.to_string()
    };
    let pair = 'outer: loop {
        let mut j = 0;
        while j < 5 && double(j).await? < 6 {
            j += 1;
            if j == found {
                break 'outer (j, ping(j).await.unwrap_or(0));
            }
        }
        break (0, 0);
    };
    Ok(format!("{found} {block} {pair:?}"))
}

#[workflow]
async fn chains(n: u32, note: Option<String>) -> Result<u32, OrderError> {
    if n > 0
        && let Some(text) = note.as_deref()
        && let Ok(d) = double(n).await
        && d > text.len() as u32
    {
        return Ok(d + double(text.len() as u32).await?);
    } else if let Err(e) = double(n + 999).await {
        double(e.to_string().len() as u32).await?;
    }
    let either = (n > 1 || double(n).await? == 2) && !(n == 3 && double(n).await? == 6);
    Ok(u32::from(either))
}

#[workflow]
async fn macros_everywhere(n: u32) -> Result<String, OrderError> {
    let width = 6;
    let mut out = String::new();
    write!(out, "{:>width$}|{}", double(n).await?, double(2).await?).ok();
    let list = vec![double(1).await?, n, double(2).await?];
    let same = vec![double(3).await?; 2];
    assert_eq!(double(1).await?, 2, "{list:?}");
    assert!(double(n).await? >= n, "n is {n}");
    let matched = matches!(double(n).await, Ok(d) if d > 3);
    sleep(seconds(1)).await?;
    let shown = format!("{out:?} {list:?} {same:?} {matched} {0:>1$} {x}", n, width, x = double(5).await?);
    Ok(shown)
}

#[workflow]
async fn items_inside(n: u32) -> Result<u32, OrderError> {
    use std::cmp::max;
    const LIMIT: u32 = 5;
    fn clamp(n: u32) -> u32 {
        max(n, LIMIT)
    }
    struct Pair {
        a: u32,
        b: u32,
    }
    let d = double(clamp(n)).await?;
    let p = Pair { a: d, b: LIMIT };
    let Pair { a, b } = p;
    double(a).await?;
    Ok(a + b)
}

#[workflow]
async fn nothing() {
    ping(1).await.ok();
}

#[workflow]
async fn maybe(n: u32) -> Option<u32> {
    let a = double(n).await.ok()?;
    let b = a.checked_sub(4)?;
    double(b).await.ok()
}

#[workflow]
async fn plain_text(mut n: u32) -> String {
    loop {
        n = match double(n).await {
            Ok(d) => d,
            Err(ActivityError::Failed(e)) => return e,
            Err(_) => continue,
        };
    }
}

#[workflow]
async fn moves_in_a_loop(orders: Vec<Order>) -> Result<Vec<String>, OrderError> {
    let mut out = vec![];
    let mut last = None;
    for order in orders {
        let Some(note) = order.note else { continue };
        double(order.id as u32).await?;
        let card = order.card;
        last = Some(card.clone());
        let lines = order.lines;
        reserve(&note, lines.len() as u32).await?;
        out.push(format!("{note}{}{}", card.0, order.cents));
    }
    out.extend(last.map(|c| c.0));
    Ok(out)
}

#[workflow]
async fn closures_capture(n: u32) -> Result<u32, OrderError> {
    let base = double(n).await?;
    let mut seen = vec![];
    let next = double(base).await?;
    let mut note = |x: u32| seen.push(x + base);
    note(next);
    note(1);
    sleep(seconds(1)).await?;
    let total: u32 = seen.iter().map(|s| s + next).sum();
    let f = |s: &str| -> Result<u32, std::num::ParseIntError> { s.parse() };
    Ok(total + f("4").unwrap_or(0))
}

#[workflow]
async fn maps(mut prices: BTreeMap<String, u32>) -> Result<BTreeMap<String, u32>, OrderError> {
    for (name, price) in &mut prices {
        *price += double(name.len() as u32).await?;
        sleep(seconds(1)).await?;
        *price += 1;
    }
    for (i, c) in ["a", "b"].into_iter().map(String::from).collect::<Vec<_>>().iter().enumerate() {
        *prices.entry(c.clone()).or_default() += double(i as u32).await?;
    }
    let table = [[1, 2], [3, 4]];
    for row in &table {
        for n in row {
            double(*n).await?;
        }
    }
    for row in &table {
        for (i, n) in row.iter().enumerate() {
            double(*n + i as u32).await?;
        }
    }
    loop {
        {
            fn stop(n: usize) -> bool {
                n > 0
            }
            if stop(table.len()) {
                break;
            }
        }
    }
    let floor = 2;
    for i in (floor..).take(3).collect::<Vec<u32>>() {
        double(i).await?;
    }
    Ok(prices)
}

#[workflow]
async fn early_exits(n: u32) -> Result<u32, OrderError> {
    if n == 0 {
        return Err(OrderError::Empty);
    }
    let d = if n == 1 { return Ok(double(1).await?) } else { double(n).await? };
    let checked = match d {
        4 => return Ok(4),
        6 => Err(OrderError::Stopped(6))?,
        d => d,
    };
    for i in 0..3 {
        if i == checked {
            return Ok(i);
        }
        if double(i).await? == 4 && n == 4 {
            Err(OrderError::Stopped(i))?;
        }
    }
    double(checked).await.map_err(|_| OrderError::Stopped(7))
}

#[workflow]
async fn names_of_ours(cx: u32, what: u32, value: u32) -> Result<String, OrderError> {
    let t0 = double(cx).await?;
    let r#type = double(what).await?;
    let operation = double(double(value).await?).await?;
    fn done(n: u32) -> u32 {
        n + 1
    }
    let go = done(t0);
    sleep(seconds(1)).await?;
    let s_go = go + done(r#type);
    let s_go_1 = s_go;
    double(s_go_1).await?;
    Ok(format!("{cx} {what} {t0} {type} {operation} {go} {s_go} {s_go_1}"))
}

#[workflow]
async fn lent_by_methods(order: Order, prices: BTreeMap<String, u32>) -> Result<String, OrderError> {
    let key = order.card.0.clone();
    let price = prices.get(&key);
    double(1).await?;
    let first = order.lines.first();
    let text: &str = &key;
    double(2).await?;
    if let Some(line) = order.lines.get(1) {
        double(line.quantity).await?;
        sleep(seconds(1)).await?;
        return Ok(format!("{} {first:?} {price:?} {text}", line.sku));
    }
    Ok(format!("{first:?} {price:?} {text}"))
}

#[workflow]
async fn same_name(order: Order, note: Option<String>) -> Result<String, OrderError> {
    if let Some(note) = &note {
        double(note.len() as u32).await?;
    }
    let kind = order.kind.clone();
    match &kind {
        Kind::Gift(kind) => {
            double(kind.len() as u32).await?;
        }
        Kind::Express { by, .. } => {
            double(by.len() as u32).await?;
        }
        Kind::Normal => {
            let kind = format!("{kind:?}");
            double(kind.len() as u32).await?;
        }
    }
    Ok(format!("{note:?} {kind:?}"))
}
#[test]
fn edges() {
    for n in [0, 1, 2, 3] {
        agree(|| assigned_later(n));
        for note in [None, Some("a"), Some("long")] {
            agree(|| hidden_by_patterns(n, note.map(String::from)));
            agree(|| chains(n, note.map(String::from)));
        }
        agree(|| loops_with_values(n * 2));
        agree(|| macros_everywhere(n));
        agree(|| items_inside(n));
        agree(|| maybe(n));
        agree(|| plain_text(n + 1));
        agree(|| closures_capture(n));
    }
    for n in 1..7 {
        agree(|| early_exits(n));
    }
    agree(nothing);
    agree(|| names_of_ours(1, 2, 3));
    for lines in 0..3 {
        let prices = || BTreeMap::from([("ok".to_string(), 5)]);
        agree(|| lent_by_methods(order("ok", lines), prices()));
    }
    agree(|| maps([("a".to_string(), 4), ("bb".to_string(), 5)].into()));
}

#[test]
fn borrows_and_moves() {
    let gift = Order { kind: Kind::Gift("you".into()), note: None, ..order("ok", 1) };
    for order in [order("ok", 3), gift, Order { kind: Kind::Normal, ..order("ok", 2) }] {
        agree(|| lent_by_patterns(order.clone()));
        agree(|| lent_mutably(order.clone()));
        agree(|| moves_in_a_loop(vec![order.clone(), order.clone(), crate::shop::order("x", 1)]));
    }
}

#[test]
fn patterns_that_hide_what_they_borrow() {
    for kind in [Kind::Normal, Kind::Gift("x".into()), Kind::Express { fee: 1, by: "air".into() }] {
        for note in [None, Some("a".to_string())] {
            agree(|| same_name(Order { kind: kind.clone(), ..order("ok", 1) }, note.clone()));
        }
    }
}
