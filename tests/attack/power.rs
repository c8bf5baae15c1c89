//! Power cuts of all files of a store: what a run wrote is written down call by call, and from that is rebuilt what a file
//! system may have on its disk if the power is cut behind any call.
//!
//! Only what was synced is certain: the bytes of a file behind its own `fsync` or `fdatasync`, names behind the `fsync` of
//! their directory. Of the rest any part may be there. `sync_file_range`, which is all that sled's flush calls, makes nothing
//! certain.

use crate::{
    process::{Random, long, text, told},
    system_calls::{Begin, audit_what_is_left, calls, is_linux, record::Event, strike_and_record},
    workload::Place,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A change of a file that is not certain yet.
#[derive(Debug, Clone)]
enum Change {
    Written { offset: usize, bytes: Vec<u8> },
    Cut { length: usize },
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Written { offset, bytes: new } => patch(bytes, *offset, new),
            Change::Cut { length } => bytes.resize(*length, 0),
        }
    }
}

fn patch(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    if bytes.len() < at + with.len() {
        bytes.resize(at + with.len(), 0);
    }
    bytes[at..at + with.len()].copy_from_slice(with);
}

const PAGE: usize = 4096;

#[derive(Debug, Clone, Default)]
struct OneFile {
    /// What is certain.
    durable: Vec<u8>,
    changes: Vec<Change>,
    /// What the kernel takes for written and the disk does not have, each byte that was not written again since.
    lost: BTreeMap<usize, u8>,
}

impl OneFile {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            match &change {
                Change::Written { offset, bytes } => {
                    // The kernel writes whole pages, with all that it has of them in memory.
                    let pages = offset / PAGE * PAGE..(offset + bytes.len()).next_multiple_of(PAGE);
                    let found: Vec<(usize, u8)> = self.lost.range(pages).map(|(at, byte)| (*at, *byte)).collect();
                    for (at, byte) in found {
                        self.lost.remove(&at);
                        patch(&mut self.durable, at, &[byte]);
                    }
                }
                Change::Cut { length } => drop(self.lost.split_off(length)),
            }
            change.make(&mut self.durable);
        }
    }

    /// A sync has failed: what was written stays in memory, as if it was on the disk.
    fn fail_to_sync(&mut self) {
        let mut seen = self.durable.clone();
        self.changes.iter().for_each(|change| change.make(&mut seen));
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Written { offset, bytes } => {
                    self.lost.extend((offset..offset + bytes.len()).filter_map(|at| Some((at, *seen.get(at)?))));
                }
                Change::Cut { length } => {
                    self.durable.resize(length, 0);
                    self.lost.split_off(&length);
                }
            }
        }
        // Its length is the file system's own affair.
        self.durable.resize(seen.len(), 0);
    }
}

/// What a name stands for; a directory has no number.
type Names = BTreeMap<String, Option<usize>>;

#[derive(Debug, Clone)]
enum Entry {
    Made { path: String, file: Option<usize> },
    Renamed { from: String, to: String },
    Removed { path: String },
}

impl Entry {
    fn make(&self, names: &mut Names) {
        match self {
            Entry::Made { path, file } => drop(names.insert(path.clone(), *file)),
            Entry::Renamed { from, to } => {
                // With all that is in it, if it is a directory.
                let moved: Vec<String> =
                    names.keys().filter(|path| renamed(path, from, to).is_some()).cloned().collect();
                for path in moved {
                    if let Some((file, new)) = names.remove(&path).zip(renamed(&path, from, to)) {
                        names.insert(new, file);
                    }
                }
            }
            // A directory is empty then, whether or not that of its names is certain.
            Entry::Removed { path } => names.retain(|name, _| renamed(name, path, "").is_none()),
        }
    }

    /// The same change, behind a rename of the directory that it was made in.
    fn behind(self, from: &str, to: &str) -> Self {
        let new = |path: String| renamed(&path, from, to).unwrap_or(path);
        match self {
            Entry::Made { path, file } => Entry::Made { path: new(path), file },
            Entry::Renamed { from, to } => Entry::Renamed { from: new(from), to: new(to) },
            Entry::Removed { path } => Entry::Removed { path: new(path) },
        }
    }

