//! Runs instances: one writer per instance, commit before effect, and nothing in memory that has nothing to do.
//!
//! ```text
//! Engine, Run (any thread) ──mail──> Worker (one thread per part of the shards)
//!                                      Actor (one instance): mail or what is due -> machine -> Draft -> commit
//!                                        then, and only then: attempts, timers, answers
//! ```
//!
//! - `client`, `run`, `complete`, `untyped`, `status`, `list`, `stats`: what callers use. Reads go to the store and need no worker.
//! - `verify`: runs recorded steps again; nothing has an effect.
//! - `worker`, `place`, `recovery`, `timers`, `resident`: who owns what, and what wakes whom.
//! - `watch`: steps that do not end, and steps that kill the process.
//! - `actor`, `coalesce`, `group`, `requests`, `attempts`, `running`, `outside`, `detach`, `instance`: one instance at work.
//! - `retention`, `segment`, `archiving`: what goes, and where it is kept.
//! - `mend`, `recall`: indexes and small records that are damaged, made whole from checkpoints and histories.
//! - `remains`: what can be done for an instance whose checkpoint is damaged.
//! - `draft`, `commit`, `checkpoint`: its next state, and how that becomes durable.

mod actor;
mod again;
#[cfg(feature = "testing")]
mod alike;
#[cfg(feature = "archive")]
mod archiving;
mod attempts;
mod backdoor;
#[cfg(feature = "testing")]
mod bugs;
mod builder;
mod chain;
mod checkpoint;
mod client;
pub mod clock;
mod coalesce;
mod commit;
mod compensating;
mod complete;
mod continues;
mod detach;
mod draft;
pub mod error;
#[cfg(feature = "testing")]
mod glance;
mod group;
mod health;
mod inbox;
mod inline;
#[cfg(feature = "testing")]
pub(crate) mod inspect;
mod instance;
mod list;
mod mend;
mod message;
mod outbox;
mod outside;
mod pages;
mod place;
pub mod points;
mod pulse;
mod recall;
mod recovery;
mod remains;
mod requests;
mod resident;
mod retention;
mod run;
mod running;
mod segment;
mod send;
mod shared;
mod start;
mod stats;
mod status;
mod stored;
mod timers;
mod tree;
mod untyped;
mod updates;
mod verify;
mod watch;
mod worker;

#[cfg(test)]
mod tests;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use alike::rebuilt_differs;
#[doc(hidden)]
pub use backdoor::Backdoor;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub use bugs::Bug;
pub use builder::EngineBuilder;
pub use checkpoint::{Reason, Status};
pub use client::{Engine, ShutdownReport};
pub use clock::{Clock, SystemClock, Wake};
pub use compensating::{Compensating, Undo, Undoing};
pub use complete::{CalledActivity, Heartbeat};
pub use error::{
    BuildError, CompleteError, ControlError, QueryError, RebuildError, RunError, SignalError, SkipError, StartError,
    Unavailable, UpdateError,
};
#[cfg(feature = "testing")]
#[doc(hidden)]
pub use glance::Glance;
#[doc(hidden)]
pub use inline::Inline;
pub use list::{Cursor, Filter, Listed, Page};
pub use points::PointStatus;
pub use pulse::{Held, Parked, Pulse};
pub use run::{Run, WorkflowFn};
pub use send::{AskUpdate, SendSignal};
pub use start::{IdReuse, Start, StartUpdate};
pub use stats::{Census, EngineStats, Tally};
pub use status::{Expected, Local, RunStatus, Waits};
pub use tree::Descendant;
pub use untyped::Untyped;
pub use verify::{Difference, Recorded, RecordedError, Verified, VerifyError, Wavering, verify, verify_twice};
