//! The form of records below the contract: checksums, revisions and parts, the same in every backend.
//!
//! ```text
//! r<key>            1 revision:u64 crc:u32 value           a whole value
//! r<key>            2 revision:u64 crc:u32 len:u64         the head of a value in parts
//! p<key><n:u32>     3 revision:u64 crc:u32 bytes           one part
//! h<key>            4 entries:u64  crc:u32 ...             a chunk of a history, see `sled::chunks`
//! b<physical key>   5 entries:u64  crc:u32 ...             a block of small records, see `sled::blocks`
//! s<name>           1 token:u64    crc:u32 owner           the store's own records
//! ```
//!
//! The checksum covers the physical key too, so a record that turns up under another key is found out.
//! sled moves a page into a separate file, which it never syncs, when the page exceeds an eighth of a megabyte. A leaf
//! holds at most 17 records, so records of 2 KiB of key and 4 KiB of value stay well below.

use std::ops::ControlFlow;

use super::{Revision, Row, StoreError};

const WHOLE: u8 = 1;
const SPLIT: u8 = 2;
const PART: u8 = 3;
/// A chunk of a history.
pub(super) const CHUNK: u8 = 4;
/// A block of small records.
pub(super) const BLOCK: u8 = 5;
const HEADER: usize = 1 + 8 + 4;

/// The largest value that a database gets to see.
pub(super) const MAX_PHYSICAL: usize = 4096;
/// The most bytes of it that are not its header.
pub(super) const BODY: usize = MAX_PHYSICAL - HEADER;

pub(super) const REGION_RECORD: u8 = b'r';
const REGION_PART: u8 = b'p';
/// That of chunks of histories.
pub(super) const REGION_CHUNK: u8 = b'h';
const REGION_OWN: u8 = b's';

/// One change below the contract.
pub(super) type Op = (Vec<u8>, Option<Vec<u8>>);

/// An ordered map of physical records.
pub(super) trait Medium {
    type Value: AsRef<[u8]>;

    fn read(&self, key: &[u8]) -> Result<Option<Self::Value>, StoreError>;

    /// Calls `each` for the records of `from..to` in order, until it breaks.
    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError>;

    /// The last record of `from..to`.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Found<Self::Value>, StoreError>;
}

/// A physical key and its value, if there is one.
pub(super) type Found<V> = Option<(Vec<u8>, V)>;

pub(super) type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

pub(super) fn physical(key: &[u8]) -> Vec<u8> {
    prefixed(REGION_RECORD, key)
}

/// As [`physical`], of a key that is not needed any more.
pub(super) fn physical_of(mut key: Vec<u8>) -> Vec<u8> {
    key.insert(0, REGION_RECORD);
    key
}

/// The key of a record by its physical key.
pub(super) fn logical(physical: &[u8]) -> Option<&[u8]> {
    physical.strip_prefix(&[REGION_RECORD])
}

pub(super) fn own(name: &[u8]) -> Vec<u8> {
    prefixed(REGION_OWN, name)
}

pub(super) fn part(key: &[u8], n: u32) -> Vec<u8> {
    let mut part = prefixed(REGION_PART, key);
    part.extend_from_slice(&n.to_be_bytes());
    part
}

fn prefixed(region: u8, key: &[u8]) -> Vec<u8> {
    let mut physical = Vec::with_capacity(key.len() + 5);
    physical.push(region);
    physical.extend_from_slice(key);
    physical
}

/// In how many parts a value of so many bytes is stored. None: in one piece.
pub(super) fn parts(bytes: usize) -> u32 {
    if bytes <= BODY { 0 } else { bytes.div_ceil(BODY) as u32 }
}

/// The stored form of a value: the head record, then its [`parts`].
pub(super) fn encode(key: Vec<u8>, value: &[u8], revision: Revision, ops: &mut Vec<Op>) {
    if parts(value.len()) == 0 {
        let head = physical_of(key);
        let sealed = seal(WHOLE, &head, revision, value);
        ops.push((head, Some(sealed)));
        return;
    }
    let head = physical(&key);
    let sealed = seal(SPLIT, &head, revision, &(value.len() as u64).to_be_bytes());
    ops.push((head, Some(sealed)));
    for (bytes, n) in value.chunks(BODY).zip(0..) {
        let key = part(&key, n);
        let sealed = seal(PART, &key, revision, bytes);
        ops.push((key, Some(sealed)));
    }
}

/// The stored form of one of the store's own records.
pub(super) fn seal_own(physical: &[u8], token: u64, owner: &[u8]) -> Vec<u8> {
    seal(WHOLE, physical, Revision(token), &owner[..owner.len().min(256)])
}

/// The stored form of so many entries that lie together, in a [`CHUNK`] or a [`BLOCK`].
pub(super) fn seal_many(format: u8, physical: &[u8], entries: u64, body: &[u8]) -> Vec<u8> {
    seal(format, physical, Revision(entries), body)
}

/// How many entries lie together there, and they themselves. An error names the key behind the region.
pub(super) fn open_many<'a>(format: u8, physical: &[u8], raw: &'a [u8]) -> Result<(u64, &'a [u8]), StoreError> {
    let named = physical.get(1..).unwrap_or_default();
    let opened = unseal(named, physical, raw)?;
    if opened.format == format {
        return Ok((opened.revision.0, opened.body));
    }
    Err(StoreError::damaged(named, format!("unknown record format {}", opened.format)))
}

fn seal(format: u8, physical: &[u8], revision: Revision, body: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEADER + body.len());
    sealed.push(format);
    sealed.extend_from_slice(&revision.0.to_be_bytes());
    let crc = checksum(physical, &sealed, body);
    sealed.extend_from_slice(&crc.to_be_bytes());
    sealed.extend_from_slice(body);
    sealed
}

