//! Branches in branches, what they share, and how they end.

use crate::{agree, shop::*};
use workflow_runtime::{prelude::*, testing::differential::Differential};

const GO: Signal<u32> = Signal::new("go");

#[workflow]
async fn nested(n: u32) -> Result<String, OrderError> {
    let base = n + 1;
    let (a, (b, c), d) = join!(
        async {
            let (x, y) = join!(ping(base), async {
                let one = ping(n).await?;
                let two = ping(one + base).await?;
                Ok::<_, OrderError>(two)
            });
            Ok::<_, OrderError>(x? + y?)
        },
        async {
            let r = select! {
                p = ping(n) => p.unwrap_or(0),
                _ = sleep(days(1)) => 77,
            };
            let again = double(r).await;
            (again, r)
        },
        sleep(hours(1))
    );
    d?;
    Ok(format!("{} {} {c} {base}", a?, b.unwrap_or(5)))
}

#[workflow]
async fn copies(n: u32) -> Result<Vec<u32>, OrderError> {
    let mut count = n;
    let mut log = vec![n];
    let (a, b) = join!(
        async move {
            count += 10;
            ping(count).await?;
            count += 10;
            Ok::<_, OrderError>(count)
        },
        async {
            log.push(1);
            ping(1).await?;
            log.push(2);
            Ok::<_, OrderError>(2)
        }
    );
    count += 1;
    log.push(count);
    log.push(a?);
    log.push(b?);
    Ok(log)
}

#[workflow]
async fn moves_into_branches(order: Order) -> Result<String, OrderError> {
    let Order { lines, card, note, id, .. } = order;
    let label = format!("l{id}");
    let (a, b) = join!(
        async move {
            let mut all = lines;
            all.reverse();
            let mut sum = 0;
            for line in all {
                sum += reserve(&line.sku, line.quantity).await?;
            }
            Ok::<_, OrderError>(sum)
        },
        async move {
            let paid = charge(&card, 5).await?;
            drop(card);
            sleep(seconds(2)).await?;
            Ok::<_, OrderError>(format!("{} {}", paid.id, note.unwrap_or_default()))
        },
    );
    Ok(format!("{label} {a:?} {b:?}"))
}

#[workflow]
async fn fields(order: Order) -> Result<String, OrderError> {
    let mut order = order;
    let (a, b) = join!(
        async {
            order.cents += u64::from(ping(1).await?);
            order.cents += u64::from(ping(2).await?);
            Ok::<_, OrderError>(())
        },
        async {
            for line in &mut order.lines {
                line.quantity += ping(line.quantity).await?;
            }
            Ok::<_, OrderError>(())
        }
    );
    a?;
    b?;
    Ok(format!("{order:?}"))
}

#[workflow]
async fn moved_field(order: Order) -> Result<String, OrderError> {
    let (a, b) = join!(
        async {
            let note = order.note;
            ping(1).await?;
            Ok::<_, OrderError>(note)
        },
        ping(2)
    );
    Ok(format!("{a:?} {b:?}"))
}

#[workflow]
async fn shadows(n: u32) -> Result<u32, OrderError> {
    let value = n;
    let text = "outer".to_string();
    let (a, b) = join!(
        async {
            let value = ping(value).await?;
            let text = format!("{text}{value}");
            let value = ping(value + text.len() as u32).await?;
            Ok::<_, OrderError>(value + text.len() as u32)
        },
        async {
            ping(1).await?;
            Ok::<_, OrderError>(value + text.len() as u32)
        }
    );
    Ok(a? + b? + value + text.len() as u32)
}

#[workflow]
async fn in_loops(order: Order) -> Result<Vec<u32>, OrderError> {
    let mut all = vec![];
    'lines: for line in &order.lines {
        let (a, b) = join!(reserve(&line.sku, line.quantity), async move {
            let mut left = line.quantity;
            while left > 1 {
                left = ping(left).await? / 4;
            }
            Ok::<_, OrderError>(left)
        });
        all.push(a?);
        all.push(b?);
        loop {
            select! {
                p = ping(line.quantity) => {
                    let p = p?;
                    if p > 4 {
                        break 'lines;
                    }
                    if p > 2 {
                        continue 'lines;
                    }
                    break;
                }
                s = sleep(minutes(1)) => s?,
            }
        }
        all.push(0);
    }
    Ok(all)
}

#[workflow]
async fn options(n: u32) -> Option<u32> {
    let (a, b) = join!(
        async {
            let x = double(n).await.ok()?;
            let y = double(x).await.ok()?;
            Some(x + y)
        },
        async {
            if n > 5 {
                return n;
            }
            ping(n).await.unwrap_or(1)
        }
    );
    let c = select! {
        Ok(x) = double(n) => x,
        else => return None,
    };
    Some(a? + b + c)
}

#[workflow]
async fn no_wait(n: u32) -> u32 {
    let mut log = 0;
    let (a, (), c) = join!(async { n + 1 }, async { log += 1 }, async {
        let r: Result<u32, OrderError> = Err(OrderError::Empty);
        let v = r?;
        Ok::<u32, OrderError>(v)
    });
    let (one,) = join!(ping(n));
    let () = join!();
    let r: Result<(), OrderError> = try_join!();
    if r.is_err() {
        return 0;
    }
    let first = select! {
        x = async { 1 } => x,
        y = ping(n) => y.unwrap_or(2),
    };
    a + one.unwrap_or(0) + first + log + c.unwrap_or(3)
}

