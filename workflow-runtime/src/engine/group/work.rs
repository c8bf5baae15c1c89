//! An instance at work on its groups.

use super::{Group, Member};
use crate::{
    engine::{
        actor::Actor,
        checkpoint::{Checkpoint, Operation, Reason},
        draft::Draft,
        error::Unavailable,
        instance::{self, Next},
        shared::Shared,
    },
    hash::HashMap,
    journal::{encoding, id::WorkflowId, key::Key},
    machine::{Completion, Input, OpId},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// Members of which something is due, in one commit.
const DUE: usize = 1024;

/// Records that are read at a time.
const PAGE: usize = 1024;

impl Actor {
    /// Brings the open members of an instance into memory.
    pub(in crate::engine) async fn load_members(&mut self) -> Result<(), Unavailable> {
        let Some(c) = self.instance.checkpoint.as_ref().filter(|c| !c.is_closed()) else { return Ok(()) };
        let (run, keys, shared) = (c.run, &self.instance.keys, &self.worker.shared);
        let mut failed = None;
        for (_, g) in groups(c) {
            let (from, to) = (keys.member(run, g.first.0), keys.member(run, g.first.0 + g.started));
            match read_all::<Member>(shared, &self.instance.id, from, &to).await {
                Ok(found) => {
                    let mut members = self.instance.members.borrow_mut();
                    for (op, member) in found {
                        if let Member::Open(p) = member {
                            members.set(op, Some(*p));
                        }
                    }
                }
                Err(e) if e.is_damage() => failed = Some(e),
                Err(e) => return Err(e),
            }
        }
        if let (Some(e), Some(draft)) = (failed, self.draft(self.worker.shared.clock.now())) {
            self.block(draft, Reason::of_damage("a member of a group cannot be restored", &e)).await?;
        }
        Ok(())
    }

    /// What members have due, the earliest first.
    pub(in crate::engine) fn next_members(
        &self,
        now: Timestamp,
        first_signals: &HashMap<OpId, Timestamp>,
    ) -> Vec<(Timestamp, Next)> {
        if !self.instance.may_step() {
            return vec![];
        }
        let Some(c) = &self.instance.checkpoint else { return vec![] };
        let mut members = self.instance.members.borrow_mut();
        let mut ops: BTreeSet<OpId> = members.woken(now).into_iter().collect();
        ops.extend(first_signals.keys().filter(|op| members.get(**op).is_some()));
        let running = |op| self.worker.is_running(&self.instance.id, op);
        let mut found = vec![];
        for op in ops {
            let next = members.get(op).and_then(|p| instance::next_of(c, op, p, now, first_signals, &running));
            match next {
                Some(next) => found.push(next),
                None => members.settled(op),
            }
        }
        found.sort_by_key(|(at, next)| (*at, next.op()));
        found.truncate(DUE);
        found
    }

    /// Gives members what they have due, all in one commit.
    pub(in crate::engine) async fn advance_members(
        &mut self,
        due: Vec<(Timestamp, Next)>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let Some(mut draft) = self.draft(now) else { return Ok(()) };
        for (at, next) in due {
            self.end_member(&mut draft, &next, at).await?;
        }
        self.progress(draft).await
    }

    /// Ends one member.
    pub(in crate::engine) async fn end_member(
        &mut self,
        draft: &mut Draft,
        next: &Next,
        at: Timestamp,
    ) -> Result<(), Unavailable> {
        let signal = self.message_for(draft, next).await?;
        if let Some(Input::Completed { op, completion }) = draft.input(&self.instance.keys, next, signal) {
            draft.count_down(op, completion, at);
        }
        Ok(())
    }

    /// Lets more members begin where some have ended, gives the machine what it can take, and commits.
    pub(in crate::engine) async fn progress(&mut self, mut draft: Box<Draft>) -> Result<(), Unavailable> {
        self.fill(&mut draft).await?;
        match self.ready_in(&draft) {
            Some(next) => self.deliver(draft, next).await.map(drop),
            None => self.store(draft).await,
        }
    }

    /// Members whose turn has come begin.
    async fn fill(&self, draft: &mut Draft) -> Result<(), Unavailable> {
        let run = draft.checkpoint.run;
        for (_, g, n) in draft.vacancies() {
            let first = g.first.0 + g.started;
            let (from, to) = (self.instance.keys.member(run, first), self.instance.keys.member(run, first + n));
            for (op, member) in read_all::<Member>(&self.worker.shared, &self.instance.id, from, &to).await? {
                if let Member::Waiting(command) = member {
                    draft.start_member(&self.instance.keys, op, command);
                }
            }
        }
        Ok(())
    }

    /// Puts the results of the group together whose end the machine is about to take.
    pub(in crate::engine) async fn gather(&self, draft: &mut Draft, next: &Next) -> Result<(), Unavailable> {
        let Next::Done(op) = next else { return Ok(()) };
        let Some(g) = draft.joined(*op) else { return Ok(()) };
        let (run, keys) = (draft.checkpoint.run, &self.instance.keys);
        let (from, to) = (keys.result(run, g.first.0), keys.result(run, g.end().0));
        let stored = read_all::<Completion>(&self.worker.shared, &self.instance.id, from, &to).await?;
        let (from, to) = (keys.member(run, g.first.0 + g.started), keys.member(run, g.end().0));
        let never = match g.cancelled {
            true => read_all::<Member>(&self.worker.shared, &self.instance.id, from, &to).await?,
            false => vec![],
        };
        draft.join(*op, &g, stored, never);
        Ok(())
    }
}

/// The groups of a checkpoint that are not over.
impl Checkpoint {
    /// Whether some of its operations are members of groups.
    pub(in crate::engine) fn has_groups(&self) -> bool {
        groups(self).next().is_some()
    }
}

fn groups(c: &Checkpoint) -> impl Iterator<Item = (OpId, &Group)> {
    c.pending.iter().filter_map(|(op, p)| match &p.what {
        Operation::Group(g) if p.done.is_none() => Some((*op, &**g)),
        _ => None,
    })
}

/// Records of operations, by their numbers.
async fn read_all<T: DeserializeOwned>(
    shared: &Shared,
    id: &WorkflowId,
    mut from: Vec<u8>,
    to: &[u8],
) -> Result<Vec<(OpId, T)>, Unavailable> {
    let mut found = vec![];
    loop {
        let rows = shared.store.scan(&from, to, PAGE).await;
        let rows = rows.map_err(|source| Unavailable::Unreadable { workflow_id: id.to_string(), source })?;
        let full = rows.len() == PAGE;
        if let Some((last, _)) = rows.last() {
            from.clone_from(last);
            from.push(0);
        }
        for (key, value) in rows {
            let Some(op) = Key::parse(&key).ok().and_then(|k| k.number) else { continue };
            let value = encoding::decode(&value).map_err(|source| Unavailable::Undecodable {
                workflow_id: id.to_string(),
                what: "member of a group",
                source,
            })?;
            found.push((OpId(op), value));
        }
        if !full {
            return Ok(found);
        }
    }
}
