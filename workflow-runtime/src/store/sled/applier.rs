//! The thread that brings the database up to date behind the log.
//!
//! It takes all that has become durable since the last time, in one *generation*: the last write of each record, in the
//! order of their keys. So a record that changes with every step is written to the database once in seconds. It notes
//! how far the database has come (the *position*) after the generation is synced, and syncs the note; segments of the log are let go of after
//! that. A crash in between makes the next opening write a generation again, which changes nothing.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::blocks::Applied;
use super::database::Database;
use super::snapshot::{self, Snapshot, SnapshotError};
use super::table::Table;
use super::view::{Shared, guarded};
use super::wal::{self, Files};
use crate::journal::key;
use crate::store::StoreError;
use crate::store::record::{self, Medium};

/// What is durable is in the database after so long, or sooner.
const INTERVAL: Duration = Duration::from_secs(2);
/// So much of it begins a generation at once.
const GENERATION_BYTES: usize = 32 << 20;
/// So much of the log does too, however often it wrote the same records: it is read again after a crash.
const GENERATION_LOG: u64 = 2 * wal::SIZES.segment;
/// More than this does not wait in memory: commits wait instead.
const MOST_BYTES: usize = 64 << 20;
/// The longest that commits are held up before that.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How far the database has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// It holds all groups up to this one.
    pub(super) group: u64,
    /// It was closed after that, so that there is nothing behind it.
    pub(super) closed: bool,
}

const CLOSED: &[u8] = b"closed";

impl Position {
    pub(super) fn read<M: Medium>(medium: &M) -> Result<Option<Self>, StoreError> {
        let physical = record::own(key::STORE_LOG);
        let Some(raw) = medium.read(&physical)? else { return Ok(None) };
        let (group, text) = record::open_own_text(&physical, raw.as_ref())?;
        Ok(Some(Self { group, closed: text == CLOSED }))
    }

    pub(super) fn record(self) -> (Vec<u8>, Vec<u8>) {
        let physical = record::own(key::STORE_LOG);
        let sealed = record::seal_own(&physical, self.group, if self.closed { CLOSED } else { b"open" });
        (physical, sealed)
    }
}

/// A snapshot that is asked for.
struct Asked {
    /// The last group that was durable then: the database must have it.
    group: u64,
    path: PathBuf,
    reply: oneshot::Sender<Result<Snapshot, SnapshotError>>,
}

/// What the applier does next.
enum Work {
    /// Writes what is durable up to this group at least.
    Generation(u64),
    Snapshot(Asked),
    End,
}

/// What the committer and the applier tell each other.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last durable group.
    last: u64,
    /// The last group that the database has.
    applied: u64,
    /// When the first group became durable that no generation has.
    since: Option<Instant>,
    /// The bytes of such groups in the log.
    log_bytes: u64,
    /// A generation is to begin at once.
    full: bool,
    /// Snapshots that are asked for.
    snapshots: Vec<Asked>,
    closing: bool,
    /// The applier has ended.
    ended: bool,
    /// Generations that were written.
    generations: u64,
    /// Bytes that the database took per second, lately.
    rate: f64,
}

