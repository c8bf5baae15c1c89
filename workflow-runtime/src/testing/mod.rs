//! Tests for workflows: run them without a service in virtual time, compare them with the function as written, and crash
//! them at every commit.

mod attempts;
mod clock;
pub mod differential;
mod engine;
mod sweep;

pub use attempts::Attempts;
pub use clock::{Paused, TestClock};
pub use engine::{TestEngine, TestEngineBuilder};
pub use sweep::{DriveError, Driven, Sweep, Swept};
