//! Runtime.

pub mod journal;