    fn directory(&self) -> String {
        let (Entry::Made { path, .. } | Entry::Renamed { to: path, .. } | Entry::Removed { path }) = self;
        parent(path)
    }
}

/// What `path` is called when `from` is renamed, if it is that or lies in it.
fn renamed(path: &str, from: &str, to: &str) -> Option<String> {
    let rest = path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(format!("{to}{rest}"))
}

fn parent(path: &str) -> String {
    Path::new(path).parent().map(|parent| parent.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The files of a run behind some of its calls.
#[derive(Debug, Clone, Default)]
struct Disk {
    files: Vec<OneFile>,
    /// The files by the numbers of their inodes.
    inodes: BTreeMap<u64, usize>,
    names: Names,
    certain: Names,
    /// Changes of names that are not certain, in order.
    entries: Vec<Entry>,
    /// What the world outside was told is never lost.
    told: BTreeMap<String, Vec<u8>>,
    /// Where the store is.
    store: String,
}

/// How much of what is not certain is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// All of it is: the process was killed, the power was not cut.
    Nothing,
    Everything,
    /// Each block by chance.
    Blocks(usize),
    /// Each write by chance.
    Writes,
    /// All, but of the last write a part of its sectors.
    LastTorn(usize),
    /// All names and no bytes, and the other way round.
    OnlyNames,
    OnlyBytes,
}

const LOSSES: [Loss; 9] = [
    Loss::Everything,
    Loss::Blocks(512),
    Loss::Nothing,
    Loss::Blocks(4096),
    Loss::LastTorn(512),
    Loss::Writes,
    Loss::OnlyNames,
    Loss::LastTorn(4096),
    Loss::OnlyBytes,
];

impl Disk {
    /// What is there before the run. All of it is certain.
    fn read(place: &Place) -> Self {
        let mut disk = Disk { store: text(&place.store()).to_owned(), ..Disk::default() };
        if place.store().exists() {
            disk.add(&place.store());
        }
        for told in [place.acknowledged(), place.ledger()] {
            if let Ok(bytes) = fs::read(&told) {
                disk.told.insert(text(&told).to_owned(), bytes);
            }
        }
        disk.certain = disk.names.clone();
        disk
    }

    fn add(&mut self, path: &Path) {
        let name = text(path).to_owned();
        if path.is_dir() {
            self.names.insert(name, None);
            for entry in fs::read_dir(path).expect("it can be read") {
                self.add(&entry.expect("it can be read").path());
            }
            return;
        }
        let inode = fs::metadata(path).expect("it is there").ino();
        let durable = fs::read(path).expect("it can be read");
        self.files.push(OneFile { durable, ..OneFile::default() });
        self.inodes.insert(inode, self.files.len() - 1);
        self.names.insert(name, Some(self.files.len() - 1));
    }

    fn name(&mut self, entry: Entry) {
        entry.make(&mut self.names);
        self.entries.push(entry);
    }

    fn change(&mut self, inode: u64, change: Change) {
        // Of a file outside of the store nobody asks.
        if let Some(file) = self.inodes.get(&inode) {
            self.files[*file].changes.push(change);
        }
    }

    fn happens(&mut self, event: &Event, bytes: &[u8]) {
        match event.clone() {
            Event::Created { path, .. } if !path.starts_with(&self.store) => {}
            Event::Created { path, file } => {
                self.files.push(OneFile::default());
                self.inodes.insert(file, self.files.len() - 1);
                self.name(Entry::Made { path, file: Some(self.files.len() - 1) });
            }
            Event::Directory { path } => self.name(Entry::Made { path, file: None }),
            Event::Written { path, .. } if !path.starts_with(&self.store) => {
                self.told.entry(path).or_default().extend_from_slice(bytes);
            }
            Event::Written { file, offset, .. } => {
                self.change(file, Change::Written { offset: offset as usize, bytes: bytes.to_vec() });
            }
            Event::Cut { file, length } => self.change(file, Change::Cut { length: length as usize }),
            Event::Synced { file } => {
                if let Some(file) = self.inodes.get(&file) {
                    self.files[*file].sync();
                }
            }
            Event::NotSynced { file } => {
                if let Some(file) = self.inodes.get(&file) {
                    self.files[*file].fail_to_sync();
                }
            }
            Event::SyncedDirectory { path } => {
                let mut left: Vec<Entry> = vec![];
                for entry in std::mem::take(&mut self.entries) {
                    if entry.directory() != path {
                        left.push(entry);
                        continue;
                    }
                    entry.make(&mut self.certain);
                    match entry {
                        Entry::Renamed { from, to } => {
                            left = left.into_iter().map(|earlier| earlier.behind(&from, &to)).collect();
                        }
                        Entry::Removed { path } => left.retain(|earlier| earlier.directory() != path),
                        Entry::Made { .. } => {}
                    }
                }
                self.entries = left;
            }
            Event::Renamed { from, to } => self.name(Entry::Renamed { from, to }),
            Event::Removed { path } => self.name(Entry::Removed { path }),
            Event::Struck { .. } | Event::Ended { .. } => {}
        }
    }

    /// The names that are there: those that are certain, and in each directory the first of the others.
    fn names_after(&self, loss: Loss, random: &mut Random) -> Names {
        let mut names = self.certain.clone();
        let directories: BTreeSet<String> = self.entries.iter().map(Entry::directory).collect();
        let mut kept = BTreeMap::new();
        for directory in directories {
            let all = self.entries.iter().filter(|e| e.directory() == directory).count();
            let first = match loss {
                Loss::Nothing | Loss::OnlyNames | Loss::LastTorn(_) => all,
                Loss::Everything | Loss::OnlyBytes => 0,
                Loss::Blocks(_) | Loss::Writes => random.below(all as u64 + 1) as usize,
            };
            kept.insert(directory, first);
        }
        for entry in &self.entries {
            let left = kept.get_mut(&entry.directory()).expect("it was counted");
            if *left > 0 {
                *left -= 1;
                entry.make(&mut names);
            }
        }
        // What lies in a directory that is not there is not there.
        let mut there = Names::new();
        for (path, file) in names {
            if path == self.store || there.contains_key(&parent(&path)) {
                there.insert(path, file);
            }
        }
        there
    }

    fn bytes_after(&self, file: &OneFile, loss: Loss, random: &mut Random) -> Vec<u8> {
        let mut bytes = file.durable.clone();
        let all = file.changes.len();
        for (n, change) in file.changes.iter().enumerate() {
            let whole = match loss {
                Loss::Nothing | Loss::OnlyBytes => true,
                Loss::Everything | Loss::OnlyNames => false,
                Loss::Writes => random.below(2) == 0,
                Loss::LastTorn(_) => n + 1 < all,
                Loss::Blocks(_) => matches!(change, Change::Cut { .. }) && random.below(2) == 0,
            };
            match (change, loss) {
                _ if whole => change.make(&mut bytes),
                (Change::Written { offset, bytes: new }, Loss::Blocks(size) | Loss::LastTorn(size)) => {
                    // The file may have its length and not its bytes.
                    if random.below(2) == 0 && bytes.len() < offset + new.len() {
                        bytes.resize(offset + new.len(), 0);
                    }
                    let mut done = 0;
                    while done < new.len() {
                        let end = new.len().min((offset + done) / size * size + size - offset);
                        if random.below(2) == 0 {
                            patch(&mut bytes, offset + done, &new[done..end]);
                        }
                        done = end;
                    }
                }
                _ => {}
            }
        }
        bytes
    }

    /// Writes what may be there behind a power cut to another place.
    fn write(&self, loss: Loss, random: &mut Random, to: &Place) {
        let move_to = |path: &str| to.store().join(Path::new(path).strip_prefix(&self.store).expect("of the store"));
        for (path, file) in self.names_after(loss, random) {
            match file {
                None => fs::create_dir_all(move_to(&path)).expect("a directory"),
                Some(file) => {
                    let bytes = self.bytes_after(&self.files[file], loss, random);
                    fs::write(move_to(&path), bytes).expect("a file");
                }
            }
        }
        for (path, bytes) in &self.told {
            fs::write(to.0.join(Path::new(path).file_name().expect("a name")), bytes).expect("a file");
        }
    }
}

/// What a run has done to the files of its store.
struct Recorded {
    before: Disk,
    events: Vec<(Event, Vec<u8>)>,
}

/// Runs a process and writes down what it does.
fn record(place: &Place, what: &str) -> Recorded {
    let before = Disk::read(place);
    let (out, events) = strike_and_record(place, what, 0);
    assert!(out.status.success(), "{}", told(&out));
    Recorded { before, events }
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        match path.is_dir() {
            true => all.extend(
                files(&path)
                    .into_iter()
                    .map(|(name, bytes)| (Path::new(path.file_name().expect("a name")).join(name), bytes)),
            ),
            false => drop(all.insert(path.file_name().expect("a name").into(), fs::read(&path).expect("a file"))),
        }
    }
    all
}

