//! Groups in a recorded history: what their members did is told of one by one, and the machine took it all at once.

use crate::{
    journal::history::{Entry, Event},
    machine::{Answer, Completion, OpId},
};
use std::collections::{BTreeMap, BTreeSet};

/// The groups that the machine has not taken the end of, by operation.
#[derive(Clone, Default)]
pub(super) struct Groups(BTreeMap<u64, Group>);

#[derive(Clone)]
struct Group {
    join: String,
    members: u64,
    /// Members that have ended, in the order in which they did.
    ended: Vec<(u64, Completion)>,
    /// Members that are children whose end is waited for: that they have started is none.
    children: BTreeSet<u64>,
}

impl Groups {
    /// A group was begun.
    pub(super) fn begin(&mut self, event: &Event) {
        if let Event::GroupStarted { op, join, members, .. } = event {
            self.0
                .insert(*op, Group { join: join.clone(), members: *members, ended: vec![], children: BTreeSet::new() });
        }
    }

    fn of(&mut self, member: u64) -> Option<(u64, &mut Group)> {
        let (op, group) = self.0.range_mut(..member).next_back()?;
        (member - op <= group.members).then_some((*op, group))
    }

    /// Keeps how an operation has ended if it is a member; else gives it back.
    pub(super) fn keep(&mut self, op: u64, completion: Completion) -> Option<Completion> {
        match self.of(op) {
            Some((first, group)) => {
                let started = matches!(completion, Completion::Remote { answer: Answer::Started { .. }, .. });
                if !(started && group.children.contains(&op)) {
                    group.ended.push((op - first - 1, completion));
                }
                None
            }
            None => Some(completion),
        }
    }

    /// The end of these children is waited for.
    pub(super) fn await_children(&mut self, ops: impl Iterator<Item = OpId>) {
        for op in ops {
            if let Some((_, group)) = self.of(op.0) {
                group.children.insert(op.0);
            }
        }
    }

    /// What the machine took as the end of a group. `None`: it is no group.
    pub(super) fn take(&mut self, op: u64) -> Option<Completion> {
        let Group { join, members, ended, .. } = self.0.remove(&op)?;
        let decides = |c: &Completion| match join.as_str() {
            "select_all" => true,
            "try_join_all" => c.is_error(),
            _ => false,
        };
        if let Some((index, completion)) = ended.iter().find(|(_, c)| decides(c)) {
            return Some(Completion::Member { index: *index, completion: Box::new(completion.clone()) });
        }
        let mut all = vec![Completion::Cancelled; usize::try_from(members).unwrap_or(0)];
        for (index, completion) in ended {
            if let Some(place) = usize::try_from(index).ok().and_then(|n| all.get_mut(n)) {
                *place = completion;
            }
        }
        Some(Completion::All(all))
    }

    /// Whether no step has decided this but the group itself: members begin when it is their turn, and are given up when it is
    /// over.
    pub(super) fn decides(&mut self, event: &Event) -> bool {
        let op = match event {
            Event::Scheduled { op, .. }
            | Event::TimerStarted { op, .. }
            | Event::Waiting { op, .. }
            | Event::WaitingForUpdate { op, .. }
            | Event::Detached { op }
            | Event::MessageSent { op: Some(op), .. } => *op,
            _ => return false,
        };
        self.of(op).is_some()
    }
}

/// The entries of a history, those of one commit as one.
pub(in crate::engine) fn whole(entries: &[Entry]) -> Vec<Entry> {
    let mut whole: Vec<Entry> = vec![];
    for entry in entries {
        match whole.last_mut().filter(|last| last.revision == entry.revision) {
            Some(last) => {
                let mut events = std::mem::take(&mut last.events);
                events.extend(entry.events.iter().cloned());
                *last = Entry { events, ..entry.clone() };
            }
            None => whole.push(entry.clone()),
        }
    }
    whole
}
