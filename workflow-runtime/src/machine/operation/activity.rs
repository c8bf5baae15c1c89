//! Calls of activities.

use super::{Durable, Request, Sealed, UNSET, unexpected};
use crate::{
    activity::{
        Activity, ActivityContext, ActivityError, ActivityFailure, ActivityOptions, MAX_PRIORITY, Retry, States,
        bounds::{Arguments as _, Transport as _},
    },
    journal::{
        Name,
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::{
        OnCancel,
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
    /// survive encoding, if the body panics, or if it defers its result: there is no engine to complete it.
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
    /// If a state is missing, if the arguments do not survive encoding, if the body panics, or if it defers its result.
    pub async fn run_local_with(self, states: &States, cx: ActivityContext) -> Result<A::Ok, A::Err> {
        let args = self.args.map(|a| A::Args::load(&a));
        match args {
            Ok(Ok(args)) => {
                let beats = cx.beats.clone();
                let mut body = A::call(states, cx, args);
                std::future::poll_fn(|task| {
                    let polled = body.as_mut().poll(task);
                    assert!(
                        polled.is_ready() || !beats.is_deferred(),
                        "`{}` defers its result, and without an engine nobody can complete it: test it in an engine",
                        A::NAME
                    );
                    polled
                })
                .await
            }
            Ok(Err(e)) => panic!("the arguments of `{}` are not read back as they were written: {e}", A::NAME),
            Err(e) => panic!("the arguments of `{}` cannot be stored: {e}", A::NAME),
        }
    }

    /// Limits each attempt to `d`, from its start to its end.
    pub fn timeout(mut self, d: Duration) -> Self {
        self.options.timeout = Some(d);
        self
    }

    /// Fails an attempt that gives no heartbeat for `d`. The next one follows as after a timeout.
    pub fn heartbeat_timeout(mut self, d: Duration) -> Self {
        self.options.heartbeat = Some(d);
        self
    }

    /// Limits how long an attempt may wait in its queue: if it does not start within `d`, the activity has timed out,
    /// without another attempt. A restart begins the wait anew.
    pub fn schedule_to_start(mut self, d: Duration) -> Self {
        self.options.schedule_to_start = Some(d);
        self
    }

    /// Limits all attempts and the pauses between them to `d`, from the call on, through restarts. What runs then is
    /// asked to stop and forgotten.
    pub fn total_timeout(mut self, d: Duration) -> Self {
        self.options.total_timeout = Some(d);
        self
    }

    /// Of what waits in the queue, calls of a higher priority start first: from 0, the default, to 9; more counts as 9.
    pub fn priority(mut self, priority: u8) -> Self {
        self.options.priority = priority.min(MAX_PRIORITY);
        self
    }

    /// Says what a cancellation of this call does.
    pub fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.options.on_cancel = on_cancel;
        self
    }

    /// Gives an error that says which limit has passed, where [`ActivityError::TimedOut`] does not.
    pub fn detailed(self) -> Detailed<A> {
        Detailed(self)
    }

    /// Replaces the retry policy. With one, an `Err` of the activity is retried too.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// Runs the activity in the named queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Name::Owned(queue.into());
        self
    }

    /// Names the suspension point that awaits this call. The compiler reads the literal, where it is awaited.
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
) -> Result<(Name, Payload, ActivityOptions), EncodeError> {
    Ok((A::NAME.into(), call.args?, call.options))
}

impl<A: Activity> Durable for ActivityCall<A> {
    type Output = Result<A::Ok, ActivityError<A::Err>>;
    fn request(self) -> Result<Request, EncodeError> {
        let (name, args, options) = activity_parts(self)?;
        Ok(Request::Operation(Command::Activity { op: UNSET, name, args, options }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        Ok(Detailed::<A>::output(completion)?.map_err(|failure| failure.error))
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<A: Activity> Sealed for ActivityCall<A> {}

/// A call whose error says more, made by [`ActivityCall::detailed`].
#[must_use = "an activity call does nothing until it is awaited in a workflow"]
pub struct Detailed<A>(ActivityCall<A>);

impl<A: Activity> Detailed<A> {
    /// Names the suspension point that awaits this call. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl<A: Activity> Durable for Detailed<A> {
    type Output = Result<A::Ok, ActivityFailure<A::Err>>;
    fn request(self) -> Result<Request, EncodeError> {
        self.0.request()
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        let (error, timeout) = match completion {
            Completion::Value(v) => return Ok(Ok(A::Ok::load(&v)?)),
            Completion::Failed(e) => (ActivityError::Failed(A::Err::load(&e)?), None),
            Completion::TimedOut => (ActivityError::TimedOut, None),
            Completion::Expired(which) => (ActivityError::TimedOut, Some(which)),
            Completion::Cancelled => (ActivityError::Cancelled, None),
            Completion::Panicked(message) => (ActivityError::Panicked(message), None),
            other => return Err(unexpected("an activity", &other)),
        };
        Ok(Err(ActivityFailure::new(error, timeout)))
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<A: Activity> Sealed for Detailed<A> {}
