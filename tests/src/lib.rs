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

/// Copies a directory with all that is in it.
///
/// # Errors
///
/// What the file system refuses.
pub fn copy(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name()))?,
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name()))?),
        }
    }
    Ok(())
}
