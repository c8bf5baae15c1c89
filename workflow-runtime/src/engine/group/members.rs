//! The members of an instance's groups in memory, and what a draft changes about them.

use super::{Group, Member, listens, runs};
use crate::{
    engine::checkpoint::{Checkpoint, Operation, Pending, micros},
    journal::{
        encoding::{self, EncodeError},
        key::InstanceKeys,
    },
    machine::{Command, Completion, OpId},
    store::Write,
};
use jiff::Timestamp;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// The members whose turn has come and that have not ended, as of the last commit.
#[derive(Default)]
pub(in crate::engine) struct Members {
    keys: Option<InstanceKeys>,
    open: BTreeMap<OpId, Pending>,
    /// Those that may want an attempt.
    idle: BTreeSet<OpId>,
    /// When something is due that nobody has looked at yet.
    due: BTreeSet<(i64, OpId)>,
    /// Those of which something was due.
    woken: BTreeSet<OpId>,
    /// Who waits for signals, by name.
    listening: BTreeMap<String, BTreeSet<OpId>>,
}

impl Members {
    pub(in crate::engine) fn new(keys: &InstanceKeys) -> Self {
        Members { keys: Some(keys.clone()), ..Members::default() }
    }

    pub(in crate::engine) fn get(&self, op: OpId) -> Option<&Pending> {
        self.open.get(&op)
    }

    pub(in crate::engine) fn any(&self, is: &dyn Fn(&Operation) -> bool) -> bool {
        self.open.values().any(|p| is(&p.what))
    }

    /// All that is due, looked at or not.
    pub(in crate::engine) fn due(&self) -> impl Iterator<Item = (i64, OpId)> {
        self.open.iter().flat_map(|(op, p)| p.due().map(|at| (micros(at), *op)))
    }

    pub(in crate::engine) fn ops(&self) -> Vec<OpId> {
        self.open.keys().copied().collect()
    }

    fn of(&self, group: &Group) -> impl Iterator<Item = OpId> {
        self.open.range(group.first..group.end()).map(|(op, _)| *op)
    }

    pub(super) fn set(&mut self, op: OpId, new: Option<Pending>) {
        if let Some(old) = self.open.remove(&op) {
            self.idle.remove(&op);
            self.woken.remove(&op);
            for at in old.due() {
                self.due.remove(&(micros(at), op));
            }
            if let Operation::Signal { name, .. } = &old.what
                && let Some(ops) = self.listening.get_mut(name)
            {
                ops.remove(&op);
                if ops.is_empty() {
                    self.listening.remove(name);
                }
            }
        }
        let Some(p) = new else { return };
        if !p.detached {
            if p.cancel {
                self.woken.insert(op);
            }
            match &p.what {
                Operation::Activity(_) if runs(&p) => self.idle.extend([op]),
                Operation::Signal { name, .. } if !p.cancel => {
                    self.listening.entry(name.clone()).or_default().insert(op);
                }
                _ => {}
            }
            self.due.extend(p.due().map(|at| (micros(at), op)));
        }
        self.open.insert(op, p);
    }

    /// Those that may want an attempt now. Each is given once, until something about it changes.
    pub(in crate::engine) fn take_idle(&mut self, now: Timestamp) -> Vec<OpId> {
        self.wake(now);
        std::mem::take(&mut self.idle).into_iter().collect()
    }

    fn wake(&mut self, now: Timestamp) {
        // What is due is so at the end of its microsecond.
        let now = now.as_microsecond();
        while let Some((_, op)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.pop_first();
            if let Some(Operation::Activity(_)) = self.open.get(&op).map(|p| &p.what) {
                self.idle.insert(op);
            }
            self.woken.insert(op);
        }
    }

    /// Those of which something was due, or that were asked to stop and have nothing to wait for.
    pub(in crate::engine) fn woken(&mut self, now: Timestamp) -> Vec<OpId> {
        self.wake(now);
        self.woken.iter().copied().collect()
    }

    /// Nothing has to be done for it before something about it changes.
    pub(super) fn settled(&mut self, op: OpId) {
        self.woken.remove(&op);
    }

    /// The first member that waits for a signal of each name.
    pub(in crate::engine) fn listeners(&self) -> impl Iterator<Item = (&String, OpId)> {
        self.listening.iter().filter_map(|(name, ops)| Some((name, *ops.first()?)))
    }

