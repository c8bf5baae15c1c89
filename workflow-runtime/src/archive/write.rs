//! The one thread that writes an archive: it takes what is waiting, appends it, and syncs once for all of it.

use super::{
    error::ArchiveError,
    format::{self, BEGIN, Defined, Index, Kind, Part, Place, Whole},
    listed::ArchivedRun,
    scan,
};
use crate::{
    directory,
    journal::{encoding::EncodeError, history::Entry, id::RunId},
};
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::oneshot;
use workflow_definition::Definition;

/// A file is full with so many bytes.
const FULL: u64 = 16 << 20;
/// So many runs share a sync, at most.
const GROUP: usize = 256;
/// Entries that a block of them has, about.
pub(crate) const PAGE: usize = 512;

type Reply<T> = oneshot::Sender<Result<T, ArchiveError>>;

/// Who waits for a run, and the places of all of its blocks.
type WrittenRun = (Reply<()>, Result<Vec<Place>, ArchiveError>);

enum Job {
    Part(Part, Reply<Place>),
    Run(Box<Whole>, Vec<Definition>, Reply<()>),
}

/// Writes to an archive, until the last clone is dropped or [`close`](Self::close)d.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Handle>);

struct Handle {
    directory: PathBuf,
    thread: Mutex<Option<(Sender<Job>, JoinHandle<()>)>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

impl Handle {
    fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = thread {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!("the thread that writes the archive panicked");
            }
        }
    }
}

impl Writer {
    /// Takes the archive in `directory`, which is made if there is none.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Locked`] while another one has it; or it cannot be read or written.
    pub(crate) fn open(directory: &Path) -> Result<Self, ArchiveError> {
        Self::open_with(directory, FULL)
    }

    pub(super) fn open_with(path: &Path, full: u64) -> Result<Self, ArchiveError> {
        let failed = |e| ArchiveError::io(path, e);
        directory::create(path).map_err(failed)?;
        let lock = lock(path)?;
        // Who made its files may have ended before that.
        directory::sync(path).map_err(failed)?;
        let mut files =
            Files { directory: path.to_owned(), full, next: 1, current: None, failed: HashSet::new(), _lock: lock };
        files.go_on()?;
        let (sender, inbox) = channel();
        let thread = std::thread::Builder::new().name("workflow-archive".into());
        let thread = thread.spawn(move || files.run(&inbox)).map_err(failed)?;
        let thread = Mutex::new(Some((sender, thread)));
        Ok(Writer(Arc::new(Handle { directory: path.to_owned(), thread })))
    }

    /// Writes some entries of a run, all but its last ones. They count when the run itself is written.
    pub(crate) async fn part(&self, run: RunId, entries: Vec<Entry>) -> Result<Place, ArchiveError> {
        self.ask(|reply| Job::Part(Part { run, entries }, reply)).await
    }

    /// Writes a run: durable on return, with its parts.
    pub(crate) async fn run(
        &self,
        run: ArchivedRun,
        parts: Vec<Place>,
        entries: Vec<Entry>,
        definitions: Vec<Definition>,
    ) -> Result<(), ArchiveError> {
        let whole = Box::new(Whole { run, parts, entries });
        self.ask(|reply| Job::Run(whole, definitions, reply)).await
    }

    /// Ends with what is under way. Later calls are refused.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, ArchiveError> {
        let closed = || ArchiveError::Closed { path: self.0.directory.clone() };
        let (reply, answer) = oneshot::channel();
        {
            let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner);
            let (sender, _) = thread.as_ref().ok_or_else(closed)?;
            sender.send(job(reply)).map_err(|_| closed())?;
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// An engine of this process that has just ended may hold it for a moment longer.
fn lock(directory: &Path) -> Result<File, ArchiveError> {
    let path = directory.join("lock");
    let failed = |e| ArchiveError::io(&path, e);
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    for _ in 0..200 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
    }
    Err(ArchiveError::Locked { path: directory.to_owned() })
}

/// The file that is appended to.
struct Current {
    number: u32,
    file: File,
    end: u64,
    index: Index,
    defined: BTreeSet<String>,
}

struct Files {
    directory: PathBuf,
    full: u64,
    /// The number of the next file.
    next: u32,
    current: Option<Current>,
    /// Files that may have lost something of this process.
    failed: HashSet<u32>,
    _lock: File,
}

/// Why a block was not appended.
enum Refused {
    /// It cannot be encoded; the file is as it was.
    Encode(EncodeError),
    Archive(ArchiveError),
}

impl From<ArchiveError> for Refused {
    fn from(e: ArchiveError) -> Self {
        Self::Archive(e)
    }
}

impl Files {
    /// Goes on with the last file, if nothing is wrong with it.
    fn go_on(&mut self) -> Result<(), ArchiveError> {
        let Some(number) = scan::numbers(&self.directory)?.pop() else { return Ok(()) };
        self.next = number + 1;
        let path = format::file(&self.directory, number);
        let scan::Scanned { index, end, sealed, clean, damage } = scan::scan(&path)?;
        if self.unsynced().exists() || sealed || !clean || !damage.is_empty() || end < BEGIN || end >= self.full {
            return Ok(());
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| ArchiveError::io(&path, e))?;
        let defined = index.definitions.iter().map(|(_, fingerprint)| fingerprint.to_string()).collect();
        self.current = Some(Current { number, file, end, index, defined });
        Ok(())
    }

