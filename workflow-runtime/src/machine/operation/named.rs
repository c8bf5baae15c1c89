//! Children whose workflow is known by name only: for schedules.

use super::{Durable, Message, OnCancel, Request, Sealed, UNSET, unexpected};
use crate::{
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        command::{Command, Completion},
        operation::ChildStartError,
        oracle::OpFuture,
        remote::{Answer, Ask, Ended, ParentClose, Refused, Target},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Starts a child that goes on when its parent ends.
pub(crate) struct StartNamed {
    pub(crate) workflow: String,
    pub(crate) input: Payload,
    pub(crate) id: String,
}

/// A child that has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedChild {
    pub(crate) id: String,
    run: Uuid,
}

impl Durable for StartNamed {
    type Output = Result<NamedChild, ChildStartError>;
    fn request(self) -> Result<Request, EncodeError> {
        let StartNamed { workflow, input, id } = self;
        let ask = Ask::Start { input, close: ParentClose::Abandon, wait: false, on_cancel: OnCancel::default() };
        Ok(Request::Operation(Command::Remote { op: UNSET, target: Target { id, workflow, run: None }, ask }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        Ok(match completion {
            Completion::Remote { id, answer: Answer::Started { run } } => Ok(NamedChild { id, run }),
            Completion::Remote { id, answer: Answer::Refused(Refused::Conflict { existing, parent }) } => {
                Err(ChildStartError::Conflict { id, existing, parent })
            }
            Completion::Remote { id, answer: Answer::Refused(reason) } => Err(ChildStartError::Refused { id, reason }),
            Completion::Remote { id, answer: Answer::Abandoned } => Err(ChildStartError::Cancelled { id }),
            other => return Err(unexpected("the start of a child", &other)),
        })
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl Sealed for StartNamed {}

impl NamedChild {
    fn target(&self, workflow: &str) -> Target {
        Target { id: self.id.clone(), workflow: workflow.into(), run: Some(self.run) }
    }

    /// Asks the child to stop.
    pub(crate) fn cancel(&self, workflow: &str, reason: &str) -> Message {
        Message::new(self.target(workflow), Ask::Cancel { reason: reason.into() })
    }
}

/// Waits for the end of a child, or for ever if there is none.
pub(crate) struct EndOf(Option<Target>);

impl EndOf {
    pub(crate) fn new(child: Option<&NamedChild>, workflow: &str) -> Self {
        EndOf(child.map(|c| c.target(workflow)))
    }
}

impl Durable for EndOf {
    /// How it has ended, for people; `None` if this workflow was asked to stop.
    type Output = Option<String>;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(Request::Operation(match self.0 {
            Some(target) => Command::Remote { op: UNSET, target, ask: Ask::Result { on_cancel: OnCancel::Abandon } },
            None => Command::Timer { op: UNSET, at: Timestamp::MAX },
        }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        Ok(match completion {
            Completion::Remote { answer: Answer::Ended(ended), .. } => Some(match ended {
                Ended::Completed(_) => "completed".into(),
                Ended::Failed(error) => format!("failed: {}", error.to_json()),
                Ended::Cancelled { reason, .. } => format!("cancelled: {reason}"),
                Ended::Terminated { reason } => format!("terminated: {reason}"),
                #[allow(unreachable_patterns, reason = "kept for ways to end that are added")]
                other => format!("{other:?}"),
            }),
            Completion::Remote { answer: Answer::Refused(reason), .. } => Some(reason.to_string()),
            Completion::Remote { answer: Answer::Abandoned, .. } | Completion::Cancelled | Completion::Fired => None,
            other => return Err(unexpected("a child", &other)),
        })
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl Sealed for EndOf {}
