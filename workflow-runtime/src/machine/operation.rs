//! What a workflow waits for.

use super::{
    Cancelled, WaitError, ambient,
    command::{Command, Completion},
    frame::OpId,
    oracle::{OpFuture, inline},
    outcome::Outcome,
    workflow::{ErrOf, LocalBoxFuture, OkOf, Workflow, WorkflowDef},
};
use crate::{
    activity::{
        Activity, ActivityContext, ActivityError, ActivityOptions, Retry, States,
        bounds::{Arguments as _, Transport as _},
    },
    journal::{
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::{future::Future, marker::PhantomData, time::Duration};

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// An operation: what can be awaited in a workflow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be awaited in a workflow",
    label = "this is not a durable operation",
    note = "a workflow awaits activity calls, other workflows, `sleep` and signals: put I/O into an `#[activity]`"
)]
pub trait Durable: Sealed + Sized {
    /// What the await gives.
    type Output;
    /// What to ask the engine for.
    ///
    /// # Errors
    ///
    /// The arguments cannot be encoded.
    #[doc(hidden)]
    fn request(self) -> Result<Request, EncodeError>;
    /// The output from the way in which the operation ended.
    ///
    /// # Errors
    ///
    /// The completion is not of the operation's type.
    #[doc(hidden)]
    fn output(completion: Completion) -> Result<Self::Output, DecodeError>;
    /// The operation in a check copy. Operations themselves are no futures: an await outside of a workflow does not compile.
    #[doc(hidden)]
    type Future: Future<Output = Self::Output>;
    #[doc(hidden)]
    fn future(self) -> Self::Future;
}

/// What an operation asks for.
pub enum Request {
    /// The engine does it. The id of the operation in the command is set when it begins.
    Operation(Command),
    /// A workflow as part of this one: a nested frame.
    Inline {
        /// The helper.
        def: &'static WorkflowDef,
        /// Its arguments.
        args: Payload,
    },
}

/// The id in a command before the operation has begun.
const UNSET: OpId = OpId(u64::MAX);

impl Command {
    pub(super) fn with_op(mut self, id: OpId) -> Self {
        match &mut self {
            Command::Activity { op, .. }
            | Command::Timer { op, .. }
            | Command::Signal { op, .. }
            | Command::Cancel { op } => *op = id,
            Command::SideEffect(_) | Command::Status(_) | Command::Tag { .. } => {}
        }
        self
    }
}

fn unexpected(what: &str, completion: &Completion) -> DecodeError {
    DecodeError::mismatch(format!("{what} cannot end in {completion:?}"))
}

/// `now + d`, or the end of time if that is later than a timestamp can say.
fn after(d: Duration) -> Timestamp {
    ambient::now().checked_add(d).unwrap_or(Timestamp::MAX)
}

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
            other @ Completion::Fired => return Err(unexpected("an activity", &other)),
        })
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<A: Activity> Sealed for ActivityCall<A> {}

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
    /// A signal with this name.
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

    /// Names the suspension point that awaits this signal. The compiler reads the literal.
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
    /// Names the suspension point that awaits this signal. The compiler reads the literal.
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

impl<W: Workflow> WorkflowCall<W> {
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

impl<W: Workflow> Sealed for WorkflowCall<W> {}

impl<W: Workflow> Durable for WorkflowCall<W> {
    type Output = <W::Outcome as Outcome>::Out;
    fn request(self) -> Result<Request, EncodeError> {
        Ok(Request::Inline { def: W::def(), args: self.args? })
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
