//! Durable execution for plain Rust: `#[workflow]` turns an async function into an explicit, resumable state machine
//! whose checkpoints survive crashes, deploys and month-long waits.

extern crate self as workflow_runtime;

pub mod activity;
pub mod engine;
pub mod journal;
pub mod machine;
pub mod prelude;
pub mod registry;
#[cfg(feature = "service")]
pub mod service;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)]
pub mod __private;
mod duration;

pub use activity::{ActivityContext, ActivityError, Retry, State};
pub use duration::{days, hours, millis, minutes, months, seconds, weeks, years};
pub use engine::{Engine, Run};
pub use machine::{
    ActivityCall, Cancelled, Child, ChildError, ChildStartError, ExternalError, ExternalRun, OnCancel, ParentClose,
    Reply, Signal, SleepTime, UnknownTimeZone, Update, WaitError, WorkflowCall, WorkflowError, cancel_requested,
    external, now, now_in, random, run_id, saga, set_status, shielded, side_effect, sleep, sleep_until, tag, uuid,
    workflow_id,
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

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/verify.md")]
struct Verify;

#[cfg(all(doctest, feature = "service"))]
#[doc = include_str!("../../docs/service.md")]
struct Service;
