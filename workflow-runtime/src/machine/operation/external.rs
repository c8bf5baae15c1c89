//! Messages to other instances, from within a workflow.

use super::{Durable, Request, Sealed, Signal, UNSET, unexpected};
use crate::{
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        command::{Command, Completion},
        oracle::OpFuture,
        remote::{Answer, Ask, Refused, Target},
        workflow::{InlineWorkflow, Workflow, WorkflowFn},
    },
};
use serde::{Deserialize, Serialize};
use std::{fmt, marker::PhantomData};

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    /// There is no such instance.
    #[error("there is no instance `{id}` to take the message; start it first, or check the id")]
    NotFound {
        /// The instance.
        id: String,
    },
    /// The instance has ended.
    #[error("`{id}` has ended ({state}) and takes no message")]
    Closed {
        /// The instance.
        id: String,
        /// How it has ended.
        state: String,
    },
    /// The instance runs another workflow.
    #[error("`{id}` runs `{existing}`, which the message is not for")]
    OtherWorkflow {
        /// The instance.
        id: String,
        /// The workflow that it runs.
        existing: String,
    },
    /// This workflow was asked to stop before it knew. The message is on its way, and may still be taken.
    #[error("cancelled while a message to `{id}` was on its way")]
    Cancelled {
        /// The instance.
        id: String,
    },
    /// The message cannot be sent as it is.
    #[error("the message to `{id}` was refused")]
    Refused {
        /// The instance.
        id: String,
        /// Why.
        #[source]
        reason: Refused,
    },
}

/// An instance that this workflow did not start, made by [`external`]. It can be kept across awaits.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ExternalRun<W> {
    id: String,
    #[serde(skip)]
    workflow: PhantomData<fn() -> W>,
}

impl<W> Clone for ExternalRun<W> {
    fn clone(&self) -> Self {
        ExternalRun { id: self.id.clone(), workflow: PhantomData }
    }
}

impl<W> fmt::Debug for ExternalRun<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExternalRun").field(&self.id).finish()
    }
}

/// The instance `id` of the workflow that the function `workflow` is, to send messages to from within a workflow.
///
/// ```
/// use workflow_runtime::prelude::*;
///
/// const APPROVED: Signal<String> = Signal::new("approved");
///
/// #[workflow]
/// async fn order(id: u64) -> Result<String, Cancelled> {
///     APPROVED.recv().await
/// }
///
/// #[workflow]
/// async fn approve(by: String) -> Result<(), ExternalError> {
///     external(order, "order-42").signal(&APPROVED, by).await
/// }
/// ```
pub fn external<Args, F>(workflow: F, id: impl Into<String>) -> ExternalRun<F::Def>
where
    F: WorkflowFn<Args>,
    F::Def: Workflow,
{
    let _ = workflow;
    ExternalRun { id: id.into(), workflow: PhantomData }
}

impl<W: InlineWorkflow> ExternalRun<W> {
    /// The id of the instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn target(&self) -> Target {
        Target { id: self.id.clone(), workflow: W::NAME.into(), run: None }
    }

    /// Sends a signal. The await ends when the instance has it in its inbox.
    pub fn signal<T: Serialize>(&self, signal: &Signal<T>, value: T) -> Message {
        Message::signal(self.target(), signal, &value)
    }

    /// Asks the instance to stop. The await ends when it knows, not when it has ended.
    pub fn cancel(&self, reason: impl Into<String>) -> Message {
        Message::new(self.target(), Ask::Cancel { reason: reason.into() })
    }
}

/// A message to another instance. Messages to one instance are taken in the order in which they are awaited, each once.
#[derive(Debug, Clone)]
#[must_use = "a message is not sent until it is awaited in a workflow"]
pub struct Message {
    target: Target,
    ask: Result<Ask, EncodeError>,
}

impl Message {
    pub(super) fn new(target: Target, ask: Ask) -> Self {
        Message { target, ask: Ok(ask) }
    }

    pub(super) fn signal<T: Serialize>(target: Target, signal: &Signal<T>, value: &T) -> Self {
        let payload = Payload::encode(value);
        Message { target, ask: payload.map(|payload| Ask::Signal { name: signal.name().into(), payload }) }
    }

    /// Names the suspension point that awaits this message. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl Durable for Message {
    type Output = Result<(), ExternalError>;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(Request::Operation(Command::Remote { op: UNSET, target: self.target, ask: self.ask? }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        Ok(match completion {
            Completion::Remote { answer: Answer::Taken, .. } => Ok(()),
            Completion::Remote { id, answer: Answer::Refused(reason) } => Err(match reason {
                Refused::NotFound => ExternalError::NotFound { id },
                Refused::Closed { state } => ExternalError::Closed { id, state },
                Refused::OtherWorkflow { existing } => ExternalError::OtherWorkflow { id, existing },
                reason => ExternalError::Refused { id, reason },
            }),
            Completion::Remote { id, answer: Answer::Abandoned } => Err(ExternalError::Cancelled { id }),
            other => return Err(unexpected("a message", &other)),
        })
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl Sealed for Message {}
