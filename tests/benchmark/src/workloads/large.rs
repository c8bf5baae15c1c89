//! Large locals.

use crate::{
    Failure,
    child::{Cost, Rig, event},
    workflows::{large_changed, large_kept},
};
use std::path::Path;

/// `n` steps of a workflow that holds a local of so many bytes: one that stays as it is, then one that changes at each step.
pub(crate) async fn frames(dir: &Path, n: u64, bytes: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, "large").await?;
    event("ready");
    rig.engine.start("warm", large_kept(10, bytes)).await?.result().await?;
    let mark = rig.mark();
    rig.engine.start("kept", large_kept(n, bytes)).await?.result().await?;
    tell(&rig, "kept", &rig.emit_cost(&mark, n), n);
    let mark = rig.mark();
    rig.engine.start("changed", large_changed(n, bytes)).await?.result().await?;
    let changed = rig.emit_cost(&mark, n);
    tell(&rig, "changed", &changed, n);
    rig.engine.shutdown().await;
    Ok(())
}

fn tell(rig: &Rig, what: &str, cost: &Cost, n: u64) {
    rig.emit(&format!("{what}_us_per_step"), cost.seconds * 1e6 / n as f64);
    rig.emit(&format!("{what}_bytes_per_step"), cost.bytes / n as f64);
}
