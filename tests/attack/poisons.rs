//! Workflows that no engine can run to their end, and what would be their build before.

use crate::workload::{Failed, effect};
use std::sync::atomic::{AtomicBool, Ordering};
use workflow_runtime::{prelude::*, workflow};

/// What the engine serves besides the workload.
pub(crate) const POISONS: [&str; 3] = ["panicking", "deadly", "endless"];

pub(crate) const GO: Signal<()> = Signal::new("go");

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

/// Its second step ends the process, unless the build is one that does not.
#[workflow]
pub(crate) async fn deadly(name: String, how: String) -> Result<u64, Failed> {
    effect(format!("{name}/before")).await?;
    die(&how);
    Ok(effect(format!("{name}/after")).await?)
}

/// Set in a build whose steps end.
pub(crate) static MENDED: AtomicBool = AtomicBool::new(false);

fn spin() {
    while !MENDED.load(Ordering::Relaxed) {
        std::hint::spin_loop();
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
