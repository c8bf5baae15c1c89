//! The data of one run, to be opened by one process after the other.

use super::variant::Backend;
use crate::{
    journal::{
        id::Namespace,
        key::{Key, Kind, NamespaceKeys},
    },
    store::{MemoryStore, OpenError, SledStore, Store, StoreError},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// The data of one run, to be opened by one process after the other.
pub(super) enum Disk {
    Memory(MemoryStore),
    Sled(tempfile::TempDir),
}

/// An instance whose checkpoint was damaged, and what it was if nobody has damaged it before.
pub(super) struct Damaged {
    pub(super) id: String,
    pub(super) was: Option<Vec<u8>>,
}

impl Disk {
    pub(super) fn new(backend: Backend, begin: Option<&Path>) -> Result<Self, String> {
        let failed = |e| format!("no directory: {e}");
        if backend == Backend::Memory {
            return Ok(Disk::Memory(MemoryStore::new()));
        }
        let directory = tempfile::tempdir().map_err(failed)?;
        if let Some(begin) = begin {
            copy(begin, directory.path()).map_err(failed)?;
        }
        Ok(Disk::Sled(directory))
    }

    /// Damages the checkpoints of all instances, and says of which.
    pub(super) async fn damage_checkpoints(&self) -> Result<Vec<Damaged>, String> {
        let Disk::Memory(store) = self else { return Ok(vec![]) };
        let (mut from, to) = NamespaceKeys::new(&Namespace::default()).all(Kind::Frame);
        let mut damaged = vec![];
        loop {
            let (key, was) = match store.reopen().scan(&from, &to, 1).await {
                Ok(rows) => match rows.into_iter().next() {
                    Some((key, value)) => {
                        store.damage(&key);
                        (key, Some(value))
                    }
                    None => return Ok(damaged),
                },
                // The process before has died before it was made anew.
                Err(StoreError::Damaged { key, .. }) => (key, None),
                Err(e) => return Err(format!("the checkpoints do not read: {e}")),
            };
            damaged.extend(Key::parse(&key).ok().and_then(|key| key.id).map(|id| Damaged { id, was }));
            from = key;
            from.push(0);
        }
    }

    pub(super) async fn open(&self) -> Result<Arc<dyn Store>, String> {
        let directory = match self {
            Disk::Memory(store) => return Ok(Arc::new(store.clone())),
            Disk::Sled(directory) => directory.path(),
        };
        let begun = Instant::now();
        loop {
            match SledStore::builder(directory).cache_capacity(1 << 20).open() {
                Ok(store) => return Ok(Arc::new(store)),
                // Another test of this process may be starting a child, which has our lock until it becomes its program.
                Err(OpenError::Locked { .. }) if begun.elapsed() < FORK => tokio::task::yield_now().await,
                Err(e) => return Err(format!("the store does not open: {e}")),
            }
        }
    }
}

/// Longer than any child has a lock of its parent.
const FORK: Duration = Duration::from_secs(5);

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
