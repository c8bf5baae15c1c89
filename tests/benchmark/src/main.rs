//! The engine under the workloads that other engines were measured with, beside the limit of the disk.
//!
//! `cargo run --release -p workflow-benchmark` runs everything and prints one JSON object per line, and at the end a
//! table of ratios. `--million` adds the largest sizes; names run some of it; `chart` draws what was measured.
//! The feature `mimalloc` takes another allocator than that of the system. Each workload runs in a process of its own, which is killed where the workload says so.

mod child;
mod instructions;
mod measure;
mod process;
mod report;
mod run;
mod workflows;
mod workloads;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What goes wrong is told and ends the run.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about, long_about = None)]
struct Args {
    /// Workloads to run: engine, w1, w2, w2-1024, w3, w4, w5, timers, large. None: all of them.
    workloads: Vec<String>,
    /// Also a history and a crowd of a million.
    #[arg(long)]
    million: bool,
    /// Small sizes, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Where data goes, on the disk that is to be measured. It is emptied.
    #[arg(long, default_value = "target/benchmark")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Draws the curves of recovery and of the cost of a step, from JSON lines that a run has printed.
    Chart {
        /// The JSON lines.
        measured: PathBuf,
        /// Where the picture goes.
        #[arg(default_value = "docs/recovery.svg")]
        picture: PathBuf,
    },
    /// Counts the instructions of a step under valgrind; fails if there are more than its source allows.
    Instructions,
    /// One workload, in this process.
    #[command(hide = true)]
    Child {
        #[arg(long)]
        dir: PathBuf,
        workload: String,
        numbers: Vec<u64>,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Some(Command::Child { dir, workload, numbers }) => child::main(&dir, &workload, &numbers),
        Some(Command::Chart { measured, picture }) => report::chart::draw(&measured, &picture),
        Some(Command::Instructions) => instructions::check(),
        None => {
            run::main(&run::Plan { workloads: args.workloads, million: args.million, quick: args.quick, dir: args.dir })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
