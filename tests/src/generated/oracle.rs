//! What operations give, which of those that are pending ends next, and the record of those that were asked for.

use super::values::{Dice, Failure, Given};
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use workflow_runtime::ActivityError;

/// More operations than that are not waited for: the program is cut off.
pub const MOST: usize = 120;

/// The panic of a plain function that is cut off.
pub const CUT: &str = "cut off after too many operations";

/// An operation that was asked for and has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The how manieth that was asked for.
    pub number: usize,
    /// Of a timer: when it is due, in seconds.
    pub due: Option<u64>,
}

/// What one run of one rendering asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    seed: u64,
    /// Seconds that have passed.
    pub now: u64,
    /// Every operation with its arguments, in order.
    pub trace: Vec<String>,
    /// What has not ended, in order.
    pub pending: Vec<Pending>,
    /// How many have ended.
    ended: u64,
    /// What has ended now, if nobody has heard of it yet.
    done: Option<usize>,
    /// Gives other answers from this operation on, to show that the comparison can fail.
    corrupt: Option<usize>,
}

impl Run {
    /// A run that has not begun.
    pub fn new(seed: u64, corrupt: Option<usize>) -> Self {
        Run { seed, corrupt, ..Run::default() }
    }

    /// Notes an operation; `None` if the run is cut off.
    pub fn note(&mut self, operation: String, due: Option<u64>) -> Option<usize> {
        self.trace.push(operation);
        let number = self.trace.len();
        self.pending.push(Pending { number, due });
        (number <= MOST).then_some(number)
    }

    /// Ends one of the pending operations. Of the timers only the first can end.
    pub fn end(&mut self) -> Option<Pending> {
        let first = self.pending.iter().filter_map(|p| Some((p.due?, p.number))).min();
        let can = |p: &&Pending| p.due.is_none_or(|due| first == Some((due, p.number)));
        let able: Vec<Pending> = self.pending.iter().filter(can).copied().collect();
        let mut dice = Dice::new(self.seed.wrapping_mul(999_983).wrapping_add(self.ended));
        let chosen = *able.get(dice.below(able.len().max(1) as u32) as usize)?;
        self.ended += 1;
        self.now = self.now.max(chosen.due.unwrap_or(0));
        self.detach(chosen.number);
        Some(chosen)
    }

    /// Nobody waits for an operation any more.
    pub fn detach(&mut self, number: usize) {
        self.pending.retain(|p| p.number != number);
    }

    /// The die for the answer to an operation.
    pub fn dice(&self, number: usize) -> Dice {
        let corrupt = self.corrupt.is_some_and(|at| number > at);
        Dice::new(self.seed.wrapping_mul(1_000_003).wrapping_add(number as u64 * 2 + u64::from(corrupt)))
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

/// What a plain function awaits: the number of an operation that has ended.
pub struct Asked<F> {
    operation: Option<F>,
    number: Option<usize>,
}

/// Asks for an operation when it is polled first, with its text and its due time.
pub fn ask<F: FnOnce(&Run) -> (String, Option<u64>)>(operation: F) -> Asked<F> {
    Asked { operation: Some(operation), number: None }
}

impl<F> Unpin for Asked<F> {}

impl<F: FnOnce(&Run) -> (String, Option<u64>)> Future for Asked<F> {
    type Output = Dice;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Dice> {
        if let Some(operation) = self.operation.take() {
            let number = with(|run| {
                let (text, due) = operation(run);
                run.note(text, due)
            });
            self.number = Some(number.unwrap_or_else(|| std::panic::panic_any(CUT)));
        }
        let dice = self.number.and_then(|n| with(|run| run.done.take_if(|d| *d == n).map(|n| run.dice(n))));
        let Some(dice) = dice else { return Poll::Pending };
        self.number = None;
        Poll::Ready(dice)
    }
}

impl<F> Drop for Asked<F> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            with(|run| run.detach(number));
        }
    }
}

/// Ends an operation of the plain function on this thread; false if it waits for none.
pub fn end() -> bool {
    with(|run| {
        run.done = run.end().map(|p| p.number);
        run.done.is_some()
    })
}
