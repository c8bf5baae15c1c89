//! What a process has used, and what disks do.

use crate::Failure;
use std::{fs::File, io::Write, path::Path, time::Instant};

/// `p` in 0..=1 of a sample that is not empty.
pub(crate) fn quantile(sample: &mut [f64], p: f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let last = sample.len().saturating_sub(1);
    sample.get((last as f64 * p).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Seconds of processor time of a process, in user and kernel, as far as the system says.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    // Nanoseconds per thread; those that have ended are in the process's own ticks only.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / 100.0
}

/// Bytes of memory of a process that are its own: heap and stacks, not the pages of files.
pub(crate) fn memory_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("RssAnon:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Bytes that the files of a directory take on disk.
pub(crate) fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(m) if m.is_dir() => disk_bytes(&entry.path()),
        Ok(m) => allocated(&m),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(unix)]
fn allocated(m: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(m) * 512
}

#[cfg(not(unix))]
fn allocated(m: &std::fs::Metadata) -> u64 {
    m.len()
}

/// Appends `commits` records of `bytes` to a file, `group` of them and then a sync. Records per second: what the disk gives
/// to whoever does nothing but make the same bytes durable.
pub(crate) fn raw_appends(dir: &Path, commits: u64, bytes: u64, group: u64) -> Result<f64, Failure> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join("raw");
    let mut file = File::create(&path)?;
    let record = vec![7u8; usize::try_from(bytes)?];
    let mut together = Vec::new();
    let begun = Instant::now();
    let mut left = commits;
    while left > 0 {
        let now = left.min(group);
        together.clear();
        (0..now).for_each(|_| together.extend_from_slice(&record));
        file.write_all(&together)?;
        file.sync_data()?;
        left -= now;
    }
    let rate = commits as f64 / begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
