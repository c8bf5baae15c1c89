//! Mistakes in types.

use shop::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Own(u32);

#[workflow]
pub async fn arguments(order: Order) -> Result<u32, OrderError> {
    let a = ping("one").await?;
    let b = ping(order.lines).await?;
    //~ durable(E0061): the machine does not know the type of `b`, and leaves it out
    let c = ping(a, b).await?;
    let d = charge(&order.card).await?;
    let e = charge(order.card, 1).await?;
    let f = helper(a, "x").await?;
    let g = helper(d).await?;
    ping(1 + "x").await?;
    Ok(e.cents)
}

#[workflow]
pub async fn results(n: u32) -> Result<String, OrderError> {
    let s: String = ping(n).await?;
    let t: u32 = ping(n).await;
    let mut u = String::new();
    u = ping(n).await?;
    u += ping(n).await?;
    let v = ping(n).await? + 1u64;
    let w: u32 = "five";
    if ping(n).await? {
        return Ok(1);
    }
    Ok(ping(n).await?)
}

#[workflow]
pub async fn tail(n: u32) -> Result<u32, OrderError> {
    ping(n).await?
}

#[workflow]
pub async fn tail_unit(n: u32) -> Result<u32, OrderError> {
    ping(n).await?;
}

#[workflow]
pub async fn no_semicolon(n: u32) -> Result<u32, OrderError> {
    if n > 1 {
        ping(n).await?
    }
    Ok(n)
}

#[workflow]
pub async fn branches(n: u32) -> Result<u32, OrderError> {
    let a = if n > 1 { ping(n).await? } else { "two" };
    let b = match n {
        1 => ping(n).await?,
        2 => "two",
        _ => 'x',
    };
    let c = if n > 1 { ping(n).await? };
    let d = loop {
        if ping(n).await? > 2 {
            break 1;
        }
        break "x";
    };
    let e = 'block: {
        if ping(n).await? > 2 {
            break 'block 1;
        }
        "x"
    };
    while ping(n).await? {}
    for i in ping(n).await? {}
    //~ durable(E0277): it can neither be gone through nor saved
    for i in n {
        ping(i).await?;
    }
    Ok(n)
}

#[workflow]
pub async fn matching(kind: Kind, list: Vec<u32>) -> Result<u32, OrderError> {
    match kind {
        Kind::Normal => ping(1).await?,
        Kind::Express { fee } => ping(2).await?,
        Kind::Gift(a, b) => ping(3).await?,
    };
    match ping(1).await? {
        "one" => 1,
        //~ durable(E0308): the machine says what the scrutinee is in other words
        Some(2) => 2,
        _ => 3,
    };
    let Some(x) = ping(1).await? else { return Ok(1) };
    //~ durable(E0308): the machine has a temporary in place of the await, and labels it
    let (a, b, c) = (ping(1).await?, 2);
    if let Ok(y) = list.first() {
        ping(*y).await?;
    }
    Ok(1)
}

#[workflow]
pub async fn missing_arms(kind: Kind) -> Result<u32, OrderError> {
    match kind {
        Kind::Normal => ping(1).await?,
        Kind::Gift(_) => ping(3).await?,
    };
    match reserve("a", 1).await {
        Ok(n) => n,
    };
    let Ok(n) = reserve("a", 1).await;
    match ping(1).await? {
        1..5 => 1,
        5.. => 2,
    };
    Ok(n)
}

#[workflow(allow(WF007, reason = "the conversion of its error is what matters"))]
pub async fn wrong_error(n: u32) -> Result<u32, String> {
    let a = ping(n).await?;
    let b = "3".parse::<u32>()?;
    let c = Some(1)?;
    reserve("a", 1).await?;
    std::fs::read("x")?;
    ping(b).await.map_err(|e| 1)?;
    Err(OrderError::Empty)?;
    Ok(a)
}

#[workflow]
pub async fn no_result(n: u32) -> u32 {
    let a = ping(n).await?;
    a
}

#[workflow]
pub async fn optional(n: u32) -> Option<u32> {
    let a = ping(n).await?;
    Some(a)
}

#[workflow]
pub async fn fields(order: Order) -> Result<u32, OrderError> {
    let a = ping(order.amount).await?;
    let b = ping(1).await?.value;
    let c = order.lines[0].price;
    let d = order.frobnicate().await?;
    let e = ping(1).await?.frobnicate();
    //~ other(E0599): the call is no future in a workflow
    let f = ping(1).frobnicate().await?;
    let g = a.len();
    order.lines.iter().frobnicate();
    let h = Order { id: ping(1).await?, ..order };
    let i = Card { number: ping(1).await? };
    let j = Kind::Express { fee: 1 };
    let k = Own(1, 2);
    ping(1).await?.0;
    Ok(1)
}

#[workflow]
pub async fn inference(n: u32) -> Result<u32, OrderError> {
    let list = Vec::new();
    ping(n).await?;
    let none = None;
    let parsed = "1".parse().unwrap();
    let sum = [1].iter().sum();
    ping(n).await?;
    let collected = [1u32].iter().map(|n| n + 1).collect();
    Ok(list.len() as u32)
}

#[workflow]
pub async fn operators(order: Order, n: u32) -> Result<u32, OrderError> {
    let a = order + 1;
    let b = !order.card;
    let c = order.kind == 3;
    let d = -n;
    let e = n && true;
    let f = order.lines["x"];
    let g = *n;
    let h = n(1);
    let i = ping(n).await?(2);
    let j = ping(n).await? as String;
    n = "x";
    order.cents += "x";
    Ok(a)
}

#[workflow(allow(WF008, reason = "what a macro prints is an argument like any other"))]
pub async fn macros(order: Order, n: Own) -> Result<u32, OrderError> {
    //~ durable(E0277): the expansions of a macro have places of their own
    //~ durable(E0277): the expansions of a macro have places of their own
    println!("{n} {:?}", n);
    //~ other(E0277): the path of the error type differs
    println!("{}", ping(1).await);
    println!("{} {}", 1);
    let s = format!("{missing}");
    assert_eq!(ping(1).await?, "x");
    let v: Vec<u32> = vec![ping(1).await?, "x"];
    Ok(v)
}

#[workflow]
pub async fn awaits(n: u32) -> Result<u32, OrderError> {
    //~ other(E0277): a workflow does not await futures
    let a = n.await;
    //~ other(E0277): a workflow does not await futures
    let b = ping(n).await.await;
    //~ other(E0277): a workflow does not await futures
    let c = ping.await;
    Ok(1)
}

#[workflow]
pub async fn threads(n: u32) -> Result<u32, OrderError> {
    let (a, b) = join!(ping("x"), ping(n));
    let c: String = a?;
    let (d, e) = join!(ping(1), async { ping(n).await?.len() });
    let g: u32 = select! {
        x = ping(n) => x,
        _ = sleep(days(1)) => "x",
    };
    Ok(b)
}

fn main() {}
