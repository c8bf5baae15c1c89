//! Our figures beside those of other engines.

use super::{Figure, Peers, value};
use crate::Failure;

struct Row {
    workload: &'static str,
    metric: &'static str,
    what: &'static str,
    /// More is better.
    more: bool,
}

const fn row(workload: &'static str, metric: &'static str, what: &'static str, more: bool) -> Row {
    Row { workload, metric, what, more }
}

const ROWS: [Row; 9] = [
    row("w1", "p50_ms", "one at a time, p50, ms", false),
    row("w2", "steps_per_s", "64 in flight, steps/s", true),
    row("w2", "cpu_ms_per_step", "64 in flight, CPU ms per step", false),
    row("w5", "activities_per_s", "fan-out of 1,000, activities/s", true),
    row("w5", "cpu_ms_per_step", "fan-out of 1,000, CPU ms per activity", false),
    row("w3-1000", "recover_ms", "killed after 1,000 steps, ms to go on", false),
    row("w3-10000", "recover_ms", "killed after 10,000 steps, ms to go on", false),
    row("w4-10000", "recover_ms", "10,000 waiting, ms until one is woken", false),
    row("w4-100000", "recover_ms", "100,000 waiting, ms until one is woken", false),
];

/// Prints, for all that was measured here and elsewhere, how many times better this engine did.
pub(crate) fn print(figures: &[Figure]) -> Result<(), Failure> {
    let peers = Peers::measured()?;
    eprintln!("\ntimes better than others ({})", peers.origin);
    let names: String = peers.peers.iter().map(|p| format!("{:>24}", p.name)).collect();
    eprintln!("{:40}{:>12}{names}", "", "ours");
    for row in ROWS {
        let Some(ours) = value(figures, row.workload, row.metric) else { continue };
        let cell = |theirs: Option<f64>| match theirs {
            Some(theirs) => format!("{:>15.1}x {:>7.7}", ratio(&row, ours, theirs), short(theirs)),
            None => format!("{:>24}", "-"),
        };
        let cells: String = peers.peers.iter().map(|p| cell(value(&p.figures, row.workload, row.metric))).collect();
        eprintln!("{:40}{:>12}{cells}", row.what, short(ours));
    }
    for workload in ["w1", "w2", "w2-1024"] {
        if let Some(part) = value(figures, workload, "part_of_disk_limit") {
            eprintln!("{workload}: {:.0}% of what the disk gives to appends of the same bytes", part * 100.0);
        }
    }
    Ok(())
}

fn ratio(row: &Row, ours: f64, theirs: f64) -> f64 {
    if row.more { ours / theirs } else { theirs / ours }
}

fn short(value: f64) -> String {
    match value {
        v if v >= 1000.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.3}"),
    }
}
