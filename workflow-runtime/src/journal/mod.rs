//! What is written down: how values become bytes.

pub mod encoding;
pub mod payload;