    fn run(mut self, inbox: &Receiver<Job>) {
        while let Ok(first) = inbox.recv() {
            let mut runs = vec![];
            let mut job = Some(first);
            while let Some(taken) = job {
                match taken {
                    Job::Part(part, reply) => {
                        let _ = reply.send(self.write(Kind::Entries, &part));
                    }
                    Job::Run(whole, definitions, reply) => {
                        let written = self.write_run(&whole, &definitions);
                        runs.push((reply, written.map(|place| [whole.parts, vec![place]].concat())));
                    }
                }
                job = if runs.len() < GROUP { inbox.try_recv().ok() } else { None };
            }
            if !runs.is_empty() {
                self.answer(runs);
            }
        }
    }

    /// Tells those whose runs are durable, and the others that they are not.
    fn answer(&mut self, runs: Vec<WrittenRun>) {
        let synced = self.sync();
        for (reply, written) in runs {
            let whole = written.and_then(|places| {
                let lost = places.iter().any(|place| self.failed.contains(&place.file));
                match (&synced, lost) {
                    (Err(e), true) => Err(e.clone()),
                    // A part of it was in a file whose sync failed before.
                    (Ok(()), true) => Err(ArchiveError::io(&self.directory, ErrorKind::Interrupted.into())),
                    (_, false) => Ok(()),
                }
            });
            // Who has gone looks again.
            let _ = reply.send(whole);
        }
    }

    fn write_run(&mut self, whole: &Whole, definitions: &[Definition]) -> Result<Place, ArchiveError> {
        // Before anything of it is written, so that definitions and run are in one file.
        self.make_room()?;
        for definition in definitions {
            let fingerprint = definition.fingerprint();
            if self.current.as_ref().is_some_and(|c| c.defined.contains(&fingerprint.to_string())) {
                continue;
            }
            let place = self.append(Kind::Definition, &Defined { fingerprint, definition: definition.clone() })?;
            if let Some(current) = &mut self.current {
                current.defined.insert(fingerprint.to_string());
                current.index.definitions.push((place.at, fingerprint));
            }
        }
        let place = self.append(Kind::Run, whole)?;
        if let Some(current) = &mut self.current {
            current.index.runs.push((place.at, whole.run.summary.clone()));
        }
        Ok(place)
    }

    fn write<T: Serialize>(&mut self, kind: Kind, value: &T) -> Result<Place, ArchiveError> {
        self.make_room()?;
        self.append(kind, value)
    }

    /// Sees to it that there is a file that is not full.
    fn make_room(&mut self) -> Result<(), ArchiveError> {
        if self.current.as_ref().is_some_and(|current| current.end >= self.full) {
            self.seal()?;
        }
        if self.current.is_some() {
            return Ok(());
        }
        let number = self.next;
        let path = format::file(&self.directory, number);
        self.next += 1;
        let begun = self.begin_file(&path);
        let file = self.after(&path, begun)?;
        self.current = Some(Current { number, file, end: BEGIN, index: Index::default(), defined: BTreeSet::new() });
        Ok(())
    }

    /// Its beginning and its name are durable before anything is behind it.
    fn begin_file(&self, path: &Path) -> std::io::Result<File> {
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        file.write_all(&format::begin())?;
        file.sync_all()?;
        directory::sync(&self.directory)?;
        match fs::remove_file(self.unsynced()) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(file),
        }
    }

    /// Writes the index of a file that is full, and lets go of it.
    fn seal(&mut self) -> Result<(), ArchiveError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let index = std::mem::take(&mut current.index);
        let at = current.end;
        self.append(Kind::Index, &index)?;
        if let Some(current) = &mut self.current {
            let path = format::file(&self.directory, current.number);
            let written = current.file.write_all(&format::end(at));
            self.after(&path, written)?;
        }
        self.sync()?;
        self.current = None;
        Ok(())
    }

    fn append<T: Serialize>(&mut self, kind: Kind, value: &T) -> Result<Place, ArchiveError> {
        match self.try_append(kind, value) {
            Ok(place) => Ok(place),
            Err(Refused::Archive(e)) => Err(e),
            Err(Refused::Encode(e)) => Err(ArchiveError::io(&self.directory, std::io::Error::other(e))),
        }
    }

    fn try_append<T: Serialize>(&mut self, kind: Kind, value: &T) -> Result<Place, Refused> {
        let Some(current) = &mut self.current else {
            return Err(ArchiveError::Closed { path: self.directory.clone() }.into());
        };
        let place = Place { file: current.number, at: current.end };
        let block = format::block(kind, value, place.at).map_err(Refused::Encode)?;
        let written = current.file.write_all(&block);
        current.end += block.len() as u64;
        let path = format::file(&self.directory, place.file);
        self.after(&path, written)?;
        Ok(place)
    }

    fn sync(&mut self) -> Result<(), ArchiveError> {
        let Some(current) = &self.current else { return Ok(()) };
        let path = format::file(&self.directory, current.number);
        let synced = current.file.sync_data();
        self.after(&path, synced)
    }

    /// After a failure nobody knows what the file holds: the next block goes to a new one.
    fn after<T>(&mut self, path: &Path, done: std::io::Result<T>) -> Result<T, ArchiveError> {
        done.map_err(|e| {
            if let Some(current) = self.current.take() {
                self.failed.insert(current.number);
            }
            if let Err(error) = File::create(self.unsynced()) {
                tracing::error!(%error, "a failed write of the archive is not noted");
            }
            ArchiveError::io(path, e)
        })
    }

    /// There is a file of this name from a write or a sync that has failed until there is another file to go on with. The kernel takes for
    /// written what it could not write: whoever went on behind it would leave a hole. It is as good as the kernel's memory, and not synced either.
    fn unsynced(&self) -> PathBuf {
        self.directory.join("unsynced")
    }
}
