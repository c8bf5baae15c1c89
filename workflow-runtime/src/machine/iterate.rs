//! Cursors of loops that wait: what is saved of a `for` loop between two steps.

use super::slot::{self, Entry, Interned, Slot, StaticStr};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque, btree_map::Range as Entries},
    ops::{Bound, Range, RangeFrom, RangeInclusive},
};

mod sealed {
    pub trait Owned {}
    pub trait Lent {}
}

/// What a `for` loop that awaits can go through by value.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through `{Self}`",
    label = "its position cannot be saved in a checkpoint",
    note = "collect it into a `Vec` first, and go through that; of a `HashMap` or `HashSet`, sort what you collect, because its order differs from run to run"
)]
pub trait OwnedIter: sealed::Owned {
    /// What is still to come.
    type Rest: Rest;
    /// Before the first item.
    fn rest(self) -> Self::Rest;
}

/// What is still to come of a loop: this is saved.
pub trait Rest {
    /// What the loop binds.
    type Item;
    /// Takes the next item out.
    fn next_item(&mut self) -> Option<Self::Item>;
}

/// The items that are left.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Items<T>(VecDeque<T>);

impl<T> Rest for Items<T> {
    type Item = T;
    fn next_item(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

impl Interned for Items<&'static str> {
    type Owned = Items<String>;
    fn intern(owned: Items<String>) -> Self {
        Items(owned.0.into_iter().map(slot::text).collect())
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Interned for Items<(&'static str, T)> {
    type Owned = Items<(String, T)>;
    fn intern(owned: Items<(String, T)>) -> Self {
        Items(owned.0.into_iter().map(|(s, t)| (slot::text(s), t)).collect())
    }
}

impl Slot<Items<&'static str>> {
    /// The slot as a row of the table.
    pub fn durable(&mut self) -> Entry<'_> {
        StaticStr::row(self)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Slot<Items<(&'static str, T)>> {
    /// The slot as a row of the table.
    pub fn durable(&mut self) -> Entry<'_> {
        StaticStr::row(self)
    }
}

macro_rules! owned {
    ($([$($g:tt)*] $t:ty => $item:ty),* $(,)?) => { $(
        impl<$($g)*> sealed::Owned for $t {}
        impl<$($g)*> OwnedIter for $t {
            type Rest = Items<$item>;
            fn rest(self) -> Items<$item> {
                Items(self.into_iter().collect())
            }
        }
    )* };
}
owned! {
    [T] Vec<T> => T,
    [T] VecDeque<T> => T,
    [T] BTreeSet<T> => T,
    [K, V] BTreeMap<K, V> => (K, V),
    [T] LinkedList<T> => T,
    [T] BinaryHeap<T> => T,
    [T] Option<T> => T,
    [T, E] Result<T, E> => T,
    [T, const N: usize] [T; N] => T,
    [T] Box<[T]> => T,
}

/// The numbers that are left of a range; the end is `None` if there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Numbers<R>(Option<R>);

/// A range, taken apart and put together.
pub trait Count: Sized {
    /// The numbers.
    type Item;
    /// The first number and what is behind it.
    fn split(self) -> Option<(Self::Item, Self)>;
}

impl<T> Count for Range<T>
where
    Range<T>: Iterator<Item = T>,
{
    type Item = T;
    fn split(mut self) -> Option<(T, Self)> {
        let first = self.next()?;
        Some((first, self))
    }
}

impl<T> Count for RangeFrom<T>
where
    RangeFrom<T>: Iterator<Item = T>,
{
    type Item = T;
    fn split(mut self) -> Option<(T, Self)> {
        let first = self.next()?;
        Some((first, self))
    }
}

impl<R: Count> Rest for Numbers<R> {
    type Item = R::Item;
    fn next_item(&mut self) -> Option<R::Item> {
        let (first, rest) = self.0.take()?.split()?;
        self.0 = Some(rest);
        Some(first)
    }
}

/// The numbers that are left of an inclusive range, whose end is not forgotten by serde.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inclusive<T>(Option<(T, T)>);

impl<T: PartialOrd> Rest for Inclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    type Item = T;
    fn next_item(&mut self) -> Option<T> {
        let (start, end) = self.0.take()?;
        let mut range = start..=end;
        let first = range.next()?;
        if !range.is_empty() {
            self.0 = Some(range.into_inner());
        }
        Some(first)
    }
}

impl<T> sealed::Owned for Range<T> {}
impl<T> OwnedIter for Range<T>
where
    Range<T>: Iterator<Item = T>,
{
    type Rest = Numbers<Range<T>>;
    fn rest(self) -> Self::Rest {
        Numbers(Some(self))
    }
}

impl<T> sealed::Owned for RangeFrom<T> {}
impl<T> OwnedIter for RangeFrom<T>
where
    RangeFrom<T>: Iterator<Item = T>,
{
    type Rest = Numbers<RangeFrom<T>>;
    fn rest(self) -> Self::Rest {
        Numbers(Some(self))
    }
}

impl<T> sealed::Owned for RangeInclusive<T> {}
impl<T: PartialOrd> OwnedIter for RangeInclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    type Rest = Inclusive<T>;
    fn rest(self) -> Self::Rest {
        Inclusive((!self.is_empty()).then(|| self.into_inner()))
    }
}

/// Begins a loop over an owned collection or range.
pub fn owned<I: OwnedIter>(items: I) -> I::Rest {
    items.rest()
}

/// The next item of such a loop.
pub fn next<R: Rest>(rest: &mut R) -> Option<R::Item> {
    rest.next_item()
}

