//! Borrows and what they borrow from under names that later variables hide.

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn a_value_hides_a_borrow(to: Vec<(String, u32)>) -> Result<u32, OrderError> {
    let mut sum = 0;
    for (name, cents) in &to {
        let cents = if name.len() == 1 { *cents } else { ping(1).await? };
        sum += text(name, &[cents]).await?.len() as u32 + ping(cents).await?;
    }
    Ok(sum)
}
#[workflow]
async fn tuples_of_values_and_borrows(order: Order) -> Result<u32, OrderError> {
    match (order.id, &order.note) {
        (7, Some(name)) => {
            text(name, &[1]).await?;
            text(name, &[2]).await?;
        }
        (_, None) => {
            ping(1).await?;
        }
        _ => {}
    }
    if let (Some(a), Kind::Gift(b)) = (&order.note, &order.kind) {
        text(a, &[]).await?;
        text(b, &[]).await?;
        text(a, &[]).await?;
    }
    Ok(1)
}
#[workflow]
async fn a_borrow_hides_its_lender(v: Vec<u32>) -> Result<u32, OrderError> {
    let v = &v;
    ping(1).await?;
    let n = v.len() as u32;
    ping(n).await?;
    let v = v.as_slice();
    ping(v[0]).await?;
    ping(v[0]).await?;
    let first = &v[0];
    let v = 5;
    ping(v).await?;
    ping(*first + v).await?;
    Ok(n)
}
#[workflow]
async fn a_value_hides_a_lender(order: Order) -> Result<u32, OrderError> {
    let line = &order.lines[0];
    ping(1).await?;
    if let Some(order) = &order.note {
        text(order, &[line.quantity]).await?;
        text(order, &[line.quantity]).await?;
    }
    let order = 5;
    text(&line.sku, &[order]).await?;
    text(&line.sku, &[order]).await?;
    Ok(1)
}
#[workflow]
async fn a_guard_on_a_tuple(order: Order, n: u32) -> Result<String, OrderError> {
    let name = format!("n{n}");
    let said = match (name, &order.note) {
        (name, Some(note)) if ping(name.len() as u32).await? == 4 && text(note, &[1]).await?.len() > 4 => {
            text(note, &[2]).await?;
            name + note
        }
        (name, note) => {
            ping(n).await?;
            format!("{name}{}", note.is_some())
        }
    };
    Ok(said)
}

#[workflow]
async fn a_lender_is_hidden_twice(mut words: Vec<String>, n: u32) -> Result<String, OrderError> {
    let lent = &mut words;
    lent.push(ping(n).await?.to_string());
    let words = n.checked_mul(3);
    let words = text(&lent.concat(), &[words.unwrap_or(0)]).await?;
    let len = ping(lent.len() as u32).await?;
    text(&words, &[len]).await?;
    Ok(words)
}
#[workflow]
async fn a_branch_hides_a_lender_twice(mut words: Vec<String>, n: u32) -> Result<String, OrderError> {
    let lent = &mut words;
    let (a, b) = join!(
        async {
            let words: Option<u32> = Some(n);
            let mut words = (ping(n).await? % 7, words.is_some());
            if ping(lent.len() as u32).await? > 3 {
                words.0 += 1;
            }
            text("of the branch", &[words.0]).await
        },
        ping(n)
    );
    text(&a?, &[b?]).await?;
    Ok(text("last", &[n]).await?)
}

#[test]
fn hidden() {
    agree(|| a_lender_is_hidden_twice(vec!["a".into()], 2));
    agree(|| a_branch_hides_a_lender_twice(vec!["a".into()], 2));
    agree(|| a_value_hides_a_borrow(vec![("a".into(), 1), ("bb".into(), 2)]));
    agree(|| a_borrow_hides_its_lender(vec![3, 4]));
    for n in 1..3 {
        let full = |n| Order { note: Some("x".into()), kind: Kind::Gift("g".into()), ..order("a", n) };
        agree(|| tuples_of_values_and_borrows(order("a", n)));
        agree(|| tuples_of_values_and_borrows(full(n)));
        agree(|| a_value_hides_a_lender(full(n)));
        agree(|| a_guard_on_a_tuple(full(n), n));
        agree(|| a_guard_on_a_tuple(Order { note: None, ..full(n) }, n * 10));
    }
}
