//! What `tests/generated` has found, made small.

#![allow(
    clippy::needless_late_init,
    clippy::match_single_binding,
    clippy::useless_format,
    reason = "what is unusual must compile all the same"
)]

use crate::{agree, shop::*};
use workflow_runtime::prelude::*;

#[workflow]
async fn the_other_branch_is_left(n: u32) -> u32 {
    let held;
    if ping(n).await == Ok(4) {
        held = order("a", n);
    } else {
        return 0;
    }
    ping(held.lines[0].quantity).await.unwrap_or(1) + held.card.0.len() as u32
}

#[workflow]
async fn the_other_branch_of_a_branch_is_left(n: u32) -> Result<u32, Cancelled> {
    let (_, value) = join!(sleep(seconds(1)), async {
        let held;
        if ping(n).await == Ok(4) {
            held = n;
        } else if n > 8 {
            return Ok(8);
        } else {
            return Err(Cancelled);
        }
        sleep(seconds(u64::from(held))).await?;
        Ok::<_, Cancelled>(held)
    });
    value
}

#[workflow]
async fn or_beside_let(n: u32, note: Option<String>) -> u32 {
    if let Some(text) = &note
        && (n > 1 || text.is_empty())
        && (ping(n).await == Ok(4) || n == 0)
    {
        ping(text.len() as u32).await.unwrap_or(0)
    } else {
        ping(7).await.unwrap_or(0)
    }
}

#[workflow]
async fn named_as_the_compiler_names(n: u32) -> Result<u32, OrderError> {
    let mut sum = 0;
    for v2 in 0..n {
        for v3 in 1..=n {
            match Some(v2) {
                v3 => sum += double(v3.unwrap_or(7)).await?,
            }
            sum += v3;
        }
    }
    Ok(sum)
}

#[workflow]
async fn bound_by_a_condition_only(n: Option<u32>, name: String) -> Result<String, OrderError> {
    if double(1).await? == 2 {
        double(2).await?;
    }
    let borrowed = if let Some(name) = n {
        name.to_string()
    } else {
        let kept = &name;
        format!("{kept}!")
    };
    Ok(borrowed)
}

#[workflow]
async fn hidden_and_named_in_text(name: String) -> Result<String, OrderError> {
    let mut out = String::new();
    for round in 0..3 {
        match (round < 2).then(|| format!("{name}{round}")) {
            Some(found) if name == found => unreachable!("{found}"),
            Some(name) if format!("{name:?}").ends_with("1\"") => out += &double(1).await?.to_string(),
            Some(_) => out += &name,
            None => {
                double(2).await?;
                out += &name;
            }
        }
        if let Some(name) = Some(format!("{name}!"))
            && format!("{name}").len() > 1
        {
            out += &double(name.len() as u32).await?.to_string();
        }
    }
    Ok(out + &name)
}

/// It cannot be saved, and need not be.
struct Held(u32);

#[workflow]
async fn used_up_within_the_step(n: u32) -> Result<u32, OrderError> {
    let held;
    if n > 1 {
        held = Held(n);
    } else {
        return Ok(double(n).await?);
    }
    for _ in 0..2 {
        if n == 3 {
            break;
        }
    }
    let n = held.0;
    Ok(double(n).await? + n)
}

#[workflow]
async fn a_condition_hides_what_its_else_reads_a_part_of(pair: (String, u32)) -> Result<u32, OrderError> {
    let n = if let Some(pair) = Some(pair.1).filter(|n| *n > 2) {
        ping(pair).await?
    } else {
        let n: u32 = pair.1;
        n + 1
    };
    Ok(ping(n).await?)
}

#[workflow]
async fn a_borrow_of_a_mutable_borrow(mut order: Order) -> Result<u32, OrderError> {
    let kind = &mut order.kind;
    let seen = &*kind;
    ping(1).await?;
    let before = seen.clone();
    ping(2).await?;
    *kind = Kind::Express { fee: 1, by: String::new() };
    ping(3).await?;
    Ok(u32::from(before != *kind))
}

#[workflow]
async fn a_moving_branch_borrows_what_stays(mut note: String, mut n: u32) -> Result<String, OrderError> {
    let lent = &note;
    let (first, second) = join!(
        async move {
            n += ping(n).await.unwrap_or(1);
            text(lent, &[n]).await
        },
        ping(n)
    );
    n += second?;
    note.push_str(&first?);
    Ok(text(&note, &[n]).await?)
}

