//! What generated code works with, and the loop that drives it.

use super::{
    StepError, ambient,
    command::{Command, Completion},
    frame::{Closed, OpId},
    live::{self, Live},
    operation::{Durable, Request},
    outcome::{self, Outcome},
    slot::{Entry, Stored},
    workflow::Workflow,
};
use crate::activity::bounds::Arguments as _;
use std::marker::PhantomData;

/// What the runtime asks of a generated machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Run a block. Block 0 is the entry: it takes the arguments.
    Block(u32),
    /// Go on behind a suspension point, by its index in the definition. The result of the operation is there.
    Resume(u32),
    /// Move the stored locals into the slots.
    Load,
    /// Move the slots that are live out.
    Save,
    /// Fill the empty slots of arguments from the start record: an upgrade needs an argument that was not saved.
    Arguments,
}

/// Where a block goes.
#[derive(Debug)]
pub enum Go<T> {
    /// To another block, within the step.
    To(u32),
    /// To the suspension point with this index; an operation has begun there.
    Wait(u32),
    /// The function has returned.
    Done(T),
    /// Nowhere: the answer to [`What::Load`], [`What::Save`] and [`What::Arguments`].
    Idle,
}

/// How one run of a generated machine ended.
#[derive(Debug)]
pub enum Flow {
    /// It waits.
    Pending,
    /// It has returned.
    Closed(Closed),
}

/// Ties the type of an operation to the point that awaits it, so that the result's type is inferred.
pub struct Token<D> {
    point: u32,
    operation: PhantomData<fn() -> D>,
}

impl<D> Token<D> {
    /// The token of the point with this index.
    pub fn new(point: u32) -> Self {
        Token { point, operation: PhantomData }
    }
}

/// What the operations of one step share.
pub(crate) struct Io {
    pub(crate) next_op: u64,
    pub(crate) commands: Vec<Command>,
    pub(crate) error: Option<StepError>,
}

impl Io {
    pub(crate) fn op(&mut self) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        op
    }
}

/// The machine of one activation during one step.
pub struct Cx<'a> {
    pub(crate) live: &'a mut Live,
    pub(crate) io: &'a mut Io,
}

