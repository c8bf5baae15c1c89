//! The threads of an activation in memory: program counters over one table of slots, as a tree.

use super::{
    StepError,
    command::{Command, Completion},
    cx::Io,
    frame::{OpId, Thread},
    live::{Live, Loading},
    oracle::Undo,
};
use crate::journal::Name;
use workflow_definition::Point;

/// A program counter. It waits for an operation, for an inline helper, or for its branches.
#[derive(Default)]
pub(super) struct LiveThread {
    /// Index in the definition; `None` before the first step.
    pub(super) point: Option<u32>,
    pub(super) op: Option<OpId>,
    pub(super) helper: Option<Box<Live>>,
    pub(super) shielded: bool,
    pub(super) completion: Option<Completion>,
    /// Not empty exactly while it waits for a `join!` or `select!`.
    pub(super) branches: Vec<Branch>,
}

/// A branch of a `join!` or `select!`.
pub(super) enum Branch {
    /// It has ended, or was never begun.
    Over,
    /// It begins in this step, with this block.
    Start(u32),
    /// It waits, or runs.
    Going(LiveThread),
}

impl LiveThread {
    /// The thread at a place in the tree.
    pub(super) fn at(&mut self, path: &[usize]) -> &mut LiveThread {
        match path {
            [] => self,
            [first, rest @ ..] => match &mut self.branches[*first] {
                Branch::Going(t) => t.at(rest),
                Branch::Over | Branch::Start(_) => panic!("a branch runs that is over: this is a bug of the runtime"),
            },
        }
    }

    /// Hands a completion to the thread that waits for the operation, and notes its place.
    pub(super) fn deliver(&mut self, op: OpId, completion: &mut Option<Completion>, path: &mut Vec<usize>) -> bool {
        if self.op == Some(op) {
            self.completion = completion.take();
            return true;
        }
        if self.helper.as_mut().is_some_and(|h| h.deliver(op, completion)) {
            return true;
        }
        for (i, b) in self.branches.iter_mut().enumerate() {
            if let Branch::Going(t) = b {
                path.push(i);
                if t.deliver(op, completion, path) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }

    /// Visits this thread and those of its branches.
    pub(super) fn walk<'t>(&'t self, f: &mut dyn FnMut(&'t LiveThread)) {
        f(self);
        for b in &self.branches {
            if let Branch::Going(t) = b {
                t.walk(f);
            }
        }
    }

    /// Gives up everything that this thread waits for.
    pub(super) fn lose(self, io: &mut Io, lost: &mut Undo) {
        if let Some(op) = self.op {
            io.commands.push(Command::Detach { op });
        }
        if let Some(helper) = self.helper {
            helper.lose(io, lost);
        }
        for b in self.branches {
            if let Branch::Going(t) = b {
                t.lose(io, lost);
            }
        }
    }

    /// The thread of the first branch that waits, as far in as there are branches.
    pub(super) fn innermost(&self) -> &LiveThread {
        let first = self.branches.iter().find_map(|b| match b {
            Branch::Going(t) => Some(t),
            _ => None,
        });
        first.map_or(self, LiveThread::innermost)
    }

    pub(super) fn load(t: Thread, points: &[Point], with: &mut Loading<'_>) -> Result<Self, StepError> {
        let helper = match t.helper {
            Some(h) => Some(Box::new(Live::load(*h, None, with)?)),
            None => None,
        };
        let mut branches = vec![];
        for b in t.branches {
            branches.push(match b {
                Some(t) => Branch::Going(LiveThread::load(t, points, with)?),
                None => Branch::Over,
            });
        }
        let point = points.iter().position(|p| p.label == t.point).map(|i| i as u32);
        Ok(LiveThread { point, op: t.op, helper, shielded: t.shielded, completion: None, branches })
    }

    pub(super) fn frame(&self, points: &'static [Point]) -> Thread {
        let label = self.point.map(|p| points[p as usize].label.as_str());
        Thread {
            point: Name::Borrowed(label.unwrap_or(workflow_definition::START)),
            op: self.op,
            helper: self.helper.as_ref().map(|h| Box::new(h.frame())),
            shielded: self.shielded,
            branches: self
                .branches
                .iter()
                .map(|b| match b {
                    Branch::Going(t) => Some(t.frame(points)),
                    Branch::Over | Branch::Start(_) => None,
                })
                .collect(),
        }
    }
}
