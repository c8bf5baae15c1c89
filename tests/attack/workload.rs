//! A bit of everything that an engine does, with effects in a file and an outcome that is known beforehand.

use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use workflow_runtime::{activity, prelude::*, workflow};

/// What the engine serves.
pub(crate) const NAMES: [&str; 9] =
    ["effect", "refuse", "undo", "chain", "naps", "listener", "family", "relative", "crowd_and_saga"];

/// A file of lines, each written at once. It survives the process.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<File>>);

impl Lines {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Lines(Arc::new(Mutex::new(file))))
    }

    pub(crate) fn add(&self, line: &str) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// The effects of activities.
#[derive(Clone)]
pub(crate) struct Ledger(pub(crate) Lines);

/// Where a run of the workload keeps its files.
#[derive(Clone)]
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store")
    }
    pub(crate) fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }
    pub(crate) fn acknowledged(&self) -> PathBuf {
        self.0.join("acknowledged")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("{0}")]
    Other(String),
}

impl From<ActivityError<String>> for Failed {
    fn from(e: ActivityError<String>) -> Self {
        Failed::Other(e.to_string())
    }
}

impl From<ChildError<Failed>> for Failed {
    fn from(e: ChildError<Failed>) -> Self {
        Failed::Other(e.to_string())
    }
}

/// Writes `<business key> <idempotency key> <workflow>` down, and gives the length of the business key.
#[activity(retry(initial = "1ms", max = "5ms"))]
pub(crate) async fn effect(ledger: State<Ledger>, cx: ActivityContext, key: String) -> Result<u64, String> {
    ledger.0.add(&format!("{key} {}", cx.idempotency_key())).map_err(|e| e.to_string())?;
    Ok(key.len() as u64)
}

#[activity]
pub(crate) async fn refuse(what: String) -> Result<u64, String> {
    Err(format!("no {what}"))
}

#[activity(retry(initial = "1ms", max = "5ms"))]
pub(crate) async fn undo(ledger: State<Ledger>, cx: ActivityContext, key: String) -> Result<(), String> {
    ledger.0.add(&format!("{key} {}", cx.idempotency_key())).map_err(|e| e.to_string())
}

/// Steps one after the other.
#[workflow]
pub(crate) async fn chain(name: String, steps: u64) -> Result<u64, Failed> {
    let mut sum = 0;
    for n in 0..steps {
        sum = sum * 3 + effect(format!("{name}/{n}")).await?;
    }
    Ok(sum)
}

/// Timers between effects.
#[workflow]
pub(crate) async fn naps(name: String) -> Result<u64, Failed> {
    let mut sum = 0;
    for n in 0..2u64 {
        sleep(millis(3)).await?;
        sum += effect(format!("{name}/{n}")).await?;
    }
    Ok(sum)
}

pub(crate) const WORD: Signal<String> = Signal::new("word");

/// Two signals, an effect for each.
#[workflow]
pub(crate) async fn listener(name: String) -> Result<Vec<String>, Failed> {
    let mut heard = vec![];
    for _ in 0..2u64 {
        let word = WORD.recv().await?;
        effect(format!("{name}/{word}")).await?;
        heard.push(word);
    }
    Ok(heard)
}

#[workflow]
pub(crate) async fn relative(name: String) -> Result<u64, Failed> {
    Ok(effect(format!("{name}/work")).await? + 1)
}

/// Two children.
#[workflow]
pub(crate) async fn family(name: String) -> Result<u64, Failed> {
    let first = relative(format!("{name}-a")).child(format!("{name}-a")).await?;
    let second = relative(format!("{name}-b")).child(format!("{name}-b")).await?;
    Ok(first * 100 + second)
}

/// Many at once, and then a failure that undoes what was done.
#[workflow]
pub(crate) async fn crowd_and_saga(name: String) -> Result<u64, Failed> {
    saga::on_failure(undo(format!("{name}/undo-1")));
    let mut sum = 0;
    for done in join_all((0..4u64).map(|n| effect(format!("{name}/{n}")))).await {
        sum += done?;
    }
    saga::on_failure(undo(format!("{name}/undo-2")));
    refuse(format!("more than {sum}")).await?;
    Ok(sum)
}