/// What a `for` loop that awaits can go through by reference: the position outlives the borrow.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through a borrowed `{Self}`",
    label = "its position cannot be saved in a checkpoint",
    note = "collect what the loop needs into a `Vec` first, and go through that; of a `HashMap` or `HashSet`, sort what you collect, because its order differs from run to run"
)]
pub trait Lent: sealed::Lent {
    /// A position: an index, or the last key.
    type At: Serialize + DeserializeOwned + 'static;
    /// An item, borrowed.
    type Item<'a>
    where
        Self: 'a;
    /// An item, borrowed mutably.
    type ItemMut<'a>
    where
        Self: 'a;
    /// The position behind `at`, if there is one.
    fn after(&self, at: Option<&Self::At>) -> Option<Self::At>;
    /// The item at a position.
    fn at(&self, at: &Self::At) -> Option<Self::Item<'_>>;
    /// The item at a position.
    fn at_mut(&mut self, at: &Self::At) -> Option<Self::ItemMut<'_>>;
}

macro_rules! indexed {
    ($([$($g:tt)*] $t:ty),* $(,)?) => { $(
        impl<$($g)*> sealed::Lent for $t {}
        impl<$($g)*> Lent for $t {
            type At = usize;
            type Item<'a> = &'a T where Self: 'a;
            type ItemMut<'a> = &'a mut T where Self: 'a;
            fn after(&self, at: Option<&usize>) -> Option<usize> {
                let next = at.map_or(0, |i| i + 1);
                (next < self.len()).then_some(next)
            }
            fn at(&self, at: &usize) -> Option<&T> {
                self.get(*at)
            }
            fn at_mut(&mut self, at: &usize) -> Option<&mut T> {
                self.get_mut(*at)
            }
        }
    )* };
}
indexed!([T] Vec<T>, [T] [T], [T] VecDeque<T>, [T] Box<[T]>, [T, const N: usize] [T; N]);

impl<T> sealed::Lent for Option<T> {}
impl<T> Lent for Option<T> {
    type At = usize;
    type Item<'a>
        = &'a T
    where
        Self: 'a;
    type ItemMut<'a>
        = &'a mut T
    where
        Self: 'a;
    fn after(&self, at: Option<&usize>) -> Option<usize> {
        (at.is_none() && self.is_some()).then_some(0)
    }
    fn at(&self, _: &usize) -> Option<&T> {
        self.as_ref()
    }
    fn at_mut(&mut self, _: &usize) -> Option<&mut T> {
        self.as_mut()
    }
}

/// The keys behind `at`.
fn behind<K: Ord>(at: Option<&K>) -> (Bound<&K>, Bound<&K>) {
    (at.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

impl<K, V> sealed::Lent for BTreeMap<K, V> {}
impl<K: Ord + Clone + Serialize + DeserializeOwned + 'static, V> Lent for BTreeMap<K, V> {
    type At = K;
    type Item<'a>
        = (&'a K, &'a V)
    where
        Self: 'a;
    type ItemMut<'a>
        = (&'a K, &'a mut V)
    where
        Self: 'a;
    fn after(&self, at: Option<&K>) -> Option<K> {
        let mut entries: Entries<'_, K, V> = self.range(behind(at));
        entries.next().map(|(k, _)| k.clone())
    }
    fn at(&self, at: &K) -> Option<(&K, &V)> {
        self.get_key_value(at)
    }
    fn at_mut(&mut self, at: &K) -> Option<(&K, &mut V)> {
        self.range_mut(at..=at).next()
    }
}

impl<T> sealed::Lent for BTreeSet<T> {}
impl<T: Ord + Clone + Serialize + DeserializeOwned + 'static> Lent for BTreeSet<T> {
    type At = T;
    type Item<'a>
        = &'a T
    where
        Self: 'a;
    type ItemMut<'a>
        = &'a T
    where
        Self: 'a;
    fn after(&self, at: Option<&T>) -> Option<T> {
        self.range(behind(at)).next().cloned()
    }
    fn at(&self, at: &T) -> Option<&T> {
        self.get(at)
    }
    fn at_mut(&mut self, at: &T) -> Option<&T> {
        self.get(at)
    }
}

/// Where a loop over a borrowed collection is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor<A>(Option<A>);

/// Before the first item.
pub fn cursor<C: Lent + ?Sized>(_: &C) -> Cursor<C::At> {
    Cursor(None)
}

/// To the next item; false if there is none.
pub fn advance<C: Lent + ?Sized>(items: &C, cursor: &mut Cursor<C::At>) -> bool {
    match items.after(cursor.0.as_ref()) {
        Some(at) => {
            cursor.0 = Some(at);
            true
        }
        None => false,
    }
}

/// The item at the cursor.
pub fn at<'a, C: Lent + ?Sized>(items: &'a C, cursor: &Cursor<C::At>) -> C::Item<'a> {
    match cursor.0.as_ref().and_then(|at| items.at(at)) {
        Some(item) => item,
        None => gone(),
    }
}

/// The item at the cursor.
pub fn at_mut<'a, C: Lent + ?Sized>(items: &'a mut C, cursor: &Cursor<C::At>) -> C::ItemMut<'a> {
    match cursor.0.as_ref().and_then(|at| items.at_mut(at)) {
        Some(item) => item,
        None => gone(),
    }
}

/// The index of the item at the cursor.
pub fn index(cursor: &Cursor<usize>) -> usize {
    cursor.0.unwrap_or_default()
}

fn gone() -> ! {
    panic!("the item of a loop is gone: the collection did not come back from its checkpoint as it was saved")
}
