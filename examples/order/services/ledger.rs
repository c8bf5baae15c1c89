//! A durable book: every request is decided once, under its idempotency key, and on disk before it is answered.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::HashMap,
    fs::File,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a service decides, apart from where it is kept. Its state is nothing but the entries applied in order.
pub(crate) trait Service: Default {
    /// What it is asked.
    type Request: Serialize + DeserializeOwned;
    /// What it answers.
    type Answer: Serialize + DeserializeOwned + Clone;
    /// What it writes down.
    type Entry: Serialize + DeserializeOwned + Clone;
    /// Decides a request that was never seen before.
    fn decide(&self, key: &str, request: &Self::Request) -> (Self::Answer, Vec<Self::Entry>);
    /// Changes the state as an entry says.
    fn apply(&mut self, entry: &Self::Entry);
}

/// Why a request was not decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("the ledger's store failed: {0}")]
    Store(#[from] sled::Error),
    #[error("the ledger's file failed: {0}")]
    File(#[from] io::Error),
    #[error("a record of the ledger is not readable: {0}")]
    Record(#[from] serde_json::Error),
}

/// One decided request: one value of the store, so entries and answer are there together or not at all.
#[derive(Serialize, Deserialize)]
struct Record<A, E> {
    key: String,
    answer: A,
    entries: Vec<E>,
}

/// The book of one service.
pub(crate) struct Ledger<S: Service> {
    db: sled::Db,
    file: File,
    book: Mutex<Book<S>>,
    /// How many records are known to be on disk.
    durable: Mutex<u64>,
}

struct Book<S: Service> {
    service: S,
    answers: HashMap<String, S::Answer>,
    entries: Vec<S::Entry>,
    records: u64,
}

impl<S: Service> Ledger<S> {
    /// Opens the book in a directory, or begins one.
    ///
    /// # Errors
    ///
    /// The store cannot be opened, or holds what this program did not write.
    pub(crate) fn open(dir: &Path) -> Result<Self, LedgerError> {
        let db = sled::Config::new().path(dir).cache_capacity(16 << 20).flush_every_ms(None).open()?;
        let mut book = Book { service: S::default(), answers: HashMap::new(), entries: vec![], records: 0 };
        for item in db.iter() {
            let record: Record<S::Answer, S::Entry> = serde_json::from_slice(&item?.1)?;
            book.add(record.key, record.answer, record.entries);
        }
        let durable = Mutex::new(book.records);
        Ok(Ledger { file: File::open(dir.join("db"))?, db, book: Mutex::new(book), durable })
    }

    /// Answers a request: decides it if its key is new, and repeats the first answer otherwise.
    ///
    /// When this returns, the decision is on disk.
    ///
    /// # Errors
    ///
    /// The store failed; whether the request was decided is then not known.
    pub(crate) fn answer(&self, key: &str, request: &S::Request) -> Result<S::Answer, LedgerError> {
        let (answer, upto) = {
            let mut book = lock(&self.book);
            let answer = match book.answers.get(key) {
                Some(answer) => answer.clone(),
                None => {
                    let (answer, entries) = book.service.decide(key, request);
                    let record = Record { key: key.to_owned(), answer, entries };
                    self.db.insert(book.records.to_be_bytes(), serde_json::to_vec(&record)?)?;
                    let answer = record.answer.clone();
                    book.add(record.key, record.answer, record.entries);
                    answer
                }
            };
            (answer, book.records)
        };
        self.sync(upto)?;
        Ok(answer)
    }

    /// Waits until the first `upto` records are on disk. Whoever comes first writes for all who wait behind it.
    fn sync(&self, upto: u64) -> Result<(), LedgerError> {
        let mut durable = lock(&self.durable);
        if *durable < upto {
            let records = lock(&self.book).records;
            self.db.flush()?;
            // sled's flush starts the write-back and does not wait for the disk.
            self.file.sync_data()?;
            *durable = records;
        }
        Ok(())
    }

    /// Everything that was written down, in order.
    pub(crate) fn entries(&self) -> Vec<S::Entry> {
        lock(&self.book).entries.clone()
    }
}

impl<S: Service> Book<S> {
    fn add(&mut self, key: String, answer: S::Answer, entries: Vec<S::Entry>) {
        for entry in &entries {
            self.service.apply(entry);
        }
        self.entries.extend(entries);
        self.answers.insert(key, answer);
        self.records += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Card,
        services::payment::{Answer, Entry, Payment, Request},
    };

    fn charge(order: u64, cents: u64) -> Request {
        let card = Card { number: "4242424242424242".into(), expires: "01/30".into() };
        Request::Charge { payment: format!("order-{order}"), card, cents }
    }

    #[test]
    fn the_same_key_gets_the_same_answer_and_is_applied_once_also_after_reopening() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = {
            let ledger = Ledger::<Payment>::open(dir.path()).expect("a new ledger");
            let first = ledger.answer("run-1", &charge(1, 500)).expect("an answer");
            assert_eq!(ledger.answer("run-1", &charge(1, 500)).expect("the answer again"), first);
            first
        };
        let ledger = Ledger::<Payment>::open(dir.path()).expect("the ledger again");
        assert_eq!(ledger.answer("run-1", &charge(1, 500)).expect("the answer again"), first);
        assert!(matches!(&ledger.entries()[..], [Entry::Charged { cents: 500, .. }]), "{:?}", ledger.entries());
    }

    #[test]
    fn another_key_is_another_charge() {
        let dir = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::<Payment>::open(dir.path()).expect("a new ledger");
        ledger.answer("run-1", &charge(1, 500)).expect("an answer");
        ledger.answer("run-2", &charge(1, 500)).expect("an answer");
        assert_eq!(ledger.entries().len(), 2, "the ledger leaves it to the audit to find this");
    }

    #[test]
    fn requests_that_come_together_are_all_on_disk_when_they_are_answered() {
        let dir = tempfile::tempdir().expect("a directory");
        {
            let ledger = Ledger::<Payment>::open(dir.path()).expect("a new ledger");
            std::thread::scope(|s| {
                for n in 0..8 {
                    let ledger = &ledger;
                    s.spawn(move || {
                        let answer = ledger.answer(&format!("run-{n}"), &charge(n, 100)).expect("an answer");
                        assert!(matches!(answer, Answer::Paid { .. }));
                        assert!(*lock(&ledger.durable) > 0);
                    });
                }
            });
        }
        assert_eq!(Ledger::<Payment>::open(dir.path()).expect("the ledger again").entries().len(), 8);
    }
}
