//! The payment service: charges cards, and refunds by the shop's own payment id.

use super::ledger::Service;
use crate::domain::Card;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What the service is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Request {
    Charge { payment: String, card: Card, cents: u64 },
    Refund { payment: String },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Paid { receipt: String },
    Declined { reason: String },
    Refunded { cents: u64 },
}

/// What it writes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Entry {
    Charged {
        payment: String,
        key: String,
        cents: u64,
    },
    Declined {
        payment: String,
        key: String,
        reason: String,
    },
    /// A charge, named by its key, was given back.
    Refunded {
        payment: String,
        charge: String,
        cents: u64,
    },
    /// The payment is closed: a charge that is still on its way will be declined.
    Closed {
        payment: String,
    },
}

/// The open charges of each payment.
#[derive(Default)]
pub(crate) struct Payment(HashMap<String, Account>);

#[derive(Default)]
struct Account {
    open: Vec<(String, u64)>,
    closed: bool,
}

impl Service for Payment {
    type Request = Request;
    type Answer = Answer;
    type Entry = Entry;

    fn decide(&self, key: &str, request: &Request) -> (Answer, Vec<Entry>) {
        match request {
            Request::Charge { payment, card, cents } => self.charge(key, payment, card, *cents),
            Request::Refund { payment } => self.refund(payment),
        }
    }

    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Charged { payment, key, cents } => self.account(payment).open.push((key.clone(), *cents)),
            Entry::Declined { .. } => {}
            Entry::Refunded { payment, charge, .. } => self.account(payment).open.retain(|(key, _)| key != charge),
            Entry::Closed { payment } => self.account(payment).closed = true,
        }
    }
}

impl Payment {
    fn account(&mut self, payment: &str) -> &mut Account {
        self.0.entry(payment.to_owned()).or_default()
    }

    fn charge(&self, key: &str, payment: &str, card: &Card, cents: u64) -> (Answer, Vec<Entry>) {
        // A charge can be overtaken by its own refund, when its caller gave up while it was on its way.
        let reason = match &card.number {
            _ if self.0.get(payment).is_some_and(|a| a.closed) => "the payment is closed",
            n if n.ends_with("0002") => "declined by the bank",
            n if n.ends_with("9995") => "insufficient funds",
            n if n.ends_with("0069") => "the card has expired",
            _ => {
                let charged = Entry::Charged { payment: payment.into(), key: key.into(), cents };
                return (Answer::Paid { receipt: format!("paid-{payment}") }, vec![charged]);
            }
        };
        let declined = Entry::Declined { payment: payment.into(), key: key.into(), reason: reason.into() };
        (Answer::Declined { reason: reason.into() }, vec![declined])
    }

    fn refund(&self, payment: &str) -> (Answer, Vec<Entry>) {
        let open = self.0.get(payment).map(|a| a.open.as_slice()).unwrap_or_default();
        let refund = |(charge, cents): &(String, u64)| Entry::Refunded {
            payment: payment.into(),
            charge: charge.clone(),
            cents: *cents,
        };
        let mut entries: Vec<_> = open.iter().map(refund).collect();
        entries.push(Entry::Closed { payment: payment.into() });
        (Answer::Refunded { cents: open.iter().map(|(_, cents)| cents).sum() }, entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(service: &mut Payment, key: &str, request: Request) -> Answer {
        let (answer, entries) = service.decide(key, &request);
        entries.iter().for_each(|e| service.apply(e));
        answer
    }

    fn charge(number: &str) -> Request {
        let card = Card { number: number.into(), expires: "01/30".into() };
        Request::Charge { payment: "order-1".into(), card, cents: 700 }
    }

    #[test]
    fn a_refund_gives_back_what_was_charged_once() {
        let mut service = Payment::default();
        assert!(matches!(play(&mut service, "a", charge("4242424242424242")), Answer::Paid { .. }));
        let refund = || Request::Refund { payment: "order-1".into() };
        assert_eq!(play(&mut service, "b", refund()), Answer::Refunded { cents: 700 });
        assert_eq!(play(&mut service, "c", refund()), Answer::Refunded { cents: 0 });
    }

    #[test]
    fn a_charge_that_comes_after_its_refund_is_declined() {
        let mut service = Payment::default();
        play(&mut service, "a", Request::Refund { payment: "order-1".into() });
        assert!(matches!(play(&mut service, "b", charge("4242424242424242")), Answer::Declined { .. }));
    }

    #[test]
    fn the_published_test_cards_are_declined() {
        let answer = play(&mut Payment::default(), "a", charge("4000000000009995"));
        assert_eq!(answer, Answer::Declined { reason: "insufficient funds".into() });
    }
}
