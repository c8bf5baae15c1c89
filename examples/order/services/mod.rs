//! The outside world: four services with durable books of their own, in another process than the workflows.
//!
//! They honour idempotency keys, as real ones do, and otherwise behave as badly: they fail before and after they have
//! done what they were asked, lose answers, and do things so late that nobody waits any more.
//! Worker and services speak JSON, one message per line, over a loopback connection.

pub(crate) mod client;
pub(crate) mod desk;
pub(crate) mod faults;
pub(crate) mod host;
pub(crate) mod ledger;
pub(crate) mod payment;
pub(crate) mod shipping;
pub(crate) mod stock;

use crate::audit::Outcome;
use serde::{Deserialize, Serialize};

/// A request to one of the services.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Request {
    Payment(payment::Request),
    Stock(stock::Request),
    Shipping(shipping::Request),
    Desk(desk::Request),
}

/// The answer of one of the services.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Answer {
    Payment(payment::Answer),
    Stock(stock::Answer),
    Shipping(shipping::Answer),
    Desk(desk::Answer),
}

/// A service did not do what it was asked, or did it and failed to say so: the caller cannot know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{service} is not available")]
pub(crate) struct Unavailable {
    pub service: String,
}

impl Request {
    /// Name of the service, for people.
    pub(crate) fn service(&self) -> &'static str {
        match self {
            Request::Payment(_) => "payment",
            Request::Stock(_) => "stock",
            Request::Shipping(_) => "shipping",
            Request::Desk(_) => "approvals",
        }
    }
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// An activity asks a service.
    Call { id: u64, key: String, request: Request },
    /// The engine is open and every order is started.
    Opened { new: usize, millis: u64 },
    /// The outcome of an order is durable.
    Closed { order: u64, outcome: Outcome },
    /// The signal for an order is durable.
    Delivered { order: u64 },
}

/// What a worker hears.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// The answer to a call.
    Answer { id: u64, answer: Result<Answer, Unavailable> },
    /// Somebody has decided about an order: signal it.
    Deliver { order: u64, approval: desk::Approval },
}
