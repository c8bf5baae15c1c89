//! Exemptions from the rules of determinism, wherever an attribute can stand; and names that only look like what the rules forbid.

use crate::{agree, shop::*};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Instant, SystemTime},
};
use workflow_runtime::prelude::*;

#[workflow(allow(WF001, reason = "later than the epoch, whenever it runs"))]
async fn of_the_function(n: u32) -> Result<u32, OrderError> {
    let late = SystemTime::now() > SystemTime::UNIX_EPOCH;
    let doubled = double(n).await?;
    Ok(doubled + u32::from(late) + u32::from(Instant::now().elapsed().as_secs() > 86_400))
}

#[workflow]
async fn of_statements(n: u32) -> Result<u32, OrderError> {
    #[workflow(allow(WF001, reason = "later than the epoch, whenever it runs"))]
    let mut late = SystemTime::now() > SystemTime::UNIX_EPOCH;
    let a = double(n).await?;
    #[workflow(allow(WF009, reason = "the result does not depend on it"))]
    {
        late |= std::env::var("UNSET").is_ok();
        ping(a).await?;
    }
    #[workflow(allow(WF001, reason = "later than the epoch, whenever it runs"))]
    if SystemTime::now() < SystemTime::UNIX_EPOCH {
        late = false;
        ping(1).await?;
    }
    #[workflow(allow(WF008, reason = "somebody looks at it while it is tried out"))]
    println!("{late}");
    #[workflow(allow(WF001, reason = "later than the epoch, whenever it runs"))]
    fn later() -> bool {
        SystemTime::now() > SystemTime::UNIX_EPOCH
    }
    Ok(a + u32::from(late) + u32::from(later()))
}

#[workflow]
async fn within_expressions(n: u32) -> Result<u32, OrderError> {
    let late = u32::from(
        #[workflow(allow(WF001, reason = "later than the epoch"))]
        SystemTime::now().gt(&SystemTime::UNIX_EPOCH),
    );
    let m = match double(n).await? {
        #[workflow(allow(WF009, reason = "the result does not depend on it"))]
        6 => double(u32::from(std::env::var("UNSET").is_err())).await?,
        other => other,
    };
    let shelf: HashMap<u32, u32> = [(1, 2), (3, 4)].into();
    #[workflow(allow(WF003, reason = "it is a sum"))]
    for (k, v) in &shelf {
        let _ = k + v;
    }
    let pair = Some(m).map(|m| {
        #[workflow(allow(WF009, reason = "the result does not depend on it"))]
        let set = std::env::var_os("UNSET").is_some();
        m + u32::from(set)
    });
    ping(late).await?;
    Ok(late + pair.unwrap_or_default())
}

mod own {
    #[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
    pub(super) struct Clock(pub(super) u32);
    impl Clock {
        pub(super) fn now() -> Clock {
            Clock(3)
        }
        pub(super) fn elapsed(self) -> u32 {
            self.0
        }
    }
    pub(super) mod env {
        pub(in super::super) fn var(name: &str) -> usize {
            name.len()
        }
    }
    pub(super) mod thread {
        pub(in super::super) fn sleep(n: u32) -> u32 {
            n + 1
        }
    }
    pub(super) type Instant = Clock;
}

mod named {
    use super::own::{Instant, env, thread};
    use crate::shop::*;
    use workflow_runtime::prelude::*;

    #[workflow]
    pub(super) async fn names_of_our_own(n: u32) -> Result<u32, OrderError> {
        let began = Instant::now();
        let a = double(n).await?;
        fn thread_rng() -> u32 {
            4
        }
        macro_rules! println {
            ($e:expr) => {
                $e + 1
            };
        }
        Ok(a + began.elapsed() + env::var("HOME") as u32 + thread::sleep(1) + thread_rng() + println!(2))
    }
}

#[workflow]
async fn tables_without_order(names: Vec<String>) -> Result<Vec<String>, OrderError> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    for name in names {
        *seen.entry(name).or_default() += 1;
    }
    let most = seen.values().copied().max().unwrap_or_default();
    let total: u32 = seen.values().sum();
    double(most + total).await?;
    let by_count: BTreeMap<u32, usize> = seen.iter().map(|(name, n)| (*n, name.len())).collect();
    let mut all: Vec<_> = seen.into_keys().collect();
    all.sort();
    let recorded = side_effect(|| SystemTime::now() > SystemTime::UNIX_EPOCH);
    ping(u32::from(recorded)).await?;
    all.push(format!("{by_count:?}"));
    Ok(all)
}

#[test]
fn what_is_exempt_runs_as_it_stands() {
    agree(|| of_the_function(3));
    agree(|| of_statements(3));
    agree(|| within_expressions(3));
}

#[test]
fn what_only_looks_forbidden_compiles_and_runs() {
    agree(|| named::names_of_our_own(3));
    agree(|| tables_without_order(["b", "a", "b", "c"].map(String::from).to_vec()));
}
