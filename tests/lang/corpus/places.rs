//! Initialisation, assignment, moves.

use super::Case;
use crate::shop::*;
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[workflow]
async fn deferred_initialisation(n: u32) -> Result<u32, OrderError> {
    let x;
    let s: String;
    if n > 1 {
        x = ping(n).await?;
        s = "a".into();
    } else {
        x = 3;
        s = ping(4).await?.to_string();
    }
    Ok(ping(x).await? + s.len() as u32)
}

#[derive(Serialize, Deserialize)]
struct Total {
    sum: u32,
    parts: Vec<u32>,
}

#[workflow]
async fn assignment_to_places(n: u32) -> Result<u32, OrderError> {
    let mut total = Total { sum: n, parts: vec![1, 2, 3] };
    total.sum = ping(n).await?;
    total.parts[ping(0).await? as usize] = ping(5).await?;
    let mut pair = (1, 2);
    pair.1 = ping(pair.0).await?;
    Ok(total.sum + total.parts.iter().sum::<u32>() + pair.1)
}

#[workflow]
async fn compound_assignment(n: u32) -> Result<u32, OrderError> {
    let mut total = Total { sum: n, parts: vec![1, 2, 3] };
    total.sum += ping(n).await?;
    total.parts[1] *= ping(n).await?;
    total.parts[ping(1).await? as usize] -= 1;
    let mut all = String::new();
    all += &text("a", &[n]).await?;
    Ok(total.sum + total.parts.iter().sum::<u32>() + all.len() as u32)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sum(u32);

impl std::ops::AddAssign<u32> for Sum {
    fn add_assign(&mut self, n: u32) {
        self.0 += n;
    }
}

/// Of primitive types the value is evaluated first, of others the place.
#[workflow]
async fn compound_assignment_awaits_twice(n: u32) -> Result<u32, OrderError> {
    let mut numbers = vec![1, 2, 3, 4];
    numbers[ping(0).await? as usize] += double(n).await?;
    numbers[double(1).await? as usize] -= ping(0).await?;
    let mut sums = vec![Sum(1), Sum(2), Sum(3)];
    sums[ping(1).await? as usize] += double(n).await?;
    let mut texts = vec![String::new(), String::new()];
    texts[ping(0).await? as usize] += &text("a", &[double(n).await?]).await?;
    let seen = text(&texts[ping(0).await? as usize], &[double(n).await?]).await?;
    Ok(numbers.iter().sum::<u32>() + sums[2].0 + texts[0].len() as u32 + seen.len() as u32)
}

#[workflow]
async fn order_of_evaluation_in_places(n: u32) -> Result<String, OrderError> {
    let mut x = n;
    let mut next = || {
        x += 1;
        x
    };
    let (a, b) = (next(), next());
    let t = (ping(a).await?, b, ping(b).await?);
    let mut y = n;
    let u = [
        y,
        {
            y += ping(1).await?;
            y
        },
        y,
    ];
    let v = text(
        &y.to_string(),
        &[
            y,
            {
                y = ping(y).await?;
                y
            },
            y,
        ],
    )
    .await?;
    Ok(format!("{t:?}{u:?}{v:?}"))
}

#[workflow]
async fn whole_move(s: String) -> Result<String, OrderError> {
    ping(1).await?;
    let t = s;
    ping(2).await?;
    Ok(t)
}

#[workflow]
async fn partial_move(order: Order) -> Result<u32, OrderError> {
    let paid = charge(&{ order.card }, 5).await?;
    let lines = order.lines;
    for line in lines {
        reserve(&line.sku, line.quantity).await?;
    }
    Ok(paid.id as u32 + text(&order.note.unwrap_or_default(), &[]).await?.len() as u32)
}

#[workflow]
async fn conditional_move(s: String, c: bool) -> Result<u32, OrderError> {
    let n = if c {
        drop(s);
        ping(1).await?
    } else {
        ping(2).await?;
        s.len() as u32
    };
    Ok(ping(n).await?)
}

#[workflow]
async fn move_in_a_loop(s: String) -> Result<String, OrderError> {
    let mut s = s;
    for i in 0..2 {
        let longer = text(&s, &[i]).await?;
        drop(s);
        ping(i).await?;
        s = longer;
    }
    Ok(s)
}

#[workflow]
async fn initialised_again(s: String) -> Result<String, OrderError> {
    let mut s = s;
    let t = s;
    ping(t.len() as u32).await?;
    s = t + "x";
    ping(1).await?;
    Ok(s)
}

#[workflow]
async fn only_what_is_live_is_saved(n: u32) -> Result<u32, OrderError> {
    let big = vec![n; 100];
    let len = big.len() as u32;
    let first = double(len).await?;
    let later = first + 1;
    let second = double(later).await?;
    Ok(second + len)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(deferred_initialisation(1), deferred_initialisation(2)),
        case!(assignment_to_places(3)),
        case!(compound_assignment(3)),
        case!(compound_assignment_awaits_twice(3), compound_assignment_awaits_twice(2_000)),
        case!(order_of_evaluation_in_places(3)),
        case!(whole_move("a".into())),
        case!(partial_move(order("c", 2))),
        case!(conditional_move("abc".into(), true), conditional_move("abc".into(), false)),
        case!(move_in_a_loop("a".into())),
        case!(initialised_again("a".into())),
        case!(only_what_is_live_is_saved(3)),
    ]
}
