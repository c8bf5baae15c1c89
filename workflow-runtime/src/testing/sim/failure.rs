//! What a simulation reports.

use std::{fmt, time::Duration};

/// A seed under which something happened that must never happen.
///
/// Shown, it says which invariant does not hold, for which instance, what happened last, and how to run the seed again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The decision of the simulation at which it was seen.
    pub step: u64,
    /// What does not hold.
    pub invariant: String,
    /// The instance, if it is about one.
    pub instance: String,
    /// How it does not hold.
    pub message: String,
    /// The last events.
    pub tail: Vec<String>,
    /// The smaller setting in which it still happens.
    pub smaller: Smaller,
}

/// A setting in which a failure still happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Smaller {
    /// How large random sizes are, in percent.
    pub scale: Option<u64>,
    /// The instances that it needs.
    pub only: Option<Vec<String>>,
    /// The kinds of faults that it does not need.
    pub without: Vec<String>,
}

impl Smaller {
    fn environment(&self) -> String {
        let scale = self.scale.map(|s| format!(" SIM_SCALE={s}"));
        let only = self.only.as_ref().map(|ids| format!(" SIM_ONLY={}", ids.join(",")));
        let without = (!self.without.is_empty()).then(|| format!(" SIM_WITHOUT={}", self.without.join(",")));
        [scale, only, without].into_iter().flatten().collect()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, step, invariant, instance, message, tail, smaller } = self;
        writeln!(f, "seed {seed} breaks an invariant at step {step}: {invariant}")?;
        if !instance.is_empty() {
            writeln!(f, "instance {instance}: {message}")?;
        } else {
            writeln!(f, "{message}")?;
        }
        writeln!(f, "\nthe last {} events:", tail.len())?;
        for line in tail {
            writeln!(f, "{line}")?;
        }
        write!(
            f,
            "\nrun exactly this again with SIM_SEED={seed}{}; SIM_TRACE=1 prints all events",
            smaller.environment()
        )
    }
}

impl std::error::Error for Failure {}

/// What a simulation without a failure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Runs.
    pub seeds: u64,
    /// Decisions of the simulation: what happens next.
    pub steps: u64,
    /// Durable commits, after each of which the invariants were checked.
    pub commits: u64,
    /// Processes that were started.
    pub processes: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { seeds, steps, commits, processes, elapsed } = self;
        let rate = *seeds as f64 / elapsed.as_secs_f64().max(0.001);
        write!(
            f,
            "{seeds} seeds: {steps} steps, {commits} commits checked, {processes} processes, {:.1} s, {rate:.0} seeds per second",
            elapsed.as_secs_f64()
        )
    }
}
