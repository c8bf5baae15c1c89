//! What a file holds: from the index at its end if it is full, else from its blocks.

use super::{
    error::ArchiveError,
    format::{self, BEGIN, Defined, END, HEAD, Index, Kind, MAGIC, VERSION, Whole},
};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// What was found out about a file.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) index: Index,
    /// Where the last whole block ends.
    pub(super) end: u64,
    /// It is full.
    pub(super) sealed: bool,
    /// Nothing stands behind the last whole block.
    pub(super) clean: bool,
    /// Blocks that cannot be read.
    pub(super) damage: Vec<ArchiveError>,
}

/// The numbers of the files of an archive, in order.
pub(super) fn numbers(directory: &Path) -> Result<Vec<u32>, ArchiveError> {
    let failed = |e| ArchiveError::io(directory, e);
    let mut numbers = vec![];
    for entry in fs::read_dir(directory).map_err(failed)? {
        numbers.extend(format::number(&entry.map_err(failed)?.file_name().to_string_lossy()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// # Errors
///
/// The file cannot be read at all.
pub(super) fn scan(path: &Path) -> Result<Scanned, ArchiveError> {
    let failed = |e| ArchiveError::io(path, e);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if let Some(index) = sealed(&mut file, length).map_err(failed)? {
        return Ok(Scanned { index, end: length, sealed: true, clean: true, damage: vec![] });
    }
    let bytes = fs::read(path).map_err(failed)?;
    blocks(path, &bytes)
}

/// The index of a full file.
fn sealed(file: &mut File, length: u64) -> io::Result<Option<Index>> {
    if length < BEGIN + (HEAD + END) as u64 {
        return Ok(None);
    }
    let mut begin = [0; BEGIN as usize];
    file.read_exact(&mut begin)?;
    let mut end = [0; END];
    file.seek(SeekFrom::Start(length - END as u64))?;
    file.read_exact(&mut end)?;
    let Some(at) = format::read_end(&end).filter(|at| begin == *format::begin() && *at < length) else {
        return Ok(None);
    };
    let mut block = vec![];
    file.seek(SeekFrom::Start(at))?;
    file.take(length - at).read_to_end(&mut block)?;
    let Some(head) = format::head(&block, at).filter(|head| head.kind == Kind::Index) else { return Ok(None) };
    let body = block.get(HEAD..HEAD + head.length as usize);
    Ok(body.and_then(|body| format::open(head, body).ok()))
}

/// Goes from block to block, over damaged ones to the next that is right.
fn blocks(path: &Path, bytes: &[u8]) -> Result<Scanned, ArchiveError> {
    let mut found = Scanned { end: BEGIN.min(bytes.len() as u64), clean: true, ..Scanned::default() };
    match bytes.split_at_checked(4).map(|(magic, rest)| (magic, rest.first_chunk::<4>())) {
        Some((magic, Some(version))) if magic == MAGIC => {
            let version = u32::from_be_bytes(*version);
            if version > VERSION {
                return Err(ArchiveError::Newer { path: path.to_owned(), found: version, supported: VERSION });
            }
        }
        Some((_, Some(_))) if bytes.len() as u64 > BEGIN => {
            found.damage.push(ArchiveError::damaged(path, 0, "it does not begin like an archive"))
        }
        // It was begun, and nothing was written: nothing stands behind a beginning that is not durable.
        _ => return Ok(Scanned { clean: bytes.is_empty(), ..found }),
    }
    let mut at = BEGIN as usize;
    while at < bytes.len() {
        let Some((head, body)) = whole(bytes, at) else {
            let Some(next) = next(bytes, at + 1) else {
                found.clean = false;
                break;
            };
            found.damage.push(ArchiveError::damaged(path, at as u64, "no block stands here"));
            at = next;
            continue;
        };
        let place = at as u64;
        let taken = match head.kind {
            Kind::Run => format::open::<Whole>(head, body).map(|w| found.index.runs.push((place, w.run.summary))),
            Kind::Definition => {
                format::open::<Defined>(head, body).map(|d| found.index.definitions.push((place, d.fingerprint)))
            }
            Kind::Entries | Kind::Index => Ok(()),
        };
        found.damage.extend(taken.err().map(|reason| ArchiveError::damaged(path, place, reason)));
        at += HEAD + body.len();
        found.end = at as u64;
    }
    Ok(found)
}

/// The block at `at`, if all of it is there.
fn whole(bytes: &[u8], at: usize) -> Option<(format::Head, &[u8])> {
    let rest = bytes.get(at..)?;
    let head = format::head(rest, at as u64)?;
    let body = rest.get(HEAD..HEAD + head.length as usize)?;
    Some((head, body))
}

/// The first whole block from `from` on.
fn next(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        from += format::find_mark(bytes.get(from..)?)?;
        if whole(bytes, from).is_some() {
            return Some(from);
        }
        from += 1;
    }
}
