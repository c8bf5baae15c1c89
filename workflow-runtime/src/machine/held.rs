//! Types that are known only once the whole machine is: of locals that nobody reads and that are alive over an `.await`, where
//! what they hold would end, and of the sides of an assignment, whose order depends on them.

use serde::Serialize;
use std::{any::type_name, marker::PhantomData};

/// Knows a type, like that of a local that is only held.
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

/// True if both types are primitive: then an assignment such as `+=` evaluates its value before its place.
///
/// See <https://doc.rust-lang.org/reference/expressions/operator-expr.html#compound-assignment-expressions>.
pub fn primitive<A, B>(_: &Held<A>, _: &Held<B>) -> bool {
    const NAMES: [&str; 16] = [
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32",
        "f64",
    ];
    [type_name::<A>(), type_name::<B>()].iter().all(|name| NAMES.contains(name))
}

/// Not implemented: values with which something ends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is held over an `.await`, where a workflow drops what nobody reads any more [WF014]",
    label = "this would be dropped at the `.await` on line {LINE}, not at the end of its scope",
    note = "what it holds belongs to this process, which may be gone when the workflow goes on: end its scope before the `.await`, or do what it protects in an activity"
)]
pub trait Inert<const LINE: u32> {}

impl<T: Serialize> Held<T> {
    /// A value that could be saved is data. Wins over the methods of the traits.
    pub fn harmless<const LINE: u32>(&self) {}
}

/// Nothing ends with a value that can be copied.
pub trait HeldCopy {
    /// Always right.
    fn harmless<const LINE: u32>(&self) {}
}

impl<T: Copy> HeldCopy for Held<T> {}

/// The general case, found last because it needs one more borrow.
pub trait HeldExt<T> {
    /// Refused by its bound.
    fn harmless<const LINE: u32>(&self)
    where
        T: Inert<LINE>;
}

impl<T> HeldExt<T> for &Held<T> {
    fn harmless<const LINE: u32>(&self)
    where
        T: Inert<LINE>,
    {
    }
}
