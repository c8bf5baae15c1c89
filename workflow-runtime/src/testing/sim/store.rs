//! A disk that makes writes durable when the simulation says so, in any order that the contract allows, and loses the
//! others.

use super::{
    tasks::at_once,
    world::{Inside, World},
};
use crate::store::{
    Commit, CommitError, Fence, MAX_VALUE_BYTES, MemoryStore, Revision, Row, ShardId, Store, StoreCounters, StoreError,
};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::oneshot;

/// What is durable, and what is on its way there.
#[derive(Default)]
pub(super) struct Disk {
    durable: MemoryStore,
    writes: Vec<Underway>,
    /// Processes whose handle takes no more, with the reason.
    broken: BTreeMap<u64, Broken>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Poisoned,
    Closed,
}

/// A commit that its writer has not been told about.
struct Underway {
    process: u64,
    what: String,
    /// What is durable by now is gone from here.
    commit: Option<Commit>,
    answer: Option<Result<(), CommitError>>,
    reply: oneshot::Sender<Result<(), CommitError>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the simulation made it fail")]
struct Injected;

fn indeterminate() -> StoreError {
    StoreError::Indeterminate { source: Arc::new(Injected) }
}

impl Disk {
    pub(super) fn commits(&self) -> u64 {
        self.durable.counters().commits
    }

    fn check(&self, process: u64) -> Result<(), StoreError> {
        match self.broken.get(&process) {
            None => Ok(()),
            Some(Broken::Closed) => Err(StoreError::Closed),
            Some(Broken::Poisoned) => Err(StoreError::Poisoned { reason: "the simulation made a write fail".into() }),
        }
    }

    /// How many commits can become durable, and how many can be answered.
    pub(super) fn underway(&self) -> (usize, usize) {
        let answered = self.writes.iter().filter(|w| w.answer.is_some()).count();
        (self.writes.len() - answered, answered)
    }

    fn nth(&self, answered: bool, n: usize) -> Option<usize> {
        self.writes.iter().enumerate().filter(|(_, w)| w.answer.is_some() == answered).nth(n).map(|(i, _)| i)
    }
}

impl Inside {
    /// Makes one of the commits that are underway durable, or finds that it is refused.
    pub(super) fn make_durable(&mut self) {
        let n = self.rng.index(self.disk.underway().0);
        if let Some(at) = self.disk.nth(false, n) {
            self.apply(at);
        }
    }

    /// Tells a writer how its commit went.
    pub(super) fn answer_write(&mut self) {
        let n = self.rng.index(self.disk.underway().1);
        let Some(at) = self.disk.nth(true, n) else { return };
        let write = self.disk.writes.remove(at);
        let Some(answer) = write.answer else { return };
        self.note(format_args!("p{} is told: {} {}", write.process, write.what, said(&answer)));
        // The writer may be gone.
        let _ = write.reply.send(answer);
    }

    fn apply(&mut self, at: usize) {
        let Some(commit) = self.disk.writes[at].commit.take() else { return };
        let process = self.disk.writes[at].process;
        let answer = at_once(self.disk.durable.commit(commit.clone()));
        let what = self.disk.writes[at].what.clone();
        self.note(format_args!("p{process} durable: {what} {}", said(&answer)));
        match &answer {
            Ok(()) => self.checker.durable(process, &commit),
            Err(e) => self.checker.refused(process, &commit, e),
        }
        self.disk.writes[at].answer = Some(answer);
    }

    /// A write of a process fails, and nobody knows which of those underway have happened.
    pub(super) fn poison(&mut self, process: u64) {
        self.note(format_args!("p{process} a write fails, and it is unknown which have happened"));
        self.disk.broken.entry(process).or_insert(Broken::Poisoned);
        self.lose_writes(process, true);
    }

