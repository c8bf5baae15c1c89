//! Many timers that are due at one instant, and what a fresh workflow notices of it.

use crate::{
    Failure,
    child::{Rig, event},
    measure::quantile,
    workflows::{WOKEN, alarm, steps},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// `n` timers are due at one instant; until all of them have been dealt with, fresh workflows of one step run one at a time.
pub(crate) async fn stampede(dir: &Path, n: u64) -> Result<(), Failure> {
    let rig = Rig::open(dir, &format!("timers-{n}")).await?;
    event("ready");
    // Later than all of them have been started: if not, it is over before, and that is told.
    let at = Timestamp::now() + SignedDuration::from_millis(i64::try_from(2_000 + n / 2)?);
    let start = |i: u64| {
        let engine = rig.engine.clone();
        async move { engine.start(format!("alarm-{i}"), alarm(at)).await.map(drop) }
    };
    stream::iter(0..n).map(start).buffer_unordered(256).try_collect::<Vec<()>>().await?;
    let calm = fresh(&rig, "calm", || Timestamp::now() < at, 300).await?;
    if WOKEN.load(Ordering::SeqCst) > 0 || calm.is_empty() {
        return Err(format!("{n} timers could not be set before they were due").into());
    }
    tokio::time::sleep(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default()).await;
    let (begun, mark) = (Instant::now(), rig.mark());
    let mut busy = fresh(&rig, "busy", || WOKEN.load(Ordering::SeqCst) < n, usize::MAX).await?;
    let drained = begun.elapsed().as_secs_f64();
    rig.emit_cost(&mark, 2 * n);
    rig.emit("drained_s", drained);
    rig.emit("timers_per_s", n as f64 / drained);
    let mut calm = calm;
    rig.emit("calm_p99_ms", quantile(&mut calm, 0.99));
    rig.emit("fresh_workflows", busy.len() as f64);
    rig.emit("fresh_p50_ms", quantile(&mut busy, 0.5));
    rig.emit("fresh_p99_ms", quantile(&mut busy, 0.99));
    rig.engine.shutdown().await;
    Ok(())
}

/// Runs workflows of one step, one at a time, at most so many; milliseconds of each.
async fn fresh(rig: &Rig, prefix: &str, go_on: impl Fn() -> bool, most: usize) -> Result<Vec<f64>, Failure> {
    let mut ms = vec![];
    while go_on() && ms.len() < most {
        let begun = Instant::now();
        rig.engine.start(format!("{prefix}-{}", ms.len()), steps(1)).await?.result().await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(ms)
}
