//! Runs instances: one writer per instance, commit before effect, and nothing in memory that has nothing to do.

pub mod clock;
pub mod error;
pub mod pulse;

pub use clock::{Clock, SystemClock, Wake};
pub use error::{BuildError, ControlError, QueryError, RunError, SignalError, StartError, Unavailable};
pub use pulse::{Held, Parked, Pulse};