impl Progress {
    /// The database has all groups up to `applied`; those behind it, up to `last`, take `log_bytes` of the log.
    pub(super) fn new(last: u64, applied: u64, log_bytes: u64) -> Arc<Self> {
        let since = (applied < last).then(Instant::now);
        let state = State { last, applied, since, log_bytes, ..State::default() };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group `last` is durable and shown; `waiting` bytes are in memory.
    pub(super) fn advance(&self, last: u64, log_bytes: u64, waiting: usize) {
        let mut state = self.state();
        state.last = last;
        state.log_bytes += log_bytes;
        let begins = state.since.is_none();
        state.since.get_or_insert_with(Instant::now);
        let full = waiting >= GENERATION_BYTES || state.log_bytes >= GENERATION_LOG;
        if begins || (full && !state.full) {
            state.full |= full;
            self.changed.notify_all();
        }
    }

    /// Holds up whoever writes faster than the database takes it: the more, the more is waiting.
    pub(super) fn pace(&self, waiting: usize, written: usize) {
        let mut state = self.state();
        if waiting <= GENERATION_BYTES || state.ended {
            return;
        }
        if waiting >= MOST_BYTES {
            let before = state.generations;
            while state.generations == before && !state.ended {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            return;
        }
        if state.rate > 0.0 {
            let share = (waiting - GENERATION_BYTES) as f64 / (MOST_BYTES - GENERATION_BYTES) as f64;
            let pause = Duration::from_secs_f64(2.0 * share * written as f64 / state.rate);
            drop(state);
            std::thread::sleep(pause.min(LONGEST_PAUSE));
        }
    }

    pub(super) fn close(&self) {
        self.state().closing = true;
        self.changed.notify_all();
    }

    /// Groups that are durable and not in the database yet.
    pub(super) fn lag(&self) -> u64 {
        let state = self.state();
        state.last.saturating_sub(state.applied)
    }

    /// Asks for a snapshot of what is durable now.
    pub(super) fn snapshot(&self, path: PathBuf) -> oneshot::Receiver<Result<Snapshot, SnapshotError>> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.state();
        if !state.ended {
            let group = state.last;
            state.snapshots.push(Asked { group, path, reply });
            self.changed.notify_all();
        }
        answer
    }

    /// Waits for what there is to do.
    fn next(&self) -> Work {
        let mut state = self.state();
        loop {
            // Whatever has become durable since: under load there is always more.
            let applied = state.applied;
            if let Some(asked) = state.snapshots.pop_if(|asked| asked.group <= applied) {
                return Work::Snapshot(asked);
            }
            let waited = state.since.map(|since| since.elapsed());
            let urgent = state.full || state.closing || !state.snapshots.is_empty();
            match waited {
                Some(waited) if urgent || waited >= INTERVAL => {
                    state.since = None;
                    state.full = false;
                    state.log_bytes = 0;
                    return Work::Generation(state.last);
                }
                Some(waited) => {
                    let left = INTERVAL.saturating_sub(waited);
                    state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None if state.closing => return Work::End,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// A generation is in the database, up to the group `applied` at least.
    fn written(&self, applied: u64, bytes: u64, took: Duration) {
        let mut state = self.state();
        state.applied = applied;
        state.generations += 1;
        state.rate = bytes as f64 / took.as_secs_f64().max(1e-6);
        self.changed.notify_all();
    }

    fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        // Who asked for them is told by that.
        state.snapshots.clear();
        self.changed.notify_all();
    }
}

pub(super) struct Applier {
    pub(super) database: Database,
    pub(super) files: Arc<dyn Files>,
    pub(super) shared: Arc<Shared>,
    pub(super) progress: Arc<Progress>,
    /// The position that the database has noted.
    pub(super) applied: u64,
}

impl Applier {
    /// Runs until the store closes or the database fails. Nothing that is durable is lost by that: the log has it.
    pub(super) fn run(mut self) -> Database {
        let mut outcome = Ok(());
        while outcome.is_ok() {
            match self.progress.next() {
                Work::Generation(last) => outcome = guarded(|| self.generation(last)),
                Work::Snapshot(Asked { path, reply, .. }) => {
                    let written = guarded(|| Ok(snapshot::write(&self.database.db, &path)));
                    let _ = reply.send(written.unwrap_or_else(|panicked| Err(panicked.into())));
                }
                Work::End => break,
            }
        }
        if outcome.is_ok() {
            outcome = guarded(|| self.finish());
        }
        if let Err(error) = outcome {
            let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            tracing::error!(%error, source, "the database cannot be brought up to date; reopening repeats it from the log");
            self.shared.poison(source);
        }
        self.progress.end();
        self.database
    }

    fn generation(&mut self, last: u64) -> Result<(), StoreError> {
        let begun = Instant::now();
        let table = self.shared.freeze();
        let bytes = self.write(&table)?;
        drop(table);
        self.shared.thaw();
        self.database.note(Position { group: last, closed: false })?;
        self.database.sync()?;
        self.applied = last;
        if let Err(error) = wal::release(&*self.files, last) {
            tracing::warn!(%error, "old segments of the log are not let go of; it is tried again");
        }
        self.progress.written(last, bytes, begun.elapsed());
        Ok(())
    }

    fn write(&self, table: &Table) -> Result<u64, StoreError> {
        let Applied { keys, bytes } = self.database.apply(table)?;
        self.database.sync()?;
        let mut counters = self.shared.count();
        counters.database_flushes += 1;
        counters.database_keys += keys;
        counters.database_bytes += bytes;
        Ok(bytes)
    }

    /// The database has everything: says so, for the next opening.
    fn finish(&self) -> Result<(), StoreError> {
        if self.shared.check().is_err() {
            // The log may hold a group that nobody knows about.
            return Ok(());
        }
        self.database.note(Position { group: self.applied, closed: true })?;
        self.database.sync()?;
        let released = wal::release(&*self.files, self.applied);
        released.map_err(StoreError::backend)
    }
}
