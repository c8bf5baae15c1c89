//! A workflow that takes its messages late.

use crate::{
    poisons::GO,
    workload::{Failed, WORD},
};
use workflow_runtime::workflow;

/// Waits for `GO`, then takes so many words: whether they count from 0.
#[workflow]
pub(crate) async fn collector(name: String, words: u64) -> Result<bool, Failed> {
    GO.recv().await?;
    let mut in_order = !name.is_empty();
    for n in 0..words {
        in_order &= WORD.recv().await? == n.to_string();
    }
    Ok(in_order)
}
