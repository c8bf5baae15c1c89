//! Defects that are built in on purpose, so that a simulation can show that it finds them. Only with the feature
//! `testing`, and only in an engine that asks for one.

use super::{actor::Actor, checkpoint::Checkpoint, error::Unavailable, instance::Next, shared::Shared};
use crate::machine::Completion;
use jiff::Timestamp;

/// A defect.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Attempts start before the commit that decides about them.
    EffectBeforeCommit,
    /// A signal that comes while another one waits is acknowledged and forgotten.
    LostSignal,
    /// What an attempt returned is also taken for the result of the activity that is called next.
    DoubledCompletion,
}

impl Shared {
    pub(super) fn has(&self, bug: Bug) -> bool {
        self.settings.bug == Some(bug)
    }
}

impl Actor {
    /// [`Bug::EffectBeforeCommit`]
    pub(super) fn start_early(&mut self, decided: &Checkpoint, now: Timestamp) {
        let worker = self.worker.clone();
        if !worker.shared.has(Bug::EffectBeforeCommit) {
            return;
        }
        let before = self.instance.checkpoint.replace(Box::new(decided.clone()));
        let idle = self.instance.idle_calls(now, &|op| worker.is_running(&self.instance.id, op));
        for request in idle.into_iter().filter_map(|op| self.request(op)).collect::<Vec<_>>() {
            self.start_attempt(request);
        }
        self.instance.checkpoint = before;
    }

    /// [`Bug::DoubledCompletion`]
    pub(super) async fn complete_again(&mut self, completion: Completion, now: Timestamp) -> Result<(), Unavailable> {
        if !self.worker.shared.has(Bug::DoubledCompletion) {
            return Ok(());
        }
        let Some(mut draft) = self.draft(now).filter(|d| !d.checkpoint.is_closed()) else { return Ok(()) };
        let waits = draft.checkpoint.pending.keys().copied().collect::<Vec<_>>();
        let Some(op) = waits.into_iter().find(|op| draft.call(*op).is_some()) else { return Ok(()) };
        draft.finish(op, completion, now);
        self.deliver(draft, Next::Done(op)).await.map(drop)
    }
}
