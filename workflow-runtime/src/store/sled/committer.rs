//! The one thread that writes: it takes all commits that are waiting into one group, and makes the group durable.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::applier::Progress;
use super::inbox::Inbox;
use super::view::{Durable, Shared, guarded};
use super::wal::{AppendError, Wal};
use crate::store::record::Op;
use crate::store::stage::{Encoded, Fences, Guards, Stage};
use crate::store::{CommitError, Fence, ShardId, StoreError};

/// A group ends here, so that nobody waits for a very large one.
pub(super) const GROUP_COMMITS: usize = 1024;
const GROUP_BYTES: usize = 16 << 20;

pub(super) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

pub(super) enum Message {
    Commit(Encoded, Reply<(), CommitError>),
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
    pub(super) wal: Wal,
    pub(super) fences: Fences,
    pub(super) guards: Guards,
    pub(super) shared: Arc<Shared>,
    pub(super) progress: Arc<Progress>,
}

/// Commits that share a flush.
struct Group<'a> {
    stage: Stage<'a, Durable<'a>>,
    /// The writes of each commit.
    commits: Vec<Vec<Op>>,
    answers: Vec<Answer>,
    bytes: usize,
    closing: Option<Reply<(), StoreError>>,
}

/// What is left of a group when all of it is admitted or refused.
struct Admitted {
    commits: Vec<Vec<Op>>,
    answers: Vec<Answer>,
    bytes: usize,
    closing: Option<Reply<(), StoreError>>,
}

impl Committer {
    /// Runs until the store is closed or its last handle is dropped. Returns who has closed it.
    pub(super) fn run(mut self, inbox: &mut Inbox) -> Option<Reply<(), StoreError>> {
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = inbox.first()
        {
            closing = match self.shared.check() {
                Ok(()) => self.group(first, inbox),
                Err(poisoned) => refuse(first, &poisoned),
            };
        }
        closing
    }

    fn group(&mut self, first: Message, inbox: &mut Inbox) -> Option<Reply<(), StoreError>> {
        let begun = Instant::now();
        let Admitted { commits, answers, bytes, closing } = self.admit(first, inbox);
        let outcome = if commits.is_empty() { Ok(0) } else { self.write(commits) };
        let made = answers.iter().filter(|answer| matches!(answer, Answer::Commit(_, Ok(())))).count();
        if outcome.is_ok() {
            self.shared.count().commits += made as u64;
        }
        inbox.done(answers.len(), begun.elapsed());
        let told = outcome.as_ref().map(drop).map_err(Clone::clone);
        for answer in answers {
            answer.send(&told);
        }
        if let Ok(waiting) = outcome {
            self.progress.pace(waiting, bytes);
        }
        closing
    }

    /// Takes all commits that are there, looking at a state that does not move meanwhile.
    fn admit(&mut self, first: Message, inbox: &mut Inbox) -> Admitted {
        let view = self.shared.view();
        let durable = match view.durable() {
            Ok(durable) => durable,
            Err(closed) => {
                let closing = refuse(first, &closed);
                return Admitted { commits: vec![], answers: vec![], bytes: 0, closing };
            }
        };
        let mut group = Group::new(&durable, &mut self.guards);
        group.take(first, &mut self.fences);
        while group.has_room()
            && let Some(message) = inbox.next()
        {
            group.take(message, &mut self.fences);
        }
        let Group { commits, answers, bytes, closing, .. } = group;
        Admitted { commits, answers, bytes, closing }
    }

    /// Makes a group durable, then shows it. Returns how many bytes the database does not have yet.
    fn write(&mut self, commits: Vec<Vec<Op>>) -> Result<usize, StoreError> {
        let log_bytes = match self.wal.append(&commits) {
            Ok(bytes) => bytes,
            Err(AppendError::Full(source)) => {
                // The fences that were given out in this group are refused with it.
                self.guards.forget();
                self.reload_fences()?;
                return Err(StoreError::Full { source: Arc::new(source) });
            }
            Err(AppendError::Indeterminate(source)) => {
                self.shared.poison(source.to_string());
                return Err(StoreError::Indeterminate { source: Arc::new(source) });
            }
        };
        {
            let mut counters = self.shared.count();
            counters.flushes += 1;
            counters.bytes += log_bytes;
            counters.keys += commits.iter().map(|ops| ops.len() as u64).sum::<u64>();
        }
        let waiting = self.shared.publish(commits);
        self.progress.advance(self.wal.last(), log_bytes, waiting);
        Ok(waiting)
    }

