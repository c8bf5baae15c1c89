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

/// A registered name or the like: borrowed from the program, owned if it was read.
pub type Name = std::borrow::Cow<'static, str>;

/// Whether a field need not be written, because it is read as this when it is absent.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