    pub(in crate::engine) fn listener(&self, name: &str) -> Option<OpId> {
        self.listening.get(name)?.first().copied()
    }
}

/// What a draft changes about members.
#[derive(Clone, Default)]
pub(in crate::engine) struct Delta {
    pub(in crate::engine) base: Rc<RefCell<Members>>,
    /// Members that are new, have changed, or are open no more.
    changed: BTreeMap<OpId, Option<Pending>>,
    /// Members whose turn has not come.
    pub(super) waiting: BTreeMap<OpId, Command>,
    /// How members have ended, unless they were stopped: who has no result was cancelled.
    pub(super) results: BTreeMap<OpId, Completion>,
    /// Members that were waiting for their turn and are given up.
    pub(super) unwanted: Vec<OpId>,
    /// Results that nobody needs any more.
    pub(super) used: Vec<OpId>,
    /// These are the members of a new run: nothing is left of those before.
    fresh: bool,
}

/// What a commit did to timers and attempts of members.
#[derive(Default)]
pub(in crate::engine) struct Moved {
    pub(in crate::engine) disarmed: Vec<(i64, OpId)>,
    pub(in crate::engine) armed: Vec<(i64, OpId)>,
    /// Attempts of these are to stop, with nothing: for good.
    pub(in crate::engine) stopped: Vec<(OpId, Option<bool>)>,
}

fn due_of(op: OpId, p: Option<&Pending>) -> BTreeSet<(i64, OpId)> {
    p.into_iter().flat_map(Pending::due).map(|at| (micros(at), op)).collect()
}

impl Delta {
    fn on(base: Rc<RefCell<Members>>, fresh: bool) -> Self {
        let (changed, waiting, results) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Delta { base, changed, waiting, results, unwanted: vec![], used: vec![], fresh }
    }

    pub(in crate::engine) fn of(base: &Rc<RefCell<Members>>) -> Self {
        Delta::on(base.clone(), false)
    }

    /// For the run that follows under the same id.
    pub(in crate::engine) fn of_next_run(&self) -> Self {
        let members = Members { keys: self.keys(), ..Members::default() };
        Delta::on(Rc::new(RefCell::new(members)), true)
    }

    pub(super) fn keys(&self) -> Option<InstanceKeys> {
        self.base.borrow().keys.clone()
    }

    /// An open member, to be changed.
    pub(in crate::engine) fn get_mut(&mut self, op: OpId) -> Option<&mut Pending> {
        if !self.changed.contains_key(&op) {
            let p = self.base.borrow().get(op)?.clone();
            self.changed.insert(op, Some(p));
        }
        self.changed.get_mut(&op)?.as_mut()
    }

    pub(super) fn insert(&mut self, op: OpId, p: Pending) {
        self.changed.insert(op, Some(p));
    }

    /// Looks at an open member.
    pub(in crate::engine) fn look<R>(&self, op: OpId, f: impl FnOnce(&Pending) -> R) -> Option<R> {
        match self.changed.get(&op) {
            Some(changed) => changed.as_ref().map(f),
            None => self.base.borrow().get(op).map(f),
        }
    }

    pub(in crate::engine) fn remove(&mut self, op: OpId) -> Option<Pending> {
        if let Some(changed) = self.changed.get_mut(&op) {
            return changed.take();
        }
        let p = self.base.borrow().get(op)?.clone();
        self.changed.insert(op, None);
        Some(p)
    }

