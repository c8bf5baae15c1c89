//! What is kept of a run.

use crate::{
    engine::Status,
    journal::{id::RunId, payload::Payload},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use workflow_definition::Fingerprint;

/// An archived run, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// The namespace of the engine that it ran in.
    pub namespace: String,
    /// The id of its instance.
    pub workflow_id: String,
    /// The id of the run.
    pub run_id: RunId,
    /// Registered name of the workflow.
    pub workflow: String,
    /// How it ended; if it has not, older parts of its history are all that is here.
    pub status: Status,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended; if it has not, when it had last changed.
    pub closed: Timestamp,
    /// Entries of its history that were archived.
    pub entries: u64,
    /// The number of the first of them. More than 0 where a part before was removed without an archive.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub first_entry: u64,
}

/// An archived run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArchivedRun {
    /// What it was.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The value or error that it ended with; the reason, if it was terminated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Payload>,
    /// Its arguments, a tuple. Absent if the record of its start was damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Payload>,
    /// What the workflow passed to `set_status` last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_status: Option<Payload>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The reason of the first request to cancel it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested: Option<String>,
    /// Steps that it took.
    pub steps: u64,
    /// The first of the runs that it was the newest of, by continuing as new.
    pub first_run_id: RunId,
    /// The run that it continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_run_id: Option<RunId>,
    /// The run that continued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_id: Option<RunId>,
    /// Entries of its history that were damaged in the store, and are not archived.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub damaged_entries: u64,
    /// Definitions that the history refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Fingerprint>,
}
