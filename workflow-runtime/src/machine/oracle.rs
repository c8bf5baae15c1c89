//! Lets the check copy of a workflow run: every durable `.await` asks a world that a test provides.

use super::{
    ambient::{self, Scope},
    command::{Command, Completion},
    frame::{Compensation, OpId},
    operation::{Durable, Request, WorkflowCall},
    outcome::Never,
    outcome::Outcome,
    workflow::{ErrOf, InlineWorkflow, LocalBoxFuture},
};
use crate::{
    activity::bounds::Arguments as _,
    journal::{encoding::EncodeError, payload::Payload},
};
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Where the operations of a check copy go.
pub trait World {
    /// An operation begins.
    fn begin(&mut self, command: Command);
    /// The completion of an operation, once.
    fn poll(&mut self, op: OpId) -> Option<Completion>;
    /// The id of the next operation.
    fn next_op(&mut self) -> OpId;
    /// Nobody waits for an operation any more.
    fn detach(&mut self, op: OpId);
    /// A helper lost a race: its compensations are to run, some of which may be running.
    fn undo(&mut self, what: Undo);
    /// The run ends here, and goes on as a new one with this input.
    fn continued(&mut self, input: Payload);
}

/// Compensations of helpers that lost a race.
#[derive(Default)]
pub struct Undo {
    /// Of the outermost helper first: they run from the back. Those that have begun know their operations.
    pub saga: Vec<Compensation>,
    /// They run all at once.
    pub parallel: bool,
}

impl Undo {
    /// Adds those of a helper within. All run at once only if those of every helper do.
    pub(super) fn add(&mut self, saga: Vec<Compensation>, parallel: bool) {
        if !saga.is_empty() {
            self.parallel = parallel && (self.parallel || self.saga.is_empty());
            self.saga.extend(saga);
        }
    }
}

thread_local!(static WORLD: RefCell<Option<Box<dyn World>>> = const { RefCell::new(None) });

/// Installs the world of this thread and gives back the one before.
pub fn set_world(world: Option<Box<dyn World>>) -> Option<Box<dyn World>> {
    WORLD.with(|w| std::mem::replace(&mut *w.borrow_mut(), world))
}

fn world<R>(f: impl FnOnce(&mut dyn World) -> R) -> R {
    WORLD.with(|w| match w.borrow_mut().as_mut() {
        Some(w) => f(w.as_mut()),
        None => panic!(
            "a durable operation was awaited outside of a workflow: await it in the body of a `#[workflow]`, or start the workflow with an engine"
        ),
    })
}

/// The future of a durable operation in a check copy. Only a test with a [`World`] can poll it.
pub struct OpFuture<D> {
    operation: Option<D>,
    op: Option<OpId>,
}

impl<D> OpFuture<D> {
    pub(super) fn new(operation: D) -> Self {
        OpFuture { operation: Some(operation), op: None }
    }
}

impl<D> Unpin for OpFuture<D> {}

impl<D: Durable> Future for OpFuture<D> {
    type Output = D::Output;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<D::Output> {
        if let Some(operation) = self.operation.take() {
            let request = operation.request().map(|r| match r {
                Request::Shielded(inner) => *inner,
                request => request,
            });
            match request {
                Ok(Request::Operation(command)) => {
                    let op = world(|w| w.next_op());
                    (0..command.more_ids()).for_each(|_| {
                        let _member = world(|w| w.next_op());
                    });
                    world(|w| w.begin(command.with_op(op)));
                    self.op = Some(op);
                }
                Ok(Request::Ready(completion)) => {
                    let out = D::output(completion);
                    return Poll::Ready(out.unwrap_or_else(|e| panic!("{e}")));
                }
                Ok(Request::Inline { .. } | Request::Shielded(_)) => {
                    panic!("an inline workflow has its own future: this is a bug of the runtime")
                }
                Err(e) => panic!("{e}"),
            }
        }
        let Some(completion) = self.op.and_then(|op| world(|w| w.poll(op))) else {
            return Poll::Pending;
        };
        self.op = None;
        match D::output(completion) {
            Ok(out) => Poll::Ready(out),
            Err(e) => panic!("{e}"),
        }
    }
}

