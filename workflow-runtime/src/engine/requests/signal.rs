//! Signals: into the inbox, or to the operation that waits.

use crate::{
    engine::{
        actor::Actor,
        checkpoint::{Checkpoint, Operation, SignalRecord},
        error::SignalError,
        instance::Next,
    },
    journal::payload::Payload,
    machine::OpId,
};
use jiff::Timestamp;

impl Actor {
    pub(in crate::engine) async fn signal(
        &mut self,
        name: String,
        payload: Payload,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), SignalError> {
        let workflow_id = self.instance.id.to_string();
        let Some(mut kept) = self.draft(now) else {
            return Err(SignalError::NotFound { workflow_id, signal: name });
        };
        if kept.checkpoint.is_closed() {
            let state = kept.checkpoint.status().as_str();
            return Err(SignalError::Closed { workflow_id, signal: name, state });
        }
        #[cfg(feature = "testing")]
        if self.worker.shared.has(crate::engine::Bug::LostSignal)
            && kept.checkpoint.inbox.get(&name).is_some_and(|i| !i.is_empty())
        {
            return Ok(());
        }
        let record = SignalRecord { payload, received: at };
        if let Err(source) = kept.buffer(&self.instance.keys, &name, &record) {
            return Err(SignalError::Unencodable { workflow_id, signal: name, source });
        }
        match self.receiver(&kept.checkpoint, &name) {
            Some(op) => self.deliver(kept, Next::Signal(op)).await.map(drop)?,
            None => self.store(kept).await?,
        }
        Ok(())
    }

    /// The operation that takes the next signal of a name, if the machine may take it now.
    pub(in crate::engine) fn receiver(&self, c: &Checkpoint, name: &str) -> Option<OpId> {
        let alone = c.inbox.get(name).is_some_and(|i| i.first + 1 == i.next);
        if !alone || !self.instance.may_step() {
            return None;
        }
        let mut pending = c.pending.iter();
        let (op, _) = pending.find(|(_, p)| {
            !p.cancel && p.done.is_none() && matches!(&p.what, Operation::Signal { name: n, .. } if n == name)
        })?;
        Some(*op)
    }
}
