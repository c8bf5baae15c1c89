//! Compares what the workflows say with what the services wrote down.
//!
//! The services do not know outcomes and the workflows do not know the books, so agreement is evidence. Every check
//! here fails in a test with doctored books.

use crate::{
    domain::{CATALOGUE, Order},
    services::{desk, payment, shipping, stock},
    workflow::{OrderError, Receipt},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use workflow_runtime::ActivityError;

mod account;
#[cfg(test)]
mod tests;

use account::Account;

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Paid, reserved, approved if it was large, and shipped.
    Fulfilled,
    Declined,
    OutOfStock,
    NoCarrier,
    /// Nobody decided in time.
    NotApproved,
    Refused,
    /// A service was not available for longer than the workflow's patience.
    GaveUp,
}

impl Outcome {
    /// In words.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Outcome::Fulfilled => "fulfilled",
            Outcome::Declined => "card declined",
            Outcome::OutOfStock => "out of stock",
            Outcome::NoCarrier => "no carrier",
            Outcome::NotApproved => "not approved in time",
            Outcome::Refused => "approval refused",
            Outcome::GaveUp => "service unavailable",
        }
    }
}

impl From<&Result<Receipt, OrderError>> for Outcome {
    fn from(result: &Result<Receipt, OrderError>) -> Self {
        use crate::workflow::{ChargeError, ShippingError, StockError};
        match result {
            Ok(_) => Outcome::Fulfilled,
            Err(OrderError::Payment(ActivityError::Failed(ChargeError::Declined { .. }))) => Outcome::Declined,
            Err(OrderError::Stock(ActivityError::Failed(StockError::OutOfStock { .. }))) => Outcome::OutOfStock,
            Err(OrderError::Shipping(ActivityError::Failed(ShippingError::NoCarrier { .. }))) => Outcome::NoCarrier,
            Err(OrderError::NotApproved(_)) => Outcome::NotApproved,
            Err(OrderError::Refused { .. }) => Outcome::Refused,
            Err(OrderError::Payment(_) | OrderError::Stock(_) | OrderError::Shipping(_) | OrderError::Approval(_)) => {
                Outcome::GaveUp
            }
        }
    }
}

/// Everything that the services wrote down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub payment: Vec<payment::Entry>,
    pub stock: Vec<stock::Entry>,
    pub shipping: Vec<shipping::Entry>,
    pub desk: Vec<desk::Entry>,
}

/// What the audit found.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// What does not add up; empty if all is well.
    pub findings: Vec<String>,
    /// Orders by outcome.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// Charges, and their sum in cents.
    pub charged: (usize, u64),
    /// Refunds, and their sum in cents.
    pub refunded: (usize, u64),
    /// Charges of the order that has most.
    pub most_charges: usize,
    /// Reservations, and those that were put back.
    pub reserved: (usize, usize),
    /// Parcels, and those that were recalled.
    pub shipped: (usize, usize),
}

/// Audits the books. `decision` says what the desk decided about an order.
pub(crate) fn audit(
    orders: &[Order],
    outcomes: &BTreeMap<u64, Outcome>,
    books: &Books,
    decision: &dyn Fn(u64) -> Option<bool>,
) -> Audit {
    let mut audit = Audit::default();
    let mut accounts = account::accounts(books, &mut audit.findings);
    for order in orders {
        let account = accounts.remove(&order.id).unwrap_or_default();
        audit.count(&account);
        let Some(&outcome) = outcomes.get(&order.id) else {
            audit.findings.push(format!("order {} has no outcome", order.id));
            continue;
        };
        *audit.outcomes.entry(outcome).or_default() += 1;
        let findings = check(order, outcome, &account, decision(order.id));
        audit.findings.extend(findings.into_iter().map(|f| format!("order {} ({}): {f}", order.id, outcome.label())));
    }
    for (id, account) in accounts {
        audit.count(&account);
        audit.findings.push(format!("the books know an order {id} that nobody has placed"));
    }
    for id in outcomes.keys().filter(|id| orders.iter().all(|o| o.id != **id)) {
        audit.findings.push(format!("there is an outcome for an order {id} that nobody has placed"));
    }
    audit.check_money(orders, outcomes);
    audit.check_warehouse(orders, outcomes, books);
    audit.check_patience(orders);
    audit
}

