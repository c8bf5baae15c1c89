//! The one thread that writes: it takes all commits that are waiting into one group, and makes the group durable.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::recovery::Opened;
use super::view::{AtHand, Before, Recent, Shared, Written, guarded};
use crate::store::record::Op;
use crate::store::stage::{Fences, Stage};
use crate::store::{Commit, CommitError, Fence, ShardId, StoreError};

/// More instances in one batch make sled leak memory and disk.
const BATCH_COMMITS: usize = 64;
/// And so do more operations, as far as whole commits can be kept apart.
const BATCH_OPS: usize = 512;
/// A group ends here, so that nobody waits for a very large one.
const GROUP_COMMITS: usize = 1024;
const GROUP_BYTES: usize = 16 << 20;

pub(super) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

pub(super) enum Message {
    Commit(Commit, Reply<(), CommitError>),
    Acquire(Option<ShardId>, String, Reply<Vec<Fence>, StoreError>),
    Renew(Fence, Reply<(), StoreError>),
    Close(Reply<(), StoreError>),
}

/// What is told to a caller once the group is durable.
enum Answer {
    Commit(Reply<(), CommitError>, Result<(), CommitError>),
    Acquire(Reply<Vec<Fence>, StoreError>, Vec<Fence>),
    Renew(Reply<(), StoreError>, Result<(), StoreError>),
}

pub(super) struct Committer {
    db: ::sled::Db,
    data: File,
    lock: File,
    fences: Fences,
    recent: Recent,
    shared: Arc<Shared>,
}

/// Commits that share a flush.
struct Group<'a> {
    stage: Stage<'a, AtHand<'a>>,
    batches: Vec<Vec<Op>>,
    /// How many commits the last batch holds.
    in_batch: usize,
    answers: Vec<Answer>,
    bytes: usize,
    closing: Option<Reply<(), StoreError>>,
}

impl Committer {
    pub(super) fn new(opened: Opened, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let fences = guarded(|| Fences::load(&Written(&opened.db)))?;
        Ok(Self { db: opened.db, data: opened.data, lock: opened.lock, fences, recent: Recent::default(), shared })
    }

