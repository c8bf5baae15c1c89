//! What runs. The same as in the harness of the other engines: see `peers.json`.

use serde::{Deserialize, Serialize};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use workflow_runtime::prelude::*;

/// What each step carries: about 100 bytes as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Msg {
    i: u64,
    of: u64,
    note: String,
}

impl Msg {
    fn new(i: u64, of: u64) -> Self {
        Msg { i, of, note: "the quick brown fox jumps over the lazy dog; pack my box ....".into() }
    }
}

pub(crate) const GO: Signal<u32> = Signal::new("go");

#[activity]
pub(crate) async fn noop(i: u64, of: u64) -> Msg {
    Msg::new(i, of)
}

/// `n` steps, one after the other.
#[workflow]
pub(crate) async fn steps(n: u64) -> Result<u64, WorkflowError> {
    for i in 0..n {
        noop(i, n).await?;
    }
    Ok(n)
}

/// `n` steps at once.
#[workflow]
pub(crate) async fn fan(n: u64) -> Result<u64, WorkflowError> {
    let done = try_join_all((0..n).map(|i| noop(i, n))).await?;
    Ok(done.len() as u64)
}

/// When each hundredth of the steps of a long workflow was taken.
pub(crate) static PROGRESS: std::sync::Mutex<Vec<(u64, Instant)>> = std::sync::Mutex::new(vec![]);

#[activity]
async fn long_step(i: u64, of: u64) -> Msg {
    if i.is_multiple_of((of / 100).max(1)) || i + 1 == of {
        PROGRESS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((i, Instant::now()));
    }
    Msg::new(i, of)
}

/// What has happened in this process, counted by activities.
pub(crate) static WOKEN: AtomicU64 = AtomicU64::new(0);

#[activity]
async fn woken() {
    WOKEN.fetch_add(1, Ordering::SeqCst);
}

/// `n` steps, then a wait for the signal, and one more step.
#[workflow]
pub(crate) async fn long(n: u64) -> Result<u64, WorkflowError> {
    for i in 0..n {
        long_step(i, n).await?;
    }
    GO.recv().await?;
    woken().await?;
    Ok(n)
}

/// Waits for the signal.
#[workflow]
pub(crate) async fn sleeper(n: u64) -> Result<u64, WorkflowError> {
    GO.recv().await?;
    woken().await?;
    Ok(n)
}

/// Waits for a moment.
#[workflow]
pub(crate) async fn alarm(at: jiff::Timestamp) -> Result<(), WorkflowError> {
    sleep_until(at).await?;
    woken().await?;
    Ok(())
}

#[activity]
async fn blob(bytes: u64) -> String {
    "x".repeat(usize::try_from(bytes).unwrap_or(0))
}

/// `n` steps with a large local that stays as it is, and a small one that changes.
#[workflow]
pub(crate) async fn large_kept(n: u64, bytes: u64) -> Result<u64, WorkflowError> {
    let large = blob(bytes).await?;
    let mut small = vec![0u64; 8];
    for i in 0..n {
        small[usize::try_from(i % 8).unwrap_or(0)] = i;
        noop(i, n).await?;
    }
    Ok(large.len() as u64 + small.iter().sum::<u64>())
}

/// `n` steps with a large local of which a little changes at every step.
#[workflow]
pub(crate) async fn large_changed(n: u64, bytes: u64) -> Result<u64, WorkflowError> {
    let mut large = blob(bytes).await?;
    for i in 0..n {
        large.push('y');
        noop(i, n).await?;
    }
    Ok(large.len() as u64)
}
