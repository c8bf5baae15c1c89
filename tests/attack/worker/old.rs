//! A workflow as the build before has it.

use crate::{poisons::GO, workload::Failed};
use workflow_runtime::workflow;

/// The next build has another type for `kept`.
#[workflow]
pub(crate) async fn retyped(name: String) -> Result<u64, Failed> {
    let kept = format!("{name} is no number");
    GO.recv().await?;
    Ok(kept.len() as u64)
}