    fn reload_fences(&mut self) -> Result<(), StoreError> {
        self.fences = self.shared.read(|durable| Fences::load(durable))?;
        Ok(())
    }
}

impl<'a> Group<'a> {
    fn new(durable: &'a Durable<'a>, guards: &'a mut Guards) -> Self {
        Self { stage: Stage::new(durable, guards), commits: vec![], answers: vec![], bytes: 0, closing: None }
    }

    fn has_room(&self) -> bool {
        self.closing.is_none() && self.answers.len() < GROUP_COMMITS && self.bytes < GROUP_BYTES
    }

    fn take(&mut self, message: Message, fences: &mut Fences) {
        match message {
            Message::Commit(commit, reply) => {
                let stage = &mut self.stage;
                let admitted = guarded_commit(|| stage.admit(commit, fences));
                let admitted = admitted.map(|ops| self.add(ops));
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

    fn add(&mut self, ops: Vec<Op>) {
        if !ops.is_empty() {
            self.bytes += ops.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>();
            self.commits.push(ops);
        }
    }
}

fn guarded_commit(f: impl FnOnce() -> Result<Vec<Op>, CommitError>) -> Result<Vec<Op>, CommitError> {
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
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::store::record::Medium;
    use crate::store::sled::applier::Position;
    use crate::store::sled::table::Table;
    use crate::store::sled::wal::{self, simulated::Simulated};
    use crate::store::{Commit, Revision, Write, record};

    fn commit(fence: Fence, based_on: u64, value: &[u8]) -> Commit {
        Commit {
            fence,
            instance: b"i".to_vec(),
            based_on: Revision(based_on),
            revision: Revision(based_on + 1),
            writes: vec![Write::Put { key: b"i".to_vec(), value: value.to_vec() }],
        }
    }

    struct Store {
        files: Simulated,
        committer: Committer,
        shared: Arc<Shared>,
        sender: Sender<Message>,
        inbox: Inbox,
        _directory: tempfile::TempDir,
    }

    impl Store {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let shared = Shared::new(::sled::open(directory.path()).unwrap(), Table::default());
            let files = Simulated::default();
            let wal = Wal::begin(Arc::new(files.clone()), 1, None, wal::SIZES).unwrap();
            let (fences, progress) = (Fences::default(), Progress::new(0, 0, 0));
            let committer = Committer { wal, fences, guards: Guards::default(), shared: shared.clone(), progress };
            let (sender, receiver) = channel();
            let inbox = Inbox::new(receiver);
            Self { files, committer, shared, sender, inbox, _directory: directory }
        }

        fn fence(&mut self) -> Result<Fence, StoreError> {
            let (reply, mut answer) = oneshot::channel();
            self.committer.group(Message::Acquire(Some(ShardId(0)), String::new(), reply), &mut self.inbox);
            answer.try_recv().unwrap().map(|fences| fences[0])
        }

        fn step(&mut self, commit: Commit) -> Result<(), CommitError> {
            let (reply, mut answer) = oneshot::channel();
            self.committer.group(Message::Commit(Encoded::new(commit)?, reply), &mut self.inbox);
            answer.try_recv().unwrap()
        }

        fn read(&self) -> Option<(Revision, Vec<u8>)> {
            self.shared.read(|durable| record::read(durable, b"i")).unwrap()
        }

        fn in_log(&self) -> u64 {
            wal::scan(&self.files, Position { group: 0, closed: false }, false).unwrap().last
        }
    }

    #[test]
    fn after_a_failed_sync_nothing_is_written_and_reads_show_what_was_durable() {
        let mut store = Store::new();
        let fence = store.fence().unwrap();
        store.step(commit(fence, 0, b"durable")).unwrap();
        // The write reaches the file, the sync fails.
        store.files.fail_after(1);
        let error = store.step(commit(fence, 1, b"unknown")).unwrap_err();
        assert_eq!((error.code(), error.is_fatal()), ("WS002", true));
        assert_eq!(store.read(), Some((Revision(1), b"durable".to_vec())));
        assert_eq!(store.in_log(), 3, "it may be there");

        let (reply, answer) = oneshot::channel();
        store.sender.send(Message::Commit(Encoded::new(commit(fence, 1, b"late")).unwrap(), reply)).unwrap();
        let (reply, closed) = oneshot::channel();
        store.sender.send(Message::Close(reply)).unwrap();
        assert!(store.committer.run(&mut store.inbox).is_some());
        assert_eq!(answer.blocking_recv().unwrap().unwrap_err().code(), "WS003");
        drop(closed);
        let read = store.shared.read(|durable| record::read(durable, b"i")).unwrap();
        assert_eq!(read, Some((Revision(1), b"durable".to_vec())));
    }

    #[test]
    fn on_a_full_disk_a_commit_is_refused_and_can_be_made_later() {
        let mut store = Store::new();
        let fence = store.fence().unwrap();
        store.step(commit(fence, 0, b"durable")).unwrap();
        store.files.set_room(Some(0));
        let large = vec![7; 200_000];
        for _ in 0..2 {
            let error = store.step(commit(fence, 1, &large)).unwrap_err();
            assert_eq!((error.code(), error.is_fatal()), ("WS011", false));
            assert_eq!(store.read(), Some((Revision(1), b"durable".to_vec())));
        }
        // What fits into the segment that is there is taken.
        store.step(commit(fence, 1, b"small")).unwrap();
        store.files.set_room(None);
        store.step(commit(fence, 2, &large)).unwrap();
        assert_eq!(store.read(), Some((Revision(3), large)));
        assert_eq!(store.in_log(), 4);
    }

    #[test]
    fn a_value_with_a_damaged_part_is_written_over() {
        let mut store = Store::new();
        let fence = store.fence().unwrap();
        store.step(commit(fence, 0, &[7; 20_000])).unwrap();
        let damaged = vec![(record::part(b"i", 3), Some(vec![0; 100]))];
        store.shared.publish(vec![damaged]);
        store.committer.guards.forget();
        let over = |revision| Commit { based_on: Revision::DAMAGED, revision, ..commit(fence, 0, &[8; 5_000]) };
        store.step(over(Revision(9))).unwrap();
        assert_eq!(store.read(), Some((Revision(9), vec![8; 5_000])));
        // Parts of the old value are gone.
        let left = |n| store.shared.read(|durable| durable.read(&record::part(b"i", n))).unwrap().is_some();
        assert_eq!((0..5).map(left).collect::<Vec<_>>(), [true, true, false, false, false]);
        assert_eq!(store.step(over(Revision(10))).unwrap_err().code(), "WS008");
        store.step(commit(fence, 9, b"on")).unwrap();
    }

    #[test]
    fn a_fence_that_was_not_written_is_not_known() {
        let mut store = Store::new();
        store.files.fail_after(0);
        assert_eq!(store.fence().unwrap_err().code(), "WS002");
        let mut store = Store::new();
        // A segment that is full, and no room for the next.
        let fence = store.fence().unwrap();
        store.step(commit(fence, 0, &vec![7; 16 << 20])).unwrap();
        store.step(commit(fence, 1, &vec![8; 16 << 20])).unwrap();
        store.files.set_room(Some(0));
        assert_eq!(store.fence().unwrap_err().code(), "WS011");
        assert_eq!(store.step(commit(fence, 2, b"x")).unwrap_err().code(), "WS011");
        store.files.set_room(None);
        store.step(commit(fence, 2, b"x")).unwrap();
        assert_eq!(store.fence().unwrap().token, 2);
    }
}
