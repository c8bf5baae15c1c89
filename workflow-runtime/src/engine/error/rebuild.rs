//! Why a damaged checkpoint was not made anew.

use super::Unavailable;
use crate::{engine::VerifyError, journal::id::InvalidId};
use workflow_definition::Fingerprint;

/// Why a damaged checkpoint was not made anew. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The id is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such instance.
    #[error("WE150: there is no instance `{workflow_id}` to rebuild; check the id")]
    NotFound {
        /// The instance.
        workflow_id: String,
    },
    /// Nothing is damaged that could be made anew.
    #[error("WE151: the checkpoint of `{workflow_id}` is not damaged, there is nothing to rebuild; see its status")]
    NotDamaged {
        /// The instance.
        workflow_id: String,
    },
    /// The record of how the run was started is damaged, too.
    #[error(
        "WE152: `{workflow_id}` cannot be rebuilt: the record of how it was started is damaged, too; restore a snapshot of the store"
    )]
    NoStart {
        /// The instance.
        workflow_id: String,
    },
    /// An entry of the history is damaged, too, and no later one begins with all that is needed.
    #[error(
        "WE153: `{workflow_id}` cannot be rebuilt: entry {entry} of its history {what}; restore a snapshot of the store, or terminate it"
    )]
    History {
        /// The instance.
        workflow_id: String,
        /// Number of the entry.
        entry: u64,
        /// What is wrong with it.
        what: String,
    },
    /// This build does not have the definitions that took the last steps.
    #[error(
        "WE154: `{workflow_id}` cannot be rebuilt by this build: other builds of `{workflow}` took its last steps{}; rebuild it with the one that did, then go on with this one, or terminate it",
        definitions(by)
    )]
    OtherBuild {
        /// The instance.
        workflow_id: String,
        /// The workflow that it runs.
        workflow: String,
        /// The definitions.
        by: Vec<Fingerprint>,
    },
    /// The build that took the run over, or continued it as a new one, did not note what it had been told.
    #[error(
        "WE155: `{workflow_id}` cannot be rebuilt: an earlier build took it over, or continued it as a new run, and did not note what it waited for; restore a snapshot of the store, or terminate it"
    )]
    Untold {
        /// The instance.
        workflow_id: String,
    },
    /// Its steps do not do again what they did, or cannot be taken again.
    #[error(
        "WE156: `{workflow_id}` cannot be rebuilt: its steps cannot be taken again as they were; use the build that took them, or terminate it"
    )]
    Steps {
        /// The instance.
        workflow_id: String,
        /// The first step that differs, and how. Boxed, because it is large.
        #[source]
        source: Box<VerifyError>,
    },
    /// The checkpoint of an instance that waits for this one is damaged, too.
    #[error("WE157: `{workflow_id}` cannot be rebuilt before `{other}`, which waits for it: rebuild that first")]
    After {
        /// The instance.
        workflow_id: String,
        /// The one that waits for it.
        other: String,
    },
    /// A record is damaged, too, that the history does not make up for.
    #[error(
        "WE158: `{workflow_id}` cannot be rebuilt: its record {record} is damaged, too ({reason}); restore a snapshot of the store, or terminate it"
    )]
    Record {
        /// The instance.
        workflow_id: String,
        /// The record.
        record: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn definitions(by: &[Fingerprint]) -> String {
    match by {
        [] => String::new(),
        by => format!(" ({})", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl RebuildError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::NotFound { .. } => "WE150",
            Self::NotDamaged { .. } => "WE151",
            Self::NoStart { .. } => "WE152",
            Self::History { .. } => "WE153",
            Self::OtherBuild { .. } => "WE154",
            Self::Untold { .. } => "WE155",
            Self::Steps { .. } => "WE156",
            Self::After { .. } => "WE157",
            Self::Record { .. } => "WE158",
            Self::Unavailable(e) => e.code(),
        }
    }
}
