//! Integration tests of the workspace, and what the programs work with that tests compile themselves.

pub mod generated;
pub mod toolchain;

/// The libraries that such a program can be given.
pub mod linked {
    pub use anyhow;
    pub use jiff;
    pub use serde;
    pub use thiserror;
    pub use tokio;
    pub use tracing;
    pub use workflow_runtime;
}
