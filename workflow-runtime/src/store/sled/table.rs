//! Records that are durable and not in the database yet: the last write of each.
//!
//! Nearly all keys that are new are those of entries of histories, each behind the one before. So the entries of a run lie
//! together: one is found by its run, takes no key of its own, and is not compared with those of all others.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;

use super::chunks;
use crate::store::record::Op;

/// The bytes of a record; nothing where it is gone.
pub(super) type Value = Option<Vec<u8>>;
/// A physical key and what was written there last.
pub(super) type Row<'a> = (Cow<'a, [u8]>, &'a Value);

/// What a record costs besides the bytes of its key and value, roughly.
const RECORD: usize = 96;
/// What an entry of a history costs besides its bytes, roughly.
const ENTRY: usize = 72;

/// Records by their physical keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// All that are no entries of histories.
    records: BTreeMap<Vec<u8>, Value>,
    /// By what the keys of a run's entries begin with.
    histories: BTreeMap<Vec<u8>, History>,
    bytes: usize,
}

/// Entries of one run, in the order of their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct History(BTreeMap<u64, Value>);

impl Table {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.histories.is_empty()
    }

    pub(super) fn insert(&mut self, key: Vec<u8>, value: Value) {
        let size = |value: &Value| value.as_ref().map_or(0, Vec::len);
        self.bytes += size(&value);
        let before = match chunks::split(&key) {
            Some((run, number)) => {
                // Nearly always known, and then looked for once.
                let before = match self.histories.get_mut(run) {
                    Some(history) => history.0.insert(number, value),
                    None => {
                        self.bytes += run.len() + RECORD;
                        self.histories.insert(run.to_vec(), History(BTreeMap::from([(number, value)])));
                        None
                    }
                };
                if before.is_none() {
                    self.bytes += ENTRY;
                }
                before
            }
            None => {
                let length = key.len();
                self.records.insert(key, value).or_else(|| {
                    self.bytes += length + RECORD;
                    None
                })
            }
        };
        self.bytes -= before.as_ref().map_or(0, size);
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        match chunks::split(key) {
            Some((run, number)) => self.histories.get(run)?.0.get(&number),
            None => self.records.get(key),
        }
    }

    /// The records of `from..to`, in the order of their keys.
    pub(super) fn range<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let records = self.records.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let records = records.map(|(key, value)| (Cow::Borrowed(key.as_slice()), value));
        let entries = self.runs(from, to).flat_map(move |(run, history)| {
            history.within(run, from, to).map(|(number, value)| (Cow::Owned(chunks::entry_key(run, *number)), value))
        });
        merge(records, entries)
    }

    /// The last record of `from..to`.
    pub(super) fn last<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> Option<Row<'a>> {
        let record = self.records.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))).next_back();
        let record = record.map(|(key, value)| (Cow::Borrowed(key.as_slice()), value));
        let entry = self.runs(from, to).rev().find_map(|(run, history)| {
            let (number, value) = history.within(run, from, to).next_back()?;
            Some((Cow::Owned(chunks::entry_key(run, *number)), value))
        });
        later(record, entry)
    }

    /// The runs that may have entries in `from..to`.
    fn runs<'a>(
        &'a self,
        from: &'a [u8],
        to: &'a [u8],
    ) -> impl DoubleEndedIterator<Item = (&'a Vec<u8>, &'a History)> + use<'a> {
        let first = chunks::run_in(from).unwrap_or(from);
        self.histories.range::<[u8], _>((Bound::Included(first), Bound::Excluded(to)))
    }

    /// All that are no entries of histories.
    pub(super) fn records(&self) -> impl Iterator<Item = (&Vec<u8>, &Value)> {
        self.records.iter()
    }

    /// The entries of each run.
    pub(super) fn histories(&self) -> impl Iterator<Item = (&Vec<u8>, &BTreeMap<u64, Value>)> {
        self.histories.iter().map(|(run, history)| (run, &history.0))
    }
}

impl History {
    /// The entries in `from..to`.
    fn within(&self, run: &[u8], from: &[u8], to: &[u8]) -> btree_map::Range<'_, u64, Value> {
        // The lowest number that is not below a bound, if there is one.
        let first = |bound: &[u8]| match bound.strip_prefix(run) {
            Some(bound) => chunks::first_from(bound),
            None => (run > bound).then_some(0),
        };
        let low = first(from).map_or(Bound::Excluded(u64::MAX), Bound::Included);
        let high = match (first(from), first(to)) {
            (Some(from), Some(to)) => Bound::Excluded(to.max(from)),
            _ => Bound::Unbounded,
        };
        self.0.range((low, high))
    }
}