#[workflow]
async fn an_alternative_hides_the_lender_of_what_is_matched(mut order: Option<Order>) -> Result<u32, OrderError> {
    let Some(lent) = order.as_ref() else { return Ok(0) };
    match lent.lines.as_slice() {
        [only] => {
            let (a, b) = join!(ping(only.quantity), async { ping(lent.id as u32).await });
            return Ok(a? + b?);
        }
        [order, .., last] => {
            text(&order.sku, &[last.quantity]).await?;
            text(&lent.card.0, &[order.quantity]).await?;
        }
        [] => {}
    }
    ping(1).await?;
    Ok(order.take().map_or(0, |o| o.lines.len() as u32))
}

#[workflow]
async fn ordered(card: String, n: u32) -> Result<Order, OrderError> {
    double(n).await?;
    Ok(order(&card, n % 4))
}

/// A field of an awaited value was read behind the next await, where only the result of that one is.
#[workflow]
async fn a_field_of_what_is_awaited_beside_another_await(first: u32, second: u32) -> Result<String, OrderError> {
    let mut said = text(&ordered("a".into(), first).await?.card.0, &[double(second).await?]).await?;
    if charge(&Card("b".into()), 3).await?.id == u64::from(double(second).await?) {
        said.push_str(&text(&order("c", 1).lines[0].sku, &[ping(second).await?]).await?);
    }
    let replaced = ordered("aba".into(), first).await?.card.0.replace("a", &text("d", &[double(second).await?]).await?);
    Ok(format!("{said} {replaced} {} {}", ordered("e".into(), second).await?.card.0, ping(first).await?))
}

#[workflow]
async fn a_part_of_a_chain_hides_what_it_reads(order: Order, found: Option<u32>) -> Result<u32, OrderError> {
    let mut n = 0;
    while n < 3 {
        if let None = found
            && let order = order.lines.clone()
        {
            n += ping(order.len() as u32).await?;
        }
        if let Some(n) = found
            && let Some(order) = order.note.clone()
            && let order = (order, n)
            && order.1 > 1
        {
            text(&order.0, &[order.1]).await?;
        }
        n += 1;
    }
    Ok(order.cents as u32)
}

#[workflow]
async fn a_pattern_hides_its_lender_and_binds_more(words: Vec<String>, name: String) -> Result<String, OrderError> {
    let mut all = String::new();
    for (n, words) in (0..9u32).zip(words.iter()) {
        ping(n).await?;
        all += words;
    }
    for (words, n) in words.iter().zip(3..9u32) {
        ping(n).await?;
        text(words, &[n]).await?;
        all += words;
    }
    let (name, n) = (name.trim(), name.len() as u32);
    ping(n).await?;
    all += name;
    let Some((name, end)) = name.split_once('-') else {
        ping(n).await?;
        return Ok(all);
    };
    ping(end.len() as u32).await?;
    text(name, &[n]).await?;
    Ok(all + name + end)
}

#[workflow]
async fn branches_within_a_branch_need_other_parts(order: Order) -> Result<u32, OrderError> {
    let id = order.id as u32;
    let name = order.note;
    ping(id).await?;
    let (first, second) = join!(
        async {
            let n = select! {
                _ = sleep(seconds(3)) => 1,
                Ok(n) = async {
                    if let Kind::Gift(to) = &order.kind { double(to.len() as u32 + id).await } else { double(id).await }
                } => n,
            };
            Ok::<u32, OrderError>(n)
        },
        sleep(seconds(2))
    );
    second?;
    text(&name.unwrap_or_default(), &[]).await?;
    Ok(first? + order.lines.len() as u32)
}

#[workflow]
async fn a_part_moves_out_within_a_branch_of_a_race(order: Order, moves: bool) -> Result<u32, OrderError> {
    let mut lines = 0;
    for _ in 0..2u32 {
        let order = order.clone();
        lines += select! {
            n = async move {
                if moves {
                    text(&order.note.unwrap_or_default(), &[1]).await?;
                }
                ping(order.id as u32).await?;
                Ok::<u32, OrderError>(order.lines.len() as u32)
            } => n?,
            slept = sleep(seconds(2)) => {
                slept?;
                7
            }
        };
    }
    Ok(lines)
}

#[workflow]
async fn values_without_a_name(name: String, n: u32) -> Result<u32, OrderError> {
    let sum = match (name.clone() + "-" + &name).as_str() {
        "a-a" if ping(n).await? > 2 => 1,
        "a-a" | "b-b" => 2,
        _ => 3,
    };
    let sum = sum
        + match &*text(&name, &[n]).await? {
            "a[2]" if ping(n).await? > 2 => 4,
            other => ping(other.len() as u32).await?,
        };
    match if n > 2 { name.clone() } else { String::from("less") }.as_str() {
        "less" => ping(1).await?,
        other => text(other, &[]).await?.len() as u32,
    };
    if let Some(first) = { name.clone() }.strip_prefix("a") {
        ping(first.len() as u32).await?;
        text(first, &[sum]).await?;
    }
    let mut numbers = [1, 2, 3];
    numbers[(ping(double(n).await?).await.unwrap_or(ping(0).await?) % 3) as usize] ^= double(n).await?;
    Ok(sum + numbers[0] + numbers[1] + numbers[2])
}

