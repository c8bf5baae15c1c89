//! Lets the machine of a workflow be checked only if the check copy has no error.
//!
//! What the compiler finds in the check copy it would find in the machine once more, in other words. So the types that a
//! machine begins with go through a constant that cannot be evaluated if the check copy has an error: they are then erroneous
//! themselves, and whatever follows from them is not reported.

use super::{
    cx::{Cx, Token},
    operation::Durable,
    workflow::InlineWorkflow,
};
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

/// The arguments of the call, of their own types even where those of the machine are erroneous.
pub fn args<W: InlineWorkflow>(cx: &mut Cx<'_>) -> W::Args {
    cx.args::<W>()
}

/// A point that goes on: it gives the result of its operation.
pub struct Awaited<'t, D>(pub &'t Token<D>);

/// What a durable operation gives.
pub trait Gives {
    /// Its result.
    type Output;
    /// The result. See [`Cx::result`].
    fn result(self, cx: &mut Cx<'_>) -> Self::Output;
}

impl<D: Durable> Gives for Awaited<'_, D> {
    type Output = D::Output;
    fn result(self, cx: &mut Cx<'_>) -> D::Output {
        cx.result(self.0)
    }
}

/// What anything else gives, which the check copy has refused: as erroneous as the machine's context.
pub trait GivesNothing {
    /// As erroneous as `C`.
    fn result<C: Refused>(self, cx: &mut C) -> C::Output;
}

/// Not implemented.
pub trait Refused {
    /// No type.
    type Output;
}

impl<D> GivesNothing for &Awaited<'_, D> {
    fn result<C: Refused>(self, _: &mut C) -> C::Output {
        panic!("an operation that is not durable was awaited: this is a bug of the workflow compiler")
    }
}

/// Called where a program stood that the macro has found wrong, with the lint for this denied: rustc looks for what is unused
/// only in what has no error, so this is reported only if rustc accepts the program.
#[must_use = "this is a bug of the workflow compiler, not of your code; please report it: it found something wrong with \
              this function, and rustc did not"]
pub fn rejected() -> bool {
    true
}

/// Needs the layout of the future that a check copy returns, which it has only if it has no error.
pub const fn checked<A, F: Future>(_: fn(A) -> F) -> usize {
    size_of::<F>()
}
