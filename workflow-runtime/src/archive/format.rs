//! The bytes of a file.
//!
//! ```text
//! file    "wfar" version:u32, then blocks; a file that is full ends in an index block and an end
//! block   mark:[u8; 4] kind:u8 length:u32 plain:u32 crc:u32 check:u32 body
//!         `crc` is of the body, `check` of the fields before it and of the place of the block in the file
//! body    MessagePack, deflated; `plain` is its length before that
//! end     "wfae" place of the index block:u64 crc:u32
//! ```
//!
//! A block can be found by its mark and check wherever it is, so a damaged one hides no others.

use super::listed::{ArchivedRun, RunSummary};
use crate::journal::{encoding, history::Entry, id::RunId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};
use workflow_definition::{Definition, Fingerprint};

pub(super) const MAGIC: &[u8; 4] = b"wfar";
pub(super) const VERSION: u32 = 1;
/// Bytes before the first block.
pub(super) const BEGIN: u64 = 8;
const MARK: &[u8; 4] = b"wfab";
pub(super) const HEAD: usize = 21;
const END_MARK: &[u8; 4] = b"wfae";
pub(super) const END: usize = 16;
/// A block that says more was not written by us.
const LONGEST: u32 = 1 << 30;
/// Of miniz: compresses histories about as small as the slower ones.
const LEVEL: u8 = 6;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Entries of one run.
    Entries = b'E' as isize,
    /// A definition.
    Definition = b'D' as isize,
    /// A run: what it was, and where its entries are.
    Run = b'R' as isize,
    /// The runs and definitions of this file.
    Index = b'I' as isize,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Entries, Self::Definition, Self::Run, Self::Index].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Where a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The number of the file.
    pub(super) file: u32,
    pub(super) at: u64,
}

/// The body of a block of entries.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) run: RunId,
    pub(super) entries: Vec<Entry>,
}

/// The body of a block of a definition.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Defined {
    pub(super) fingerprint: Fingerprint,
    pub(super) definition: Definition,
}

/// The body of a run's block. The run is archived when this is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Whole {
    pub(super) run: ArchivedRun,
    /// Where its entries are, all but the last ones, in order.
    #[serde(default)]
    pub(super) parts: Vec<Place>,
    /// The last ones.
    pub(super) entries: Vec<Entry>,
}

/// The body of an index block.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) runs: Vec<(u64, RunSummary)>,
    pub(super) definitions: Vec<(u64, Fingerprint)>,
}

/// The head of a block that stands at `at`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) length: u32,
    plain: u32,
    crc: u32,
}

pub(super) fn file(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{number:08}.runs"))
}

/// The number of a file with such a name.
pub(super) fn number(name: &str) -> Option<u32> {
    name.strip_suffix(".runs").filter(|digits| digits.len() == 8)?.parse().ok()
}

pub(super) fn begin() -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_be_bytes()].concat()
}

/// A value as a block that will stand at `at`.
pub(super) fn block<T: Serialize>(kind: Kind, value: &T, at: u64) -> Result<Vec<u8>, encoding::EncodeError> {
    let plain = encoding::encode(value)?;
    let body = miniz_oxide::deflate::compress_to_vec(&plain, LEVEL);
    let mut block = Vec::with_capacity(HEAD + body.len());
    block.extend_from_slice(MARK);
    block.push(kind as u8);
    // What the store takes is far below what these numbers hold.
    block.extend_from_slice(&(body.len() as u32).to_be_bytes());
    block.extend_from_slice(&(plain.len() as u32).to_be_bytes());
    block.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
    let check = check(&block, at);
    block.extend_from_slice(&check.to_be_bytes());
    block.extend_from_slice(&body);
    Ok(block)
}

fn check(head: &[u8], at: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head);
    crc.update(&at.to_be_bytes());
    crc.finalize()
}

/// The head of a block, if one stands at `at`.
pub(super) fn head(bytes: &[u8], at: u64) -> Option<Head> {
    let bytes = bytes.get(..HEAD)?;
    let (fields, checked) = bytes.split_at(HEAD - 4);
    let number = |from: usize| Some(u32::from_be_bytes(fields.get(from..from + 4)?.try_into().ok()?));
    let right = fields.starts_with(MARK) && checked == check(fields, at).to_be_bytes();
    let head = Head { kind: Kind::of(fields[4])?, length: number(5)?, plain: number(9)?, crc: number(13)? };
    (right && head.length <= LONGEST && head.plain <= LONGEST).then_some(head)
}

/// Reads the body of a block.
///
/// # Errors
///
/// What does not fit.
pub(super) fn open<T: DeserializeOwned>(head: Head, body: &[u8]) -> Result<T, String> {
    if crc32fast::hash(body) != head.crc {
        return Err("its checksum is another one".into());
    }
    let plain = miniz_oxide::inflate::decompress_to_vec_with_limit(body, head.plain as usize)
        .map_err(|e| format!("it cannot be decompressed: {e}"))?;
    encoding::decode(&plain).map_err(|e| format!("it does not decode: {e}"))
}

/// The place of the first mark of a block in `bytes`.
pub(super) fn find_mark(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MARK.len()).position(|window| window == MARK)
}

/// What stands behind an index block at `at`.
pub(super) fn end(at: u64) -> Vec<u8> {
    let mut end = [END_MARK.as_slice(), &at.to_be_bytes()].concat();
    let crc = crc32fast::hash(&end);
    end.extend_from_slice(&crc.to_be_bytes());
    end
}

/// Where the index block is, if these are the last bytes of a full file.
pub(super) fn read_end(bytes: &[u8]) -> Option<u64> {
    let (fields, crc) = bytes.split_at_checked(END - 4)?;
    let at = fields.strip_prefix(END_MARK.as_slice())?.try_into().ok()?;
    (crc == crc32fast::hash(fields).to_be_bytes()).then_some(u64::from_be_bytes(at))
}
