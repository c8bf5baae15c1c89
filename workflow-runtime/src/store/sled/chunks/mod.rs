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

mod apply;
#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::ops::{Bound, Range};

use crate::journal::key;
use crate::store::StoreError;
use crate::store::record;

pub(super) use self::apply::{Applied, apply};

const REGION_CHUNK: u8 = b'h';
/// Bytes of the number and the length of an entry.
const FRAMING: usize = 8 + 2;
/// The most bytes of entries in a chunk.
const MAX_CHUNK: usize = record::BODY;

type Db = ::sled::Db;
type Value = ::sled::IVec;
/// The number of an entry and its record.
type Entry<'a> = (u64, &'a [u8]);

/// What all entries of a run have in common in their physical keys, of a key there or a bound.
pub(super) fn run_in(physical: &[u8]) -> Option<&[u8]> {
    physical.get(..1 + key::history_number(record::logical(physical)?)?)
}

/// Takes the physical key of an entry of a history apart: its run, and its number.
pub(super) fn split(physical: &[u8]) -> Option<(&[u8], u64)> {
    let run = run_in(physical)?;
    Some((run, u64::from_be_bytes(physical[run.len()..].try_into().ok()?)))
}

/// The physical key of an entry, as readers know it.
pub(super) fn entry_key(run: &[u8], number: u64) -> Vec<u8> {
    [run, &number.to_be_bytes()].concat()
}

fn chunk_key(run: &[u8], number: u64) -> Vec<u8> {
    let named = record::logical(run).unwrap_or(run);
    [&[REGION_CHUNK], named, &number.to_be_bytes()].concat()
}

/// The bounds of the chunks that may hold records of `from..to`; `None` if no history is there.
fn bounds(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<Range<Vec<u8>>>, StoreError> {
    let (Some(low), Some(high)) = (record::logical(from), record::logical(to)) else { return Ok(None) };
    let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    if !key::may_be_history(&low[..common]) {
        return Ok(None);
    }
    let chunk = |key: &[u8]| [&[REGION_CHUNK], key].concat();
    let mut start = chunk(low);
    if let Some(run) = run_in(from)
        && let Some(number) = first_from(&from[run.len()..])
        && let Some((key, _)) = holder(db, run, number)?
    {
        // It may begin before what is asked for.
        start = key.to_vec();
    }
    Ok(Some(start..chunk(high)))
}

/// The lowest number that is not below a bound, which may have less or more bytes.
pub(super) fn first_from(bound: &[u8]) -> Option<u64> {
    let mut number = [0; 8];
    let known = bound.len().min(8);
    number[..known].copy_from_slice(&bound[..known]);
    let number = u64::from_be_bytes(number);
    if bound.len() > 8 { number.checked_add(1) } else { Some(number) }
}

/// The entries of a chunk.
fn entries<'a>(key: &[u8], raw: &'a [u8]) -> Result<Vec<Entry<'a>>, StoreError> {
    let damaged = || StoreError::damaged(&key[1..], "the entries that lie together there do not fit");
    let (count, mut body) = record::open_chunk(key, raw)?;
    let mut entries = Vec::with_capacity(MAX_CHUNK / 256);
    while !body.is_empty() {
        let (number, rest) = body.split_first_chunk::<8>().ok_or_else(damaged)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        let (record, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(damaged)?;
        entries.push((u64::from_be_bytes(*number), record));
        body = rest;
    }
    if entries.len() as u64 != count {
        return Err(damaged());
    }
    Ok(entries)
}

/// The chunk that would hold an entry, as it is stored.
fn holder(db: &Db, run: &[u8], number: u64) -> Result<Option<(Value, Value)>, StoreError> {
    let mut rows = db.range(chunk_key(run, 0)..=chunk_key(run, number));
    rows.next_back().transpose().map_err(StoreError::backend)
}

/// The number of the last entry that a chunk may hold: the next one begins behind it.
fn last_possible(db: &Db, chunk: &[u8]) -> Result<u64, StoreError> {
    let behind = (Bound::Excluded(chunk.to_vec()), Bound::Included(chunk_key(&run_of(chunk), u64::MAX)));
    let next = db.range(behind).next().transpose().map_err(StoreError::backend)?;
    Ok(next.map_or(u64::MAX, |(key, _)| first(&key).saturating_sub(1)))
}

/// The run of the entries of a chunk.
fn run_of(chunk: &[u8]) -> Vec<u8> {
    record::physical(&chunk[1..chunk.len() - 8])
}

/// The lower bound of the numbers of its entries.
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
    let entries = entries(&key, &raw).map_err(|e| told_of(number, &key, e))?;
    let found = entries.into_iter().find(|(n, _)| *n == number);
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
        let entries = entries(&key, &raw).map_err(|e| told_of(first(&key), &key, e))?;
        for (number, record) in entries.into_iter().rev() {
            let key = entry_key(&run_of(&key), number);
            if key.as_slice() < from {
                return Ok(None);
            }
            if key.as_slice() < to {
                return Ok(Some((key, record.into())));
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
    open: std::vec::IntoIter<(Vec<u8>, Value)>,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Iterator for Unpacked {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some((key, record)) = self.open.next() {
                return Some(Ok((key.into(), record)));
            }
            let (key, raw) = match self.chunks.next()?.map_err(StoreError::backend) {
                Ok(row) => row,
                Err(e) => return Some(Err(e)),
            };
            let entries = match entries(&key, &raw) {
                Ok(entries) => entries,
                // A scan goes on behind what it was told of.
                Err(e) => return Some(last_possible(&self.db, &key).and_then(|last| Err(told_of(last, &key, e)))),
            };
            let run = run_of(&key);
            let keyed = entries.into_iter().map(|(number, record)| (entry_key(&run, number), record.into()));
            let wanted = keyed.filter(|(key, _)| *key >= self.from && *key < self.to);
            self.open = wanted.collect::<Vec<_>>().into_iter();
        }
    }
}
