//! What generated code works with, and the loop that drives it.

use super::{
    StepError, ambient,
    command::{Command, Completion},
    frame::{Closed, OpId},
    live::{self, Live},
    look::LookError,
    operation::{Durable, Request},
    oracle::Undo,
    outcome::{self, Outcome},
    slot::{Entry, Stored},
    thread::{Branch, LiveThread},
    workflow::{Helper, InlineWorkflow},
};
use crate::{
    activity::bounds::Arguments as _,
    journal::{encoding::EncodeError, payload::Payload},
};
use std::marker::PhantomData;

/// What the runtime asks of a generated machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Run a block. Block 0 is the entry: it takes the arguments.
    Block(u32),
    /// Go on behind a suspension point, by its index in the definition. The result of the operation is there.
    Resume(u32),
    /// A branch has ended: the point of its `join!` or `select!`, and its position.
    Ended(u32, u32),
    /// Move the stored locals into the slots.
    Load,
    /// Move the slots that are live out.
    Save,
    /// Say which workflows the points await: a helper that is generic was loaded from a frame, which does not know its types.
    Helpers,
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
    /// The branch has ended; its result is in its slot.
    End,
    /// On with waiting for the other branches.
    Rest,
    /// The function, or the branch, has returned.
    Done(T),
    /// The run goes on as a new one with these arguments.
    Continue(Result<Payload, EncodeError>),
    /// Nowhere: the answer to [`What::Load`], [`What::Save`], [`What::Helpers`] and [`What::Arguments`].
    Idle,
}

/// How one run of a generated machine ended.
#[derive(Debug)]
pub enum Flow {
    /// It waits.
    Pending,
    /// It has returned.
    Closed(Closed),
    /// It goes on as a new run with these arguments.
    Continued(Payload),
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

    /// The operation itself, whose type the point now has.
    pub fn of(&self, operation: D) -> D {
        operation
    }
}

impl<D: Durable> Token<D> {
    /// The workflow that the point awaits, if it is one.
    pub fn helper(&self) -> (u32, Option<Helper>) {
        (self.point, D::helper())
    }
}

/// What the operations of one step share.
pub(crate) struct Io {
    pub(crate) next_op: u64,
    pub(crate) commands: Vec<Command>,
    pub(crate) error: Option<StepError>,
    /// What is left of helpers that lost.
    pub(crate) detached: Vec<Live>,
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
    /// The place of the thread that runs.
    path: Vec<usize>,
}

impl<'a> Cx<'a> {
    pub(super) fn new(live: &'a mut Live, io: &'a mut Io) -> Self {
        let path = live.ready.take().unwrap_or_default();
        Cx { live, io, path }
    }

    fn thread(&mut self) -> &mut LiveThread {
        self.live.thread.at(&self.path)
    }

