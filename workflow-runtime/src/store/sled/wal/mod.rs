//! A write-ahead log: what makes a commit durable. sled is brought up to date behind it.
//!
//! A log is a row of *segments*, files that are named by the number of their first *group*. A group holds the writes of
//! all commits that share one sync; groups are numbered without a gap. A segment that sled has caught up with is renamed
//! to `spare` and used again: writing over a file that is already there syncs about twice as fast as growing one, because its
//! length does not change.
//!
//! At most one group is ever unsynced. So what a crash may leave is one half group at the very end, and nobody was told
//! that it is durable. Anything else that does not fit is damage: a right group behind a wrong one, a gap between
//! segments, an end before the number that `acked` holds.
//!
//! `acked` is written after each sync and never synced itself. It may be old, but it is never ahead of what is
//! durable; so it shows that a log has lost its end, which the log alone cannot.
//!
//! `applied` tells up to which group sled has everything, as sled itself does. It is written after that is durable and never synced, so it may be old as
//! well. With it the log is read while sled opens; without it afterwards.

mod files;
mod format;
mod scan;
#[cfg(test)]
pub(super) mod simulated;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::sync::Arc;

pub(super) use self::files::{Directory, Files, LogFile};
pub(super) use self::format::VERSION;
use self::format::{MAX_BODY, SEGMENT_HEADER, SegmentHeader};
use self::scan::Newest;
pub(super) use self::scan::{Ahead, Damage, Replay, read_ahead, scan};
use crate::store::record::Op;

/// How files grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// A segment is full after this many bytes.
    pub(super) segment: u64,
    /// By so much a new file grows at first.
    pub(super) least_growth: u64,
    /// And so much later.
    pub(super) most_growth: u64,
}

pub(super) const SIZES: Sizes = Sizes { segment: 32 << 20, least_growth: 64 << 10, most_growth: 1 << 20 };

const SPARE: &str = "spare";
const ACKED: &str = "acked";
const APPLIED: &str = "applied";

fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

fn parse_segment_name(name: &str) -> Option<u64> {
    name.strip_suffix(".log").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// Why a group was not appended.
#[derive(Debug)]
pub(super) enum AppendError {
    /// The disk is full. Nothing was written, and the log can be appended to again.
    Full(io::Error),
    /// The group may or may not be durable.
    Indeterminate(io::Error),
}

/// The end of a log, where it is appended to.
pub(super) struct Wal {
    files: Arc<dyn Files>,
    segment: Segment,
    /// The number of the next group.
    next: u64,
    acked: Arc<dyn LogFile>,
    /// Bytes of the group that is being written.
    buffer: Vec<u8>,
    sizes: Sizes,
}

/// Where the last segment of a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    header: SegmentHeader,
    end: u64,
}

struct Segment {
    file: Arc<dyn LogFile>,
    header: SegmentHeader,
    end: u64,
    /// Bytes of the file: writing below them changes no length.
    allocated: u64,
}

impl Wal {
    /// Goes on with a log whose next group has the number `next`: in its last segment if that ends at `tail`, else in a
    /// new one.
    pub(super) fn begin(files: Arc<dyn Files>, next: u64, tail: Option<Tail>, sizes: Sizes) -> io::Result<Self> {
        let acked = match files.open(ACKED, false) {
            Err(e) if e.kind() == ErrorKind::NotFound => files.open(ACKED, true)?,
            other => other?,
        };
        let segment = match tail {
            Some(tail) if tail.end < sizes.segment => Segment::go_on(&*files, tail)?,
            _ => Segment::begin(&*files, next)?,
        };
        acked.write_at(&scan::number_bytes(next - 1), 0)?;
        Ok(Self { files, segment, next, acked, buffer: Vec::new(), sizes })
    }

    /// The number of the last group.
    pub(super) fn last(&self) -> u64 {
        self.next - 1
    }

    /// Makes one group durable. Returns how many bytes it has.
    pub(super) fn append(&mut self, ops: &[Vec<Op>]) -> Result<u64, AppendError> {
        if self.segment.end >= self.sizes.segment {
            // Before anything is written, so that a full disk leaves the present segment as it is.
            self.segment = Segment::begin(&*self.files, self.next).map_err(full_or_not)?;
        }
        self.buffer.clear();
        format::write_group(&mut self.buffer, self.segment.header.salt, self.next, ops.iter().flatten());
        debug_assert!(self.buffer.len() <= MAX_BODY, "the committer bounds its groups");
        self.segment.append(&self.buffer, self.sizes)?;
        let bytes = self.buffer.len() as u64;
        if self.buffer.capacity() > 4 << 20 {
            self.buffer = Vec::new();
        }
        self.next += 1;
        // A guard against a lost end, not needed for anything else.
        if let Err(error) = self.acked.write_at(&scan::number_bytes(self.last()), 0) {
            tracing::debug!(%error, "the number of the last group was not noted");
        }
        Ok(bytes)
    }
}

