//! Groups of operations: `join_all`, `try_join_all`, `select_all`.
//!
//! The checkpoint holds one pending operation for the whole group, of fixed size. Each member that has not ended is a
//! [`Pending`] in a record of its own, each result is another record; an instance at work has the open members in memory.
//! A member begins, is retried and ends like any operation: [`Draft::pending_mut`](super::draft::Draft::pending_mut) finds it
//! wherever it is. Only then the group counts down, without the machine, which takes one step when the group is over.

mod draft;
mod members;
mod work;

pub(super) use members::{Delta, Members, Moved};

use super::checkpoint::{Operation, Pending};
use crate::machine::{Command, Join, OpId};
use serde::{Deserialize, Serialize};

/// A group, as the checkpoint knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) join: Join,
    /// So many members at a time.
    pub(super) limit: Option<u64>,
    /// The id of the first member; those of the others follow.
    pub(super) first: OpId,
    pub(super) members: u64,
    /// Members whose turn has come: the first ones.
    pub(super) started: u64,
    /// Of these, how many have ended.
    pub(super) ended: u64,
    /// It was asked to stop: nobody's turn comes any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) cancelled: bool,
    /// Open members that have, or are to have, an attempt.
    pub(super) running: u64,
    /// Open members that wait for a signal.
    pub(super) listening: u64,
}

impl Group {
    pub(super) fn new(op: OpId, join: Join, limit: Option<u64>, members: u64) -> Self {
        let first = OpId(op.0 + 1);
        Group { join, limit, first, members, started: 0, ended: 0, cancelled: false, running: 0, listening: 0 }
    }

    fn end(&self) -> OpId {
        OpId(self.first.0 + self.members)
    }

    /// The ids of its members.
    pub(super) fn members(&self) -> std::ops::Range<OpId> {
        self.first..self.end()
    }

    /// Counts its members anew: those that are open, and the first whose turn has not come.
    pub(super) fn count(&mut self, open: &[(OpId, &Pending)], waiting: Option<OpId>) {
        self.started = waiting.map_or(self.members, |op| self.index(op));
        self.ended = self.started.saturating_sub(open.len() as u64);
        self.running = open.iter().filter(|(_, p)| runs(p)).count() as u64;
        self.listening = open.iter().filter(|(_, p)| listens(p)).count() as u64;
    }

    fn contains(&self, op: OpId) -> bool {
        (self.first..self.end()).contains(&op)
    }

    fn index(&self, member: OpId) -> u64 {
        member.0 - self.first.0
    }

    /// True if all have ended that ever begin.
    pub(super) fn is_over(&self) -> bool {
        self.ended == if self.cancelled { self.started } else { self.members }
    }

    /// The members whose turn can come now.
    fn vacancies(&self) -> u64 {
        if self.cancelled {
            return 0;
        }
        let under_way = self.started - self.ended;
        let room = self.limit.map_or(u64::MAX, |l| l.saturating_sub(under_way));
        room.min(self.members - self.started)
    }
}

/// The record of a member that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Member {
    /// Its turn has not come.
    Waiting(Command),
    Open(Box<Pending>),
}

/// Whether it has, or is to have, an attempt.
fn runs(p: &Pending) -> bool {
    matches!(&p.what, Operation::Activity(call) if call.next_at.is_none() && call.deferred.is_none() && !call.stuck)
}

fn listens(p: &Pending) -> bool {
    matches!(p.what, Operation::Signal { .. })
}
