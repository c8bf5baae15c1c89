//! Durable execution for plain Rust: `#[workflow]` turns an async function into an explicit, resumable state machine
//! whose checkpoints survive crashes, deploys and month-long waits.

extern crate self as workflow_runtime;

pub mod activity;
#[cfg(feature = "archive")]
pub mod archive;
pub mod engine;
pub mod journal;
pub mod machine;
pub mod prelude;
pub mod registry;
#[cfg(feature = "schedules")]
pub mod schedule;
#[cfg(feature = "service")]
pub mod service;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)]
pub mod __private;
mod directory;
mod duration;
#[cfg(doctest)]
mod guide;
mod hash;
#[doc(hidden)]
pub mod names;

pub use activity::bounds::Payload;
pub use activity::{ActivityContext, ActivityError, ActivityFailure, CompletionToken, Retry, State, Timeout};
pub use duration::{days, hours, millis, minutes, months, seconds, weeks, years};
pub use engine::{Engine, Run};
pub use machine::{
    ActivityCall, Cancelled, Child, ChildError, ChildStartError, ExternalError, ExternalRun, OnCancel, ParentClose,
    Reply, Signal, SleepTime, UnknownTimeZone, Update, WaitError, WorkflowCall, WorkflowError, cancel_requested,
    external, for_each_concurrent, join_all, now, now_in, random, run_id, saga, select_all, set_status, shielded,
    side_effect, sleep, sleep_until, tag, try_join_all, uuid, workflow_id,
};
pub use registry::{Registry, RegistryError};
pub use store::{MemoryStore, SledStore};
#[cfg(feature = "testing")]
pub use workflow_macros::test;
pub use workflow_macros::{activity, workflow};

/// Asks whether this run takes the path that the patch `id` guards.
///
/// True where the definition has always known the id, and for every run that reaches the site after the id came in;
/// false for a run that an upgrade found past the site. A plain restart decides nothing.
#[macro_export]
macro_rules! patched {
    ($id:literal) => {
        $crate::__private::patched($id)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __only_in_workflows {
    ($name:literal) => {
        ::core::compile_error!(::core::concat!(
            "`",
            $name,
            "!` of workflow_runtime waits durably: use it in the body of a `#[workflow]`"
        ))
    };
}

/// Runs several branches at once in the body of a `#[workflow]` and waits for all of them.
///
/// A branch is an operation, a call of another workflow, or an `async` block. The value is the tuple of their outputs.
///
/// ```standalone_crate
/// use workflow_runtime::prelude::*;
///
/// #[workflow]
/// async fn both() -> Result<u32, Cancelled> {
///     let mut n = 0;
///     let (a, b) = join!(sleep(days(1)), async {
///         n += 1;
///         sleep(days(2)).await?;
///         Ok::<_, Cancelled>(n)
///     });
///     a?;
///     b
/// }
/// ```
#[macro_export]
macro_rules! join {
    (@in_workflow) => {};
    ($($branch:tt)*) => {
        $crate::__only_in_workflows!("join")
    };
}

/// As [`join!`], for branches that give a `Result`: the value is the tuple of their `Ok`s, or the first `Err`.
///
/// At the first error the other branches are given up: they are asked to stop and nobody waits for them.
#[macro_export]
macro_rules! try_join {
    (@in_workflow) => {};
    ($($branch:tt)*) => {
        $crate::__only_in_workflows!("try_join")
    };
}

/// Runs several branches at once in the body of a `#[workflow]` and goes on with the first that ends.
///
/// `select! { pattern = operation, if guard => handler, .., else => handler }`: the branches whose guards are true begin in
/// order; the first that ends with an output that its pattern matches wins, and its handler gives the value. The others are
/// given up: they are asked to stop and nobody waits for them. A branch whose pattern does not match is disabled; when none is
/// left, `else` gives the value.
///
/// One operation ends per step, so the order of the history decides who is first.
///
/// ```standalone_crate
/// use workflow_runtime::prelude::*;
///
/// const APPROVED: Signal<String> = Signal::new("approved");
///
/// #[workflow]
/// async fn approval() -> Result<Option<String>, Cancelled> {
///     Ok(select! {
///         by = APPROVED.recv() => Some(by?),
///         t = sleep(days(5)) => { t?; None }
///     })
/// }
/// ```
#[macro_export]
macro_rules! select {
    (@in_workflow) => {};
    ($($branch:tt)*) => {
        $crate::__only_in_workflows!("select")
    };
}

/// Ends this run of a workflow and goes on with a new one under the same id, with new arguments.
///
/// Stands where a `return` can stand, and takes the arguments of the workflow as a call of it would. The new run begins
/// with a fresh frame: no local of the old one is left, and `patched!` decides anew. What waits in the inbox, children, tags
/// and the status stay. See the guide on continuing as new.
///
/// ```
/// use workflow_runtime::prelude::*;
///
/// const VOTE: Signal<u32> = Signal::new("vote");
///
/// #[workflow]
/// async fn poll(votes: u64) -> Result<u64, Cancelled> {
///     let vote = VOTE.recv().await?;
///     if vote == 0 {
///         return Ok(votes);
///     }
///     continue_as_new!(votes + u64::from(vote))
/// }
/// ```
///
/// Outside of a workflow it does not compile:
///
/// ```compile_fail
/// fn poll(votes: u64) {
///     workflow_runtime::continue_as_new!(votes + 1);
/// }
/// ```
#[macro_export]
macro_rules! continue_as_new {
    ($($args:tt)*) => {
        ::core::compile_error!(
            "`continue_as_new!` ends the run of a workflow, and this is not the body of a `#[workflow]`, or it is within another macro: write it in the body itself, in place of a `return`"
        )
    };
}
