//! What an attempt knows about itself.

use crate::machine::OpId;
use uuid::Uuid;

pub(crate) fn idempotency_key(run_id: Uuid, op: OpId) -> String {
    format!("{}-{op}", run_id.simple())
}

/// What an attempt of an activity knows about itself. Declare it as the first parameter, or behind the states.
#[derive(Debug, Clone)]
pub struct ActivityContext {
    pub(crate) run_id: Uuid,
    pub(crate) op: OpId,
    pub(crate) attempt: u32,
    pub(crate) cancelled: tokio::sync::watch::Receiver<bool>,
}

impl ActivityContext {
    /// A context for calling an activity in a unit test.
    pub fn for_test() -> Self {
        let (_, cancelled) = tokio::sync::watch::channel(false);
        ActivityContext { run_id: Uuid::nil(), op: OpId(0), attempt: 1, cancelled }
    }

    /// `{run}-{operation}`: the same over every attempt and crash, different for every other call. Short ASCII, no customer data.
    pub fn idempotency_key(&self) -> String {
        idempotency_key(self.run_id, self.op)
    }

    /// Number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// True once somebody wants the activity to stop. An activity that then stops gives `Cancelled`; one that ends first gives its result.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// Resolves when somebody wants the activity to stop.
    pub async fn cancelled(&mut self) {
        if self.cancelled.wait_for(|c| *c).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
