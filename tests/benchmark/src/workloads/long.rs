//! One workflow with a long history, killed while it waits.

use crate::{
    Failure,
    child::{Rig, event},
    workflows::{self, GO, long},
};
use std::{path::Path, sync::PoisonError, time::Duration};

/// Takes `n` steps and waits. The process is to be killed then.
pub(crate) async fn fill(dir: &Path, n: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, &format!("w3-{n}")).await?;
    event("ready");
    let (mark, id) = (rig.mark(), format!("long-{n}"));
    let run = rig.engine.start(id, long(n)).await?;
    while run.status().await?.steps <= n {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let cost = rig.emit_cost(&mark, n);
    rig.emit("steps_per_s", n as f64 / cost.seconds);
    let noted = workflows::PROGRESS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // The mean cost of a step in each tenth of the history.
    let bound = |tenth: u64| noted.iter().find(|(i, _)| i + 1 >= n * tenth / 10);
    for tenth in 1..=10 {
        let (Some((i, begun)), Some((j, ended))) = (bound(tenth - 1), bound(tenth)) else { continue };
        if j > i {
            let us = ended.duration_since(*begun).as_secs_f64() * 1e6 / (j - i) as f64;
            rig.emit(&format!("us_per_step_at_{}", n * tenth / 10), us);
        }
    }
    event("filled");
    std::future::pending().await
}

/// Goes on behind the wait.
pub(crate) async fn wake(dir: &Path, n: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, &format!("w3-{n}")).await?;
    let run = rig.engine.run(long, format!("long-{n}"));
    run.signal(&GO, 1).await?;
    super::sleepers::until_woken().await;
    event("woken");
    rig.emit("open_ms_store", rig.opened_in * 1e3);
    rig.emit("open_to_step_ms", rig.begun.elapsed().as_secs_f64() * 1e3);
    run.result().await?;
    event("answered");
    rig.engine.shutdown().await;
    Ok(())
}
