//! The files of a store that are watched: what is counted, made to fail, and written down.
//!
//! Calls on them are made one at a time, so that what is written down has the order in which it happened.

use crate::{
    kernel::{self, Status, fail},
    plan::{Class, Fault, Verdict},
    record::Event,
};
use libc::{c_int, c_long};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    os::fd::IntoRawFd,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

pub(crate) static WATCH: OnceLock<Watch> = OnceLock::new();

pub(crate) struct Watch {
    /// The directory of the store.
    store: String,
    /// The files in this directory meet the fault.
    struck: String,
    /// What else is written down: what the world outside of the store was told.
    told: Vec<String>,
    fault: Fault,
    at: u64,
    state: Mutex<State>,
}

pub(crate) struct State {
    /// Calls that could have met the fault.
    calls: u64,
    record: c_int,
    /// All that changes is written down.
    records: bool,
    /// Pages that the kernel has in memory: it does not ask the device for them again.
    pub(crate) cached: BTreeSet<Page>,
    /// Pages that the device does not give.
    pub(crate) bad: BTreeSet<Page>,
    /// How many syncs of a file have failed, by the number of its inode.
    pub(crate) failed: BTreeMap<u64, u64>,
    /// Of how many of them an open file was told. Each is told once, whoever had asked, but for those that were opened later.
    pub(crate) heard: BTreeMap<c_int, u64>,
}

/// A page of a file, by the numbers of both.
pub(crate) type Page = (u64, u64);

const PAGE: u64 = 4096;

/// Begins to watch the files of a store. Calls before that are not counted.
pub(crate) fn begin(store: &Path, struck: &Path, told: &[&Path], fault: Fault, at: u64, record: File) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let records = matches!(fault, Fault::Record | Fault::Lost | Fault::LostSled);
    let state = State {
        calls: 0,
        record: record.into_raw_fd(),
        records,
        cached: BTreeSet::new(),
        bad: BTreeSet::new(),
        failed: BTreeMap::new(),
        heard: BTreeMap::new(),
    };
    let state = Mutex::new(state);
    let told = told.iter().map(|path| text(path)).collect();
    let _ = WATCH.set(Watch { store: text(store), struck: text(struck), told, fault, at, state });
}

/// Writes down how many calls there were.
pub(crate) fn end() {
    if let Some(watch) = WATCH.get() {
        let state = watch.state();
        let calls = state.calls;
        state.tell(&Event::Ended { calls }, &[]);
    }
}

impl Watch {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn concerns(&self, path: &str) -> bool {
        is_in(path, &self.store) || self.told.iter().any(|told| told == path)
    }
}

fn is_in(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl State {
    /// Something has changed.
    pub(crate) fn emit(&self, event: &Event, bytes: &[u8]) {
        if self.records {
            self.tell(event, bytes);
        }
    }

    fn tell(&self, event: &Event, bytes: &[u8]) {
        let text = serde_json::to_vec(event).unwrap_or_default();
        let all = [&(text.len() as u32).to_be_bytes(), text.as_slice(), bytes].concat();
        if !kernel::write_all(self.record, &all) {
            kernel::die();
        }
    }
}

/// The path of an open file that is watched.
pub(crate) fn watched(fd: c_int) -> Option<String> {
    WATCH.get().and_then(|watch| kernel::path_of(fd).filter(|path| watch.concerns(path)))
}

/// Makes one call that may meet a fault. `make` makes it, and says how many bytes of it were made if it is told to make half
/// of it; `note` says what has changed, if it went well.
pub(crate) fn call(
    name: &str,
    class: Class,
    path: Option<String>,
    make: impl FnOnce(bool) -> c_long,
    note: impl FnOnce(&mut State, c_long),
) -> c_long {
    let watched = WATCH.get().zip(path).filter(|(watch, path)| watch.concerns(path));
    let Some((watch, path)) = watched else { return make(false) };
    let mut state = watch.state();
    let mut verdict = Verdict::Pass;
    if is_in(&path, &watch.struck) && watch.fault.concerns(class) && watch.fault.concerns_file(&path) {
        verdict = watch.fault.verdict(state.calls, watch.at);
        if state.calls == watch.at && verdict != Verdict::Pass {
            state.tell(&Event::Struck { call: name.to_owned(), path }, &[]);
        }
        state.calls += 1;
    }
    let halves = matches!(class, Class::Write | Class::Grow);
    let done = match verdict {
        Verdict::Pass => make(false),
        Verdict::Fail(error) => return fail(error),
        Verdict::Half if halves => make(true),
        Verdict::Half => return fail(libc::ENOSPC),
        Verdict::Die | Verdict::DieHalf => {
            if verdict == Verdict::DieHalf {
                make(true);
            }
            kernel::die();
            return -1;
        }
    };
    if done >= 0 {
        note(&mut state, done);
    }
    done
}

/// The pages of a part of a file, as far as it goes.
pub(crate) fn pages(fd: c_int, offset: u64, n: u64) -> impl Iterator<Item = Page> {
    let Status { file, length, .. } = kernel::status(fd);
    let end = offset.saturating_add(n).min(length);
    (offset / PAGE..end.div_ceil(PAGE).max(offset / PAGE)).map(move |page| (file, page))
}
