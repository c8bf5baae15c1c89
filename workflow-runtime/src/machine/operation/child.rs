//! Children: instances of their own that a workflow starts, awaits and stops.

use super::{Durable, Message, OnCancel, Request, Sealed, UNSET, WorkflowCall, unexpected};
use crate::{
    activity::bounds::Transport as _,
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        command::{Command, Completion},
        operation::Signal,
        oracle::OpFuture,
        remote::{Answer, Ask, Ended, ParentClose, Refused, Target},
        workflow::{ErrOf, InlineWorkflow, OkOf, Workflow},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    fmt::{self, Debug, Display},
    marker::PhantomData,
};
use uuid::Uuid;

/// Why a child gave no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ChildError<E> {
    /// The child returned this error.
    Failed(E),
    /// The child returned an error after it was asked to stop.
    Cancelled {
        /// The child.
        id: String,
        /// Why it was asked to.
        reason: String,
        /// The error that it returned.
        error: E,
    },
    /// The child was ended from outside, without a step of its own.
    Terminated {
        /// The child.
        id: String,
        /// Why.
        reason: String,
    },
    /// The child had not ended when its execution timeout was over.
    TimedOut {
        /// The child.
        id: String,
        /// When it was over.
        after: jiff::Timestamp,
    },
    /// This workflow was asked to stop and did not wait for how the child ends.
    Abandoned {
        /// The child.
        id: String,
    },
    /// The child was not started: its id is taken by an instance that is not this child.
    Conflict {
        /// The id.
        id: String,
        /// The workflow that runs under it.
        existing: String,
        /// The parent of that instance, if it has one.
        parent: Option<String>,
    },
    /// The child was not started, or is not there any more.
    Refused {
        /// The child.
        id: String,
        /// Why.
        reason: Refused,
    },
}

impl<E: Display> Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(e) => Display::fmt(e, f),
            Self::Cancelled { id, reason, error } => {
                write!(f, "the child `{id}` was cancelled ({reason}) and ended with: {error}")
            }
            Self::Terminated { id, reason } => write!(f, "the child `{id}` was terminated: {reason}"),
            Self::TimedOut { id, after } => {
                write!(f, "the child `{id}` had not ended by {after}, when its time was over")
            }
            Self::Abandoned { id } => write!(f, "cancelled while the child `{id}` was running"),
            Self::Conflict { id, existing, parent } => {
                let taken = Refused::Conflict { existing: existing.clone(), parent: parent.clone() };
                write!(f, "the child `{id}` was not started, because the id is taken: {taken}; use another id")
            }
            Self::Refused { id, reason } => write!(f, "there is no child `{id}`: {reason}"),
        }
    }
}

impl<E: Display + Debug> std::error::Error for ChildError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Why a child was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum ChildStartError {
    /// The id is taken by an instance that is not this child.
    #[error("the child `{id}` was not started, because the id is taken by an instance of `{existing}`; use another id")]
    Conflict {
        /// The id.
        id: String,
        /// The workflow that runs under it.
        existing: String,
        /// The parent of that instance, if it has one.
        parent: Option<String>,
    },
    /// The id, the workflow or the input cannot be used.
    #[error("the child `{id}` was not started")]
    Refused {
        /// The child.
        id: String,
        /// Why.
        #[source]
        reason: Refused,
    },
    /// This workflow was asked to stop before it knew. If the child has started, it ends as its [`ParentClose`] says.
    #[error("cancelled while the child `{id}` was being started")]
    Cancelled {
        /// The child.
        id: String,
    },
}

/// A child that has started. It can be kept across awaits and stored in other values.
///
/// It stands for one instance: a later one under the same id is never meant.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Child<W> {
    id: String,
    run: Uuid,
    #[serde(skip)]
    workflow: PhantomData<fn() -> W>,
}

impl<W> Clone for Child<W> {
    fn clone(&self) -> Self {
        Child { id: self.id.clone(), run: self.run, workflow: PhantomData }
    }
}

