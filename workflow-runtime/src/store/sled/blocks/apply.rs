//! Writing: what a generation says of small records becomes blocks.

use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::{Bound, Range};

use super::{Db, Entries, Entry, Value, block_key, end_of, group, holder, is_mark_of_all};
use crate::store::{StoreError, record};

/// The most bytes of a key and a record in a block.
const SMALL: usize = 512;
/// A block is split when its entries have more bytes.
const FULL: usize = 2048;
/// Bytes of an entry that are neither key nor record.
const FRAMING: usize = 1 + 2 + 2;

/// What becomes of a physical key.
pub(in crate::store::sled) type Change<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// What was written to the database.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::store::sled) struct Applied {
    pub(in crate::store::sled) keys: u64,
    pub(in crate::store::sled) bytes: u64,
}

impl Applied {
    /// Writes a record under its own key, or removes it.
    fn alone(&mut self, db: &Db, physical: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let was = match value {
            Some(value) => db.insert(physical, value),
            None => db.remove(physical),
        };
        if was.map_err(StoreError::backend)?.is_some() || value.is_some() {
            self.keys += 1;
            self.bytes += (physical.len() + value.map_or(0, <[u8]>::len)) as u64;
        }
        Ok(())
    }
}

/// Makes changes, which come in the order of their keys. A second time it changes nothing.
pub(in crate::store::sled) fn apply<'a>(
    db: &Db,
    changes: impl IntoIterator<Item = Change<'a>>,
    applied: &mut Applied,
) -> Result<(), StoreError> {
    let mut changes = changes.into_iter().peekable();
    while let Some((first, _)) = changes.peek() {
        match Place::find(db, first)? {
            Some(place) => place.apply(&mut changes, applied)?,
            None => {
                let Some((key, value)) = changes.next() else { break };
                applied.alone(db, &key, value.as_deref())?;
            }
        }
    }
    Ok(())
}

/// A block that there is, or the first one of a kind, which is still to be made.
struct Place<'a> {
    db: &'a Db,
    key: Vec<u8>,
    there: Option<(Value, Value)>,
    /// All entries have lower keys.
    end: Vec<u8>,
}

impl<'a> Place<'a> {
    /// The block for a key, if it may be in one.
    fn find(db: &'a Db, physical: &[u8]) -> Result<Option<Self>, StoreError> {
        let Some(group) = group(physical) else { return Ok(None) };
        let there = holder(db, group, physical)?;
        let key = there.as_ref().map_or_else(|| block_key(group), |(key, _)| key.to_vec());
        let next = db.range((Bound::Excluded(key.clone()), Bound::Excluded(block_key(&end_of(&key, None))))).next();
        let next = next.transpose().map_err(StoreError::backend)?;
        let end = end_of(&key, next.as_ref().map(|(next, _)| next.as_ref()));
        Ok(Some(Self { db, key, there, end }))
    }

    /// Makes the changes of the keys that belong here.
    fn apply<'c>(
        self,
        changes: &mut Peekable<impl Iterator<Item = Change<'c>>>,
        applied: &mut Applied,
    ) -> Result<(), StoreError> {
        let mut here = vec![];
        while let Some(change) = changes.next_if(|(key, _)| key.as_ref() < self.end.as_slice()) {
            here.push(change);
        }
        let entries = match &self.there {
            Some((key, raw)) => Entries::new(key, raw).and_then(|entries| entries.within(&[], &self.end)),
            None => Ok(vec![]),
        };
        match entries {
            Ok(entries) => self.merge(entries, &here, applied),
            Err(StoreError::Damaged { .. }) => self.write_beside(&here, applied),
            Err(e) => Err(e),
        }
    }

    /// The block is damaged: what is written is alone, and what it may hold stays, until it is asked to go. Wherever it ends now: the
    /// blocks behind it may have gone since.
    fn write_beside(&self, here: &[Change<'_>], applied: &mut Applied) -> Result<(), StoreError> {
        for (key, value) in here {
            applied.alone(self.db, key, value.as_deref())?;
            if value.is_none() && is_mark_of_all(key) {
                self.remove(applied)?;
            }
        }
        Ok(())
    }

    fn merge(&self, there: Vec<Entry<'_>>, here: &[Change<'_>], applied: &mut Applied) -> Result<(), StoreError> {
        let (Some((first, _)), Some((last, _))) = (here.first(), here.last()) else { return Ok(()) };
        let alone = self.db.range::<&[u8], _>(first.as_ref()..=last.as_ref()).next();
        let some_alone = alone.transpose().map_err(StoreError::backend)?.is_some();
        let mut merged = Merged::new(there);
        for (key, value) in here {
            let is_alone = some_alone && self.db.contains_key(key).map_err(StoreError::backend)?;
            let fits = value.as_deref().filter(|value| !is_alone && key.len() + value.len() <= SMALL);
            if is_alone || value.is_some() != fits.is_some() {
                applied.alone(self.db, key, value.as_deref())?;
            }
            merged.change(key, fits);
        }
        let (entries, changed, new) = merged.finish();
        match (changed, entries.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => self.remove(applied),
            (true, false) => self.write(&entries, &split(&entries, new), applied),
        }
    }

    /// Nothing is left here. What the block before has behind this one, after a crash or behind damage, must not come back: then it
    /// stays, without entries. Nor must a mark meet a damaged one before it, when a generation is written a second time.
    fn remove(&self, applied: &mut Applied) -> Result<(), StoreError> {
        let kind = group(&self.key[1..]).unwrap_or_default();
        let before = self.db.range(block_key(kind)..self.key.clone()).next_back();
        let hides = match before.transpose().map_err(StoreError::backend)? {
            Some((key, raw)) => {
                let entries = Entries::new(&key, &raw).and_then(|entries| entries.within(&self.key[1..], &self.end));
                entries.map_or(true, |entries| !entries.is_empty())
            }
            None => false,
        };
        match hides {
            true => applied.alone(self.db, &self.key, Some(&seal(&self.key, &[]))),
            false => applied.alone(self.db, &self.key, None),
        }
    }

    /// Writes the blocks that this one becomes, the last one first.
    fn write(&self, entries: &[Entry<'_>], pieces: &[Range<usize>], applied: &mut Applied) -> Result<(), StoreError> {
        for piece in pieces.iter().rev() {
            let key = match piece.start.checked_sub(1) {
                None => self.key.clone(),
                // The shortest key between the two.
                Some(before) => {
                    let (before, first) = (&entries[before].0, &entries[piece.start].0);
                    block_key(&first[..first.len().min(shared(before, first) + 1)])
                }
            };
            applied.alone(self.db, &key, Some(&seal(&key, &entries[piece.clone()])))?;
        }
        Ok(())
    }
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn seal(block: &[u8], entries: &[Entry<'_>]) -> Vec<u8> {
    let mut body = Vec::with_capacity(FULL + SMALL);
    let mut before = &block[1..];
    for (key, record) in entries {
        let shared = shared(before, key).min(u8::MAX.into());
        body.push(shared as u8);
        body.extend_from_slice(&((key.len() - shared) as u16).to_be_bytes());
        body.extend_from_slice(&(record.len() as u16).to_be_bytes());
        body.extend_from_slice(&key[shared..]);
        body.extend_from_slice(record);
        before = key;
    }
    record::seal_many(record::BLOCK, block, entries.len() as u64, &body)
}

/// The entries of a block, and what becomes of them.
struct Merged<'a> {
    there: Peekable<std::vec::IntoIter<Entry<'a>>>,
    entries: Vec<Entry<'a>>,
    changed: bool,
    new: New,
}

/// Where entries are that were not there before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum New {
    #[default]
    Nowhere,
    /// Side by side.
    Here(Range<usize>),
    Scattered,
}

