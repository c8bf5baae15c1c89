//! A run that goes on as a new one, by `continue_as_new!`.

use super::{
    actor::Actor,
    chain::Why,
    checkpoint::{StartRecord, State},
    draft::Draft,
};
use crate::{
    journal::{encoding, history::Event, id::RunId, payload::Payload},
    machine::StepError,
    store::Write,
};
use workflow_definition::Fingerprint;

impl Draft {
    /// The run ends here, and nothing that it waited for is waited for any longer. Which run follows is not known yet.
    pub(super) fn leave(&mut self, input: Payload) {
        self.close_groups();
        let c = &mut self.checkpoint;
        c.pending.clear();
        c.frame = None;
        self.events.push(Event::ContinuedAsNew { next: RunId::default(), input: input.clone() });
        self.continued = Some(input);
    }
}

impl Actor {
    /// Whether the next run can have this input.
    pub(super) fn admit_next(&self, workflow: &str, input: &Payload) -> Result<(), StepError> {
        let (bytes, limit) = (input.len(), self.worker.shared.settings.payload_limit);
        match bytes > limit {
            true => Err(StepError::InputTooLarge { workflow: workflow.into(), bytes, limit }),
            false => Ok(()),
        }
    }

    /// Makes the draft of a run that has left the draft of the run that follows it: one commit ends the one and begins the
    /// other. Children, the parent, what is in the inbox, tags, the status and an undelivered request to stop stay.
    pub(super) fn go_on(&mut self, draft: &mut Draft, input: Payload, by: Fingerprint) -> Result<(), StepError> {
        let keys = &self.instance.keys;
        let c = &mut draft.checkpoint;
        let (old, workflow) = (c.run, c.workflow.clone());
        let next = self.worker.shared.run_id(&self.instance.id, Some(old));
        c.state = State::Continued { next };
        let named = draft.events.iter_mut().rev().find_map(|e| match e {
            Event::ContinuedAsNew { next, .. } => Some(next),
            _ => None,
        });
        if let Some(named) = named {
            *named = next;
        }
        let record = StartRecord { workflow: workflow.clone(), input, at: draft.now, definition: by, retention: None };
        let unsaveable = |source| StepError::Outcome { workflow: workflow.clone(), source };
        let value = encoding::encode(&record).map_err(unsaveable)?;
        let mut successor = draft.checkpoint.successor(next, workflow.clone(), draft.now, Why::Continued);
        successor.status = draft.checkpoint.status.clone();
        *draft = *draft.clone().succeed(keys, successor);
        draft.writes.push(Write::Put { key: keys.start(next), value });
        let state = draft.checkpoint.without_frame(0);
        draft.events.push(Event::ContinuedFrom { run: old, state });
        draft.events.push(Event::Started { workflow });
        // It belongs to the run that has ended.
        self.instance.machine = None;
        Ok(())
    }
}