#[workflow]
async fn operands(n: u32) -> Result<String, OrderError> {
    let sum = ping(n).await? + join!(ping(1), ping(2)).0?;
    let (a, b) = try_join!(double(n), ping_up(n))?;
    let text = format!("{} {}", sum, join!(async { ping(a).await }).0?);
    let picked = match select! { x = ping(b) => x?, _ = sleep(days(1)) => 0 } {
        0 => "none".to_string(),
        n => n.to_string(),
    };
    if let (Ok(x), _) = join!(ping(9), sleep(seconds(1))) {
        return Ok(format!("{text} {picked} {x}"));
    }
    Ok(text)
}

#[workflow]
async fn ping_up(n: u32) -> Result<u32, ActivityError<String>> {
    Ok(double(n + 1).await? + 1)
}

#[workflow]
async fn undo_in_branches(n: u32) -> Result<u32, OrderError> {
    saga::on_failure(release("first"));
    let (a, b) = join!(
        async {
            saga::on_failure(release("a"));
            double(n).await
        },
        async {
            sleep(seconds(1)).await?;
            saga::on_failure(release("b"));
            Ok::<_, OrderError>(double(n).await?)
        }
    );
    Ok(a? + b?)
}

#[workflow]
async fn careful(n: u32, wait: bool) -> Result<u32, OrderError> {
    saga::on_failure(release("careful one"));
    saga::on_failure(release("careful two"));
    let deep = careful_deep(n).await?;
    if wait {
        sleep(days(9)).await?;
    }
    Ok(deep)
}

#[workflow]
async fn careful_deep(n: u32) -> Result<u32, OrderError> {
    saga::on_failure(release("deep"));
    let a = double(n).await?;
    sleep(hours(1)).await?;
    Ok(a)
}

#[workflow]
async fn losing_helpers(n: u32) -> Result<String, OrderError> {
    let first = select! {
        a = async {
            let (x, y) = join!(careful(n, true), careful(1, n > 3));
            Ok::<_, OrderError>(x? + y?)
        } => format!("a {a:?}"),
        b = ping(n) => format!("b {b:?}"),
        c = careful(2, false) => format!("c {c:?}"),
    };
    let then = ping(1).await?;
    Ok(format!("{first} {then}"))
}

#[workflow]
async fn factorial_both_ways(n: u32) -> u32 {
    if n < 2 {
        return ping(n).await.unwrap_or(0) / 2;
    }
    let (below, half) = join!(factorial_both_ways(n - 1), ping(n));
    below + half.unwrap_or(0)
}

#[workflow]
async fn guarded_race(limit: u32) -> Result<Vec<u32>, OrderError> {
    let mut got = vec![];
    let mut rest = limit;
    while rest > 0 {
        let mut late = false;
        select! {
            biased;
            Ok(n @ 1..) = GO.recv(), if rest.is_multiple_of(2) => got.push(n),
            n = ping(rest), if rest % 2 == 1 => got.push(n? + 100),
            t = sleep(minutes(u64::from(rest))), if got.len() < 100 => {
                t?;
                late = true;
            }
            else => got.push(999),
        }
        if late {
            got.push(0);
        }
        rest -= 1;
    }
    Ok(got)
}

#[workflow]
async fn patched_branches(n: u32) -> Result<u32, OrderError> {
    let (a, b) = join!(
        async {
            let a = double(n).await?;
            if patched!("left") {
                double(a).await?;
            }
            Ok::<_, OrderError>(a)
        },
        ping(n)
    );
    if patched!("after") {
        ping(1).await?;
    }
    Ok(a? + b?)
}

#[workflow]
async fn first_error(n: u32) -> Result<String, OrderError> {
    let mut tries = 0;
    let r: Result<(u32, String, ()), OrderError> = try_join!(
        async {
            tries += 1;
            let a = double(n).await?;
            tries += 1;
            Ok(a)
        },
        async {
            let t = text("x", &[n]).await?;
            if n == 7 {
                return Err(OrderError::Stopped(7));
            }
            Ok(t)
        },
        async {
            sleep(seconds(u64::from(n))).await?;
            Ok(())
        }
    );
    Ok(format!("{r:?} {tries}"))
}

#[test]
fn branches_in_branches() {
    for n in [1, 2_000] {
        agree(|| nested(n));
        agree(|| options(n));
        agree(|| operands(n));
        agree(|| no_wait(n));
    }
    agree(|| options(400));
    agree(|| factorial_both_ways(5));
}

#[test]
fn what_branches_share() {
    agree(|| copies(3));
    agree(|| shadows(3));
    for card in ["good", "bad"] {
        agree(|| moves_into_branches(order(card, 3)));
        agree(|| fields(order(card, 2)));
        agree(|| moved_field(order(card, 2)));
        agree(|| in_loops(order(card, 4)));
    }
}

#[test]
fn how_branches_end() {
    for n in [1, 2_000, 7] {
        agree(|| undo_in_branches(n));
        agree(|| losing_helpers(n));
        agree(|| first_error(n));
        agree(|| patched_branches(n));
    }
    for signals in 0..4 {
        let mut d = Differential::new(|| guarded_race(5));
        for n in 0..signals {
            d = d.signal(&GO, n);
        }
        d.run();
    }
}
