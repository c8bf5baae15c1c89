//! Ordered maps and sets: the cursor holds the last key, from which the next one is found in the time of a look-up.

use super::{View, Walk, WalkMut};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, btree_map, btree_set},
    marker::PhantomData,
    ops::Bound,
    rc::Rc,
    sync::Arc,
};

/// Where a loop over an ordered collection is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MapAt<K> {
    /// The number of a key, and the key.
    at: Option<(usize, K)>,
    /// How many keys there are, where that had to be counted.
    len: Option<usize>,
}

impl<K> Default for MapAt<K> {
    fn default() -> Self {
        MapAt { at: None, len: None }
    }
}

/// The bounds of what is gone through; `None` if that is nothing, or all.
type Ends<'p, K> = Option<(&'p K, &'p K)>;

/// Keys in order, of which a part may be left out at both ends.
trait Keys<K> {
    fn between<'s>(&'s self, from: Bound<&K>, to: Bound<&K>) -> impl DoubleEndedIterator<Item = &'s K>
    where
        K: 's;
    fn all(&self) -> usize;
}

impl<K: Ord, V> Keys<K> for BTreeMap<K, V> {
    fn between<'s>(&'s self, from: Bound<&K>, to: Bound<&K>) -> impl DoubleEndedIterator<Item = &'s K>
    where
        K: 's,
    {
        self.range((from, to)).map(|(k, _)| k)
    }
    fn all(&self) -> usize {
        self.len()
    }
}

impl<K: Ord> Keys<K> for BTreeSet<K> {
    fn between<'s>(&'s self, from: Bound<&K>, to: Bound<&K>) -> impl DoubleEndedIterator<Item = &'s K>
    where
        K: 's,
    {
        self.range((from, to))
    }
    fn all(&self) -> usize {
        self.len()
    }
}

/// What of a collection is gone through.
#[derive(Debug)]
enum Extent<'p, K> {
    All,
    Part(Ends<'p, K>),
}

impl<K: Ord + Clone> Extent<'_, K> {
    fn bounds(&self) -> Option<(Bound<&K>, Bound<&K>)> {
        match self {
            Extent::All => Some((Bound::Unbounded, Bound::Unbounded)),
            Extent::Part(ends) => ends.map(|(from, to)| (Bound::Included(from), Bound::Included(to))),
        }
    }

    fn len(&self, keys: &impl Keys<K>, mark: &mut MapAt<K>) -> usize {
        match (self.bounds(), self) {
            (None, _) => 0,
            (_, Extent::All) => keys.all(),
            (Some((from, to)), _) => *mark.len.get_or_insert_with(|| keys.between(from, to).count()),
        }
    }

    /// Finds the key with the number `k` from the one that was found last, or from the nearer end.
    fn seek(&self, keys: &impl Keys<K>, k: usize, mark: &mut MapAt<K>) -> bool {
        let Some((from, to)) = self.bounds() else { return false };
        let known = mark.len.or(matches!(self, Extent::All).then(|| keys.all()));
        let found = match &mark.at {
            Some((i, _)) if *i == k => return true,
            Some((i, key)) if *i < k => keys.between(Bound::Excluded(key), to).nth(k - i - 1),
            Some((i, key)) => keys.between(from, Bound::Excluded(key)).nth_back(i - k - 1),
            None => match known {
                Some(len) if k >= len => None,
                Some(len) if k > len / 2 => keys.between(from, to).nth_back(len - 1 - k),
                _ => keys.between(from, to).nth(k),
            },
        };
        let found = found.cloned();
        let more = found.is_some();
        if let Some(key) = found {
            mark.at = Some((k, key));
        }
        more
    }
}

/// What of an entry a loop binds.
pub trait Part<K, V>: Sized {
    /// By reference.
    type Item<'p>
    where
        K: 'p,
        V: 'p;
    /// By mutable reference.
    type ItemMut<'p>
    where
        K: 'p,
        V: 'p;
    /// Of an entry.
    fn part<'p>(key: &'p K, value: &'p V) -> Self::Item<'p>;
    /// Of an entry.
    fn part_mut<'p>(key: &'p K, value: &'p mut V) -> Self::ItemMut<'p>;
}

