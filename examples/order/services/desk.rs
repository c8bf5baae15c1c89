//! The desk where people approve large orders. They answer when they get to it, and some requests they never see.

use super::ledger::Service;
use crate::rng::Rng;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the desk is asked: to look at an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub order: u64,
    pub cents: u64,
}

/// The desk confirms that it was asked; the decision comes later, as a signal.
pub(crate) type Answer = ();

/// What the desk writes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub order: u64,
    pub key: String,
}

/// Keeps nothing but the book.
#[derive(Default)]
pub(crate) struct Desk;

impl Service for Desk {
    type Request = Request;
    type Answer = Answer;
    type Entry = Entry;

    fn decide(&self, key: &str, request: &Request) -> (Answer, Vec<Entry>) {
        ((), vec![Entry { order: request.order, key: key.into() }])
    }

    fn apply(&mut self, _: &Entry) {}
}

/// What the desk decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Approval {
    pub approved: bool,
    pub by: String,
}

/// What happens to a request at the desk, and how long it takes; `None`: nobody ever looks at it.
pub(crate) fn decision(seed: u64, order: u64) -> Option<(Approval, Duration)> {
    let mut rng = Rng::of(seed, &format!("approval {order}"));
    let by = rng.pick(&["Håkon", "Inés", "Zofia", "Bjørk"]).to_string();
    let delay = Duration::from_millis(50 + rng.below(1_200));
    match rng.below(10) {
        0..7 => Some((Approval { approved: true, by }, delay)),
        7 => Some((Approval { approved: false, by }, delay)),
        _ => None,
    }
}
