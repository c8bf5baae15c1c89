//! Integration tests of the workspace, and what the programs work with that `tests/generated` makes up.

pub mod generated;
