//! Moves, borrows and initialisation.

use shop::*;

fn take<T>(_: T) {}

#[workflow]
pub async fn moved(order: Order, text: String) -> Result<u32, OrderError> {
    take(order);
    ping(1).await?;
    take(order);
    take(text);
    take(text);
    Ok(1)
}

#[workflow]
pub async fn moved_before_await(order: Order) -> Result<u32, OrderError> {
    let lines = order.lines;
    charge(&order.card, 1).await?;
    take(order);
    ping(1).await?;
    Ok(lines.len() as u32)
}

#[workflow]
pub async fn moved_by_call(list: Vec<String>) -> Result<u32, OrderError> {
    for item in list {
        reserve(&item, 1).await?;
    }
    Ok(list.len() as u32)
}

#[workflow]
pub async fn moved_in_a_loop(order: Order) -> Result<u32, OrderError> {
    loop {
        ping(1).await?;
        take(order);
    }
}

#[workflow]
pub async fn moved_in_one_branch(order: Order, n: u32) -> Result<u32, OrderError> {
    if ping(n).await? > 1 {
        take(order);
    } else {
        ping(2).await?;
    }
    take(order.card);
    Ok(1)
}

#[workflow]
pub async fn moved_by_match(order: Order) -> Result<u32, OrderError> {
    match order.note {
        Some(note) => reserve(&note, 1).await?,
        None => 1,
    };
    ping(1).await?;
    take(order.note);
    Ok(1)
}

#[workflow]
pub async fn moved_by_closure(order: Order) -> Result<u32, OrderError> {
    let f = move || take(order);
    f();
    ping(1).await?;
    take(order.id);
    Ok(1)
}

#[workflow]
pub async fn borrowed(order: Order) -> Result<u32, OrderError> {
    let mut order = order;
    let card = &order.card;
    order.card = Card("x".into());
    charge(card, 1).await?;
    for line in &order.lines {
        order.lines.clear();
        reserve(&line.sku, 1).await?;
    }
    for line in &mut order.lines {
        line.quantity += ping(1).await?;
        order.lines.clear();
    }
    Ok(1)
}

#[workflow]
pub async fn borrowed_twice(order: Order) -> Result<u32, OrderError> {
    let mut order = order;
    let first = &mut order.lines;
    let second = &mut order.lines;
    first.clear();
    ping(1).await?;
    second.clear();
    Ok(1)
}

#[workflow]
pub async fn not_mutable(order: Order, n: u32) -> Result<u32, OrderError> {
    let x = 1;
    ping(x).await?;
    x = 2;
    x += ping(x).await?;
    n = 3;
    order.cents = 3;
    order.lines.clear();
    let list = vec![n];
    ping(n).await?;
    list.push(1);
    Ok(x)
}

#[workflow]
pub async fn assigned_twice(n: u32) -> Result<u32, OrderError> {
    let x;
    x = ping(n).await?;
    x = ping(n).await?;
    Ok(x)
}

#[workflow]
pub async fn uninitialised(n: u32) -> Result<u32, OrderError> {
    let a: u32;
    ping(a).await?;
    let b: u32;
    if n > 1 {
        b = ping(1).await?;
    }
    ping(b).await?;
    let c: String;
    ping(1).await?;
    Ok(c.len() as u32)
}

#[workflow]
pub async fn out_of_scope(n: u32) -> Result<u32, OrderError> {
    let longest;
    {
        let text = n.to_string();
        longest = text.as_str();
        ping(n).await?;
    }
    reserve(longest, 1).await?;
    Ok(1)
}

#[workflow]
pub async fn branches(order: Order) -> Result<u32, OrderError> {
    let mut n = 1;
    let _ = join!(
        async {
            n += 1;
            ping(n).await
        },
        async {
            n += 2;
            ping(n).await
        }
    );
    let _ = join!(
        async move {
            ping(1).await?;
            take(order);
            Ok::<_, OrderError>(1)
        },
        ping(2)
    );
    take(order);
    Ok(1)
}

#[workflow]
pub async fn captured(n: u32) -> Result<u32, OrderError> {
    let mut count = 0;
    let mut add = || count += 1;
    count += 1;
    add();
    ping(n + count).await?;
    Ok(count)
}

fn main() {}
