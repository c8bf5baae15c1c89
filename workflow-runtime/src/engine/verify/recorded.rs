//! A history as a file.

use crate::{
    engine::{
        checkpoint::StartRecord,
        client::Engine,
        error::{QueryError, Unavailable},
        instance,
        run::Run,
    },
    journal::{
        history::Entry,
        id::RunId,
        payload::{self, Payload},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use workflow_definition::Definition;

/// Everything about one run that is needed to run its steps again: made by [`Run::recorded`], read from and written to JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recorded {
    /// The version of this form.
    pub format: u32,
    /// The id of the instance.
    pub workflow_id: String,
    /// The id of the run.
    pub run_id: RunId,
    /// Registered name of the workflow.
    pub workflow: String,
    /// Its arguments, a tuple.
    pub input: Payload,
    /// When it was started.
    pub started: Timestamp,
    /// The definitions of builds before that its checkpoints refer to.
    pub definitions: Vec<Definition>,
    /// Its history.
    pub entries: Vec<Entry>,
}

/// The version of the form.
const FORMAT: u32 = 1;

/// Why a file is not a recorded history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// It is not JSON of the form.
    #[error("WE100: this is not a recorded history; export one with `run.recorded()` or the command `export`")]
    Form(#[source] serde_json::Error),
    /// It was written by a newer build.
    #[error("WE101: the history was recorded in form {found}, this build reads {FORMAT}; use a newer build")]
    Format {
        /// The form of the file.
        found: u32,
    },
}

impl RecordedError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "WE100",
            Self::Format { .. } => "WE101",
        }
    }
}

impl Recorded {
    pub(crate) fn of(
        workflow_id: String,
        run_id: RunId,
        (workflow, input, started): (String, Payload, Timestamp),
        definitions: Vec<Definition>,
        entries: Vec<Entry>,
    ) -> Self {
        Recorded { format: FORMAT, workflow_id, run_id, workflow, input, started, definitions, entries }
    }

    /// As JSON. Payloads are shown as values, and kept as bytes beside them.
    ///
    /// # Errors
    ///
    /// As [`serde_json::to_string_pretty`].
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        payload::with_bytes(|| serde_json::to_string_pretty(self))
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`RecordedError`]: it did not.
    pub fn from_json(json: &str) -> Result<Self, RecordedError> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let Form { format } = serde_json::from_str(json).map_err(RecordedError::Form)?;
        if format != FORMAT {
            return Err(RecordedError::Format { found: format });
        }
        serde_json::from_str(json).map_err(RecordedError::Form)
    }
}

impl<W> Run<W> {
    /// The whole history of the run with all that is needed to [`verify`](super::verify) it, against this build or another.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn recorded(&self) -> Result<Recorded, QueryError> {
        let (entries, run) = (self.history().await?, self.status().await?.run_id);
        recorded(self.engine(), self.workflow_id()?, run, entries).await
    }
}

async fn recorded(
    engine: &Engine,
    id: crate::journal::id::WorkflowId,
    run_id: crate::journal::id::RunId,
    entries: Vec<Entry>,
) -> Result<Recorded, QueryError> {
    let shared = &engine.inner.shared;
    let keys = shared.keys(&id);
    let start = instance::start_record(shared, &id, &keys, Some(run_id)).await?;
    let mut definitions = vec![];
    for fingerprint in entries.iter().flat_map(Entry::definitions) {
        let known = definitions.iter().any(|d: &Definition| d.fingerprint() == fingerprint);
        if !known {
            let stored: Result<_, Unavailable> = instance::definition(shared, &id, fingerprint).await;
            definitions.extend(stored?);
        }
    }
    let StartRecord { workflow, input, at, .. } = start;
    Ok(Recorded::of(id.to_string(), run_id, (workflow, input, at), definitions, entries))
}
