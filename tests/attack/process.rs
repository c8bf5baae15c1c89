//! Child processes, seeds, and how much to do.

use std::{
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

/// Whether the long form was asked for.
pub(crate) fn long() -> bool {
    std::env::var("ATTACK").is_ok_and(|v| v == "long")
}

/// How many rounds: of the short form, and of the long one.
pub(crate) fn rounds(short: u64, long_form: u64) -> u64 {
    if long() { long_form } else { short }
}

pub(crate) use crate::random::Random;

impl Random {
    /// The seed of `ATTACK_SEED`, or another one each time; printed, so that a failure can be run again.
    pub(crate) fn seeded(what: &str) -> Self {
        let now =
            || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        let seed = std::env::var("ATTACK_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(now);
        println!("{what}: ATTACK_SEED={seed}");
        Random::new(seed)
    }
}

const WORKER: &str = env!("CARGO_BIN_EXE_attack-worker");

fn command(program: &str, args: &[&str]) -> Command {
    // A bound of memory, so that a step that allocates without end does not take the machine down.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 2000000; ulimit -c 0; exec \"$0\" \"$@\"", program]);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn spawn(args: &[&str]) -> Child {
    command(WORKER, args).spawn().expect("the worker starts")
}

/// Runs a worker to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    command(WORKER, args).output().expect("the worker starts")
}

/// Runs a process whose files fail to its end.
pub(crate) fn run_on_failing_files(args: &[&str]) -> Output {
    command(env!("CARGO_BIN_EXE_attack-disk"), args).output().expect("it starts")
}

/// The process ended by a signal: it was killed, or has killed itself.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.code().is_none()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// What a worker that did not end as it should has said.
pub(crate) fn told(out: &Output) -> String {
    format!("{}\n{}\n{}", out.status, String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
