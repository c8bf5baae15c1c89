//! How the database keeps histories: entries of a run that are written together lie in one record, a *chunk*.
//!
//! ```text
//! h<key up to the number><first:u64>   4 entries:u64 crc:u32 (number:u64 length:u16 record)...
//! ```
//!
//! Each step appends an entry and nobody changes one. One by one, they are most of what the database has to write, and their
//! keys are a third of what it keeps. A chunk holds those of one generation, in the order of their numbers. `first` is a
//! lower bound: entries are removed from a chunk without giving it another key, so that one write does it.
//!
//! Chunks of one run do not overlap. An entry that is no append, or too large, is a record of its own, as every entry was
//! in format 2; where an entry is in a chunk too, that one counts.

use std::iter::Peekable;
use std::ops::Bound;

use super::view::Table;
use crate::journal::key;
use crate::store::StoreError;
use crate::store::record;

const REGION_CHUNK: u8 = b'h';
/// Bytes of the number and the length of an entry.
const FRAMING: usize = 8 + 2;
/// The most bytes of entries in a chunk.
const MAX_CHUNK: usize = record::BODY;

type Db = ::sled::Db;
type Value = ::sled::IVec;
/// The number of an entry and its record.
type Entry = (u64, Vec<u8>);

/// Takes the physical key of an entry of a history apart: what all entries of the run have in common, and its number.
fn split(physical: &[u8]) -> Option<(&[u8], u64)> {
    let key = record::logical(physical)?;
    let (run, number) = key.split_at_checked(key::history_number(key)?)?;
    Some((run, u64::from_be_bytes(number.try_into().ok()?)))
}

fn chunk_key(run: &[u8], number: u64) -> Vec<u8> {
    [&[REGION_CHUNK], run, &number.to_be_bytes()].concat()
}

/// The physical key of an entry, as readers know it.
fn entry_key(run: &[u8], number: u64) -> Vec<u8> {
    record::physical(&[run, &number.to_be_bytes()].concat())
}

