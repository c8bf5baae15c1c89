//! What the workflows of these tests work with.

use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub sku: String,
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Normal,
    Express { fee: u64, by: String },
    Gift(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    pub card: Card,
    pub lines: Vec<Line>,
    pub kind: Kind,
    pub note: Option<String>,
    pub cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub id: u64,
    pub cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum ChargeError {
    #[error("declined with code {code}")]
    Declined { code: u32 },
    #[error("the network is down")]
    Network,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum OrderError {
    #[error(transparent)]
    Charge(#[from] ActivityError<ChargeError>),
    #[error(transparent)]
    Stock(#[from] ActivityError<String>),
    #[error(transparent)]
    Plain(#[from] ActivityError<workflow_runtime::machine::Never>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("empty")]
    Empty,
    #[error("stopped at {0}")]
    Stopped(u32),
}

#[activity(timeout = "10s", retry(attempts = 3, initial = "1ms", unless(ChargeError::Declined { .. })))]
pub async fn charge(cx: ActivityContext, card: &Card, cents: u64) -> Result<Payment, ChargeError> {
    match card.0.as_str() {
        "bad" => Err(ChargeError::Declined { code: 51 }),
        "flaky" if cx.attempt() < 3 => Err(ChargeError::Network),
        "dead" => Err(ChargeError::Network),
        _ => Ok(Payment { id: cents + 1, cents }),
    }
}

#[activity]
pub async fn refund(payment: u64) -> Result<(), ChargeError> {
    let _ = payment;
    Ok(())
}

#[activity]
pub async fn reserve(sku: &str, quantity: u32) -> Result<u32, String> {
    if sku == "none" { Err("sold out".into()) } else { Ok(quantity * 10) }
}

#[activity]
pub async fn release(sku: &str) -> Result<(), String> {
    let _ = sku;
    Ok(())
}

#[activity]
pub async fn ping(n: u32) -> u32 {
    n * 2
}

#[activity]
pub async fn double(n: u32) -> Result<u32, String> {
    if n > 1_000 { Err(format!("{n} is too large")) } else { Ok(n * 2) }
}

#[activity]
pub async fn text(s: &str, parts: &[u32]) -> String {
    format!("{s}{parts:?}")
}

#[activity]
pub async fn fails_with_panic(n: u32) -> u32 {
    assert!(n != 13, "unlucky");
    n
}

/// `double`, and give up with the error of the workflow.
#[workflow]
pub async fn twice(n: u32) -> Result<u32, OrderError> {
    let once = double(n).await?;
    let again = double(once).await?;
    Ok(again)
}

pub fn order(card: &str, lines: u32) -> Order {
    Order {
        id: 7,
        card: Card(card.into()),
        lines: (0..lines).map(|i| Line { sku: format!("s{i}"), quantity: i + 1 }).collect(),
        kind: Kind::Express { fee: 5, by: "air".into() },
        note: Some("fragile".into()),
        cents: 100,
    }
}