fn fresh() -> (tempfile::TempDir, Place) {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Place(dir.path().to_owned());
    (dir, place)
}

/// What was written down is all that has happened: the files that come of it are those that are there.
fn check_record(recorded: &Recorded, place: &Place, seen: &[&str]) {
    let mut disk = recorded.before.clone();
    for (event, bytes) in &recorded.events {
        disk.happens(event, bytes);
    }
    let (_dir, rebuilt) = fresh();
    disk.write(Loss::Nothing, &mut Random::new(0), &rebuilt);
    let (there, rebuilt) = (files(&place.store()), files(&rebuilt.store()));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&there), names(&rebuilt));
    for (name, bytes) in there {
        assert!(bytes == rebuilt[&name], "{} was written to by a call that nobody has seen", name.display());
    }
    let of = |name: &str| recorded.events.iter().any(|(event, _)| format!("{event:?}").contains(name));
    assert!(seen.iter().all(|name| of(name)), "not all of {seen:?} are among them");
}

/// Files of a store that has been at work.
const OF_STORE: [&str; 3] = ["/db\"", "/log/", "/snap."];

/// Cuts the power behind every call of a run, or in the short form behind so many.
async fn cut(begin: &Begin, what: &str, seen: &[&str], short: u64) {
    let (_dir, place) = begin.place();
    let recorded = record(&place, what);
    check_record(&recorded, &place, seen);
    let calls = recorded.events.len() as u64;
    let step = if long() { 1 } else { calls.div_ceil(short) };
    let losses = if long() { 4 } else { 1 };
    let mut disk = recorded.before.clone();
    let (mut images, mut failures) = (0, vec![]);
    for (n, (event, bytes)) in (0_u64..).zip(&recorded.events) {
        disk.happens(event, bytes);
        if n % step != step - 1 {
            continue;
        }
        for which in 0..losses {
            let loss = LOSSES[((n / step + which) % LOSSES.len() as u64) as usize];
            let seed = n * 16 + which;
            let (dir, left) = fresh();
            disk.write(loss, &mut Random::new(seed), &left);
            let told = format!("power cut behind call {n} of {calls} ({event:?}), {loss:?}");
            let (audited, fault) = (told.clone(), what.to_owned());
            // The process that left the store, and the one whose power was cut.
            let checked = tokio::spawn(async move { audit_what_is_left(&left, &fault, 2, &audited).await }).await;
            if checked.is_err() {
                failures.push(told);
                keep(dir.path(), failures.len());
            }
            images += 1;
        }
    }
    println!("{images} power cuts in a run of {calls} changes and syncs, {} failures", failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(images > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_of_a_snapshot_leaves_no_half_of_one() {
    if is_linux() {
        cut(&Begin::beside_copies(), "snapshot:record", &["/db\"", "/copies/"], 40).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_of_a_restoration_leaves_no_half_of_a_store() {
    if is_linux() {
        cut(&Begin::snapshot().await, "restore:record", &["/db\"", "/log/"], 12).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_no_run_between_store_and_archive() {
    if is_linux() {
        cut(&Begin::room(), "archive:record", &["/db\"", "/log/", "/archive/"], 24).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_of_a_compaction_loses_nothing() {
    if is_linux() {
        cut(&Begin::closed(), "compact:record", &OF_STORE, 18).await;
    }
}

/// A sync fails, and what was to be synced never reaches the disk, though every later process can read it. The next process opens
/// the store and comes to its end. The power is cut while it goes on, and then. Gives the call that was struck.
async fn lose_a_sync(begin: &Begin, fault: &str, at: u64) -> Option<String> {
    let (_dir, place) = begin.place();
    let mut disk = Disk::read(&place);
    let (first, events) = strike_and_record(&place, fault, at);
    let next = fault.replace("lost-sled", "record").replace("lost", "record");
    let (next, later) = strike_and_record(&place, &next, 0);
    assert!(next.status.success(), "{}, then {}", told(&first), told(&next));
    for (event, bytes) in &events {
        disk.happens(event, bytes);
    }
    let name = events.iter().find_map(|(event, _)| match event {
        Event::Struck { call, path } => Some(format!("{call} {}", path.rsplit('/').next().unwrap_or_default())),
        _ => None,
    })?;
    let marked = |(event, _): &(Event, _)| matches!(event, Event::Created { path, .. } if path.ends_with("/unsynced"));
    assert!(!name.ends_with(".runs") || events.iter().any(marked), "{name}, sync {at}, fails, and nobody says so");
    let cut = async |disk: &Disk, loss: Loss, done: usize| {
        let what =
            format!("{name}, sync {at}, fails, and the power is cut behind {done} calls of the next process, {loss:?}");
        let (_dir, left) = fresh();
        disk.write(loss, &mut Random::new(at), &left);
        audit_what_is_left(&left, fault, 3, &what).await;
    };
    // The first half of them: later on the database has all that the log had.
    let cuts = [1, 2, 3, 4].map(|eighth| later.len() * eighth / 8);
    for (n, (event, bytes)) in later.iter().enumerate() {
        disk.happens(event, bytes);
        if cuts.contains(&n) {
            cut(&disk, Loss::Everything, n + 1).await;
        }
    }
    for loss in [Loss::Everything, Loss::OnlyNames] {
        cut(&disk, loss, later.len()).await;
    }
    Some(name)
}

async fn lose_syncs(begin: Begin, faults: &[&'static str], short: u64) {
    let begin = Arc::new(begin);
    for fault in faults.iter().copied() {
        let syncs = calls(&begin, fault);
        let step = if long() { 1 } else { syncs.div_ceil(short) };
        let (mut lost, mut by_file, mut failures) = (0, BTreeMap::<String, u64>::new(), vec![]);
        for at in (step / 2..syncs).step_by(step as usize) {
            let begin = begin.clone();
            match tokio::spawn(async move { lose_a_sync(&begin, fault, at).await }).await {
                Ok(None) => {}
                Ok(Some(name)) => {
                    lost += 1;
                    *by_file.entry(name).or_default() += 1;
                }
                Err(failed) => failures.push(format!("sync {at}: {failed}")),
            }
        }
        println!("`{fault}`: {lost} of {syncs} syncs failed and lost what they were to sync: {by_file:?}");
        assert!(failures.is_empty(), "{failures:#?}");
        assert!(lost > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_is_made_up_for() {
    if is_linux() {
        let faults: &[_] = if long() { &["lost"] } else { &["lost", "lost-sled"] };
        lose_syncs(Begin::empty(), faults, 3).await;
        lose_syncs(Begin::killed(), faults, 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_of_an_archive_that_fails_loses_no_run() {
    if is_linux() {
        lose_syncs(Begin::room(), &["archive:lost"], 3).await;
    }
}

/// Keeps the files of a failure, if `ATTACK_KEEP` names a directory.
fn keep(from: &Path, number: usize) {
    if let Some(to) = std::env::var_os("ATTACK_KEEP") {
        tests::copy(from, &Path::new(&to).join(format!("image-{number}"))).expect("it can be copied");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_of_a_new_store_loses_nothing() {
    if is_linux() {
        cut(&Begin::empty(), "record", &OF_STORE, 22).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_of_a_recovery_loses_nothing() {
    if is_linux() {
        cut(&Begin::killed(), "record", &OF_STORE, 22).await;
    }
}
