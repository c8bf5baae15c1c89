//! The checkpoint: what a machine is when nothing runs.

use crate::journal::{Name, payload::Payload};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use workflow_definition::Fingerprint;

/// Number of an operation within one run. Stable over every attempt and crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u64);

impl std::fmt::Display for OpId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// The serialized machine: recovery reads this and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The workflow's own activation; inline helpers nest inside it.
    pub root: Activation,
    /// What is left of helpers that lost a race: their compensations, which run before the workflow closes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detached: Vec<Activation>,
    /// The input of the run that follows, once the function has asked for that and only waits for what is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuing: Option<Payload>,
    /// The id that the next operation gets.
    pub next_op: u64,
    /// How many values were drawn from the run's random stream.
    pub draws: u64,
    /// The time of the last step; `now()` never goes behind it.
    #[serde(with = "crate::journal::time")]
    pub now: Timestamp,
    /// The reason given with the first cancellation request, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<String>,
}

/// One call of one workflow function: the root, or an inline helper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// Registered name of the workflow.
    pub workflow: Name,
    /// The definition that wrote this activation.
    pub definition: Fingerprint,
    /// The program counter of the function, alone. Those of the branches of `join!` and `select!` stand inside of it.
    pub threads: Vec<Thread>,
    /// Saved locals by slot key; only what is live.
    pub slots: BTreeMap<Name, Payload>,
    /// `patched!` ids that an upgrade has decided; ids that are absent are true.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patches: BTreeMap<String, bool>,
    /// Registered compensations, in order of registration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saga: Vec<Compensation>,
    /// Set when the function has ended and its compensations run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closed>,
    /// Its compensations run all at once, not one after the other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub parallel: bool,
}

/// One program counter of an activation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// Label of the point in which the thread waits; [`START`](workflow_definition::START) before the first step.
    pub point: Name,
    /// The operation it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<OpId>,
    /// The inline helper it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper: Option<Box<Activation>>,
    /// A request to cancel the run does not reach what it waits for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shielded: bool,
    /// The branches that it waits for, in order; `None` where one is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<Option<Thread>>,
}

impl Thread {
    /// Visits this thread and the threads of its branches, each before those inside of it.
    pub fn walk<'t>(&'t self, f: &mut dyn FnMut(&'t Thread)) {
        f(self);
        self.branches.iter().flatten().for_each(|t| t.walk(f));
    }
}

impl Activation {
    /// All threads of this activation, without those of its helpers.
    pub fn all_threads(&self) -> Vec<&Thread> {
        let mut all = vec![];
        self.threads.iter().for_each(|t| t.walk(&mut |t| all.push(t)));
        all
    }
}

/// An activity call that runs if the workflow fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// Registered name of the activity.
    pub activity: Name,
    /// Its arguments.
    pub args: Payload,
    /// The options of the call.
    pub options: crate::activity::ActivityOptions,
    /// The operation as which it runs, once it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<OpId>,
}

fn is_false(b: &bool) -> bool {
    !b
}

/// How a run, or an inline helper, has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Closed {
    /// Returned a value: `T`, or the `T` of `Ok(T)` or `Some(T)`.
    Completed(Payload),
    /// Returned an error.
    Failed {
        /// The `E` of `Err(E)`; for `None`, unit.
        error: Payload,
        /// Its JSON, for people.
        message: String,
    },
    /// Returned an error after a cancellation request.
    Cancelled {
        /// The reason that came with the request.
        reason: String,
        /// The error that the function returned.
        error: Payload,
    },
}
