//! Tests for workflows: run them without a service, and crash them at every commit.

mod clock;
pub mod differential;

pub use clock::TestClock;
