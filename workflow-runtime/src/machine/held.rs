//! Locals that nobody reads and that are alive over an `.await`: what they hold would end at the `.await`.

use serde::Serialize;
use std::marker::PhantomData;

/// Knows the type of a local that is only held.
pub struct Held<T>(PhantomData<fn() -> T>);

impl<T> Held<T> {
    /// Of a type that is still to be inferred.
    #[expect(clippy::new_without_default, reason = "for generated code only")]
    pub fn new() -> Self {
        Held(PhantomData)
    }

    /// Its type is that of this local.
    pub fn note(&self, _: &T) {}
}

/// Not implemented: values with which something ends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is held over an `.await`, where a workflow drops what nobody reads any more",
    label = "this would be dropped at the `.await`, not at the end of its scope",
    note = "what it holds belongs to this process, which may be gone when the workflow goes on: end its scope before the `.await`, or do what it protects in an activity"
)]
pub trait Inert {}

impl<T: Serialize> Held<T> {
    /// A value that could be saved is data. Wins over the methods of the traits.
    pub fn harmless(&self) {}
}

/// Nothing ends with a value that can be copied.
pub trait HeldCopy {
    /// Always right.
    fn harmless(&self) {}
}

impl<T: Copy> HeldCopy for Held<T> {}

/// The general case, found last because it needs one more borrow.
pub trait HeldExt<T> {
    /// Refused by its bound.
    fn harmless(&self)
    where
        T: Inert;
}

impl<T> HeldExt<T> for &Held<T> {
    fn harmless(&self)
    where
        T: Inert,
    {
    }
}
