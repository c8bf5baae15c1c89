//! How the database keeps small records: neighbours in the order of keys lie in one record, a *block*.
//!
//! ```text
//! b<physical key>   5 entries:u64 crc:u32 (shared:u8 key length:u16 length:u16 rest of the key, record)...
//! ```
//!
//! What sled keeps in memory is a place for each of its pages, and a page holds some ten records whatever their size. So blocks are
//! the leaves of a tree over sled: an entry is in the block with the greatest key that is not above its own. The key of a block is
//! a lower bound of its entries: that of the first block is what all keys of the kind begin with. No block holds two kinds.
//!
//! Entries of a block count only below the key of the next one. So when a block is split, the new ones are written before it is made
//! smaller, the last of them first, and readers see each entry once at every moment, as they do when a crash comes between.
//! Whoever reads may meet a block before it is made smaller or after; he looks for the next one behind that, and then it is there.
//!
//! A record that is too large is *alone*, under its own key, as all were in formats 2 and 3; where it is in a block too, the one
//! alone counts. What is alone stays so, however small it becomes: a chunk of a history that loses entries does not move while
//! somebody reads the others. Frames are alone, because most steps write one, and parts, because they are large.
//! What comes and goes with time, like timers, pays too: one write of a block does it for many of them.
//!
//! Of a damaged block nobody knows what it holds. So each key in its range that is not alone is damaged, also when it is deleted. What
//! is written there is alone, and counts. What the block holds stays until it is asked to go: by the deletion of the key that a scan over
//! all of its range was told of ([`end_mark`]). Who removes a part of the range, one instance of many, is told of another key, and leaves it;
//! so does everybody with a block of chunks. A commit that deletes what it was told of and nothing else means all of it.

mod apply;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Bound;

use crate::journal::key::{self, Kind};
use crate::store::StoreError;
use crate::store::record;
use crate::store::sled::table::merge;

pub(super) use self::apply::{Applied, Change, apply};

const REGION_BLOCK: u8 = b'b';

type Db = ::sled::Db;
type Value = ::sled::IVec;
/// A physical key and its record, in a block.
type Entry<'a> = (Cow<'a, [u8]>, &'a [u8]);
/// A physical key and its record, or what is wrong there.
pub(super) type Row = (Value, Result<Value, StoreError>);

/// What the keys of all records have in common that may share a block with this one, or with what is behind this bound.
fn group(physical: &[u8]) -> Option<&[u8]> {
    let (length, kind) = key::kind_of(physical.get(1..)?)?;
    let packed = match physical.first() {
        Some(&record::REGION_RECORD) => kind != Kind::Frame && kind != Kind::History,
        Some(&record::REGION_CHUNK) => kind == Kind::History,
        _ => false,
    };
    packed.then_some(&physical[..=length])
}

/// The key of the block that begins at a physical key.
fn block_key(physical: &[u8]) -> Vec<u8> {
    [&[REGION_BLOCK], physical].concat()
}

/// The block that holds a physical key, if it is in one.
fn holder(db: &Db, group: &[u8], physical: &[u8]) -> Result<Option<(Value, Value)>, StoreError> {
    let mut blocks = db.range(block_key(group)..=block_key(physical));
    blocks.next_back().transpose().map_err(StoreError::backend)
}

/// Reads the entries of a block one after the other. All of it is known to be as it was written.
struct Entries<'a> {
    block: Value,
    body: &'a [u8],
    key: Vec<u8>,
}

impl<'a> Entries<'a> {
    fn new(block: &Value, raw: &'a [u8]) -> Result<Self, StoreError> {
        let (_, body) = record::open_many(record::BLOCK, block, raw)?;
        Ok(Self { block: block.clone(), body, key: block[1..].to_vec() })
    }

    /// The next one: its physical key is in `key` then.
    fn next(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        self.take().map(Some).ok_or_else(|| StoreError::damaged(&self.block[1..], "its entries do not fit"))
    }

    fn take(&mut self) -> Option<&'a [u8]> {
        let (shared, rest) = self.body.split_first()?;
        let (more, rest) = rest.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (more, rest) = rest.split_at_checked(u16::from_be_bytes(*more).into())?;
        let (record, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        if self.key.len() < usize::from(*shared) {
            return None;
        }
        self.key.truncate(usize::from(*shared));
        self.key.extend_from_slice(more);
        self.body = rest;
        Some(record)
    }

