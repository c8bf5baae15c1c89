//! Which workloads run, in what sizes, and what is told about them.

use crate::{
    Failure, measure,
    process::Process,
    report::{self, Figure},
};
use std::path::{Path, PathBuf};

pub(crate) struct Plan {
    pub(crate) workloads: Vec<String>,
    pub(crate) million: bool,
    pub(crate) quick: bool,
    pub(crate) dir: PathBuf,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|w| w == name)
    }

    /// `full`, or less of it if it is only to be seen that everything works.
    fn of(&self, full: u64) -> u64 {
        if self.quick { (full / 100).max(10) } else { full }
    }
}

const KNOWN: [&str; 9] = ["engine", "w1", "w2", "w2-1024", "w3", "w4", "w5", "timers", "large"];

pub(crate) fn main(plan: &Plan) -> Result<(), Failure> {
    if let Some(unknown) = plan.workloads.iter().find(|w| !KNOWN.contains(&w.as_str())) {
        return Err(format!("there is no workload {unknown:?}; there are {}", KNOWN.join(", ")).into());
    }
    let mut figures = vec![];
    for name in KNOWN.into_iter().filter(|name| plan.wants(name)) {
        eprintln!("{name} ..");
        run(plan, name, &mut figures)?;
    }
    empty(&plan.dir)?;
    report::table::print(&figures)
}

fn run(plan: &Plan, name: &str, figures: &mut Vec<Figure>) -> Result<(), Failure> {
    let sizes = |small: &[u64]| {
        let all = small.iter().map(|n| plan.of(*n)).chain(plan.million.then_some(1_000_000));
        all.collect::<Vec<_>>()
    };
    match name {
        "w1" => whole(plan, "w1", &[plan.of(3_000)], figures),
        "w2" => whole(plan, "w2", &[plan.of(10_000), 64, 10], figures),
        "w2-1024" => whole(plan, "w2", &[plan.of(20_000), 1_024, 10], figures),
        "engine" => whole(plan, "engine", &[plan.of(10_000), 64, 10], figures),
        "w5" => whole(plan, "w5", &[1_000], figures),
        "timers" => whole(plan, "timers", &[plan.of(100_000)], figures),
        "large" => whole(plan, "large", &[plan.of(300), 1_000_000], figures),
        "w3" => sizes(&[100, 10_000]).into_iter().try_for_each(|n| killed(plan, "w3", n, figures)),
        "w4" => sizes(&[10_000, 100_000]).into_iter().try_for_each(|n| killed(plan, "w4", n, figures)),
        _ => Ok(()),
    }
}

fn empty(dir: &Path) -> Result<(), Failure> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    Ok(())
}

fn whole(plan: &Plan, name: &str, numbers: &[u64], figures: &mut Vec<Figure>) -> Result<(), Failure> {
    empty(&plan.dir)?;
    Process::start(&plan.dir, name, numbers)?.finish(figures)
}

/// A workload whose process is killed while everything waits, and that another process goes on with.
fn killed(plan: &Plan, name: &str, n: u64, figures: &mut Vec<Figure>) -> Result<(), Failure> {
    empty(&plan.dir)?;
    let workload = format!("{name}-{n}");
    let mut fill = Process::start(&plan.dir, &format!("{name}-fill"), &[n])?;
    fill.until("filled", figures)?;
    let mut tell = |metric: &str, value: f64| {
        let figure = Figure::new(&workload, metric, value);
        figure.print();
        figures.push(figure);
    };
    tell("memory_mb_filled", measure::memory_bytes(fill.id()) as f64 / 1e6);
    tell("disk_mb", measure::disk_bytes(&plan.dir) as f64 / 1e6);
    fill.kill()?;
    if name == "w4" {
        database_alone(plan, n, figures)?;
    }
    let mut wake = Process::start(&plan.dir, &format!("{name}-wake"), &[n])?;
    wake.until("woken", figures)?;
    let woken = Figure::new(&workload, "recover_ms", wake.begun.elapsed().as_secs_f64() * 1e3);
    wake.until("answered", figures)?;
    let answered = Figure::new(&workload, "recover_answered_ms", wake.begun.elapsed().as_secs_f64() * 1e3);
    for figure in [woken, answered] {
        figure.print();
        figures.push(figure);
    }
    wake.finish(figures)?;
    if let Some((whole, sled)) =
        report::value(figures, &workload, "open_to_step_ms").zip(report::value(figures, &workload, "open_ms_sled"))
    {
        let beyond = Figure::new(&workload, "open_to_step_beyond_sled_ms", whole - sled);
        beyond.print();
        figures.push(beyond);
    }
    Ok(())
}

/// Opens a copy of what sled has of a store, in a process of its own: sled writes as it opens.
fn database_alone(plan: &Plan, n: u64, figures: &mut Vec<Figure>) -> Result<(), Failure> {
    let copy = plan.dir.join("sled");
    std::fs::create_dir_all(copy.join("blobs"))?;
    for entry in std::fs::read_dir(plan.dir.join("store"))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "db" || name == "conf" || name.to_string_lossy().starts_with("snap.") {
            let copied = copy.join(name);
            std::fs::copy(entry.path(), &copied)?;
            // What sled syncs as it opens is its own then.
            std::fs::File::open(copied)?.sync_all()?;
        }
    }
    Process::start(&copy, "w4-sled", &[n])?.finish(figures)?;
    Ok(std::fs::remove_dir_all(copy)?)
}
