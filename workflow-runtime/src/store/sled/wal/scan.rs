//! Reading a log that may have been left in any state.

use std::io::{self, ErrorKind};

use super::files::Files;
use super::format::{self, GROUP_HEADER, SEGMENT_HEADER, SegmentHeader, VERSION};
use super::{ACKED, APPLIED, Tail, parse_segment_name, segment_name};
use crate::store::sled::applier::Position;
use crate::store::sled::table::Table;

/// What a log holds behind a group.
#[derive(Debug, Default)]
pub(in crate::store::sled) struct Replay {
    /// What the groups have made of the records that they wrote.
    pub(in crate::store::sled) records: Table,
    /// The number of the last group, of those that were asked about or before.
    pub(in crate::store::sled) last: u64,
    pub(in crate::store::sled) bytes: u64,
    /// Where the last segment ends, if it has a header.
    pub(in crate::store::sled) tail: Option<Tail>,
    /// The last group.
    pub(super) newest: Option<Newest>,
    /// The log goes on behind this, but cannot be read. Only where that was asked for.
    pub(in crate::store::sled) damaged: bool,
}

/// Where a group stands, and its bytes.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) file: String,
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

/// Why a log cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub(in crate::store::sled) enum Damage {
    #[error("{0}")]
    At(String),
    #[error("a segment of its log has format {0}, this build reads up to {VERSION}")]
    Newer(u32),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn at<T>(reason: String) -> Result<T, Damage> {
    Err(Damage::At(reason))
}

/// A number of a group in a file of its own.
pub(super) fn number_bytes(seq: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&seq.to_be_bytes());
    let crc = crc32fast::hash(&bytes[..8]);
    bytes[8..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The number in such a file. `None` where there is none, or half of one.
fn number(files: &dyn Files, name: &str) -> io::Result<Option<u64>> {
    let bytes = match files.read(name) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let number = bytes.first_chunk::<8>().map(|seq| u64::from_be_bytes(*seq));
    Ok(number.filter(|number| bytes == number_bytes(*number)))
}

/// The number of a group that is certainly durable, 0 when none is known.
fn acked(files: &dyn Files) -> io::Result<u64> {
    Ok(number(files, ACKED)?.unwrap_or(0))
}

/// The first groups of the segments that are there, in order.
pub(super) fn segments(files: &dyn Files) -> io::Result<Vec<u64>> {
    let mut firsts: Vec<u64> = files.names()?.iter().filter_map(|name| parse_segment_name(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Reads what is behind `position`.
///
/// `lenient`: what is damaged ends the log, and what is behind it is not looked at.
pub(in crate::store::sled) fn scan(files: &dyn Files, position: Position, lenient: bool) -> Result<Replay, Damage> {
    let mut replay = Replay { last: position.group, ..Replay::default() };
    let read = read_segments(files, position, &mut replay).and_then(|()| check_end(files, replay.last));
    match read {
        Err(Damage::At(reason)) if lenient => {
            tracing::warn!(reason, last = replay.last, "the log is read up to the damage");
            replay.damaged = true;
            Ok(replay)
        }
        other => other.map(|()| replay),
    }
}

/// A log that was read before it was known how far the database has come.
pub(in crate::store::sled) struct Ahead {
    /// The database was supposed to have all groups up to this one.
    supposed: u64,
    replay: Replay,
}

impl Ahead {
    /// What is behind `position`, and possibly some groups before it, which change nothing: what they wrote last is written there.
    /// `None`: the log has to be read from there.
    pub(in crate::store::sled) fn behind(self, position: Position) -> Option<Replay> {
        (self.supposed..=self.replay.last).contains(&position.group).then_some(self.replay)
    }
}

/// Reads what is probably needed: what is behind the group that the file `applied` tells. `None` where that does not work out, for whatever
/// reason: [`scan`] will tell.
pub(in crate::store::sled) fn read_ahead(files: &dyn Files) -> Option<Ahead> {
    let supposed = number(files, APPLIED).ok()??;
    let replay = scan(files, Position { group: supposed, closed: false }, false).ok()?;
    Some(Ahead { supposed, replay })
}

fn read_segments(files: &dyn Files, position: Position, replay: &mut Replay) -> Result<(), Damage> {
    let firsts = segments(files)?;
    if firsts.is_empty() && !position.closed {
        return at("its files are missing".into());
    }
    // A segment whose successor begins with the next group or before holds nothing that is asked for.
    let needed = firsts.iter().rposition(|first| *first <= replay.last + 1).unwrap_or(0);
    let firsts = &firsts[needed..];
    for (n, first) in firsts.iter().enumerate() {
        read_segment(files, *first, n + 1 == firsts.len(), replay)?;
    }
    Ok(())
}

/// Compares the end of the log with what is known about it from elsewhere.
fn check_end(files: &dyn Files, last: u64) -> Result<(), Damage> {
    let acked = acked(files)?;
    if last < acked {
        return at(format!("it ends with group {last}, but group {acked} was durable"));
    }
    Ok(())
}

/// Adds the groups of one segment that come behind `replay.last`.
fn read_segment(files: &dyn Files, first: u64, is_last: bool, replay: &mut Replay) -> Result<(), Damage> {
    let name = segment_name(first);
    let bytes = files.read(&name)?;
    if first > replay.last + 1 {
        return at(format!("groups {} to {} of the log are missing, before {name}", replay.last + 1, first - 1));
    }
    let header = match SegmentHeader::parse(&bytes) {
        Some(header) if header.version > VERSION => return Err(Damage::Newer(header.version)),
        Some(header) if header.first == first => header,
        // The process ended before the segment had its header: it holds no group.
        _ if is_last && !holds_groups(&bytes, first) => {
            replay.tail = None;
            return Ok(());
        }
        _ => return at(format!("the header of {name} is damaged")),
    };
    let (mut offset, mut expected) = (SEGMENT_HEADER, first);
    let mut newest = None;
    loop {
        let rest = &bytes[offset.min(bytes.len())..];
        let group = match format::read_group(rest, header.salt) {
            Some(group) if group.seq == expected => group,
            _ => break,
        };
        if group.seq > replay.last {
            let Some(ops) = format::ops(group.body) else {
                return at(format!("group {} in {name} does not decode", group.seq));
            };
            replay.records.extend(ops);
            replay.last = group.seq;
            replay.bytes += (GROUP_HEADER + group.body.len()) as u64;
            newest = Some(offset..offset + GROUP_HEADER + group.body.len());
        }
        offset += GROUP_HEADER + group.body.len();
        expected += 1;
    }
    if let Some(newest) = newest {
        let at = newest.start as u64;
        replay.newest = Some(Newest { file: name.clone(), at, bytes: bytes[newest].to_vec() });
    }
    let rest = &bytes[offset.min(bytes.len())..];
    match format::last_group_in(rest, header.salt, expected) {
        Some(later) => {
            at(format!("group {expected} in {name} is damaged at byte {offset}, group {later} is behind it"))
        }
        None => {
            replay.tail = Some(Tail { header, end: offset as u64 });
            Ok(())
        }
    }
}

/// Whether a file whose header cannot be read holds groups of the segment that it is named for. Its salt is then not
/// known, but it stands where the header has it, unless that is what was damaged.
fn holds_groups(bytes: &[u8], first: u64) -> bool {
    let salt = bytes.get(8..16).and_then(|salt| salt.try_into().ok()).map(u64::from_be_bytes);
    salt.is_some_and(|salt| format::last_group_in(&bytes[8..], salt, first).is_some())
}
