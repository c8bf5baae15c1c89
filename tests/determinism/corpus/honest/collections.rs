//! `HashMap` and `HashSet` by key, counted, or put in order.

use crate::desk;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use workflow_runtime::prelude::*;

pub mod price_lookup {
    use super::*;

    #[workflow]
    pub async fn price_lookup(id: u64) -> Result<u64, WorkflowError> {
        let prices = desk::prices().await?;
        let order = desk::order(id).await?;
        let mut total = 0;
        for line in &order.lines {
            let Some(price) = prices.get(&line.sku) else { continue };
            total += price * u64::from(line.quantity);
            desk::store(&line.sku, "priced").await?;
        }
        Ok(total)
    }
}

pub mod duplicate_lines {
    use super::*;

    #[workflow]
    pub async fn duplicate_lines(skus: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let mut seen = HashSet::new();
        let mut twice = vec![];
        for sku in skus {
            if !seen.insert(sku.clone()) {
                desk::ask(&sku).await?;
                twice.push(sku);
            }
        }
        Ok(twice)
    }
}

pub mod word_count {
    use super::*;

    #[workflow]
    pub async fn word_count(documents: Vec<String>) -> Result<Vec<(String, u32)>, WorkflowError> {
        let mut words: HashMap<String, u32> = HashMap::new();
        for document in documents {
            let text = desk::fetch(&document).await?;
            for word in text.split_whitespace() {
                *words.entry(word.to_lowercase()).or_insert(0) += 1;
            }
        }
        let mut top: Vec<(String, u32)> = words.into_iter().collect();
        top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        top.truncate(10);
        Ok(top)
    }
}

pub mod sorted_keys {
    use super::*;

    #[workflow]
    pub async fn sorted_keys(stock: HashMap<String, u32>) -> Result<u64, WorkflowError> {
        let mut keys: Vec<&String> = stock.keys().collect();
        keys.sort_unstable();
        let list: Vec<String> = keys.into_iter().cloned().collect();
        let mut counted = 0;
        for key in list {
            counted += desk::count(&key).await? + u64::from(stock[&key]);
        }
        Ok(counted)
    }
}

pub mod tree_of_a_map {
    use super::*;

    #[workflow]
    pub async fn tree_of_a_map() -> Result<Vec<String>, WorkflowError> {
        let prices: BTreeMap<String, u64> = desk::prices().await?.into_iter().collect();
        for (sku, cents) in &prices {
            desk::store(sku, &cents.to_string()).await?;
        }
        Ok(prices.into_keys().collect())
    }
}

pub mod sums_and_counts {
    use super::*;

    #[workflow]
    pub async fn sums_and_counts(votes: Vec<(String, u32)>) -> Result<(usize, u32, u32, bool), WorkflowError> {
        let ballots: HashMap<String, u32> = votes.into_iter().collect();
        sleep(hours(1)).await?;
        let total: u32 = ballots.values().sum();
        let most = ballots.values().copied().max().unwrap_or(0);
        Ok((ballots.len(), total, most, ballots.values().all(|v| *v > 0)))
    }
}

pub mod access_list {
    use super::*;

    #[workflow]
    pub async fn access_list(requests: Vec<String>) -> Result<u32, WorkflowError> {
        let admins: HashSet<&str> = HashSet::from(["ann", "bob"]);
        let granted: Vec<String> = requests.into_iter().filter(|r| admins.contains(r.as_str())).collect();
        let mut n = 0;
        for name in &granted {
            desk::mail(name, "granted").await?;
            n += 1;
        }
        Ok(n)
    }
}

pub mod two_stocks {
    use super::*;

    #[workflow]
    pub async fn two_stocks(north: HashSet<String>, south: HashSet<String>) -> Result<Vec<String>, WorkflowError> {
        sleep(minutes(5)).await?;
        if north.is_disjoint(&south) || north.is_subset(&south) {
            return Ok(vec![]);
        }
        let both: BTreeSet<&String> = north.intersection(&south).collect();
        Ok(both.into_iter().cloned().collect())
    }
}

pub mod moves_between_maps {
    use super::*;