impl<W> PartialEq for Child<W> {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.run) == (&other.id, other.run)
    }
}

impl<W> Eq for Child<W> {}

impl<W> Debug for Child<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("id", &self.id).field("run", &self.run).finish_non_exhaustive()
    }
}

impl<W: InlineWorkflow> Child<W> {
    /// The id of the child.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of its first run.
    pub fn run_id(&self) -> Uuid {
        self.run
    }

    fn target(&self) -> Target {
        Target { id: self.id.clone(), workflow: W::NAME.into(), run: Some(self.run) }
    }

    /// Waits until the child has ended. May be awaited again, also by a later run.
    pub fn result(&self) -> ChildResult<W> {
        ChildResult { target: self.target(), on_cancel: OnCancel::default(), workflow: PhantomData }
    }

    /// Sends the child a signal. The await ends when the child has it in its inbox.
    pub fn signal<T: Serialize>(&self, signal: &Signal<T>, value: T) -> Message {
        Message::signal(self.target(), signal, &value)
    }

    /// Asks the child to stop. The await ends when it knows, not when it has ended.
    pub fn cancel(&self, reason: impl Into<String>) -> Message {
        Message::new(self.target(), Ask::Cancel { reason: reason.into() })
    }

    /// Ends the child as it stands, without a step of its own.
    pub fn terminate(&self, reason: impl Into<String>) -> Message {
        Message::new(self.target(), Ask::Terminate { reason: reason.into() })
    }
}

impl<W: InlineWorkflow> WorkflowCall<W> {
    /// Runs the workflow as an instance of its own under this id, and waits for its end.
    ///
    /// If this workflow has started the child before, with the same input, the await attaches to it, also when it has ended.
    pub fn child(self, id: impl Into<String>) -> ChildCall<W>
    where
        W: Workflow,
    {
        ChildCall { call: self, id: id.into(), close: ParentClose::default(), on_cancel: OnCancel::default() }
    }

    /// Starts the workflow as an instance of its own under this id, and goes on as soon as it has started.
    ///
    /// Attaches as [`child`](Self::child) does.
    pub fn start_child(self, id: impl Into<String>) -> StartChild<W>
    where
        W: Workflow,
    {
        StartChild { call: self, id: id.into(), close: ParentClose::default() }
    }
}

/// Starts a child and waits for its end, made by [`WorkflowCall::child`].
#[must_use = "a child does not start until it is awaited in a workflow"]
pub struct ChildCall<W> {
    call: WorkflowCall<W>,
    id: String,
    close: ParentClose,
    on_cancel: OnCancel,
}

impl<W> ChildCall<W> {
    /// What becomes of the child when this workflow ends first. Default: it is cancelled.
    pub fn parent_close(mut self, close: ParentClose) -> Self {
        self.close = close;
        self
    }

    /// The child goes on when this workflow ends: [`ParentClose::Abandon`].
    pub fn detached(self) -> Self {
        self.parent_close(ParentClose::Abandon)
    }

