//! Signals: into the inbox, or to the operation that waits.

use crate::{
    engine::{actor::Actor, checkpoint::SignalRecord, error::SignalError, instance::Next},
    journal::payload::Payload,
};
use jiff::Timestamp;

/// A signal on its way to an instance.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Outgoing {
    pub(in crate::engine) name: String,
    pub(in crate::engine) payload: Payload,
    /// A second one with this id changes nothing.
    pub(in crate::engine) id: Option<String>,
}

impl Actor {
    pub(in crate::engine) async fn signal(
        &mut self,
        signal: Outgoing,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), SignalError> {
        let workflow_id = self.instance.id.to_string();
        let Outgoing { name, payload, id } = signal;
        let Some(mut kept) = self.draft(now) else {
            return Err(SignalError::NotFound { workflow_id, signal: name });
        };
        if let Some(id) = &id
            && self.seen(&name, id).await?.is_some()
        {
            return Ok(());
        }
        if kept.checkpoint.is_closed() {
            let state = kept.checkpoint.status().as_str();
            return Err(SignalError::Closed { workflow_id, signal: name, state });
        }
        if let Some(buffered) = self.full_inbox(&kept.checkpoint, &name) {
            return Err(SignalError::InboxFull { workflow_id, signal: name, buffered });
        }
        #[cfg(feature = "testing")]
        if self.worker.shared.has(crate::engine::Bug::LostSignal)
            && kept.checkpoint.inbox.get(&name).is_some_and(|i| !i.is_empty())
        {
            return Ok(());
        }
        let record = SignalRecord { payload, received: at };
        if let Err(source) = kept.buffer(&self.instance.keys, &name, record, id.as_deref()) {
            return Err(SignalError::Unencodable { workflow_id, signal: name, source });
        }
        match self.receiver(&kept.checkpoint, &name) {
            Some(op) if kept.checkpoint.pending.contains_key(&op) => {
                self.deliver(kept, Next::Signal(op)).await.map(drop)?;
            }
            Some(op) => {
                self.end_member(&mut kept, &Next::Signal(op), at).await?;
                self.progress(kept).await?;
            }
            None => self.store(kept).await?,
        }
        Ok(())
    }
}
