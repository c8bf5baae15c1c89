//! What a test kit does to an engine that no client can.

use super::{Engine, client::Inner, message::Mail, run::Run};
use crate::{
    activity::{AttemptReport, AttemptRequest},
    journal::id::{RunId, WorkflowId},
    machine::Workflow,
    store::StoreError,
};
use std::{fmt, sync::Weak};

/// A handle of an engine for a test kit. It does not keep the engine running.
#[doc(hidden)]
#[derive(Clone)]
pub struct Backdoor(Weak<Inner>);

impl fmt::Debug for Backdoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backdoor")
    }
}

impl Backdoor {
    /// Stops the engine: every call from now on fails with this reason.
    pub fn stop(&self, reason: &str) {
        if let Some(inner) = self.0.upgrade() {
            inner.shared.health.poison(StoreError::Poisoned { reason: reason.into() });
        }
    }

    /// Reports an attempt that has been reported before, as a network may.
    pub fn report_again(&self, request: &AttemptRequest, report: AttemptReport) {
        let (Some(inner), Ok(id)) = (self.0.upgrade(), WorkflowId::new(&*request.workflow_id)) else { return };
        let (run, op, attempt) = (RunId(request.run_id), request.op, request.attempt);
        inner.send(&id, Mail::Done { run, op, attempt, report });
    }
}

impl Engine {
    /// A handle of an instance of a workflow that is named by its type.
    #[doc(hidden)]
    pub fn handle<W: Workflow>(&self, id: &str) -> Run<W> {
        Run::new(self.clone(), WorkflowId::new(id), None)
    }

    /// See [`Backdoor`].
    #[doc(hidden)]
    pub fn backdoor(&self) -> Backdoor {
        Backdoor(std::sync::Arc::downgrade(&self.inner))
    }

    /// Resolves when the engine has come to its end, one way or the other.
    #[doc(hidden)]
    pub async fn down(&self) {
        self.inner.shared.health.down().await;
    }
}
