//! Writing: what a generation says of the history of a run becomes chunks.

use super::{Db, Entry, FRAMING, MAX_CHUNK, chunk_key, entries, entry_key, first, holder, last_possible, split};
use crate::store::sled::table::Table;
use crate::store::{StoreError, record};

/// What was written to the database.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::store::sled) struct Applied {
    pub(in crate::store::sled) keys: u64,
    pub(in crate::store::sled) bytes: u64,
}

/// Writes a table to the database. A second time it changes nothing.
pub(in crate::store::sled) fn apply(db: &Db, table: &Table) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    for (physical, value) in table.records() {
        applied.alone(db, physical, value.as_deref())?;
    }
    for (run, entries) in table.histories() {
        let entries = entries.iter().map(|(number, value)| (*number, value.as_deref())).collect();
        Changes { db, run, entries, applied: &mut applied }.make()?;
    }
    Ok(applied)
}

impl Applied {
    /// Writes a record as it is, or removes it.
    fn alone(&mut self, db: &Db, physical: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        self.keys += 1;
        self.bytes += (physical.len() + value.map_or(0, <[u8]>::len)) as u64;
        let was = match value {
            Some(value) => db.insert(physical, value),
            None => db.remove(physical),
        };
        was.map(drop).map_err(StoreError::backend)
    }
}

/// What becomes of entries of one run, in the order of their numbers; nothing for those that go.
struct Changes<'a> {
    db: &'a Db,
    run: &'a [u8],
    entries: Vec<(u64, Option<&'a [u8]>)>,
    applied: &'a mut Applied,
}

impl Changes<'_> {
    fn make(mut self) -> Result<(), StoreError> {
        let (Some((first, _)), Some((last, _))) = (self.entries.first().copied(), self.entries.last().copied()) else {
            return Ok(());
        };
        let mut append = self.is_behind_all(first)?;
        if !append {
            self.take_out(first, last)?;
            append = self.is_behind_all(first)?;
        }
        if self.entries.iter().any(|(_, value)| value.is_none()) {
            self.remove_alone(first, last)?;
        }
        let (mut chunk, mut size) = (vec![], 0);
        for (number, value) in std::mem::take(&mut self.entries) {
            let Some(value) = value else { continue };
            let framed = FRAMING + value.len();
            if !append || framed > MAX_CHUNK {
                self.alone(&entry_key(self.run, number), Some(value))?;
                continue;
            }
            if size + framed > MAX_CHUNK {
                self.chunk(&std::mem::take(&mut chunk))?;
                size = 0;
            }
            size += framed;
            chunk.push((number, value));
        }
        self.chunk(&chunk)
    }

    fn alone(&mut self, physical: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        self.applied.alone(self.db, physical, value)
    }

    /// Whether all that lies in chunks has lower numbers. Of a damaged chunk only its lower bound is known, and no more needed:
    /// nothing else in it will ever be read.
    fn is_behind_all(&self, number: u64) -> Result<bool, StoreError> {
        let Some((key, raw)) = holder(self.db, self.run, u64::MAX)? else { return Ok(true) };
        match entries(&key, &raw) {
            Ok(entries) => Ok(entries.last().is_none_or(|(last, _)| *last < number)),
            Err(StoreError::Damaged { .. }) => Ok(first(&key) < number),
            Err(e) => Err(e),
        }
    }

    /// What is said of an entry, if anything is.
    fn find(&self, number: u64) -> Option<Option<&[u8]>> {
        let at = self.entries.binary_search_by_key(&number, |(n, _)| *n).ok()?;
        Some(self.entries[at].1)
    }

    /// Takes the entries out of the chunks that hold them.
    fn take_out(&mut self, first: u64, last: u64) -> Result<(), StoreError> {
        let from =
            holder(self.db, self.run, first)?.map_or_else(|| chunk_key(self.run, first), |(key, _)| key.to_vec());
        let rows: Result<Vec<_>, _> = self.db.range(from..=chunk_key(self.run, last)).collect();
        for (key, raw) in rows.map_err(StoreError::backend)? {
            let mut entries = match entries(&key, &raw) {
                Ok(entries) => entries,
                Err(StoreError::Damaged { .. }) => {
                    // It goes with the entry that readers were told of.
                    if self.find(last_possible(self.db, &key)?) == Some(None) {
                        self.alone(&key, None)?;
                    }
                    continue;
                }
                Err(e) => return Err(e),
            };
            let before = entries.len();
            entries.retain(|(number, _)| self.find(*number).is_none());
            match entries.len() {
                0 => self.alone(&key, None)?,
                left if left < before => self.write(&key, &entries)?,
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
                self.alone(&key, None)?;
            }
        }
        Ok(())
    }

    fn chunk(&mut self, entries: &[Entry<'_>]) -> Result<(), StoreError> {
        let Some((first, _)) = entries.first() else { return Ok(()) };
        self.write(&chunk_key(self.run, *first), entries)
    }

    fn write(&mut self, key: &[u8], entries: &[Entry<'_>]) -> Result<(), StoreError> {
        let mut body = Vec::with_capacity(entries.iter().map(|(_, record)| FRAMING + record.len()).sum());
        for (number, record) in entries {
            body.extend_from_slice(&number.to_be_bytes());
            body.extend_from_slice(&(record.len() as u16).to_be_bytes());
            body.extend_from_slice(record);
        }
        self.alone(key, Some(&record::seal_chunk(key, entries.len() as u64, &body)))
    }
}