    /// The process is gone, and with it some of its writes.
    pub(super) fn lose_writes(&mut self, process: u64, told: bool) {
        loop {
            let Some(at) = self.disk.writes.iter().position(|w| w.process == process) else { return };
            if self.disk.writes[at].commit.is_some() && self.rng.chance(500) {
                self.apply(at);
            }
            let write = self.disk.writes.remove(at);
            if told {
                let _ = write.reply.send(write.answer.unwrap_or_else(|| Err(indeterminate().into())));
            }
        }
    }
}

fn said(answer: &Result<(), CommitError>) -> String {
    answer.as_ref().map_or_else(|e| e.to_string(), |()| "ok".into())
}

/// The store as one process sees it.
pub(super) struct SimStore {
    pub(super) world: World,
    pub(super) process: u64,
}

impl SimStore {
    /// Lets others go first at times, and fails at times.
    async fn read(&self) -> Result<MemoryStore, StoreError> {
        let (waits, fails, durable) = {
            let mut world = self.world.lock();
            world
                .disk
                .check(self.process)
                .or_else(|e| if e.is_fatal() && matches!(e, StoreError::Closed) { Err(e) } else { Ok(()) })?;
            let (read, process) = (world.odds.read, self.process);
            let (waits, fails) = (world.rng.chance(250), world.rng.chance(read));
            if fails {
                world.note(format_args!("p{process} a read fails"));
            }
            (waits, fails, world.disk.durable.reopen())
        };
        if waits {
            tokio::task::yield_now().await;
        }
        if fails {
            return Err(StoreError::Backend { source: Arc::new(Injected) });
        }
        Ok(durable)
    }
}

#[async_trait]
impl Store for SimStore {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        let world = self.world.lock();
        world.disk.check(self.process)?;
        at_once(world.disk.durable.acquire(shard))
    }

    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        let mut world = self.world.lock();
        world.disk.check(self.process)?;
        let fences = at_once(world.disk.durable.acquire_all(owner))?;
        let process = self.process;
        world.note(format_args!("p{process} owns all shards now"));
        world.checker.acquired(process, &fences);
        Ok(fences)
    }

    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        let world = self.world.lock();
        world.disk.check(self.process)?;
        at_once(world.disk.durable.renew(fence))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let told = {
            let mut world = self.world.lock();
            world.disk.check(self.process)?;
            let what = format!("{} r{}", crate::journal::key::describe(&commit.instance), commit.revision);
            for write in &commit.writes {
                world.trace.note_bytes(write.key());
                if let crate::store::Write::Put { value, .. } | crate::store::Write::Append { value, .. } = write {
                    world.trace.note_bytes(value);
                }
            }
            let process = self.process;
            world.note(format_args!("p{process} commits {what}, {} records", commit.writes.len()));
            let refused = world.odds.refused;
            if commit.based_on != Revision::NONE && world.rng.chance(refused) {
                world.note(format_args!("p{process} refused as too large: {what}"));
                let (key, bytes, limit) = (commit.instance, MAX_VALUE_BYTES + 1, MAX_VALUE_BYTES);
                return Err(CommitError::TooLarge { what: "value", key, bytes, limit });
            }
            let (reply, told) = oneshot::channel();
            world.disk.writes.push(Underway { process, what, commit: Some(commit), answer: None, reply });
            told
        };
        told.await.unwrap_or_else(|_| Err(indeterminate().into()))
    }

    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        at_once(self.read().await?.get_with_revision(key))
    }

    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        at_once(self.read().await?.scan(from, to, limit))
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mut world = self.world.lock();
        world.disk.check(self.process)?;
        world.disk.broken.insert(self.process, Broken::Closed);
        let process = self.process;
        world.note(format_args!("p{process} closes the store"));
        // In an orderly end, what is in flight becomes durable first.
        while world.disk.writes.iter().any(|w| w.process == process && w.answer.is_none()) {
            let at = world.disk.writes.iter().position(|w| w.process == process && w.answer.is_none());
            if let Some(at) = at {
                world.apply(at);
            }
        }
        Ok(())
    }

    fn counters(&self) -> StoreCounters {
        self.world.lock().disk.durable.counters()
    }
}
