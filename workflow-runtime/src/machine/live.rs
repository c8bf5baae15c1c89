//! An activation in memory, its step, and its way to and from a frame.

use super::{
    StepError,
    ambient::{self, Scope},
    command::Completion,
    cx::{Cx, Flow, Io},
    frame::{Activation, Closed, Compensation, OpId, Thread},
    slot::Stored,
    workflow::WorkflowDef,
};
use crate::journal::payload::Payload;
use std::collections::BTreeMap;
use workflow_definition::{Definition, Fingerprint, START, compatibility};

pub(crate) struct Live {
    pub(super) def: &'static WorkflowDef,
    pub(super) threads: Vec<LiveThread>,
    pub(super) slots: Vec<Stored>,
    /// Kept until the first step has run, and where an upgrade needs them.
    pub(super) args: Option<Payload>,
    /// An upgrade asks for arguments that were not saved.
    pub(super) refill: bool,
    pub(super) patches: BTreeMap<String, bool>,
    pub(super) saga: Vec<Compensation>,
    /// The compensations run all at once.
    pub(super) parallel: bool,
    pub(super) closing: Option<Closed>,
}

#[derive(Default)]
pub(super) struct LiveThread {
    /// Index in the definition; `None` before the first step.
    pub(super) point: Option<u32>,
    pub(super) op: Option<OpId>,
    pub(super) helper: Option<Box<Live>>,
    pub(super) shielded: bool,
    pub(super) completion: Option<Completion>,
}

/// Where a frame's names are looked up.
pub trait Resolve {
    /// The workflow with this name or alias.
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef>;
    /// A definition that an earlier build has stored.
    fn definition(&self, fingerprint: Fingerprint) -> Option<Definition>;
}

/// An activation that was carried to another definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// Name of the workflow or helper.
    pub workflow: String,
    /// Who wrote the frame.
    pub from: Fingerprint,
    /// Who goes on.
    pub to: Fingerprint,
    /// `patched!` ids that are false from now on.
    pub decided: Vec<String>,
}

impl Live {
    pub(super) fn start(def: &'static WorkflowDef, args: Option<Payload>) -> Self {
        Live {
            def,
            threads: vec![LiveThread::default()],
            slots: def.slots.iter().map(|_| Stored::Empty).collect(),
            args,
            refill: false,
            patches: BTreeMap::new(),
            saga: vec![],
            parallel: false,
            closing: None,
        }
    }

    pub(super) fn definition(&self) -> &'static Definition {
        self.def.definition()
    }

    pub(super) fn load(
        a: Activation,
        args: Option<&Payload>,
        with: &dyn Resolve,
        upgrades: &mut Vec<Upgrade>,
    ) -> Result<Self, StepError> {
        let Some(def) = with.workflow(&a.workflow) else {
            return Err(StepError::UnknownWorkflow { workflow: a.workflow });
        };
        let mut live = Live::start(def, args.cloned());
        live.patches = a.patches;
        live.saga = a.saga;
        live.parallel = a.parallel;
        live.closing = a.closing;
        // The frame of a closing activation holds compensations only: no point of any definition is asked for.
        let parked = a.threads.first().map(|t| t.point.clone()).filter(|p| p != START && live.closing.is_none());
        if let (Some(label), true) = (&parked, a.definition != def.fingerprint()) {
            let old = with.definition(a.definition).ok_or_else(|| StepError::UnknownDefinition {
                workflow: a.workflow.clone(),
                fingerprint: a.definition,
            })?;
            let resume = compatibility(&old, def.definition(), label).map_err(|source| StepError::Incompatible {
                workflow: a.workflow.clone(),
                point: label.clone(),
                source,
            })?;
            live.refill = !resume.from_arguments.is_empty();
            live.patches.extend(resume.decided_false.iter().map(|id| (id.clone(), false)));
            let (from, to) = (a.definition, def.fingerprint());
            upgrades.push(Upgrade { workflow: a.workflow.clone(), from, to, decided: resume.decided_false });
        }
        let mut slots = a.slots;
        for (key, stored) in def.slots.iter().zip(&mut live.slots) {
            if let Some(bytes) = slots.remove(*key) {
                *stored = Stored::Bytes(bytes);
            }
        }
        live.threads.clear();
        for t in a.threads {
            live.threads.push(LiveThread {
                point: def.definition().points.iter().position(|p| p.label == t.point).map(|i| i as u32),
                op: t.op,
                helper: match t.helper {
                    Some(h) => Some(Box::new(Live::load(*h, None, with, upgrades)?)),
                    None => None,
                },
                shielded: t.shielded,
                completion: None,
            });
        }
        if live.threads.is_empty() {
            live.threads.push(LiveThread::default());
        }
        Ok(live)
    }

    pub(super) fn frame(&self) -> Activation {
        let points = &self.definition().points;
        let label = |p: Option<u32>| p.map_or(START, |p| points[p as usize].label.as_str()).to_owned();
        Activation {
            workflow: self.def.name.into(),
            definition: self.def.fingerprint(),
            threads: self
                .threads
                .iter()
                .map(|t| Thread {
                    point: label(t.point),
                    op: t.op,
                    helper: t.helper.as_ref().map(|h| Box::new(h.frame())),
                    shielded: t.shielded,
                })
                .collect(),
            slots: self
                .def
                .slots
                .iter()
                .zip(&self.slots)
                .filter_map(|(k, s)| Some(((*k).to_owned(), s.bytes()?.clone())))
                .collect(),
            patches: self.patches.clone(),
            saga: self.saga.clone(),
            parallel: self.parallel,
            closing: self.closing.clone(),
        }
    }

    /// Hands a completion to the thread that waits for the operation; false if nobody does.
    pub(super) fn complete(&mut self, op: OpId, completion: Completion) -> bool {
        if self.closing.is_some() {
            return self.undone(op);
        }
        for t in &mut self.threads {
            if t.op == Some(op) {
                t.completion = Some(completion);
                return true;
            }
            if let Some(h) = &mut t.helper {
                return h.complete(op, completion);
            }
        }
        false
    }

    /// Operations that a cancellation resolves: all but those that are shielded, as compensations are.
    pub(super) fn cancellable(&self, ops: &mut Vec<OpId>) {
        if self.closing.is_some() {
            return;
        }
        for t in self.threads.iter().filter(|t| !t.shielded) {
            ops.extend(t.op);
            if let Some(h) = &t.helper {
                h.cancellable(ops);
            }
        }
    }
}

/// One step of an activation: the function, or its compensations once it has ended in an error.
pub(super) fn step(live: &mut Live, io: &mut Io) -> Result<Flow, StepError> {
    if live.closing.is_none() {
        let (saga, patches) = (std::mem::take(&mut live.saga), std::mem::take(&mut live.patches));
        let outer = ambient::enter(Scope { saga, parallel: live.parallel, patches });
        let flow = (live.def.step)(&mut Cx { live, io });
        Scope { saga: live.saga, parallel: live.parallel, patches: live.patches } = ambient::leave(outer);
        match flow? {
            Flow::Closed(closed) if !matches!(closed, Closed::Completed(_)) => live.fail(closed, io),
            flow => return Ok(flow),
        }
    }
    Ok(live.compensate(io))
}
