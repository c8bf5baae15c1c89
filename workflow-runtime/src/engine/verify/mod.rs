//! Runs recorded steps again and compares.

mod books;
mod compare;
mod groups;
mod recorded;
mod replay;
mod twice;

pub use compare::Difference;
pub use recorded::{Recorded, RecordedError};
pub use twice::{Wavering, verify_twice};

use super::{error::QueryError, run::Run};
use crate::{journal::id::InvalidId, machine::StepError, registry::Registry};
pub(super) use books::{Books, Gap};
pub(super) use groups::whole;
use replay::Left;
pub(super) use replay::Replay;
use workflow_definition::Fingerprint;

/// What [`verify`] found to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Verified {
    /// Steps that were run again and decided the same.
    pub steps: u64,
    /// Steps that another definition of the workflow, or of one of its inline helpers, took: this build cannot run them again.
    pub skipped: u64,
    /// The definitions that took them.
    pub by: Vec<Fingerprint>,
}

/// Why a recorded history is not what this build does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A step decides something else now. Boxed, because it is large.
    #[error(transparent)]
    Difference(Box<Difference>),
    /// A step cannot be run again.
    #[error("WE103: step {step} of `{workflow_id}` cannot be run again: {source}")]
    Step {
        /// The instance.
        workflow_id: String,
        /// Number of the step.
        step: u64,
        /// Why.
        #[source]
        source: Box<StepError>,
    },
    /// A step leaves other values behind when it is run twice. Boxed, because it is large.
    #[error(transparent)]
    Wavering(Box<Wavering>),
    /// This build does not have the workflow.
    #[error("WE104: `{workflow_id}` runs `{workflow}`, which this build does not have; link the crate that defines it")]
    UnknownWorkflow {
        /// The instance.
        workflow_id: String,
        /// The workflow.
        workflow: String,
    },
    /// Something that a step took is not in the history.
    #[error(
        "WE105: step {step} of `{workflow_id}` took {what}, of which the history says nothing; it is damaged or was cut"
    )]
    Missing {
        /// The instance.
        workflow_id: String,
        /// Number of the step.
        step: u64,
        /// What it took.
        what: String,
    },
    /// The id of the instance is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// The history cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl VerifyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Difference(_) => "WE102",
            Self::Step { .. } => "WE103",
            Self::UnknownWorkflow { .. } => "WE104",
            Self::Wavering(_) => "WE106",
            Self::Missing { .. } => "WE105",
            Self::InvalidId(e) => e.code(),
            Self::Query(e) => e.code(),
        }
    }
}

impl<W> Run<W> {
    /// Runs the steps of this run again with the code of this engine, and compares; see [`verify`].
    ///
    /// # Errors
    ///
    /// [`VerifyError`]: the first step that decides something else, or why the history cannot be run again.
    pub async fn verify(&self) -> Result<Verified, VerifyError> {
        let recorded = self.recorded().await?;
        verify(&recorded, &self.engine().inner.shared.registry)
    }

    /// Runs the steps of this run twice in different surroundings, and compares; see [`verify_twice`].
    ///
    /// # Errors
    ///
    /// [`VerifyError`]: the first step that leaves something else behind each time, or what [`verify`](Run::verify) finds.
    pub async fn verify_twice(&self) -> Result<Verified, VerifyError> {
        let recorded = self.recorded().await?;
        verify_twice(&recorded, &self.engine().inner.shared.registry)
    }
}

/// Runs the steps of a recorded history again and compares what they decide with what was recorded, up to the first
/// difference. Nothing has an effect: activities do not run, side effects give the values that they gave.
///
/// A history has segments: each begins with the start, with the checkpoint that another build took over, or with one behind which
/// the history was truncated. Those of
/// other definitions of the workflow, or of an inline helper that took part, are skipped and counted.
///
/// # Errors
///
/// [`VerifyError::Difference`]: the first step that decides something else. Otherwise the history cannot be run again.
pub fn verify(recorded: &Recorded, registry: &Registry) -> Result<Verified, VerifyError> {
    observed(recorded, registry, &mut |_| {})
}

/// As [`verify`]; `seen` gets each frame that a step leaves behind.
fn observed(recorded: &Recorded, registry: &Registry, seen: &mut dyn FnMut(Left)) -> Result<Verified, VerifyError> {
    let mut replay = Replay::new(recorded, registry)?;
    let mut verified = Verified::default();
    for entry in &whole(&recorded.entries) {
        let steps = entry.inputs.len() as u64;
        match replay.advance(entry, seen)? {
            None => verified.steps += steps,
            Some(others) => {
                verified.skipped += steps;
                for other in others {
                    if !verified.by.contains(&other) {
                        verified.by.push(other);
                    }
                }
            }
        }
    }
    Ok(verified)
}