impl Audit {
    fn count(&mut self, account: &Account) {
        let sum = |moved: &[account::Money]| (moved.len(), moved.iter().map(|m| m.cents).sum::<u64>());
        let add = |a: (usize, u64), b: (usize, u64)| (a.0 + b.0, a.1 + b.1);
        self.charged = add(self.charged, sum(&account.charges));
        self.refunded = add(self.refunded, sum(&account.refunds));
        self.most_charges = self.most_charges.max(account.charges.len());
        self.reserved.0 += account.reserved.len();
        self.reserved.1 += account.released.len();
        self.shipped.0 += account.shipped.len();
        self.shipped.1 += account.recalled.len();
    }

    /// What the shop kept is what its fulfilled orders cost.
    fn check_money(&mut self, orders: &[Order], outcomes: &BTreeMap<u64, Outcome>) {
        let fulfilled = |o: &&Order| outcomes.get(&o.id) == Some(&Outcome::Fulfilled);
        let due: u64 = orders.iter().filter(fulfilled).map(Order::total).sum();
        let kept = i128::from(self.charged.1) - i128::from(self.refunded.1);
        if kept != i128::from(due) {
            self.findings.push(format!("the fulfilled orders cost {due} cents, and {kept} were kept"));
        }
    }

    /// Deaths of the worker, however many, use up nobody's patience: of many orders few are given up.
    fn check_patience(&mut self, orders: &[Order]) {
        let gave_up = self.outcomes.get(&Outcome::GaveUp).copied().unwrap_or_default();
        if orders.len() >= 100 && gave_up > orders.len() / 2 {
            self.findings.push(format!("{gave_up} of {} orders were given up", orders.len()));
        }
    }

    /// What left the warehouse is what the fulfilled orders contain, and nothing was given out that was not there.
    fn check_warehouse(&mut self, orders: &[Order], outcomes: &BTreeMap<u64, Outcome>, books: &Books) {
        let mut left: HashMap<&str, i64> = CATALOGUE.iter().map(|p| (p.sku, i64::from(p.in_stock))).collect();
        for entry in &books.stock {
            let (sku, change) = match entry {
                stock::Entry::Reserved { sku, quantity, .. } => (sku, -i64::from(*quantity)),
                stock::Entry::Released { sku, quantity, .. } => (sku, i64::from(*quantity)),
                stock::Entry::OutOfStock { .. } | stock::Entry::Closed { .. } => continue,
            };
            let n = left.entry(sku).or_default();
            *n += change;
            if *n < 0 {
                self.findings.push(format!("`{sku}` was reserved when there were only {} left", *n - change));
            }
        }
        for product in CATALOGUE {
            let sold: i64 = orders
                .iter()
                .filter(|o| outcomes.get(&o.id) == Some(&Outcome::Fulfilled))
                .flat_map(|o| &o.lines)
                .filter(|l| l.sku == product.sku)
                .map(|l| i64::from(l.quantity))
                .sum();
            let gone = i64::from(product.in_stock) - left[product.sku];
            if gone != sold {
                self.findings.push(format!("{sold} of `{}` were sold, and {gone} are gone", product.sku));
            }
        }
    }
}

/// What does not add up in one order.
fn check(order: &Order, outcome: Outcome, account: &Account, decision: Option<bool>) -> Vec<String> {
    let mut findings = account.doubles();
    match outcome {
        Outcome::Fulfilled => account.fulfilled(order, &mut findings),
        _ => account.undone(&mut findings),
    }
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            findings.push(what.to_owned());
        }
    };
    match outcome {
        Outcome::Fulfilled if order.is_large() => {
            claim(account.asked > 0, "it is large, and nobody was asked");
            claim(decision == Some(true), "it is large, and nobody approved it");
        }
        Outcome::Fulfilled | Outcome::GaveUp => {}
        Outcome::Declined => {
            claim(account.declined > 0, "no card was declined");
            claim(account.charges.is_empty(), "the card was charged all the same");
        }
        Outcome::OutOfStock => claim(account.out_of_stock > 0, "the warehouse refused nothing"),
        Outcome::NoCarrier => claim(account.no_carrier > 0, "no carrier refused it"),
        Outcome::NotApproved => claim(account.asked > 0, "nobody was asked to approve it"),
        Outcome::Refused => {
            claim(account.asked > 0, "nobody was asked to approve it");
            claim(decision == Some(false), "nobody refused it");
        }
    }
    findings
}
