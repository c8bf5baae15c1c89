//! A small shop whose logic stands in a crate of its own.

use crate::desk;
use shared::shop::{Basket, Catalogue, Policy, Shelf, Shipping, parse_basket, render};
use std::collections::{BTreeMap, HashMap};
use workflow_runtime::prelude::*;

pub mod parsed_elsewhere {
    use super::*;

    #[workflow]
    pub async fn parsed_elsewhere(text: String) -> Result<u64, WorkflowError> {
        let basket = parse_basket(&text)?;
        let mut total = 0;
        for (sku, n) in &basket.items {
            total += desk::count(sku).await? * u64::from(*n);
        }
        Ok(total)
    }
}

pub mod rendered_elsewhere {
    use super::*;

    #[workflow]
    pub async fn rendered_elsewhere(basket: Basket) -> Result<String, WorkflowError> {
        let text = render(&basket);
        desk::mail("ann@example.com", &text).await?;
        Ok(format!("{basket} / {text}"))
    }
}

pub mod catalogue_by_key {
    use super::*;

    #[workflow]
    pub async fn catalogue_by_key(skus: Vec<String>) -> Result<Vec<u64>, WorkflowError> {
        let catalogue = Catalogue::from_prices(desk::prices().await?);
        let mut found = vec![];
        for sku in &skus {
            found.push(catalogue.price(sku).unwrap_or_default());
            desk::store("catalogue", sku).await?;
        }
        Ok(found)
    }
}

pub mod policy_object {
    use super::*;

    fn policy(kind: &str) -> Box<dyn Policy> {
        match kind {
            "flat" => Box::new(Shipping::Flat(499)),
            _ => Box::new(Shipping::ByWeight { per_kilo: 120 }),
        }
    }

    #[workflow]
    pub async fn policy_object(kind: String, grams: Vec<u32>) -> Result<u64, WorkflowError> {
        let cents = grams.iter().map(|g| policy(&kind).cents(*g)).sum::<u64>();
        desk::store("shipping", &cents.to_string()).await?;
        Ok(cents)
    }
}

pub mod generic_shelf {
    use super::*;

    #[workflow]
    pub async fn generic_shelf(names: Vec<String>) -> Result<Option<String>, WorkflowError> {
        let mut shelf: Shelf<String> = Shelf::default();
        for name in names {
            desk::ask(&name).await?;
            shelf.put(name);
        }
        Ok(shelf.take_by(|n| n.starts_with('b')))
    }
}

pub mod inventory {
    use super::*;

    #[workflow]
    pub async fn inventory(
        mut stock: HashMap<String, u32>,
        basket: Basket,
    ) -> Result<BTreeMap<String, u32>, WorkflowError> {
        let mut short = BTreeMap::new();
        for (sku, wanted) in &basket.items {
            let there = stock.get_mut(sku);
            match there {
                Some(n) if *n >= *wanted => *n -= wanted,
                other => drop(short.insert(sku.clone(), wanted - other.map_or(0, |n| *n))),
            }
            desk::store("stock", sku).await?;
        }
        Ok(short)
    }
}

pub mod macro_elsewhere {
    use super::*;

    #[workflow]
    pub async fn macro_elsewhere(id: u64) -> Result<u64, WorkflowError> {
        let order = desk::order(id).await?;
        let cents = shared::sum_of!(order.lines, |l: &desk::Line| l.cents);
        desk::store("sum", &cents.to_string()).await?;
        Ok(cents)
    }
}

pub mod compared {
    use super::*;

    #[workflow]
    pub async fn compared(left: Basket, right: Basket) -> Result<bool, WorkflowError> {
        sleep(seconds(1)).await?;
        Ok(left == right || left.clone() + right.clone() == right + left)
    }
}
