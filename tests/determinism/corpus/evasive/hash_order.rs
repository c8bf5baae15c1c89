//! The order of hash maps and sets, where nobody looks for it.

use crate::note;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use workflow_runtime::prelude::*;

/// WF003: a `for` over an alias of the type
pub mod hash_alias_for {
    use super::*;
    use std::collections::HashMap as Table;

    #[workflow]
    pub async fn hash_alias_for(names: Vec<String>) -> Result<String, WorkflowError> {
        let mut lengths = Table::new();
        for name in names {
            lengths.insert(name.len(), name);
        }
        let mut all = String::new();
        for (_, name) in &lengths {
            all.push_str(name);
        }
        note(&all).await?;
        Ok(all)
    }
}

/// WF003: the first key
pub mod hash_first_key {
    use super::*;

    #[workflow]
    pub async fn hash_first_key(votes: HashMap<String, u32>) -> Result<Option<String>, WorkflowError> {
        note("first").await?;
        Ok(votes.keys().next().cloned())
    }
}

/// WF003: the maximum by a key that two may share
pub mod hash_max_by {
    use super::*;

    #[workflow]
    pub async fn hash_max_by(votes: HashMap<String, u32>) -> Result<String, WorkflowError> {
        let winner = votes.iter().max_by_key(|(_, n)| **n).map(|(name, _)| name.clone()).unwrap_or_default();
        note(&winner).await?;
        Ok(winner)
    }
}

/// WF003: what a helper collects
pub mod hash_helper {
    use super::*;

    fn unique(names: Vec<String>) -> Vec<String> {
        let set: HashSet<String> = names.into_iter().collect();
        set.into_iter().collect()
    }

    #[workflow]
    pub async fn hash_helper(names: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let unique = unique(names);
        note(&unique.join(" ")).await?;
        Ok(unique)
    }
}

/// WF003: a helper in another crate
pub mod hash_other_crate {
    use super::*;

    #[workflow]
    pub async fn hash_other_crate(words: Vec<String>) -> Result<String, WorkflowError> {
        let text = shared::order::tally(&words);
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: `Debug` of the map
pub mod hash_debug {
    use super::*;

    #[workflow]
    pub async fn hash_debug(flags: HashMap<String, bool>) -> Result<String, WorkflowError> {
        let text = format!("{flags:?}");
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: the derived `Debug` of what holds the map
pub mod hash_derived_debug {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Settings {
        values: HashMap<String, u32>,
    }

    #[workflow]
    pub async fn hash_derived_debug(settings: Settings) -> Result<String, WorkflowError> {
        let text = format!("{settings:#?}");
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: the map as JSON
pub mod hash_json {
    use super::*;

    #[workflow]
    pub async fn hash_json(stock: HashMap<String, u32>) -> Result<String, WorkflowError> {
        let text = serde_json::to_string(&stock)?;
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: a list that is extended by the map
pub mod hash_extend {
    use super::*;

    #[workflow]
    pub async fn hash_extend(mut names: Vec<String>, more: HashSet<String>) -> Result<Vec<String>, WorkflowError> {
        names.extend(more);
        note(&names.join(" ")).await?;
        Ok(names)
    }
}

/// WF003: `drain`
pub mod hash_drain {
    use super::*;

    #[workflow]
    pub async fn hash_drain(open: Vec<u64>) -> Result<Vec<u64>, WorkflowError> {
        let mut set: HashSet<u64> = open.into_iter().collect();
        let order: Vec<u64> = set.drain().take(3).collect();
        note("order").await?;
        Ok(order)
    }
}

/// WF003: the intersection of two sets
pub mod hash_intersection {
    use super::*;

    #[workflow]
    pub async fn hash_intersection(a: HashSet<String>, b: HashSet<String>) -> Result<Option<String>, WorkflowError> {
        note("both").await?;
        Ok(a.intersection(&b).next().cloned())
    }
}

/// WF003: a sum of floats, whose last digits depend on the order
pub mod hash_float_sum {
    use super::*;

    #[workflow]
    pub async fn hash_float_sum(weights: HashMap<String, f64>) -> Result<f64, WorkflowError> {
        note("sum").await?;
        Ok(weights.values().fold(0.0, |sum, w| sum * 0.5 + w))
    }
}

/// WF003: a generic function that takes what can be iterated
pub mod hash_generic {
    use super::*;

    fn joined<I>(all: I) -> String
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        all.into_iter().fold(String::new(), |text, s| text + s.as_ref())
    }

    #[workflow]
    pub async fn hash_generic(tags: HashSet<String>) -> Result<String, WorkflowError> {
        let text = joined(tags);
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: `Deref` of a helper type
pub mod hash_deref {
    use super::*;

    #[workflow]
    pub async fn hash_deref(words: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let index = shared::order::Index::of(&words);
        let all: Vec<String> = index.keys().cloned().collect();
        note(&all.join(" ")).await?;
        Ok(all)
    }
}

/// WF003: `IntoIterator` of a reference to a helper type
pub mod hash_into_iterator {
    use super::*;

    pub struct Register(HashMap<u32, String>);

    impl<'a> IntoIterator for &'a Register {
        type Item = (&'a u32, &'a String);
        type IntoIter = std::collections::hash_map::Iter<'a, u32, String>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.iter()
        }
    }

    #[workflow]
    pub async fn hash_into_iterator(names: Vec<String>) -> Result<String, WorkflowError> {
        let register = Register((0..).zip(names).collect());
        let mut text = String::new();
        for (n, name) in &register {
            text += &format!("{n}={name};");
        }
        drop(register);
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: `Display` of a helper type
pub mod hash_display {
    use super::*;

    #[workflow]
    pub async fn hash_display(words: Vec<String>) -> Result<String, WorkflowError> {
        let text = shared::order::Index::of(&words).to_string();
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: `retain` with a side effect
pub mod hash_retain {
    use super::*;

    #[workflow]
    pub async fn hash_retain(mut stock: HashMap<String, u32>) -> Result<Vec<String>, WorkflowError> {
        let mut gone = vec![];
        stock.retain(|sku, n| {
            if *n == 0 {
                gone.push(sku.clone());
            }
            *n > 0
        });
        note(&gone.join(" ")).await?;
        Ok(gone)
    }
}

/// WF003: groups that itertools makes
pub mod hash_itertools_groups {
    use super::*;
    use itertools::Itertools;

    #[workflow]
    pub async fn hash_itertools_groups(names: Vec<String>) -> Result<Vec<usize>, WorkflowError> {
        let groups = names.iter().into_group_map_by(|n| n.len());
        let sizes = groups.into_values().map(|g| g.len()).collect();
        note("sizes").await?;
        Ok(sizes)
    }
}

/// WF003: a closure over values
pub mod hash_for_each {
    use super::*;

    #[workflow]
    pub async fn hash_for_each(mut ages: HashMap<String, u32>) -> Result<String, WorkflowError> {
        let mut text = String::new();
        ages.values_mut().for_each(|age| {
            *age += 1;
            text.push_str(&age.to_string());
        });
        note(&text).await?;
        Ok(text)
    }
}

/// WF003: a macro of another crate
pub mod hash_macro {
    use super::*;

    #[workflow]
    pub async fn hash_macro(stock: HashMap<String, u32>) -> Result<String, WorkflowError> {
        let text = shared::listed!(stock);
        note(&text).await?;
        Ok(text)
    }
}
