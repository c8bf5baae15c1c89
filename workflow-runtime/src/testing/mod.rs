//! Tests for workflows: run them without a service in virtual time, compare them with the function as written, and crash
//! them at every commit.

mod attempts;
pub(crate) mod case;
mod clock;
mod deliveries;
pub mod differential;
mod disk;
mod durable;
mod engine;
mod failure;
mod journal;
mod mock;
pub mod sim;
mod sweep;
mod variant;

pub use attempts::Attempts;
pub use case::{Test, TestRun};
pub use clock::{Paused, TestClock};
pub use engine::{TestEngine, TestEngineBuilder};
pub use mock::{ActivityFn, Call, Calls, IntoMock, Mock, MockFn};
pub use sweep::{DriveError, Driven, Sweep, Swept};
