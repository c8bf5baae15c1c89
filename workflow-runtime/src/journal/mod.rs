//! What is written down: identifiers, the order of the records, and how values become bytes.
//!
//! Nothing here does I/O, reads a clock or knows a database.

pub mod encoding;
pub mod history;
pub mod id;
pub mod key;
pub mod message;
pub mod payload;
pub(crate) mod time;
