//! What readers see: the database, and over it what is durable in the log and not in the database yet.
//!
//! Two tables lie over the database. The committer adds each group to the *new* one as soon as it is durable. When there
//! is enough of it, the applier makes it the *old* one, writes that to the database, and drops it. So the database may
//! show the records of the old table early, and nobody sees a difference. Several writes of one record within a table
//! are one write to the database.

use std::iter::Peekable;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use super::recovery::panic_message;
use super::table::{Row, Table, Value, later, merge};
use super::{blocks, chunks};
use crate::store::record::{Each, Found, Medium, Op};
use crate::store::{StoreCounters, StoreError};

/// What the handles, the committer and the applier share.
pub(super) struct Shared {
    view: RwLock<View>,
    failed: OnceLock<String>,
    counters: Mutex<StoreCounters>,
}

pub(super) struct View {
    /// `None` once closed.
    db: Option<::sled::Db>,
    new: Table,
    old: Arc<Table>,
}

impl Shared {
    /// `new`: what is durable and not in the database.
    pub(super) fn new(db: ::sled::Db, new: Table) -> Arc<Self> {
        Arc::new(Self {
            view: RwLock::new(View { db: Some(db), new, old: Arc::default() }),
            failed: OnceLock::new(),
            counters: Mutex::new(StoreCounters::default()),
        })
    }

    /// Runs one read at the durable watermark.
    pub(super) fn read<T>(&self, f: impl FnOnce(&Durable<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let view = self.view();
        let durable = view.durable()?;
        guarded(|| f(&durable))
    }

    /// Nothing moves while it is held.
    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what has become durable. Returns the size of the new table.
    pub(super) fn publish(&self, batches: Vec<Vec<Op>>) -> usize {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.new.extend(batches.into_iter().flatten());
        view.new.bytes()
    }

    /// Bytes that lie over the database and that no generation has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.view().new.bytes()
    }

    /// Makes the new table the old one. The one before must have been dropped.
    pub(super) fn freeze(&self) -> Arc<Table> {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(view.old.is_empty(), "the old table is written to the database before the next");
        view.old = Arc::new(std::mem::take(&mut view.new));
        view.old.clone()
    }

    /// Drops the old table: the database has it all.
    pub(super) fn thaw(&self) {
        let old = std::mem::take(&mut self.view.write().unwrap_or_else(PoisonError::into_inner).old);
        // Freed after the lock.
        drop(old);
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

    pub(super) fn count(&self) -> MutexGuard<'_, StoreCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    pub(super) fn durable(&self) -> Result<Durable<'_>, StoreError> {
        let db = self.db.as_ref().ok_or(StoreError::Closed)?;
        Ok(Durable { db, new: &self.new, old: &self.old })
    }
}

/// sled panics on some kinds of damage; one bad page must not end the caller.
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let reason = panic_message(&*panic);
        Err(StoreError::backend(std::io::Error::other(reason)))
    })
}

/// Everything that is durable.
pub(super) struct Durable<'a> {
    db: &'a ::sled::Db,
    new: &'a Table,
    old: &'a Table,
}

impl Durable<'_> {
    /// What the tables hold in `from..to`, in order.
    fn over<'a>(&'a self, from: &'a [u8], to: &'a [u8]) -> impl Iterator<Item = Row<'a>> {
        merge(self.new.range(from, to), self.old.range(from, to))
    }
}

