//! What a store takes up.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// What a store takes up on the disk, and how far its database is behind its log. All zero where there is no disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Footprint {
    /// Bytes of the write-ahead log, with the segments that wait to be used again.
    pub log_bytes: u64,
    /// Segments of the log that hold something the database may not have.
    pub log_segments: u64,
    /// Groups of commits that are durable in the log, and not in the database yet.
    pub log_lag: u64,
    /// Bytes of memory that records take which wait to be written to the database.
    pub log_lag_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Bytes of all else in the directory: what was set aside as damaged, the files of the engine.
    pub other_bytes: u64,
}

impl Footprint {
    /// Bytes on the disk, of all files.
    pub fn bytes(&self) -> u64 {
        self.log_bytes + self.database_bytes + self.other_bytes
    }
}

/// Tells of each file in a directory and below it, with its bytes. One that is removed meanwhile counts for nothing.
pub(super) fn files(directory: &Path, each: &mut dyn FnMut(&Path, u64)) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(found) if found.is_dir() => files(&entry.path(), each)?,
            Ok(found) => each(&entry.path(), found.len()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
