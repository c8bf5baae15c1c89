//! What becomes of groups and their members, in a draft.

use super::{Group, Member};
use crate::{
    engine::{
        checkpoint::{Done, Operation, Pending},
        draft::Draft,
        instance::Next,
    },
    journal::{history::Event, key::InstanceKeys},
    machine::{Answer, Command, Completion, Input, Join, OpId},
};
use jiff::Timestamp;

impl Draft {
    /// Looks at a pending operation, be it a member of a group or not.
    pub(in crate::engine) fn look<R>(&self, op: OpId, f: impl FnOnce(&Pending) -> R) -> Option<R> {
        match self.checkpoint.pending.get(&op) {
            Some(p) => Some(f(p)),
            None => self.members.look(op, f),
        }
    }

    /// A pending operation to be changed, be it a member of a group or not.
    pub(in crate::engine) fn pending_mut(&mut self, op: OpId) -> Option<&mut Pending> {
        match self.checkpoint.pending.get_mut(&op) {
            Some(p) => Some(p),
            None => self.members.get_mut(op),
        }
    }

    /// Takes a pending operation out, be it a member of a group or not.
    pub(in crate::engine) fn remove_pending(&mut self, op: OpId) -> Option<Pending> {
        match self.checkpoint.pending.remove(&op) {
            Some(p) => Some(p),
            None => self.members.remove(op),
        }
    }

    /// An operation has ended: the machine takes it next, or its group counts down.
    pub(in crate::engine) fn end(&mut self, op: OpId, completion: Completion, at: Timestamp) {
        match self.checkpoint.pending.get_mut(&op) {
            Some(p) => p.done = Some(Box::new(Done { at, completion })),
            None => {
                self.members.remove(op);
                self.count_down(op, completion, at);
            }
        }
    }

    /// True if an operation that was pending has ended in this draft, or had before.
    pub(in crate::engine) fn has_ended(&self, op: OpId) -> bool {
        match self.checkpoint.pending.get(&op) {
            Some(p) => p.done.is_some(),
            None => self.members.has_ended(op),
        }
    }

    /// A group in the checkpoint, with what is pending of it.
    fn group_mut(&mut self, op: OpId) -> Option<(&mut Group, &mut bool, &mut Option<Box<Done>>)> {
        let Pending { cancel, done, what, .. } = self.checkpoint.pending.get_mut(&op)?;
        match what {
            Operation::Group(g) => Some((g, cancel, done)),
            _ => None,
        }
    }

    /// Begins a group.
    pub(in crate::engine) fn begin_group(
        &mut self,
        keys: &InstanceKeys,
        op: OpId,
        join: Join,
        limit: Option<u64>,
        members: Vec<Command>,
    ) {
        let count = members.len() as u64;
        self.events.push(Event::GroupStarted { op: op.0, join: join.to_string(), members: count, limit });
        let group = Group::new(op, join, limit, count);
        let (first, at_once) = (group.first.0, group.vacancies());
        let what = Operation::Group(Box::new(group));
        let pending = Pending { since: self.now, cancel: false, detached: false, done: None, what };
        self.checkpoint.pending.insert(op, pending);
        for (member, n) in members.into_iter().zip(0..) {
            if n < at_once {
                self.start_member(keys, OpId(first + n), member);
            } else {
                self.members.waiting.insert(OpId(first + n), member);
            }
        }
    }

    /// The turn of a member has come.
    pub(super) fn start_member(&mut self, keys: &InstanceKeys, op: OpId, command: Command) {
        self.command(keys, command);
        if let Some(p) = self.checkpoint.pending.remove(&op) {
            self.members.insert(op, p);
        }
        if let Some(group) = self.checkpoint.group_of(op)
            && let Some((g, ..)) = self.group_mut(group)
        {
            g.started += 1;
        }
    }

    /// How a member has ended; it is open no more. True if it is a member of a group at all.
    pub(in crate::engine) fn count_down(&mut self, op: OpId, completion: Completion, at: Timestamp) -> bool {
        let Some(group) = self.checkpoint.group_of(op) else { return false };
        let Some((g, _, done)) = self.group_mut(group) else { return false };
        if done.is_some() {
            return true;
        }
        g.ended += 1;
        let (index, all) = (g.index(op), g.is_over());
        let decides = match g.join {
            Join::All => false,
            Join::Try => completion.is_error(),
            Join::First => true,
        };
        if decides {
            self.end_group(group, at, Completion::Member { index, completion: Box::new(completion) });
            return true;
        }
        // Who has no result was cancelled.
        if completion != Completion::Cancelled {
            self.members.results.insert(op, completion);
        }
        if all {
            self.end_group(group, at, Completion::All(vec![]));
        }
        true
    }

    /// A group is over. Results stay in their records until the machine takes them.
    fn end_group(&mut self, op: OpId, at: Timestamp, completion: Completion) {
        let decided = matches!(completion, Completion::Member { .. });
        if let Some((_, _, done)) = self.group_mut(op) {
            *done = Some(Box::new(Done { at, completion }));
        }
        if decided {
            self.drop_members(op);
        }
    }

