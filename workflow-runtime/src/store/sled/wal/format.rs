//! The bytes of a log.
//!
//! ```text
//! segment   "wfwl" version:u32 salt:u64 first:u64 crc:u32, then groups, then whatever the file held before
//! group     "grup" seq:u64 length:u32 crc of the body:u32 crc of this header:u32 body
//! body      1 key length:u16 value length:u32 key value     the record becomes the value
//!           0 key length:u16 key                            the record is gone
//! ```
//!
//! All checksums begin with the salt of their segment, which is random. So what a reused file still holds of its
//! former life is never taken for a group of the present one. The header has a checksum of its own, so that the
//! length that it tells can be believed before the body is looked at.

use memchr::memmem;

use crate::store::record::Op;

pub(in crate::store::sled) const VERSION: u32 = 1;
pub(super) const SEGMENT_HEADER: usize = 28;
pub(super) const GROUP_HEADER: usize = 24;
const SEGMENT_MAGIC: &[u8; 4] = b"wfwl";
const GROUP_MAGIC: &[u8; 4] = b"grup";

/// The longest body of a group.
pub(super) const MAX_BODY: usize = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) version: u32,
    pub(super) salt: u64,
    /// The sequence number of its first group.
    pub(super) first: u64,
}

impl SegmentHeader {
    pub(super) fn to_bytes(self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = [0; SEGMENT_HEADER];
        bytes[..4].copy_from_slice(SEGMENT_MAGIC);
        bytes[4..8].copy_from_slice(&self.version.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.salt.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_be_bytes());
        let crc = crc32fast::hash(&bytes[..24]);
        bytes[24..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut read = Reader(bytes);
        if read.array::<4>()? != *SEGMENT_MAGIC {
            return None;
        }
        let header = Self { version: read.u32()?, salt: read.u64()?, first: read.u64()? };
        (read.u32()? == crc32fast::hash(&bytes[..24])).then_some(header)
    }
}

/// Appends one group to `to`.
pub(super) fn write_group<'a>(to: &mut Vec<u8>, salt: u64, seq: u64, ops: impl Iterator<Item = &'a Op>) {
    let start = to.len();
    to.extend_from_slice(&[0; GROUP_HEADER]);
    for (key, value) in ops {
        to.push(u8::from(value.is_some()));
        // Keys have at most `MAX_KEY_BYTES` and a few bytes more, values are parts of at most 4 KiB.
        to.extend_from_slice(&(key.len() as u16).to_be_bytes());
        if let Some(value) = value {
            to.extend_from_slice(&(value.len() as u32).to_be_bytes());
        }
        to.extend_from_slice(key);
        to.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    let (header, body) = to[start..].split_at_mut(GROUP_HEADER);
    header[..4].copy_from_slice(GROUP_MAGIC);
    header[4..12].copy_from_slice(&seq.to_be_bytes());
    header[12..16].copy_from_slice(&(body.len() as u32).to_be_bytes());
    header[16..20].copy_from_slice(&salted(salt, body).to_be_bytes());
    let crc = salted(salt, &header[..20]);
    header[20..].copy_from_slice(&crc.to_be_bytes());
}

fn salted(salt: u64, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&salt.to_be_bytes());
    crc.update(bytes);
    crc.finalize()
}

/// A group whose checksums are right.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) seq: u64,
    pub(super) body: &'a [u8],
}

/// The group at the start of `bytes`, if all of it is right.
pub(super) fn read_group(bytes: &[u8], salt: u64) -> Option<Group<'_>> {
    let (seq, length, crc) = group_header(bytes, salt)?;
    let body = bytes[GROUP_HEADER..].get(..length)?;
    (salted(salt, body) == crc).then_some(Group { seq, body })
}

fn group_header(bytes: &[u8], salt: u64) -> Option<(u64, usize, u32)> {
    let mut read = Reader(bytes);
    if read.array::<4>()? != *GROUP_MAGIC {
        return None;
    }
    let (seq, length, body) = (read.u64()?, read.u32()?, read.u32()?);
    (read.u32()? == salted(salt, &bytes[..20])).then_some((seq, length as usize, body))
}

/// The number of the last group in `bytes` from `seq` on that is wholly right, wherever it begins.
pub(super) fn last_group_in(bytes: &[u8], salt: u64, seq: u64) -> Option<u64> {
    let mut last = None;
    let mut at = 0;
    while let Some(found) = memmem::find(&bytes[at..], GROUP_MAGIC) {
        at += found;
        match read_group(&bytes[at..], salt) {
            Some(group) => {
                last = last.max((group.seq >= seq).then_some(group.seq));
                at += GROUP_HEADER + group.body.len();
            }
            None => at += 1,
        }
    }
    last
}

/// The writes of a group, in order. `None` for what [`write_group`] does not write.
pub(super) fn ops(body: &[u8]) -> Option<Vec<Op>> {
    let mut read = Reader(body);
    let mut ops = Vec::new();
    while !read.0.is_empty() {
        let [put] = read.array()?;
        let key = u16::from_be_bytes(read.array()?);
        let value = match put {
            0 => None,
            1 => Some(read.u32()?),
            _ => return None,
        };
        let key = read.take(usize::from(key))?.to_vec();
        let value = match value {
            Some(length) => Some(read.take(length as usize)?.to_vec()),
            None => None,
        };
        ops.push((key, value));
    }
    Some(ops)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}
