//! Calls of activities.

use super::{Durable, Request, Sealed, UNSET, unexpected};
use crate::{
    activity::{
        Activity, ActivityContext, ActivityError, ActivityOptions, Retry, States,
        bounds::{Arguments as _, Transport as _},
    },
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        command::{Command, Completion},
        oracle::OpFuture,
    },
};
use serde::Serialize;
use std::{marker::PhantomData, time::Duration};

/// A call of an activity: plain data that does nothing until a workflow awaits it.
#[must_use = "an activity call does nothing until it is awaited in a workflow"]
pub struct ActivityCall<A> {
    args: Result<Payload, EncodeError>,
    options: ActivityOptions,
    activity: PhantomData<fn() -> A>,
}

impl<A: Activity> ActivityCall<A> {
    /// A call with these arguments, a tuple.
    #[doc(hidden)]
    pub fn new<T: Serialize>(args: &T) -> Self {
        ActivityCall { args: Payload::encode(args), options: A::options(), activity: PhantomData }
    }

    /// A call with arguments that are encoded.
    #[doc(hidden)]
    pub fn of(args: Result<Payload, EncodeError>) -> Self {
        ActivityCall { args, options: A::options(), activity: PhantomData }
    }

    /// Runs the body here and now, once, without an engine: for unit tests of the activity.
    ///
    /// The arguments travel as they do in an engine: encoded and decoded.
    ///
    /// # Errors
    ///
    /// The error that the activity returns.
    ///
    /// # Panics
    ///
    /// If the activity takes a `State<T>` (see [`run_local_with`](Self::run_local_with)), if its arguments do not
    /// survive encoding, or if the body panics.
    pub async fn run_local(self, cx: ActivityContext) -> Result<A::Ok, A::Err> {
        self.run_local_with(&States::default(), cx).await
    }

    /// [`run_local`](Self::run_local) for an activity that takes `State<T>`.
    ///
    /// # Errors
    ///
    /// The error that the activity returns.
    ///
    /// # Panics
    ///
    /// If a state is missing, if the arguments do not survive encoding, or if the body panics.
    pub async fn run_local_with(self, states: &States, cx: ActivityContext) -> Result<A::Ok, A::Err> {
        let args = self.args.map(|a| A::Args::load(&a));
        match args {
            Ok(Ok(args)) => A::call(states, cx, args).await,
            Ok(Err(e)) => panic!("the arguments of `{}` are not read back as they were written: {e}", A::NAME),
            Err(e) => panic!("the arguments of `{}` cannot be stored: {e}", A::NAME),
        }
    }

    /// Limits each attempt to `d`.
    pub fn timeout(mut self, d: Duration) -> Self {
        self.options.timeout = Some(d);
        self
    }

    /// Replaces the retry policy. With one, an `Err` of the activity is retried too.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// Runs the activity in the named queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = queue.into();
        self
    }

    /// Names the suspension point that awaits this call. The compiler reads the literal.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }

    /// The encoded arguments.
    ///
    /// # Errors
    ///
    /// They could not be encoded.
    pub fn args(&self) -> Result<&Payload, &EncodeError> {
        self.args.as_ref()
    }
}

pub(crate) fn activity_parts<A: Activity>(
    call: ActivityCall<A>,
) -> Result<(String, Payload, ActivityOptions), EncodeError> {
    Ok((A::NAME.into(), call.args?, call.options))
}

impl<A: Activity> Durable for ActivityCall<A> {
    type Output = Result<A::Ok, ActivityError<A::Err>>;
    fn request(self) -> Result<Request, EncodeError> {
        let (name, args, options) = activity_parts(self)?;
        Ok(Request::Operation(Command::Activity { op: UNSET, name, args, options }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        Ok(match completion {
            Completion::Value(v) => Ok(A::Ok::load(&v)?),
            Completion::Failed(e) => Err(ActivityError::Failed(A::Err::load(&e)?)),
            Completion::TimedOut => Err(ActivityError::TimedOut),
            Completion::Cancelled => Err(ActivityError::Cancelled),
            Completion::Panicked(message) => Err(ActivityError::Panicked(message)),
            other @ (Completion::Fired | Completion::Remote { .. }) => return Err(unexpected("an activity", &other)),
        })
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<A: Activity> Sealed for ActivityCall<A> {}
