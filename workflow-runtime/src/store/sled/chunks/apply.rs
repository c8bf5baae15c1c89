//! Writing: what a generation says of the history of a run becomes chunks.

use std::collections::BTreeMap;

use super::{Db, Entry, FRAMING, MAX_CHUNK, behind, chunk_key, entries, entry_key, first, last_possible, split};
use crate::store::sled::blocks::{self, Applied, Change};
use crate::store::sled::table::Table;
use crate::store::{StoreError, record};

/// So many bytes of chunks are gathered before they are written.
const GATHERED: usize = 1 << 20;

/// Writes a table to the database. A second time it changes nothing.
pub(in crate::store::sled) fn apply(db: &Db, table: &Table) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let records = table.records().map(|(key, value)| (key.into(), value.as_deref().map(Into::into)));
    blocks::apply(db, records, &mut applied)?;
    let (mut gathered, mut bytes) = (vec![], 0);
    for (run, entries) in table.histories() {
        let entries = entries.iter().map(|(number, value)| (*number, value.as_deref())).collect();
        let mut changes = Changes { db, run, entries, made: BTreeMap::new() };
        changes.make()?;
        for (key, value) in changes.made {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            let change: Change<'static> = (key.into(), value.map(Into::into));
            gathered.push(change);
        }
        if bytes >= GATHERED {
            blocks::apply(db, gathered.drain(..), &mut applied)?;
            bytes = 0;
        }
    }
    blocks::apply(db, gathered, &mut applied)?;
    Ok(applied)
}

/// What becomes of entries of one run, in the order of their numbers; nothing for those that go.
struct Changes<'a> {
    db: &'a Db,
    run: &'a [u8],
    entries: Vec<(u64, Option<&'a [u8]>)>,
    /// What becomes of physical keys for that.
    made: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Changes<'_> {
    fn make(&mut self) -> Result<(), StoreError> {
        let (Some((first, _)), Some((last, _))) = (self.entries.first().copied(), self.entries.last().copied()) else {
            return Ok(());
        };
        let mut append = self.is_behind_all(first, |_| true)?;
        if !append {
            self.take_out(first, last)?;
            append = self.is_behind_all(first, |number| self.find(number).is_none())?;
        }
        if self.entries.iter().any(|(_, value)| value.is_none()) {
            self.remove_alone(first, last)?;
        }
        let (mut chunk, mut size) = (vec![], 0);
        for (number, value) in std::mem::take(&mut self.entries) {
            let Some(value) = value else { continue };
            let framed = FRAMING + value.len();
            if !append || framed > MAX_CHUNK {
                self.made.insert(entry_key(self.run, number), Some(value.to_vec()));
                continue;
            }
            if size + framed > MAX_CHUNK {
                self.chunk(&std::mem::take(&mut chunk));
                size = 0;
            }
            size += framed;
            chunk.push((number, value));
        }
        self.chunk(&chunk);
        Ok(())
    }

    /// Whether all that is in chunks and counts has lower numbers. Of what is damaged only its lower bound is known, and no more needed:
    /// nothing else in it will ever be read.
    fn is_behind_all(&self, number: u64, counts: impl Fn(u64) -> bool) -> Result<bool, StoreError> {
        let (from, mut to) = (chunk_key(self.run, 0), behind(&chunk_key(self.run, u64::MAX)));
        while let Some((key, raw)) = blocks::last(self.db, &from, &to)? {
            match raw.map(|raw| entries(&key, &raw).map(|entries| last_of(&entries, &counts))) {
                Ok(Ok(Some(last))) => return Ok(last < number),
                Ok(Ok(None)) => {}
                Ok(Err(StoreError::Damaged { .. })) => return Ok(first(&key) < number),
                Err(StoreError::Damaged { .. }) => return Ok(true),
                Ok(Err(e)) | Err(e) => return Err(e),
            }
            to = key.to_vec();
        }
        Ok(true)
    }

    /// What is said of an entry, if anything is.
    fn find(&self, number: u64) -> Option<Option<&[u8]>> {
        let at = self.entries.binary_search_by_key(&number, |(n, _)| *n).ok()?;
        Some(self.entries[at].1)
    }

    /// Takes the entries out of the chunks that hold them.
    fn take_out(&mut self, first: u64, last: u64) -> Result<(), StoreError> {
        let holder = blocks::last(self.db, &chunk_key(self.run, 0), &behind(&chunk_key(self.run, first)))?;
        let from = match holder {
            Some((key, Ok(_))) => key.to_vec(),
            Some(_) => chunk_key(self.run, 0),
            None => chunk_key(self.run, first),
        };
        for (key, raw) in blocks::rows(self.db, &from, &behind(&chunk_key(self.run, last)))? {
            let raw = match raw {
                Ok(raw) => raw,
                // What a damaged block may hold stays.
                Err(StoreError::Damaged { .. }) => continue,
                Err(e) => return Err(e),
            };
            let mut entries = match entries(&key, &raw) {
                Ok(entries) => entries,
                Err(StoreError::Damaged { .. }) => {
                    // It goes with the entry that readers were told of.
                    if self.find(last_possible(self.db, &key)?) == Some(None) {
                        self.made.insert(key.to_vec(), None);
                    }
                    continue;
                }
                Err(e) => return Err(e),
            };
            let before = entries.len();
            entries.retain(|(number, _)| self.find(*number).is_none());
            match entries.len() {
                0 => drop(self.made.insert(key.to_vec(), None)),
                left if left < before => self.write(&key, &entries),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes entries that are records of their own.
    fn remove_alone(&mut self, first: u64, last: u64) -> Result<(), StoreError> {
        let alone = self.db.range(entry_key(self.run, first)..=entry_key(self.run, last)).keys();
        for key in alone.collect::<Result<Vec<_>, _>>().map_err(StoreError::backend)? {
            if split(&key).and_then(|(_, number)| self.find(number)) == Some(None) {
                self.made.insert(key.to_vec(), None);
            }
        }
        Ok(())
    }

    fn chunk(&mut self, entries: &[Entry<'_>]) {
        if let Some((first, _)) = entries.first() {
            self.write(&chunk_key(self.run, *first), entries);
        }
    }

    fn write(&mut self, key: &[u8], entries: &[Entry<'_>]) {
        let mut body = Vec::with_capacity(entries.iter().map(|(_, record)| FRAMING + record.len()).sum());
        for (number, record) in entries {
            body.extend_from_slice(&number.to_be_bytes());
            body.extend_from_slice(&(record.len() as u16).to_be_bytes());
            body.extend_from_slice(record);
        }
        let sealed = record::seal_many(record::CHUNK, key, entries.len() as u64, &body);
        self.made.insert(key.to_vec(), Some(sealed));
    }
}

/// The last of the entries that count.
fn last_of(entries: &[Entry<'_>], counts: impl Fn(u64) -> bool) -> Option<u64> {
    entries.iter().rev().map(|(number, _)| *number).find(|number| counts(*number))
}
