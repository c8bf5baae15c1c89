//! Cancelling, terminating and retrying a run from outside.

use crate::engine::{
    actor::Actor,
    checkpoint::State,
    draft::Draft,
    error::{ControlError, Unavailable},
    instance::Next,
};
use jiff::Timestamp;

impl Actor {
    /// A draft of a run that has not ended.
    pub(in crate::engine) fn open_draft(
        &self,
        action: &'static str,
        now: Timestamp,
    ) -> Result<Box<Draft>, ControlError> {
        let workflow_id = self.instance.id.to_string();
        let Some(draft) = self.draft(now) else { return Err(ControlError::NotFound { workflow_id, action }) };
        if draft.checkpoint.is_closed() {
            let state = draft.checkpoint.status().as_str();
            return Err(ControlError::Closed { workflow_id, action, state });
        }
        Ok(draft)
    }

    pub(in crate::engine) async fn cancel(
        &mut self,
        reason: String,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), ControlError> {
        let mut kept = self.open_draft("cancel", now)?;
        if kept.checkpoint.cancel.is_some() {
            return Ok(());
        }
        // It has done nothing yet, and is not begun only to be stopped.
        if kept.checkpoint.is_scheduled() {
            kept.terminate(&self.instance.keys, reason);
            return Ok(self.store(kept).await?);
        }
        kept.request_cancel(reason, at);
        // A run that is blocked can be cancelled: what it waits for ends, and it may go on from there.
        self.instance.retrying = self.instance.is_blocked();
        if self.instance.may_step() && kept.checkpoint.steps > 0 {
            self.deliver(kept, Next::Cancel).await.map(drop)?;
        } else {
            self.store(kept).await?;
        }
        Ok(())
    }

    pub(in crate::engine) async fn terminate(&mut self, reason: String, now: Timestamp) -> Result<(), ControlError> {
        let mut draft = self.open_draft("terminate", now)?;
        draft.terminate(&self.instance.keys, reason);
        self.instance.machine = None;
        Ok(self.store(draft).await?)
    }

    /// Ends a run whose chain has no more time.
    pub(in crate::engine) async fn expire(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        let Some(mut draft) = self.draft(now) else { return Ok(()) };
        let Some(after) = draft.checkpoint.expires else { return Ok(()) };
        draft.expire(&self.instance.keys, after);
        self.instance.machine = None;
        self.store(draft).await
    }

    /// Makes the retention of what has ended be over now.
    pub(in crate::engine) async fn remove(&mut self, now: Timestamp) -> Result<(), ControlError> {
        let workflow_id = self.instance.id.to_string();
        let Some(mut draft) = self.draft(now).filter(|draft| !draft.checkpoint.removing) else {
            return Err(ControlError::NotFound { workflow_id, action: "remove" });
        };
        let c = &mut draft.checkpoint;
        if !c.is_closed() {
            return Err(ControlError::NotClosed { workflow_id, state: c.status().as_str() });
        }
        if c.retire.is_some_and(|at| at <= now) {
            return Ok(());
        }
        c.retire = Some(now);
        Ok(self.store(draft).await?)
    }

    pub(in crate::engine) async fn retry(&mut self, now: Timestamp) -> Result<(), ControlError> {
        let mut draft = self.open_draft("retry", now)?;
        if !matches!(draft.checkpoint.state, State::Blocked(_)) {
            return Err(ControlError::NotBlocked { workflow_id: self.instance.id.to_string() });
        }
        draft.unblock();
        Ok(self.store(draft).await?)
    }
}
