//! Whether sled can read what it reads when it opens.
//!
//! sled 0.34.7 takes a part of its log that the system fails to read for one that was never written: it cuts its log off there, and
//! writes zeros over what is behind. So one failed read would lose what was acknowledged. All that it is going to read is read here
//! first; from then on the kernel has it in memory, unless memory is short.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// The length of a segment of sled's log, as it is unless told.
const SEGMENT: u64 = 512 << 10;
/// A checksum, the number of its first byte in the log, another number.
const HEADER: usize = 20;
/// Numbers are stored with this one over them.
const MASK: i64 = i64::MAX;

/// Reads the headers of all segments of the database in `path`, and those segments that its newest snapshot does not speak for.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let mut file = match File::open(path.join("db")) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let (known, length) = (snapshot(path)?, file.metadata()?.len());
    let mut segment = vec![0; SEGMENT as usize];
    for offset in (0..length).step_by(SEGMENT as usize) {
        read_at(&mut file, offset, &mut segment[..HEADER])?;
        let number = segment[4..].first_chunk().map_or(0, |number| i64::from_le_bytes(*number) ^ MASK);
        if number >= known {
            read_at(&mut file, offset, &mut segment)?;
        }
    }
    Ok(())
}

/// Where the log goes on behind the newest snapshot: the beginning of that segment.
fn snapshot(path: &Path) -> io::Result<i64> {
    let mut newest = 0;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("snap."));
        newest = newest.max(number.and_then(|number| i64::from_str_radix(number, 16).ok()).unwrap_or(0));
    }
    Ok(newest - newest % SEGMENT.cast_signed())
}

/// Reads as much as there is.
fn read_at(file: &mut File, offset: u64, to: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    let mut done = 0;
    while done < to.len() {
        match file.read(&mut to[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
