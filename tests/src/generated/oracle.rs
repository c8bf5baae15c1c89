//! What operations give, and the record of those that were asked for.

use super::values::{Dice, Failure, Given};
use std::cell::RefCell;
use workflow_runtime::ActivityError;

/// More operations than that are not waited for: the program is cut off.
pub const MOST: usize = 120;

/// The panic of a plain function that is cut off.
pub const CUT: &str = "cut off after too many operations";

/// What one run of one rendering asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    seed: u64,
    /// Seconds that have passed.
    pub now: u64,
    /// Every operation with its arguments, in order.
    pub trace: Vec<String>,
    /// Gives other answers from this operation on, to show that the comparison can fail.
    corrupt: Option<usize>,
}

impl Run {
    /// A run that has not begun.
    pub fn new(seed: u64, corrupt: Option<usize>) -> Self {
        Run { seed, corrupt, ..Run::default() }
    }

    /// Notes an operation and says whether the run goes on.
    pub fn note(&mut self, operation: String) -> bool {
        self.trace.push(operation);
        self.trace.len() <= MOST
    }

    /// The die for the answer to the operation that was noted last.
    pub fn dice(&self) -> Dice {
        let n = self.trace.len() as u64;
        let corrupt = self.corrupt.is_some_and(|at| self.trace.len() > at);
        Dice::new(self.seed.wrapping_mul(1_000_003).wrapping_add(n * 2 + u64::from(corrupt)))
    }
}

/// How an operation ends.
pub fn answer<T: Given, E: Failure>(dice: &mut Dice) -> Result<T, ActivityError<E>> {
    match dice.below(40) {
        0 => return Err(ActivityError::TimedOut),
        1..4 => {
            if let Some(e) = E::failure(dice) {
                return Err(ActivityError::Failed(e));
            }
        }
        _ => {}
    }
    Ok(T::given(dice))
}

thread_local!(static RUN: RefCell<Run> = RefCell::default());

/// Works with the run of the plain function on this thread.
pub fn with<R>(f: impl FnOnce(&mut Run) -> R) -> R {
    RUN.with(|run| f(&mut run.borrow_mut()))
}

/// What a plain function gets for an operation.
///
/// # Panics
///
/// If it has asked for too many.
pub fn ask<T>(operation: String, answer: impl FnOnce(&mut Dice) -> T) -> T {
    let dice = with(|run| run.note(operation).then(|| run.dice()));
    match dice {
        Some(mut dice) => answer(&mut dice),
        None => std::panic::panic_any(CUT),
    }
}
