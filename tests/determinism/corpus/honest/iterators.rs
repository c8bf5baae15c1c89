//! Iterators: itertools, indexmap, and one's own.

use crate::desk;
use indexmap::{IndexMap, IndexSet};
use itertools::{EitherOrBoth, Itertools, MinMaxResult, izip};
use workflow_runtime::prelude::*;

pub mod grouped {
    use super::*;

    #[workflow]
    pub async fn grouped(mut ids: Vec<u64>) -> Result<Vec<(u64, usize)>, WorkflowError> {
        ids.sort();
        let groups: Vec<(u64, usize)> =
            ids.iter().chunk_by(|id| **id / 100).into_iter().map(|(k, g)| (k, g.count())).collect();
        for (hundred, n) in &groups {
            desk::store(&hundred.to_string(), &n.to_string()).await?;
        }
        Ok(groups)
    }
}

pub mod joined {
    use super::*;

    #[workflow]
    pub async fn joined(names: Vec<String>) -> Result<String, WorkflowError> {
        let list = names.iter().map(|n| n.trim()).filter(|n| !n.is_empty()).unique().sorted().join(", ");
        desk::mail("team@example.com", &list).await?;
        Ok(list)
    }
}

pub mod counted {
    use super::*;

    #[workflow]
    pub async fn counted(text: String) -> Result<Vec<(char, usize)>, WorkflowError> {
        let counts = text.chars().filter(|c| c.is_alphabetic()).counts();
        let top = counts.into_iter().sorted_by_key(|(c, n)| (std::cmp::Reverse(*n), *c)).take(3).collect_vec();
        desk::store("letters", &top.len().to_string()).await?;
        Ok(top)
    }
}

pub mod reconciled {
    use super::*;

    #[workflow]
    pub async fn reconciled(ours: Vec<u64>, theirs: Vec<u64>) -> Result<(u32, u32), WorkflowError> {
        let pairs = ours.iter().copied().sorted().merge_join_by(theirs.into_iter().sorted(), u64::cmp);
        let (mut missing, mut unknown) = (vec![], 0);
        pairs.for_each(|pair| match pair {
            EitherOrBoth::Left(id) => missing.push(id),
            EitherOrBoth::Right(_) => unknown += 1,
            EitherOrBoth::Both(..) => {}
        });
        for id in &missing {
            desk::mail("bank@example.com", &format!("{id} is missing")).await?;
        }
        Ok((missing.len() as u32, unknown))
    }
}

pub mod all_pairs {
    use super::*;

    #[workflow]
    pub async fn all_pairs(teams: Vec<String>) -> Result<usize, WorkflowError> {
        let games: Vec<(String, String)> = teams.into_iter().tuple_combinations().collect();
        for (home, guest) in &games {
            desk::store(home, guest).await?;
            sleep(days(7)).await?;
        }
        Ok(games.len())
    }
}

pub mod spread {
    use super::*;

    #[workflow]
    pub async fn spread(samples: Vec<i64>) -> Result<i64, WorkflowError> {
        desk::store("samples", &samples.iter().format("/").to_string()).await?;
        Ok(match samples.iter().minmax() {
            MinMaxResult::MinMax(min, max) => max - min,
            _ => 0,
        })
    }
}

pub mod zipped {
    use super::*;

    #[workflow]
    pub async fn zipped(skus: Vec<String>, amounts: Vec<u32>, cents: Vec<u64>) -> Result<u64, WorkflowError> {
        let total = izip!(&amounts, &cents).map(|(a, c)| u64::from(*a) * c).sum();
        for (sku, amount) in skus.iter().zip(amounts) {
            desk::store(sku, &amount.to_string()).await?;
        }
        Ok(total)
    }
}

pub mod in_order_of_insertion {
    use super::*;

    #[workflow]
    pub async fn in_order_of_insertion(words: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let mut counts: IndexMap<String, u32> = IndexMap::new();
        for word in words {
            *counts.entry(word).or_insert(0) += 1;
        }
        counts.sort_by(|ka, a, kb, b| b.cmp(a).then(ka.cmp(kb)));
        let mut out = vec![];
        for (word, n) in counts.into_iter().collect_vec() {
            desk::store(&word, &n.to_string()).await?;
            out.push(format!("{word} x {n}"));
        }
        Ok(out)
    }
}

pub mod ordered_set {
    use super::*;

    #[workflow]
    pub async fn ordered_set(steps: Vec<String>) -> Result<Option<String>, WorkflowError> {
        let set: IndexSet<String> = steps.into_iter().collect();
        for step in set.iter().cloned().collect::<Vec<_>>() {
            desk::ask(&step).await?;
        }
        Ok(set.get_index(0).cloned())
    }
}

pub mod own_iterator {
    use super::*;

    pub struct Countdown(u32);

    impl Iterator for Countdown {
        type Item = u32;

        fn next(&mut self) -> Option<u32> {
            self.0 = self.0.checked_sub(1)?;
            Some(self.0)
        }
    }

    #[workflow]
    pub async fn own_iterator(from: u32) -> Result<u32, WorkflowError> {
        let mut sum = 0;
        for n in Countdown(from.min(60)).step_by(10).collect::<Vec<_>>() {
            sleep(seconds(10)).await?;
            sum += n;
        }
        Ok(sum)
    }
}

pub mod folded {
    use super::*;

    #[workflow]
    pub async fn folded(deltas: Vec<i64>) -> Result<Vec<i64>, WorkflowError> {
        let balances: Vec<i64> = deltas
            .iter()
            .scan(0i64, |balance, d| {
                *balance += d;
                Some(*balance)
            })
            .collect();
        if balances.iter().any(|b| b.is_negative()) {
            desk::mail("ann@example.com", "overdrawn").await?;
        }
        Ok(std::iter::successors(balances.last().copied(), |b| (*b > 1).then_some(b / 2)).collect())
    }
}

pub mod paged {
    use super::*;

    #[workflow]
    pub async fn paged(ids: Vec<u64>) -> Result<Vec<usize>, WorkflowError> {
        let mut pages = vec![];
        for page in ids.chunks(20) {
            let done = join_all(page.iter().map(|id| desk::order(*id))).await;
            pages.push(done.into_iter().flatten().map(|o| o.lines.len()).sum());
        }
        Ok(pages)
    }
}
