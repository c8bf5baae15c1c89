//! Signals, as a workflow waits for them.

use super::{Durable, Request, Sealed, UNSET, after, unexpected};
use crate::{
    journal::encoding::{DecodeError, EncodeError},
    machine::{
        Cancelled, WaitError,
        command::{Command, Completion},
        inbox,
        oracle::OpFuture,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, time::Duration};

/// A typed signal, shared by the workflow that receives it and the client that sends it.
///
/// ```
/// use workflow_runtime::prelude::*;
/// const APPROVED: Signal<String> = Signal::new("approved");
/// assert_eq!(APPROVED.name(), "approved");
/// ```
pub struct Signal<T> {
    name: &'static str,
    payload: PhantomData<fn() -> T>,
}

impl<T> Signal<T> {
    /// A signal with this name. Names that begin with `update:` are taken: nobody can send such a signal.
    pub const fn new(name: &'static str) -> Self {
        Signal { name, payload: PhantomData }
    }

    /// The name under which it travels.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Waits for the next signal of this name; one that came before waits in the inbox.
    pub fn recv(&self) -> Recv<T> {
        Recv { name: self.name, payload: PhantomData }
    }
}

impl<T: DeserializeOwned> Signal<T> {
    /// Takes the next signal of this name if it was received before this step, without waiting for one.
    ///
    /// The answer is part of the step's input: it is the same whenever the step runs again. A payload that does not decode
    /// is set aside, with an event in the history, and the one behind it is taken.
    ///
    /// # Panics
    ///
    /// Outside of a workflow.
    pub fn try_recv(&self) -> Option<T> {
        inbox::take("try_recv()", self.name, crate::journal::payload::Payload::decode)
    }
}

/// Waits for a signal, made by [`Signal::recv`].
#[must_use = "receiving does nothing until it is awaited in a workflow"]
pub struct Recv<T> {
    name: &'static str,
    payload: PhantomData<fn() -> T>,
}

impl<T> Recv<T> {
    /// Stops waiting after `d`. A signal received before that wins, also after downtime.
    pub fn timeout(self, d: Duration) -> RecvTimeout<T> {
        RecvTimeout { recv: self, after: d }
    }

    /// Names the suspension point that awaits this signal. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<T: Serialize + DeserializeOwned> Durable for Recv<T> {
    type Output = Result<T, Cancelled>;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(Request::Operation(Command::Signal { op: UNSET, name: self.name.into(), deadline: None }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Value(v) => Ok(Ok(v.decode()?)),
            Completion::Cancelled => Ok(Err(Cancelled)),
            other => Err(unexpected("a signal", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<T: Serialize + DeserializeOwned> Sealed for Recv<T> {}

/// Waits for a signal for a limited time, made by [`Recv::timeout`].
#[must_use = "receiving does nothing until it is awaited in a workflow"]
pub struct RecvTimeout<T> {
    recv: Recv<T>,
    after: Duration,
}

impl<T> RecvTimeout<T> {
    /// Names the suspension point that awaits this signal. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<T: Serialize + DeserializeOwned> Durable for RecvTimeout<T> {
    type Output = Result<T, WaitError>;
    fn request(self) -> Result<Request, EncodeError> {
        let deadline = Some(after(self.after));
        Ok(Request::Operation(Command::Signal { op: UNSET, name: self.recv.name.into(), deadline }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Value(v) => Ok(Ok(v.decode()?)),
            Completion::TimedOut => Ok(Err(WaitError::TimedOut)),
            Completion::Cancelled => Ok(Err(WaitError::Cancelled)),
            other => Err(unexpected("a signal with a timeout", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<T: Serialize + DeserializeOwned> Sealed for RecvTimeout<T> {}
