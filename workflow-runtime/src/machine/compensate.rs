//! How an activation that has failed is undone: its compensations, one after the other or all at once.

use super::{
    command::Command,
    cx::{Flow, Io},
    frame::{Closed, OpId},
    live::Live,
    slot::Stored,
    thread::LiveThread,
};

impl Live {
    /// The function has ended in an error: from here on only its compensations count.
    pub(super) fn fail(&mut self, closed: Closed, io: &mut Io) {
        if let (Closed::Failed { error, .. } | Closed::Cancelled { error, .. }, false) = (&closed, self.saga.is_empty())
        {
            let (workflow, calls) = (self.def.name.into(), self.saga.len() as u64);
            io.commands.push(Command::Compensating { workflow, error: error.clone(), calls });
        }
        self.closing = Some(closed);
        self.thread = LiveThread::default();
        self.slots.iter_mut().for_each(|s| *s = Stored::Empty);
    }

    /// A compensation has ended, or was skipped; false if `op` is none.
    pub(super) fn undone(&mut self, op: OpId) -> bool {
        let before = self.saga.len();
        self.saga.retain(|c| c.op != Some(op));
        self.saga.len() < before
    }

    /// Begins the compensations whose turn it is, the last registered first; ends the activation when none is left.
    pub(super) fn compensate(&mut self, io: &mut Io) -> Flow {
        if self.saga.is_empty() {
            return self.closing.take().map_or(Flow::Pending, Flow::Closed);
        }
        let most = if self.parallel { self.saga.len() } else { 1 };
        for c in self.saga.iter_mut().rev().take(most).filter(|c| c.op.is_none()) {
            let op = io.op();
            let options = c.options.clone().until_done();
            io.commands.push(Command::Activity { op, name: c.activity.clone(), args: c.args.clone(), options });
            c.op = Some(op);
        }
        Flow::Pending
    }
}
