//! The types and the operations that the measured functions share. Each operation exists twice: as an activity and as a plain async
//! function with the same arguments and the same outcome.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use workflow_runtime::prelude::{ActivityError, Cancelled};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub sku: String,
    pub quantity: u32,
    pub cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    pub customer: String,
    pub note: Option<String>,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub id: String,
    pub cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Quote {
    Exact(u64),
    Range { low: u64, high: u64 },
    Never,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Status {
    Done { by: String },
    Pending { since: u64 },
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Review {
    Approved { by: String },
    Later { hours: u64 },
    Rejected(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub order: u64,
    pub cents: u64,
    pub journal: Vec<String>,
    pub marks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum OpError {
    Declined { reason: String },
    Unknown(String),
}

impl Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined { reason } => write!(f, "declined: {reason}"),
            Self::Unknown(what) => write!(f, "unknown: {what}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FlowError {
    Operation(ActivityError<OpError>),
    Refused(String),
    Late { since: u64 },
    Cancelled,
}

impl Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<ActivityError<OpError>> for FlowError {
    fn from(e: ActivityError<OpError>) -> Self {
        Self::Operation(e)
    }
}

impl From<Cancelled> for FlowError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

pub fn order() -> Order {
    let line = |n: u32| Line { sku: format!("sku-{n}"), quantity: n, cents: 100 };
    Order { id: 1, customer: "ada".to_owned(), note: None, lines: (0..3).map(line).collect() }
}

macro_rules! operations {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty { $value:expr })*) => {
        /// The operations as activities.
        pub mod durable {
            use super::*;
            $(#[workflow_runtime::activity]
            pub async fn $name($($arg: $ty),*) -> Result<$out, OpError> {
                $value
            })*
        }
        /// The operations as plain async functions.
        pub mod plain {
            use super::*;
            $(pub async fn $name($($arg: $ty),*) -> Result<$out, ActivityError<OpError>> {
                let value: Result<$out, OpError> = $value;
                value.map_err(ActivityError::Failed)
            })*
            pub async fn sleep(_: std::time::Duration) -> Result<(), Cancelled> {
                Ok(())
            }
        }
    };
}

operations! {
    price(sku: &str, quantity: u32) -> u64 { Ok(sku.len() as u64 * u64::from(quantity)) }
    reserve(sku: &str, quantity: u32) -> u64 { if sku.is_empty() { Err(OpError::Unknown("".to_owned())) } else { Ok(u64::from(quantity)) } }
    release(sku: &str, held: u64) -> () { { let _ = (sku, held); Ok(()) } }
    quote(customer: &str, held: u64) -> Quote { Ok(if customer.is_empty() { Quote::Never } else { Quote::Exact(held) }) }
    charge(customer: &str, cents: u64) -> Payment { Ok(Payment { id: customer.to_owned(), cents }) }
    notify(customer: &str, text: &str) -> () { { let _ = (customer, text); Ok(()) } }
    track(order: u64) -> Status { Ok(if order == 0 { Status::Failed(String::new()) } else { Status::Done { by: order.to_string() } }) }
    lookup(name: &str) -> Option<String> { Ok((name.len() > 3).then(|| name.to_owned())) }
    review(customer: &str, cents: u64) -> Review { Ok(if cents > 9 { Review::Later { hours: 1 } } else { Review::Approved { by: customer.to_owned() } }) }
    archive(text: &str) -> String { Ok(text.to_uppercase()) }
    split(order: &Order) -> Vec<Line> { Ok(order.lines.clone()) }
    ship(line: Line) -> String { Ok(line.sku) }
}
