//! The invariants, checked at the two borders that everything crosses: the store, and the executor of attempts.
//!
//! | | what must hold | checked |
//! | --- | --- | --- |
//! | I1 | nothing happens before the commit that decided it is durable | when an attempt starts, when a call is answered |
//! | I2 | the frame alone recovers | after commits with a step: the stored frame makes a machine that stores the same frame |
//! | I3 | one writer, whose fences and revisions rise | at every commit |
//! | I4 | operations keep their ids and keys | when an attempt starts, at every entry of a history |
//! | I5 | nothing is lost and nothing is doubled | at every commit; at the end everything has finished |
//! | I6 | one commit, one instance | at every commit |

mod effects;
mod instance;
mod mail;
mod run;

pub(super) use effects::Effects;
pub(super) use instance::Instance;

use super::world::Violation;
use crate::{
    activity::{AttemptReport, AttemptRequest},
    journal::{
        history::{Entry, Event, Outcome},
        key::{Key, Kind},
        payload::Payload,
    },
    registry::Registry,
    store::{Commit, CommitError, Fence},
};
use std::{collections::BTreeMap, sync::Arc};

/// The names under which a violation is reported.
pub(super) mod invariant {
    pub(in crate::testing::sim) const EFFECT: &str = "I1, commit before effect";
    pub(in crate::testing::sim) const FRAME: &str = "I2, the frame alone recovers";
    pub(in crate::testing::sim) const WRITER: &str = "I3, one writer";
    pub(in crate::testing::sim) const STABLE: &str = "I4, stable operation ids and keys";
    pub(in crate::testing::sim) const LOST: &str = "I5, nothing is lost or doubled";
    pub(in crate::testing::sim) const ALONE: &str = "I6, one commit one instance";
    pub(in crate::testing::sim) const INDEX: &str = "the index says what the checkpoint implies";
    pub(in crate::testing::sim) const LIVE: &str = "everything that can finish finishes";
    pub(in crate::testing::sim) const PANIC: &str = "no panic";
    pub(in crate::testing::sim) const RESULT: &str = "the results are right";
    pub(in crate::testing::sim) const SETUP: &str = "the simulation can be set up";
}

/// What was seen so far, and the first thing that was wrong.
pub(super) struct Checker {
    registry: Arc<Registry>,
    instances: BTreeMap<String, Instance>,
    effects: Effects,
    mail: mail::Mail,
    /// The token that each process holds; of all shards alike.
    tokens: BTreeMap<u64, u64>,
    newest: u64,
    violation: Option<Violation>,
}