/// The bounds of the chunks that may hold records of `from..to`; `None` if no history is there.
fn bounds(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<std::ops::Range<Vec<u8>>>, StoreError> {
    let (Some(low), Some(high)) = (record::logical(from), record::logical(to)) else { return Ok(None) };
    let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    if !key::may_be_history(&low[..common]) {
        return Ok(None);
    }
    let chunk = |key: &[u8]| [&[REGION_CHUNK], key].concat();
    let mut start = chunk(low);
    if let Some((run, bound)) = key::history_number(low).and_then(|at| low.split_at_checked(at))
        && let Some(number) = first_from(bound)
        && let Some((key, _)) = holder(db, run, number)?
    {
        // It may begin before what is asked for.
        start = key.to_vec();
    }
    Ok(Some(start..chunk(high)))
}

/// The lowest number that is not below a bound, which may have less or more bytes.
fn first_from(bound: &[u8]) -> Option<u64> {
    let mut number = [0; 8];
    let known = bound.len().min(8);
    number[..known].copy_from_slice(&bound[..known]);
    let number = u64::from_be_bytes(number);
    if bound.len() > 8 { number.checked_add(1) } else { Some(number) }
}

/// A chunk that was read.
struct Chunk {
    key: Value,
    entries: Vec<Entry>,
}

impl Chunk {
    fn read(key: Value, raw: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::damaged(&key[1..], "the entries that lie together there do not fit");
        let (count, mut body) = record::open_chunk(&key, raw)?;
        let mut entries = Vec::with_capacity(body.len() / FRAMING);
        while !body.is_empty() {
            let (number, rest) = body.split_first_chunk::<8>().ok_or_else(damaged)?;
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
            let (record, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(damaged)?;
            entries.push((u64::from_be_bytes(*number), record.to_vec()));
            body = rest;
        }
        if entries.len() as u64 != count {
            return Err(damaged());
        }
        Ok(Self { key, entries })
    }

    /// What all its entries have in common.
    fn run(&self) -> &[u8] {
        &self.key[1..self.key.len() - 8]
    }
}

/// The chunk that would hold an entry, as it is stored.
fn holder(db: &Db, run: &[u8], number: u64) -> Result<Option<(Value, Value)>, StoreError> {
    let mut rows = db.range(chunk_key(run, 0)..=chunk_key(run, number));
    rows.next_back().transpose().map_err(StoreError::backend)
}

/// The number of the last entry that a chunk may hold: the next one begins behind it.
fn last_possible(db: &Db, chunk: &[u8]) -> Result<u64, StoreError> {
    let run = &chunk[1..chunk.len() - 8];
    let behind = (Bound::Excluded(chunk.to_vec()), Bound::Included(chunk_key(run, u64::MAX)));
    let next = db.range(behind).next().transpose().map_err(StoreError::backend)?;
    Ok(next.map_or(u64::MAX, |(key, _)| first(&key).saturating_sub(1)))
}

/// The lower bound of the entries of a chunk.
fn first(chunk: &[u8]) -> u64 {
    let number = chunk.last_chunk::<8>().copied();
    u64::from_be_bytes(number.unwrap_or_default())
}

/// An error of a whole chunk, told of one of its entries.
fn told_of(number: u64, chunk: &[u8], error: StoreError) -> StoreError {
    let StoreError::Damaged { reason, .. } = error else { return error };
    let key = [&chunk[1..chunk.len() - 8], &number.to_be_bytes()].concat();
    let first = first(chunk);
    StoreError::damaged(&key, format!("the entries from #{first} on, which lie together, do not read back: {reason}"))
}

/// The record of a physical key, if it is an entry that lies in a chunk.
pub(super) fn read(db: &Db, physical: &[u8]) -> Result<Option<Value>, StoreError> {
    let Some((run, number)) = split(physical) else { return Ok(None) };
    let Some((key, raw)) = holder(db, run, number)? else { return Ok(None) };
    let chunk = Chunk::read(key.clone(), &raw).map_err(|e| told_of(number, &key, e))?;
    let found = chunk.entries.into_iter().find(|(n, _)| *n == number);
    Ok(found.map(|(_, record)| record.into()))
}

/// The records of the database from `from` up to `to`, in order.
pub(super) fn rows(db: &Db, from: &[u8], to: &[u8]) -> Result<Rows, StoreError> {
    let alone = db.range::<&[u8], _>(from..to);
    let packed = bounds(db, from, to)?.map(|bounds| Unpacked {
        db: db.clone(),
        chunks: db.range(bounds),
        open: Vec::new().into_iter(),
        from: from.to_vec(),
        to: to.to_vec(),
    });
    Ok(Rows { alone: alone.peekable(), packed: packed.map(Iterator::peekable) })
}

/// The last record of the database in `from..to` that lies in a chunk.
pub(super) fn last(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<(Vec<u8>, Value)>, StoreError> {
    let Some(bounds) = bounds(db, from, to)? else { return Ok(None) };
    for row in db.range(bounds).rev() {
        let (key, raw) = row.map_err(StoreError::backend)?;
        // A scan goes on before what it was told of.
        let chunk = Chunk::read(key.clone(), &raw).map_err(|e| told_of(first(&key), &key, e))?;
        for (number, record) in chunk.entries.iter().rev() {
            let key = entry_key(chunk.run(), *number);
            if key.as_slice() < from {
                return Ok(None);
            }
            if key.as_slice() < to {
                return Ok(Some((key, record.as_slice().into())));
            }
        }
    }
    Ok(None)
}

type Row = Result<(Value, Value), StoreError>;

/// Records that stand alone and those in chunks, in the order of their keys.
pub(super) struct Rows {
    alone: Peekable<::sled::Iter>,
    packed: Option<Peekable<Unpacked>>,
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let alone = |rows: &mut Peekable<::sled::Iter>| rows.next().map(|row| row.map_err(StoreError::backend));
        let Some(packed) = &mut self.packed else { return alone(&mut self.alone) };
        match (self.alone.peek(), packed.peek()) {
            (_, None) | (Some(Err(_)), _) => alone(&mut self.alone),
            (Some(Ok((one, _))), Some(Ok((other, _)))) if one < other => alone(&mut self.alone),
            (Some(Ok((one, _))), Some(Ok((other, _)))) if one == other => {
                self.alone.next();
                packed.next()
            }
            _ => packed.next(),
        }
    }
}

/// The entries of chunks, as readers know them.
struct Unpacked {
    db: Db,
    chunks: ::sled::Iter,
    open: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Iterator for Unpacked {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some((key, record)) = self.open.next() {
                return Some(Ok((key.into(), record.into())));
            }
            let chunk = match self.chunks.next()?.map_err(StoreError::backend) {
                Ok((key, raw)) => Chunk::read(key.clone(), &raw).or_else(|e| {
                    // A scan goes on behind what it was told of.
                    Err(told_of(last_possible(&self.db, &key)?, &key, e))
                }),
                Err(e) => Err(e),
            };
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(e) => return Some(Err(e)),
            };
            let run = chunk.run();
            let keyed = chunk.entries.iter().map(|(number, record)| (entry_key(run, *number), record.clone()));
            let wanted = keyed.filter(|(key, _)| *key >= self.from && *key < self.to);
            self.open = wanted.collect::<Vec<_>>().into_iter();
        }
    }
}

