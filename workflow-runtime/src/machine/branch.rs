//! Blocks of a branch that `?` or `return` may leave: each runs as a closure, and what leaves it is the branch's output.

use super::{cx::Go, slot::Slot};

/// Runs a block of a branch that `?` on a `Result` leaves.
pub fn run_result<T, E, U>(output: &mut Slot<Result<T, E>>, block: impl FnOnce() -> Result<Go<T>, E>) -> Go<U> {
    match block() {
        Ok(go) => ended(go, |value| output.put(Ok(value))),
        Err(e) => {
            output.put(Err(e));
            Go::End
        }
    }
}

/// Runs a block of a branch that `?` on an `Option` leaves.
pub fn run_option<T, U>(output: &mut Slot<Option<T>>, block: impl FnOnce() -> Option<Go<T>>) -> Go<U> {
    match block() {
        Some(go) => ended(go, |value| output.put(Some(value))),
        None => {
            output.put(None);
            Go::End
        }
    }
}

/// Runs a block of a branch that only `return` leaves.
pub fn run<T, U>(output: &mut Slot<T>, block: impl FnOnce() -> Go<T>) -> Go<U> {
    ended(block(), |value| output.put(value))
}

fn ended<T, U>(go: Go<T>, put: impl FnOnce(T)) -> Go<U> {
    match go {
        Go::To(block) => Go::To(block),
        Go::Wait(point) => Go::Wait(point),
        Go::End => Go::End,
        Go::Rest => Go::Rest,
        Go::Continue(input) => Go::Continue(input),
        Go::Idle => Go::Idle,
        Go::Done(value) => {
            put(value);
            Go::End
        }
    }
}

/// The end of a branch that `?` on a `Result` leaves.
///
/// # Errors
///
/// The error that the branch ended in.
pub fn done_result<T, E>(value: Result<T, E>) -> Result<Go<T>, E> {
    value.map(Go::Done)
}

/// The end of a branch that `?` on an `Option` leaves.
pub fn done_option<T>(value: Option<T>) -> Option<Go<T>> {
    value.map(Go::Done)
}

/// The end of a branch that only `return` leaves.
pub fn done<T>(value: T) -> Go<T> {
    Go::Done(value)
}