/// Key and value.
#[derive(Debug)]
pub struct Both;
/// The key.
#[derive(Debug)]
pub struct Key;
/// The value.
#[derive(Debug)]
pub struct Value;

macro_rules! part {
    ($($t:ident: $item:ty, $item_mut:ty, |$k:ident, $v:ident| $e:expr;)*) => { $(
        impl<K, V> Part<K, V> for $t {
            type Item<'p> = $item where K: 'p, V: 'p;
            type ItemMut<'p> = $item_mut where K: 'p, V: 'p;
            fn part<'p>($k: &'p K, $v: &'p V) -> $item {
                $e
            }
            fn part_mut<'p>($k: &'p K, $v: &'p mut V) -> $item_mut {
                $e
            }
        }
    )* };
}
part! {
    Both: (&'p K, &'p V), (&'p K, &'p mut V), |key, value| (key, value);
    Key: &'p K, &'p K, |key, _value| key;
    Value: &'p V, &'p mut V, |_key, value| value;
}

/// The entries of an ordered map.
#[derive(Debug)]
pub struct InMap<'p, K, V, W> {
    map: &'p BTreeMap<K, V>,
    extent: Extent<'p, K>,
    part: PhantomData<W>,
}

impl<'p, K: Ord + Clone, V, W: Part<K, V>> View for InMap<'p, K, V, W> {
    type Mark = MapAt<K>;
    type Item = W::Item<'p>;
    fn seek(&self, k: usize, mark: &mut MapAt<K>) -> bool {
        self.extent.seek(self.map, k, mark)
    }
    fn len(&self, mark: &mut MapAt<K>) -> Option<usize> {
        Some(self.extent.len(self.map, mark))
    }
    fn item(self, _: usize, mark: &MapAt<K>) -> Option<W::Item<'p>> {
        let (_, key) = mark.at.as_ref()?;
        self.map.get_key_value(key).map(|(k, v)| W::part(k, v))
    }
}

/// The entries of an ordered map, to change their values.
#[derive(Debug)]
pub struct InMapMut<'p, K, V, W> {
    map: &'p mut BTreeMap<K, V>,
    part: PhantomData<W>,
}

/// Only items are taken from it: where the loop is, is found with the view that does not change anything.
impl<'p, K: Ord + Clone, V, W: Part<K, V>> View for InMapMut<'p, K, V, W> {
    type Mark = MapAt<K>;
    type Item = W::ItemMut<'p>;
    fn seek(&self, k: usize, mark: &mut MapAt<K>) -> bool {
        Extent::All.seek(&*self.map, k, mark)
    }
    fn len(&self, mark: &mut MapAt<K>) -> Option<usize> {
        Some(Extent::All.len(&*self.map, mark))
    }
    fn item(self, _: usize, mark: &MapAt<K>) -> Option<W::ItemMut<'p>> {
        let (_, key) = mark.at.as_ref()?;
        self.map.range_mut(key..=key).next().map(|(k, v)| W::part_mut(k, v))
    }
}

/// The items of an ordered set.
#[derive(Debug)]
pub struct InSet<'p, T> {
    set: &'p BTreeSet<T>,
    extent: Extent<'p, T>,
}

impl<'p, T: Ord + Clone> View for InSet<'p, T> {
    type Mark = MapAt<T>;
    type Item = &'p T;
    fn seek(&self, k: usize, mark: &mut MapAt<T>) -> bool {
        self.extent.seek(self.set, k, mark)
    }
    fn len(&self, mark: &mut MapAt<T>) -> Option<usize> {
        Some(self.extent.len(self.set, mark))
    }
    fn item(self, _: usize, mark: &MapAt<T>) -> Option<&'p T> {
        self.set.get(&mark.at.as_ref()?.1)
    }
}

/// An ordered map, or what leads to one.
pub trait MapOf<K, V> {
    /// The map.
    fn map(&self) -> &BTreeMap<K, V>;
}

/// The same, to change it.
pub trait MapOfMut<K, V>: MapOf<K, V> {
    /// The map.
    fn map_mut(&mut self) -> &mut BTreeMap<K, V>;
}

/// An ordered set, or what leads to one.
pub trait SetOf<T> {
    /// The set.
    fn set(&self) -> &BTreeSet<T>;
}

impl<K, V> MapOf<K, V> for BTreeMap<K, V> {
    fn map(&self) -> &BTreeMap<K, V> {
        self
    }
}

