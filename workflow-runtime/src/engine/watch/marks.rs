//! Which steps were running when a process died.
//!
//! A file beside the store says that an engine is at work; an orderly end removes it. An engine that finds it follows one
//! that died, and from then on marks each step in the file while the step runs. The marks are for the death of the
//! process, which the kernel's cache survives, so nothing is synced: a mark costs two small writes to memory. An engine
//! that follows an orderly end marks nothing.
//!
//! ```text
//! 0       the marks: SLOT bytes for each worker: checksum, length, namespace, 0, id
//! TABLE   the suspects: checksum, length, JSON
//! ```

use super::locked;
use crate::journal::id::{MAX_ID_BYTES, Namespace, WorkflowId};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// The file in the store's directory.
pub(super) const NAME: &str = "engine.marks";

/// The most workers that an engine has.
const WORKERS: usize = 64;

const SLOT: usize = 1024;
const TABLE: usize = WORKERS * SLOT;
const HEAD: usize = 8;

/// With how many marked deaths in a row a suspect is condemned. The first death is not marked, so this is the fourth opening behind
/// it. Fewer would condemn the innocent: a process that is killed from outside over and over dies twice in a row in the same step
/// now and then.
const DEATHS: u32 = 3;

/// An instance that was in a step when a process died, and has not made a step durable since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Suspect {
    namespace: String,
    id: String,
    deaths: u32,
}

pub(super) struct Marks {
    path: PathBuf,
    namespace: String,
    /// None: there is no place for it, or it cannot be written.
    file: Option<File>,
    /// The engine before this one died.
    armed: AtomicBool,
    suspects: Mutex<Vec<Suspect>>,
    /// How many suspects there are: nearly always none.
    open: AtomicUsize,
}

impl Marks {
    /// Looks at what the engine before has left, and begins anew. Also gives the instances that are not to be stepped,
    /// with the number of deaths.
    pub(super) fn open(
        directory: Option<PathBuf>,
        namespace: &Namespace,
        workers: usize,
    ) -> (Self, Vec<(WorkflowId, u32)>) {
        let mut marks = Marks {
            path: directory.as_deref().unwrap_or(Path::new("")).join(NAME),
            namespace: namespace.as_str().to_owned(),
            file: None,
            armed: AtomicBool::new(false),
            suspects: Mutex::default(),
            open: AtomicUsize::new(0),
        };
        if directory.is_none() || workers > WORKERS {
            return (marks, vec![]);
        }
        match marks.begin() {
            Ok(killers) => (marks, killers),
            Err(error) => {
                // An engine without marks works; a step that kills the process is not found, that is all.
                tracing::warn!(%error, path = %marks.path.display(), "steps cannot be marked");
                (marks, vec![])
            }
        }
    }

    fn begin(&mut self) -> io::Result<Vec<(WorkflowId, u32)>> {
        let before = match fs::read(&self.path) {
            Ok(before) => Some(before),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        let mut suspects = before.as_deref().map(table).unwrap_or_default();
        for (namespace, id) in before.as_deref().map(under_way).unwrap_or_default() {
            tracing::warn!(workflow.id = id, "a step of it was running when the process before this one died");
            match suspects.iter_mut().find(|s| (&s.namespace, &s.id) == (&namespace, &id)) {
                Some(suspect) => suspect.deaths = suspect.deaths.saturating_add(1),
                None => suspects.push(Suspect { namespace, id, deaths: 1 }),
            }
        }
        // Written aside and moved: a death in between counts no mark twice.
        let aside = self.path.with_extension("new");
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&aside)?;
        file.set_len(TABLE as u64)?;
        write(&file, &framed(&serde_json::to_vec(&suspects).map_err(io::Error::other)?), TABLE)?;
        fs::rename(&aside, &self.path)?;
        let guilty = suspects.iter().filter(|s| s.deaths >= DEATHS && s.namespace == self.namespace);
        let killers = guilty.filter_map(|s| Some((WorkflowId::new(s.id.clone()).ok()?, s.deaths))).collect();
        self.file = Some(file);
        *self.armed.get_mut() = before.is_some();
        *self.open.get_mut() = suspects.len();
        *self.suspects.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner) = suspects;
        Ok(killers)
    }

    /// The worker begins a step of an instance.
    pub(super) fn set(&self, worker: usize, id: &WorkflowId) {
        if self.armed.load(Ordering::Relaxed) {
            self.mark(worker, &[self.namespace.as_bytes(), b"\0", id.as_str().as_bytes()].concat());
        }
    }

    /// The step has ended.
    pub(super) fn unset(&self, worker: usize) {
        if self.armed.load(Ordering::Relaxed) {
            self.mark(worker, b"");
        }
    }

    fn mark(&self, worker: usize, what: &[u8]) {
        let Some(file) = &self.file else { return };
        if let Err(error) = write(file, &framed(what), worker * SLOT)
            && self.armed.swap(false, Ordering::Relaxed)
        {
            tracing::warn!(%error, path = %self.path.display(), "steps cannot be marked any more");
        }
    }

    /// Whether an instance was in a step when a process died.
    pub(super) fn suspects(&self, id: &WorkflowId) -> bool {
        self.open.load(Ordering::Relaxed) > 0 && locked(&self.suspects).iter().any(|s| self.is(s, id))
    }

    fn is(&self, suspect: &Suspect, id: &WorkflowId) -> bool {
        suspect.id == id.as_str() && suspect.namespace == self.namespace
    }

    /// An instance has made a step durable, or will make none.
    pub(super) fn clear(&self, id: &WorkflowId) {
        if self.open.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut suspects = locked(&self.suspects);
        let before = suspects.len();
        suspects.retain(|s| !self.is(s, id));
        self.open.store(suspects.len(), Ordering::Relaxed);
        if let (Some(file), true) = (&self.file, suspects.len() < before) {
            let written = serde_json::to_vec(&*suspects).map_err(io::Error::other);
            if let Err(error) = written.and_then(|json| write(file, &framed(&json), TABLE)) {
                tracing::warn!(%error, "a suspect could not be taken out of the marks");
            }
        }
    }

    /// An orderly end.
    pub(super) fn remove(&self) {
        let keeps = self.open.load(Ordering::Relaxed) > 0;
        // Suspects stay suspects until they have made a step.
        if self.file.is_some()
            && !keeps
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the marks could not be removed");
        }
    }
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEAD + bytes.len());
    framed.extend(crc32fast::hash(bytes).to_le_bytes());
    framed.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    framed.extend(bytes);
    framed
}

