//! Lints that the crate forbids.
#![forbid(unsafe_code, missing_docs, unused_must_use, non_ascii_idents, clippy::unwrap_used, clippy::indexing_slicing)]
#![forbid(clippy::panic, clippy::todo, clippy::expect_used, unreachable_pub, unused_imports)]

use shop::*;

/// Fine.
#[workflow]
pub async fn fine(base: u32) -> Result<u32, OrderError> {
    let mut sum = base;
    for i in 0..base {
        sum += ping(i).await?;
    }
    Ok(sum)
}

fn main() {}
