//! Starting an instance, or finding that it was started before.

use crate::{
    engine::{
        actor::{Actor, name_span},
        checkpoint::{Checkpoint, Relations, StartRecord},
        draft::Draft,
        error::StartError,
        instance::Next,
        message::Started,
    },
    journal::{encoding, history::Event, payload::Payload},
    machine::WorkflowDef,
    store::Write,
};
use jiff::Timestamp;

impl Actor {
    pub(in crate::engine) async fn start(
        &mut self,
        workflow: &'static WorkflowDef,
        input: Payload,
        now: Timestamp,
    ) -> Result<Started, StartError> {
        if let Some(c) = &self.instance.checkpoint {
            let there = self.instance.start_record(&self.worker.shared).await?;
            let same = workflow.name == there.workflow || workflow.aliases.contains(&there.workflow.as_str());
            if same && there.input.canonical_eq(&input) {
                return Ok(Started { run: c.run, is_new: false });
            }
            return Err(StartError::Conflict {
                workflow_id: self.instance.id.to_string(),
                existing: there.workflow,
                existing_input: shown(&there.input),
                requested: workflow.name.into(),
                requested_input: shown(&input),
            });
        }
        self.begin(workflow, input, Relations::default(), now).await
    }

    /// Makes this instance, which does not exist yet, a run of `workflow`.
    pub(in crate::engine) async fn begin(
        &mut self,
        workflow: &'static WorkflowDef,
        input: Payload,
        relations: Relations,
        now: Timestamp,
    ) -> Result<Started, StartError> {
        let run = self.worker.shared.run_id(&self.instance.id);
        let name = workflow.name.to_owned();
        let record =
            StartRecord { workflow: name.clone(), input: input.clone(), at: now, definition: workflow.fingerprint() };
        let unsaveable = |source| StartError::Unencodable { workflow_id: self.instance.id.to_string(), source };
        let value = encoding::encode(&record).map_err(unsaveable)?;
        let mut draft = Draft::new(Checkpoint::start(run, name.clone(), now), now);
        draft.checkpoint.relations = relations;
        draft.events.push(Event::Started { workflow: name });
        draft.writes.push(Write::Put { key: self.instance.keys.start(run), value });
        name_span(&draft.checkpoint);
        self.instance.begin(workflow, run, input, now);
        self.deliver(draft, Next::Start).await?;
        Ok(Started { run, is_new: true })
    }
}

/// A value in a message.
fn shown(payload: &Payload) -> String {
    format!("{payload:?}")
}
