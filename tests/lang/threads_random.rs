//! Random trees of joins and races, interpreted by a workflow that calls itself, as function and as machine.

use crate::shop::*;
use serde::{Deserialize, Serialize};
use workflow_runtime::{prelude::*, testing::differential::Differential};

const NEXT: Signal<u32> = Signal::new("next");

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Plan {
    Ping(u32),
    Double(u32),
    Sleep(u32),
    Recv(u32),
    Undo(String, Box<Plan>),
    Seq(Vec<Plan>),
    Join(Box<Plan>, Box<Plan>),
    Try(Box<Plan>, Box<Plan>, Box<Plan>),
    Select(Box<Plan>, Box<Plan>),
    First { left: Box<Plan>, right: Box<Plan>, guard: bool },
    Rounds(u32, Box<Plan>),
}

#[workflow]
async fn interpret(plan: Plan) -> Result<Vec<u32>, OrderError> {
    let mut out = vec![];
    match plan {
        Plan::Ping(n) => out.push(ping(n).await?),
        Plan::Double(n) => out.push(double(n).await?),
        Plan::Sleep(n) => sleep(seconds(u64::from(n))).await?,
        Plan::Recv(n) => out.push(NEXT.recv().timeout(seconds(u64::from(n))).await.unwrap_or(n)),
        Plan::Undo(sku, then) => {
            saga::on_failure(release(&sku));
            out.extend(interpret(*then).await?);
        }
        Plan::Seq(plans) => {
            for plan in plans {
                let mut part = interpret(plan).await?;
                out.append(&mut part);
            }
        }
        Plan::Join(a, b) => {
            let (a, b) = join!(interpret(*a), async {
                let before = ping(9).await?;
                let mut part = interpret(*b).await?;
                part.push(before);
                Ok::<_, OrderError>(part)
            });
            out.extend(a?);
            out.extend(b.unwrap_or_default());
        }
        Plan::Try(a, b, c) => {
            let mut count = 0;
            let r = try_join!(interpret(*a), interpret(*b), async {
                count += 1;
                let c = interpret(*c).await?;
                count += c.len();
                Ok(c)
            });
            match r {
                Ok((a, b, c)) => out.extend(a.into_iter().chain(b).chain(c)),
                Err(OrderError::Stock(_)) => out.push(double(count as u32).await?),
                Err(e) => return Err(e),
            }
        }
        Plan::Select(a, b) => {
            let mut seen = 0;
            out = select! {
                a = interpret(*a) => a?,
                b = async {
                    for _ in 0..2 {
                        seen += ping(seen).await?;
                    }
                    interpret(*b).await
                } => {
                    let mut b = b?;
                    b.push(ping(seen).await?);
                    b
                }
            };
            out.push(seen);
        }
        Plan::First { left, right, guard } => {
            out = select! {
                Ok(a) = interpret(*left) => a,
                Ok(b) = async { interpret(*right).await }, if guard => b,
                else => vec![ping(8).await?],
            };
        }
        Plan::Rounds(n, plan) => {
            for i in 0..n {
                let more = select! {
                    r = interpret((*plan).clone()), if i % 2 == 0 => match r {
                        Ok(r) => r,
                        Err(_) => break,
                    },
                    t = sleep(seconds(2)) => {
                        t?;
                        continue;
                    }
                };
                out.extend(more);
            }
        }
    }
    Ok(out)
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn plan(&mut self, depth: u64) -> Plan {
        let small = self.below(5) as u32;
        let kinds = if depth == 0 { 4 } else { 12 };
        let kind = self.0 % kinds;
        let mut inner = || Box::new(self.plan(depth - 1));
        match kind {
            0 => Plan::Ping(small),
            1 => Plan::Double(if small == 0 { 2_000 } else { small }),
            2 => Plan::Sleep(small),
            3 => Plan::Recv(small),
            4 => Plan::Undo(format!("u{small}"), inner()),
            5 => Plan::Seq(vec![*inner(), *inner()]),
            6 => Plan::Join(inner(), inner()),
            7 => Plan::Try(inner(), inner(), inner()),
            8 | 9 => Plan::Select(inner(), inner()),
            10 => Plan::First { left: inner(), right: inner(), guard: small > 1 },
            _ => Plan::Rounds(small, inner()),
        }
    }
}

#[test]
fn random_trees() {
    for seed in 0..60 {
        let mut random = Random(seed * 7_919 + 1);
        for _ in 0..3 {
            random.below(2);
        }
        let plan = Plan::Seq(vec![random.plan(3), random.plan(2)]);
        let mut d = Differential::new(|| interpret(plan.clone()));
        for n in 0..random.below(3) {
            d = d.signal(&NEXT, 50 + n as u32);
        }
        d.run();
    }
}
