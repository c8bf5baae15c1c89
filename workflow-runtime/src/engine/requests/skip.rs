//! Leaving a compensation undone, by somebody's decision.

use crate::{
    engine::{
        actor::Actor,
        checkpoint::{Done, Operation},
        draft::Draft,
        error::SkipError,
        instance::Next,
    },
    journal::history::Event,
    machine::{Completion, OpId},
};
use jiff::Timestamp;

impl Actor {
    pub(in crate::engine) async fn skip(
        &mut self,
        op: Option<OpId>,
        reason: String,
        now: Timestamp,
    ) -> Result<(), SkipError> {
        let workflow_id = self.instance.id.to_string();
        let Some(mut kept) = self.draft(now) else { return Err(SkipError::NotFound { workflow_id }) };
        if kept.checkpoint.is_closed() {
            return Err(SkipError::Closed { workflow_id, state: kept.checkpoint.status().as_str() });
        }
        let running = kept.compensations();
        let op = match (op, &running[..]) {
            (Some(op), running) if running.contains(&op) => op,
            (None, [op]) => *op,
            (None, [_, _, ..]) => return Err(SkipError::Several { workflow_id, ops: running.clone() }),
            (op, _) => return Err(SkipError::NotCompensating { workflow_id, op }),
        };
        kept.skip(op, reason);
        // A run that is blocked by its compensation goes on from here.
        self.instance.retrying = self.instance.is_blocked();
        self.deliver(kept, Next::Done(op)).await.map(drop)?;
        Ok(())
    }
}

impl Draft {
    /// The compensations that run.
    fn compensations(&self) -> Vec<OpId> {
        let compensates = |what: &Operation| matches!(what, Operation::Activity(call) if call.options.shielded);
        let running = self.checkpoint.pending.iter().filter(|(_, p)| p.done.is_none() && compensates(&p.what));
        running.map(|(op, _)| *op).collect()
    }

    /// The compensation counts as done; an attempt that runs is asked to stop.
    fn skip(&mut self, op: OpId, reason: String) {
        let at = self.now;
        let Some(p) = self.checkpoint.pending.get_mut(&op) else { return };
        let Operation::Activity(call) = &p.what else { return };
        let activity = call.name.to_string();
        p.done = Some(Box::new(Done { at, completion: Completion::Cancelled }));
        p.cancel = true;
        self.events.push(Event::CompensationSkipped { op: op.0, activity, reason });
    }
}