    /// What a cancellation of this workflow does meanwhile. Default: the child is asked to stop, and the wait goes on
    /// until it has ended.
    pub fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.on_cancel = on_cancel;
        self
    }

    /// Names the suspension point that awaits this child. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<W: InlineWorkflow> Durable for ChildCall<W> {
    type Output = Result<OkOf<W>, ChildError<ErrOf<W>>>;
    fn request(self) -> Result<Request, EncodeError> {
        let ChildCall { call, id, close, on_cancel } = self;
        let target = Target { id, workflow: W::NAME.into(), run: None };
        let ask = Ask::Start { input: call.into_args()?, close, wait: true, on_cancel };
        Ok(Request::Operation(Command::Remote { op: UNSET, target, ask }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        ended::<W>(completion)
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<W: InlineWorkflow> Sealed for ChildCall<W> {}

/// Starts a child, made by [`WorkflowCall::start_child`].
#[must_use = "a child does not start until this is awaited in a workflow"]
pub struct StartChild<W> {
    call: WorkflowCall<W>,
    id: String,
    close: ParentClose,
}

impl<W> StartChild<W> {
    /// What becomes of the child when this workflow ends first. Default: it is cancelled.
    pub fn parent_close(mut self, close: ParentClose) -> Self {
        self.close = close;
        self
    }

    /// The child goes on when this workflow ends: [`ParentClose::Abandon`].
    pub fn detached(self) -> Self {
        self.parent_close(ParentClose::Abandon)
    }

    /// Names the suspension point. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<W: InlineWorkflow> Durable for StartChild<W> {
    type Output = Result<Child<W>, ChildStartError>;
    fn request(self) -> Result<Request, EncodeError> {
        let StartChild { call, id, close } = self;
        let target = Target { id, workflow: W::NAME.into(), run: None };
        let ask = Ask::Start { input: call.into_args()?, close, wait: false, on_cancel: OnCancel::default() };
        Ok(Request::Operation(Command::Remote { op: UNSET, target, ask }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        Ok(match completion {
            Completion::Remote { id, answer: Answer::Started { run } } => Ok(Child { id, run, workflow: PhantomData }),
            Completion::Remote { id, answer: Answer::Refused(reason) } => Err(match reason {
                Refused::Conflict { existing, parent } => ChildStartError::Conflict { id, existing, parent },
                reason => ChildStartError::Refused { id, reason },
            }),
            Completion::Remote { id, answer: Answer::Abandoned } => Err(ChildStartError::Cancelled { id }),
            other => return Err(unexpected("the start of a child", &other)),
        })
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<W: InlineWorkflow> Sealed for StartChild<W> {}

/// Waits for the end of a child, made by [`Child::result`].
#[must_use = "waiting does nothing until it is awaited in a workflow"]
pub struct ChildResult<W> {
    target: Target,
    on_cancel: OnCancel,
    workflow: PhantomData<fn() -> W>,
}

impl<W> ChildResult<W> {
    /// What a cancellation of this workflow does meanwhile. Default: the child is asked to stop, and the wait goes on
    /// until it has ended.
    pub fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.on_cancel = on_cancel;
        self
    }

    /// Names the suspension point. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<W: InlineWorkflow> Durable for ChildResult<W> {
    type Output = Result<OkOf<W>, ChildError<ErrOf<W>>>;
    fn request(self) -> Result<Request, EncodeError> {
        let ask = Ask::Result { on_cancel: self.on_cancel };
        Ok(Request::Operation(Command::Remote { op: UNSET, target: self.target, ask }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        ended::<W>(completion)
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<W: InlineWorkflow> Sealed for ChildResult<W> {}

type Outcome<W> = Result<OkOf<W>, ChildError<ErrOf<W>>>;

/// What a wait for the end of a child gives.
fn ended<W: InlineWorkflow>(completion: Completion) -> Result<Outcome<W>, DecodeError> {
    let error = |e: &Payload| ErrOf::<W>::load(e);
    Ok(Err(match completion {
        Completion::Remote { id, answer: Answer::Ended(ended) } => match ended {
            Ended::Completed(v) => return Ok(Ok(OkOf::<W>::load(&v)?)),
            Ended::Failed(e) => ChildError::Failed(error(&e)?),
            Ended::Cancelled { reason, error: e } => ChildError::Cancelled { id, reason, error: error(&e)? },
            Ended::Terminated { reason } => ChildError::Terminated { id, reason },
            Ended::TimedOut { after } => ChildError::TimedOut { id, after },
        },
        Completion::Remote { id, answer: Answer::Refused(Refused::Conflict { existing, parent }) } => {
            ChildError::Conflict { id, existing, parent }
        }
        Completion::Remote { id, answer: Answer::Refused(reason) } => ChildError::Refused { id, reason },
        Completion::Remote { id, answer: Answer::Abandoned } => ChildError::Abandoned { id },
        other => return Err(unexpected("a child", &other)),
    }))
}
