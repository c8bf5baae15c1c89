//! A directory in memory that knows what a power cut may leave of it, and that fails on command.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use super::files::{Files, LogFile};

const SECTOR: usize = 512;

/// A change of the directory that is not synced.
#[derive(Clone)]
enum Entry {
    Create(String, usize),
    Rename(String, String),
}

/// A write: where, and what.
type Patch = (usize, Vec<u8>);

#[derive(Clone, Default)]
struct State {
    /// Contents: durable bytes and writes that are not synced, in order.
    files: Vec<(Vec<u8>, Vec<Patch>)>,
    /// Writes whose sync has failed: they are read, no later sync makes them durable, and a power cut takes them.
    lost: Vec<(usize, Patch)>,
    /// The directory as it is, and as it is durable.
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    entries: Vec<Entry>,
    /// Bytes that the disk still takes.
    room: Option<usize>,
    /// Calls that change something, until one fails.
    calls: usize,
    fail_at: Option<usize>,
}

/// Clones are the same directory.
#[derive(Clone, Default)]
pub(in crate::store::sled) struct Simulated(Arc<Mutex<State>>);

struct SimulatedFile(Simulated, usize);

fn patch(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    if bytes.len() < at + with.len() {
        bytes.resize(at + with.len(), 0);
    }
    bytes[at..at + with.len()].copy_from_slice(with);
}

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts a call; an error if it is the one that fails.
    fn call(&self) -> io::Result<()> {
        let mut state = self.state();
        state.calls += 1;
        match state.fail_at {
            Some(at) if state.calls > at => Err(io::Error::other("the device fails")),
            _ => Ok(()),
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.state().calls
    }

    /// All calls after the next `n` fail.
    pub(in crate::store::sled) fn fail_after(&self, n: usize) {
        let mut state = self.state();
        state.fail_at = Some(state.calls + n);
    }

    pub(super) fn heal(&self) {
        self.state().fail_at = None;
    }

    pub(in crate::store::sled) fn set_room(&self, room: Option<usize>) {
        self.state().room = room;
    }

    /// The files as a program reads them.
    pub(super) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let names: Vec<String> = self.state().names.keys().cloned().collect();
        names.into_iter().map(|name| (name.clone(), self.read(&name).unwrap())).collect()
    }

    pub(super) fn from_contents(contents: BTreeMap<String, Vec<u8>>) -> Self {
        let this = Self::default();
        let mut state = this.state();
        for (name, bytes) in contents {
            let id = state.files.len();
            state.files.push((bytes, vec![]));
            state.names.insert(name.clone(), id);
            state.durable.insert(name, id);
        }
        drop(state);
        this
    }

    /// What may be there after a power cut: the first of the changes of the directory, and of the unsynced writes any
    /// sectors.
    pub(super) fn after_power_cut(&self, mut choose: impl FnMut(usize) -> usize) -> Self {
        let mut state = self.state().clone();
        let kept = choose(state.entries.len() + 1);
        let mut names = state.durable.clone();
        for entry in &state.entries[..kept] {
            apply(&mut names, entry);
        }
        for (bytes, writes) in &mut state.files {
            for (at, with) in std::mem::take(writes) {
                let mut done = 0;
                while done < with.len() {
                    let end = with.len().min((at + done) / SECTOR * SECTOR + SECTOR - at);
                    if choose(2) == 1 {
                        patch(bytes, at + done, &with[done..end]);
                    }
                    done = end;
                }
            }
        }
        let contents = names.into_iter().map(|(name, id)| (name, state.files[id].0.clone())).collect();
        Self::from_contents(contents)
    }
}

fn apply(names: &mut BTreeMap<String, usize>, entry: &Entry) {
    match entry {
        Entry::Create(name, id) => drop(names.insert(name.clone(), *id)),
        Entry::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
    }
}

impl Files for Simulated {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn LogFile>> {
        self.call()?;
        let mut state = self.state();
        let found = state.names.get(name).copied();
        let id = match (found, create) {
            (Some(id), false) => id,
            (None, true) => {
                let id = state.files.len();
                state.files.push((vec![], vec![]));
                let entry = Entry::Create(name.to_owned(), id);
                apply(&mut state.names, &entry);
                state.entries.push(entry);
                id
            }
            (Some(_), true) => return Err(ErrorKind::AlreadyExists.into()),
            (None, false) => return Err(ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(SimulatedFile(self.clone(), id)))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        let id = state.names.get(name).ok_or(ErrorKind::NotFound)?;
        let (bytes, writes) = &state.files[*id];
        let lost = state.lost.iter().filter(|(file, _)| file == id).map(|(_, patch)| patch);
        let mut bytes = bytes.clone();
        for (at, with) in lost.chain(writes) {
            patch(&mut bytes, *at, with);
        }
        Ok(bytes)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call()?;
        let mut state = self.state();
        if !state.names.contains_key(from) {
            return Err(ErrorKind::NotFound.into());
        }
        let entry = Entry::Rename(from.to_owned(), to.to_owned());
        apply(&mut state.names, &entry);
        state.entries.push(entry);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.call()?;
        let mut state = self.state();
        state.durable = state.names.clone();
        state.entries.clear();
        Ok(())
    }
}

impl LogFile for SimulatedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.call()?;
        let grown = (offset as usize + bytes.len()).saturating_sub(self.len()? as usize);
        let mut state = self.0.state();
        let mut taken = bytes.len();
        if let Some(room) = &mut state.room {
            // As much as fits is written, as a file system does it.
            let fits = grown.min(*room);
            taken = taken.saturating_sub(grown - fits);
            *room -= fits;
        }
        state.files[self.1].1.push((offset as usize, bytes[..taken].to_vec()));
        if taken < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.0.state();
        let (bytes, writes) = &state.files[self.1];
        let lost = state.lost.iter().filter(|(file, _)| *file == self.1).map(|(_, patch)| patch);
        let ends = lost.chain(writes).map(|(at, with)| at + with.len());
        Ok(ends.fold(bytes.len(), usize::max) as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let done = self.0.call();
        let mut state = self.0.state();
        let state = &mut *state;
        let (bytes, writes) = &mut state.files[self.1];
        if done.is_err() {
            state.lost.extend(std::mem::take(writes).into_iter().map(|patch| (self.1, patch)));
            return done;
        }
        for (at, with) in std::mem::take(writes) {
            patch(bytes, at, &with);
        }
        Ok(())
    }
}