    /// Gives up what is open, what waits for its turn, and every result of a group.
    fn drop_members(&mut self, op: OpId) {
        let Some((g, ..)) = self.group_mut(op) else { return };
        let g = g.clone();
        let open = self.members.open(&g);
        let ended = (g.first.0..g.first.0 + g.started).map(OpId).filter(|op| open.binary_search(op).is_err());
        self.members.used.extend(ended);
        self.drop_waiting(&g);
        let results: Vec<OpId> = self.members.results.range(g.first..g.end()).map(|(op, _)| *op).collect();
        results.iter().for_each(|op| drop(self.members.results.remove(op)));
        open.into_iter().for_each(|op| self.detach_member(op));
    }

    fn drop_waiting(&mut self, g: &Group) {
        let waiting = (g.first.0 + g.started..g.end().0).map(OpId);
        for op in waiting {
            if self.members.waiting.remove(&op).is_none() {
                self.members.unwanted.push(op);
            }
        }
    }

    fn detach_member(&mut self, op: OpId) {
        let committed = self.members.committed(op);
        let Some(p) = self.members.get_mut(op) else { return };
        if committed && super::runs(p) {
            (p.cancel, p.detached) = (true, true);
        } else {
            let keys = self.members.keys();
            keys.iter().for_each(|keys| self.stop_remote(keys, op, true, "nobody waits for it any more"));
            self.members.remove(op);
        }
        self.events.push(Event::Detached { op: op.0 });
    }

    /// Nobody waits for a group any more. False if `op` is none.
    pub(in crate::engine) fn detach_group(&mut self, op: OpId) -> bool {
        if self.group_mut(op).is_none() {
            return false;
        }
        self.drop_members(op);
        self.checkpoint.pending.remove(&op);
        self.events.push(Event::Detached { op: op.0 });
        true
    }

    /// Every member of a group that has not ended is asked to stop. What has no attempt that runs stops at once.
    pub(in crate::engine) fn cancel_group(&mut self, keys: &InstanceKeys, op: OpId, reason: &str) {
        let (now, Some((g, _, None))) = (self.now, self.group_mut(op)) else { return };
        g.cancelled = true;
        let before = g.clone();
        for member in self.members.open(&before) {
            self.stop_remote(keys, member, false, reason);
            let children = self.checkpoint.relations.children.clone();
            let Some(p) = self.members.get_mut(member) else { continue };
            p.cancel = true;
            self.stop_activity(member);
            let Some(p) = self.members.get_mut(member) else { continue };
            let stops = match &p.what {
                // All others that were due have been started before.
                Operation::Activity(call) => call.stuck || call.next_at.is_some_and(|at| at > now),
                Operation::Remote(remote) => !remote.outlives_cancel(&children),
                _ => true,
            };
            if stops && let Some(Input::Completed { completion, .. }) = self.input(keys, &Next::Stop(member), None) {
                self.count_down(member, completion, now);
            }
        }
        let Some((g, _, None)) = self.group_mut(op) else { return };
        if g.is_over() {
            self.end_group(op, now, Completion::All(vec![]));
        }
    }

    /// The groups that have room for more members, and how many.
    pub(super) fn vacancies(&self) -> Vec<(OpId, Group, u64)> {
        let groups = self.checkpoint.pending.iter().filter_map(|(op, p)| match &p.what {
            Operation::Group(g) if p.done.is_none() => Some((*op, Group::clone(g), g.vacancies())),
            _ => None,
        });
        groups.filter(|(_, _, n)| *n > 0).collect()
    }

    /// The group whose results the machine takes if it takes the end of `op`.
    pub(super) fn joined(&self, op: OpId) -> Option<Group> {
        let p = self.checkpoint.pending.get(&op)?;
        match (&p.what, p.done.as_ref().map(|d| &d.completion)) {
            (Operation::Group(g), Some(Completion::All(_))) => Some(Group::clone(g)),
            _ => None,
        }
    }

    /// Puts the results of a group together: those that are stored, and those of this draft.
    pub(super) fn join(&mut self, op: OpId, g: &Group, stored: Vec<(OpId, Completion)>, never: Vec<(OpId, Member)>) {
        let mut all = vec![Completion::Cancelled; usize::try_from(g.members).unwrap_or(0)];
        let mut set = |op: OpId, completion| {
            if let Some(place) = usize::try_from(g.index(op)).ok().and_then(|n| all.get_mut(n)) {
                *place = completion;
            }
        };
        for (op, completion) in stored {
            self.members.used.push(op);
            set(op, completion);
        }
        for (op, member) in never {
            self.members.unwanted.push(op);
            if let Member::Waiting(Command::Remote { target, .. }) = member {
                set(op, Completion::Remote { id: target.id, answer: Answer::Abandoned });
            }
        }
        let fresh: Vec<OpId> = self.members.results.range(g.first..g.end()).map(|(op, _)| *op).collect();
        for op in fresh {
            if let Some(completion) = self.members.results.remove(&op) {
                set(op, completion);
            }
        }
        if let Some((_, _, Some(done))) = self.group_mut(op) {
            done.completion = Completion::All(all);
        }
    }

    /// The run ends: nothing is left of its groups.
    pub(in crate::engine) fn close_groups(&mut self) {
        let groups: Vec<OpId> = self.checkpoint.pending.keys().copied().collect();
        let told = self.events.len();
        for op in groups {
            if self.group_mut(op).is_some() {
                self.drop_members(op);
            }
        }
        // Nobody gives them up: the run is over.
        self.events.truncate(told);
        for op in self.members.all() {
            self.members.remove(op);
        }
    }
}
