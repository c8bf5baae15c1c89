//! What a customer sends, one order per line of JSON, and what the shop sells.

use serde::{Deserialize, Serialize};
use std::{collections::HashSet, fmt, fs, io, path::Path};

/// An order as it comes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub id: u64,
    pub customer: String,
    pub address: Address,
    pub card: Card,
    pub lines: Vec<Line>,
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    pub street: String,
    pub postcode: String,
    pub city: String,
    /// ISO 3166 code.
    pub country: String,
}

/// How it is paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    pub number: String,
    pub expires: String,
}

/// One product of the basket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub sku: String,
    pub quantity: u32,
    /// Price of one piece.
    pub cents: u64,
}

/// From this total on, somebody has to approve the order.
const LARGE: u64 = 100_000;

impl Order {
    /// The business id under which the money of this order moves.
    pub(crate) fn payment_key(&self) -> String {
        format!("order-{}", self.id)
    }

    /// What it costs, in cents.
    pub(crate) fn total(&self) -> u64 {
        self.lines.iter().map(|l| l.cents * u64::from(l.quantity)).sum()
    }

    /// True if somebody has to approve it.
    pub(crate) fn is_large(&self) -> bool {
        self.total() >= LARGE
    }

    fn problem(&self) -> Option<String> {
        let mut skus = HashSet::new();
        if self.lines.is_empty() {
            return Some("the basket is empty".into());
        }
        for line in &self.lines {
            let Some(product) = CATALOGUE.iter().find(|p| p.sku == line.sku) else {
                return Some(format!("there is no product `{}`", line.sku));
            };
            if line.quantity == 0 {
                return Some(format!("the quantity of `{}` is 0", line.sku));
            }
            if line.cents != product.cents {
                return Some(format!("`{}` costs {} cents, not {}", line.sku, product.cents, line.cents));
            }
            if !skus.insert(&line.sku) {
                return Some(format!("`{}` stands in two lines: add up the quantities", line.sku));
            }
        }
        None
    }
}

/// Why a file of orders was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrdersError {
    #[error("cannot read {path}: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("{path} holds no order")]
    Empty { path: String },
    #[error("{path}, line {line}: {reason}")]
    Line { path: String, line: usize, reason: String },
}

/// Reads a file of orders, one JSON object per line; empty lines are skipped.
///
/// # Errors
///
/// The first line that is no valid order, with its number and the reason.
pub(crate) fn read_orders(path: &Path) -> Result<Vec<Order>, OrdersError> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| OrdersError::Unreadable { path: shown.clone(), source })?;
    parse_orders(&shown, &text)
}

fn parse_orders(path: &str, text: &str) -> Result<Vec<Order>, OrdersError> {
    let mut orders: Vec<Order> = vec![];
    let mut ids = HashSet::new();
    for (n, text) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let bad = |reason: &dyn fmt::Display| OrdersError::Line {
            path: path.into(),
            line: n + 1,
            reason: reason.to_string(),
        };
        let order: Order = serde_json::from_str(text).map_err(|e| bad(&in_one_line(&e)))?;
        if let Some(problem) = order.problem() {
            return Err(bad(&problem));
        }
        if !ids.insert(order.id) {
            return Err(bad(&format!("order {} stands in the file twice", order.id)));
        }
        orders.push(order);
    }
    if orders.is_empty() { Err(OrdersError::Empty { path: path.into() }) } else { Ok(orders) }
}

/// serde counts lines within what it was given, which is always line 1 here.
fn in_one_line(e: &serde_json::Error) -> String {
    e.to_string().replace(" at line 1 column ", " at column ")
}

/// What the shop sells.
pub(crate) struct Product {
    pub sku: &'static str,
    pub cents: u64,
    /// Pieces in the warehouse before the first order.
    pub in_stock: u32,
}

const fn product(sku: &'static str, cents: u64, in_stock: u32) -> Product {
    Product { sku, cents, in_stock }
}

/// The catalogue. Some products are so rare that orders fail over them.
pub(crate) const CATALOGUE: &[Product] = &[
    product("KET-01", 6490, 2_000),   // Gooseneck kettle, 1 l
    product("GRI-02", 11_900, 2_000), // Hand grinder, steel burrs
    product("GRI-07", 38_900, 900),   // Electric grinder
    product("SCA-01", 4950, 2_000),   // Scale with timer
    product("DRI-01", 2700, 2_000),   // Dripper, porcelain
    product("DRI-02", 6900, 2_000),   // Dripper, copper
    product("FIL-40", 420, 9_000),    // Filters, 40 pieces
    product("FIL-99", 890, 9_000),    // Filters, 100 pieces
    product("CUP-06", 5400, 2_000),   // Cups, set of six
    product("CUP-02", 2200, 2_000),   // Cups, set of two
    product("BEA-ET", 3800, 4_000),   // Beans, Yirgacheffe, 1 kg
    product("BEA-CO", 3200, 4_000),   // Beans, Huila, 1 kg
    product("BEA-PA", 7400, 240),     // Beans, Gesha, 250 g
    product("ESP-11", 124_900, 400),  // Espresso machine, lever
    product("ESP-20", 219_000, 400),  // Espresso machine, dual boiler
    product("TAM-58", 4500, 2_000),   // Tamper, 58 mm
    product("JUG-35", 1990, 2_000),   // Milk jug, 350 ml
    product("MOK-03", 3400, 2_000),   // Moka pot, three cups
    product("PRE-10", 4200, 2_000),   // French press, 1 l
    product("BOO-01", 9500, 3),       // Signed first edition
];

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":1,"customer":"Zoë Ångström","address":{"street":"Östra Ågatan 3","postcode":"753 22","city":"Uppsala","country":"SE"},"card":{"number":"4242424242424242","expires":"11/29"},"lines":[{"sku":"FIL-40","quantity":2,"cents":420}]}"#;

    fn reason(text: &str) -> String {
        parse_orders("orders.jsonl", text).expect_err("the file is wrong").to_string()
    }

    #[test]
    fn an_order_is_read_and_added_up() {
        let orders = parse_orders("orders.jsonl", &format!("{GOOD}\n\n")).expect("a good file");
        assert_eq!((orders.len(), orders[0].total(), orders[0].is_large()), (1, 840, false));
    }

    #[test]
    fn a_bad_line_is_named_with_its_number_and_reason() {
        assert_eq!(reason(""), "orders.jsonl holds no order");
        assert!(
            reason(&format!("{GOOD}\n{{\"id\":2}}"))
                .starts_with("orders.jsonl, line 2: missing field `customer` at column")
        );
        assert!(reason(&format!("{GOOD}\n\n{}", &GOOD[..90])).starts_with("orders.jsonl, line 3: EOF while parsing"));
        assert_eq!(reason(&format!("{GOOD}\n{GOOD}")), "orders.jsonl, line 2: order 1 stands in the file twice");
        assert_eq!(reason(&GOOD.replace("FIL-40", "TEA")), "orders.jsonl, line 1: there is no product `TEA`");
        assert_eq!(reason(&GOOD.replace(":420", ":421")), "orders.jsonl, line 1: `FIL-40` costs 420 cents, not 421");
        assert_eq!(
            reason(&GOOD.replace("\"quantity\":2", "\"quantity\":0")),
            "orders.jsonl, line 1: the quantity of `FIL-40` is 0"
        );
    }
}
