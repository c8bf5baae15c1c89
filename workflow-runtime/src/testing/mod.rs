//! Tests for workflows: run them without a service, and crash them at every commit.

pub mod differential;
