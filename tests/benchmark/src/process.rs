//! The processes of workloads, as whoever starts them sees them.

use crate::{Failure, report::Figure};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

/// A workload in a process of its own. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) begun: Instant,
}

impl Process {
    pub(crate) fn start(dir: &Path, workload: &str, numbers: &[u64]) -> Result<Self, Failure> {
        let begun = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("child").arg("--dir").arg(dir).arg(workload).args(numbers.iter().map(u64::to_string));
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("a child without output")?;
        Ok(Process { child, lines: BufReader::new(out).lines(), begun })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes what the process tells until it tells this event, or ends.
    ///
    /// # Errors
    ///
    /// It has ended without it.
    pub(crate) fn until(&mut self, event: &str, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        for line in self.lines.by_ref() {
            let told: Value = serde_json::from_str(&line?)?;
            if told.get("event").and_then(Value::as_str) == Some(event) {
                return Ok(());
            }
            if let Ok(figure) = serde_json::from_value::<Figure>(told) {
                figure.print();
                figures.push(figure);
            }
        }
        Err(format!("the workload has ended before it was {event}").into())
    }

    /// Takes what the process tells until it ends.
    pub(crate) fn finish(mut self, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        // No process tells this.
        let _ = self.until("the end", figures);
        match self.child.wait()?.success() {
            true => Ok(()),
            false => Err("the workload has failed".into()),
        }
    }

    /// SIGKILL, where the system has it.
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended in most cases.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