impl<D> Drop for OpFuture<D> {
    fn drop(&mut self) {
        if let Some(op) = self.op {
            WORLD.with(|w| w.borrow_mut().iter_mut().for_each(|w| w.detach(op)));
        }
    }
}

/// Ends a check copy that continues as a new run: nobody hears of it again.
pub fn continued(input: Result<Payload, EncodeError>) -> Continued {
    Continued(Some(input))
}

/// Never comes back. Made by [`continued`].
pub struct Continued(Option<Result<Payload, EncodeError>>);

impl Future for Continued {
    type Output = Never;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Never> {
        match self.0.take() {
            Some(Ok(input)) => world(|w| w.continued(input)),
            Some(Err(e)) => panic!("{e}"),
            None => {}
        }
        Poll::Pending
    }
}

/// What the macro wraps around the operand of every `.await` in a check copy.
///
/// The future's type is a parameter, so that what is not durable is reported once.
pub fn awaited<D, F>(operation: D) -> F
where
    D: Durable<Future = F>,
{
    operation.future()
}

/// Something that is awaited where the macro has refused an `.await`: what that gives, for the types of what is around it.
pub struct StandIn<T>(pub T);

const STAND_IN: &str = "this workflow has an error";

impl<D: Durable> StandIn<D> {
    /// The future. Wins over the methods of [`StandInFuture`].
    pub fn future(self) -> D::Future {
        self.0.future()
    }
    /// What it gives.
    pub fn output(self) -> D::Output {
        panic!("{STAND_IN}")
    }
}

/// The same for futures.
pub trait StandInFuture {
    /// The future.
    type Future: IntoFuture;
    /// The future.
    fn future(self) -> Self::Future;
    /// What it gives.
    fn output(self) -> <Self::Future as IntoFuture>::Output;
}

impl<F: IntoFuture> StandInFuture for StandIn<F> {
    type Future = F;
    fn future(self) -> F {
        self.0
    }
    fn output(self) -> F::Output {
        panic!("{STAND_IN}")
    }
}

/// A branch of `join!` or `select!` in a check copy.
pub struct Polled<F: Future> {
    future: Option<Pin<Box<F>>>,
    output: Option<F::Output>,
}

thread_local! {
    /// What is left of the helpers of a branch while that is given up.
    static LOST: RefCell<Option<Undo>> = const { RefCell::new(None) };
}

impl<F: Future> Drop for Polled<F> {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        let outermost = LOST.with(|l| {
            let mut lost = l.borrow_mut();
            let outermost = lost.is_none();
            lost.get_or_insert_default();
            outermost
        });
        drop(future);
        if !outermost {
            return;
        }
        let Some(lost) = LOST.take() else { return };
        WORLD.with(|w| {
            let mut w = w.borrow_mut();
            if let Some(w) = w.as_mut().filter(|_| !lost.saga.is_empty()) {
                w.undo(lost);
            }
        });
    }
}

impl<F: Future> Polled<F> {
    /// A branch that has not begun.
    pub fn new(future: F) -> Self {
        Polled { future: Some(Box::pin(future)), output: None }
    }

