//! Items in the body of a workflow, in its own block and in blocks within it.

use crate::{agree, shop::*};
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

const SCALE: u32 = 100;

fn helper(n: u32) -> u32 {
    n + 1
}

struct Outer(u32);

#[workflow]
async fn in_front(n: u32) -> Result<String, OrderError> {
    use std::fmt::Write;
    const FACTOR: u32 = 3;
    static NAMES: [&str; 2] = ["a", "b"];
    type Pair = (u32, u32);
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Sum {
        parts: Vec<u32>,
    }
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    enum Side {
        Left,
        Right(u32),
    }
    use Side::{Left, Right};
    trait Total {
        fn total(&self) -> u32;
    }
    impl Total for Sum {
        fn total(&self) -> u32 {
            self.parts.iter().sum()
        }
    }
    impl Total for Pair {
        fn total(&self) -> u32 {
            self.0 + self.1
        }
    }
    impl From<Outer> for u64 {
        fn from(o: Outer) -> u64 {
            u64::from(o.0) * 7
        }
    }
    macro_rules! twice {
        ($e:expr) => {
            $e * 2
        };
    }
    fn add(a: u32, b: u32) -> u32 {
        a + b
    }
    let mut sum = Sum { parts: vec![] };
    for i in 0..n {
        sum.parts.push(add(double(i).await?, FACTOR));
    }
    let side = if sum.total() > 5 { Right(double(1).await?) } else { Left };
    let mut out = String::new();
    write!(out, "{side:?} {} {}", twice!(sum.total()), NAMES[double(0).await? as usize]).ok();
    let pair: Pair = (ping(1).await?, ping(2).await?);
    ping(3).await?;
    write!(out, " {} {}", pair.total(), u64::from(Outer(n))).ok();
    match side {
        Right(n) if n > 1 => out.push_str(&text("r", &[n]).await?),
        Right(_) => {}
        Left => out.push('l'),
    }
    Ok(out)
}

#[workflow]
async fn in_blocks(n: u32) -> Result<u32, OrderError> {
    let mut total = ping(helper(n)).await? * SCALE;
    {
        // None of these are seen outside.
        const SCALE: u32 = 7;
        fn helper(n: u32) -> u32 {
            n * 10
        }
        #[derive(Serialize, Deserialize)]
        struct Kept {
            at: u32,
        }
        let kept = Kept { at: ping(helper(n)).await? };
        ping(1).await?;
        total += kept.at * SCALE;
    }
    total += ping(helper(n)).await? * SCALE;
    let more = if n > 1 {
        #[derive(Serialize, Deserialize)]
        struct Kept(u32);
        let kept = Kept(ping(helper(n)).await?);
        {
            fn helper(n: u32) -> u32 {
                n * 1000
            }
            let inner = ping(helper(n)).await?;
            ping(inner).await?;
            total += inner;
        }
        ping(helper(kept.0)).await?;
        kept.0 * SCALE
    } else {
        const SCALE: u32 = 9;
        ping(helper(n)).await? * SCALE
    };
    for i in 0..2 {
        use std::cmp::max;
        fn helper(n: u32) -> u32 {
            n + 50
        }
        if i == 1 {
            total += max(ping(helper(i)).await?, 3);
            continue;
        }
        total += ping(helper(i)).await?;
    }
    let (a, b) = join!(
        async {
            const SCALE: u32 = 2;
            let first = ping(helper(1)).await?;
            ping(first * SCALE).await
        },
        async {
            const SCALE: u32 = 3;
            let first = ping(helper(2)).await?;
            ping(first * SCALE).await
        }
    );
    Ok(total + more + a? + b?)
}

/// A type of the signature means what it means outside, whatever the body calls by its name.
#[workflow]
async fn hidden_types(card: Card) -> Result<Card, OrderError> {
    #[derive(Serialize, Deserialize)]
    struct Card(u32);
    let own = Card(ping(4).await?);
    ping(own.0).await?;
    let name = text(&card.0, &[own.0]).await?;
    Ok(crate::shop::Card(name))
}

#[workflow]
async fn closures_and_constants(v: Vec<u32>) -> Result<u32, OrderError> {
    let k = 3;
    let f = |x: u32| x + k;
    let a = v.iter().map(|x| f(*x)).sum::<u32>();
    let b = double(a).await?;
    let mut count = 0;
    let mut increase = || count += 1;
    increase();
    increase();
    ping(count).await?;
    const { assert!(SCALE > 2) };
    let twice = [const { SCALE + 1 }; 2];
    ping(twice[1]).await?;
    let sorted = {
        let mut sorted = v;
        sorted.sort_by_key(|n| std::cmp::Reverse(*n));
        sorted
    };
    Ok(b + text("s", &sorted).await?.len() as u32)
}

#[test]
fn items() {
    for n in 0..4 {
        agree(|| in_front(n));
        agree(|| in_blocks(n));
        agree(|| closures_and_constants((0..n).collect()));
    }
    agree(|| hidden_types(Card("c".into())));
}
