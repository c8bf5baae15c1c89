//! Awaits anywhere in an expression, in Rust's order of evaluation.

use crate::{agree, shop::*};
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

fn add(a: u32, b: u32, c: u32) -> u32 {
    a * 100 + b * 10 + c
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair {
    left: u32,
    right: u32,
    name: String,
}

#[workflow]
async fn arguments(n: u32) -> Result<u32, OrderError> {
    Ok(add(n, double(n).await?, double(n + 1).await?) + double(double(n).await?).await?)
}

#[workflow]
async fn order_of_evaluation(start: u32) -> Result<String, OrderError> {
    let mut n = start;
    let mut step = || {
        n += 1;
        n
    };
    let a = step();
    let b = step();
    let mut x = a;
    let sum =
        x + {
            x += 10;
            double(b).await?
        } + x;
    Ok(format!("{sum} {x}"))
}

#[workflow]
async fn receivers(n: u32) -> Result<String, OrderError> {
    let mut list = vec![n];
    list.push(double(n).await?);
    let total: u32 = vec![double(1).await?, n].into_iter().chain([ping(2).await?]).sum();
    let shout = text("a", &list).await?.to_uppercase();
    let len = format!("{n}").repeat(double(1).await? as usize).len();
    Ok(format!("{list:?} {total} {shout} {len}"))
}

#[workflow]
async fn operators(n: u32) -> Result<String, OrderError> {
    let sum = double(n).await? + double(n + 1).await? * 2 - ping(1).await?;
    let both = double(n).await? > 3 && double(n).await? < 9;
    let either = n == 1 || double(n).await? == 6;
    let not = !(double(n).await? == 2);
    let cast = double(n).await? as u64;
    let negative = -(double(n).await? as i64);
    Ok(format!("{sum} {both} {either} {not} {cast} {negative}"))
}

#[workflow]
async fn literals(n: u32) -> Result<(Pair, (u32, u32), [u32; 3]), OrderError> {
    let name = String::from("p");
    let pair = Pair { right: double(n).await?, left: n + double(1).await?, name };
    let tuple = (n, double(n).await?);
    let array = [double(1).await?, n, double(2).await?];
    let copy = Pair { left: double(4).await?, ..pair.clone() };
    Ok((copy, (tuple.1, pair.left), array))
}

#[workflow]
async fn assignments(n: u32) -> Result<Pair, OrderError> {
    let mut pair = Pair { left: 0, right: 1, name: String::new() };
    let mut list = vec![1, 2, 3];
    pair.left = double(n).await?;
    pair.right += double(n).await?;
    list[1] = double(5).await?;
    list[(n as usize) % 3] += double(6).await?;
    pair.name = format!("{list:?}");
    let mut total = 1;
    total *= double(3).await?;
    pair.right -= total.min(pair.right);
    Ok(pair)
}

#[workflow]
async fn index_and_reference(n: u32) -> Result<u32, OrderError> {
    let list = [10, 20, 30];
    let at = list[double(n).await? as usize % 3];
    let borrowed = text("r", &[double(1).await?]).await?;
    Ok(at + borrowed.len() as u32)
}

#[workflow]
async fn blocks_as_values(n: u32) -> Result<u32, OrderError> {
    let x = {
        let a = double(n).await?;
        let b = a + 1;
        sleep(seconds(1)).await?;
        a * b
    };
    let y = if x > 20 {
        let d = double(2).await?;
        d + x
    } else {
        x
    };
    let z = match y % 3 {
        0 => double(1).await?,
        1 => 7,
        _ => {
            sleep(seconds(2)).await?;
            9
        }
    };
    Ok(x + y + z)
}

#[workflow]
async fn closures(n: u32) -> Result<u32, OrderError> {
    let list = vec![1, 2, n];
    let sum: u32 = list.iter().map(|x| x * 2).sum();
    let d = double(sum).await?;
    let bigger = list.iter().filter(|x| **x < d).count() as u32;
    let e = double(bigger).await?;
    let add = |x: u32| x + e;
    Ok(add(d))
}

#[workflow]
async fn tail_call(n: u32) -> Result<u32, ActivityError<String>> {
    double(n).await
}

#[workflow]
async fn result_handled(n: u32) -> Result<String, OrderError> {
    let shown = match double(n).await {
        Ok(d) => format!("ok {d}"),
        Err(ActivityError::Failed(why)) => {
            double(1).await?;
            why
        }
        Err(other) => other.to_string(),
    };
    let mapped = double(n).await.map(|d| d + 1).unwrap_or(0);
    let panicked = fails_with_panic(n.min(12)).await.is_err();
    Ok(format!("{shown} {mapped} {panicked}"))
}

#[workflow]
async fn time_and_randomness(n: u32) -> Result<String, OrderError> {
    let begun = now();
    let id = uuid();
    let draw: u64 = random();
    sleep(seconds(n as u64)).await?;
    let again: u64 = random();
    Ok(format!("{} {id} {draw} {again} {}", now().as_second() - begun.as_second(), workflow_id()))
}

#[test]
fn expressions() {
    for n in [1, 2, 3, 400] {
        agree(|| arguments(n));
        agree(|| operators(n));
    }
    agree(|| order_of_evaluation(4));
    agree(|| receivers(2));
    agree(|| literals(3));
    for n in [0, 1, 2] {
        agree(|| assignments(n));
        agree(|| index_and_reference(n));
        agree(|| blocks_as_values(n));
        agree(|| closures(n));
    }
    agree(|| tail_call(4));
    agree(|| tail_call(4_000));
    agree(|| result_handled(4));
    agree(|| result_handled(4_000));
    agree(|| time_and_randomness(5));
}
