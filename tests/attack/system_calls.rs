//! A fault at each system call of a process on the files of its store, those that sled makes included.
//!
//! `attack-disk` puts functions of its own in place of those of the C library. For every call of a run there is a process in
//! which that one fails, or that is killed there. It may go on or stop with a typed error; the next process must find
//! everything that was acknowledged, and come to the right end.

#[path = "disk/record.rs"]
pub(crate) mod record;

use crate::{
    archives::audit_archive,
    audit::audit,
    clients::Size,
    process::{long, run_on_failing_files, text, told, was_killed},
    workload::Place,
};
use record::Event;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
};
use workflow_runtime::store::{SledStore, Store};

/// What the process has done when it comes to its end.
pub(crate) const SIZE: Size = Size(3);
/// A number that no call has.
const NEVER: u64 = u64::MAX;

/// All events of a record.
fn decode(mut record: &[u8]) -> Vec<(Event, Vec<u8>)> {
    let mut all = vec![];
    while let Some((length, rest)) = record.split_first_chunk::<4>() {
        let (text, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        let event: Event = serde_json::from_slice(text).expect("an event");
        let bytes = if let Event::Written { length, .. } = event { length as usize } else { 0 };
        let (bytes, rest) = rest.split_at(bytes);
        all.push((event, bytes.to_vec()));
        record = rest;
    }
    all
}

/// A store in a directory, to be begun or as a process has left it.
pub(crate) struct Begin(tempfile::TempDir);

/// What came of one process.
struct Ran {
    out: Output,
    /// The call that the fault has struck, and its file.
    struck: Option<(String, PathBuf)>,
    /// How many calls the fault could have struck, if the process came to its end.
    calls: Option<u64>,
}

/// Whether this machine can run these attacks; says so if not.
pub(crate) fn is_linux() -> bool {
    if !cfg!(target_os = "linux") {
        println!("NOT RUN: faults of system calls need Linux");
    }
    cfg!(target_os = "linux")
}

impl Begin {
    /// Nothing is there.
    pub(crate) fn empty() -> Self {
        Begin(tempfile::tempdir().expect("a directory"))
    }

    /// What a process leaves that is killed in the middle: its second store has been at work, sled is behind the log.
    pub(crate) fn killed() -> Self {
        let begin = Begin::empty();
        let place = Place(begin.0.path().to_owned());
        let calls = calls(&Begin::empty(), "kill");
        let ran = strike(&place, "kill", calls * 4 / 5);
        assert!(was_killed(ran.out.status) && ran.struck.is_some(), "{}", told(&ran.out));
        begin
    }

    /// What a process leaves that has come to its end.
    pub(crate) fn closed() -> Self {
        let begin = Begin::empty();
        let ran = strike(&Place(begin.0.path().to_owned()), "read", NEVER);
        assert!(ran.out.status.success(), "{}", told(&ran.out));
        begin
    }

    /// That, within a directory, beside room for snapshots.
    pub(crate) fn beside_copies() -> Self {
        let begin = Begin::closed();
        let place = Place(begin.0.path().to_owned());
        let moved = place.0.join("moved");
        fs::rename(place.store(), &moved).expect("it is moved");
        fs::create_dir_all(place.store().join("copies")).expect("a directory");
        fs::rename(moved, Place(place.store()).store()).expect("it is moved");
        begin
    }

    /// A snapshot of that, and nothing else: in `snapshot`, and to be restored beside it.
    pub(crate) async fn snapshot() -> Self {
        let begin = Begin::beside_copies();
        copy_at_last(&Place(begin.0.path().to_owned()), "at first").await;
        begin
    }

    /// Room for a store and an archive.
    pub(crate) fn room() -> Self {
        let begin = Begin::empty();
        fs::create_dir(Place(begin.0.path().to_owned()).store()).expect("a directory");
        begin
    }

    pub(crate) fn place(&self) -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().expect("a directory");
        tests::copy(self.0.path(), dir.path()).expect("it can be copied");
        let place = Place(dir.path().to_owned());
        (dir, place)
    }
}

/// Runs a process on a store with a fault at one of its calls, and gives what it has written down.
pub(crate) fn strike_and_record(place: &Place, fault: &str, at: u64) -> (Output, Vec<(Event, Vec<u8>)>) {
    let record = tempfile::NamedTempFile::new().expect("a file");
    let out = run_on_failing_files(&[fault, &at.to_string(), text(&place.0), text(record.path())]);
    (out, decode(&fs::read(record.path()).expect("its record")))
}

