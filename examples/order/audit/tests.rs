use super::*;
use crate::domain::{Address, Card, Line};

/// Order 1 is small, order 2 is large; each is one line.
fn orders() -> Vec<Order> {
    let order = |id, sku: &str, cents| Order {
        id,
        customer: "Růžena Dvořák".into(),
        address: Address {
            street: "Na Příkopě 9".into(),
            postcode: "301 00".into(),
            city: "Plzeň".into(),
            country: "CZ".into(),
        },
        card: Card { number: "4242424242424242".into(), expires: "01/30".into() },
        lines: vec![Line { sku: sku.into(), quantity: 1, cents }],
    };
    vec![order(1, "FIL-40", 420), order(2, "ESP-11", 124_900)]
}

fn charged(order: u64, key: &str, cents: u64) -> payment::Entry {
    payment::Entry::Charged { payment: format!("order-{order}"), key: key.into(), cents }
}
fn refunded(order: u64, charge: &str, cents: u64) -> payment::Entry {
    payment::Entry::Refunded { payment: format!("order-{order}"), charge: charge.into(), cents }
}
fn reserved(order: u64, sku: &str, quantity: u32) -> stock::Entry {
    stock::Entry::Reserved { order, sku: sku.into(), key: format!("r{order}-{sku}"), quantity }
}
fn released(order: u64, sku: &str, quantity: u32) -> stock::Entry {
    stock::Entry::Released { order, sku: sku.into(), reservation: format!("r{order}-{sku}"), quantity }
}
fn shipped(order: u64, country: &str) -> shipping::Entry {
    shipping::Entry::Shipped { order, key: format!("s{order}"), country: country.into() }
}
fn recalled(order: u64) -> shipping::Entry {
    shipping::Entry::Recalled { order, parcel: format!("s{order}") }
}

/// Order 1 went out; order 2 was refused by the desk and undone.
fn books() -> Books {
    Books {
        payment: vec![charged(1, "c1", 420), charged(2, "c2", 124_900), refunded(2, "c2", 124_900)],
        stock: vec![reserved(1, "FIL-40", 1), reserved(2, "ESP-11", 1), released(2, "ESP-11", 1)],
        shipping: vec![shipped(1, "CZ")],
        desk: vec![desk::Entry { order: 2, key: "d2".into() }],
    }
}

fn outcomes() -> BTreeMap<u64, Outcome> {
    BTreeMap::from([(1, Outcome::Fulfilled), (2, Outcome::Refused)])
}

fn findings(outcomes: &BTreeMap<u64, Outcome>, books: &Books) -> Vec<String> {
    audit(&orders(), outcomes, books, &|id| (id == 2).then_some(false)).findings
}

#[track_caller]
fn finds<R>(change: impl FnOnce(&mut BTreeMap<u64, Outcome>, &mut Books) -> R, expected: &str) {
    let (mut outcomes, mut books) = (outcomes(), books());
    change(&mut outcomes, &mut books);
    let findings = findings(&outcomes, &books);
    assert!(findings.iter().any(|f| f.contains(expected)), "expected `{expected}` in {findings:#?}");
}

#[test]
fn honest_books_add_up() {
    assert_eq!(findings(&outcomes(), &books()), Vec::<String>::new());
}

#[test]
fn money_that_moved_wrongly_is_found() {
    finds(|_, b| b.payment.push(charged(1, "c1b", 420)), "order 1 (fulfilled): it was charged 2 times");
    finds(|_, b| b.payment.remove(0), "order 1 (fulfilled): it was never charged");
    finds(|_, b| b.payment[0] = charged(1, "c1", 421), "it costs 420 cents, and 421 were charged");
    finds(|_, b| b.payment.push(refunded(1, "c1", 420)), "order 1 (fulfilled): it was refunded");
    finds(|_, b| b.payment.pop(), "order 2 (approval refused): the charge c2 was not refunded");
    finds(|_, b| b.payment[2] = refunded(2, "c2", 1), "the charge c2 was refunded in another amount");
    finds(|_, b| b.payment.push(refunded(2, "c2", 124_900)), "the charge c2 was refunded 2 times");
    finds(|_, b| b.payment.push(refunded(2, "c3", 1)), "the charge c3 was refunded, and never made");
    finds(|_, b| b.payment.push(charged(9, "c9", 1)), "an order 9 that nobody has placed");
    finds(|_, b| b.payment.push(charged(9, "c9", 1)), "the fulfilled orders cost 420 cents, and 421 were kept");
    let foreign = || payment::Entry::Closed { payment: "gift".into() };
    finds(|_, b| b.payment.push(foreign()), "the payment `gift` belongs to no order");
}

#[test]
fn goods_that_moved_wrongly_are_found() {
    finds(|_, b| b.stock[0] = reserved(1, "FIL-40", 2), "1 of `FIL-40` were ordered, and 2 reserved");
    finds(|_, b| b.stock.remove(0), "1 of `FIL-40` were ordered, and 0 reserved");
    finds(|_, b| b.stock.push(reserved(1, "CUP-02", 1)), "`CUP-02` was reserved, which nobody ordered");
    finds(|_, b| b.stock.push(reserved(1, "FIL-40", 1)), "`FIL-40` was reserved twice");
    finds(|_, b| b.stock.push(released(1, "FIL-40", 1)), "order 1 (fulfilled): it was put back into stock");
    finds(|_, b| b.stock.pop(), "the reservation r2-ESP-11 was not released");
    finds(|_, b| b.stock.pop(), "0 of `ESP-11` were sold, and 1 are gone");
    finds(|_, b| b.stock.insert(0, reserved(1, "BOO-01", 4)), "`BOO-01` was reserved when there were only 3 left");
}

#[test]
fn parcels_that_went_wrong_are_found() {
    finds(|_, b| b.shipping.clear(), "order 1 (fulfilled): it was never shipped");
    finds(|_, b| b.shipping[0] = shipped(1, "DE"), "it was shipped to DE instead of CZ");
    finds(|_, b| b.shipping.push(shipped(1, "CZ")), "it was shipped 2 times");
    finds(|_, b| b.shipping.push(recalled(1)), "order 1 (fulfilled): it was recalled");
    finds(|_, b| b.shipping.push(shipped(2, "CZ")), "the parcel s2 was not recalled");
}

#[test]
fn outcomes_that_the_books_do_not_bear_out_are_found() {
    let says = |outcome, expected| finds(move |o, _| o.insert(2, outcome), expected);
    says(Outcome::Declined, "no card was declined");
    says(Outcome::Declined, "the card was charged all the same");
    says(Outcome::OutOfStock, "the warehouse refused nothing");
    says(Outcome::NoCarrier, "no carrier refused it");
    says(Outcome::Fulfilled, "it is large, and nobody approved it");
    finds(|_, b| b.desk.clear(), "nobody was asked to approve it");
    finds(|o, _| o.insert(1, Outcome::NotApproved), "nobody was asked to approve it");
    finds(|o, _| o.insert(1, Outcome::Refused), "nobody refused it");
    finds(|o, _| o.remove(&1), "order 1 has no outcome");
    finds(|o, _| o.insert(7, Outcome::Fulfilled), "an outcome for an order 7 that nobody has placed");
}
