//! Borrows that are taken again behind each await, instead of being saved.

/// A value that a borrow is taken with again and again, such as an index.
pub fn again<T: Clone>(value: &T) -> T {
    value.clone()
}

/// What was good when it was looked at first, and is borrowed since.
pub trait Good {
    /// What it holds.
    type Value;
    /// What it holds, if it is still good.
    fn value(self) -> Option<Self::Value>;
}

impl<T> Good for Option<T> {
    type Value = T;
    fn value(self) -> Option<T> {
        self
    }
}

impl<T, E> Good for Result<T, E> {
    type Value = T;
    fn value(self) -> Option<T> {
        self.ok()
    }
}

/// What `?` gave before.
///
/// # Panics
///
/// If it would leave now, which a borrow rules out.
pub fn good<G: Good>(good: G) -> G::Value {
    good.value().unwrap_or_else(|| {
        panic!("what is borrowed has changed: it did not come back from its checkpoint as it was saved")
    })
}

/// A borrow, not a value: nothing changes it as long as it is used.
///
/// Of `Again`, so that rustc does not advise to borrow the value.
#[diagnostic::on_unimplemented(
    message = "`{T}` is a value, but it is written like a borrow that is taken again behind every `.await`, of something that may have changed by then",
    label = "this gives `{T}`, a value of its own",
    note = "bind the value itself, without `&`, and in a block, so that it is saved: `let value = {{ .. }};`"
)]
pub trait Lends<T> {}

/// What is taken again.
pub struct Again;

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lends<&T> for Again {}
#[diagnostic::do_not_recommend]
impl<T: ?Sized> Lends<&mut T> for Again {}
#[diagnostic::do_not_recommend]
impl<T> Lends<Option<T>> for Again where Again: Lends<T> {}
#[diagnostic::do_not_recommend]
impl<T, E> Lends<Result<T, E>> for Again where Again: Lends<T> {}
#[diagnostic::do_not_recommend]
impl<A, B> Lends<(A, B)> for Again where Again: Lends<A> + Lends<B> {}

/// Takes nothing but a borrow.
pub fn lent<T>(borrow: T) -> T
where
    Again: Lends<T>,
{
    borrow
}