fn checksum(physical: &[u8], start: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(physical);
    crc.update(start);
    crc.update(body);
    crc.finalize()
}

struct Opened<'a> {
    format: u8,
    revision: Revision,
    body: &'a [u8],
}

/// `named` is the key that an error names.
fn unseal<'a>(named: &[u8], physical: &[u8], raw: &'a [u8]) -> Result<Opened<'a>, StoreError> {
    let short = || StoreError::damaged(named, format!("it has {} bytes, less than a header", raw.len()));
    let (start, rest) = raw.split_at_checked(9).ok_or_else(short)?;
    let (crc, body) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let (format, revision) = start.split_first().ok_or_else(short)?;
    let found = checksum(physical, start, body);
    if found != u32::from_be_bytes(*crc) {
        return Err(StoreError::damaged(
            named,
            format!("checksum {found:08x}, expected {:08x}", u32::from_be_bytes(*crc)),
        ));
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(revision);
    Ok(Opened { format: *format, revision: Revision(u64::from_be_bytes(bytes)), body })
}

/// What a commit needs to know about a record that it replaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summary {
    /// `None`: not known, because it was not needed.
    pub(super) revision: Option<Revision>,
    pub(super) parts: u32,
}

impl Summary {
    /// The summary of a record that does not exist.
    pub(super) const ABSENT: Self = Self { revision: Some(Revision::NONE), parts: 0 };

    /// The summary of a record that is about to be replaced. Damage does not prevent it from being replaced.
    pub(super) fn lenient(raw: &[u8]) -> Self {
        let parts = match (raw.first(), raw.get(HEADER..)) {
            (Some(&SPLIT), Some(body)) => length(body).and_then(parts_of).unwrap_or(0),
            _ => 0,
        };
        Self { revision: None, parts }
    }

    /// The summary of a record whose revision matters.
    pub(super) fn exact(key: &[u8], raw: &[u8]) -> Result<Self, StoreError> {
        let revision = Some(unseal(key, &physical(key), raw)?.revision);
        Ok(Self { revision, ..Self::lenient(raw) })
    }
}

fn length(body: &[u8]) -> Option<usize> {
    usize::try_from(u64::from_be_bytes(body.try_into().ok()?)).ok()
}

fn parts_of(length: usize) -> Option<u32> {
    (length <= super::MAX_VALUE_BYTES).then(|| length.div_ceil(BODY) as u32)
}

/// The value of a record and the revision that wrote it.
pub(super) fn read<M: Medium>(medium: &M, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
    match medium.read(&physical(key))? {
        Some(raw) => open(medium, key, raw.as_ref()).map(Some),
        None => Ok(None),
    }
}

/// The token of one of the store's own records.
pub(super) fn open_own(physical: &[u8], raw: &[u8]) -> Result<u64, StoreError> {
    Ok(open_own_text(physical, raw)?.0)
}

/// The token of one of the store's own records, and its text.
pub(super) fn open_own_text<'a>(physical: &[u8], raw: &'a [u8]) -> Result<(u64, &'a [u8]), StoreError> {
    let opened = unseal(physical, physical, raw)?;
    Ok((opened.revision.0, opened.body))
}

fn open<M: Medium>(medium: &M, key: &[u8], raw: &[u8]) -> Result<(Revision, Vec<u8>), StoreError> {
    let head = unseal(key, &physical(key), raw)?;
    match head.format {
        WHOLE => Ok((head.revision, head.body.to_vec())),
        SPLIT => join(medium, key, &head),
        other => Err(StoreError::damaged(key, format!("unknown record format {other}"))),
    }
}

fn join<M: Medium>(medium: &M, key: &[u8], head: &Opened<'_>) -> Result<(Revision, Vec<u8>), StoreError> {
    let bad_length = || StoreError::damaged(key, "its length is impossible");
    let length = length(head.body).ok_or_else(bad_length)?;
    let parts = parts_of(length).ok_or_else(bad_length)?;
    let mut value = Vec::with_capacity(length);
    for n in 0..parts {
        let physical = part(key, n);
        let raw = medium.read(&physical)?;
        let raw = raw.ok_or_else(|| StoreError::damaged(key, format!("part {n} of {parts} is missing")))?;
        let part = unseal(key, &physical, raw.as_ref())?;
        if part.format != PART || part.revision != head.revision {
            let reason = format!("part {n} is of revision {}, the record of {}", part.revision, head.revision);
            return Err(StoreError::damaged(key, reason));
        }
        value.extend_from_slice(part.body);
    }
    if value.len() != length {
        return Err(StoreError::damaged(key, format!("it has {} bytes, expected {length}", value.len())));
    }
    Ok((head.revision, value))
}

pub(super) fn scan<M: Medium>(medium: &M, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    if limit == 0 || from >= to {
        return Ok(rows);
    }
    medium.range(&physical(from), &physical(to), &mut |physical, raw| {
        let key = &physical[1..];
        let (_, value) = open(medium, key, raw)?;
        rows.push((key.to_vec(), value));
        Ok(if rows.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(rows)
}

pub(super) fn scan_back<M: Medium>(medium: &M, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    if from >= to {
        return Ok(rows);
    }
    let (from, mut to) = (physical(from), physical(to));
    while rows.len() < limit {
        let Some((physical, raw)) = medium.last(&from, &to)? else { break };
        let key = &physical[1..];
        let (_, value) = open(medium, key, raw.as_ref())?;
        rows.push((key.to_vec(), value));
        to = physical;
    }
    Ok(rows)
}
