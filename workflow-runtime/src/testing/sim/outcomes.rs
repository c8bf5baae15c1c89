//! The end of a run, for those who judge it.

use super::check::Checker;
use crate::{
    activity::AttemptRequest,
    journal::history::{Entry, Outcome},
};
use serde::de::DeserializeOwned;

/// How a simulated run has ended.
pub struct Outcomes<'a>(pub(super) &'a Checker);

impl Outcomes<'_> {
    /// The instances that were started, in order of their ids.
    pub fn instances(&self) -> Vec<&str> {
        self.0.instances().map(|(id, _)| id.as_str()).collect()
    }

    /// How an instance has ended. `None`: it was never started.
    pub fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.0.outcome(id)
    }

    /// What an instance has returned.
    ///
    /// # Errors
    ///
    /// It has ended in another way, or returned something else.
    pub fn completed<T: DeserializeOwned>(&self, id: &str) -> Result<T, String> {
        match self.0.outcome(id) {
            Some(Outcome::Completed(value)) => value.decode().map_err(|e| format!("{id}: {e}")),
            other => Err(format!("{id} should have completed: {other:?}")),
        }
    }

    /// Everything that happened to an instance.
    pub fn history(&self, id: &str) -> &[Entry] {
        self.0.history(id)
    }

    /// Every attempt of an activity whose body has begun, in order.
    pub fn attempts(&self) -> &[AttemptRequest] {
        self.0.effects().begun()
    }
}
