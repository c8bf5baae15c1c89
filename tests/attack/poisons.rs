//! Workflows that no engine can run to their end, and what would be their build before.

use crate::workload::{Failed, Ledger, effect};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;
use workflow_runtime::{activity, prelude::*, workflow};

/// What the engine serves besides the workload.
pub(crate) const POISONS: [&str; 7] =
    ["panicking", "deadly", "deadly_effect", "endless", "grudging", "held", "held_effect"];

pub(crate) const GO: Signal<()> = Signal::new("go");

/// What activities wait for.
pub(crate) static GATE: Semaphore = Semaphore::const_new(0);

#[activity]
async fn held_effect(ledger: State<Ledger>, key: String) -> Result<u64, String> {
    ledger.0.add(&format!("{key} begun")).map_err(|e| e.to_string())?;
    let _open = GATE.acquire().await.map_err(|e| e.to_string())?;
    Ok(key.len() as u64)
}

/// Healthy, with an activity that runs while others are replaced.
#[workflow]
pub(crate) async fn held(name: String) -> Result<u64, Failed> {
    Ok(held_effect(format!("{name}/held")).await?)
}

/// A value that cannot even be dropped.
#[derive(Serialize, Deserialize)]
pub(crate) struct Grudge(String);

impl Drop for Grudge {
    fn drop(&mut self) {
        if !std::thread::panicking() && !MENDED.load(Ordering::Relaxed) {
            panic!("{} is not let go", self.0);
        }
    }
}

/// Keeps such a value while it waits.
#[workflow]
pub(crate) async fn grudging(name: String) -> Result<u64, Failed> {
    let grudge = Grudge(name);
    GO.recv().await?;
    Ok(grudge.0.len() as u64)
}

/// Its second step panics.
#[workflow]
pub(crate) async fn panicking(name: String) -> Result<u64, Failed> {
    let length = effect(format!("{name}/before")).await?;
    assert!(length == 0, "this step panics");
    effect(format!("{name}/after")).await?;
    Ok(length)
}

/// How a step ends its process.
fn die(how: &str) {
    match how {
        _ if MENDED.load(Ordering::Relaxed) => {}
        "overflow" => drop(std::hint::black_box(deep(1 << 40, [1; 64]))),
        "allocation" => {
            let mut all: Vec<Vec<u8>> = vec![];
            loop {
                all.push(vec![1; 64 << 20]);
                std::hint::black_box(&all);
            }
        }
        _ => std::process::abort(),
    }
}

fn deep(n: u64, of: [u64; 64]) -> [u64; 64] {
    let mut next = std::hint::black_box(of);
    if n > 0 {
        next[n as usize % 64] += 1;
        next = deep(n - 1, next);
        next[0] += 1;
    }
    std::hint::black_box(next)
}

/// Ends the process with each attempt.
#[activity(retry(attempts = 2, initial = "1ms", max = "5ms"))]
async fn deadly_effect(how: String) -> Result<(), String> {
    die(&how);
    Ok(())
}

/// Its second step ends the process, or an activity of it, unless the build is one that does not.
#[workflow]
pub(crate) async fn deadly(name: String, how: String) -> Result<u64, Failed> {
    effect(format!("{name}/before")).await?;
    match how.as_str() {
        "activity" => deadly_effect(how).await?,
        how => die(how),
    }
    Ok(effect(format!("{name}/after")).await?)
}

/// Set in a build whose steps end.
pub(crate) static MENDED: AtomicBool = AtomicBool::new(false);

fn spin() {
    while !MENDED.load(Ordering::Relaxed) {
        // It blocks its thread and not the machine that runs the tests.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Its step after `GO` does not end, unless the build is one whose does. With no patience, nor does its first.
#[workflow]
pub(crate) async fn endless(name: String, patient: bool) -> Result<u64, Failed> {
    if patient {
        GO.recv().await?;
    }
    spin();
    Ok(effect(format!("{name}/after")).await?)
}
