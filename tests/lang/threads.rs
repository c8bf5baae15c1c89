//! Several branches at once: `join!`, `try_join!`, `select!`.

use crate::{agree, shop::*};
use workflow_runtime::{prelude::*, testing::differential::Differential};

const APPROVED: Signal<String> = Signal::new("approved");
const TICK: Signal<u32> = Signal::new("tick");

#[workflow]
async fn two(n: u32) -> Result<u32, OrderError> {
    let (a, b) = join!(double(n), ping(n + 1));
    Ok(a? + b?)
}

#[workflow]
async fn in_branches(order: Order) -> Result<String, OrderError> {
    let tag = format!("t{}", order.id);
    let (a, b) = join!(
        async {
            let p = charge(&order.card, order.cents).await?;
            if p.id == 1 {
                return Err(OrderError::Empty);
            }
            let n = ping(p.id as u32).await?;
            Ok(format!("{tag} {n}"))
        },
        async {
            sleep(seconds(1)).await?;
            let mut sum = 0;
            for line in &order.lines {
                sum += ping(line.quantity).await?;
            }
            Ok::<_, OrderError>(sum + order.id as u32)
        },
    );
    let a: String = a?;
    Ok(format!("{a} {b:?} {}", order.lines.len()))
}

#[workflow]
async fn one_writes(n: u32) -> Result<u32, OrderError> {
    let mut count = 0;
    let (a, b) = join!(
        async {
            for i in 0..n {
                count += ping(i).await?;
                if count > 20 {
                    return Err(OrderError::Stopped(count));
                }
            }
            Ok::<_, OrderError>(1)
        },
        async {
            let mut k = n;
            while k > 0 {
                k -= 1;
                sleep(seconds(1)).await?;
            }
            Ok::<_, OrderError>(2)
        }
    );
    Ok(count * 100 + a.unwrap_or(7) + b?)
}

#[workflow]
async fn trying(n: u32) -> Result<u32, OrderError> {
    let (a, b, c) = try_join!(double(n), double(n * 2), double(n * 3))?;
    Ok(a + b + c)
}

#[workflow]
async fn trying_helpers(n: u32) -> Result<u32, OrderError> {
    let r = try_join!(twice(n), async {
        let a = ping(n).await?;
        let b = ping(a).await?;
        Ok::<_, OrderError>(a + b)
    });
    match r {
        Ok((a, b)) => Ok(a + b),
        Err(OrderError::Stock(_)) => Ok(ping(n).await?),
        Err(e) => Err(e),
    }
}

#[workflow]
async fn race(n: u32) -> Result<String, OrderError> {
    let who = select! {
        a = double(n) => format!("double {}", a?),
        b = ping(n) => {
            let c = ping(b?).await?;
            format!("ping {c}")
        }
        s = sleep(days(1)) => { s?; "sleep".to_string() }
    };
    Ok(who)
}

#[workflow]
async fn signal_or_timer(name: String) -> Result<String, OrderError> {
    let got = select! {
        a = APPROVED.recv() => Some(a?),
        t = sleep(days(5)) => { t?; None }
    };
    Ok(format!("{name} {got:?}"))
}

#[workflow]
async fn ticks(limit: u32) -> Result<Vec<String>, OrderError> {
    let mut log = vec![];
    let mut open = true;
    loop {
        select! {
            Ok(n) = TICK.recv(), if open => {
                log.push(format!("tick {n}"));
                if n >= limit {
                    open = false;
                }
            }
            t = sleep(hours(1)) => {
                t?;
                log.push(format!("timer {}", log.len()));
                break;
            }
        }
    }
    ping(limit).await?;
    Ok(log)
}

#[workflow]
async fn first_match(n: u32) -> Result<u32, OrderError> {
    let got = select! {
        Ok(a) = double(n) => a,
        Ok(b) = double(n + 1), if n.is_multiple_of(2) => b + 1,
        else => {
            ping(n).await?;
            9
        }
    };
    Ok(got)
}

#[workflow]
async fn a_handler_that_begins_as_a_block(first: bool) -> Result<u32, OrderError> {
    fn one() -> u32 {
        1
    }
    fn two() -> u32 {
        2
    }
    let n = select! {
        n = ping(3) => if first { one } else { two }() + n?,
        n = ping(4) => if first { one } else { two }() + n?,
    };
    Ok(n)
}

#[test]
fn joins() {
    agree(|| two(1));
    agree(|| two(2_000));
    for card in ["good", "bad", "flaky", "dead"] {
        agree(|| in_branches(order(card, 3)));
        agree(|| in_branches(order(card, 0)));
    }
    for n in 1..6 {
        agree(|| one_writes(n));
    }
}

#[test]
fn tries() {
    for n in [1, 400, 600, 2_000] {
        agree(|| trying(n));
        agree(|| trying_helpers(n));
    }
}

#[test]
fn races() {
    for n in [1, 2_000] {
        agree(|| race(n));
        agree(|| first_match(n));
        agree(|| first_match(n + 1));
    }
    let one = || Differential::new(|| signal_or_timer("gem".into()));
    assert_eq!(one().run().outcome, serde_json::json!({ "ok": "gem None" }));
    let signalled = one().signal(&APPROVED, "Ada".to_string()).run();
    assert_eq!(signalled.outcome, serde_json::json!({ "ok": "gem Some(\"Ada\")" }));
    for n in 0..4 {
        let mut d = Differential::new(|| ticks(2));
        for i in 0..n {
            d = d.signal(&TICK, i);
        }
        d.run();
    }
}

#[test]
fn a_handler_may_begin_as_a_block() {
    agree(|| a_handler_that_begins_as_a_block(true));
    agree(|| a_handler_that_begins_as_a_block(false));
}
