//! Lets the machine of a workflow be checked only if the check copy has no error.
//!
//! What the compiler finds in the check copy it would find in the machine once more, in other words. So the types that a
//! machine begins with go through a constant that cannot be evaluated if the check copy has an error: they are then erroneous
//! themselves, and whatever follows from them is not reported.

use std::future::Future;

/// Named with the constant that [`checked`] gives.
pub struct Checked<const N: usize>;

/// What a type is in the machine.
pub trait Checks {
    /// The type itself.
    type Is<T>;
}

impl<const N: usize> Checks for Checked<N> {
    type Is<T> = T;
}

/// Not implemented: a program that the macro has found wrong is accepted by rustc.
#[diagnostic::on_unimplemented(
    message = "this is a bug of the workflow compiler, not of your code; please report it",
    label = "the compiler found something wrong with this function, and rustc did not"
)]
pub trait Rejected {}

/// Refused by its bound, unless something else is.
pub fn rejected<T: Rejected>() {}

/// Needs the layout of the future that a check copy returns, which it has only if it has no error.
pub const fn checked<A, F: Future>(_: fn(A) -> F) -> usize {
    size_of::<F>()
}