/// Whether all that lies in chunks has lower numbers. Of a damaged chunk only its lower bound is known, and no more needed: nothing
/// else in it will ever be read.
fn are_behind(db: &Db, run: &[u8], number: u64) -> Result<bool, StoreError> {
    let Some((key, raw)) = holder(db, run, u64::MAX)? else { return Ok(true) };
    match Chunk::read(key.clone(), &raw) {
        Ok(chunk) => Ok(chunk.entries.last().is_none_or(|(last, _)| *last < number)),
        Err(StoreError::Damaged { .. }) => Ok(first(&key) < number),
        Err(e) => Err(e),
    }
}

/// What was written to the database.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Applied {
    pub(super) keys: u64,
    pub(super) bytes: u64,
}

/// Writes a table to the database. A second time it changes nothing.
pub(super) fn apply(db: &Db, table: &Table) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let mut records = table.iter().peekable();
    while let Some((physical, value)) = records.next() {
        let Some((run, number)) = split(physical) else {
            applied.alone(db, physical, value.as_ref())?;
            continue;
        };
        let mut entries = vec![(number, value.as_ref())];
        while let Some((_, number, value)) = records
            .peek()
            .and_then(|(key, value)| split(key).map(|(other, number)| (other, number, *value)))
            .filter(|(other, ..)| *other == run)
        {
            entries.push((number, value.as_ref()));
            records.next();
        }
        applied.history(db, run, &entries)?;
    }
    Ok(applied)
}

impl Applied {
    fn alone(&mut self, db: &Db, physical: &[u8], value: Option<&Value>) -> Result<(), StoreError> {
        self.count(physical, value.map_or(0, |v| v.len()));
        let was = match value {
            Some(value) => db.insert(physical, value.clone()),
            None => db.remove(physical),
        };
        was.map(drop).map_err(StoreError::backend)
    }

    fn count(&mut self, key: &[u8], value: usize) {
        self.keys += 1;
        self.bytes += (key.len() + value) as u64;
    }

    /// Writes and removes entries of one run, in the order of their numbers.
    fn history(&mut self, db: &Db, run: &[u8], entries: &[(u64, Option<&Value>)]) -> Result<(), StoreError> {
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else { return Ok(()) };
        let mut append = are_behind(db, run, *first)?;
        if !append {
            self.take_out(db, run, entries, *first, *last)?;
            append = are_behind(db, run, *first)?;
        }
        if entries.iter().any(|(_, value)| value.is_none()) {
            self.remove_alone(db, run, entries, *first, *last)?;
        }
        let mut chunk = vec![];
        let mut size = 0;
        for (number, value) in entries.iter().filter_map(|(number, value)| Some((*number, (*value)?))) {
            let framed = FRAMING + value.len();
            if !append || framed > MAX_CHUNK {
                self.alone(db, &entry_key(run, number), Some(value))?;
                continue;
            }
            if size + framed > MAX_CHUNK {
                self.chunk(db, run, &std::mem::take(&mut chunk))?;
                size = 0;
            }
            size += framed;
            chunk.push((number, value.to_vec()));
        }
        self.chunk(db, run, &chunk)
    }

