//! Loops that wait: what is saved of a `for` loop between two steps.
//!
//! Saved are what the loop goes through, which does not change and is encoded once, and a small [`Cursor`]. A [`View`] is
//! made again from the two wherever the loop goes on or its item is needed. It counts its items, so that every adaptor is
//! arithmetic on the number of an item. Only collections that cannot be entered at a number keep a mark in the cursor: the
//! last key of an ordered map, the last offset in a text.

mod adapt;
mod finite;
mod lent;
mod ordered;
mod owned;
mod refer;
mod text;

pub use adapt::{
    Chain, Chained, Cloned, Enumerate, Rev, Skip, StepBy, Take, Turned, Without, Zip, chain, cloned, enumerate, rev,
    skip, step_by, take, without, zip,
};
pub use finite::{Endless, Ends, Known, Shorter};
pub use lent::{Exact, Made, Walk, WalkMut, source, source_mut};
pub use ordered::{InMap, InMapMut, InSet, MapAt, MapOf, MapOfMut, Part, SetOf};
pub use owned::{Inclusive, Items, Numbers, OwnedIter, owned};
pub use refer::{Good, Lends, again, good, lent};
pub use text::{Found, InText, Piece, Pieces, TextAt, TextOf, pieced, pieces};

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What a loop goes through, made again for as long as a step needs it.
pub trait View: Sized {
    /// Where a collection was left that cannot be entered at a number.
    type Mark: Default;
    /// What the loop binds.
    type Item;
    /// Moves the mark to the item with this number, counted from zero; false if there is none.
    fn seek(&self, k: usize, mark: &mut Self::Mark) -> bool;
    /// How many items there are; `None` if there is no end.
    fn len(&self, mark: &mut Self::Mark) -> Option<usize>;
    /// The item with this number, to which the mark has been moved.
    fn item(self, k: usize, mark: &Self::Mark) -> Option<Self::Item>;
}

/// Where a loop is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cursor<M> {
    /// How many items the loop has begun.
    begun: usize,
    mark: M,
}

/// Before the first item.
pub fn cursor<V: View>(_: V) -> Cursor<V::Mark> {
    Cursor { begun: 0, mark: V::Mark::default() }
}

/// To the next item; false if there is none.
pub fn advance<V: View>(view: V, cursor: &mut Cursor<V::Mark>) -> bool {
    let more = view.seek(cursor.begun, &mut cursor.mark);
    cursor.begun += usize::from(more);
    more
}

/// The item at the cursor.
///
/// # Panics
///
/// If it is gone, which can only be if the collection is not decoded as it was encoded.
pub fn item<V: View>(view: V, cursor: &Cursor<V::Mark>) -> V::Item {
    let at = cursor.begun.checked_sub(1);
    at.and_then(|at| view.item(at, &cursor.mark)).unwrap_or_else(|| {
        panic!("the item of a loop is gone: the collection did not come back from its checkpoint as it was saved")
    })
}
