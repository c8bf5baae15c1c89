//! What an instance waits for.

use super::Remote;
use crate::{
    activity::{ActivityOptions, OnCancel},
    engine::group::Group,
    journal::{Name, history::Failure, payload::Payload},
    machine::Completion,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// An operation that has not been handed back to the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Pending {
    #[serde(with = "crate::journal::time")]
    pub(in crate::engine) since: Timestamp,
    /// It was asked to stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) cancel: bool,
    /// Nobody waits for it any more. Only an activity whose attempt runs is kept then, and only until that ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) detached: bool,
    /// It has ended, and the machine could not take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) done: Option<Box<Done>>,
    pub(in crate::engine) what: Operation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Done {
    #[serde(with = "crate::journal::time")]
    pub(in crate::engine) at: Timestamp,
    pub(in crate::engine) completion: Completion,
}

/// Small, and cheap to clone: drafts are copies. A call is shared between them until one changes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) enum Operation {
    Activity(#[serde(with = "shared")] Arc<Call>),
    Timer { at: Timestamp },
    Signal { name: String, deadline: Option<Timestamp> },
    Remote(Box<Remote>),
    Group(Box<Group>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Call {
    pub(in crate::engine) name: Name,
    pub(in crate::engine) args: Payload,
    pub(in crate::engine) options: ActivityOptions,
    /// The attempt that runs, or runs next.
    pub(in crate::engine) attempt: u32,
    /// When it starts, if it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) next_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) last: Option<Failure>,
    /// So many attempts before it ran when their processes died, one after the other.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub(in crate::engine) lost: u32,
    /// So many attempts before it do not count: they ended with their processes, or were never begun.
    #[serde(default, skip_serializing_if = "crate::journal::is_default")]
    pub(in crate::engine) excused: u32,
    /// No attempt can run until the instance is retried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) stuck: bool,
    /// The last progress that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) progress: Option<Payload>,
    /// No attempt runs: the result comes from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) deferred: Option<Deferred>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Deferred {
    pub(in crate::engine) since: Timestamp,
    /// The last sign of life from outside that was kept.
    pub(in crate::engine) beat: Timestamp,
    /// It was asked to stop, and counts as stopped then.
    pub(in crate::engine) stop_at: Option<Timestamp>,
}

/// serde's own way with `Arc` is a feature that crates turn on for all others.
mod shared {
    use super::{Arc, Call, Deserialize, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(call: &Call, serializer: S) -> Result<S::Ok, S::Error> {
        call.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<Call>, D::Error> {
        Call::deserialize(deserializer).map(Arc::new)
    }
}

/// How long what is outside has to answer a request to stop, as an attempt that runs.
const GRACE: Duration = Duration::from_secs(10);

fn after(at: Timestamp, d: Duration) -> Timestamp {
    at.checked_add(d).unwrap_or(Timestamp::MAX)
}

impl Call {
    pub(in crate::engine) fn new(name: Name, args: Payload, options: ActivityOptions) -> Self {
        let (next_at, last, progress, deferred) = (None, None, None, None);
        Call { name, args, options, attempt: 1, next_at, last, lost: 0, excused: 0, stuck: false, progress, deferred }
    }

    /// The number of an attempt among those that count.
    pub(in crate::engine) fn counted(&self, attempt: u32) -> u32 {
        attempt.saturating_sub(self.excused).max(1)
    }

    /// When its time for all attempts is over.
    pub(in crate::engine) fn deadline(&self, since: Timestamp) -> Option<Timestamp> {
        self.options.total_timeout.map(|d| after(since, d))
    }

    /// When what is outside has been silent for too long, as far as is known after a restart.
    pub(in crate::engine) fn silent_at(&self) -> Option<Timestamp> {
        Some(after(self.deferred.as_ref()?.beat, self.options.heartbeat?))
    }

    /// What is outside is asked to stop.
    pub(in crate::engine) fn stop_deferred(&mut self, now: Timestamp) {
        if self.options.on_cancel == OnCancel::Try
            && let Some(deferred) = &mut self.deferred
        {
            deferred.stop_at = Some(after(now, GRACE));
        }
    }
}

impl Call {
    /// False if no attempt can have started, provided that none runs: one that was lost has been counted.
    pub(in crate::engine) fn has_begun(&self) -> bool {
        self.attempt > 1 || self.deferred.is_some()
    }
}

impl Pending {
    /// When it is due, as index entries.
    pub(in crate::engine) fn due(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let waits = !self.cancel;
        let due = match &self.what {
            _ if self.done.is_some() || self.detached => [None; 4],
            Operation::Activity(call) => [
                call.next_at.filter(|_| waits),
                call.deadline(self.since),
                call.silent_at(),
                call.deferred.as_ref().and_then(|d| d.stop_at),
            ],
            Operation::Timer { at } => [Some(*at).filter(|_| waits), None, None, None],
            Operation::Signal { deadline, .. } => [deadline.filter(|_| waits), None, None, None],
            // The members of a group are by themselves.
            Operation::Remote(_) | Operation::Group(_) => [None; 4],
        };
        due.into_iter().flatten()
    }
}

/// Microseconds since 1970, rounded up: nothing is woken before it is due.
pub(in crate::engine) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond() + i64::from(at.subsec_nanosecond() % 1000 > 0)
}
