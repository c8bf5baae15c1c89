//! The warehouse: reserves pieces for an order, and puts them back.

use super::ledger::Service;
use crate::domain::CATALOGUE;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What the service is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Request {
    Reserve { order: u64, sku: String, quantity: u32 },
    Release { order: u64, sku: String },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Reserved,
    OutOfStock { left: u32 },
    Released { quantity: u32 },
}

/// What it writes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Entry {
    Reserved {
        order: u64,
        sku: String,
        key: String,
        quantity: u32,
    },
    OutOfStock {
        order: u64,
        sku: String,
        key: String,
    },
    /// A reservation, named by its key, was put back.
    Released {
        order: u64,
        sku: String,
        reservation: String,
        quantity: u32,
    },
    /// The order gets no more of this product: a reservation that is still on its way will be refused.
    Closed {
        order: u64,
        sku: String,
    },
}

/// What lies in the warehouse, and for whom.
pub(crate) struct Stock {
    left: HashMap<String, u32>,
    reserved: HashMap<(u64, String), Vec<(String, u32)>>,
    closed: HashSet<(u64, String)>,
}

impl Default for Stock {
    fn default() -> Self {
        let left = CATALOGUE.iter().map(|p| (p.sku.to_owned(), p.in_stock)).collect();
        Stock { left, reserved: HashMap::new(), closed: HashSet::new() }
    }
}

impl Service for Stock {
    type Request = Request;
    type Answer = Answer;
    type Entry = Entry;

    fn decide(&self, key: &str, request: &Request) -> (Answer, Vec<Entry>) {
        match request {
            Request::Reserve { order, sku, quantity } => self.reserve(key, *order, sku, *quantity),
            Request::Release { order, sku } => self.release(*order, sku),
        }
    }

    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Reserved { order, sku, key, quantity } => {
                *self.left.entry(sku.clone()).or_default() -= quantity;
                self.reserved.entry((*order, sku.clone())).or_default().push((key.clone(), *quantity));
            }
            Entry::OutOfStock { .. } => {}
            Entry::Released { order, sku, reservation, quantity } => {
                *self.left.entry(sku.clone()).or_default() += quantity;
                self.reserved.entry((*order, sku.clone())).or_default().retain(|(key, _)| key != reservation);
            }
            Entry::Closed { order, sku } => {
                self.closed.insert((*order, sku.clone()));
            }
        }
    }
}

impl Stock {
    fn reserve(&self, key: &str, order: u64, sku: &str, quantity: u32) -> (Answer, Vec<Entry>) {
        let left = self.left.get(sku).copied().unwrap_or(0);
        if left < quantity || self.closed.contains(&(order, sku.to_owned())) {
            let refused = Entry::OutOfStock { order, sku: sku.into(), key: key.into() };
            return (Answer::OutOfStock { left }, vec![refused]);
        }
        (Answer::Reserved, vec![Entry::Reserved { order, sku: sku.into(), key: key.into(), quantity }])
    }

    fn release(&self, order: u64, sku: &str) -> (Answer, Vec<Entry>) {
        let reserved = self.reserved.get(&(order, sku.to_owned())).map(Vec::as_slice).unwrap_or_default();
        let release = |(reservation, quantity): &(String, u32)| Entry::Released {
            order,
            sku: sku.into(),
            reservation: reservation.clone(),
            quantity: *quantity,
        };
        let mut entries: Vec<_> = reserved.iter().map(release).collect();
        entries.push(Entry::Closed { order, sku: sku.into() });
        (Answer::Released { quantity: reserved.iter().map(|(_, q)| q).sum() }, entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(service: &mut Stock, key: &str, request: Request) -> Answer {
        let (answer, entries) = service.decide(key, &request);
        entries.iter().for_each(|e| service.apply(e));
        answer
    }

    fn reserve(order: u64, quantity: u32) -> Request {
        Request::Reserve { order, sku: "BOO-01".into(), quantity }
    }

    #[test]
    fn what_is_released_can_be_reserved_again() {
        let mut service = Stock::default();
        assert_eq!(play(&mut service, "a", reserve(1, 2)), Answer::Reserved);
        assert_eq!(play(&mut service, "b", reserve(2, 2)), Answer::OutOfStock { left: 1 });
        let release = Request::Release { order: 1, sku: "BOO-01".into() };
        assert_eq!(play(&mut service, "c", release), Answer::Released { quantity: 2 });
        assert_eq!(play(&mut service, "d", reserve(2, 2)), Answer::Reserved);
    }

    #[test]
    fn a_reservation_that_comes_after_its_release_is_refused() {
        let mut service = Stock::default();
        play(&mut service, "a", Request::Release { order: 1, sku: "BOO-01".into() });
        assert_eq!(play(&mut service, "b", reserve(1, 1)), Answer::OutOfStock { left: 3 });
    }
}
