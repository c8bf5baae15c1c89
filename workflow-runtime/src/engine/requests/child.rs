//! Starting an instance as the child of another.

use crate::{
    engine::{
        actor::Actor,
        checkpoint::{Parent, Relations, Watcher},
        error::{StartError, Unavailable},
        requests::StartRequest,
    },
    journal::payload::Payload,
    machine::{Answer, Refused},
};
use jiff::Timestamp;

impl Actor {
    /// Starts this instance as a child of `parent`, or finds that it is that child.
    pub(in crate::engine) async fn start_as_child(
        &mut self,
        parent: Parent,
        workflow: String,
        input: Payload,
        watcher: Option<Watcher>,
        now: Timestamp,
    ) -> Result<Answer, Unavailable> {
        if let Some(c) = &self.instance.checkpoint {
            let (first, run) = (c.first_run(), c.first_run().0);
            let there = self.instance.first_start_record(&self.worker.shared).await?;
            let known = self.worker.shared.registry.workflow(&workflow);
            let same = there.workflow == workflow
                || known.is_some_and(|d| d.name == there.workflow || d.aliases.contains(&there.workflow.as_str()));
            let owner = c.relations.parent.as_ref();
            if owner != Some(&parent) || !same || !there.input.canonical_eq(&input) {
                let parent = owner.map(|p| p.id.clone());
                return Ok(Answer::Refused(Refused::Conflict { existing: there.workflow, parent }));
            }
            return match watcher {
                None => Ok(Answer::Started { run }),
                Some(watcher) => Ok(match self.watched(first, watcher, now).await? {
                    Answer::Taken => Answer::Started { run },
                    ended => ended,
                }),
            };
        }
        let (bytes, limit) = (input.len(), self.worker.shared.settings.payload_limit);
        if bytes > limit {
            return Ok(Answer::Refused(Refused::TooLarge { bytes: bytes as u64, limit: limit as u64 }));
        }
        let Some(workflow) = self.worker.shared.registry.workflow(&workflow) else {
            return Ok(Answer::Refused(Refused::UnknownWorkflow));
        };
        let relations =
            Relations { parent: Some(parent), watchers: watcher.into_iter().collect(), ..Relations::default() };
        match self.begin(StartRequest::new(workflow, input), relations, (now, now)).await {
            Ok(started) => Ok(Answer::Started { run: started.run.0 }),
            Err(StartError::Unavailable(e)) => Err(e),
            // The input was decoded a moment ago: it encodes.
            Err(_) => Ok(Answer::Refused(Refused::Damaged)),
        }
    }
}
