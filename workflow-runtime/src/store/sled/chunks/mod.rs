//! How the database keeps histories: entries of a run that are written together lie in one record, a *chunk*.
//!
//! ```text
//! h<key up to the number><first:u64>   4 entries:u64 crc:u32 (number:u64 length:u16 record)...
//! ```
//!
//! Each step appends an entry and nobody changes one. One by one, they are most of what the database has to write, and their
//! keys are a third of what it keeps. A chunk holds those of one generation, in the order of their numbers. `first` is a
//! lower bound: entries are removed from a chunk without giving it another key, so that one write does it. A small chunk, like that of
//! a run that has begun and waits, may be in a block.
//!
//! Chunks of one run do not overlap. An entry that is no append, or too large, is a record of its own, as every entry was
//! in format 2; where an entry is in a chunk too, that one counts.

mod apply;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::blocks::{self, Row};
use super::table::merge;
use crate::journal::key;
use crate::store::StoreError;
use crate::store::record;

pub(super) use self::apply::apply;

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
    [in_chunks(run).as_slice(), &number.to_be_bytes()].concat()
}

/// The physical key in the region of chunks of a key, or a bound, of an entry.
fn in_chunks(physical: &[u8]) -> Vec<u8> {
    [&[record::REGION_CHUNK], record::logical(physical).unwrap_or(physical)].concat()
}