impl Checker {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Checker {
            registry,
            instances: BTreeMap::new(),
            effects: Effects::default(),
            mail: mail::Mail::default(),
            tokens: BTreeMap::new(),
            newest: 0,
            violation: None,
        }
    }

    /// The first violation counts: others may follow from it.
    pub(super) fn fail(&mut self, invariant: &'static str, instance: &str, message: String) {
        self.violation.get_or_insert_with(|| Violation { invariant, instance: instance.to_owned(), message });
    }

    pub(super) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub(super) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    pub(super) fn instances(&self) -> impl Iterator<Item = (&String, &Instance)> {
        self.instances.iter()
    }

    pub(super) fn effects(&self) -> &Effects {
        &self.effects
    }

    /// A process has taken all shards.
    pub(super) fn acquired(&mut self, process: u64, fences: &[Fence]) {
        for fence in fences {
            if fence.token <= self.newest {
                let message = format!("{} has the fence {}, after {}", fence.shard, fence.token, self.newest);
                self.fail(invariant::WRITER, "", message);
            }
        }
        self.newest = fences.iter().map(|f| f.token).max().unwrap_or_default().max(self.newest);
        self.tokens.insert(process, self.newest);
    }

    /// A commit of a process is durable.
    pub(super) fn durable(&mut self, process: u64, commit: &Commit) {
        let key = match Key::parse(&commit.instance) {
            Ok(key) if key.kind == Kind::Frame => key,
            _ => return self.fail(invariant::ALONE, "", "a commit is guarded by something else than a frame".into()),
        };
        let id = key.id.clone().unwrap_or_default();
        if commit.fence.token != self.newest {
            let message = format!(
                "a commit of process {process} with fence {} is durable, the newest is {}",
                commit.fence.token, self.newest
            );
            self.fail(invariant::WRITER, &id, message);
        }
        self.effects.writer = process;
        let instance = self.instances.entry(id.clone()).or_insert_with(|| Instance::new(&id));
        let checked = instance.commit(commit, &key, &self.effects, &self.registry);
        let checked = checked.and_then(|()| self.mail.commit(&id, &self.instances));
        if let Err((invariant, message)) = checked {
            self.fail(invariant, &id, message);
        }
    }

    /// The store has refused a commit.
    pub(super) fn refused(&mut self, process: u64, commit: &Commit, error: &CommitError) {
        let stale = commit.fence.token < self.newest;
        if !stale {
            let id = Key::parse(&commit.instance).ok().and_then(|k| k.id).unwrap_or_default();
            let message = format!("the store refuses a commit of the only writer, process {process}: {error}");
            self.fail(invariant::WRITER, &id, message);
        }
    }

    /// Whether a process owns the shards.
    fn owns(&self, process: u64) -> bool {
        self.tokens.get(&process) == Some(&self.newest)
    }

    /// A process asks for an attempt.
    pub(super) fn starts(&mut self, process: u64, request: &AttemptRequest) {
        let id = request.workflow_id.clone();
        let decided = match self.instances.get(&*id) {
            None => Err("nothing of this instance is durable".to_owned()),
            // Whoever has lost its shards goes by what was durable when it had them.
            Some(instance) => instance.may_start(request, self.owns(process)),
        };
        if let Err(message) = decided {
            let message = format!("attempt {} of {} starts: {message}", request.attempt, request.name);
            return self.fail(invariant::EFFECT, &id, message);
        }
        if let Err(message) = self.effects.starts(process, request) {
            self.fail(invariant::STABLE, &id, message);
        }
    }

    /// The body of an attempt begins.
    pub(super) fn begins(&mut self, process: u64, request: &AttemptRequest) {
        self.effects.begins(request);
        let owns = self.owns(process);
        let id = &request.workflow_id;
        if owns && self.instances.get(&**id).is_some_and(|i| i.told_closed == Some(process)) {
            let message = format!("attempt {} of {} begins after the run has ended", request.attempt, request.name);
            self.fail(invariant::EFFECT, &id.clone(), message);
        }
    }

    /// An attempt is reported to the engine.
    pub(super) fn reported(&mut self, request: &AttemptRequest, report: &AttemptReport) {
        self.effects.reported(request, report);
    }

    /// Somebody was told that a run has ended.
    pub(super) fn told_closed(&mut self, id: &str, process: u64) {
        match self.instances.get_mut(id).filter(|i| i.is_closed()) {
            Some(instance) => instance.told_closed = Some(process),
            None => self.fail(invariant::EFFECT, id, "a caller was told that the run has ended, and it has not".into()),
        }
    }

    /// How often a signal with this payload is in the history.
    pub(super) fn received(&self, id: &str, name: &str, payload: &Payload) -> u64 {
        let Some(instance) = self.instances.get(id) else { return 0 };
        let received =
            instance.entries().iter().flat_map(|e| &e.events).filter(
                |e| matches!(e, Event::SignalReceived { name: n, payload: p, .. } if n == name && p == payload),
            );
        received.count() as u64
    }

    pub(super) fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.instances.get(id)?.outcome()
    }

    pub(super) fn history(&self, id: &str) -> &[Entry] {
        self.instances.get(id).map_or(&[], Instance::entries)
    }
}
