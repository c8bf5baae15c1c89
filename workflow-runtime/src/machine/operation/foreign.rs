//! Futures that are often awaited and are no operations: their refusal names what to await instead.
//!
//! They are durable under a bound that nothing satisfies, so rustc reports that bound, in its words.

use super::{Completion, DecodeError, Durable, EncodeError, Request, sealed::Sealed};
use std::future::{Future, Pending, Ready};

/// Not implemented: timers of the process.
#[diagnostic::on_unimplemented(
    message = "`{T}` is a timer of this process, and no checkpoint can hold its future: await `sleep` of workflow_runtime [WF004]",
    label = "this is not a durable operation"
)]
pub trait NoTimer<'x, T> {
    /// Never called.
    fn never(_: T) -> Request;
}

/// Not implemented: limits of time.
#[diagnostic::on_unimplemented(
    message = "`{T}` is a timer of this process, and no checkpoint can hold its future: write `.timeout(..)` behind the operation [WF004]",
    label = "this is not a durable operation"
)]
pub trait NoTimeout<'x, T> {
    /// Never called.
    fn never(_: T) -> Request;
}

/// Not implemented: tasks.
#[diagnostic::on_unimplemented(
    message = "`{T}` is a task or a thread of this process, and no checkpoint can hold its future: make what it does an `#[activity]`, and use `join!` of workflow_runtime to run several [WF004]",
    label = "this is not a durable operation"
)]
pub trait NoTask<'x, T> {
    /// Never called.
    fn never(_: T) -> Request;
}

/// Not implemented: channels.
#[diagnostic::on_unimplemented(
    message = "`{T}` is a channel of this process, and no checkpoint can hold its future: receive a `Signal` or an `Update` of workflow_runtime [WF004]",
    label = "this is not a durable operation"
)]
pub trait NoChannel<'x, T> {
    /// Never called.
    fn never(_: T) -> Request;
}

/// Not implemented: futures that are ready, or never will be.
#[diagnostic::on_unimplemented(
    message = "`{T}` waits for nothing, and no checkpoint can hold its future: use the value itself, without `.await` [WF004]",
    label = "this is not a durable operation"
)]
pub trait NoValue<'x, T> {
    /// Never called.
    fn never(_: T) -> Request;
}

macro_rules! foreign {
    ($([$($g:tt)*] $t:ty: $why:ident;)*) => { $(
        impl<$($g)*> Sealed for $t {}
        // The lifetime keeps rustc from deciding the bound here. It is not a bound of the future itself, because then rustc would say what
        // it says of every future.
        impl<$($g)*> Durable for $t
        where
            (): for<'x> $why<'x, $t>,
            $t: Future,
        {
            type Output = <$t as Future>::Output;
            type Future = $t;
            fn request(self) -> Result<Request, EncodeError> {
                Ok(<() as $why<'_, $t>>::never(self))
            }
            fn output(_: Completion) -> Result<Self::Output, DecodeError> {
                Err(DecodeError::Empty)
            }
            fn future(self) -> $t {
                self
            }
        }
    )* };
}
foreign! {
    [] tokio::time::Sleep: NoTimer;
    [F] tokio::time::Timeout<F>: NoTimeout;
    [T] tokio::task::JoinHandle<T>: NoTask;
    [T] tokio::sync::oneshot::Receiver<T>: NoChannel;
    [T] Ready<T>: NoValue;
    [T] Pending<T>: NoValue;
}
