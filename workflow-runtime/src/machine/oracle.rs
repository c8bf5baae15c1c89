//! Lets the check copy of a workflow run: every durable `.await` asks a world that a test provides.

use super::{
    ambient::{self, Scope},
    command::{Command, Completion},
    frame::OpId,
    operation::{Durable, Request, WorkflowCall},
    outcome::Outcome,
    workflow::{ErrOf, LocalBoxFuture, Workflow},
};
use crate::activity::bounds::Arguments as _;
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
                    world(|w| w.begin(command.with_op(op)));
                    self.op = Some(op);
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
        match D::output(completion) {
            Ok(out) => Poll::Ready(out),
            Err(e) => panic!("{e}"),
        }
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

pub(super) fn inline<W: Workflow>(call: WorkflowCall<W>) -> LocalBoxFuture<<W::Outcome as Outcome>::Out> {
    let args = match call.into_args().map(|a| W::Args::load(&a)) {
        Ok(Ok(a)) => a,
        Ok(Err(e)) => panic!("{e}"),
        Err(e) => panic!("{e}"),
    };
    Box::pin(Scoped::<W> { inner: W::check(args), scope: Scope::default(), failed: None, undoing: vec![] })
}

/// A check copy with a scope of compensations of its own, which run if it fails.
struct Scoped<W: Workflow> {
    inner: LocalBoxFuture<<W::Outcome as Outcome>::Out>,
    scope: Scope,
    failed: Option<ErrOf<W>>,
    undoing: Vec<OpId>,
}

impl<W: Workflow> Unpin for Scoped<W> {}

impl<W: Workflow> Future for Scoped<W> {
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
            self.undoing.retain(|op| world(|w| w.poll(*op)).is_none());
            if !self.undoing.is_empty() {
                return Poll::Pending;
            }
            let most = if self.scope.parallel { self.scope.saga.len() } else { 1 };
            for _ in 0..most {
                let Some(c) = self.scope.saga.pop() else { break };
                let op = world(|w| w.next_op());
                let options = c.options.until_done();
                world(|w| w.begin(Command::Activity { op, name: c.activity, args: c.args, options }));
                self.undoing.push(op);
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