    /// Runs until the store is closed or its last handle is dropped.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        let mut closing = None;
        while closing.is_none()
            && let Ok(first) = inbox.recv()
        {
            closing = match self.shared.check() {
                Ok(()) => self.group(first, inbox),
                Err(poisoned) => refuse(first, &poisoned),
            };
        }
        let last = self.shared.check();
        self.shut_down();
        if let Some(reply) = closing {
            let _ = reply.send(last);
        }
    }

    /// The files are let go of before anyone is told.
    fn shut_down(self) {
        self.shared.close();
        drop(self.db);
        // sled's own threads may hold its lock for a moment longer.
        for _ in 0..200 {
            if self.data.try_lock().is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.data);
        drop(self.lock);
    }

    fn group(&mut self, first: Message, inbox: &Receiver<Message>) -> Option<Reply<(), StoreError>> {
        let written = AtHand { db: &self.db, recent: &self.recent };
        let mut group = Group::new(&written);
        group.take(first, &mut self.fences);
        while group.has_room() {
            match inbox.try_recv() {
                Ok(message) => group.take(message, &mut self.fences),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let Group { stage, batches, answers, closing, .. } = group;
        let before = stage.into_before();
        let outcome = self.write(before, &batches);
        if let Err(StoreError::Indeterminate { source }) = &outcome {
            self.shared.poison(source.to_string());
        }
        let made = answers.iter().filter(|answer| matches!(answer, Answer::Commit(_, Ok(())))).count();
        if outcome.is_ok() {
            self.shared.count(|counters| counters.commits += made as u64);
        }
        for answer in answers {
            answer.send(&outcome);
        }
        closing
    }

    fn write(&mut self, before: Before, batches: &[Vec<Op>]) -> Result<(), StoreError> {
        if batches.is_empty() {
            return Ok(());
        }
        for (key, record) in &before {
            if let Some(record) = record {
                self.recent.follow(key, record);
            }
        }
        self.shared.cover(before);
        let recent = &mut self.recent;
        let (db, data) = (&self.db, &self.data);
        let applied = guarded(|| apply(db, data, recent, batches));
        match applied {
            Ok(()) => {
                self.shared.uncover();
                self.shared.count(|counters| {
                    counters.flushes += 1;
                    counters.batches += batches.len() as u64;
                    for (key, value) in batches.iter().flatten() {
                        counters.keys += 1;
                        counters.bytes += (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
                    }
                });
                Ok(())
            }
            Err(StoreError::Backend { source }) => Err(StoreError::Indeterminate { source }),
            Err(other) => Err(StoreError::Indeterminate { source: Arc::new(other) }),
        }
    }
}

/// A failure here is final: the store is poisoned, so that `recent` is not asked again.
fn apply(db: &::sled::Db, data: &File, recent: &mut Recent, batches: &[Vec<Op>]) -> Result<(), StoreError> {
    for ops in batches {
        let mut batch = ::sled::Batch::default();
        for (key, value) in ops {
            let value = value.as_deref().map(::sled::IVec::from);
            recent.refresh(key, value.as_ref());
            match value {
                Some(value) => batch.insert(key.as_slice(), value),
                None => batch.remove(key.as_slice()),
            }
        }
        db.apply_batch(batch).map_err(StoreError::backend)?;
    }
    // sled's flush hands the pages to the kernel; only the second call makes them survive a power cut.
    db.flush().map_err(StoreError::backend)?;
    data.sync_data().map_err(StoreError::backend)
}

impl<'a> Group<'a> {
    fn new(written: &'a AtHand<'a>) -> Self {
        Self {
            stage: Stage::new(written),
            batches: Vec::new(),
            in_batch: 0,
            answers: Vec::new(),
            bytes: 0,
            closing: None,
        }
    }

    fn has_room(&self) -> bool {
        self.closing.is_none() && self.answers.len() < GROUP_COMMITS && self.bytes < GROUP_BYTES
    }

    fn take(&mut self, message: Message, fences: &mut Fences) {
        match message {
            Message::Commit(commit, reply) => {
                let mut ops = Vec::new();
                let stage = &mut self.stage;
                let admitted = guarded_commit(|| stage.admit(commit, fences, &mut ops));
                self.add(ops);
                self.answers.push(Answer::Commit(reply, admitted));
            }
            Message::Acquire(shard, owner, reply) => {
                let (fence, op) = fences.acquire(shard, &owner);
                self.add(vec![op]);
                self.answers.push(Answer::Acquire(reply, fence));
            }
            Message::Renew(fence, reply) => self.answers.push(Answer::Renew(reply, fences.renew(fence))),
            Message::Close(reply) => self.closing = Some(reply),
        }
    }

    /// Adds one commit's writes, all of them to one batch.
    fn add(&mut self, mut ops: Vec<Op>) {
        if ops.is_empty() {
            return;
        }
        self.bytes += ops.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>();
        match self.batches.last_mut() {
            Some(batch) if self.in_batch < BATCH_COMMITS && batch.len() + ops.len() <= BATCH_OPS => {
                batch.append(&mut ops);
                self.in_batch += 1;
            }
            _ => {
                self.batches.push(ops);
                self.in_batch = 1;
            }
        }
    }
}

fn guarded_commit(f: impl FnOnce() -> Result<(), CommitError>) -> Result<(), CommitError> {
    guarded(|| Ok(f())).unwrap_or_else(|panicked| Err(panicked.into()))
}

impl Answer {
    /// Callers that went away are not told.
    fn send(self, outcome: &Result<(), StoreError>) {
        match self {
            Self::Commit(reply, admitted) => {
                let told = admitted.and_then(|()| outcome.clone().map_err(CommitError::from));
                let _ = reply.send(told);
            }
            Self::Acquire(reply, fences) => {
                let _ = reply.send(outcome.clone().map(|()| fences));
            }
            Self::Renew(reply, told) => {
                let _ = reply.send(told.and_then(|()| outcome.clone()));
            }
        }
    }
}

fn refuse(message: Message, poisoned: &StoreError) -> Option<Reply<(), StoreError>> {
    match message {
        Message::Commit(_, reply) => drop(reply.send(Err(poisoned.clone().into()))),
        Message::Acquire(_, _, reply) => drop(reply.send(Err(poisoned.clone()))),
        Message::Renew(_, reply) => drop(reply.send(Err(poisoned.clone()))),
        Message::Close(reply) => return Some(reply),
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::store::sled::recovery;
    use crate::store::{Revision, Write, record};

    fn commit(fence: Fence, based_on: u64, value: &[u8]) -> Commit {
        Commit {
            fence,
            instance: b"i".to_vec(),
            based_on: Revision(based_on),
            revision: Revision(based_on + 1),
            writes: vec![Write::Put { key: b"i".to_vec(), value: value.to_vec() }],
        }
    }

    #[test]
    fn after_a_failed_sync_nothing_is_written_and_reads_show_what_was_durable() {
        let directory = tempfile::tempdir().unwrap();
        let opened = recovery::open(directory.path(), 1 << 20).unwrap();
        let shared = Shared::new(opened.db.clone());
        let mut committer = Committer::new(opened, shared.clone()).unwrap();
        let (sender, inbox) = channel();
        let step = |committer: &mut Committer, commit| {
            let (reply, mut answer) = oneshot::channel();
            committer.group(Message::Commit(commit, reply), &inbox);
            answer.try_recv().unwrap()
        };
        let read = || shared.read(|durable| record::read(durable, b"i")).unwrap();

        let (fences, _) = committer.fences.acquire(Some(ShardId(0)), "");
        step(&mut committer, commit(fences[0], 0, b"durable")).unwrap();
        // A device cannot be synced.
        committer.data = File::open("/dev/null").unwrap();
        let error = step(&mut committer, commit(fences[0], 1, b"unknown")).unwrap_err();
        assert_eq!((error.code(), error.is_fatal()), ("WS002", true));
        assert_eq!(read(), Some((Revision(1), b"durable".to_vec())));

        let thread = std::thread::spawn(move || committer.run(&inbox));
        let (reply, answer) = oneshot::channel();
        sender.send(Message::Commit(commit(fences[0], 1, b"late"), reply)).unwrap();
        assert_eq!(answer.blocking_recv().unwrap().unwrap_err().code(), "WS003");
        assert_eq!(read(), Some((Revision(1), b"durable".to_vec())));
        let (reply, answer) = oneshot::channel();
        sender.send(Message::Close(reply)).unwrap();
        assert_eq!(answer.blocking_recv().unwrap().unwrap_err().code(), "WS003");
        thread.join().unwrap();
        assert_eq!(shared.read(|durable| record::read(durable, b"i")).unwrap_err().code(), "WS006");
    }

    #[test]
    fn a_batch_holds_64_commits_and_never_part_of_one() {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let recent = Recent::default();
        let written = AtHand { db: &db, recent: &recent };
        let mut group = Group::new(&written);
        for _ in 0..130 {
            group.add(vec![(b"k".to_vec(), None)]);
        }
        group.add(vec![(b"k".to_vec(), None); 600]);
        group.add(vec![(b"k".to_vec(), None)]);
        let sizes: Vec<usize> = group.batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [64, 64, 2, 600, 1]);
    }
}
