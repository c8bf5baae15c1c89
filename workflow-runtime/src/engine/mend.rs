//! Indexes that are damaged, made whole from the checkpoints that they follow from.
//!
//! Whoever meets an entry that does not read back tells it. One worker notes all that is damaged. Then each goes once through the checkpoints
//! of its instances, and lets those write their entries anew that are not found. Of a damaged entry nobody needs to know whose it was: with
//! the database's blocks, nobody does. When all workers are through, what was noted and still is damaged belongs to nobody, and is removed.

use super::{
    actor::Actor,
    checkpoint::Checkpoint,
    error::Unavailable,
    list::unreadable,
    message::{Mail, Message, Received},
    pages::{Pages, Read},
    pulse::Held,
    recovery::{PAGE, WOKEN},
    shared::Shared,
    worker::Worker,
};
use crate::{
    hash::HashSet,
    journal::{
        encoding,
        id::{ShardId, WorkflowId},
        key::{self, Key, Kind, NamespaceKeys},
    },
    store::{Commit, CommitError, Revision, StoreError, Write},
};
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    rc::Rc,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// Checkpoints that are read at a time. Some are large.
const FRAMES: usize = 32;

const INDEXES: [Kind; 4] = [Kind::Ready, Kind::Timer, Kind::Listing, Kind::Tag];

/// What an engine knows of damage in its indexes.
#[derive(Default)]
pub(super) struct Mending(Mutex<State>);

#[derive(Default)]
struct State {
    /// What was told once is dealt with once.
    told: HashSet<Vec<u8>>,
    begun: bool,
    /// It is to be done once more: this was told when it had begun.
    again: bool,
    /// What was damaged before any worker went through its instances.
    damaged: BTreeSet<Vec<u8>>,
    /// The workers that have still to do that.
    left: BTreeSet<usize>,
    /// Instances whose checkpoint cannot be read: what is damaged may be theirs, and stays for the engine that can.
    unread: usize,
}

/// What a worker does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mend {
    /// The first one notes what is damaged.
    Note,
    /// Each goes through its instances.
    Instances,
}

impl Mending {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a worker that was replaced has not come to an end with.
    pub(super) fn left_to(&self, worker: usize) -> Option<Mend> {
        let state = self.state();
        match (state.begun, state.left.is_empty()) {
            (true, true) => (worker == 0).then_some(Mend::Note),
            _ => state.left.contains(&worker).then_some(Mend::Instances),
        }
    }

    /// A worker is through with its instances. Of the last one: what was damaged before, and is nobody's if it still is.
    fn through(&self, worker: usize, unread: usize) -> Option<BTreeSet<Vec<u8>>> {
        let mut state = self.state();
        let is_new = state.left.remove(&worker);
        state.unread += if is_new { unread } else { 0 };
        let is_last = is_new && state.left.is_empty();
        is_last.then(|| {
            let damaged = std::mem::take(&mut state.damaged);
            if std::mem::take(&mut state.unread) == 0 { damaged } else { BTreeSet::new() }
        })
    }
}

impl Shared {
    /// An index cannot be read at this key.
    pub(super) fn mend(&self, key: &[u8], reason: &str) {
        // An engine that only looks has no workers, and changes nothing.
        if self.workers.get().is_none() {
            return;
        }
        {
            let mut state = self.mending.state();
            if !state.told.insert(key.to_vec()) {
                return;
            }
            let key = key::describe(key);
            tracing::error!(key, reason, "an index is damaged; it is made whole from the checkpoints");
            if std::mem::replace(&mut state.begun, true) {
                state.again = true;
                return;
            }
        }
        self.send_menders(1, Mend::Note);
    }

    fn send_menders(&self, workers: usize, mend: Mend) {
        for worker in self.workers.get().into_iter().flatten().take(workers) {
            let _ = worker.send(Message::Mend { mend, busy: self.pulse.hold() });
        }
    }
}

impl Worker {
    /// Makes indexes whole.
    pub(super) async fn mend(self: Rc<Self>, mend: Mend, busy: Held) {
        let mended = match mend {
            Mend::Note => self.note_damage().await,
            Mend::Instances => self.mend_all().await,
        };
        if let Err(error) = mended {
            tracing::error!(%error, "the indexes could not be made whole; the next engine that opens the store tries again");
        }
        drop(busy);
    }

    async fn note_damage(&self) -> Result<(), StoreError> {
        let damaged = self.damaged_entries().await?;
        {
            let mut state = self.shared.mending.state();
            state.damaged = damaged;
            state.left = (0..self.count).collect();
        }
        self.shared.send_menders(self.count, Mend::Instances);
        Ok(())
    }

    /// Goes through all instances of this worker, and lets them write what the indexes lack.
    async fn mend_all(self: &Rc<Self>) -> Result<(), StoreError> {
        let (instances, unread) = self.mend_instances().await?;
        tracing::info!(
            instances,
            unread,
            "instances of this worker whose entries of indexes were lost have them again"
        );
        let Some(damaged) = self.shared.mending.through(self.index, unread) else { return Ok(()) };
        self.remove_damaged(damaged).await;
        let again = {
            let mut state = self.shared.mending.state();
            state.begun = std::mem::take(&mut state.again);
            state.begun
        };
        if again {
            self.shared.send_menders(1, Mend::Note);
        }
        Ok(())
    }

