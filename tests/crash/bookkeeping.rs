//! What the killed process works on: workflows whose effects stand in a file.

use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use workflow_runtime::prelude::*;
use workflow_runtime::{activity, workflow};

/// How many entries each workflow writes.
pub(crate) const ENTRIES: u64 = 8;

/// A file to which entries are appended, each durable before the activity ends.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Mutex<File>>);

impl Ledger {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Ledger(Arc::new(Mutex::new(file))))
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum BookError {
    #[error("the ledger cannot be written: {0}")]
    Ledger(String),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("an entry was not written: {0}")]
    Entry(String),
}

impl From<workflow_runtime::ActivityError<BookError>> for BookError {
    fn from(e: workflow_runtime::ActivityError<BookError>) -> Self {
        BookError::Entry(e.to_string())
    }
}

/// Appends `key account entry` and tells whoever reads the standard output.
#[activity(timeout = "60s", retry(initial = "1ms", max = "10ms"))]
pub(crate) async fn append(
    ledger: State<Ledger>,
    cx: ActivityContext,
    account: u64,
    entry: u64,
) -> Result<u64, BookError> {
    let line = format!("{} {account} {entry}\n", cx.idempotency_key());
    ledger.append(&line).map_err(|e| BookError::Ledger(e.to_string()))?;
    println!("applied {account} {entry}");
    Ok(account * 100 + entry)
}

/// Writes its entries one after the other, with naps, and gives their sum.
#[workflow]
pub(crate) async fn bookkeeping(account: u64) -> Result<u64, BookError> {
    let mut sum = 0;
    for entry in 0..ENTRIES {
        sum += append(account, entry).await?;
        if entry % 3 == 2 {
            sleep(millis(2)).await?;
        }
    }
    Ok(sum)
}