impl Medium for Durable<'_> {
    type Value = ::sled::IVec;

    fn read(&self, key: &[u8]) -> Result<Option<::sled::IVec>, StoreError> {
        match self.new.get(key).or_else(|| self.old.get(key)) {
            Some(value) => Ok(value.as_deref().map(::sled::IVec::from)),
            None => Written(self.db).read(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut over = self.over(from, to).peekable();
        for row in chunks::rows(self.db, from, to)? {
            let (key, value) = row;
            if show_up_to(&mut over, &key, each)? {
                return Ok(());
            }
            let flow = match (over.next_if(|(over, _)| *over == key.as_ref()), value) {
                (Some((_, Some(value))), _) => each(&key, value)?,
                (Some((_, None)), Ok(_)) => continue,
                // What is damaged there is not gone with the key that it was told of.
                (_, value) => each(&key, &value?)?,
            };
            if flow.is_break() {
                return Ok(());
            }
        }
        for (key, value) in over {
            if let Some(value) = value
                && each(&key, value)?.is_break()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Found<::sled::IVec>, StoreError> {
        let mut to = to.to_vec();
        loop {
            let written = chunks::last(self.db, from, &to)?;
            match later(self.new.last(from, &to), self.old.last(from, &to)) {
                Some((key, value)) if is_later(&key, value, written.as_ref()) => {
                    let key = key.into_owned();
                    if let Some(value) = value {
                        return Ok(Some((key, value.as_slice().into())));
                    }
                    // A record that is gone.
                    to = key;
                }
                _ => return found(written),
            }
        }
    }
}

/// Whether what lies over the database is to be looked at before what is written there.
fn is_later(key: &[u8], value: &Value, written: Option<&blocks::Row>) -> bool {
    written.is_none_or(|(other, there)| match key == other.as_ref() {
        // What is damaged there is not gone with the key that it was told of.
        true => value.is_some() || there.is_ok(),
        false => key > other.as_ref(),
    })
}

/// Shows what lies over the database before `key`. Says whether `each` broke.
fn show_up_to<'a>(
    over: &mut Peekable<impl Iterator<Item = Row<'a>>>,
    key: &[u8],
    each: &mut Each<'_>,
) -> Result<bool, StoreError> {
    while let Some((key, value)) = over.next_if(|(over, _)| over.as_ref() < key) {
        if let Some(value) = value
            && each(&key, value)?.is_break()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The database alone.
pub(super) struct Written<'a>(pub(super) &'a ::sled::Db);

impl Medium for Written<'_> {
    type Value = ::sled::IVec;

    fn read(&self, key: &[u8]) -> Result<Option<::sled::IVec>, StoreError> {
        chunks::read(self.0, key)
    }

    fn range(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StoreError> {
        for (key, value) in chunks::rows(self.0, from, to)? {
            if each(&key, &value?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Found<::sled::IVec>, StoreError> {
        found(chunks::last(self.0, from, to)?)
    }
}

fn found(row: Option<blocks::Row>) -> Result<Found<::sled::IVec>, StoreError> {
    row.map(|(key, value)| Ok((key.to_vec(), value?))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Revision;
    use crate::store::record;

    fn ops(key: &[u8], value: &[u8]) -> Vec<Op> {
        let mut ops = Vec::new();
        record::encode(key.to_vec(), value, Revision(1), &mut ops);
        ops
    }

    fn write(db: &::sled::Db, ops: impl IntoIterator<Item = Op>) {
        for (key, value) in ops {
            match value {
                Some(value) => drop(db.insert(key, value).unwrap()),
                None => drop(db.remove(key).unwrap()),
            }
        }
    }

    /// The same before, while and after the old table is written to the database.
    #[test]
    fn readers_do_not_notice_where_a_record_is() {
        let directory = tempfile::tempdir().unwrap();
        let db = ::sled::open(directory.path()).unwrap();
        let big = vec![7; 10_000];
        for (key, value) in [(b"a", big.as_slice()), (b"b", b"db"), (b"d", b"db"), (b"f", b"db")] {
            write(&db, ops(key, value));
        }
        let shared = Shared::new(db.clone(), Table::default());
        // The old table replaces a, deletes b and d, and creates c and e; the new one creates d and deletes e and f.
        let gone = |key: &[u8]| (record::physical(key), None);
        let mut old = [ops(b"a", b"old"), ops(b"c", b"old"), ops(b"e", b"old"), vec![gone(b"b"), gone(b"d")]].concat();
        old.extend((0..3).map(|n| (record::part(b"a", n), None)));
        shared.publish(vec![old.clone()]);
        let frozen = shared.freeze();
        assert_eq!(frozen.all().len(), old.len());
        shared.publish(vec![ops(b"d", b"new"), ops(b"c", b"new"), vec![gone(b"e"), gone(b"f")]]);

        let rows = |rows: &[(&[u8; 1], &str)]| {
            rows.iter().map(|(key, value)| (key.to_vec(), value.as_bytes().to_vec())).collect::<Vec<_>>()
        };
        let expected = rows(&[(b"a", "old"), (b"c", "new"), (b"d", "new")]);
        let see = || {
            let scanned = shared.read(|durable| record::scan(durable, b"a", b"z", 9)).unwrap();
            assert_eq!(scanned, expected);
            let mut back = shared.read(|durable| record::scan_back(durable, b"a", b"z", 9)).unwrap();
            back.reverse();
            assert_eq!(back, expected);
            for key in [b"a", b"b", b"c", b"d", b"e", b"f"] {
                let found = shared.read(|durable| record::read(durable, key)).unwrap().map(|(_, value)| value);
                let row = expected.iter().find(|(k, _)| k == key);
                assert_eq!(found.as_ref(), row.map(|(_, value)| value));
            }
        };
        see();
        for (n, op) in old.iter().cloned().enumerate() {
            write(&db, [op]);
            if n % 2 == 0 {
                see();
            }
        }
        shared.thaw();
        see();
        write(&db, shared.freeze().all());
        shared.thaw();
        see();
    }

    #[test]
    fn a_panic_of_the_database_is_an_error() {
        let error = guarded::<()>(|| panic!("page 7")).unwrap_err();
        assert_eq!(error.code(), "WS005");
    }
}