impl Cx<'_> {
    /// The arguments of the call.
    ///
    /// Ends the step with [`StepError::Arguments`] if they do not decode.
    pub fn args<W: Workflow>(&mut self) -> W::Args {
        let r = match &self.live.args {
            Some(a) => W::Args::load(a),
            None => panic!("the arguments were not kept: this is a bug of the runtime"),
        };
        r.unwrap_or_else(|source| abort(StepError::Arguments { workflow: self.live.def.name.into(), source }))
    }

    /// Begins the operation that the point of `token` awaits. The block then returns [`Go::Wait`].
    pub fn begin<D: Durable>(&mut self, operation: D, token: &mut Token<D>) {
        let point = &self.live.definition().points[token.point as usize].label;
        let mut request = operation.request();
        if let Ok(Request::Shielded(inner)) = request {
            self.live.threads[0].shielded = true;
            request = Ok(*inner);
        }
        match request {
            Err(source) => {
                let (workflow, point) = (self.live.def.name.into(), point.clone());
                self.io.error = Some(StepError::Request { workflow, point, source });
            }
            Ok(Request::Inline { def, args }) => {
                self.live.threads[0].helper = Some(Box::new(Live::start(def, Some(args))));
            }
            Ok(Request::Operation(command)) => {
                let op = self.io.op();
                self.live.threads[0].op = Some(op);
                self.io.commands.push(command.with_op(op));
            }
            Ok(Request::Shielded(_)) => panic!("an operation is shielded twice: this is a bug of the runtime"),
        }
    }

    /// The result of the operation that the point of `token` awaited.
    ///
    /// Ends the step with [`StepError::Result`] if it does not decode.
    pub fn result<D: Durable>(&mut self, token: &Token<D>) -> D::Output {
        let Some(completion) = self.live.threads[0].completion.take() else {
            panic!("no operation has completed: this is a bug of the runtime")
        };
        D::output(completion).unwrap_or_else(|source| {
            let point = self.live.definition().points[token.point as usize].label.clone();
            abort(StepError::Result { workflow: self.live.def.name.into(), point, source })
        })
    }

    /// Answers [`What::Load`] and [`What::Save`] with the table of slots, which stands in the order of `WorkflowDef::slots`.
    pub fn table(&mut self, what: What, table: &mut [Entry<'_>]) {
        match what {
            What::Load => self.load(table),
            _ => self.save(table),
        }
    }

    fn load(&mut self, table: &mut [Entry<'_>]) {
        for (entry, stored) in table.iter_mut().zip(&mut self.live.slots) {
            let slot = entry.slot();
            if let Err(source) = slot.load(std::mem::take(stored)) {
                let (workflow, local) = (self.live.def.name.into(), slot.key().into());
                self.io.error.get_or_insert(StepError::Local { workflow, local, source });
            }
        }
    }

    fn save(&mut self, table: &mut [Entry<'_>]) {
        let Some(point) = self.live.threads[0].point else {
            return;
        };
        let live = &self.live.def.live(self.live.definition())[point as usize];
        for (i, entry) in table.iter_mut().enumerate() {
            let slot = entry.slot();
            let saved = if live[i] { slot.save() } else { Ok(Stored::Empty) };
            match saved {
                Ok(s) => self.live.slots[i] = s,
                Err(source) => {
                    let (workflow, local) = (self.live.def.name.into(), slot.key().into());
                    self.io.error.get_or_insert(StepError::Unsaveable { workflow, local, source });
                }
            }
        }
    }

    /// True if the awaited operation has completed; steps the inline helper if that is what is awaited.
    fn advance(&mut self) -> Result<bool, StepError> {
        let thread = &mut self.live.threads[0];
        if thread.completion.is_some() {
            return Ok(true);
        }
        let Some(mut helper) = thread.helper.take() else {
            return Ok(false);
        };
        match live::step(&mut helper, self.io)? {
            Flow::Pending => {
                self.live.threads[0].helper = Some(helper);
                Ok(false)
            }
            Flow::Closed(closed) => {
                // A helper that ends in `Ok` hands its compensations to its caller.
                ambient::inherit(std::mem::take(&mut helper.saga));
                self.live.threads[0].completion = Some(match closed {
                    Closed::Completed(v) => Completion::Value(v),
                    Closed::Failed { error, .. } | Closed::Cancelled { error, .. } => Completion::Failed(error),
                });
                Ok(true)
            }
        }
    }

    fn check(&mut self) -> Result<(), StepError> {
        self.io.error.take().map_or(Ok(()), Err)
    }
}

/// Ends the step with an error, from within code whose return type is the user's.
///
/// Unwinds without the panic hook; [`Machine::step`](super::Machine::step) catches it.
fn abort(error: StepError) -> ! {
    std::panic::resume_unwind(Box::new(error))
}

/// Runs a generated machine from its input to its next suspension.
///
/// # Errors
///
/// [`StepError`]: a value could not be decoded or encoded.
pub fn drive<R: Outcome>(
    cx: &mut Cx<'_>,
    machine: &mut dyn FnMut(&mut Cx<'_>, What) -> R::Step,
) -> Result<Flow, StepError> {
    let mut what = match cx.live.threads[0].point {
        None => What::Block(0),
        Some(k) => {
            if !cx.advance()? {
                return Ok(Flow::Pending);
            }
            cx.live.threads[0].op = None;
            cx.live.threads[0].shielded = false;
            machine(cx, What::Load);
            cx.check()?;
            if std::mem::take(&mut cx.live.refill) {
                machine(cx, What::Arguments);
            }
            What::Resume(k)
        }
    };
    loop {
        let go = R::open(machine(cx, what));
        cx.check()?;
        match go {
            Ok(Go::To(block)) => what = What::Block(block),
            Ok(Go::Wait(point)) => {
                cx.live.threads[0].point = Some(point);
                if cx.advance()? {
                    cx.live.threads[0].shielded = false;
                    what = What::Resume(point);
                    continue;
                }
                machine(cx, What::Save);
                cx.check()?;
                return Ok(Flow::Pending);
            }
            Ok(Go::Done(value)) => return finish::<R>(cx, Ok(value)),
            Ok(Go::Idle) => {
                panic!("a block answered `Idle`: this is a bug of the workflow compiler")
            }
            Err(error) => return finish::<R>(cx, Err(error)),
        }
    }
}

fn finish<R: Outcome>(cx: &Cx<'_>, r: Result<R::Ok, R::Err>) -> Result<Flow, StepError> {
    match outcome::close(r) {
        Ok(closed) => Ok(Flow::Closed(closed)),
        Err(source) => Err(StepError::Outcome { workflow: cx.live.def.name.into(), source }),
    }
}
