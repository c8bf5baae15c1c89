//! Updates, as a workflow waits for them and answers them.

use super::{Durable, Request, Sealed, UNSET, after, unexpected};
use crate::{
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        Cancelled, WaitError, ambient,
        command::{Command, Completion},
        inbox,
        oracle::OpFuture,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt::Display, marker::PhantomData, time::Duration};

/// A typed request with a typed reply, shared by the workflow that answers it and the client that asks.
///
/// ```standalone_crate
/// use workflow_runtime::prelude::*;
///
/// const ADD: Update<u32, u32> = Update::new("add");
///
/// #[workflow]
/// async fn sum(until: u32) -> Result<u32, WorkflowError> {
///     let mut total = 0;
///     while total < until {
///         let (n, reply) = ADD.recv().await?;
///         if n == 0 {
///             reply.reject("nothing to add");
///             continue;
///         }
///         total += n;
///         reply.send(total);
///     }
///     Ok(total)
/// }
/// # fn main() { assert_eq!(ADD.name(), "add"); }
/// ```
pub struct Update<Req, Resp> {
    name: &'static str,
    types: PhantomData<fn(Req) -> Resp>,
}

impl<Req, Resp> Update<Req, Resp> {
    /// An update with this name.
    pub const fn new(name: &'static str) -> Self {
        Update { name, types: PhantomData }
    }

    /// The name under which it travels.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Waits for the next request of this name; one that came before waits in the inbox.
    pub fn recv(&self) -> RecvUpdate<Req, Resp> {
        RecvUpdate { name: self.name, types: PhantomData }
    }
}

impl<Req: DeserializeOwned, Resp> Update<Req, Resp> {
    /// Takes the next request of this name if it was received before this step. One that does not decode is rejected,
    /// with an event in the history.
    ///
    /// # Panics
    ///
    /// Outside of a workflow.
    pub fn try_recv(&self) -> Option<(Req, Reply<Resp>)> {
        inbox::take("try_recv()", &channel(self.name), open)
    }
}

/// The channel of an update: a place in the inbox of its own, whatever signals are called.
pub(crate) fn channel(name: &str) -> String {
    format!("{CHANNEL}{name}")
}

/// What the channels of updates begin with. No signal may be called so.
pub(crate) const CHANNEL: &str = "update:";

/// What travels in the channel of an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) ticket: Ticket,
    pub(crate) request: Payload,
}

/// Which request a reply is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Name of the update.
    pub name: String,
    /// Number of the request among those of this name, from 0.
    pub seq: u64,
    /// The id that the client gave to the request.
    pub id: Option<String>,
}

fn open<Req: DeserializeOwned, Resp>(payload: &Payload) -> Result<(Req, Reply<Resp>), DecodeError> {
    let Envelope { ticket, request } = payload.decode()?;
    Ok((request.decode()?, Reply { ticket, response: PhantomData }))
}

/// Answers one request of an [`Update`], at once or many steps later: it can be saved, and given to the next run of a
/// workflow that continues as new.
///
/// The client sees the answer when the step that gave it is durable. One that is never answered is told so when the run
/// ends.
#[must_use = "the client waits for a reply: call `.send(..)` or `.reject(..)`"]
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Reply<Resp> {
    ticket: Ticket,
    #[serde(skip)]
    response: PhantomData<fn(Resp)>,
}

impl<Resp> std::fmt::Debug for Reply<Resp> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.ticket, f)
    }
}

impl<Resp> Reply<Resp> {
    /// Which request this answers.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Answers that the request is refused, and why: a text, or an error as it is. The client gets [`UpdateError::Rejected`](crate::engine::UpdateError::Rejected).
    ///
    /// # Panics
    ///
    /// Outside of a workflow.
    pub fn reject(self, why: impl Display) {
        let (ticket, answer) = (self.ticket, Err(why.to_string()));
        ambient::with("reply.reject()", |a| a.commands.push(Command::Reply { ticket, answer }));
    }
}

impl<Resp: Serialize> Reply<Resp> {
    /// Answers the request.
    ///
    /// # Panics
    ///
    /// Outside of a workflow.
    pub fn send(self, response: Resp) {
        let (ticket, response) = (self.ticket, Payload::encode(&response));
        ambient::with("reply.send()", |a| match response {
            Ok(response) => a.commands.push(Command::Reply { ticket, answer: Ok(response) }),
            Err(e) => a.error = Some(e),
        });
    }
}

/// Waits for a request, made by [`Update::recv`].
#[must_use = "receiving does nothing until it is awaited in a workflow"]
pub struct RecvUpdate<Req, Resp> {
    name: &'static str,
    types: PhantomData<fn(Req) -> Resp>,
}

impl<Req, Resp> RecvUpdate<Req, Resp> {
    /// Stops waiting after `d`. A request received before that wins, also after downtime.
    pub fn timeout(self, d: Duration) -> RecvUpdateTimeout<Req, Resp> {
        RecvUpdateTimeout { recv: self, after: d }
    }

    /// Names the suspension point that awaits this update. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

/// Waits for a request for a limited time, made by [`RecvUpdate::timeout`].
#[must_use = "receiving does nothing until it is awaited in a workflow"]
pub struct RecvUpdateTimeout<Req, Resp> {
    recv: RecvUpdate<Req, Resp>,
    after: Duration,
}

impl<Req, Resp> RecvUpdateTimeout<Req, Resp> {
    /// Names the suspension point that awaits this update. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<Req: Serialize + DeserializeOwned, Resp> Durable for RecvUpdate<Req, Resp> {
    type Output = Result<(Req, Reply<Resp>), Cancelled>;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(Request::Operation(Command::Signal { op: UNSET, name: channel(self.name), deadline: None }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Value(v) => Ok(Ok(open(&v)?)),
            Completion::Cancelled => Ok(Err(Cancelled)),
            other => Err(unexpected("an update", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<Req: Serialize + DeserializeOwned, Resp> Sealed for RecvUpdate<Req, Resp> {}

impl<Req: Serialize + DeserializeOwned, Resp> Durable for RecvUpdateTimeout<Req, Resp> {
    type Output = Result<(Req, Reply<Resp>), WaitError>;
    fn request(self) -> Result<Request, EncodeError> {
        let deadline = Some(after(self.after));
        Ok(Request::Operation(Command::Signal { op: UNSET, name: channel(self.recv.name), deadline }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Value(v) => Ok(Ok(open(&v)?)),
            Completion::TimedOut => Ok(Err(WaitError::TimedOut)),
            Completion::Cancelled => Ok(Err(WaitError::Cancelled)),
            other => Err(unexpected("an update with a timeout", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<Req: Serialize + DeserializeOwned, Resp> Sealed for RecvUpdateTimeout<Req, Resp> {}
