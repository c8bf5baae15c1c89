//! What people see of a run that is being undone.

use super::checkpoint::{Operation, Pending};
use crate::machine::{Activation, Closed, Compensation, Frame, OpId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A workflow, or an inline helper, that has ended in an error and is being undone before it closes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Compensating {
    /// Which one.
    pub workflow: String,
    /// The error that it ended in; none if it is a branch that lost a race.
    pub error: Option<serde_json::Value>,
    /// Its compensations run all at once.
    pub parallel: bool,
    /// The compensations that run now.
    pub running: Vec<Undoing>,
    /// Those that follow, in their order.
    pub left: Vec<Undo>,
}

/// A compensation that runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Undoing {
    /// Number of its operation: with it, [`skip_compensation_of`](crate::Run::skip_compensation_of) leaves it undone.
    pub op: OpId,
    /// Name of the activity.
    pub activity: String,
    /// Its arguments.
    pub args: serde_json::Value,
    /// Number of the attempt that runs, or runs next.
    pub attempt: u32,
    /// Since when the run waits for it.
    pub since: Timestamp,
    /// When the next attempt starts, if it waits for that.
    pub next: Option<Timestamp>,
    /// Why the attempt before failed.
    pub last_error: Option<String>,
}

/// A compensation that has not begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Undo {
    /// Name of the activity.
    pub activity: String,
    /// Its arguments.
    pub args: serde_json::Value,
}

/// All activations of a frame that are being undone, the outermost first.
pub(super) fn compensating(frame: &Frame, pending: &BTreeMap<OpId, Pending>) -> Vec<Compensating> {
    let mut into = vec![];
    for activation in std::iter::once(&frame.root).chain(&frame.detached) {
        collect(activation, pending, &mut into);
    }
    into
}

fn collect(activation: &Activation, pending: &BTreeMap<OpId, Pending>, into: &mut Vec<Compensating>) {
    if let Some(closed) = &activation.closing {
        let left = activation.saga.iter().rev().filter(|c| c.op.is_none());
        into.push(Compensating {
            workflow: activation.workflow.to_string(),
            error: match closed {
                Closed::Failed { error, .. } | Closed::Cancelled { error, .. } => Some(error.to_json()),
                _ => None,
            },
            parallel: activation.parallel,
            running: activation.saga.iter().rev().filter_map(|c| undoing(c, pending)).collect(),
            left: left.map(|c| Undo { activity: c.activity.to_string(), args: c.args.to_json() }).collect(),
        });
    }
    for helper in activation.all_threads().into_iter().filter_map(|t| t.helper.as_deref()) {
        collect(helper, pending, into);
    }
}

fn undoing(c: &Compensation, pending: &BTreeMap<OpId, Pending>) -> Option<Undoing> {
    let op = c.op?;
    let p = pending.get(&op)?;
    let Operation::Activity(call) = &p.what else { return None };
    Some(Undoing {
        op,
        activity: c.activity.to_string(),
        args: c.args.to_json(),
        attempt: call.attempt,
        since: p.since,
        next: call.next_at,
        last_error: call.last.as_ref().map(ToString::to_string),
    })
}
