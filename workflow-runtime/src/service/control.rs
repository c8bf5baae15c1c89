//! What goes over the control socket: one line of JSON each way.

use crate::{
    archive::ArchiveError,
    engine::{BuildError, RecordedError, Status, VerifyError},
    store::{OpenError, SnapshotError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Name of the socket in the data directory.
pub(super) const SOCKET: &str = "control.sock";

/// A longer line is refused: the limit of payloads is below it.
pub(super) const LONGEST_LINE: u64 = 64 << 20;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub(super) enum Request {
    Start { workflow: String, id: String, args: Value },
    Signal { id: String, signal: String, payload: Value, message_id: Option<String> },
    Update { id: String, update: String, payload: Value, message_id: Option<String> },
    Skip { id: String, reason: String },
    Cancel { id: String, reason: String },
    Terminate { id: String, reason: String },
    Retry { id: String },
    Rebuild { id: String },
    Remove { id: String },
    Truncate { id: String },
    List { workflow: Option<String>, status: Option<Status>, tag: Option<(String, String)>, limit: usize },
    Show { id: String },
    History { id: String },
    Export { id: String },
    Result { id: String, wait: bool },
    Stats { records: bool },
    Snapshot { file: PathBuf },
}

impl Request {
    /// Whether the store alone can answer.
    pub(super) fn only_reads(&self) -> bool {
        match self {
            Self::List { .. } | Self::Show { .. } | Self::History { .. } | Self::Export { .. } => true,
            Self::Stats { .. } | Self::Snapshot { .. } => true,
            Self::Result { wait, .. } => !wait,
            Self::Start { .. }
            | Self::Signal { .. }
            | Self::Update { .. }
            | Self::Skip { .. }
            | Self::Cancel { .. }
            | Self::Terminate { .. }
            | Self::Retry { .. }
            | Self::Rebuild { .. }
            | Self::Remove { .. }
            | Self::Truncate { .. } => false,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done(Value),
    Refused { code: String, message: String },
}

impl Answer {
    pub(super) fn into_result(self) -> Result<Value, ServiceError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Refused { code, message } => Err(ServiceError::Refused { code, message }),
        }
    }
}

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The command line asks for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// Something on the command line is not JSON.
    #[error("{what} is not JSON: `{text}`; a text needs quotes: '\"text\"'")]
    Json {
        /// Which part.
        what: String,
        /// What was given.
        text: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// No service runs on the directory.
    #[error("no service runs on {}; start one with `serve --data {}`", data.display(), data.display())]
    NotRunning {
        /// The directory.
        data: PathBuf,
    },
    /// A service runs on the directory already.
    #[error("a service runs on {} already", data.display())]
    Running {
        /// The directory.
        data: PathBuf,
    },
    /// There is no store in the directory.
    #[error("there is no store in {}; `serve --data {}` makes one", data.display(), data.display())]
    NoStore {
        /// The directory.
        data: PathBuf,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An archive cannot be read, or a part of it.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A snapshot cannot be restored.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The engine cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The engine refused the request.
    #[error("{message}")]
    Refused {
        /// The stable code.
        code: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// The service and this program do not understand each other.
    #[error("the service answered `{answer}`, which this program does not understand; use the program that serves")]
    Answer {
        /// What it answered.
        answer: String,
    },
    /// The control socket failed.
    #[error("the control socket {} failed", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answer cannot be written to the standard output.
    #[error("the answer cannot be written")]
    Output {
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold a history.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// A history is not what this program does.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The operating system gave no threads.
    #[error("the tokio runtime could not be started")]
    Runtime(#[source] std::io::Error),
}
