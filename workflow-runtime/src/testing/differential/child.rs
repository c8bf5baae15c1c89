//! Other instances in the small world: a child runs to its end as soon as it is started, and a message is always taken.

use super::{Linked, script::Script};
use crate::{
    journal::payload::Payload,
    machine::{Answer, Ask, Closed, Ended, Identity, Input, Machine, OpId, Refused, Resolve, Target},
};
use uuid::Uuid;

/// A child that has ended.
pub(super) struct Child {
    workflow: String,
    input: Payload,
    run: Uuid,
    ended: Ended,
}

impl Script {
    /// Notes what is asked of another instance, and answers.
    pub(super) fn remote(&mut self, op: OpId, target: Target, ask: Ask) -> Answer {
        let Target { id, workflow, .. } = target;
        match ask {
            Ask::Start { input, close, wait, on_cancel } => {
                let asked = format!("{op} child {id} {workflow}{} {close:?} {wait} {on_cancel:?}", input.to_json());
                self.operations.push(asked);
                if !self.children.contains_key(&id) {
                    let child = self.run_child(&id, workflow.clone(), input.clone());
                    self.children.insert(id.clone(), child);
                }
                let child = &self.children[&id];
                if child.workflow != workflow || !child.input.canonical_eq(&input) {
                    return Answer::Refused(Refused::Conflict { existing: child.workflow.clone(), parent: None });
                }
                if wait { Answer::Ended(child.ended.clone()) } else { Answer::Started { run: child.run } }
            }
            Ask::Result { .. } => {
                self.operations.push(format!("{op} result of {id}"));
                let child = self.children.get(&id);
                child.map_or(Answer::Refused(Refused::NotFound), |child| Answer::Ended(child.ended.clone()))
            }
            Ask::Signal { name, payload } => {
                self.operations.push(format!("{op} signal {name} to {id}: {}", payload.to_json()));
                Answer::Taken
            }
            Ask::Cancel { reason } => {
                self.operations.push(format!("{op} cancel {id}: {reason}"));
                Answer::Taken
            }
            Ask::Terminate { reason } => {
                self.operations.push(format!("{op} terminate {id}: {reason}"));
                Answer::Taken
            }
        }
    }

    /// The machine of the child, with operations of its own and an empty inbox.
    fn run_child(&mut self, id: &str, workflow: String, input: Payload) -> Child {
        let def = Linked.workflow(&workflow).unwrap_or_else(|| panic!("no workflow `{workflow}` is linked"));
        let run = Uuid::from_u128(0xc41d + self.children.len() as u128);
        let identity = Identity { workflow_id: id.into(), run_id: run };
        let mut machine = Machine::start(identity, def, input.clone(), self.now);
        let (mut input_of_step, parents) = (Input::Start, std::mem::take(&mut self.operations));
        let (inboxes, pending) = (std::mem::take(&mut self.signals), std::mem::take(&mut self.pending));
        let ended = loop {
            let step = machine.step(input_of_step, self.now).unwrap_or_else(|e| panic!("{e}"));
            step.commands.into_iter().for_each(|c| self.perform(c));
            if let Some(input) = step.continued {
                let identity = Identity { workflow_id: id.into(), run_id: run };
                machine = Machine::start(identity, def, input, self.now);
                self.pending.clear();
                input_of_step = Input::Start;
                continue;
            }
            match step.closed {
                None => {}
                Some(Closed::Completed(value)) => break Ended::Completed(value),
                Some(Closed::Failed { error, .. }) => break Ended::Failed(error),
                Some(Closed::Cancelled { reason, error }) => break Ended::Cancelled { reason, error },
            }
            input_of_step = match self.complete() {
                Some((op, completion)) => Input::Completed { op, completion },
                None => panic!("the child `{id}` waits at `{}` for something that never comes", machine.point()),
            };
        };
        (self.signals, self.pending) = (inboxes, pending);
        let own = std::mem::replace(&mut self.operations, parents);
        self.operations.extend(own.into_iter().map(|what| format!("{id}: {what}")));
        Child { workflow, input, run, ended }
    }
}