impl<'a> Merged<'a> {
    fn new(there: Vec<Entry<'a>>) -> Self {
        let entries = Vec::with_capacity(there.len() + 8);
        Self { there: there.into_iter().peekable(), entries, changed: false, new: New::default() }
    }

    /// Changes come in the order of their keys.
    fn change(&mut self, key: &'a [u8], value: Option<&'a [u8]>) {
        while let Some(before) = self.there.next_if(|(there, _)| there.as_ref() < key) {
            self.entries.push(before);
        }
        let was = self.there.next_if(|(there, _)| there.as_ref() == key);
        self.changed |= was.as_ref().map(|(_, record)| *record) != value;
        let Some(value) = value else { return };
        if was.is_none() {
            let at = self.entries.len();
            self.new = match std::mem::take(&mut self.new) {
                New::Nowhere => New::Here(at..at + 1),
                New::Here(range) if range.end == at => New::Here(range.start..at + 1),
                New::Here(_) | New::Scattered => New::Scattered,
            };
        }
        self.entries.push((Cow::Borrowed(key), value));
    }

    fn finish(mut self) -> (Vec<Entry<'a>>, bool, New) {
        self.entries.extend(self.there);
        (self.entries, self.changed, self.new)
    }
}

/// How entries are divided into blocks.
///
/// Keys that come in their order, like those of an index that grows by time, leave full blocks behind, and what is behind them is not
/// theirs. Others come anywhere: then each block has room for more of them.
fn split(entries: &[Entry<'_>], new: New) -> Vec<Range<usize>> {
    let mut sizes = Vec::with_capacity(entries.len());
    let mut before: &[u8] = &[];
    for (key, record) in entries {
        sizes.push(FRAMING + key.len() - shared(before, key).min(u8::MAX.into()) + record.len());
        before = key;
    }
    let all: usize = sizes.iter().sum();
    if all <= FULL {
        return std::iter::once(0..entries.len()).collect();
    }
    match new {
        New::Here(range) if range.len() > 1 || range.end == entries.len() => {
            let mut pieces = divide(&sizes[..range.end], 0, FULL);
            pieces.extend(divide(&sizes[range.end..], range.end, FULL));
            pieces
        }
        _ => divide(&sizes, 0, all.div_ceil(all.div_ceil(FULL))),
    }
}

/// Pieces of at most so many bytes, of indexes that begin at `at`; a little more where that makes them even.
fn divide(sizes: &[usize], at: usize, most: usize) -> Vec<Range<usize>> {
    let (mut pieces, mut begin, mut bytes) = (vec![], 0, 0);
    for (n, size) in sizes.iter().enumerate() {
        let room = if most < FULL { size / 2 } else { *size };
        if n > begin && bytes + room > most {
            pieces.push(at + begin..at + n);
            (begin, bytes) = (n, 0);
        }
        bytes += size;
    }
    if begin < sizes.len() {
        pieces.push(at + begin..at + sizes.len());
    }
    pieces
}