impl<K, V> MapOfMut<K, V> for BTreeMap<K, V> {
    fn map_mut(&mut self) -> &mut BTreeMap<K, V> {
        self
    }
}

impl<T> SetOf<T> for BTreeSet<T> {
    fn set(&self) -> &BTreeSet<T> {
        self
    }
}

macro_rules! through {
    ($([$($g:tt)*] $t:ty),* $(,)?) => { $(
        impl<$($g)* K, V, M: MapOf<K, V>> MapOf<K, V> for $t {
            fn map(&self) -> &BTreeMap<K, V> {
                (**self).map()
            }
        }
        impl<$($g)* T, M: SetOf<T>> SetOf<T> for $t {
            fn set(&self) -> &BTreeSet<T> {
                (**self).set()
            }
        }
    )* };
}
through!(['a,] &'a M, ['a,] &'a mut M, [] Box<M>, [] Arc<M>, [] Rc<M>);

impl<K: Clone, V: Clone> MapOf<K, V> for Cow<'_, BTreeMap<K, V>> {
    fn map(&self) -> &BTreeMap<K, V> {
        self
    }
}

impl<T: Clone> SetOf<T> for Cow<'_, BTreeSet<T>> {
    fn set(&self) -> &BTreeSet<T> {
        self
    }
}

impl<K, V, M: MapOfMut<K, V>> MapOfMut<K, V> for &mut M {
    fn map_mut(&mut self) -> &mut BTreeMap<K, V> {
        (**self).map_mut()
    }
}

impl<K, V, M: MapOfMut<K, V>> MapOfMut<K, V> for Box<M> {
    fn map_mut(&mut self) -> &mut BTreeMap<K, V> {
        (**self).map_mut()
    }
}

macro_rules! map {
    ($($iter:ident, $part:ident;)*) => { $(
        impl<'p, P: MapOf<K, V>, K: Ord + Clone + 'p, V: 'p> Walk<'p, P> for btree_map::$iter<'p, K, V> {
            type View = InMap<'p, K, V, $part>;
            fn walk(place: &'p P, _: impl FnOnce(&'p P) -> Self) -> Self::View {
                InMap { map: place.map(), extent: Extent::All, part: PhantomData }
            }
        }
    )* };
}
map! { Iter, Both; Keys, Key; Values, Value; }

macro_rules! map_mut {
    ($($iter:ident, $part:ident;)*) => { $(
        impl<'p, P: MapOfMut<K, V>, K: Ord + Clone + 'p, V: 'p> WalkMut<'p, P> for btree_map::$iter<'p, K, V> {
            type View = InMapMut<'p, K, V, $part>;
            fn walk_mut(place: &'p mut P, _: impl FnOnce(&'p mut P) -> Self) -> Self::View {
                InMapMut { map: place.map_mut(), part: PhantomData }
            }
        }
    )* };
}
map_mut! { IterMut, Both; ValuesMut, Value; RangeMut, Both; }

impl<'p, P: MapOf<K, V>, K: Ord + Clone + 'p, V: 'p> Walk<'p, P> for btree_map::Range<'p, K, V> {
    type View = InMap<'p, K, V, Both>;
    fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> Self::View {
        let range = make(place);
        let ends = range.clone().next().map(|(k, _)| k).zip(range.clone().next_back().map(|(k, _)| k));
        InMap { map: place.map(), extent: Extent::Part(ends), part: PhantomData }
    }
}

impl<'p, P: SetOf<T>, T: Ord + Clone + 'p> Walk<'p, P> for btree_set::Iter<'p, T> {
    type View = InSet<'p, T>;
    fn walk(place: &'p P, _: impl FnOnce(&'p P) -> Self) -> Self::View {
        InSet { set: place.set(), extent: Extent::All }
    }
}

impl<'p, P: SetOf<T>, T: Ord + Clone + 'p> Walk<'p, P> for btree_set::Range<'p, T> {
    type View = InSet<'p, T>;
    fn walk(place: &'p P, make: impl FnOnce(&'p P) -> Self) -> Self::View {
        let range = make(place);
        let ends = range.clone().next().zip(range.clone().next_back());
        InSet { set: place.set(), extent: Extent::Part(ends) }
    }
}