impl Extend<Op> for Table {
    fn extend<T: IntoIterator<Item = Op>>(&mut self, ops: T) {
        for (key, value) in ops {
            self.insert(key, value);
        }
    }
}

#[cfg(test)]
impl Table {
    pub(super) fn all(&self) -> Vec<Op> {
        self.range(&[], &[u8::MAX]).map(|(key, value)| (key.into_owned(), value.clone())).collect()
    }
}

impl FromIterator<Op> for Table {
    fn from_iter<T: IntoIterator<Item = Op>>(ops: T) -> Self {
        let mut table = Self::default();
        table.extend(ops);
        table
    }
}

/// What two hold, in the order of their keys; of two with one key the newer.
pub(super) fn merge<K: Ord, V>(
    newer: impl Iterator<Item = (K, V)>,
    older: impl Iterator<Item = (K, V)>,
) -> impl Iterator<Item = (K, V)> {
    let (mut newer, mut older) = (newer.peekable(), older.peekable());
    std::iter::from_fn(move || match (newer.peek(), older.peek()) {
        (Some((new, _)), Some((old, _))) if old < new => older.next(),
        (Some((new, _)), Some((old, _))) => {
            if old == new {
                older.next();
            }
            newer.next()
        }
        (Some(_), None) => newer.next(),
        (None, _) => older.next(),
    })
}

/// The one that comes later; of two with one key the newer.
pub(super) fn later<'a>(newer: Option<Row<'a>>, older: Option<Row<'a>>) -> Option<Row<'a>> {
    match (newer, older) {
        (Some(newer), Some(older)) => Some(if older.0 > newer.0 { older } else { newer }),
        (newer, older) => newer.or(older),
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use uuid::Uuid;

    use super::*;
    use crate::journal::id::{Namespace, RunId, WorkflowId};
    use crate::journal::key::InstanceKeys;
    use crate::store::record;

    /// Keys of records and of entries, and bounds between them: cut off, and with bytes behind them.
    fn key(random: &mut StdRng) -> Vec<u8> {
        let instance = WorkflowId::new(format!("order-{}", random.random_range(0..3))).unwrap();
        let keys = InstanceKeys::new(&Namespace::default(), &instance);
        let run = RunId(Uuid::from_u128(random.random_range(0..2)));
        let number = if random.random_bool(0.1) { u64::MAX } else { random.random_range(0..20) };
        record::physical(&if random.random_bool(0.2) { keys.frame() } else { keys.history(run, number) })
    }

    fn bound(random: &mut StdRng) -> Vec<u8> {
        let mut key = key(random);
        match random.random_range(0..3) {
            0 => key.truncate(random.random_range(0..=key.len())),
            1 => key.push(0),
            _ => {}
        }
        key
    }

    #[test]
    fn a_table_shows_what_a_map_of_all_keys_does() {
        for seed in 0..200 {
            let mut random = StdRng::seed_from_u64(seed);
            let (mut table, mut model) = (Table::default(), BTreeMap::new());
            assert!(table.is_empty());
            for n in 0..random.random_range(1..60) {
                let value = random.random_bool(0.8).then(|| vec![n]);
                let key = if random.random_bool(0.1) { bound(&mut random) } else { key(&mut random) };
                table.insert(key.clone(), value.clone());
                model.insert(key, value);
            }
            for _ in 0..50 {
                let mut bounds = [bound(&mut random), bound(&mut random)];
                bounds.sort();
                let [from, to] = bounds;
                let expected: Vec<_> = model.range(from.clone()..to.clone()).collect();
                let found: Vec<_> = table.range(&from, &to).collect();
                let found: Vec<_> = found.iter().map(|(key, value)| (key.as_ref(), *value)).collect();
                assert!(found.iter().eq(expected.iter().map(|(k, v)| (k.as_slice(), *v)).collect::<Vec<_>>().iter()));
                let last = table.last(&from, &to);
                assert_eq!(
                    last.map(|(key, value)| (key.into_owned(), value)),
                    expected.last().map(|(k, v)| ((*k).clone(), *v))
                );
                assert_eq!(table.get(&from), model.get(&from));
            }
        }
    }

    #[test]
    fn what_is_written_again_counts_once() {
        let mut random = StdRng::seed_from_u64(1);
        let keys: Vec<_> = (0..40).map(|_| key(&mut random)).collect();
        let mut table: Table = keys.iter().map(|key| (key.clone(), Some(vec![0; 100]))).collect();
        let bytes = table.bytes();
        table.extend(keys.iter().map(|key| (key.clone(), Some(vec![0; 300]))));
        let records = table.all().len();
        assert_eq!(table.bytes(), bytes + 200 * records);
        table.extend(keys.iter().map(|key| (key.clone(), None)));
        assert_eq!(table.bytes(), bytes - 100 * records);
    }
}
