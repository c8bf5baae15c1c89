//! Workflows that hide one nondeterminism each: over each case stand the rule that must find it, and the hiding place.
//!
//! The test blanks out cases that are refused, which leaves imports and helpers that nobody uses.

#![allow(unused_imports, dead_code)]

pub mod addresses;
pub mod awaits;
pub mod backtraces;
pub mod blocking;
pub mod clock;
pub mod clock_of_types;
pub mod concurrency;
pub mod environment;
pub mod escapes;
pub mod floats;
pub mod globals;
pub mod hash_order;
pub mod io;
pub mod output;
pub mod randomness;
pub mod state;
pub mod unreached;

use workflow_runtime::prelude::*;

/// What every case awaits.
#[activity]
pub async fn note(text: &str) -> Result<(), String> {
    if text.len() > 1_000_000 { Err("too long".into()) } else { Ok(()) }
}
