//! How much there is of everything.

use super::{
    checkpoint::{Status, micros},
    client::Engine,
    error::QueryError,
    list::unreadable,
    pages::{Pages, Read},
    shared::Shared,
};
use crate::{
    journal::key::{Key, Kind, NamespaceKeys},
    store::{Footprint, Snapshot, SnapshotError, StoreCounters},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// Rows that are looked at in one go.
const AT_ONCE: usize = 1024;

/// So many are named at most.
const NAMED: usize = 1000;

/// How much an engine has, and has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EngineStats {
    /// When it was asked, by the engine's clock.
    pub at: Timestamp,
    /// How many instances are in each state, if any. One that changes its state meanwhile may be counted in both or in none.
    pub instances: BTreeMap<Status, u64>,
    /// Calls of clients, steps, and attempts that run or wait in their queues.
    pub in_flight: usize,
    /// When the earliest timer is due, or was. Removals of what has ended are timers too.
    pub next_due: Option<Timestamp>,
    /// What the store takes up.
    pub store: Footprint,
    /// Bytes of the files that tell which steps and attempts were running when a process died, which `store` counts as other.
    pub marks_bytes: u64,
    /// What the store has done since it was opened.
    pub counters: StoreCounters,
}

/// The records of an engine's namespace, counted one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Census {
    /// Records of each kind, by the name of the kind. `History` are the entries of histories, `Frame` the instances.
    pub kinds: BTreeMap<String, Tally>,
    /// Records that do not read back as they were written.
    pub damaged: u64,
    /// The instances whose checkpoint is among them, 1,000 at most: [`rebuild`](crate::Run::rebuild) or terminate them.
    pub damaged_checkpoints: Vec<String>,
}

/// Records of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl Census {
    /// All of them together.
    pub fn total(&self) -> Tally {
        self.kinds.values().fold(Tally::default(), |sum, tally| Tally {
            records: sum.records + tally.records,
            bytes: sum.bytes + tally.bytes,
        })
    }

    /// The records of one kind.
    pub fn of(&self, kind: Kind) -> Tally {
        self.kinds.get(&format!("{kind:?}")).copied().unwrap_or_default()
    }

    fn add_damaged(&mut self, key: &[u8]) {
        self.damaged += 1;
        let checkpoint = Key::parse(key).ok().filter(|key| key.kind == Kind::Frame).and_then(|key| key.id);
        self.damaged_checkpoints.extend(checkpoint.filter(|_| self.damaged_checkpoints.len() < NAMED));
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        let kind = Key::parse(key).map_or_else(|_| "other".into(), |key| format!("{:?}", key.kind));
        let tally = self.kinds.entry(kind).or_default();
        tally.records += 1;
        tally.bytes += (key.len() + value.len()) as u64;
    }
}

/// Stands for a value that does not read back.
struct Damaged;

impl Engine {
    /// How much there is, and is to do. Goes through the index of instances, and reads none of them.
    ///
    /// ```standalone_crate
    /// # use workflow_runtime::{engine::Status, prelude::*, testing::TestEngine};
    /// # #[workflow] async fn nap() -> Result<(), Cancelled> { sleep(hours(1)).await }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = TestEngine::builder().manual().build().await?;
    /// engine.start("nap", nap()).await?;
    /// let stats = engine.stats().await?;
    /// assert_eq!(stats.instances[&Status::Running], 1);
    /// assert!(stats.next_due > Some(stats.at));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`QueryError`]: the store does not answer.
    pub async fn stats(&self) -> Result<EngineStats, QueryError> {
        let shared = &self.inner.shared;
        shared.health.alive()?;
        let marks = shared.store.directory().map(|d| super::watch::files(&d)).into_iter().flatten();
        Ok(EngineStats {
            at: shared.clock.now(),
            instances: by_status(shared).await?,
            in_flight: shared.pulse.held(),
            next_due: next_due(shared).await?,
            store: shared.store.footprint().await.map_err(unreadable)?,
            marks_bytes: marks.filter_map(|file| Some(file.metadata().ok()?.len())).sum(),
            counters: shared.store.counters(),
        })
    }

    /// Counts all records of the engine's namespace. Reads all of the store: for the occasional look, and for tests.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: the store does not answer.
    pub async fn census(&self) -> Result<Census, QueryError> {
        let shared = &self.inner.shared;
        shared.health.alive()?;
        let mut census = Census::default();
        let range = NamespaceKeys::new(&shared.settings.namespace).everything();
        each_row(shared, range, |key, value| match value {
            Ok(value) => census.add(key, value),
            Err(Damaged) => census.add_damaged(key),
        })
        .await?;
        Ok(census)
    }

    /// Writes all that is durable now to a new file, while work goes on. See
    /// [`SledStore::snapshot`](crate::store::SledStore::snapshot).
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]; nothing that exists is overwritten.
    pub async fn snapshot(&self, path: impl AsRef<Path>) -> Result<Snapshot, SnapshotError> {
        self.inner.shared.store.snapshot(path.as_ref()).await
    }
}

/// Shows all records of a range.
async fn each_row(
    shared: &Shared,
    range: (Vec<u8>, Vec<u8>),
    mut each: impl FnMut(&[u8], Result<&[u8], Damaged>),
) -> Result<(), QueryError> {
    let mut range = Pages::new(range);
    while let Some(page) = range.next(&*shared.store, AT_ONCE).await.map_err(unreadable)? {
        match page {
            Read::Rows(rows) => rows.iter().for_each(|(key, value)| each(key, Ok(value))),
            Read::Damaged { key, .. } => each(&key, Err(Damaged)),
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn by_status(shared: &Shared) -> Result<BTreeMap<Status, u64>, QueryError> {
    let mut counts = BTreeMap::new();
    // The key says it all, be the value damaged or not.
    let count = |key: &[u8], read: Result<&[u8], Damaged>| {
        if read.is_err() {
            shared.mend(key, "an entry of the listing does not read back");
        }
        let status = Key::parse(key).ok().and_then(|key| key.status);
        if let Some(status) = Status::ALL.into_iter().find(|s| Some(*s as u8) == status) {
            *counts.entry(status).or_default() += 1;
        }
    };
    each_row(shared, NamespaceKeys::new(&shared.settings.namespace).all(Kind::Listing), count).await?;
    Ok(counts)
}

/// When the earliest timer is due.
async fn next_due(shared: &Shared) -> Result<Option<Timestamp>, QueryError> {
    let keys = NamespaceKeys::new(&shared.settings.namespace);
    let mut timers = Pages::new(keys.timers_until(micros(Timestamp::MAX)));
    while let Some(key) = timers.next_key(&*shared.store).await.map_err(unreadable)? {
        let due = Key::parse(&key).ok().and_then(|key| key.due);
        if let Some(due) = due.and_then(|due| Timestamp::from_microsecond(due).ok()) {
            return Ok(Some(due));
        }
    }
    Ok(None)
}