impl Segment {
    fn begin(files: &dyn Files, first: u64) -> io::Result<Self> {
        let name = segment_name(first);
        let file = match files.rename(SPARE, &name) {
            Ok(()) => files.open(&name, false)?,
            Err(e) if e.kind() == ErrorKind::NotFound => match files.open(&name, true) {
                // A segment that was begun and never written to.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => files.open(&name, false)?,
                other => other?,
            },
            Err(e) => return Err(e),
        };
        let header = SegmentHeader { version: format::VERSION, salt: salt(), first };
        let allocated = file.len()?.max(SEGMENT_HEADER as u64);
        file.write_at(&header.to_bytes(), 0)?;
        file.sync()?;
        files.sync()?;
        Ok(Self { file, header, end: SEGMENT_HEADER as u64, allocated })
    }

    fn go_on(files: &dyn Files, tail: Tail) -> io::Result<Self> {
        let file = files.open(&segment_name(tail.header.first), false)?;
        // Who made it may have ended before that.
        files.sync()?;
        let allocated = file.len()?;
        Ok(Self { file, header: tail.header, end: tail.end, allocated })
    }

    fn append(&mut self, group: &[u8], sizes: Sizes) -> Result<(), AppendError> {
        let end = self.end + group.len() as u64;
        let written = match end.checked_sub(self.allocated) {
            None | Some(0) => self.file.write_at(group, self.end),
            Some(missing) => self.grow(group, missing, sizes),
        };
        if let Err(e) = written {
            return Err(self.take_back(e));
        }
        self.file.sync().map_err(AppendError::Indeterminate)?;
        self.end = end;
        Ok(())
    }

    /// Writes a group and zeros behind it, so that the next ones do not change the length of the file.
    fn grow(&mut self, group: &[u8], missing: u64, sizes: Sizes) -> io::Result<()> {
        let growth = self.allocated.clamp(sizes.least_growth, sizes.most_growth);
        let zeros = vec![0; growth as usize];
        self.file.write_at(&zeros, self.allocated + missing)?;
        self.file.write_at(group, self.end)?;
        self.allocated += missing + growth;
        Ok(())
    }

    /// After a write that failed: sees to it that nothing of the group is left.
    fn take_back(&mut self, error: io::Error) -> AppendError {
        if !is_full(&error) {
            return AppendError::Indeterminate(error);
        }
        let room = self.allocated.saturating_sub(self.end).min(format::GROUP_HEADER as u64);
        let cleared = self.file.write_at(&vec![0; room as usize], self.end).and_then(|()| self.file.sync());
        match cleared {
            Ok(()) => AppendError::Full(error),
            Err(_) => AppendError::Indeterminate(error),
        }
    }
}

fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn full_or_not(e: io::Error) -> AppendError {
    if is_full(&e) { AppendError::Full(e) } else { AppendError::Indeterminate(e) }
}

/// Tells the lives of a file apart.
fn salt() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// Makes the last group durable that was read. Its sync may have failed, or the process have ended before it: then what is in the
/// memory of the kernel counts as written there and may be on no disk, so that another sync alone does nothing. All groups before it were
/// synced before it was begun.
pub(super) fn settle(files: &dyn Files, replay: &Replay) -> io::Result<()> {
    let Some(Newest { file, at, bytes }) = &replay.newest else { return Ok(()) };
    let file = files.open(file, false)?;
    file.write_at(bytes, *at)?;
    file.sync()
}

/// The database has all groups up to `applied`, and says so durably: lets go of the segments that hold nothing behind it, the last
/// segment never, and notes it for the next opening.
pub(super) fn release(files: &dyn Files, applied: u64) -> io::Result<()> {
    let firsts = scan::segments(files)?;
    for pair in firsts.windows(2) {
        let [old, next] = pair else { continue };
        if *next <= applied + 1 {
            files.rename(&segment_name(*old), SPARE)?;
        }
    }
    let noted = match files.open(APPLIED, false) {
        Err(e) if e.kind() == ErrorKind::NotFound => files.open(APPLIED, true)?,
        other => other?,
    };
    noted.write_at(&scan::number_bytes(applied), 0)
}

/// How many segments the log has.
pub(super) fn segments(files: &dyn Files) -> io::Result<usize> {
    Ok(scan::segments(files)?.len())
}

/// Renames what cannot be read on from, so that a new log can begin.
pub(super) fn set_aside(files: &dyn Files) -> io::Result<()> {
    for name in files.names()? {
        if parse_segment_name(&name).is_some() {
            files.rename(&name, &format!("damaged-{name}"))?;
        }
    }
    files.sync()
}
