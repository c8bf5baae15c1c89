//! What an attempt knows about itself, and what it tells.

use super::{CompletionToken, HeartbeatError, Stop, heartbeat::Beats};
use crate::{journal::payload::Payload, machine::OpId};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn idempotency_key(run_id: Uuid, op: OpId) -> String {
    format!("{}-{op}", run_id.simple())
}

/// What an attempt of an activity knows about itself. Declare it as the first parameter, or behind the states.
///
/// Cheap to clone; clones belong to the same attempt.
#[derive(Debug, Clone)]
pub struct ActivityContext {
    pub(crate) workflow_id: Arc<str>,
    pub(crate) run_id: Uuid,
    pub(crate) op: OpId,
    pub(crate) attempt: u32,
    pub(crate) stop: Stop,
    pub(crate) beats: Arc<Beats>,
    /// What earlier attempts have left.
    pub(crate) progress: Option<Payload>,
}

impl ActivityContext {
    /// A context for calling an activity in a unit test: the first attempt of a call of an instance `test`.
    pub fn for_test() -> Self {
        let beats = Arc::new(Beats::new(Arc::new(Timestamp::now), usize::MAX));
        let (workflow_id, run_id, op) = (Arc::from("test"), Uuid::nil(), OpId(0));
        ActivityContext { workflow_id, run_id, op, attempt: 1, stop: Stop::default(), beats, progress: None }
    }

    /// For unit tests: this is attempt number `attempt`.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// For unit tests: the attempt before has left this progress.
    ///
    /// # Panics
    ///
    /// If it cannot be encoded.
    #[must_use]
    pub fn with_last_heartbeat<P: Serialize + ?Sized>(mut self, progress: &P) -> Self {
        self.progress = Some(Payload::encode(progress).unwrap_or_else(|e| panic!("{e}")));
        self
    }

    /// For unit tests: somebody wants the activity to stop.
    #[must_use]
    pub fn with_cancelled(mut self) -> Self {
        self.stop = Stop::default();
        self.stop.ask();
        self
    }

    /// `{run}-{operation}`: the same over every attempt and crash, different for every other call. Short ASCII, no customer data.
    pub fn idempotency_key(&self) -> String {
        idempotency_key(self.run_id, self.op)
    }

    /// Number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Tells that the attempt is alive, and how far it is. Costs as much as encoding `progress`, writes nothing, and may be
    /// called as often as there is progress.
    ///
    /// The attempt that follows this one finds the progress in [`last_heartbeat`](Self::last_heartbeat): the last one if
    /// this attempt fails, times out, panics, or is interrupted by a shutdown. If the process dies, what is left is at most as
    /// old as the engine's [`progress_interval`](crate::engine::EngineBuilder::progress_interval). Progress that cannot
    /// be encoded, or is larger than a payload may be, is logged once and leaves the one before in place.
    pub fn heartbeat<P: Serialize + ?Sized>(&self, progress: &P) {
        self.beats.beat(Payload::encode(progress));
    }

    /// The last progress of the attempts before this one; `None` if there is none.
    ///
    /// ```
    /// # use workflow_runtime::ActivityContext;
    /// let cx = ActivityContext::for_test().with_attempt(2).with_last_heartbeat(&17u64);
    /// assert_eq!(cx.last_heartbeat::<u64>()?, Some(17));
    /// assert!(cx.last_heartbeat::<String>().is_err());
    /// # Ok::<(), workflow_runtime::activity::HeartbeatError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is not a `P`.
    pub fn last_heartbeat<P: DeserializeOwned>(&self) -> Result<Option<P>, HeartbeatError> {
        Ok(self.progress.as_ref().map(Payload::decode).transpose()?)
    }

    /// True once somebody wants the activity to stop. An activity that then stops gives `Cancelled`; one that ends first gives its result.
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_asked()
    }

    /// Resolves when somebody wants the activity to stop.
    pub async fn cancelled(&self) {
        self.stop.asked().await;
    }

    /// Names this call for whoever completes it from outside. The same over every attempt.
    pub fn completion_token(&self) -> CompletionToken {
        CompletionToken::new(self.workflow_id.clone(), self.run_id, self.op)
    }

    /// Ends the attempt without a result: somebody who has the [`completion_token`](Self::completion_token) gives it later.
    ///
    /// Never returns: the body is dropped here. That is recorded, so the body does not run again after a restart. `timeout`
    /// has done its part; `total_timeout` and `heartbeat` go on, and heartbeats come from outside then.
    ///
    /// ```
    /// use workflow_runtime::prelude::*;
    ///
    /// #[activity(total_timeout = "7d")]
    /// async fn ask_somebody(cx: ActivityContext, who: &str) -> Result<bool, WorkflowError> {
    ///     println!("{who}: answer with {}", cx.completion_token());
    ///     cx.defer().await
    /// }
    /// ```
    pub async fn defer<T>(&self) -> T {
        self.beats.defer();
        std::future::pending().await
    }
}
