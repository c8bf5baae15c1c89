//! Tests for workflows: run them without a service in virtual time, compare them with the function as written, and crash
//! them at every commit.

mod attempts;
mod clock;
pub mod differential;
mod durable;
mod engine;
mod mock;
mod sweep;

pub use attempts::Attempts;
pub use clock::{Paused, TestClock};
pub use engine::{TestEngine, TestEngineBuilder};
pub use mock::{ActivityFn, Call, Calls, IntoMock, Mock, MockFn};
pub use sweep::{DriveError, Driven, Sweep, Swept};
