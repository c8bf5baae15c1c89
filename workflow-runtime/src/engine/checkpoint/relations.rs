//! How an instance is tied to others.

use crate::{
    journal::id::RunId,
    machine::{OnCancel, OpId, ParentClose},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who an instance belongs to, what belongs to it, and what it has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::engine) struct Relations {
    /// The run with which the chain of runs began; absent: the present one.
    pub(in crate::engine) first: Option<RunId>,
    /// The run that was continued as the present one.
    pub(in crate::engine) previous: Option<RunId>,
    pub(in crate::engine) parent: Option<Parent>,
    /// Children that have not ended, by id.
    pub(in crate::engine) children: BTreeMap<String, ChildLink>,
    /// Who is told how this instance ends.
    pub(in crate::engine) watchers: Vec<Watcher>,
    pub(in crate::engine) outbox: Outbox,
}

impl Relations {
    pub(in crate::engine) fn is_empty(&self) -> bool {
        *self == Relations::default()
    }
}

/// The instance that started this one as its child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Parent {
    pub(in crate::engine) id: String,
    /// Its first run.
    pub(in crate::engine) first: RunId,
}

/// A child as its parent knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct ChildLink {
    pub(in crate::engine) workflow: String,
    pub(in crate::engine) close: ParentClose,
    /// Its first run, once it is known to have started.
    pub(in crate::engine) first: Option<RunId>,
}

/// An operation of another instance that waits for the end of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Watcher {
    pub(in crate::engine) id: String,
    pub(in crate::engine) run: RunId,
    pub(in crate::engine) op: OpId,
}

/// Messages that are not known to have been taken. Their records stand under their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::engine) struct Outbox {
    /// The number of the next message. Never goes back, also over runs.
    pub(in crate::engine) next: u64,
    pub(in crate::engine) open: BTreeMap<u64, Addressed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Addressed {
    pub(in crate::engine) to: String,
    /// The run that sent it.
    pub(in crate::engine) run: RunId,
    /// The operation that waits for the answer.
    pub(in crate::engine) op: Option<OpId>,
}

/// An operation that waits for another instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Remote {
    pub(in crate::engine) id: String,
    pub(in crate::engine) workflow: String,
    pub(in crate::engine) wait: Wait,
}

/// For what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum Wait {
    /// That a child starts.
    Start,
    /// That a child starts and ends.
    Child { on_cancel: OnCancel, first: Option<RunId> },
    /// That an instance ends.
    Result { on_cancel: OnCancel, first: RunId },
    /// That it takes a signal.
    Signal { name: String },
    /// That it takes a request to stop.
    Cancel,
    /// That it is terminated.
    Terminate,
}

impl Remote {
    /// A request to stop was passed on, and the operation goes on until the other instance has ended.
    pub(in crate::engine) fn outlives_cancel(&self, children: &BTreeMap<String, ChildLink>) -> bool {
        match self.wait {
            Wait::Child { on_cancel, .. } => on_cancel != OnCancel::Abandon,
            Wait::Result { on_cancel, first } => {
                on_cancel != OnCancel::Abandon && children.get(&self.id).is_some_and(|c| c.first == Some(first))
            }
            _ => false,
        }
    }
}