    /// The arguments of the call.
    ///
    /// Ends the step with [`StepError::Arguments`] if they do not decode.
    pub fn args<W: InlineWorkflow>(&mut self) -> W::Args {
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
            self.thread().shielded = true;
            request = Ok(*inner);
        }
        match request {
            Err(source) => {
                let (workflow, point) = (self.live.def.name.into(), point.clone());
                self.io.error = Some(StepError::Request { workflow, point, source });
            }
            Ok(Request::Inline { helper, args }) => {
                self.thread().helper = Some(Box::new(Live::start(helper.def, Some(helper.step), Some(args))));
            }
            Ok(Request::Operation(command)) => {
                let op = self.io.op();
                self.io.next_op += command.more_ids();
                self.thread().op = Some(op);
                self.io.commands.push(command.with_op(op));
            }
            Ok(Request::Ready(completion)) => self.thread().completion = Some(completion),
            Ok(Request::Shielded(_)) => panic!("an operation is shielded twice: this is a bug of the runtime"),
        }
    }

    /// The result of the operation that the point of `token` awaited.
    ///
    /// Ends the step with [`StepError::Result`] if it does not decode.
    pub fn result<D: Durable>(&mut self, token: &Token<D>) -> D::Output {
        let Some(completion) = self.thread().completion.take() else {
            panic!("no operation has completed: this is a bug of the runtime")
        };
        D::output(completion).unwrap_or_else(|source| {
            let point = self.live.definition().points[token.point as usize].label.clone();
            abort(StepError::Result { workflow: self.live.def.name.into(), point, source })
        })
    }

    /// What a guard looks at while it waits.
    ///
    /// Ends the step with [`StepError::Unsaveable`] or [`StepError::Local`] if the value cannot be copied.
    pub fn looked_at<T>(&mut self, copy: Result<T, LookError>) -> T {
        let workflow = || self.live.def.name.into();
        let local = "the scrutinee of a `match`";
        copy.unwrap_or_else(|e| {
            abort(match e {
                LookError::Encode(source) => {
                    StepError::Unsaveable { workflow: workflow(), local: local.into(), source }
                }
                LookError::Decode(source) => StepError::Local { workflow: workflow(), local: local.into(), source },
            })
        })
    }

    /// Answers [`What::Load`] and [`What::Save`] with the table of slots, which stands in the order of `WorkflowDef::slots`.
    pub fn table(&mut self, what: What, table: &mut [Entry<'_>]) {
        match what {
            What::Load => self.load(table),
            _ => self.save(table),
        }
    }

    /// True if the running thread waits for a helper whose types are not known.
    fn unbound(&mut self) -> bool {
        self.thread().helper.as_ref().is_some_and(|h| h.step.is_none() && h.closing.is_none())
    }

    /// Answers [`What::Helpers`].
    pub fn bind(&mut self, helpers: &[(u32, Option<Helper>)]) {
        let thread = self.thread();
        let awaited = helpers.iter().find(|(point, _)| Some(*point) == thread.point).and_then(|(_, h)| h.as_ref());
        let Some(live) = &mut thread.helper else { return };
        match awaited {
            Some(awaited) if std::ptr::eq(awaited.def, live.def) => live.step = Some(awaited.step),
            _ => {
                let (helper, now) = (live.def.name.to_owned(), awaited.map(|a| a.def.name.to_owned()));
                let workflow = self.live.def.name.to_owned();
                self.io.error = Some(StepError::OtherHelper { workflow, helper, now });
            }
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
        let mut points = vec![];
        self.live.thread.walk(&mut |t| points.extend(t.point));
        let live = self.live.def.live(self.live.definition());
        for (i, entry) in table.iter_mut().enumerate() {
            let slot = entry.slot();
            // What any of the waiting threads still needs.
            let needed = points.iter().any(|p| live[*p as usize][i]);
            let saved = if needed { slot.save() } else { Ok(Stored::Empty) };
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
        let thread = self.thread();
        if thread.completion.is_some() {
            return Ok(true);
        }
        let Some(mut helper) = thread.helper.take() else {
            return Ok(false);
        };
        match live::step(&mut helper, self.io)? {
            Flow::Pending => {
                self.thread().helper = Some(helper);
                Ok(false)
            }
            Flow::Continued(_) => Err(StepError::ContinuedInline { workflow: helper.def.name.into() }),
            Flow::Closed(closed) => {
                // A helper that ends in `Ok` hands its compensations to its caller.
                ambient::inherit(std::mem::take(&mut helper.saga));
                self.thread().completion = Some(match closed {
                    Closed::Completed(v) => Completion::Value(v),
                    Closed::Failed { error, .. } | Closed::Cancelled { error, .. } => Completion::Failed(error),
                });
                Ok(true)
            }
        }
    }

    /// Opens the branches of a `join!` or `select!`: the block in which each begins; `None` for one whose guard is false.
    /// The block then returns [`Go::Wait`].
    pub fn fork(&mut self, entries: &[Option<u32>]) {
        self.thread().branches = entries.iter().map(|e| e.map_or(Branch::Over, Branch::Start)).collect();
    }

    /// One branch has decided: the others are given up.
    pub fn won(&mut self) {
        for b in std::mem::take(&mut self.thread().branches) {
            if let Branch::Going(loser) = b {
                let mut lost = Undo::default();
                loser.lose(self.io, &mut lost);
                self.live.undo(lost, self.io);
            }
        }
    }

    /// Parks the running thread at a point and says what runs next in this step.
    fn wait(&mut self, point: u32) -> Result<Option<What>, StepError> {
        self.thread().point = Some(point);
        if !self.thread().branches.is_empty() {
            return Ok(self.rest());
        }
        Ok(if self.advance()? { Some(self.resume()) } else { self.elsewhere() })
    }

    /// Goes on behind the point of the running thread.
    fn resume(&mut self) -> What {
        let thread = self.thread();
        (thread.op, thread.shielded) = (None, false);
        thread.branches.clear();
        match thread.point {
            Some(point) => What::Resume(point),
            None => What::Block(0),
        }
    }

    /// The running branch is over.
    fn end(&mut self) -> What {
        let branch = self.path.pop();
        let thread = self.thread();
        match (branch, thread.point) {
            (Some(i), Some(point)) => {
                thread.branches[i] = Branch::Over;
                What::Ended(point, i as u32)
            }
            _ => panic!("what ends is no branch: this is a bug of the workflow compiler"),
        }
    }

    /// Begins the next branch of the running thread; goes on behind the fork if none is left.
    fn rest(&mut self) -> Option<What> {
        if let Some(next) = self.begin_branch() {
            return Some(next);
        }
        let waits = self.thread().branches.iter().any(|b| matches!(b, Branch::Going(_)));
        if waits { self.elsewhere() } else { Some(self.resume()) }
    }

    /// Begins a branch that is still to begin, of the running thread.
    fn begin_branch(&mut self) -> Option<What> {
        let branches = &mut self.thread().branches;
        let (i, block) = branches.iter().enumerate().find_map(|(i, b)| match b {
            Branch::Start(block) => Some((i, *block)),
            _ => None,
        })?;
        branches[i] = Branch::Going(LiveThread::default());
        self.path.push(i);
        Some(What::Block(block))
    }

    /// The running thread waits: begins the next branch of one around it.
    fn elsewhere(&mut self) -> Option<What> {
        while self.path.pop().is_some() {
            if let Some(next) = self.begin_branch() {
                return Some(next);
            }
        }
        None
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
    let mut what = match cx.thread().point {
        None => What::Block(0),
        Some(_) => {
            if cx.unbound() {
                machine(cx, What::Helpers);
                cx.check()?;
            }
            if !cx.advance()? {
                return Ok(Flow::Pending);
            }
            machine(cx, What::Load);
            cx.check()?;
            if std::mem::take(&mut cx.live.refill) {
                machine(cx, What::Arguments);
            }
            cx.resume()
        }
    };
    loop {
        let go = R::open(machine(cx, what));
        cx.check()?;
        let next = match go {
            Ok(Go::To(block)) => Some(What::Block(block)),
            Ok(Go::Wait(point)) => cx.wait(point)?,
            Ok(Go::End) => Some(cx.end()),
            Ok(Go::Rest) => cx.rest(),
            Ok(Go::Done(value)) => return finish::<R>(cx, Ok(value)),
            Ok(Go::Continue(input)) => return continued(cx, input),
            Ok(Go::Idle) => {
                panic!("a block answered `Idle`: this is a bug of the workflow compiler")
            }
            Err(error) => return finish::<R>(cx, Err(error)),
        };
        let Some(next) = next else {
            machine(cx, What::Save);
            cx.check()?;
            return Ok(Flow::Pending);
        };
        what = next;
    }
}

fn continued(cx: &Cx<'_>, input: Result<Payload, EncodeError>) -> Result<Flow, StepError> {
    let workflow = || cx.live.def.name.to_owned();
    match input {
        Ok(input) => Ok(Flow::Continued(input)),
        Err(source) => Err(StepError::Request { workflow: workflow(), point: "continue_as_new!".into(), source }),
    }
}

fn finish<R: Outcome>(cx: &Cx<'_>, r: Result<R::Ok, R::Err>) -> Result<Flow, StepError> {
    match outcome::close(r) {
        Ok(closed) => Ok(Flow::Closed(closed)),
        Err(source) => Err(StepError::Outcome { workflow: cx.live.def.name.into(), source }),
    }
}
