//! The synchronous core: one input in, commands and a frame out.
//!
//! No I/O, no clock, no scheduler: the engine owns time and the world, the machine owns decisions.
//! An instance may be evicted after any commit; the [`Frame`] is the machine.

pub(crate) mod ambient;
#[doc(hidden)]
pub mod branch;
pub mod checked;
mod command;
mod compensate;
mod cx;
mod error;
mod frame;
#[doc(hidden)]
pub mod held;
mod inbox;
#[doc(hidden)]
pub mod iterate;
mod live;
#[doc(hidden)]
pub mod look;
pub(crate) mod operation;
#[doc(hidden)]
pub mod oracle;
mod outcome;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod refused;
mod remote;
mod slot;
mod thread;
mod workflow;
mod zone;

pub use ambient::{
    Random, cancel_requested, now, random, run_id, saga, set_status, side_effect, tag, uuid, workflow_id,
};
pub use command::{Command, Completion, Input, Join, Step};
pub use cx::{Cx, Flow, Go, Token, What, drive};
pub use error::{Cancelled, StepError, WaitError, WorkflowError};
pub(crate) use error::{panic_location, panic_message, watch_panics};
pub use frame::{Activation, Closed, Compensation, Frame, OpId, Thread};
pub use inbox::{Buffered, NoInbox, StepInbox};
pub use live::{Resolve, Upgrade};
pub use operation::{
    ActivityCall, Child, ChildCall, ChildError, ChildResult, ChildStartError, Detailed, Durable, ExternalError,
    ExternalRun, JoinAll, Message, OnCancel, Recv, RecvTimeout, RecvUpdate, RecvUpdateTimeout, Reply, Request,
    SelectAll, Shielded, Signal, Sleep, SleepTime, StartChild, Ticket, TryJoinAll, Update, WorkflowCall, external,
    for_each_concurrent, join_all, select_all, shielded, sleep, sleep_until, try_join_all,
};
pub(crate) use operation::{CHANNEL, Envelope, channel};
pub use outcome::{Never, Outcome, Plain};
pub use remote::{Answer, Ask, Ended, ParentClose, Refused, Target};
pub use slot::{AnySlot, Checkpoint, Entry, Interned, Slot, SlotExt, StaticStr, Stored};
pub use workflow::{
    Described, ErrOf, Helper, InlineWorkflow, LocalBoxFuture, OkOf, StepFn, Workflow, WorkflowDef, WorkflowFn,
    WorkflowRegistration, accepts, accepts_nothing,
};
pub use zone::{UnknownTimeZone, now_in};

#[doc(hidden)]
pub use ambient::patched;

#[cfg(test)]
mod tests;

use crate::journal::payload::Payload;
use ambient::Ambient;
use cx::Io;
use jiff::Timestamp;
use live::{Live, Loading};
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use thread::LiveThread;
use uuid::Uuid;

/// Who a machine is: the same for all of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id that the user chose.
    pub workflow_id: Arc<str>,
    /// The id of this run.
    pub run_id: Uuid,
}

/// One run of a workflow, between its steps. Stays on the thread of its shard.
pub struct Machine {
    identity: Identity,
    root: Live,
    /// What is left of helpers that lost a race and have to be undone.
    detached: Vec<Live>,
    /// The function has left with the input of the next run, and something that lost is still being undone.
    continuing: Option<Payload>,
    next_op: u64,
    draws: u64,
    now: Timestamp,
    cancel: Option<String>,
}

impl Machine {
    /// A run that has not taken its first step.
    pub fn start(identity: Identity, def: &'static WorkflowDef, args: Payload, now: Timestamp) -> Self {
        let root = Live::start(def, def.step, Some(args));
        Machine { identity, root, detached: vec![], continuing: None, next_op: 0, draws: 0, now, cancel: None }
    }

    /// A run as its frame says, and what an upgrade of the code has decided for it.
    ///
    /// `args` is the input in the start record: a frame before the first step, and some upgrades, need it.
    ///
    /// # Errors
    ///
    /// This build cannot resume the frame: it lacks the workflow, or [`compatibility`](workflow_definition::compatibility()) refuses.
    pub fn load(
        identity: Identity,
        frame: Frame,
        args: &Payload,
        with: &dyn Resolve,
    ) -> Result<(Self, Vec<Upgrade>), StepError> {
        let mut loading = Loading { with, upgrades: vec![] };
        let root = Live::load(frame.root, Some(args), &mut loading)?;
        let detached: Result<_, _> = frame.detached.into_iter().map(|d| Live::load(d, None, &mut loading)).collect();
        let Frame { next_op, draws, now, cancel, .. } = frame;
        Ok((
            Machine { identity, root, detached: detached?, continuing: frame.continuing, next_op, draws, now, cancel },
            loading.upgrades,
        ))
    }

    /// The checkpoint as of the last step.
    pub fn frame(&self) -> Frame {
        let (next_op, draws, now) = (self.next_op, self.draws, self.now);
        let detached = self.detached.iter().map(Live::frame).collect();
        let continuing = self.continuing.clone();
        Frame { root: self.root.frame(), detached, continuing, next_op, draws, now, cancel: self.cancel.clone() }
    }

    /// Who this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Takes one input to the next suspension.
    ///
    /// `now` is the time of the commit that this step belongs to; time never goes backwards within an instance.
    /// An input for an operation that nobody waits for any more changes nothing.
    ///
    /// # Errors
    ///
    /// [`StepError`]. The machine is then in no defined state: drop it, and load it again from the last committed frame.
    pub fn step(&mut self, input: Input, now: Timestamp) -> Result<Step, StepError> {
        self.run(input, now, None, Box::new(NoInbox))
    }

