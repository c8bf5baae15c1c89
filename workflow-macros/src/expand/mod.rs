//! From what was checked to code. Nothing here can fail.

pub(crate) mod fallback;
pub(crate) mod signature;