/// What was framed at a place, unless it is torn or empty.
fn unframed(file: &[u8], at: usize) -> Option<&[u8]> {
    let head = file.get(at..at + HEAD)?;
    let word = |i: usize| Some(u32::from_le_bytes(head.get(i..i + 4)?.try_into().ok()?));
    let length = usize::try_from(word(4)?).ok()?;
    let bytes = file.get(at + HEAD..(at + HEAD).checked_add(length)?)?;
    (length > 0 && crc32fast::hash(bytes) == word(0)?).then_some(bytes)
}

fn table(file: &[u8]) -> Vec<Suspect> {
    unframed(file, TABLE).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default()
}

/// Namespaces and ids.
fn under_way(file: &[u8]) -> Vec<(String, String)> {
    let slots = (0..WORKERS).filter_map(|worker| unframed(file, worker * SLOT));
    slots
        .filter_map(|slot| std::str::from_utf8(slot).ok()?.split_once('\0'))
        .map(|(n, id)| (n.into(), id.into()))
        .collect()
}

#[cfg(unix)]
pub(super) fn write(file: &File, bytes: &[u8], at: usize) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at as u64)
}

#[cfg(windows)]
pub(super) fn write(file: &File, bytes: &[u8], at: usize) -> io::Result<()> {
    let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at as u64)?;
    if written < bytes.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
}

#[cfg(not(any(unix, windows)))]
pub(super) fn write(_: &File, _: &[u8], _: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

const _: () = assert!(HEAD + 2 * MAX_ID_BYTES < SLOT);

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> WorkflowId {
        WorkflowId::new(text).unwrap()
    }

    fn open(dir: &Path) -> (Marks, Vec<(WorkflowId, u32)>) {
        Marks::open(Some(dir.to_owned()), &Namespace::default(), 2)
    }

    #[test]
    fn the_fourth_opening_finds_who_kills() {
        let dir = tempfile::tempdir().unwrap();
        let (marks, killers) = open(dir.path());
        // Nothing has died yet, so nothing is marked.
        marks.set(0, &id("killer"));
        assert_eq!((killers.len(), marks.suspects(&id("killer"))), (0, false));
        drop(marks);
        let (marks, killers) = open(dir.path());
        assert!(killers.is_empty());
        marks.set(1, &id("innocent"));
        marks.unset(1);
        marks.set(1, &id("unlucky"));
        marks.set(0, &id("killer"));
        drop(marks);
        let (marks, killers) = open(dir.path());
        assert!(killers.is_empty());
        assert!(marks.suspects(&id("killer")) && marks.suspects(&id("unlucky")) && !marks.suspects(&id("innocent")));
        marks.clear(&id("unlucky"));
        marks.set(1, &id("killer"));
        drop(marks);
        let (marks, killers) = open(dir.path());
        assert!(killers.is_empty());
        marks.set(1, &id("killer"));
        drop(marks);
        let (marks, killers) = open(dir.path());
        assert_eq!(killers, [(id("killer"), 3)]);
        assert!(!marks.suspects(&id("unlucky")));
        // Once it is blocked it is no suspect any more, and an orderly end removes the file.
        marks.clear(&id("killer"));
        marks.remove();
        drop(marks);
        assert!(!dir.path().join(NAME).exists());
        let (marks, killers) = open(dir.path());
        assert!(killers.is_empty() && !marks.armed.load(Ordering::Relaxed));
    }

    #[test]
    fn damaged_marks_are_no_marks() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [vec![], vec![0xff; 10], vec![0xff; TABLE + 100], vec![0; TABLE + 100]] {
            fs::write(dir.path().join(NAME), bytes).unwrap();
            let (marks, killers) = open(dir.path());
            assert!(killers.is_empty() && marks.armed.load(Ordering::Relaxed));
            assert_eq!(marks.open.load(Ordering::Relaxed), 0);
        }
    }
}
