//! What readers see: the database as of the last flush.
//!
//! sled shows a batch as soon as it is applied. So before a group is applied, the committer puts the values that it
//! is about to replace on top, and takes them away when the group is durable. Readers hold the lock for one read, the
//! committer for one assignment. If a group fails, its old values stay, and readers stay at the last durable state.

use std::collections::{BTreeMap, HashMap, btree_map};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::recovery::panic_message;
use crate::store::record::{Each, Found, Medium};
use crate::store::{StoreCounters, StoreError};

pub(super) type Before = BTreeMap<Vec<u8>, Option<::sled::IVec>>;

/// What the handles and the committer share.
pub(super) struct Shared {
    view: RwLock<View>,
    failed: OnceLock<String>,
    counters: Mutex<StoreCounters>,
}

struct View {
    /// `None` once closed.
    db: Option<::sled::Db>,
    before: Before,
}

impl Shared {
    pub(super) fn new(db: ::sled::Db) -> Arc<Self> {
        Arc::new(Self {
            view: RwLock::new(View { db: Some(db), before: Before::new() }),
            failed: OnceLock::new(),
            counters: Mutex::new(StoreCounters::default()),
        })
    }

    /// Runs one read at the durable watermark.
    pub(super) fn read<T>(&self, f: impl FnOnce(&Durable<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let Some(db) = &view.db else { return Err(StoreError::Closed) };
        let durable = Durable { db, before: &view.before };
        guarded(|| f(&durable))
    }

    /// Shows `before` instead of the keys that are about to change.
    pub(super) fn cover(&self, before: Before) {
        self.view.write().unwrap_or_else(PoisonError::into_inner).before = before;
    }

    /// Shows the keys as they are now: durable.
    pub(super) fn uncover(&self) {
        let before = std::mem::take(&mut self.view.write().unwrap_or_else(PoisonError::into_inner).before);
        // Freed after the lock.
        drop(before);
    }

    pub(super) fn close(&self) {
        self.view.write().unwrap_or_else(PoisonError::into_inner).db = None;
    }

    pub(super) fn poison(&self, reason: String) {
        let _ = self.failed.set(reason);
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.failed.get() {
            Some(reason) => Err(StoreError::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn count(&self, f: impl FnOnce(&mut StoreCounters)) {
        f(&mut self.counters.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn counters(&self) -> StoreCounters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// sled panics on some kinds of damage; one bad page must not end the caller.
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let reason = panic_message(&*panic);
        Err(StoreError::backend(std::io::Error::other(reason)))
    })
}

/// The newest records of instances that were written lately, for the one thread that writes: every commit asks for the
/// revision that it replaces.
#[derive(Default)]
pub(super) struct Recent {
    records: HashMap<Vec<u8>, ::sled::IVec>,
    bytes: usize,
}

impl Recent {
    /// More than this, and it begins anew.
    const BYTES: usize = 32 << 20;

    /// Takes over what a durable batch has put under `key`, if the key is followed.
    pub(super) fn refresh(&mut self, key: &[u8], value: Option<&::sled::IVec>) {
        match (self.records.get_mut(key), value) {
            (Some(record), Some(value)) => *record = value.clone(),
            (Some(_), None) => drop(self.records.remove(key)),
            (None, _) => {}
        }
    }

    /// Follows a key from its present record on.
    pub(super) fn follow(&mut self, key: &[u8], record: &::sled::IVec) {
        if self.records.contains_key(key) {
            return;
        }
        self.bytes += key.len() + record.len().max(512);
        if self.bytes > Self::BYTES {
            *self = Self::default();
        }
        self.records.insert(key.to_vec(), record.clone());
    }
}

/// The database as it was written, with the newest records at hand.
pub(super) struct AtHand<'a> {
    pub(super) db: &'a ::sled::Db,
    pub(super) recent: &'a Recent,
}

impl Medium for AtHand<'_> {
    type Value = ::sled::IVec;

    fn read(&self, key: &[u8]) -> Result<Option<::sled::IVec>, StoreError> {
        match self.recent.records.get(key) {
            Some(record) => Ok(Some(record.clone())),
            None => Written(self.db).read(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError> {
        Written(self.db).range(from, to, each)
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Found<::sled::IVec>, StoreError> {
        Written(self.db).last(from, to)
    }
}

/// The database with what is in flight covered.
pub(super) struct Durable<'a> {
    db: &'a ::sled::Db,
    before: &'a Before,
}

impl Medium for Durable<'_> {
    type Value = ::sled::IVec;

    fn read(&self, key: &[u8]) -> Result<Option<::sled::IVec>, StoreError> {
        match self.before.get(key) {
            Some(value) => Ok(value.clone()),
            None => Written(self.db).read(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut covered = self.before.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))).peekable();
        for row in self.db.range::<&[u8], _>(from..to) {
            let (key, value) = row.map_err(StoreError::backend)?;
            if show_up_to(&mut covered, &key, each)? {
                return Ok(());
            }
            let flow = match covered.next_if(|(before, _)| before.as_slice() == key.as_ref()) {
                Some((_, Some(before))) => each(&key, before)?,
                Some((_, None)) => continue,
                None => each(&key, &value)?,
            };
            if flow.is_break() {
                return Ok(());
            }
        }
        for (key, before) in covered {
            if let Some(before) = before
                && each(key, before)?.is_break()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Found<::sled::IVec>, StoreError> {
        let mut covered = self.before.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let mut hidden = covered.next_back();
        let mut to = to.to_vec();
        loop {
            let written = Written(self.db).last(from, &to)?;
            match (hidden, written) {
                (Some((key, before)), written) if written.as_ref().is_none_or(|(k, _)| k <= key) => {
                    if let Some(before) = before {
                        return Ok(Some((key.clone(), before.clone())));
                    }
                    // A record that is not durable yet.
                    to.clone_from(key);
                    hidden = covered.next_back();
                }
                (_, written) => return Ok(written),
            }
        }
    }
}

type Covered<'a> = std::iter::Peekable<btree_map::Range<'a, Vec<u8>, Option<::sled::IVec>>>;

/// Shows the covered records before `key`, which the database has deleted already. Says whether `each` broke.
fn show_up_to(covered: &mut Covered<'_>, key: &[u8], each: &mut Each<'_>) -> Result<bool, StoreError> {
    while let Some((key, before)) = covered.next_if(|(before, _)| before.as_slice() < key) {
        if let Some(before) = before
            && each(key, before)?.is_break()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The database as it is, for the committer, between two groups.
pub(super) struct Written<'a>(pub(super) &'a ::sled::Db);

impl Medium for Written<'_> {
    type Value = ::sled::IVec;

    fn read(&self, key: &[u8]) -> Result<Option<::sled::IVec>, StoreError> {
        self.0.get(key).map_err(StoreError::backend)
    }

    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError> {
        for row in self.0.range::<&[u8], _>(from..to) {
            let (key, value) = row.map_err(StoreError::backend)?;
            if each(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Found<::sled::IVec>, StoreError> {
        let row = self.0.range::<&[u8], _>(from..to).next_back().transpose().map_err(StoreError::backend)?;
        Ok(row.map(|(key, value)| (key.to_vec(), value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Revision;
    use crate::store::record;

    fn put(db: &::sled::Db, key: &[u8], value: &[u8]) {
        let mut ops = Vec::new();
        record::encode(key, value, Revision(1), &mut ops);
        for (key, value) in ops {
            db.insert(key, value.unwrap()).unwrap();
        }
    }

    #[test]
    fn readers_stay_at_the_durable_state_until_it_moves() {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let big = vec![7; 10_000];
        put(&db, b"a", &big);
        put(&db, b"b", b"old");
        put(&db, b"d", b"old");
        let shared = Shared::new(db.clone());
        let see = || shared.read(|durable| record::scan(durable, b"a", b"z", 9)).unwrap();
        let back = || shared.read(|durable| record::scan_back(durable, b"a", b"z", 9)).unwrap();
        let reversed = |rows: &[(Vec<u8>, Vec<u8>)]| rows.iter().rev().cloned().collect::<Vec<_>>();
        let old = see();
        assert_eq!(old[0], (b"a".to_vec(), big));

        // A group replaces a, deletes b and d, and creates c and e.
        let mut keys: Vec<Vec<u8>> = [b"a", b"b", b"c", b"d", b"e"].map(|key| record::physical(key)).to_vec();
        keys.extend((0..3).map(|n| record::part(b"a", n)));
        shared.cover(keys.iter().map(|key| (key.clone(), db.get(key).unwrap())).collect());
        put(&db, b"a", b"new");
        put(&db, b"c", b"new");
        put(&db, b"e", b"new");
        for key in [record::physical(b"b"), record::physical(b"d"), record::part(b"a", 0), record::part(b"a", 2)] {
            db.remove(key).unwrap();
        }
        assert_eq!(see(), old);
        assert_eq!(back(), reversed(&old));
        for (key, value) in &old {
            assert_eq!(&shared.read(|durable| record::read(durable, key)).unwrap().unwrap().1, value);
        }
        assert!(shared.read(|durable| record::read(durable, b"c")).unwrap().is_none());

        shared.uncover();
        let new: Vec<_> = [b"a", b"c", b"e"].map(|key| (key.to_vec(), b"new".to_vec())).to_vec();
        assert_eq!(see(), new);
        assert_eq!(back(), reversed(&new));
    }

    #[test]
    fn a_panic_of_the_database_is_an_error() {
        let error = guarded::<()>(|| panic!("page 7")).unwrap_err();
        assert_eq!(error.code(), "WS005");
    }
}
