//! What the soak does beside the workload: runs that are not retained.

use crate::workload::{Failed, Lines, Place};
use std::path::PathBuf;
use workflow_runtime::{activity, prelude::*, workflow};

/// The effects of runs that are not retained.
#[derive(Clone)]
pub(crate) struct Scratch(pub(crate) Lines);

impl Place {
    /// The effects of runs that are not retained.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }
    /// A place in directories that are still to be made.
    #[allow(dead_code, reason = "the worker of the soak has its archive elsewhere")]
    pub(crate) fn within(&self) -> Place {
        Place(self.store().join("several/deep"))
    }
    pub(crate) fn archive(&self) -> PathBuf {
        self.0.join("archive")
    }
}

/// As `effect`, for runs that are not retained.
#[activity(retry(initial = "1ms", max = "5ms"))]
pub(crate) async fn scratch(scratch: State<Scratch>, cx: ActivityContext, key: String) -> Result<u64, String> {
    scratch.0.add(&format!("{key} {}", cx.idempotency_key())).map_err(|e| e.to_string())?;
    Ok(key.len() as u64)
}

/// Is gone when it has ended.
#[workflow]
pub(crate) async fn passing(name: String) -> Result<u64, Failed> {
    let first = scratch(format!("{name}/0")).await?;
    Ok(first + scratch(format!("{name}/1")).await?)
}

/// What the engine serves in the soak, besides the workload and poison.
pub(crate) const PASSING: [&str; 2] = ["passing", "scratch"];