#[workflow]
async fn a_nested_branch_has_a_name_of_its_own(mut name: String, n: u32) -> Result<String, OrderError> {
    let (first, second) = join!(
        async move {
            let (a, b) = try_join!(
                async {
                    let mut name = String::from("own");
                    name += &text(&name, &[n]).await?;
                    Ok::<String, OrderError>(name)
                },
                async {
                    let name = select! {
                        name = ping(n) => name?,
                        _ = sleep(seconds(9)) => 3,
                    };
                    Ok(name)
                }
            )?;
            Ok::<String, OrderError>(format!("{a} {b}"))
        },
        ping(1)
    );
    name += &first?;
    second?;
    Ok(name)
}

#[workflow]
async fn assigned_where_another_branch_has_used_it_up(mut name: String, n: u32) -> Result<String, OrderError> {
    let said = select! {
        said = async move {
            select! {
                Ok(n) = async { if ping(n).await? > 3 { ping(n).await } else { ping(1).await } }, if n > 0 => {
                    name = format!("given {n}");
                    text(&name, &[n]).await.map_err(OrderError::from)
                }
                said = async {
                    let said = text(&name, &[2]).await?;
                    drop(name);
                    sleep(seconds(u64::from(n))).await?;
                    Ok::<String, OrderError>(said)
                } => said,
            }
        } => said?,
        slept = sleep(days(1)), if n == 7 => {
            slept?;
            String::new()
        }
    };
    Ok(said)
}

#[workflow]
async fn a_label_on_both_sides(mut counts: Vec<u32>, mut words: Vec<String>) -> Result<u32, OrderError> {
    counts[ping(0).label("place").await? as usize % 2] += ping(1).label("value").await?;
    words[ping(1).label("word").await? as usize % 2] += &text("a", &[1]).label("text").await?;
    ping(counts[0] + counts[1]).await?;
    Ok(words.len() as u32)
}

#[test]
fn what_was_found() {
    for n in 0..4 {
        agree(|| the_other_branch_is_left(n));
        agree(|| used_up_within_the_step(n));
        agree(|| a_condition_hides_what_its_else_reads_a_part_of(("a".into(), n)));
        agree(|| an_alternative_hides_the_lender_of_what_is_matched(Some(order("a", n))));
        agree(|| the_other_branch_of_a_branch_is_left(n));
        agree(|| or_beside_let(n, Some("a".into())));
        agree(|| a_field_of_what_is_awaited_beside_another_await(n, 2));
    }
    for (first, second) in [(2_000, 1), (1, 2_000), (2_000, 2_000)] {
        agree(|| a_field_of_what_is_awaited_beside_another_await(first, second));
    }
    agree(|| the_other_branch_of_a_branch_is_left(9));
    agree(|| or_beside_let(0, Some(String::new())));
    agree(|| or_beside_let(2, None));
    agree(|| hidden_and_named_in_text("n".into()));
    agree(|| named_as_the_compiler_names(2));
    agree(|| bound_by_a_condition_only(None, "n".into()));
    agree(|| bound_by_a_condition_only(Some(1), "n".into()));
    agree(|| a_borrow_of_a_mutable_borrow(order("a", 1)));
    agree(|| a_moving_branch_borrows_what_stays("note".into(), 3));
    for found in [None, Some(2)] {
        agree(|| a_part_of_a_chain_hides_what_it_reads(Order { note: Some("n".into()), ..order("a", 1) }, found));
    }
    for name in [" a ", " a-b "] {
        agree(|| a_pattern_hides_its_lender_and_binds_more(vec!["c".into(), "d".into()], name.into()));
    }
    for kind in [Kind::Gift("g".into()), Kind::Normal] {
        agree(|| branches_within_a_branch_need_other_parts(Order { kind: kind.clone(), ..order("a", 2) }));
    }
    for moves in [true, false] {
        agree(|| a_part_moves_out_within_a_branch_of_a_race(order("a", 3), moves));
    }
    for n in 1..4 {
        agree(|| values_without_a_name("a".into(), n));
        agree(|| values_without_a_name("b".into(), n));
    }
    for n in 0..9 {
        agree(|| a_nested_branch_has_a_name_of_its_own("n".into(), n));
        agree(|| assigned_where_another_branch_has_used_it_up("n".into(), n));
    }
    agree(|| a_label_on_both_sides(vec![1, 2], vec!["a".into(), "b".into()]));
}