    /// Those in `from..to`.
    fn within(mut self, from: &[u8], to: &[u8]) -> Result<Vec<Entry<'a>>, StoreError> {
        let mut found = vec![];
        while let Some(record) = self.next()? {
            if self.key.as_slice() >= to {
                break;
            }
            if self.key.as_slice() >= from {
                found.push((self.key.clone().into(), record));
            }
        }
        Ok(found)
    }
}

/// An error of a whole block, told of a physical key in its range.
fn told_of(physical: &[u8], block: &[u8], error: StoreError) -> StoreError {
    let StoreError::Damaged { reason, .. } = error else { return error };
    let first = block.get(2..).unwrap_or_default().escape_ascii();
    let reason = format!("the small records from [{first}] on, which lie together, do not read back: {reason}");
    StoreError::damaged(physical.get(1..).unwrap_or_default(), reason)
}

/// More than any key has in a row: longer than its numbers, and no text has them.
const MARK: [u8; 33] = [u8::MAX; 33];
/// Bytes of a bound that matter for a mark.
const MARKED: usize = 1024;

/// A physical key behind all that may be below `end`, for an error of a block that ends there or goes on behind it. Who has asked for
/// all of the block is told of another one, behind that.
fn end_mark(end: &[u8], all: bool) -> Vec<u8> {
    let mark_of = if all { &MARK[..] } else { &MARK[1..] };
    let mut mark = end[..end.len().min(MARKED)].to_vec();
    while let Some(last) = mark.pop() {
        if last > 0 {
            mark.push(last - 1);
            mark.extend_from_slice(mark_of);
            break;
        }
    }
    mark
}

/// The key to be deleted by who knows that nobody has what was in the damaged block that he was told of with this key.
pub(super) fn mark_of_all(told: &[u8]) -> Option<Vec<u8>> {
    let in_part = told.ends_with(&MARK[1..]) && !is_mark_of_all(told);
    in_part.then(|| [told, &MARK[..1]].concat())
}

/// Whether a physical key is an [`end_mark`] for who has asked for all of a block.
fn is_mark_of_all(physical: &[u8]) -> bool {
    physical.ends_with(&MARK)
}

/// The physical key that a scan of `from..to` is told of when it meets a damaged block whose entries are below `end`.
fn told_to(block: &[u8], end: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    told_from(end_mark(end.min(to), from <= &block[1..] && end <= to), from)
}

/// The physical key that a scan from `from` on is told of in place of a mark. One that goes on behind the mark is told of nothing again.
pub(super) fn told_from(mark: Vec<u8>, from: &[u8]) -> Option<Vec<u8>> {
    match mark.as_slice() >= from {
        true => Some(mark),
        false => (!from.starts_with(&mark)).then(|| from.to_vec()),
    }
}

/// Where the range of a block ends: the next block, or the kind.
fn end_of(block: &[u8], next: Option<&[u8]>) -> Vec<u8> {
    let kind = group(&block[1..]).map_or_else(|| block[1..].to_vec(), key::after);
    match next {
        Some(next) if next[1..] < kind[..] => next[1..].to_vec(),
        _ => kind,
    }
}

/// The record of a physical key, wherever it is.
pub(super) fn read(db: &Db, physical: &[u8]) -> Result<Option<Value>, StoreError> {
    match db.get(physical).map_err(StoreError::backend)? {
        Some(alone) => Ok(Some(alone)),
        None => packed(db, physical),
    }
}

/// The record of a physical key, if it is in a block.
///
/// # Errors
///
/// Also when it may have been there.
pub(super) fn packed(db: &Db, physical: &[u8]) -> Result<Option<Value>, StoreError> {
    let Some(group) = group(physical) else { return Ok(None) };
    let mut looked_into = None;
    while let Some((key, raw)) = holder(db, group, physical)? {
        if looked_into.as_ref() == Some(&key) {
            break;
        }
        let damaged = |e| told_of(physical, &key, e);
        let mut entries = Entries::new(&key, &raw).map_err(damaged)?;
        while let Some(record) = entries.next().map_err(damaged)? {
            if entries.key == physical {
                return Ok(Some(record.into()));
            }
        }
        // It may have been split since it was looked for, and be the lower part now.
        looked_into = Some(key);
    }
    Ok(None)
}

