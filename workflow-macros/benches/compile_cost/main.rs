//! What `#[workflow]` costs at compile time: 50 workflows of 20 suspension points against the same 50 plain async functions.
//!
//! `cargo bench -p workflow-macros --bench compile_cost` prints the CPU time, user and system, of cargo and all that it starts, and the
//! size of the stripped release program. The functions call the same operations with the same types: as activities, and as
//! plain async functions. Builds of the variants take turns, from scratch each time but for the dependencies; the median counts.
//! `COMPILE_COST_ROUNDS` says how many, by default 3. It takes minutes, and 2 GB in the target directory. CPU times are those of Linux.

mod project;
mod source;

use project::{FUNCTIONS, PACKAGES, POINTS};
use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{Command, Stdio},
};

const BUILDS: [(&str, &[&str]); 3] =
    [("cargo check", &["check"]), ("cargo build", &["build"]), ("cargo build --release", &["build", "--release"])];

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --all-targets` runs benchmarks too, to see that they work.
    if !env::args().any(|a| a == "--bench") {
        return Ok(());
    }
    let rounds = env::var("COMPILE_COST_ROUNDS").map_or(Ok(3), |n| n.parse())?;
    let dir = project::write()?;
    println!("{FUNCTIONS} functions of {POINTS} suspension points, median of {rounds} builds, seconds of CPU time");
    println!("{:<24}{:>9}{:>9}{:>11}{:>8}{:>14}", "", PACKAGES[0], PACKAGES[1], PACKAGES[2], "ratio", "without empty");
    for (name, args) in BUILDS {
        // What they depend on, and what cargo finds out once.
        cargo(&dir, args, "operations")?;
        PACKAGES.iter().try_for_each(|package| cargo(&dir, args, package))?;
        let mut times = [const { vec![] }; PACKAGES.len()];
        for round in 0..rounds {
            for i in 0..PACKAGES.len() {
                // No variant is always behind the same one.
                let i = (i + round) % PACKAGES.len();
                times[i].push(built(&dir, args, PACKAGES[i])?);
            }
        }
        line(name, times.map(median), 2);
    }
    let mut sizes = [0.0; PACKAGES.len()];
    for (size, package) in sizes.iter_mut().zip(PACKAGES) {
        *size = fs::metadata(dir.join("target/release").join(package))?.len() as f64 / 1_024.0;
    }
    line("stripped program, KiB", sizes, 0);
    Ok(())
}

/// Seconds of CPU time to build one package again.
fn built(dir: &Path, args: &[&str], package: &str) -> Result<f64, Box<dyn Error>> {
    let release = if args.contains(&"--release") { &["--release"][..] } else { &[] };
    cargo(dir, &[&["clean"], release].concat(), package)?;
    let before = cpu_time()?;
    cargo(dir, args, package)?;
    Ok(cpu_time()? - before)
}

fn cargo(dir: &Path, args: &[&str], package: &str) -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(dir).args(args).args(["--quiet", "--package", package]).stdin(Stdio::null());
    command.env("CARGO_TARGET_DIR", dir.join("target")).env_remove("RUSTFLAGS").env_remove("CARGO_INCREMENTAL");
    let done = command.status()?;
    if done.success() { Ok(()) } else { Err(format!("cargo {} of {package}: {done}", args.join(" ")).into()) }
}

/// Seconds of CPU time of all children, and of theirs, that have ended. `proc(5)`: `cutime` and `cstime`, in hundredths.
fn cpu_time() -> Result<f64, Box<dyn Error>> {
    let stat =
        fs::read_to_string("/proc/self/stat").map_err(|e| format!("CPU times are read from Linux's /proc: {e}"))?;
    let behind_name = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1;
    let mut fields = behind_name.split_whitespace().skip(13);
    let mut next = || -> Result<f64, Box<dyn Error>> { Ok(fields.next().ok_or("too short")?.parse::<f64>()? / 100.0) };
    Ok(next()? + next()?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One line: the three, workflows to plain, and the same of what the functions add to the empty program.
fn line(name: &str, [empty, plain, workflows]: [f64; PACKAGES.len()], digits: usize) {
    let (all, net) = (workflows / plain, (workflows - empty) / (plain - empty));
    println!("{name:<24}{empty:>9.digits$}{plain:>9.digits$}{workflows:>11.digits$}{all:>8.2}{net:>14.2}");
}