    fn chunk(&mut self, db: &Db, run: &[u8], entries: &[Entry]) -> Result<(), StoreError> {
        let Some((first, _)) = entries.first() else { return Ok(()) };
        self.write(db, &chunk_key(run, *first), entries)
    }

    fn write(&mut self, db: &Db, key: &[u8], entries: &[Entry]) -> Result<(), StoreError> {
        let mut body = Vec::with_capacity(entries.iter().map(|(_, record)| FRAMING + record.len()).sum());
        for (number, record) in entries {
            body.extend_from_slice(&number.to_be_bytes());
            body.extend_from_slice(&(record.len() as u16).to_be_bytes());
            body.extend_from_slice(record);
        }
        let sealed = record::seal_chunk(key, entries.len() as u64, &body);
        self.count(key, sealed.len());
        db.insert(key, sealed).map(drop).map_err(StoreError::backend)
    }

    /// Takes entries out of the chunks that hold them.
    fn take_out(
        &mut self,
        db: &Db,
        run: &[u8],
        entries: &[(u64, Option<&Value>)],
        first: u64,
        last: u64,
    ) -> Result<(), StoreError> {
        let from = holder(db, run, first)?.map_or_else(|| chunk_key(run, first), |(key, _)| key.to_vec());
        let rows: Result<Vec<_>, _> = db.range(from..=chunk_key(run, last)).collect();
        for (key, raw) in rows.map_err(StoreError::backend)? {
            let mut chunk = match Chunk::read(key.clone(), &raw) {
                Ok(chunk) => chunk,
                Err(StoreError::Damaged { .. }) => {
                    // It goes with the entry that readers were told of.
                    let told = last_possible(db, &key)?;
                    if entries.contains(&(told, None)) {
                        self.alone(db, &key, None)?;
                    }
                    continue;
                }
                Err(e) => return Err(e),
            };
            let before = chunk.entries.len();
            chunk.entries.retain(|(number, _)| entries.binary_search_by_key(number, |(n, _)| *n).is_err());
            match chunk.entries.len() {
                0 => self.alone(db, &chunk.key, None)?,
                left if left < before => self.write(db, &chunk.key, &chunk.entries)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes entries that are records of their own.
    fn remove_alone(
        &mut self,
        db: &Db,
        run: &[u8],
        entries: &[(u64, Option<&Value>)],
        first: u64,
        last: u64,
    ) -> Result<(), StoreError> {
        let keys: Result<Vec<_>, _> = db.range(entry_key(run, first)..=entry_key(run, last)).keys().collect();
        for key in keys.map_err(StoreError::backend)? {
            let gone = split(&key).and_then(|(_, number)| entries.iter().find(|(n, _)| *n == number));
            if gone.is_some_and(|(_, value)| value.is_none()) {
                self.alone(db, &key, None)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::ControlFlow;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use uuid::Uuid;

    use super::super::view::Written;
    use super::*;
    use crate::journal::id::{Namespace, RunId, WorkflowId};
    use crate::journal::key::InstanceKeys;
    use crate::store::record::Medium;
    use crate::store::{Revision, record::Op};

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    /// Records as a commit gives them to the log, in physical form.
    fn put(key: &[u8], value: &[u8], into: &mut Table) {
        let mut ops: Vec<Op> = vec![];
        record::encode(key, value, Revision(1), &mut ops);
        into.extend(ops.into_iter().map(|(key, value)| (key, value.map(Value::from))));
    }

    fn update(model: &mut Model, table: &Table) {
        for (key, value) in table {
            match value {
                Some(value) => drop(model.insert(key.clone(), value.to_vec())),
                None => drop(model.remove(key)),
            }
        }
    }

    fn all(db: &Db, from: &[u8], to: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = vec![];
        let mut each = |key: &[u8], value: &[u8]| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(ControlFlow::Continue(()))
        };
        Written(db).range(from, to, &mut each).unwrap();
        found
    }

    fn keys(instance: u8) -> InstanceKeys {
        InstanceKeys::new(&Namespace::default(), &WorkflowId::new(format!("order-{instance}")).unwrap())
    }

    fn run(n: u128) -> RunId {
        RunId(Uuid::from_u128(n))
    }

    /// What readers see is what was written, whatever lies in chunks.
    fn agree(db: &Db, model: &Model, random: &mut StdRng) {
        let rows = |from: &[u8], to: &[u8]| -> Vec<_> {
            model.range(from.to_vec()..to.to_vec()).map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        let (low, high) = (record::physical(&[]), record::physical(&[u8::MAX]));
        assert!(all(db, &low, &high) == rows(&low, &high));
        let mut bounds: Vec<Vec<u8>> = model.keys().filter(|key| **key >= low).cloned().collect();
        bounds.extend((0..3).flat_map(|i| {
            let keys = keys(i);
            let end = key::after(&keys.history(run(1), 0)[..keys.history(run(1), 0).len() - 8]);
            [keys.history(run(1), random.random_range(0..40)), end, keys.frame()].map(|key| record::physical(&key))
        }));
        // As who reads page by page goes on behind the last key.
        bounds.extend(bounds.clone().into_iter().map(|key| [key, vec![0]].concat()));
        for _ in 0..30 {
            let mut two = [0; 2].map(|_| bounds[random.random_range(0..bounds.len())].clone());
            two.sort();
            let [from, to] = two;
            let expected = rows(&from, &to);
            assert!(all(db, &from, &to) == expected, "{from:?} to {to:?}");
            let last = Written(db).last(&from, &to).unwrap().map(|(key, value)| (key, value.to_vec()));
            assert!(last.as_ref() == expected.last(), "{from:?} to {to:?}");
            let found = Written(db).read(&from).unwrap().map(|value| value.to_vec());
            assert!(found.as_ref() == model.get(&from), "{from:?}");
        }
    }

    /// Tables as generations write them: entries that are appended, and removed from the front, at the end and all at once;
    /// large ones; entries that are written anew; other records; each table perhaps again, as after a crash, with those behind it.
    #[test]
    fn chunks_are_not_seen() {
        for seed in 0..12 {
            let random = &mut StdRng::seed_from_u64(seed);
            let directory = tempfile::tempdir().unwrap();
            let db = ::sled::open(directory.path()).unwrap();
            let mut model = Model::new();
            let mut next = [0; 6];
            let mut before = Table::new();
            for _ in 0..25 {
                let mut table = Table::new();
                for _ in 0..random.random_range(1..6) {
                    let which = random.random_range(0..6);
                    let (keys, run) = (keys(which as u8 % 3), run(which as u128 / 3));
                    put(&keys.frame(), &[which as u8; 70], &mut table);
                    match random.random_range(0..10) {
                        0..7 => {
                            for _ in 0..random.random_range(1..20) {
                                let large = random.random_range(0..40) == 0;
                                let size =
                                    if large { random.random_range(3_000..9_000) } else { random.random_range(0..400) };
                                put(&keys.history(run, next[which]), &vec![which as u8; size], &mut table);
                                next[which] += 1;
                            }
                        }
                        7 => put(&keys.history(run, random.random_range(0..40)), &[9; 30], &mut table),
                        _ => {
                            let (from, to) = (random.random_range(0..next[which] + 1), next[which]);
                            let to = random.random_range(from..=to);
                            let gone = (from..to).map(|n| (record::physical(&keys.history(run, n)), None));
                            table.extend(gone);
                        }
                    }
                }
                apply(&db, &table).unwrap();
                update(&mut model, &table);
                if random.random_range(0..4) == 0 {
                    // The process died before it could note that: these and the next are one table now.
                    before.extend(table.clone());
                    apply(&db, &before).unwrap();
                }
                before = table;
                agree(&db, &model, random);
            }
        }
    }

    #[test]
    fn the_entries_of_a_generation_are_few_records() {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let (keys, mut table) = (keys(0), Table::new());
        (0..100).for_each(|n| put(&keys.history(run(1), n), &[7; 200], &mut table));
        let Applied { keys: records, bytes } = apply(&db, &table).unwrap();
        assert_eq!(records, 6, "18 of them go into a chunk of 4 KiB");
        assert!(bytes < 100 * 235, "{bytes}");
        let gone: Table = table.keys().map(|key| (key.clone(), None)).collect();
        apply(&db, &gone).unwrap();
        assert!(db.is_empty(), "nothing is left of a run that is removed");
    }

    /// Three chunks, the middle one of them damaged.
    fn damaged() -> (tempfile::TempDir, Db, InstanceKeys) {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let keys = keys(0);
        for from in [0, 6, 12] {
            let mut table = Table::new();
            (from..from + 6).for_each(|n| put(&keys.history(run(1), n), &[n as u8; 200], &mut table));
            apply(&db, &table).unwrap();
        }
        let (key, mut raw) = db.iter().nth(1).map(|row| row.map(|(key, raw)| (key, raw.to_vec())).unwrap()).unwrap();
        raw[70] ^= 4;
        db.insert(key, raw).unwrap();
        (directory, db, keys)
    }

    #[test]
    fn a_damaged_chunk_hides_no_other() {
        let (_directory, db, keys) = damaged();
        let (low, to) = key::range(&keys.history(run(1), 0)[..keys.history(run(1), 0).len() - 8]);
        let (mut from, mut seen, mut told) = (low.clone(), 0, vec![]);
        while let Some(StoreError::Damaged { key, reason }) = match record::scan(&Written(&db), &from, &to, 1) {
            Ok(rows) => rows.first().map(|(key, _)| {
                (from, seen) = ([key.as_slice(), &[0]].concat(), seen + 1);
                StoreError::damaged(key, "")
            }),
            Err(e) => Some(e),
        } {
            if !reason.is_empty() {
                from = [key.as_slice(), &[0]].concat();
                told.push(key);
            }
        }
        assert_eq!((seen, told), (12, vec![keys.history(run(1), 11)]));
        // Backwards, too.
        let back = record::scan_back(&Written(&db), &low, &to, 20).unwrap_err();
        let StoreError::Damaged { key, .. } = &back else { panic!("{back}") };
        assert_eq!(key, &keys.history(run(1), 6));
        assert_eq!(record::scan_back(&Written(&db), &low, key, 20).unwrap().len(), 6);
        let one = record::read(&Written(&db), &keys.history(run(1), 8)).unwrap_err().to_string();
        assert!(one.contains("order-0") && one.contains("#8") && one.contains("from #6 on"), "{one}");
    }

    #[test]
    fn a_run_with_a_damaged_chunk_goes_on_and_can_be_removed() {
        let (_directory, db, keys) = damaged();
        let (key, _) = db.iter().nth(2).unwrap().unwrap();
        db.remove(key).unwrap();
        // The damaged one is the last now.
        let mut table = Table::new();
        (12..15).for_each(|n| put(&keys.history(run(1), n), &[n as u8; 200], &mut table));
        apply(&db, &table).unwrap();
        let rows = record::scan(&Written(&db), &keys.history(run(1), 12), &keys.history(run(1), 99), 9).unwrap();
        assert_eq!(rows.iter().map(|(_, value)| value[0]).collect::<Vec<_>>(), [12, 13, 14]);
        let told = record::scan(&Written(&db), &keys.history(run(1), 7), &keys.history(run(1), 99), 9);
        assert!(matches!(told, Err(StoreError::Damaged { key, .. }) if key == keys.history(run(1), 11)));
        let gone = (0..15).map(|n| (record::physical(&keys.history(run(1), n)), None));
        apply(&db, &gone.collect()).unwrap();
        assert!(db.is_empty());
    }
}
