//! No warning that the user could not have had without the macro.
#![deny(warnings)]
#![warn(missing_docs, unreachable_pub, clippy::all)]
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

#[derive(Serialize, Deserialize)]
struct Secret(u32);

/// Documented.
#[activity(retry(unless(e if e.to_string().is_empty())))]
#[deprecated]
pub async fn documented(name: &str) -> Result<(), WorkflowError> {
    let _ = name;
    Ok(())
}

/// Private argument types of public functions.
pub mod shop {
    use super::*;

    #[activity]
    async fn never_called(secret: &Secret) -> u32 {
        secret.0
    }

    /// Documented.
    #[workflow]
    pub async fn registered_only(n: u32) -> u32 {
        n
    }

    #[workflow]
    async fn never_started(secret: Secret) -> Result<u32, WorkflowError> {
        sleep(days(1)).await?;
        Ok(secret.0)
    }
}

fn main() {}
