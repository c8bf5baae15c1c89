//! An activation in memory, its step, and its way to and from a frame.

use super::{
    StepError,
    ambient::{self, Scope},
    command::Completion,
    cx::{Cx, Flow, Io},
    frame::{Activation, Closed, Compensation, OpId, Thread},
    oracle::Undo,
    slot::Stored,
    thread::LiveThread,
    workflow::{StepFn, WorkflowDef},
};
use crate::journal::{Name, payload::Payload};
use std::collections::{BTreeMap, BTreeSet};
use workflow_definition::{Definition, Fingerprint, Incompatible, Parked, Renamed, START, compatibility};

pub(crate) struct Live {
    pub(super) def: &'static WorkflowDef,
    /// `None` for a generic helper that was loaded from a frame, until the function that awaits it says for which types.
    pub(super) step: Option<StepFn>,
    /// The function's own thread; those of its branches stand inside of it.
    pub(super) thread: LiveThread,
    /// The place of the thread that got the completion of this step, itself or through its helper.
    pub(super) ready: Option<Vec<usize>>,
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

/// What loading a frame works with.
pub(super) struct Loading<'a> {
    pub(super) with: &'a dyn Resolve,
    pub(super) upgrades: Vec<Upgrade>,
}

impl Live {
    pub(super) fn start(def: &'static WorkflowDef, step: Option<StepFn>, args: Option<Payload>) -> Self {
        Live {
            def,
            step,
            thread: LiveThread::default(),
            ready: None,
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

    pub(super) fn load(a: Activation, args: Option<&Payload>, with: &mut Loading<'_>) -> Result<Self, StepError> {
        let Some(def) = with.with.workflow(&a.workflow) else {
            return Err(StepError::UnknownWorkflow { workflow: a.workflow.into_owned() });
        };
        let mut live = Live::start(def, def.step, args.cloned());
        live.patches = a.patches;
        live.saga = a.saga;
        live.parallel = a.parallel;
        live.closing = a.closing;
        let mut thread = a.threads.into_iter().next();
        let mut renamed = Renamed::default();
        // The frame of a closing activation holds compensations only: no point of any definition is asked for.
        if let Some(thread) = &mut thread
            && live.closing.is_none()
            && a.definition != def.fingerprint()
            && thread.point != START
        {
            renamed = live.upgrade(a.definition, thread, with)?;
        }
        let mut slots = a.slots;
        if renamed != Renamed::default() {
            let moved = slots.into_iter().map(|(key, bytes)| (Name::Owned(renamed.key(&key).into_owned()), bytes));
            slots = moved.collect();
        }
        for (key, stored) in def.slots.iter().zip(&mut live.slots) {
            if let Some(bytes) = slots.remove(*key) {
                *stored = Stored::Bytes(bytes);
            }
        }
        if let Some(thread) = thread {
            live.thread = LiveThread::load(thread, &def.definition().points, with)?;
        }
        Ok(live)
    }

    /// Carries the activation to this build's definition: every waiting thread must be able to go on.
    fn upgrade(
        &mut self,
        from: Fingerprint,
        thread: &mut Thread,
        with: &mut Loading<'_>,
    ) -> Result<Renamed, StepError> {
        let workflow = self.def.name.to_owned();
        let old = with
            .with
            .definition(from)
            .ok_or_else(|| StepError::UnknownDefinition { workflow: workflow.clone(), fingerprint: from })?;
        let (mut decided, mut renamed) = (BTreeSet::new(), Renamed::default());
        let mut again = thread.clone();
        self.carry(&old, thread, &mut decided, &mut renamed)?;
        // What the last of several threads renames, the first may need under its old name.
        self.carry(&old, &mut again, &mut decided, &mut renamed)?;
        self.patches.extend(decided.iter().map(|id| (id.clone(), false)));
        let (to, decided) = (self.def.fingerprint(), decided.into_iter().collect());
        with.upgrades.push(Upgrade { workflow, from, to, decided });
        Ok(renamed)
    }

    /// Carries a thread and those of its branches, and collects the ids that are decided by where they wait.
    fn carry(
        &mut self,
        old: &Definition,
        t: &mut Thread,
        decided: &mut BTreeSet<String>,
        renamed: &mut Renamed,
    ) -> Result<(), StepError> {
        let (workflow, point) = (self.def.name.to_owned(), t.point.to_string());
        let refused = |source| StepError::Incompatible { workflow, point, source };
        let parked = Parked { label: &t.point, decided: &self.patches, renamed };
        let resume = compatibility(old, self.definition(), parked);
        let resume = match resume {
            Ok(resume) => resume,
            Err(source) => return Err(refused(source)),
        };
        // A start record has the arguments of the run. Those of an inline helper are kept nowhere.
        if self.args.is_none() && !resume.from_arguments.is_empty() {
            let (point, locals) = (t.point.to_string(), resume.from_arguments);
            return Err(refused(Incompatible::LocalsMissing { point, locals }));
        }
        self.refill |= !resume.from_arguments.is_empty();
        decided.extend(resume.decided_false);
        // A branch that is over has passed all of its sites.
        for (i, _) in t.branches.iter().enumerate().filter(|(_, b)| b.is_none()) {
            let over = self.definition().point(&workflow_definition::over(&resume.point, i));
            let passed = over.map(|p| p.passed.as_slice()).unwrap_or_default();
            decided.extend(passed.iter().filter(|id| !old.patches.contains(id)).cloned());
        }
        t.point = Name::Owned(resume.point);
        *renamed = resume.renamed;
        t.branches.iter_mut().flatten().try_for_each(|b| self.carry(old, b, decided, renamed))
    }

    pub(super) fn frame(&self) -> Activation {
        Activation {
            workflow: Name::Borrowed(self.def.name),
            definition: self.def.fingerprint(),
            threads: vec![self.thread.frame(&self.definition().points)],
            slots: self
                .def
                .slots
                .iter()
                .zip(&self.slots)
                .filter_map(|(k, s)| Some((Name::Borrowed(*k), s.bytes()?.clone())))
                .collect(),
            patches: self.patches.clone(),
            saga: self.saga.clone(),
            parallel: self.parallel,
            closing: self.closing.clone(),
        }
    }

    /// Hands a completion to the thread that waits for the operation; false if nobody does.
    pub(super) fn deliver(&mut self, op: OpId, completion: &mut Option<Completion>) -> bool {
        if self.closing.is_some() {
            return self.undone(op);
        }
        let mut path = vec![];
        let found = self.thread.deliver(op, completion, &mut path);
        if found {
            self.ready = Some(path);
        }
        found
    }

    /// Operations that a cancellation resolves: all but those that are shielded, as compensations are.
    pub(super) fn cancellable(&self, ops: &mut Vec<OpId>) {
        if self.closing.is_some() {
            return;
        }
        self.thread.walk(&mut |t| {
            if t.shielded {
                return;
            }
            ops.extend(t.op);
            if let Some(h) = &t.helper {
                h.cancellable(ops);
            }
        });
    }

    /// Gives up a helper that lost a race. What it has registered is to be undone.
    pub(super) fn lose(mut self, io: &mut Io, lost: &mut Undo) {
        lost.add(std::mem::take(&mut self.saga), self.parallel);
        self.thread.lose(io, lost);
    }

    /// Begins to undo what is left of a branch of this activation that has lost.
    pub(super) fn undo(&self, lost: Undo, io: &mut Io) {
        if !lost.saga.is_empty() {
            let closing = Some(Closed::Completed(Payload::unit()));
            let start = Live::start(self.def, None, None);
            let mut undo = Live { saga: lost.saga, parallel: lost.parallel, closing, ..start };
            // It has something to undo, so it does not end here.
            undo.compensate(io);
            io.detached.push(undo);
        }
    }
}

/// One step of an activation: the function, or its compensations once it has ended in an error.
pub(super) fn step(live: &mut Live, io: &mut Io) -> Result<Flow, StepError> {
    if live.closing.is_none() {
        let Some(step) = live.step else {
            return Err(StepError::Generic { workflow: live.def.name.into() });
        };
        let (saga, patches) = (std::mem::take(&mut live.saga), std::mem::take(&mut live.patches));
        let outer = ambient::enter(Scope { saga, parallel: live.parallel, patches });
        let flow = step(&mut Cx::new(live, io));
        Scope { saga: live.saga, parallel: live.parallel, patches: live.patches } = ambient::leave(outer);
        match flow? {
            Flow::Closed(closed) if !matches!(closed, Closed::Completed(_)) => live.fail(closed, io),
            flow => return Ok(flow),
        }
    }
    Ok(live.compensate(io))
}