/// Runs a process on a store with a fault at one of its calls.
fn strike(place: &Place, fault: &str, at: u64) -> Ran {
    let (out, events) = strike_and_record(place, fault, at);
    let (mut struck, mut calls) = (None, None);
    for (event, _) in events {
        match event {
            Event::Struck { call, path } => struck = Some((call, PathBuf::from(path))),
            Event::Ended { calls: all } => calls = Some(all),
            _ => {}
        }
    }
    Ran { out, struck, calls }
}

/// How many calls of a run a fault could strike.
pub(crate) fn calls(begin: &Begin, fault: &str) -> u64 {
    let (_dir, place) = begin.place();
    let ran = strike(&place, fault, NEVER);
    assert!(ran.out.status.success() && ran.struck.is_none(), "{}", told(&ran.out));
    let calls = ran.calls.expect("it has come to its end");
    assert!(calls > 1, "nothing stands between the process and its files: {calls} calls of `{fault}`");
    calls
}

/// The kind of a file of a store.
fn kind(path: &Path) -> &'static str {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match &*name {
        "db" | "conf" | "blobs" => "sled",
        name if name.starts_with("snap.") => "sled",
        "log" | "acked" | "applied" | "spare" => "log",
        name if name.ends_with(".log") => "log",
        name if name == "archive" || path.parent().is_some_and(|within| within.ends_with("archive")) => "archive",
        _ => "other",
    }
}

/// How a process has ended that met a fault.
enum End {
    WentOn,
    /// With an error of this code.
    Stopped(String),
    Killed,
}

#[derive(Default)]
struct Counts {
    struck: u64,
    went_on: u64,
    killed: u64,
    by_call: BTreeMap<String, u64>,
    by_code: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, call: String, end: End) {
        self.struck += 1;
        *self.by_call.entry(call).or_default() += 1;
        match end {
            End::WentOn => self.went_on += 1,
            End::Stopped(code) => *self.by_code.entry(code).or_default() += 1,
            End::Killed => self.killed += 1,
        }
    }
}

/// The codes of the errors in what a process has said.
fn codes(said: &str) -> Vec<String> {
    let words = said.lines().filter(|line| line.starts_with("error: ")).flat_map(|line| line.split([' ', ':']));
    let is_code = |word: &&str| word.len() == 5 && (word.starts_with("WE") || word.starts_with("WS"));
    words.filter(is_code).map(str::to_owned).collect()
}

/// A process was killed where it was to be; another one went on, or has stopped with an error that has a code. A panic that reached
/// its `main`, or the alarm that ends one that hangs, would be another end.
fn end(fault: &str, ran: &Ran, what: &str) -> End {
    let status = ran.out.status;
    if fault.contains("kill") {
        assert!(was_killed(status), "{what}: {}", told(&ran.out));
        return End::Killed;
    }
    let said = String::from_utf8_lossy(&ran.out.stderr);
    match status.code() {
        Some(0) => End::WentOn,
        Some(1) => {
            let last = codes(&said).pop();
            End::Stopped(last.unwrap_or_else(|| panic!("{what}: no code: {}", told(&ran.out))))
        }
        _ => panic!("{what}: it hangs, or was ended: {}", told(&ran.out)),
    }
}

/// Compares what a process has left, that was to do what stands before the fault.
pub(crate) async fn audit_what_is_left(place: &Place, fault: &str, deaths: usize, what: &str) {
    match fault.split_once(':') {
        Some(("archive", _)) => return audit_archive(place, deaths, what).await,
        Some(("snapshot", _)) => {
            copy_at_last(place, what).await;
            restore_at_last(place, what);
        }
        Some(("restore", _)) => restore_at_last(place, what),
        _ => {}
    }
    audit(place, SIZE, deaths, what).await;
}

