//! No warning that the user could not have had without the macro.
#![deny(warnings)]
#![warn(missing_docs, unreachable_pub, clippy::all)]
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use shop::*;

#[derive(Serialize, Deserialize)]
struct Secret(u32);

/// Documented.
#[deprecated]
#[workflow]
pub async fn documented(name: String) -> Result<(), WorkflowError> {
    let _ = name;
    Ok(())
}

/// Private argument types of public functions.
pub mod private {
    use super::*;

    /// Documented.
    #[workflow]
    pub async fn registered_only(n: u32) -> u32 {
        n
    }

    #[allow(dead_code)]
    #[workflow]
    async fn never_started(secret: Secret) -> Result<u32, WorkflowError> {
        sleep(days(1)).await?;
        Ok(secret.0)
    }
}

fn main() {}
