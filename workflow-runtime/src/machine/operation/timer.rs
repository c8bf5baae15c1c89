//! Timers.

use super::{Durable, Request, Sealed, UNSET, after, unexpected};
use crate::{
    journal::encoding::{DecodeError, EncodeError},
    machine::{
        Cancelled,
        command::{Command, Completion},
        oracle::OpFuture,
    },
};
use jiff::Timestamp;
use std::time::Duration;

/// A durable timer, made by [`sleep`] and [`sleep_until`].
#[derive(Debug, Clone)]
#[must_use = "a timer does nothing until it is awaited in a workflow"]
pub struct Sleep(When);

#[derive(Debug, Clone)]
enum When {
    After(Duration),
    At(Timestamp),
}

/// Waits for `d`, through restarts and months.
pub fn sleep(d: Duration) -> Sleep {
    Sleep(When::After(d))
}

/// Waits until `at`. A time that has passed is due at once.
pub fn sleep_until(at: Timestamp) -> Sleep {
    Sleep(When::At(at))
}

impl Sleep {
    /// Names the suspension point that awaits this timer. The compiler reads the literal.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl Durable for Sleep {
    type Output = Result<(), Cancelled>;
    fn request(self) -> Result<Request, EncodeError> {
        let at = match self.0 {
            When::After(d) => after(d),
            When::At(at) => at,
        };
        Ok(Request::Operation(Command::Timer { op: UNSET, at }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Fired => Ok(Ok(())),
            Completion::Cancelled => Ok(Err(Cancelled)),
            other => Err(unexpected("a timer", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl Sealed for Sleep {}