/// A snapshot that is there is whole; one that is not there can be written, whatever was left of the attempt before. The store is gone then.
async fn copy_at_last(place: &Place, what: &str) {
    let (store, copy) = (Place(place.store()).store(), place.store().join("copies/snapshot"));
    if !copy.exists() {
        let copied = SledStore::open(&store).unwrap_or_else(|e| panic!("{what}: {e}"));
        copied.snapshot(&copy).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        copied.close().await.unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    fs::remove_dir_all(store).expect("it is removed");
    fs::rename(copy, place.store().join("snapshot")).expect("it is moved");
}

/// A store that is there is whole; one that is not there can be made, whatever was left of the attempt before.
fn restore_at_last(place: &Place, what: &str) {
    let (restored, moved) = (place.store().join("restored"), place.0.join("restored"));
    if !restored.exists() {
        SledStore::restore(place.store().join("snapshot"), &restored).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    fs::rename(restored, &moved).expect("it is moved");
    fs::remove_dir_all(place.store()).expect("it is removed");
    fs::rename(moved, place.store()).expect("it is moved");
}

/// Strikes one call and looks at what is left. Nothing if there were fewer calls than that.
async fn strike_and_audit(begin: &Begin, fault: &str, at: u64) -> Option<(String, End)> {
    let (_dir, place) = begin.place();
    let ran = strike(&place, fault, at);
    let what = format!("`{fault}` at call {at}, {:?}", ran.struck);
    let (call, path) = ran.struck.clone()?;
    let end = end(fault, &ran, &what);
    // Two processes may have died on it: the one that has left it, and this one.
    audit_what_is_left(&place, fault, 2, &format!("{what}, {}", told(&ran.out))).await;
    Some((format!("{call} {}", kind(&path)), end))
}

/// Strikes each call of a run, or in the short form so many that lie evenly among them.
pub(crate) async fn each_call(begin: Begin, faults: &[&'static str], short: u64) {
    let begin = Arc::new(begin);
    let mut failures = vec![];
    for fault in faults.iter().copied() {
        let calls = calls(&begin, fault);
        let mut counts = Counts::default();
        let step = if long() { 1 } else { calls.div_ceil(short).max(1) };
        // Not always the first of each stretch.
        let first = if long() { 0 } else { fault.len() as u64 % step };
        for at in (first..calls).step_by(step as usize) {
            let begin = begin.clone();
            match tokio::spawn(async move { strike_and_audit(&begin, fault, at).await }).await {
                Ok(Some((call, end))) => counts.add(call, end),
                Ok(None) => {}
                Err(failed) => failures.push(format!("`{fault}` at call {at}: {failed}")),
            }
        }
        let Counts { struck, went_on, killed, by_call, by_code } = &counts;
        println!("`{fault}` at {struck} of {calls} calls: {went_on} went on, {killed} killed");
        println!("  calls: {by_call:?}\n  stopped: {by_code:?}");
        assert!(*struck > 0, "no call was struck");
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

const ERRORS: [&str; 5] = ["io", "io-on", "full", "full-on", "short"];
const KILLS: [&str; 2] = ["kill", "kill-half"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_a_new_store_loses_nothing() {
    if is_linux() {
        each_call(Begin::empty(), &ERRORS, 4).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_a_recovery_loses_nothing() {
    if is_linux() {
        each_call(Begin::killed(), &ERRORS, 4).await;
    }
}

/// Of a compaction, which writes another store and puts it in the place of the first. Before that it writes to the first what only its log
/// has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_a_compaction_loses_nothing() {
    if is_linux() {
        let faults = ["compact:io", "compact:io-on", "compact:full-on", "compact:kill", "compact:kill-half"];
        each_call(Begin::closed(), &faults, 3).await;
        each_call(Begin::killed(), &faults, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_a_snapshot_leaves_no_half_of_one() {
    if is_linux() {
        let faults = ["snapshot:io", "snapshot:io-on", "snapshot:full-on", "snapshot:short", "snapshot:kill"];
        each_call(Begin::beside_copies(), &faults, 2).await;
    }
}

/// Of a restoration: of the files of the store that it makes, and of the snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_call_of_a_restoration_leaves_no_half_of_a_store() {
    if is_linux() {
        let faults =
            ["restore:io", "restore:io-on", "restore:full-on", "restore:read", "restore:kill", "restore:kill-half"];
        each_call(Begin::snapshot().await, &faults, 2).await;
    }
}

/// The first syncs of sled's file, while a store is made: one of them is of a buffer that was sealed by the batch that writes to it, and
/// whose failure sled tells nobody. That the process ends at all is what is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_write_of_sled_that_has_failed() {
    if !is_linux() {
        return;
    }
    let begin = Begin::empty();
    let mut struck = 0;
    for at in 0..6 {
        let (call, _) = strike_and_audit(&begin, "lost-sled", at).await.expect("there are so many");
        struck += u64::from(call == "sync_file_range sled");
    }
    println!("{struck} writes of sled failed");
    assert!(struck > 0);
}

/// A device that cannot read some sectors. A new store has nothing to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_read_loses_nothing() {
    if is_linux() {
        each_call(Begin::killed(), &["read"], 4).await;
        each_call(Begin::closed(), &["read"], 4).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_at_any_system_call_loses_nothing() {
    if is_linux() {
        each_call(Begin::empty(), &KILLS, 6).await;
        each_call(Begin::killed(), &KILLS, 6).await;
    }
}
