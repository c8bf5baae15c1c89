//! Mistakes that are warnings.
#![warn(clippy::pedantic, unused_qualifications, unused_results, let_underscore_drop, single_use_lifetimes)]

use shop::*;
use std::collections::BTreeMap;

#[workflow]
pub async fn unused_variable(n: u32) -> Result<u32, OrderError> {
    let lost = ping(n).await?;
    let before = n + 1;
    let kept = ping(n).await?;
    let after = kept + 1;
    Ok(kept)
}

#[workflow]
pub async fn unused_argument(n: u32, order: Order) -> Result<u32, OrderError> {
    Ok(ping(1).await?)
}

#[workflow]
pub async fn unused_mut(mut n: u32) -> Result<u32, OrderError> {
    let mut kept = ping(n).await?;
    let mut list = vec![kept];
    ping(n).await?;
    list.push(1);
    let mut never = list.len();
    Ok(kept)
}

#[workflow]
pub async fn unused_assignment(n: u32) -> Result<u32, OrderError> {
    let mut a = 1;
    a = ping(n).await?;
    let mut b = 2;
    ping(b).await?;
    b = 3;
    for i in 0..n {
        b = i;
        ping(i).await?;
    }
    let mut c;
    c = ping(a).await?;
    c = 4;
    Ok(c)
}

#[workflow]
pub async fn unused_results(n: u32) -> Result<(), OrderError> {
    ping(n).await;
    reserve("a", n).await;
    charge(&Card(String::new()), 1).await?;
    n + 1;
    //~ other(unused_must_use): the call is no future in a workflow
    ping(n);
    let _ = sleep(days(1)).await;
    vec![1].iter().map(|x| x + 1);
    let _ = String::new();
    Ok(())
}

#[workflow]
pub async fn unreachable_code(n: u32) -> Result<u32, OrderError> {
    if n == 1 {
        return Ok(1);
        ping(n).await?;
    }
    if n == 2 {
        panic!("two");
        let x = ping(n).await?;
    }
    loop {
        ping(n).await?;
    }
    Ok(n)
}

#[workflow]
pub async fn unused_syntax(n: u32) -> Result<u32, OrderError> {
    use std::collections::BTreeSet;
    let a = (n + 1);
    if (a > 2) {
        ping((a)).await?;
    }
    let b = { ping(a).await? };
    'outer: for i in (0..b) {
        ping(i).await?;
    }
    while ({ b > 1 }) {
        ping(b).await?;
    }
    Ok(std::cmp::min(b, a))
}

#[workflow]
//~ plain(dead_code): a registered function is used
async fn never_called(n: u32) -> Result<u32, OrderError> {
    Ok(ping(n).await?)
}

#[workflow]
pub async fn items(n: u32) -> Result<u32, OrderError> {
    fn never() {}
    const NEVER: u32 = 1;
    struct Never;
    let a = ping(n).await?;
    fn used(n: u32) -> u32 {
        let unused = 1;
        n
    }
    Ok(used(a))
}

#[workflow]
pub async fn deprecated_call(n: u32) -> Result<u32, OrderError> {
    let a = old_ping(n).await?;
    Ok(old_ping(a).await?)
}

#[workflow]
pub async fn shadowing(n: u32) -> Result<u32, OrderError> {
    let x = ping(n).await?;
    let x = ping(x).await?;
    let x = x;
    Ok(x)
}

#[workflow]
pub async fn style(order: Order) -> Result<u64, OrderError> {
    let mut total = 0;
    for line in order.lines.iter() {
        total = total + reserve(&line.sku, line.quantity).await? as u64;
    }
    for i in 0..order.lines.len() {
        reserve(&order.lines[i].sku, 1).await?;
    }
    match order.note {
        Some(note) => {
            reserve(&note, 1).await?;
        }
        _ => {}
    }
    if total == 1 {
        ping(1).await?;
    } else {
        if total == 2 {
            ping(2).await?;
        }
    }
    let unit = ();
    let payment = charge(&order.card.clone(), total as u64).await?;
    return Ok(payment.cents);
}

#[workflow]
pub async fn names(Number: u32) -> Result<u32, OrderError> {
    let someThing = ping(Number).await?;
    let map: BTreeMap<u32, u32> = BTreeMap::new();
    if map.len() == 0 {
        ping(1).await?;
    }
    Ok(someThing)
}

#[workflow]
pub async fn matching(kind: Kind) -> Result<u32, OrderError> {
    let n = match kind {
        Kind::Normal => 1,
        Kind::Express { fee, by } => ping(2).await?,
        Kind::Gift(ref who) => 3,
        Kind::Gift(_) => ping(4).await?,
    };
    if let x = n {
        ping(x).await?;
    }
    Ok(n)
}

#[workflow]
pub async fn branches(n: u32) -> Result<u32, OrderError> {
    let (a, b) = join!(ping(n), ping(n));
    let unused = a?;
    let mut c = 1;
    let d = select! {
        x = ping(n) => x?,
        y = sleep(days(1)) => 2,
    };
    join!(async { ping(1).await }, ping(2));
    Ok(d)
}

#[workflow]
pub async fn no_await(n: u32) -> u32 {
    let unused = 1;
    n
}

fn main() {}
