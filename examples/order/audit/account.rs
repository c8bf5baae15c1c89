//! What the books say about one order.

use super::Books;
use crate::{
    domain::Order,
    services::{payment, shipping, stock},
};
use std::collections::{BTreeMap, BTreeSet};

/// Money that moved: a charge, or the refund of the charge with this key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Money {
    pub key: String,
    pub cents: u64,
}

/// Goods that moved: a reservation, or the release of the reservation with this key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goods {
    pub key: String,
    pub sku: String,
    pub quantity: u32,
}

/// Everything about one order.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub charges: Vec<Money>,
    pub refunds: Vec<Money>,
    pub declined: usize,
    pub reserved: Vec<Goods>,
    pub released: Vec<Goods>,
    pub out_of_stock: usize,
    /// Key and country of each parcel.
    pub shipped: Vec<(String, String)>,
    /// Keys of parcels.
    pub recalled: Vec<String>,
    pub no_carrier: usize,
    pub asked: usize,
}

/// Sorts the books by order.
pub(super) fn accounts(books: &Books, findings: &mut Vec<String>) -> BTreeMap<u64, Account> {
    let mut accounts: BTreeMap<u64, Account> = BTreeMap::new();
    for entry in &books.payment {
        let (payment::Entry::Charged { payment, .. }
        | payment::Entry::Declined { payment, .. }
        | payment::Entry::Refunded { payment, .. }
        | payment::Entry::Closed { payment }) = entry;
        match payment.strip_prefix("order-").and_then(|id| id.parse().ok()) {
            Some(id) => accounts.entry(id).or_default().pay(entry),
            None => findings.push(format!("the payment `{payment}` belongs to no order")),
        }
    }
    for entry in &books.stock {
        let (stock::Entry::Reserved { order, .. }
        | stock::Entry::OutOfStock { order, .. }
        | stock::Entry::Released { order, .. }
        | stock::Entry::Closed { order, .. }) = entry;
        accounts.entry(*order).or_default().stock(entry);
    }
    for entry in &books.shipping {
        let (shipping::Entry::Shipped { order, .. }
        | shipping::Entry::NoCarrier { order, .. }
        | shipping::Entry::Recalled { order, .. }
        | shipping::Entry::Closed { order }) = entry;
        accounts.entry(*order).or_default().ship(entry);
    }
    for entry in &books.desk {
        accounts.entry(entry.order).or_default().asked += 1;
    }
    accounts
}

impl Account {
    fn pay(&mut self, entry: &payment::Entry) {
        match entry {
            payment::Entry::Charged { key, cents, .. } => self.charges.push(Money { key: key.clone(), cents: *cents }),
            payment::Entry::Refunded { charge, cents, .. } => {
                self.refunds.push(Money { key: charge.clone(), cents: *cents });
            }
            payment::Entry::Declined { .. } => self.declined += 1,
            payment::Entry::Closed { .. } => {}
        }
    }

    fn stock(&mut self, entry: &stock::Entry) {
        let goods = |key: &String, sku: &String, quantity| Goods { key: key.clone(), sku: sku.clone(), quantity };
        match entry {
            stock::Entry::Reserved { sku, key, quantity, .. } => self.reserved.push(goods(key, sku, *quantity)),
            stock::Entry::Released { sku, reservation, quantity, .. } => {
                self.released.push(goods(reservation, sku, *quantity));
            }
            stock::Entry::OutOfStock { .. } => self.out_of_stock += 1,
            stock::Entry::Closed { .. } => {}
        }
    }

    fn ship(&mut self, entry: &shipping::Entry) {
        match entry {
            shipping::Entry::Shipped { key, country, .. } => self.shipped.push((key.clone(), country.clone())),
            shipping::Entry::Recalled { parcel, .. } => self.recalled.push(parcel.clone()),
            shipping::Entry::NoCarrier { .. } => self.no_carrier += 1,
            shipping::Entry::Closed { .. } => {}
        }
    }

    /// What happened more than once, and must not, however the order ended.
    pub(super) fn doubles(&self) -> Vec<String> {
        let mut findings = vec![];
        if self.charges.len() > 1 {
            findings.push(format!("it was charged {} times", self.charges.len()));
        }
        if self.shipped.len() > 1 {
            findings.push(format!("it was shipped {} times", self.shipped.len()));
        }
        let mut skus = BTreeSet::new();
        for goods in self.reserved.iter().filter(|g| !skus.insert(&g.sku)) {
            findings.push(format!("`{}` was reserved twice", goods.sku));
        }
        findings
    }

    /// What a fulfilled order lacks, or has and should not have.
    pub(super) fn fulfilled(&self, order: &Order, findings: &mut Vec<String>) {
        match self.charges.iter().map(|m| m.cents).sum::<u64>() {
            0 if order.total() > 0 => findings.push("it was never charged".into()),
            cents if cents != order.total() => {
                findings.push(format!("it costs {} cents, and {cents} were charged", order.total()));
            }
            _ => {}
        }
        for line in &order.lines {
            let pieces: u32 = self.reserved.iter().filter(|g| g.sku == line.sku).map(|g| g.quantity).sum();
            if pieces != line.quantity {
                findings.push(format!("{} of `{}` were ordered, and {pieces} reserved", line.quantity, line.sku));
            }
        }
        for goods in self.reserved.iter().filter(|g| order.lines.iter().all(|l| l.sku != g.sku)) {
            findings.push(format!("`{}` was reserved, which nobody ordered", goods.sku));
        }
        match self.shipped.first() {
            None => findings.push("it was never shipped".into()),
            Some((_, country)) if *country != order.address.country => {
                findings.push(format!("it was shipped to {country} instead of {}", order.address.country));
            }
            Some(_) => {}
        }
        for (undone, what) in [
            (self.refunds.len(), "refunded"),
            (self.released.len(), "put back into stock"),
            (self.recalled.len(), "recalled"),
        ] {
            if undone > 0 {
                findings.push(format!("it was {what}"));
            }
        }
    }

    /// What a failed order has left behind.
    pub(super) fn undone(&self, findings: &mut Vec<String>) {
        pairs(&self.charges, &self.refunds, |m| &m.key, "the charge", "refunded", findings);
        pairs(&self.reserved, &self.released, |g| &g.key, "the reservation", "released", findings);
        let parcels: Vec<_> = self.shipped.iter().map(|(key, _)| key.clone()).collect();
        pairs(&parcels, &self.recalled, |p| p, "the parcel", "recalled", findings);
    }
}

/// Every effect must have been undone once, completely, and nothing that never happened.
fn pairs<T: PartialEq>(
    done: &[T],
    undone: &[T],
    key: impl Fn(&T) -> &String,
    what: &str,
    verb: &str,
    findings: &mut Vec<String>,
) {
    for effect in done {
        let of = |u: &&T| key(u) == key(effect);
        match undone.iter().filter(of).count() {
            1 if undone.contains(effect) => {}
            0 => findings.push(format!("{what} {} was not {verb}", key(effect))),
            1 => findings.push(format!("{what} {} was {verb} in another amount", key(effect))),
            n => findings.push(format!("{what} {} was {verb} {n} times", key(effect))),
        }
    }
    for stray in undone.iter().filter(|u| done.iter().all(|d| key(d) != key(u))) {
        findings.push(format!("{what} {} was {verb}, and never made", key(stray)));
    }
}
