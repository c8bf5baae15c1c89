//! Every commit of one run, to be shown when the run has failed.

use crate::{
    engine::Glance,
    journal::{
        history::Entry,
        key::{Key, Kind},
    },
    store::{Commit, CommitError, FaultStore, Fence, Revision, Row, ShardId, Store, StoreCounters, StoreError, Write},
};
use async_trait::async_trait;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The commits of one run, over all of its processes, whether they were made or not. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Commits(Arc<Mutex<Vec<Commit>>>);

impl Commits {
    fn all(&self) -> MutexGuard<'_, Vec<Commit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, n: u64) -> Option<Commit> {
        self.all().get(usize::try_from(n).ok()?).cloned()
    }

    pub(super) fn count(&self) -> usize {
        self.all().len()
    }

    /// The checkpoint that the first commit of an instance has written, of those from number `from` on.
    pub(super) fn first_checkpoint(&self, from: usize, id: &str) -> Option<Vec<u8>> {
        let all = self.all();
        let commit = all[from..].iter().find(|commit| instance(commit) == id)?;
        commit.writes.iter().rev().find_map(|write| match write {
            Write::Put { key, value } if *key == commit.instance => Some(value.clone()),
            _ => None,
        })
    }

    /// The first commit whose history holds an event of which `is` is true.
    pub(super) fn find(&self, is: impl Fn(&Entry) -> bool) -> Option<u64> {
        let all = self.all();
        let found = all.iter().position(|c| entries(c).iter().any(&is));
        found.and_then(|n| u64::try_from(n).ok())
    }

    /// The commit of the same instance before this one, of those that were `made`.
    pub(super) fn before(&self, n: u64, made: impl Fn(u64) -> bool) -> Option<Commit> {
        let all = self.all();
        let n = usize::try_from(n).ok()?;
        let instance = &all.get(n)?.instance;
        let same = |(at, c): &(usize, &Commit)| c.instance == *instance && made(*at as u64);
        all[..n].iter().enumerate().rev().find(same).map(|(_, c)| c.clone())
    }
}

/// The id of the instance that is written.
pub(super) fn instance(commit: &Commit) -> String {
    Key::parse(&commit.instance).ok().and_then(|k| k.id).unwrap_or_default()
}

/// What the commit adds to the history.
pub(super) fn entries(commit: &Commit) -> Vec<Entry> {
    let of_history = |w: &Write| match w {
        Write::Put { key, value } | Write::Append { key, value }
            if Key::parse(key).is_ok_and(|k| k.kind == Kind::History) =>
        {
            Entry::from_bytes(value).ok()
        }
        _ => None,
    };
    commit.writes.iter().filter_map(of_history).collect()
}

/// Where the instance waits behind the commit, and its locals.
pub(super) fn glance(commit: &Commit) -> Option<Glance> {
    let written = |w: &Write| match w {
        Write::Put { key, value } | Write::Append { key, value } => Some((key.clone(), value.clone())),
        Write::Delete { .. } => None,
    };
    Glance::of(&commit.instance, commit.writes.iter().filter_map(written))
}

/// What one process works on.
pub(super) type Opened = FaultStore<Arc<dyn Store>>;

/// Notes every commit on its way to the store behind.
pub(super) struct Noting {
    inner: Opened,
    commits: Commits,
}

impl Noting {
    pub(super) fn new(inner: Opened, commits: Commits) -> Self {
        Noting { inner, commits }
    }
}

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noting").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for Noting {
    async fn acquire(&self, shard: ShardId) -> Result<Fence, StoreError> {
        self.inner.acquire(shard).await
    }
    async fn acquire_all(&self, owner: &str) -> Result<Vec<Fence>, StoreError> {
        self.inner.acquire_all(owner).await
    }
    async fn renew(&self, fence: Fence) -> Result<(), StoreError> {
        self.inner.renew(fence).await
    }
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        // What a dead process still does is no commit.
        if !self.inner.is_dead() {
            self.commits.all().push(commit.clone());
        }
        self.inner.commit(commit).await
    }
    async fn get_with_revision(&self, key: &[u8]) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
        self.inner.get_with_revision(key).await
    }
    async fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(from, to, limit).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
    fn counters(&self) -> StoreCounters {
        self.inner.counters()
    }
}
