//! What a loop borrows: the user's own iterator is made again from its place, and entered at the number of an item.

use super::View;

/// What a `for` loop that awaits can go through by reference: its position outlives the borrow.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through `{Self}`",
    label = "its position cannot be saved in a checkpoint",
    note = "collect what the loop needs into a `Vec` first, and go through that; of a `HashMap` or `HashSet`, sort what you collect, because its order differs from run to run"
)]
pub trait Walk<'p, P: ?Sized>: Sized {
    /// The way to its items.
    type View: View;
    /// Made from the place that is borrowed, and from how the user borrows it.
    fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> Self::View;
}

/// The same, by mutable reference.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through `{Self}`",
    label = "its position cannot be saved in a checkpoint",
    note = "collect what the loop needs into a `Vec` first, and go through that; of a `HashMap` or `HashSet`, sort what you collect, because its order differs from run to run"
)]
pub trait WalkMut<'p, P: ?Sized>: Sized {
    /// The way to its items.
    type View: View;
    /// Made from the place that is borrowed, and from how the user borrows it.
    fn walk_mut(place: &'p mut P, make: impl FnOnce(&'p mut P) -> Self) -> Self::View;
}

/// A view of what the user goes through.
pub fn source<'p, P: ?Sized, I: Walk<'p, P>>(place: &'p P, make: impl FnOnce(&'p P) -> I) -> I::View {
    I::walk(place, make)
}

/// A view of what the user goes through, to change it.
pub fn source_mut<'p, P: ?Sized, I: WalkMut<'p, P>>(place: &'p mut P, make: impl FnOnce(&'p mut P) -> I) -> I::View {
    I::walk_mut(place, make)
}

/// An iterator of the standard library that can be entered at any number at once.
#[derive(Debug)]
pub struct Exact<I>(pub(super) I);

impl<I: ExactSizeIterator> View for Exact<I> {
    type Mark = ();
    type Item = I::Item;
    fn seek(&self, k: usize, (): &mut ()) -> bool {
        k < self.0.len()
    }
    fn len(&self, (): &mut ()) -> Option<usize> {
        Some(self.0.len())
    }
    fn item(mut self, k: usize, (): &()) -> Option<I::Item> {
        self.0.nth(k)
    }
}

macro_rules! exact {
    ($([$($g:tt)*] $t:ty),* $(,)?) => { $(
        impl<'p, 'a, P: ?Sized, $($g)*> Walk<'p, P> for $t {
            type View = Exact<Self>;
            fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> Exact<Self> {
                Exact(make(place))
            }
        }
        impl<'p, 'a, P: ?Sized, $($g)*> WalkMut<'p, P> for $t {
            type View = Exact<Self>;
            fn walk_mut(place: &'p mut P, make: impl FnOnce(&'p mut P) -> Self) -> Exact<Self> {
                Exact(make(place))
            }
        }
    )* };
}
exact! {
    [T] std::slice::Iter<'a, T>,
    [T] std::slice::IterMut<'a, T>,
    [T] std::slice::Chunks<'a, T>,
    [T] std::slice::ChunksMut<'a, T>,
    [T] std::slice::ChunksExact<'a, T>,
    [T] std::slice::ChunksExactMut<'a, T>,
    [T] std::slice::RChunks<'a, T>,
    [T] std::slice::RChunksMut<'a, T>,
    [T] std::slice::RChunksExact<'a, T>,
    [T] std::slice::RChunksExactMut<'a, T>,
    [T] std::slice::Windows<'a, T>,
    [T] std::collections::vec_deque::Iter<'a, T>,
    [T] std::collections::vec_deque::IterMut<'a, T>,
    [T] std::option::Iter<'a, T>,
    [T] std::option::IterMut<'a, T>,
    [T] std::result::Iter<'a, T>,
    [T] std::result::IterMut<'a, T>,
    [T] std::option::IntoIter<&'a T>,
    [T] std::option::IntoIter<&'a mut T>,
    [T, const N: usize] std::array::IntoIter<T, N>,
    [] std::str::Bytes<'a>,
}

/// A range that is a constant: it is made again wherever the loop goes on.
#[derive(Debug)]
pub struct Made<I>(I);

impl<I: Iterator + Clone> View for Made<I> {
    type Mark = ();
    type Item = I::Item;
    fn seek(&self, k: usize, (): &mut ()) -> bool {
        self.0.clone().nth(k).is_some()
    }
    fn len(&self, (): &mut ()) -> Option<usize> {
        let (least, most) = self.0.size_hint();
        most.filter(|most| *most == least)
    }
    fn item(mut self, k: usize, (): &()) -> Option<I::Item> {
        self.0.nth(k)
    }
}

macro_rules! made {
    ($($t:ident),*) => { $(
        impl<'p, P: ?Sized, T: Clone> Walk<'p, P> for std::ops::$t<T>
        where
            Self: Iterator,
        {
            type View = Made<Self>;
            fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> Made<Self> {
                Made(make(place))
            }
        }
    )* };
}
made!(Range, RangeInclusive, RangeFrom);
