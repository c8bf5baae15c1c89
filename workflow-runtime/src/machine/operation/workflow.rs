//! Calls of workflows.

use super::{Durable, Request, Sealed, unexpected};
use crate::{
    activity::bounds::Transport as _,
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        command::Completion,
        oracle::inline,
        outcome::Outcome,
        workflow::{ErrOf, Helper, InlineWorkflow, LocalBoxFuture, OkOf},
    },
};
use serde::Serialize;
use std::marker::PhantomData;

/// A call of a workflow: awaited in another workflow it runs inline; given to an engine it starts an instance.
#[must_use = "a workflow call does nothing until it is awaited or started"]
pub struct WorkflowCall<W> {
    args: Result<Payload, EncodeError>,
    workflow: PhantomData<fn() -> W>,
}

impl<W> Clone for WorkflowCall<W> {
    fn clone(&self) -> Self {
        WorkflowCall { args: self.args.clone(), workflow: PhantomData }
    }
}

impl<W: InlineWorkflow> WorkflowCall<W> {
    /// A call with these arguments, a tuple.
    #[doc(hidden)]
    pub fn new<T: Serialize>(args: &T) -> Self {
        WorkflowCall { args: Payload::encode(args), workflow: PhantomData }
    }

    /// A call with arguments that are encoded.
    #[doc(hidden)]
    pub fn of(args: Result<Payload, EncodeError>) -> Self {
        WorkflowCall { args, workflow: PhantomData }
    }

    /// The encoded arguments.
    ///
    /// # Errors
    ///
    /// They could not be encoded.
    pub fn into_args(self) -> Result<Payload, EncodeError> {
        self.args
    }
}

impl<W: InlineWorkflow> Sealed for WorkflowCall<W> {}

impl<W: InlineWorkflow> Durable for WorkflowCall<W> {
    const INLINE: bool = true;
    type Output = <W::Outcome as Outcome>::Out;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(Request::Inline { helper: Helper::of::<W>(), args: self.args? })
    }
    fn helper() -> Option<Helper> {
        Some(Helper::of::<W>())
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Value(v) => Ok(<W::Outcome as Outcome>::back(Ok(OkOf::<W>::load(&v)?))),
            Completion::Failed(e) => Ok(<W::Outcome as Outcome>::back(Err(ErrOf::<W>::load(&e)?))),
            other => Err(unexpected("a workflow", &other)),
        }
    }
    type Future = LocalBoxFuture<Self::Output>;
    fn future(self) -> Self::Future {
        inline(self)
    }
}