    /// Goes on, and says whether the branch is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(f) = &mut self.future {
            match f.as_mut().poll(cx) {
                Poll::Ready(output) => (self.future, self.output) = (None, Some(output)),
                Poll::Pending => return false,
            }
        }
        true
    }

    /// Goes on, and gives the output if the branch has ended now.
    pub fn output(&mut self, cx: &mut Context<'_>) -> Option<F::Output> {
        self.poll(cx);
        self.output.take()
    }

    /// The guard of the branch is false.
    pub fn disable(&mut self) {
        self.future = None;
    }

    /// True if the branch has ended, or was never begun.
    pub fn is_over(&self) -> bool {
        self.future.is_none()
    }

    /// The output of a branch that is over.
    pub fn take(&mut self) -> F::Output {
        match self.output.take() {
            Some(output) => output,
            None => panic!("the branch is not over: this is a bug of the workflow compiler"),
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Polled<F> {
    /// Goes on, and gives the error that the branch has ended in. `all` becomes false if it waits.
    pub fn failed(&mut self, cx: &mut Context<'_>, all: &mut bool) -> Option<E> {
        *all &= self.poll(cx);
        match self.output.take() {
            Some(Err(e)) => Some(e),
            output => {
                self.output = output;
                None
            }
        }
    }

    /// The value of a branch that has not failed.
    pub fn ok(&mut self) -> T {
        match self.take() {
            Ok(value) => value,
            Err(_) => panic!("the branch has failed: this is a bug of the workflow compiler"),
        }
    }
}

/// Ready once all branches are over.
pub fn all(over: &[bool]) -> Poll<()> {
    if over.iter().all(|o| *o) { Poll::Ready(()) } else { Poll::Pending }
}

pub(super) fn inline<W: InlineWorkflow>(call: WorkflowCall<W>) -> LocalBoxFuture<<W::Outcome as Outcome>::Out> {
    let args = match call.into_args().map(|a| W::Args::load(&a)) {
        Ok(Ok(a)) => a,
        Ok(Err(e)) => panic!("{e}"),
        Err(e) => panic!("{e}"),
    };
    Box::pin(Scoped::<W> { inner: W::check(args), scope: Scope::default(), failed: None, undoing: vec![] })
}

/// A check copy with a scope of compensations of its own, which run if it fails.
struct Scoped<W: InlineWorkflow> {
    inner: LocalBoxFuture<<W::Outcome as Outcome>::Out>,
    scope: Scope,
    failed: Option<ErrOf<W>>,
    /// Those that have begun, the last registered first.
    undoing: Vec<Compensation>,
}

impl<W: InlineWorkflow> Unpin for Scoped<W> {}

impl<W: InlineWorkflow> Drop for Scoped<W> {
    fn drop(&mut self) {
        let Scope { saga, parallel, .. } = std::mem::take(&mut self.scope);
        LOST.with(|l| {
            let mut lost = l.borrow_mut();
            let Some(lost) = lost.as_mut() else { return };
            let begun = std::mem::take(&mut self.undoing).into_iter().rev();
            lost.add(saga.into_iter().chain(begun).collect(), parallel);
        });
    }
}

impl<W: InlineWorkflow> Future for Scoped<W> {
    type Output = <W::Outcome as Outcome>::Out;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.failed.is_none() {
            let outer = ambient::enter(std::mem::take(&mut self.scope));
            let polled = self.inner.as_mut().poll(cx);
            self.scope = ambient::leave(outer);
            let Poll::Ready(out) = polled else {
                return Poll::Pending;
            };
            match <W::Outcome as Outcome>::halves(out) {
                Ok(value) => {
                    ambient::inherit(std::mem::take(&mut self.scope.saga));
                    return Poll::Ready(<W::Outcome as Outcome>::back(Ok(value)));
                }
                Err(e) => self.failed = Some(e),
            }
        }
        loop {
            self.undoing.retain(|c| c.op.is_none_or(|op| world(|w| w.poll(op)).is_none()));
            if !self.undoing.is_empty() {
                return Poll::Pending;
            }
            let most = if self.scope.parallel { self.scope.saga.len() } else { 1 };
            for _ in 0..most {
                let Some(mut c) = self.scope.saga.pop() else { break };
                let op = world(|w| w.next_op());
                let (name, args, options) = (c.activity.clone(), c.args.clone(), c.options.clone().until_done());
                world(|w| w.begin(Command::Activity { op, name, args, options }));
                c.op = Some(op);
                self.undoing.push(c);
            }
            if self.undoing.is_empty() {
                break;
            }
        }
        match self.failed.take() {
            Some(e) => Poll::Ready(<W::Outcome as Outcome>::back(Err(e))),
            None => Poll::Pending,
        }
    }
}
