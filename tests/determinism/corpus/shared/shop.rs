//! Nothing but values.

use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fmt,
    ops::Add,
};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Basket {
    pub items: BTreeMap<String, u32>,
}

impl fmt::Display for Basket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} things", self.items.values().sum::<u32>())
    }
}

impl Add for Basket {
    type Output = Basket;

    fn add(mut self, other: Basket) -> Basket {
        for (sku, n) in other.items {
            *self.items.entry(sku).or_default() += n;
        }
        self
    }
}

#[derive(Debug, PartialEq)]
pub enum BasketError {
    NoNumber(String),
    NoName(usize),
}

impl fmt::Display for BasketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BasketError::NoNumber(text) => write!(f, "{text:?} is no number"),
            BasketError::NoName(line) => write!(f, "line {line} has no name"),
        }
    }
}

impl Error for BasketError {}

/// "bolt 3" on each line.
pub fn parse_basket(text: &str) -> Result<Basket, BasketError> {
    let mut basket = Basket::default();
    for (i, line) in text.lines().enumerate() {
        let (sku, n) = line.split_once(' ').ok_or(BasketError::NoName(i))?;
        let n = n.parse().map_err(|_| BasketError::NoNumber(n.to_owned()))?;
        basket.items.insert(sku.to_owned(), n);
    }
    Ok(basket)
}

pub fn render(basket: &Basket) -> String {
    basket.items.iter().map(|(sku, n)| format!("{n:>4} {sku}\n")).collect()
}

#[derive(Serialize, Deserialize)]
pub struct Catalogue {
    prices: HashMap<String, u64>,
}

impl Catalogue {
    pub fn from_prices(prices: HashMap<String, u64>) -> Catalogue {
        Catalogue { prices }
    }

    pub fn price(&self, sku: &str) -> Option<u64> {
        self.prices.get(sku).copied()
    }
}

pub trait Policy {
    fn cents(&self, grams: u32) -> u64;
}

pub enum Shipping {
    Flat(u64),
    ByWeight { per_kilo: u64 },
}

impl Policy for Shipping {
    fn cents(&self, grams: u32) -> u64 {
        match self {
            Shipping::Flat(cents) => *cents,
            Shipping::ByWeight { per_kilo } => per_kilo * u64::from(grams).div_ceil(1_000),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub struct Shelf<T> {
    things: Vec<T>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf { things: vec![] }
    }
}

impl<T> Shelf<T> {
    pub fn put(&mut self, thing: T) {
        self.things.push(thing);
    }

    pub fn take_by(&mut self, wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let at = self.things.iter().position(wanted)?;
        Some(self.things.remove(at))
    }
}
