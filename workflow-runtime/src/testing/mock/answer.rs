//! What a mocked attempt ends in.

use crate::{
    activity::{Activity, ActivityOptions, Attempt, bounds::Transport},
    journal::{encoding::EncodeError, payload::Payload},
};

/// How a mocked attempt of an activity ends. A `Result` is one too.
///
/// ```
/// # use workflow_runtime::testing::Mock;
/// let answers: [Mock<u64, String>; 4] =
///     [Mock::fail("busy".to_string()), Mock::panic("paper jam"), Mock::time_out(), Mock::ok(500)];
/// let same: Mock<u64, String> = Ok(500).into();
/// # let _ = (answers, same);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "give it to a mock"]
pub struct Mock<T, E>(End<T, E>);

#[derive(Debug, Clone, PartialEq)]
enum End<T, E> {
    Returns(Result<T, E>),
    Panics(String),
    TimesOut,
    Hangs,
}

impl<T, E> Mock<T, E> {
    /// It returns this value.
    pub fn ok(value: T) -> Self {
        Mock(End::Returns(Ok(value)))
    }

    /// It returns this error. Without `retry(..)` the error is final.
    pub fn fail(error: E) -> Self {
        Mock(End::Returns(Err(error)))
    }

    /// It panics.
    pub fn panic(message: impl Into<String>) -> Self {
        Mock(End::Panics(message.into()))
    }

    /// It takes as long as its timeout allows, and is stopped. Without a timeout it counts as timed out at once.
    pub fn time_out() -> Self {
        Mock(End::TimesOut)
    }

    /// It does not return, and time goes on: until its timeout, or until it is cancelled.
    pub fn hang() -> Self {
        Mock(End::Hangs)
    }
}

impl<T, E> From<Result<T, E>> for Mock<T, E> {
    fn from(result: Result<T, E>) -> Self {
        Mock(End::Returns(result))
    }
}

/// An answer without its types.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Ok(Payload),
    Err { error: Payload, permanent: bool },
    Unencodable(EncodeError),
    Panics(String),
    TimesOut,
    Hangs,
}

impl Answer {
    pub(crate) fn of<A: Activity>(mock: Mock<A::Ok, A::Err>) -> Self {
        let encoded = match mock.0 {
            End::Returns(Ok(value)) => value.save().map(Answer::Ok),
            End::Returns(Err(e)) => e.save().map(|error| Answer::Err { error, permanent: A::unless(&e) }),
            End::Panics(message) => return Answer::Panics(message),
            End::TimesOut => return Answer::TimesOut,
            End::Hangs => return Answer::Hangs,
        };
        encoded.unwrap_or_else(Answer::Unencodable)
    }

    /// The attempt, if it ends by itself under these options.
    ///
    /// # Panics
    ///
    /// If the attempt is to panic.
    pub(crate) fn end(self, options: &ActivityOptions) -> Ended {
        match self {
            Answer::Ok(value) => Ended::Attempt(Attempt::Ok(value)),
            Answer::Err { error, permanent } => Ended::Attempt(Attempt::Err { error, permanent }),
            Answer::Unencodable(e) => Ended::Attempt(Attempt::Unencodable(e)),
            Answer::Panics(message) => std::panic::panic_any(message),
            Answer::TimesOut if options.timeout.is_none() => Ended::TimedOut,
            Answer::TimesOut | Answer::Hangs => Ended::Never,
        }
    }
}

/// See [`Answer::end`].
pub(crate) enum Ended {
    Attempt(Attempt),
    /// At once, although nothing limits it.
    TimedOut,
    /// Not by itself.
    Never,
}