    #[workflow]
    pub async fn moves_between_maps(mut open: HashMap<u64, u64>, paid: Vec<u64>) -> Result<u64, WorkflowError> {
        let mut closed: HashMap<u64, u64> = HashMap::with_capacity(paid.len());
        for id in paid {
            if let Some(cents) = open.remove(&id) {
                closed.insert(id, cents);
                desk::store(&format!("invoice-{id}"), "paid").await?;
            }
        }
        Ok(closed.values().sum::<u64>() + open.len() as u64)
    }
}

pub mod grouped_by_customer {
    use super::*;

    #[workflow]
    pub async fn grouped_by_customer(ids: Vec<u64>) -> Result<usize, WorkflowError> {
        let mut by: HashMap<String, Vec<u64>> = HashMap::new();
        for id in ids {
            let order = desk::order(id).await?;
            by.entry(order.customer).or_default().push(order.id);
        }
        let ann = by.get("ann@example.com").map_or(0, Vec::len);
        if by.contains_key("bob@example.com") {
            desk::mail("bob@example.com", "thanks").await?;
        }
        Ok(ann)
    }
}

pub mod shortest_route {
    use super::*;
    use std::cmp::Reverse;

    fn distance(roads: &BTreeMap<u32, Vec<(u32, u32)>>, from: u32, to: u32) -> Option<u32> {
        let mut best: HashMap<u32, u32> = HashMap::new();
        let mut queue = BinaryHeap::from([Reverse((0, from))]);
        while let Some(Reverse((cost, at))) = queue.pop() {
            if at == to {
                return Some(cost);
            }
            if best.get(&at).is_some_and(|b| *b <= cost) {
                continue;
            }
            best.insert(at, cost);
            for (next, length) in roads.get(&at).into_iter().flatten() {
                queue.push(Reverse((cost + length, *next)));
            }
        }
        None
    }

    #[workflow]
    pub async fn shortest_route(roads: BTreeMap<u32, Vec<(u32, u32)>>, stops: Vec<u32>) -> Result<u32, WorkflowError> {
        let mut sum = 0;
        for pair in stops.windows(2) {
            sum += distance(&roads, pair[0], pair[1]).unwrap_or(u32::MAX / 1_000);
            desk::store("route", &sum.to_string()).await?;
        }
        Ok(sum)
    }
}

pub mod breadth_first {
    use super::*;

    #[workflow]
    pub async fn breadth_first(start: String) -> Result<usize, WorkflowError> {
        let mut seen: HashSet<String> = HashSet::new();
        let mut queue: VecDeque<String> = VecDeque::from([start]);
        while let Some(url) = queue.pop_front() {
            if seen.len() >= 50 || !seen.insert(url.clone()) {
                continue;
            }
            let page = desk::fetch(&url).await?;
            queue.extend(page.split('"').filter(|l| l.starts_with("https://")).map(str::to_owned));
        }
        Ok(seen.len())
    }
}

pub mod own_hasher {
    use super::*;
    use std::hash::{BuildHasherDefault, Hasher};

    /// FNV-1a: the same in every process, and so is the order.
    #[derive(Default)]
    pub struct Fnv(u64);

    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            for b in bytes {
                self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }

    #[workflow]
    pub async fn own_hasher(skus: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let set: HashSet<String, BuildHasherDefault<Fnv>> = skus.into_iter().collect();
        let mut out = vec![];
        for sku in set.into_iter().collect::<Vec<_>>() {
            desk::store(&sku, "seen").await?;
            out.push(sku);
        }
        Ok(out)
    }
}

pub mod memo {
    use super::*;

    fn ways(stairs: u32, known: &mut HashMap<u32, u64>) -> u64 {
        if stairs < 2 {
            return 1;
        }
        if let Some(n) = known.get(&stairs) {
            return *n;
        }
        let n = ways(stairs - 1, known) + ways(stairs - 2, known);
        known.insert(stairs, n);
        n
    }

    #[workflow]
    pub async fn memo(stairs: u32) -> Result<u64, WorkflowError> {
        let n = ways(stairs.min(80), &mut HashMap::new());
        desk::store("ways", &n.to_string()).await?;
        Ok(n)
    }
}

pub mod sorted_debug {
    use super::*;

    #[workflow]
    pub async fn sorted_debug(flags: HashMap<String, bool>) -> Result<String, WorkflowError> {
        desk::ask("flags").await?;
        let sorted = flags.iter().collect::<BTreeMap<_, _>>();
        Ok(format!("{sorted:?}"))
    }
}
