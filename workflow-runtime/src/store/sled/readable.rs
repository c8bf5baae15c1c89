//! Whether sled can read what it reads when it opens.
//!
//! sled 0.34.7 takes a part of its log that the system fails to read for one that was never written: it cuts its log off there, and
//! writes zeros over what is behind. So one failed read would lose what was acknowledged. All that it is going to read is read here
//! first; from then on the kernel has it in memory, unless memory is short.
//!
//! What is read is not looked at, so it is copied to where nothing is kept: where the system can, without being copied at all. That takes
//! an eighth of the time of reading it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::thread;

/// The length of a segment of sled's log, as it is unless told.
const SEGMENT: u64 = 512 << 10;
/// A checksum, the number of its first byte in the log, another number.
const HEADER: usize = 20;
/// Numbers are stored with this one over them.
const MASK: i64 = i64::MAX;

/// So many threads read at most, each so many segments at least: most of the time is the kernel's, which copies no pages then and looks
/// each of them up.
const THREADS: usize = 4;
const SHARE: u64 = 256;

/// Reads the headers of all segments of the database in `path`, and those segments that its newest snapshot does not speak for. Returns
/// how many bytes those have.
pub(super) fn check(path: &Path) -> io::Result<u64> {
    let data = path.join("db");
    let segments = match fs::metadata(&data) {
        Ok(found) => found.len().div_ceil(SEGMENT),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e),
    };
    let known = snapshot(path)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS) as u64;
    let share = segments.div_ceil(threads).max(SHARE);
    thread::scope(|scope| {
        let read = |from: u64| read(&data, from..segments.min(from + share), known);
        let mut others = vec![];
        for from in (share..segments).step_by(share as usize) {
            others.push(thread::Builder::new().name("workflow-check".into()).spawn_scoped(scope, move || read(from))?);
        }
        // The first of them here: most stores have no others.
        let mut all = read(0)?;
        for other in others {
            let panicked = |_| Err(io::Error::other("the thread that reads the database panicked"));
            all += other.join().unwrap_or_else(panicked)?;
        }
        Ok(all)
    })
}

/// Reads some of the segments of sled's log.
fn read(data: &Path, segments: Range<u64>, known: i64) -> io::Result<u64> {
    let mut file = File::open(data)?;
    // It takes everything; where there is no such file, all is read as usual.
    let mut nowhere = OpenOptions::new().write(true).open("/dev/null").ok();
    let mut header = [0; HEADER];
    let mut all = 0;
    for offset in segments.map(|segment| segment * SEGMENT) {
        read_at(&mut file, offset, &mut header)?;
        let number = header[4..].first_chunk().map_or(0, |number| i64::from_le_bytes(*number) ^ MASK);
        if number >= known {
            file.seek(SeekFrom::Start(offset))?;
            let mut segment = (&file).take(SEGMENT);
            all += match &mut nowhere {
                Some(nowhere) => io::copy(&mut segment, nowhere)?,
                None => io::copy(&mut BufReader::with_capacity(SEGMENT as usize, segment), &mut io::sink())?,
            };
        }
    }
    Ok(all)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// By one thread and by several: all that no snapshot speaks for, and the half segment at the end.
    #[test]
    fn all_that_sled_is_going_to_read_is_read() {
        for segments in [3, 2 * SHARE + 7] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path();
            assert_eq!(check(path).unwrap(), 0, "a new store");
            let mut file = File::create(path.join("db")).unwrap();
            for segment in 0..segments {
                // The parts of the log stand in the file in any order.
                let number = (segment * 5 % segments * SEGMENT).cast_signed();
                file.seek(SeekFrom::Start(segment * SEGMENT)).unwrap();
                file.write_all(&[&[0; 4], (number ^ MASK).to_le_bytes().as_slice(), &[0; 8]].concat()).unwrap();
            }
            file.set_len(segments * SEGMENT - 1_000).unwrap();
            assert_eq!(check(path).unwrap(), segments * SEGMENT - 1_000);
            let known = 2 * SEGMENT + 17;
            File::create(path.join(format!("snap.{known:016X}"))).unwrap();
            // The last one in the file is not the last of the log.
            let last = (segments - 1) * 5 % segments >= 2;
            assert_eq!(check(path).unwrap(), (segments - 2) * SEGMENT - if last { 1_000 } else { 0 });
        }
    }
}
