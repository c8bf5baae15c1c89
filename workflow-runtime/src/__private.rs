//! What generated code names. Not part of the public contract: macro and runtime are released together.

pub use crate::names;
#[cfg(feature = "testing")]
pub use crate::testing::case::{Crashes, Options as TestOptions, Test, run as run_test};
pub use crate::{
    activity::{
        Activity, ActivityContext, ActivityDef, ActivityOptions, ActivityRegistration, Lend, Limits, OnCancel, Rate,
        Retry, SendBoxFuture, State, States,
        bounds::{Encode, Halves, Lending, Unencodable},
    },
    journal::{encoding::EncodeError, payload::Payload},
    machine::{
        ActivityCall, AnySlot, Checkpoint, Cx, Described, Durable, Entry, Flow, Go, InlineWorkflow, LocalBoxFuture,
        Never, Outcome, Plain, Slot, SlotExt, StepError, Token, What, Workflow, WorkflowCall, WorkflowDef,
        WorkflowRegistration, accepts, accepts_nothing, branch,
        checked::{Awaited, Checked, Checks, Gives, GivesNothing, args, checked, rejected},
        drive,
        held::{Held, HeldCopy, HeldExt, primitive},
        iterate,
        look::{Look, LookExt, listens},
        oracle::{Polled, StandIn, StandInFuture, all, awaited, continued},
        patched,
        probe::{Allowed, NoLock, Probe},
        refused,
    },
};
pub use inventory;
pub use serde;
pub use std::{future::poll_fn, sync::OnceLock, time::Duration};
pub use tracing;
pub use workflow_definition::{Definition, Edge, Parameter, Point};

/// A point as the macro writes it: label, operation, line, live slots, passed patches.
pub type PointSpec<'a> = (&'a str, &'a str, u32, &'a [&'a str], &'a [&'a str]);

/// Builds the definition that the macro wrote. An edge names points by their places, counted from 1; 0 is the start or the end. `decided`
/// says by such a place to which points control comes only where an id has this value.
pub fn describe(
    name: &str,
    file: &str,
    parameters: &[(&str, &str)],
    points: &[PointSpec<'_>],
    edges: &[(usize, usize)],
    patches: &[&str],
    decided: &[(usize, &str, bool)],
) -> Definition {
    let label = |place: usize| Some(points.get(place.checked_sub(1)?)?.0.to_owned());
    let own = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect();
    let decided = |place: usize, is: bool| {
        let of = decided.iter().filter(move |(p, _, i)| *p == place + 1 && *i == is);
        of.map(|(_, id, _)| (*id).to_owned()).collect()
    };
    Definition {
        name: name.into(),
        file: file.into(),
        parameters: parameters.iter().map(|(n, t)| Parameter { name: (*n).into(), ty: (*t).into() }).collect(),
        points: points
            .iter()
            .enumerate()
            .map(|(i, &(label, operation, line, live, passed))| Point {
                label: label.into(),
                operation: operation.into(),
                line,
                live: own(live),
                passed: own(passed),
                patched: decided(i, true),
                unpatched: decided(i, false),
            })
            .collect(),
        edges: edges.iter().map(|&(from, to)| Edge { from: label(from), to: label(to) }).collect(),
        patches: own(patches),
    }
}
