//! What a loop owns: collections, of which each element is encoded once, and ranges.

use super::View;
use crate::machine::slot::{self, Entry, Interned, Slot, StaticStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque},
    ops::{Range, RangeFrom, RangeInclusive},
};

/// What a `for` loop that awaits can go through by value.
#[diagnostic::on_unimplemented(
    message = "a `for` loop that awaits cannot go through `{Self}`",
    label = "its position cannot be saved in a checkpoint",
    note = "collect it into a `Vec` first, and go through that; of a `HashMap` or `HashSet`, sort what you collect, because its order differs from run to run"
)]
pub trait OwnedIter {
    /// What is saved of it.
    type Rest;
    /// Before the first item.
    fn rest(self) -> Self::Rest;
}

/// Begins a loop over what it owns. A reference to what is returned is a [`View`].
pub fn owned<I: OwnedIter>(items: I) -> I::Rest {
    items.rest()
}

/// The items of a collection.
///
/// Encoded when the loop begins, with all that are there; what is taken out afterwards does not change the encoding,
/// because the cursor says which items are gone.
#[derive(Debug)]
pub struct Items<T> {
    /// How many items in front of these are gone.
    gone: usize,
    left: RefCell<Vec<Option<T>>>,
}

impl<T> Items<T> {
    pub(super) fn new(items: impl IntoIterator<Item = T>) -> Self {
        Items { gone: 0, left: RefCell::new(items.into_iter().map(Some).collect()) }
    }

    fn map<U>(self, f: impl Fn(T) -> U) -> Items<U> {
        let left = self.left.into_inner().into_iter().map(|item| item.map(&f)).collect();
        Items { gone: self.gone, left: RefCell::new(left) }
    }
}

#[derive(Serialize)]
struct Saved<'a, T> {
    #[serde(skip_serializing_if = "crate::journal::is_default")]
    gone: usize,
    left: &'a [Option<T>],
}

#[derive(Deserialize)]
struct Loaded<T> {
    #[serde(default)]
    gone: usize,
    left: Vec<Option<T>>,
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let left = self.left.borrow();
        let taken = left.iter().take_while(|item| item.is_none()).count();
        Saved { gone: self.gone + taken, left: &left[taken..] }.serialize(s)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Loaded { gone, left } = Loaded::deserialize(d)?;
        Ok(Items { gone, left: RefCell::new(left) })
    }
}

impl<T> View for &Items<T> {
    type Mark = ();
    type Item = T;
    fn seek(&self, k: usize, (): &mut ()) -> bool {
        k.checked_sub(self.gone).map_or(k < self.gone, |k| k < self.left.borrow().len())
    }
    fn len(&self, (): &mut ()) -> Option<usize> {
        self.gone.checked_add(self.left.borrow().len())
    }
    fn item(self, k: usize, (): &()) -> Option<T> {
        self.left.borrow_mut().get_mut(k.checked_sub(self.gone)?)?.take()
    }
}

impl Interned for Items<&'static str> {
    type Owned = Items<String>;
    fn intern(owned: Items<String>) -> Self {
        owned.map(slot::text)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Interned for Items<(&'static str, T)> {
    type Owned = Items<(String, T)>;
    fn intern(owned: Items<(String, T)>) -> Self {
        owned.map(|(s, t)| (slot::text(s), t))
    }
}

impl Slot<Items<&'static str>> {
    /// The slot as a row of the table.
    pub fn durable<const LINE: u32>(&mut self) -> Entry<'_> {
        StaticStr::row(self)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Slot<Items<(&'static str, T)>> {
    /// The slot as a row of the table.
    pub fn durable<const LINE: u32>(&mut self) -> Entry<'_> {
        StaticStr::row(self)
    }
}

macro_rules! owned {
    ($([$($g:tt)*] $t:ty => $item:ty),* $(,)?) => { $(
        impl<$($g)*> OwnedIter for $t {
            type Rest = Items<$item>;
            fn rest(self) -> Items<$item> {
                Items::new(self)
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

/// The numbers of a range, which stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Numbers<R>(R);

impl<T> View for &Numbers<Range<T>>
where
    Range<T>: Iterator<Item = T> + Clone,
{
    type Mark = ();
    type Item = T;
    fn seek(&self, k: usize, (): &mut ()) -> bool {
        self.0.clone().nth(k).is_some()
    }
    fn len(&self, (): &mut ()) -> Option<usize> {
        self.0.size_hint().1
    }
    fn item(self, k: usize, (): &()) -> Option<T> {
        self.0.clone().nth(k)
    }
}

impl<T> View for &Numbers<RangeFrom<T>>
where
    RangeFrom<T>: Iterator<Item = T> + Clone,
{
    type Mark = ();
    type Item = T;
    fn seek(&self, _: usize, (): &mut ()) -> bool {
        true
    }
    fn len(&self, (): &mut ()) -> Option<usize> {
        None
    }
    fn item(self, k: usize, (): &()) -> Option<T> {
        self.0.clone().nth(k)
    }
}

/// The numbers of an inclusive range; `None` if it is empty, which serde does not tell apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inclusive<T>(Option<(T, T)>);

impl<T: Clone> Inclusive<T> {
    fn range(&self) -> Option<RangeInclusive<T>> {
        self.0.clone().map(|(start, end)| start..=end)
    }
}

impl<T: Clone> View for &Inclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    type Mark = ();
    type Item = T;
    fn seek(&self, k: usize, (): &mut ()) -> bool {
        self.range().is_some_and(|mut range| range.nth(k).is_some())
    }
    fn len(&self, (): &mut ()) -> Option<usize> {
        self.range().map_or(Some(0), |range| range.size_hint().1)
    }
    fn item(self, k: usize, (): &()) -> Option<T> {
        self.range()?.nth(k)
    }
}

macro_rules! range {
    ($($t:ident),*) => { $(
        impl<T> OwnedIter for $t<T>
        where
            $t<T>: Iterator<Item = T>,
        {
            type Rest = Numbers<$t<T>>;
            fn rest(self) -> Self::Rest {
                Numbers(self)
            }
        }
    )* };
}
range!(Range, RangeFrom);

impl<T: PartialOrd> OwnedIter for RangeInclusive<T>
where
    RangeInclusive<T>: Iterator<Item = T>,
{
    type Rest = Inclusive<T>;
    fn rest(self) -> Self::Rest {
        Inclusive((!self.is_empty()).then(|| self.into_inner()))
    }
}