    /// [`step`](Self::step) of an instance whose inbox is not empty: the workflow may look into it.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step); [`StepError::Unread`] if the workflow looked for a message that `inbox` does not have at
    /// hand.
    pub fn step_with(&mut self, input: Input, now: Timestamp, inbox: Box<dyn StepInbox>) -> Result<Step, StepError> {
        self.run(input, now, None, inbox)
    }

    /// Takes an input again as a recorded step took it: side effects give the values that they gave then, and `inbox` holds
    /// what was received before.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn step_again(
        &mut self,
        input: Input,
        now: Timestamp,
        side_effects: VecDeque<Payload>,
        inbox: Box<dyn StepInbox>,
    ) -> Result<Step, StepError> {
        self.run(input, now, Some(side_effects), inbox)
    }

    fn run(
        &mut self,
        input: Input,
        now: Timestamp,
        recorded: Option<VecDeque<Payload>>,
        inbox: Box<dyn StepInbox>,
    ) -> Result<Step, StepError> {
        self.now = self.now.max(now);
        let mut undoing = None;
        match input {
            Input::Start => {}
            Input::Completed { op, completion } => {
                let mut completion = Some(completion);
                if !self.root.deliver(op, &mut completion) {
                    undoing = self.detached.iter_mut().position(|d| d.deliver(op, &mut completion));
                    if undoing.is_none() {
                        return Ok(Step { commands: vec![], closed: None, continued: None });
                    }
                }
            }
            Input::Cancel { reason } => return Ok(self.request_cancel(reason)),
        }
        let mut io = Io { next_op: self.next_op, commands: vec![], error: None, detached: vec![] };
        let Identity { workflow_id, run_id } = self.identity.clone();
        let ambient = Ambient {
            cancel: self.cancel.clone(),
            recorded,
            inbox,
            ..Ambient::new(self.now, workflow_id, run_id, self.draws)
        };
        let outer = ambient::set(Some(ambient));
        let flow = {
            let _watch = error::watch_panics();
            catch_unwind(AssertUnwindSafe(|| match undoing {
                Some(i) => self.undo(i, &mut io),
                None => live::step(&mut self.root, &mut io),
            }))
        };
        let ambient = ambient::set(outer);
        let flow = flow.unwrap_or_else(|panic| Err(StepError::from_panic(self.root.def.name, panic)))?;
        let Some(ambient) = ambient else {
            return Ok(Step { commands: vec![], closed: None, continued: None });
        };
        if let Some(source) = ambient.error {
            let workflow = self.root.def.name.into();
            return Err(StepError::Request { workflow, point: self.point().to_owned(), source });
        }
        (self.next_op, self.draws) = (io.next_op, ambient.draws);
        self.root.args = None;
        let mut commands = io.commands;
        commands.extend(ambient.commands);
        self.detached.append(&mut io.detached);
        let (closed, continued) = match flow {
            Flow::Pending => (None, None),
            Flow::Closed(c) => (self.close(c), None),
            Flow::Continued(input) => (None, self.leave(input)),
        };
        Ok(Step { commands, closed, continued })
    }

    /// Goes on with undoing what lost; when nothing is left of it, a run that has only waited for this ends.
    fn undo(&mut self, detached: usize, io: &mut Io) -> Result<Flow, StepError> {
        if let Flow::Closed(_) = live::step(&mut self.detached[detached], io)? {
            self.detached.remove(detached);
        }
        let waited = self.detached.is_empty() && self.root.saga.is_empty();
        if let Some(input) = self.continuing.take_if(|_| waited) {
            return Ok(Flow::Continued(input));
        }
        match self.root.closing.take_if(|_| waited) {
            Some(closed) => Ok(Flow::Closed(closed)),
            None => Ok(Flow::Pending),
        }
    }

    /// The input of the next run, unless something that lost is still being undone.
    fn leave(&mut self, input: Payload) -> Option<Payload> {
        self.root.saga.clear();
        if self.detached.is_empty() {
            return Some(input);
        }
        self.root.thread = LiveThread::default();
        self.root.slots.iter_mut().for_each(|s| *s = slot::Stored::Empty);
        self.continuing = Some(input);
        None
    }

    /// The end, unless something that lost is still being undone.
    fn close(&mut self, closed: Closed) -> Option<Closed> {
        if self.detached.is_empty() {
            return Some(self.after_cancel(closed));
        }
        self.root.saga.clear();
        self.root.thread = LiveThread::default();
        self.root.closing = Some(closed);
        None
    }

    /// Label of the point in which the run waits, for people. Of branches, that of the first.
    pub fn point(&self) -> &str {
        match self.root.thread.innermost().point {
            Some(p) => &self.root.definition().points[p as usize].label,
            None => workflow_definition::START,
        }
    }

    fn request_cancel(&mut self, reason: String) -> Step {
        let mut ops = vec![];
        if self.cancel.is_none() {
            self.cancel = Some(reason);
            self.root.cancellable(&mut ops);
        }
        Step { commands: ops.into_iter().map(|op| Command::Cancel { op }).collect(), closed: None, continued: None }
    }

    fn after_cancel(&self, closed: Closed) -> Closed {
        match (closed, &self.cancel) {
            (Closed::Failed { error, .. }, Some(reason)) => Closed::Cancelled { reason: reason.clone(), error },
            (closed, _) => closed,
        }
    }
}