/// The records of the database from `from` up to `to`, in order, wherever they are.
pub(super) fn rows(db: &Db, from: &[u8], to: &[u8]) -> Result<impl Iterator<Item = Row> + use<>, StoreError> {
    let alone = db.range::<&[u8], _>(from..to).map(|row| row.map_or_else(failed, |(key, value)| (key, Ok(value))));
    let packed = match may_be_packed(from, to) {
        true => Some(Packed::new(db, from, to)?),
        false => None,
    };
    Ok(merge(alone, packed.into_iter().flatten()))
}

/// An error of the database comes before everything else.
fn failed(error: ::sled::Error) -> Row {
    (Value::default(), Err(StoreError::backend(error)))
}

/// Whether a record in a block may be in `from..to`.
fn may_be_packed(from: &[u8], to: &[u8]) -> bool {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let region = matches!(from.first(), Some(&(record::REGION_RECORD | record::REGION_CHUNK)));
    let one_kind = from.get(1..common).is_some_and(|common| key::kind_of(common).is_some());
    region && (!one_kind || group(from).is_some())
}

/// The entries of blocks.
struct Packed {
    blocks: std::iter::Peekable<::sled::Iter>,
    open: std::vec::IntoIter<Row>,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Packed {
    fn new(db: &Db, from: &[u8], to: &[u8]) -> Result<Self, StoreError> {
        let holder = group(from).map_or(Ok(None), |group| holder(db, group, from))?;
        // It may begin before what is asked for.
        let start = holder.map_or_else(|| block_key(from), |(key, _)| key.to_vec());
        let blocks = db.range(start..block_key(to)).peekable();
        Ok(Self { blocks, open: Vec::new().into_iter(), from: from.to_vec(), to: to.to_vec() })
    }

    /// What is in one block.
    fn unpack(&mut self, key: &Value, raw: &Value) -> Vec<Row> {
        // Looked for behind the block itself.
        let next = self.blocks.peek().and_then(|next| next.as_ref().ok());
        let end = end_of(key, next.map(|(next, _)| next.as_ref()));
        let entries =
            Entries::new(key, raw).and_then(|entries| entries.within(&self.from, self.to.as_slice().min(&end)));
        match entries {
            Ok(entries) => entries.into_iter().map(|(key, record)| (key.as_ref().into(), Ok(record.into()))).collect(),
            Err(e) => {
                let told = told_to(key, &end, &self.from, &self.to);
                told.map(|told| (told.as_slice().into(), Err(told_of(&told, key, e)))).into_iter().collect()
            }
        }
    }
}

impl Iterator for Packed {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.open.next() {
                return Some(row);
            }
            match self.blocks.next()? {
                Ok((key, raw)) => self.open = self.unpack(&key, &raw).into_iter(),
                Err(e) => return Some(failed(e)),
            }
        }
    }
}

/// The last record of the database in `from..to`, wherever it is.
pub(super) fn last(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<Row>, StoreError> {
    let alone = db.range::<&[u8], _>(from..to).next_back().transpose().map_err(StoreError::backend)?;
    let alone = alone.map(|(key, value)| (key, Ok(value)));
    let packed = if may_be_packed(from, to) { last_packed(db, from, to)? } else { None };
    match (alone, packed) {
        (Some(alone), Some(packed)) => Ok(Some(if packed.0 > alone.0 { packed } else { alone })),
        (alone, packed) => Ok(alone.or(packed)),
    }
}

fn last_packed(db: &Db, from: &[u8], to: &[u8]) -> Result<Option<Row>, StoreError> {
    let start = block_key(group(from).unwrap_or(from));
    let mut end = to.to_vec();
    while from < end.as_slice() {
        let behind = block_key(&end);
        let block = db.range(start.clone()..behind.clone()).next_back().transpose().map_err(StoreError::backend)?;
        let Some((key, raw)) = block else { break };
        // It may have been split since it was looked for, and be the lower part now.
        let newer = db.range((Bound::Excluded(key.clone()), Bound::Excluded(behind.into()))).next();
        if newer.transpose().map_err(StoreError::backend)?.is_some() {
            continue;
        }
        match Entries::new(&key, &raw).and_then(|entries| entries.within(from, &end)) {
            Ok(mut entries) => {
                if let Some((key, record)) = entries.pop() {
                    return Ok(Some((key.as_ref().into(), Ok(record.into()))));
                }
            }
            // A scan goes on before what it was told of.
            Err(e) => {
                let told = from.max(&key[1..]);
                return Ok(Some((told.into(), Err(told_of(told, &key, e)))));
            }
        }
        end = key[1..].to_vec();
    }
    Ok(None)
}
