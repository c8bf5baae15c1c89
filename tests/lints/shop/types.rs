//! The types of both.

use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card(pub String);

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// How it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// As always.
    Normal,
    /// Soon.
    Express {
        /// What it costs.
        fee: u64,
        /// Who brings it.
        by: String,
    },
    /// To this person.
    Gift(String),
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// Who pays.
    pub card: Card,
    /// What is in it.
    pub lines: Vec<Line>,
    /// How it is sent.
    pub kind: Kind,
    /// What the customer has to say.
    pub note: Option<String>,
    /// What it costs.
    pub cents: u64,
}

/// Money that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Payment {
    /// Its number.
    pub id: u64,
    /// How much.
    pub cents: u64,
}

/// Why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ChargeError {
    /// The bank says no.
    #[error("declined")]
    Declined,
}

/// Why an order failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum OrderError {
    /// No money.
    #[error(transparent)]
    Charge(#[from] ActivityError<ChargeError>),
    /// No goods.
    #[error(transparent)]
    Stock(#[from] ActivityError<String>),
    /// No answer.
    #[error(transparent)]
    Plain(#[from] ActivityError<workflow_runtime::machine::Never>),
    /// No more.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Nothing.
    #[error("empty")]
    Empty,
}
