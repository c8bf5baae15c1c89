//! Places in memory and in the source.

use std::backtrace::Backtrace;

pub fn handle<T>(of: &T) -> String {
    format!("{of:p}")
}

/// The place of a text in a table of sixty-four.
pub fn slot(text: &str) -> u64 {
    text.as_ptr() as u64 % 64
}

pub fn report(text: &str) -> String {
    format!("{text}\n{}", Backtrace::force_capture())
}