    /// Where the indexes cannot be read.
    async fn damaged_entries(&self) -> Result<BTreeSet<Vec<u8>>, StoreError> {
        let keys = NamespaceKeys::new(&self.shared.settings.namespace);
        let mut damaged = BTreeSet::new();
        for kind in INDEXES {
            let mut index = Pages::new(keys.all(kind));
            while let Some(read) = index.next(&*self.shared.store, PAGE).await? {
                if let Read::Damaged { key, .. } = read {
                    damaged.insert(key);
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(damaged)
    }

    /// How many there were, and how many could not be read.
    async fn mend_instances(self: &Rc<Self>) -> Result<(usize, usize), StoreError> {
        let keys = NamespaceKeys::new(&self.shared.settings.namespace);
        let (mut mended, mut unread, mut waiting) = (0, 0, vec![]);
        for shard in ShardId::all().filter(|shard| self.owns_shard(*shard)) {
            let mut frames = Pages::new(keys.of_shard(Kind::Frame, shard));
            while let Some(read) = frames.next(&*self.shared.store, FRAMES).await? {
                let Read::Rows(rows) = read else {
                    unread += 1;
                    continue;
                };
                for (key, frame) in rows {
                    let Some(id) = Key::parse(&key).ok().and_then(|key| WorkflowId::new(key.id?).ok()) else {
                        continue;
                    };
                    let Ok(checkpoint) = encoding::decode(&frame) else {
                        unread += 1;
                        continue;
                    };
                    if self.is_whole(&id, &checkpoint).await? {
                        continue;
                    }
                    waiting.push(self.ask_to_mend(id));
                    if waiting.len() == WOKEN {
                        mended += all(&mut waiting).await;
                    }
                }
            }
        }
        Ok((mended + all(&mut waiting).await, unread))
    }

    /// Whether all entries of an instance are there. Those of members of groups are known to the instance alone.
    async fn is_whole(&self, id: &WorkflowId, c: &Checkpoint) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        if c.has_groups() {
            return Ok(false);
        }
        for key in c.index(&self.shared.keys(id)).keys() {
            if !self.has_entry(key).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn has_entry(&self, key: &[u8]) -> Result<bool, StoreError> {
        match (*self.shared.store).get(key).await {
            Ok(found) => Ok(found.is_some()),
            Err(StoreError::Damaged { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn ask_to_mend(self: &Rc<Self>, id: WorkflowId) -> oneshot::Receiver<Result<bool, Unavailable>> {
        let (reply, mended) = oneshot::channel();
        let (at, busy) = (self.shared.clock.now(), self.shared.pulse.hold());
        self.deliver(id, Received { at, mail: Mail::Mend { reply }, busy });
        mended
    }

    /// Nobody has written these again, so they are nobody's.
    async fn remove_damaged(&self, damaged: BTreeSet<Vec<u8>>) {
        for key in damaged {
            let shard = key::shard_of(&key).map_or(0, |shard| usize::from(shard.0));
            let fence = self.fences.borrow()[shard];
            let writes = vec![Write::Delete { key: key.clone() }];
            let revision = Revision::NONE.next();
            let commit = Commit { fence, instance: key, based_on: Revision::DAMAGED, revision, writes };
            match (*self.shared.store).commit(commit).await {
                Ok(()) | Err(CommitError::Revision { .. }) => {}
                Err(error) => tracing::warn!(%error, "a damaged entry of an index stays"),
            }
        }
    }
}

/// Waits for the answers, and counts those that had something to write.
async fn all(waiting: &mut Vec<oneshot::Receiver<Result<bool, Unavailable>>>) -> usize {
    let mut mended = 0;
    for answer in waiting.drain(..) {
        mended += usize::from(matches!(answer.await, Ok(Ok(true))));
    }
    mended
}

impl Actor {
    /// Writes the entries of indexes anew that are not found. Says whether there were any.
    pub(super) async fn mend(&mut self, now: Timestamp) -> Result<bool, Unavailable> {
        let Some(mut draft) = self.draft(now) else { return Ok(false) };
        let keys = &self.instance.keys;
        let mut index = draft.checkpoint.index(keys);
        let mut due = draft.checkpoint.due();
        due.extend(self.instance.members.borrow().due());
        index.extend(due.iter().map(|(at, op)| (keys.timer(*at, op.0), vec![])));
        let lost = draft.writes.len();
        for (key, value) in index {
            if !self.worker.has_entry(&key).await.map_err(unreadable)? {
                draft.writes.push(Write::Put { key, value });
            }
        }
        if draft.writes.len() == lost {
            return Ok(false);
        }
        self.store(draft).await?;
        self.worker.arm(&self.instance.id, [].iter(), due.iter());
        Ok(true)
    }
}