    /// Those whose turn has not come.
    pub(in crate::engine) fn take_waiting(&mut self) -> BTreeMap<OpId, Command> {
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn has_ended(&self, op: OpId) -> bool {
        self.changed.get(&op).is_some_and(Option::is_none)
    }

    /// True if a commit knows of it: it may have an attempt.
    pub(super) fn committed(&self, op: OpId) -> bool {
        self.base.borrow().get(op).is_some()
    }

    /// The open members of a group.
    pub(super) fn open(&self, group: &Group) -> Vec<OpId> {
        let changed = self.changed.range(group.first..group.end());
        let mut open: BTreeSet<OpId> = self.base.borrow().of(group).collect();
        for (op, p) in changed {
            match p {
                Some(_) => open.insert(*op),
                None => open.remove(op),
            };
        }
        open.into_iter().collect()
    }

    /// Every open member of every group, and those that are detached.
    pub(in crate::engine) fn all(&self) -> BTreeSet<OpId> {
        let mut all: BTreeSet<OpId> = self.base.borrow().ops().into_iter().collect();
        all.extend(self.changed.iter().filter(|(_, p)| p.is_some()).map(|(op, _)| *op));
        all
    }

    /// The records and index entries to write. Counts what a group has to know about its members.
    pub(in crate::engine) fn writes(
        &self,
        keys: &InstanceKeys,
        c: &mut Checkpoint,
        writes: &mut Vec<Write>,
    ) -> Result<(), EncodeError> {
        let base = self.base.borrow();
        for (op, command) in &self.waiting {
            let value = encoding::encode(&Member::Waiting(command.clone()))?;
            writes.push(Write::Put { key: keys.member(c.run, op.0), value });
        }
        for (op, new) in &self.changed {
            // Of a detached member nothing is left but the attempt of this process.
            let (old, new) = (base.get(*op).filter(|p| !p.detached), new.as_ref().filter(|p| !p.detached));
            if old == new {
                continue;
            }
            match new {
                Some(p) => writes.push(Write::Put {
                    key: keys.member(c.run, op.0),
                    value: encoding::encode(&Member::Open(Box::new(p.clone())))?,
                }),
                None if old.is_some() => writes.push(Write::Delete { key: keys.member(c.run, op.0) }),
                None => {}
            }
            let due = |p: Option<&Pending>| p.into_iter().flat_map(Pending::due).map(micros).collect::<BTreeSet<_>>();
            let (before, after) = (due(old), due(new));
            let gone = before.difference(&after).map(|at| Write::Delete { key: keys.timer(*at, op.0) });
            writes.extend(gone);
            let set = after.difference(&before).map(|at| Write::Put { key: keys.timer(*at, op.0), value: vec![] });
            writes.extend(set);
            if let Some(g) = c.group_of_mut(*op) {
                let count = |p: Option<&Pending>, is: fn(&Pending) -> bool| u64::from(p.is_some_and(is));
                g.running = (g.running + count(new, runs)).saturating_sub(count(old, runs));
                g.listening = (g.listening + count(new, listens)).saturating_sub(count(old, listens));
            }
        }
        for (op, completion) in &self.results {
            writes.push(Write::Put { key: keys.result(c.run, op.0), value: encoding::encode(completion)? });
        }
        writes.extend(self.unwanted.iter().map(|op| Write::Delete { key: keys.member(c.run, op.0) }));
        writes.extend(self.used.iter().map(|op| Write::Delete { key: keys.result(c.run, op.0) }));
        Ok(())
    }

    /// The commit is durable.
    pub(in crate::engine) fn apply(self, base: &RefCell<Members>) -> Moved {
        let mut moved = Moved::default();
        let mut base = base.borrow_mut();
        if self.fresh {
            for op in base.ops() {
                moved.disarmed.extend(due_of(op, base.get(op)));
                base.set(op, None);
            }
        }
        for (op, new) in self.changed {
            let due = |p: Option<&Pending>| due_of(op, p);
            let (before, after) = (due(base.get(op)), due(new.as_ref()));
            moved.disarmed.extend(before.difference(&after));
            moved.armed.extend(after.difference(&before));
            match &new {
                Some(p) if p.detached => moved.stopped.push((op, None)),
                Some(p) if p.cancel => moved.stopped.push((op, Some(true))),
                Some(_) => {}
                None => moved.stopped.push((op, None)),
            }
            if base.get(op) != new.as_ref() {
                base.set(op, new);
            }
        }
        moved
    }
}

impl Checkpoint {
    /// The group that an operation is a member of.
    pub(in crate::engine) fn group_of(&self, member: OpId) -> Option<OpId> {
        let (op, p) = self.pending.range(..member).next_back()?;
        matches!(&p.what, Operation::Group(g) if g.contains(member)).then_some(*op)
    }

    fn group_of_mut(&mut self, member: OpId) -> Option<&mut Group> {
        let (_, p) = self.pending.range_mut(..member).next_back()?;
        match &mut p.what {
            Operation::Group(g) if g.contains(member) => Some(g),
            _ => None,
        }
    }
}