/// The bounds of the chunks that may hold records of `from..to`; `None` if no history is there.
fn bounds(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<Range<Vec<u8>>>, StoreError> {
    let (Some(low), Some(high)) = (record::logical(from), record::logical(to)) else { return Ok(None) };
    let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    if !key::may_be_history(&low[..common]) {
        return Ok(None);
    }
    let mut start = in_chunks(from);
    if let Some(run) = run_in(from)
        && let Some(number) = first_from(&from[run.len()..])
        && let Some((key, chunk)) = blocks::last(db, &chunk_key(run, 0), &behind(&chunk_key(run, number)))?
    {
        // It may begin before what is asked for. Where that is not known, all of the run is looked at.
        start = if chunk.is_ok() { key.to_vec() } else { chunk_key(run, 0) };
    }
    Ok(Some(start..in_chunks(to)))
}

/// The bound behind a key.
fn behind(physical: &[u8]) -> Vec<u8> {
    [physical, &[0]].concat()
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
    let (count, mut body) = record::open_many(record::CHUNK, key, raw)?;
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

/// The number of the last entry that a chunk may hold: the next one begins behind it.
fn last_possible(db: &Db, chunk: &[u8]) -> Result<u64, StoreError> {
    let next = blocks::rows(db, &behind(chunk), &behind(&chunk_key(&run_of(chunk), u64::MAX)))?.next();
    Ok(match next {
        Some((key, Ok(_))) => first(&key).saturating_sub(1),
        _ => u64::MAX,
    })
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

/// An error of a block of chunks, told of an entry or a bound.
fn named(physical: &[u8], error: StoreError) -> StoreError {
    let StoreError::Damaged { reason, .. } = error else { return error };
    StoreError::damaged(record::logical(physical).unwrap_or(physical), reason)
}

/// The record of a physical key, wherever it is.
pub(super) fn read(db: &Db, physical: &[u8]) -> Result<Option<Value>, StoreError> {
    if let Some((run, number)) = split(physical)
        && let Some(entry) = packed(db, run, number)?
    {
        return Ok(Some(entry));
    }
    blocks::read(db, physical)
}

/// The record of an entry that is in a chunk.
fn packed(db: &Db, run: &[u8], number: u64) -> Result<Option<Value>, StoreError> {
    let holder = chunk_key(run, number);
    let Some((key, raw)) = blocks::last(db, &chunk_key(run, 0), &behind(&holder))? else { return Ok(None) };
    let told = |e| told_of(number, &key, e);
    let raw = raw.map_err(|e| named(&entry_key(run, number), e))?;
    let found = entries(&key, &raw).map_err(told)?.into_iter().find(|(n, _)| *n == number);
    if found.is_none() {
        // A damaged block may hold another chunk, behind this one.
        blocks::packed(db, &holder).map_err(|e| named(&entry_key(run, number), e))?;
    }
    Ok(found.map(|(_, record)| record.into()))
}

/// The records of the database from `from` up to `to`, in order, wherever they are.
pub(super) fn rows(db: &Db, from: &[u8], to: &[u8]) -> Result<impl Iterator<Item = Row> + use<>, StoreError> {
    let packed = match bounds(db, from, to)? {
        None => None,
        Some(Range { start, end }) => {
            let chunks = blocks::rows(db, &start, &end)?;
            Some(Unpacked {
                db: db.clone(),
                chunks,
                open: Vec::new().into_iter(),
                from: from.to_vec(),
                to: to.to_vec(),
            })
        }
    };
    Ok(merge(packed.into_iter().flatten(), blocks::rows(db, from, to)?))
}

/// The last record of the database in `from..to`, wherever it is.
pub(super) fn last(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<Row>, StoreError> {
    let packed = last_packed(db, from, to)?;
    Ok(match (packed, blocks::last(db, from, to)?) {
        (Some(packed), Some(other)) => Some(if other.0 > packed.0 { other } else { packed }),
        (packed, other) => packed.or(other),
    })
}

/// The last record of the database in `from..to` that is in a chunk.
fn last_packed(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<Row>, StoreError> {
    let Some(Range { start, mut end }) = bounds(db, from, to)? else { return Ok(None) };
    while let Some((key, raw)) = blocks::last(db, &start, &end)? {
        let raw = match raw {
            Ok(raw) => raw,
            Err(e) => {
                let told = record::physical(&key[1..]);
                let told = told.as_slice().max(from);
                return Ok(Some((told.into(), Err(named(told, e)))));
            }
        };
        let run = run_of(&key);
        let entries = match entries(&key, &raw) {
            Ok(entries) => entries,
            // A scan goes on before what it was told of.
            Err(e) => {
                let first = first(&key);
                return Ok(Some((entry_key(&run, first).into(), Err(told_of(first, &key, e)))));
            }
        };
        for (number, record) in entries.into_iter().rev() {
            let key = entry_key(&run, number);
            if key.as_slice() < from {
                return Ok(None);
            }
            if key.as_slice() < to {
                return Ok(Some((key.into(), Ok(record.into()))));
            }
        }
        end = key.to_vec();
    }
    Ok(None)
}

/// The entries of chunks, as readers know them.
struct Unpacked<I> {
    db: Db,
    chunks: I,
    open: std::vec::IntoIter<Row>,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl<I> Unpacked<I> {
    /// What is in one chunk.
    fn unpack(&self, key: &Value, raw: &Value) -> Vec<Row> {
        let run = run_of(key);
        match entries(key, raw) {
            Ok(entries) => {
                let keyed = entries.into_iter().map(|(number, record)| (entry_key(&run, number), record));
                let wanted = keyed.filter(|(key, _)| *key >= self.from && *key < self.to);
                wanted.map(|(key, record)| (key.into(), Ok(record.into()))).collect()
            }
            // A scan goes on behind what it was told of.
            Err(e) => match last_possible(&self.db, key) {
                Ok(last) => {
                    let told = entry_key(&run, last);
                    let wanted = told >= self.from;
                    wanted.then(|| (told.into(), Err(told_of(last, key, e)))).into_iter().collect()
                }
                Err(e) => vec![(Value::default(), Err(e))],
            },
        }
    }
}

impl<I: Iterator<Item = Row>> Iterator for Unpacked<I> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.open.next() {
                return Some(row);
            }
            match self.chunks.next()? {
                (key, Ok(raw)) => self.open = self.unpack(&key, &raw).into_iter(),
                // A damaged block of chunks.
                (key, Err(e)) if !key.is_empty() => {
                    let Some(told) = blocks::told_from(record::physical(&key[1..]), &self.from) else { continue };
                    return Some((told.as_slice().into(), Err(named(&told, e))));
                }
                failed => return Some(failed),
            }
        }
    }
}
