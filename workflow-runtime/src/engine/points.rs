//! The suspension points in which the branches of a run wait.

use super::{
    error::Unavailable,
    instance,
    shared::Shared,
    status::{self, RunStatus},
};
use crate::{
    journal::id::WorkflowId,
    machine::{Activation, Thread},
};
use serde::Serialize;
use std::collections::{BTreeMap, btree_map};

/// A suspension point in which a branch of a run waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PointStatus {
    /// The workflow or helper that it belongs to.
    pub workflow: String,
    /// Its label.
    pub point: String,
    /// Its source file.
    pub file: Option<String>,
    /// Its source line.
    pub line: Option<u32>,
}

/// The threads that wait for no branch and no helper, each with its activation.
fn innermost<'a>(activation: &'a Activation, into: &mut Vec<(&'a Activation, &'a Thread)>) {
    for thread in activation.all_threads() {
        match &thread.helper {
            Some(helper) => innermost(helper, into),
            None if thread.branches.is_empty() => into.push((activation, thread)),
            None => {}
        }
    }
}

/// Notes in which points a run waits, and its locals.
pub(super) async fn describe(
    shared: &Shared,
    id: &WorkflowId,
    root: &Activation,
    status: &mut RunStatus,
) -> Result<(), Unavailable> {
    let mut waiting = vec![];
    innermost(root, &mut waiting);
    let mut definitions = BTreeMap::new();
    // One that is being undone is in no point any more.
    for (activation, thread) in waiting.into_iter().filter(|(a, _)| a.closing.is_none()) {
        let by = activation.definition;
        if let btree_map::Entry::Vacant(unknown) = definitions.entry(by) {
            unknown.insert(instance::definition(shared, id, by).await?);
        }
        let definition = definitions.get(&by).and_then(Option::as_ref);
        status.points.push(PointStatus {
            workflow: activation.workflow.to_string(),
            point: thread.point.to_string(),
            file: definition.map(|d| d.file.clone()),
            line: definition.and_then(|d| d.point(&thread.point)).map(|p| p.line),
        });
    }
    if let Some(first) = status.points.first().cloned() {
        (status.point, status.file, status.line) = (Some(first.point), first.file, first.line);
    }
    status::locals(root, &mut status.locals);
    Ok(())
}
