//! Iterators of the standard library that call nothing of the user's, and which of them end.

use super::owned::{Items, OwnedIter};
use std::{
    collections::{binary_heap, btree_map, btree_set, linked_list, vec_deque},
    iter, option, result, slice, str, string, vec,
};

/// It ends.
#[derive(Debug)]
pub struct Ends;
/// It does not end, or may not.
#[derive(Debug)]
pub struct Endless;

/// What ends first of two.
pub trait Shorter {
    /// [`Ends`] if one of the two does.
    type Size;
}
impl Shorter for (Ends, Ends) {
    type Size = Ends;
}
impl Shorter for (Ends, Endless) {
    type Size = Ends;
}
impl Shorter for (Endless, Ends) {
    type Size = Ends;
}
impl Shorter for (Endless, Endless) {
    type Size = Endless;
}

/// An iterator that is known not to call anything of the user's.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through `{Self}`",
    label = "its position cannot be saved in a checkpoint",
    note = "collect it into a `Vec` first, and go through that"
)]
pub trait Known {
    /// [`Ends`] or [`Endless`].
    type Size;
}

/// It gives all of its items at the beginning of the loop.
macro_rules! collected {
    ($([$($g:tt)*] $t:ty),* $(,)?) => { $(
        impl<$($g)*> OwnedIter for $t
        where
            Self: Iterator + Known<Size = Ends>,
        {
            type Rest = Items<<Self as Iterator>::Item>;
            fn rest(self) -> Self::Rest {
                Items::new(self)
            }
        }
    )* };
}

macro_rules! finite {
    ($([$($g:tt)*] $t:ty),* $(,)?) => {
        $( impl<$($g)*> Known for $t {
            type Size = Ends;
        } )*
        collected!($([$($g)*] $t),*);
    };
}
finite! {
    [T] vec::IntoIter<T>,
    ['a, T] vec::Drain<'a, T>,
    [T] vec_deque::IntoIter<T>,
    ['a, T] vec_deque::Drain<'a, T>,
    [T] binary_heap::IntoIter<T>,
    ['a, T] binary_heap::Drain<'a, T>,
    [T] linked_list::IntoIter<T>,
    [T] btree_set::IntoIter<T>,
    [K, V] btree_map::IntoIter<K, V>,
    [K, V] btree_map::IntoKeys<K, V>,
    [K, V] btree_map::IntoValues<K, V>,
    [T] option::IntoIter<T>,
    [T] result::IntoIter<T>,
    [T, const N: usize] std::array::IntoIter<T, N>,
    ['a] string::Drain<'a>,
    [T] iter::Once<T>,
    [T] iter::Empty<T>,
    [T: Clone] iter::RepeatN<T>,
    ['a] str::Chars<'a>,
    ['a] str::CharIndices<'a>,
    ['a] str::Bytes<'a>,
}

macro_rules! finite_borrows {
    ($([$($g:tt)*] $t:ty),* $(,)?) => { $(
        impl<$($g)*> Known for $t {
            type Size = Ends;
        }
    )* };
}
// What they lend cannot be saved, but what is copied out of it can.
finite_borrows! {
    ['a, T] slice::Iter<'a, T>,
    ['a, T] vec_deque::Iter<'a, T>,
    ['a, T] linked_list::Iter<'a, T>,
    ['a, T] btree_set::Iter<'a, T>,
    ['a, K, V] btree_map::Keys<'a, K, V>,
    ['a, K, V] btree_map::Values<'a, K, V>,
    ['a, T] option::Iter<'a, T>,
    [T] std::ops::Range<T>,
    [T] std::ops::RangeInclusive<T>,
}

impl<T> Known for std::ops::RangeFrom<T> {
    type Size = Endless;
}

impl<T: Clone> Known for iter::Repeat<T> {
    type Size = Endless;
}

macro_rules! adapted {
    ($($t:ident),*) => {
        $( impl<I: Known> Known for iter::$t<I> {
            type Size = I::Size;
        } )*
        collected!($([I: Known] iter::$t<I>),*);
    };
}
adapted!(Rev, Enumerate, Skip, StepBy, Cloned, Copied, Fuse);

impl<I: Known> Known for iter::Take<I> {
    type Size = Ends;
}

impl<A: Known, B: Known> Known for iter::Zip<A, B>
where
    (A::Size, B::Size): Shorter,
{
    type Size = <(A::Size, B::Size) as Shorter>::Size;
}

impl<A: Known<Size = Ends>, B: Known<Size = Ends>> Known for iter::Chain<A, B> {
    type Size = Ends;
}
collected!([I: Known] iter::Take<I>, [A: Known, B: Known] iter::Zip<A, B>, [A: Known, B: Known] iter::Chain<A, B>);
