//! Instructions of the processor per step: a figure that does not depend on the mood of the machine.

use crate::Failure;
use std::process::{Command, ExitStatus};

/// Instructions per step that the engine may take, about a fifth more than it takes; client, activity and a store in memory
/// included. Counted in a release build for x86-64; other processors have others.
const MOST: u64 = 90_000;

/// Steps of a workflow.
const LENGTH: u64 = 10;

/// Counts under valgrind, and fails if there are too many.
pub(crate) fn check() -> Result<(), Failure> {
    if !cfg!(target_arch = "x86_64") || !installed() {
        eprintln!("NOT CHECKED: instructions per step need valgrind on x86-64, and it is not here.");
        return Ok(());
    }
    let (few, many) = (50, 150);
    let per_step = (count(many)?.saturating_sub(count(few)?)) / ((many - few) * LENGTH);
    println!("{per_step} instructions per step; {MOST} are allowed");
    match per_step <= MOST {
        true => Ok(()),
        false => Err(format!("a step takes {per_step} instructions, more than {MOST}").into()),
    }
}

fn installed() -> bool {
    let asked = Command::new("valgrind").arg("--version").output();
    asked.is_ok_and(|o| ExitStatus::success(&o.status))
}

/// The instructions of a process in which so many workflows run.
fn count(workflows: u64) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command.arg(std::env::current_exe()?).args(["child", "--dir", ".", "counted"]);
    let out = command.args([workflows, LENGTH].map(|n| n.to_string())).output()?;
    let told = String::from_utf8_lossy(&out.stderr);
    let line = told.lines().find_map(|l| l.split_once("I   refs:").or_else(|| l.split_once("I refs:")));
    let digits: String = line.map(|(_, n)| n.chars().filter(char::is_ascii_digit).collect()).unwrap_or_default();
    digits.parse().map_err(|_| format!("valgrind says no number of instructions: {told}").into())
}
