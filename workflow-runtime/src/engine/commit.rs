//! Draft to store, and what may happen only after it.

use super::{
    actor::Actor,
    checkpoint::{By, Checkpoint, Reason, Status},
    draft::{Draft, Stepped},
    error::Unavailable,
    group::{Delta, Moved},
};
use crate::{
    journal::{
        encoding::{self, EncodeError},
        history::{self, Entry, Event, Taken},
        key::{self, InstanceKeys},
    },
    machine::OpId,
    store::{Commit, CommitError, Revision, StoreError, Write},
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tracing::Instrument;
use workflow_definition::Fingerprint;

/// Why a draft did not become the state of its instance.
pub(super) enum Refusal {
    /// The instance cannot be written in this state; the state before stands.
    Unwritable(Reason),
    /// The store did not take it.
    Unavailable(Unavailable),
}

impl From<Unavailable> for Refusal {
    fn from(e: Unavailable) -> Self {
        Refusal::Unavailable(e)
    }
}

impl From<EncodeError> for Refusal {
    fn from(e: EncodeError) -> Self {
        Refusal::Unwritable(Reason { code: "WB105".into(), message: format!("the checkpoint cannot be saved: {e}") })
    }
}

/// Adds to the history of a run what there is to tell.
fn tell(
    keys: &InstanceKeys,
    checkpoint: &mut Checkpoint,
    events: Vec<Event>,
    (mut inputs, mut stepped): (Vec<Taken>, Option<Stepped>),
    (now, revision): (Timestamp, Revision),
    writes: &mut Vec<Write>,
) -> Result<(), EncodeError> {
    let time = now.max(checkpoint.updated);
    let mut entries = history::split(events).into_iter().peekable();
    while let Some(events) = entries.next() {
        let mut entry = Entry::of(checkpoint.history, revision.0, time, events);
        if entries.peek().is_none() {
            entry.step = stepped.as_ref().map(|_| checkpoint.steps);
            entry.inputs = std::mem::take(&mut inputs);
            if let Some(Stepped { frame, definition, helpers }) = stepped.take() {
                (entry.frame, entry.definition, entry.helpers) = (Some(frame), Some(definition), helpers);
            }
        }
        checkpoint.history += 1;
        writes.push(Write::Append { key: keys.history(checkpoint.run, entry.seq), value: entry.to_bytes()? });
    }
    Ok(())
}

impl Actor {
    /// Commits a draft; then, and only then, its effects happen.
    ///
    /// # Errors
    ///
    /// Nothing has changed, unless the store is poisoned.
    pub(super) async fn commit(&mut self, mut draft: Box<Draft>) -> Result<(), Refusal> {
        let shared = self.worker.shared.clone();
        self.worker.alive()?;
        if draft.finished.is_some() {
            Box::pin(self.tell_inherited(&mut draft)).await?;
        }
        let stepped = draft.stepped.is_some() || draft.finished.as_ref().is_some_and(|f| f.stepped.is_some());
        let defined: Vec<_> = draft.definitions.keys().copied().collect();
        let letters = std::mem::take(&mut draft.letters);
        let (answers, removes) = (std::mem::take(&mut draft.answers), draft.removes);
        let (commit, checkpoint, members) = self.prepare(draft)?;
        let revision = commit.revision;
        #[cfg(feature = "testing")]
        self.start_early(&checkpoint, checkpoint.updated);
        let span = tracing::debug_span!("store.commit", revision = revision.0, writes = commit.writes.len());
        // Of the store itself: the pointer to it is a store too, and boxes the future once more.
        match (*shared.store).commit(commit).instrument(span).await {
            Ok(()) => {}
            Err(CommitError::TooLarge { what, bytes, limit, .. }) => {
                self.instance.machine = None;
                let message = format!(
                    "a {what} of its checkpoint has {bytes} bytes, the store takes {limit}; keep the data elsewhere and hold a reference"
                );
                return Err(Refusal::Unwritable(Reason { code: "WB105".into(), message }));
            }
            Err(e) => {
                self.instance.machine = None;
                return Err(Refusal::Unavailable(self.failed(e)));
            }
        }
        if stepped {
            self.worker.survived(&self.instance.id);
        }
        debug_assert!(revision > self.instance.revision, "a commit goes to a higher revision");
        self.instance.revision = if removes { Revision::NONE } else { revision };
        self.instance.notes.clear();
        self.instance.acked.clear();
        self.instance.taking = None;
        self.instance.letters.extend(letters);
        self.worker.definitions.borrow_mut().extend(defined);
        let chain = checkpoint.first_run();
        let before = std::mem::replace(&mut self.instance.checkpoint, (!removes).then_some(checkpoint));
        self.worker.hand_out(&self.instance.id, chain, answers);
        let moved = members.apply(&self.instance.members);
        self.after(before.as_deref(), &moved);
        Ok(())
    }

    fn failed(&self, error: CommitError) -> Unavailable {
        let fatal = match &error {
            // Nothing was written, and there may be room again.
            CommitError::Store(StoreError::Full { .. }) => None,
            // Nothing was written over the checkpoint of this instance, and others are well.
            CommitError::Store(e @ StoreError::Damaged { .. }) => return self.unreadable(e.clone()),
            CommitError::Store(e) => Some(e.clone()),
            CommitError::Fenced { shard, held, current } => {
                Some(StoreError::Fenced { shard: *shard, held: *held, current: *current })
            }
            _ => None,
        };
        if let (Err(replaced), Some(_)) = (self.worker.alive(), &fatal) {
            // Its fences are another worker's now; the engine is well.
            return replaced;
        }
        if let Some(e) = fatal {
            let health = &self.worker.shared.health;
            health.poison(e);
            return health.unanswered();
        }
        Unavailable::Refused { workflow_id: self.instance.id.to_string(), source: error }
    }

    /// Everything that one commit writes.
    fn prepare(&mut self, draft: Box<Draft>) -> Result<(Commit, Box<Checkpoint>, Delta), EncodeError> {
        let keys = &self.instance.keys;
        let Draft { now, mut checkpoint, events, mut writes, definitions, stepped, inputs, finished, .. } = *draft;
        let Draft { removes, members, over_damage, .. } = *draft;
        writes.extend(definitions.into_values());
        let (based_on, revision) = match over_damage {
            Some(revision) => (Revision::DAMAGED, revision),
            None => (self.instance.revision, self.instance.revision.next()),
        };
        let mut told = self.instance.notes.clone();
        if let Some((sender, seq, received)) = &self.instance.taking {
            writes.push(Write::Put { key: keys.received(*sender), value: encoding::encode(seq)? });
            told.push(received.clone());
        }
        if let Some(mut finished) = finished {
            let mut last = std::mem::take(&mut finished.events);
            let steps = (std::mem::take(&mut finished.inputs), finished.stepped.take());
            if !last.is_empty() {
                last.splice(..0, std::mem::take(&mut told));
            }
            told.clear();
            tell(keys, &mut finished.checkpoint, last, steps, (now, revision), &mut writes)?;
            let ended = finished.ended(now, checkpoint.run);
            writes.push(Write::Put { key: keys.ended(ended.run), value: encoding::encode(&ended)? });
        }
        told = if told.is_empty() { events } else { [told, events].concat() };
        tell(keys, &mut checkpoint, told, (inputs, stepped), (now, revision), &mut writes)?;
        members.writes(keys, &mut checkpoint, &mut writes)?;
        checkpoint.updated = checkpoint.updated.max(now);
        let before = self.instance.checkpoint.as_ref();
        // As it is in most steps.
        let as_before = !removes && before.is_some_and(|c| c.is_indexed_as(&checkpoint));
        if !as_before {
            let old = before.map(|c| c.index(keys)).unwrap_or_default();
            let new = if removes { BTreeMap::new() } else { checkpoint.index(keys) };
            let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
            writes.extend(changed.map(|(key, value)| Write::Put { key: key.clone(), value: value.clone() }));
            writes.extend(old.into_keys().filter(|key| !new.contains_key(key)).map(|key| Write::Delete { key }));
        }
        writes.push(match removes {
            true => Write::Delete { key: keys.frame() },
            false => Write::Put { key: keys.frame(), value: encoding::encode(&checkpoint)? },
        });
        let shard = usize::from(keys.shard().0);
        let fence = self.worker.fences.borrow()[shard];
        Ok((Commit { fence, instance: keys.frame(), based_on, revision, writes }, checkpoint, members))
    }

    /// The definitions of who took a step, as far as this worker has not written them yet.
    pub(super) fn definitions(&self, by: &By) -> BTreeMap<Fingerprint, Write> {
        let known = self.worker.definitions.borrow();
        by.all().filter(|f| !known.contains(f)).filter_map(|f| Some((f, self.definition(f)?))).collect()
    }

    fn definition(&self, fingerprint: Fingerprint) -> Option<Write> {
        let def = self.worker.shared.registry.workflows().find(|d| d.fingerprint() == fingerprint)?;
        let value = encoding::encode(def.definition()).ok()?;
        Some(Write::Put { key: key::definition(&fingerprint.to_string()), value })
    }

    /// What the commit that has just become durable decided. `before` is the state that it replaced.
    fn after(&mut self, before: Option<&Checkpoint>, moved: &Moved) {
        let id = &self.instance.id;
        let now = self.instance.checkpoint.as_deref();
        let as_before = matches!((before, now), (Some(before), Some(now)) if before.is_due_as(now));
        if !as_before || !moved.disarmed.is_empty() || !moved.armed.is_empty() {
            let due = |c: Option<&Checkpoint>| c.map(Checkpoint::due).unwrap_or_default();
            let (old, new) = (due(before), due(now));
            self.worker.arm(id, old.difference(&new).chain(&moved.disarmed), new.difference(&old).chain(&moved.armed));
        }
        let Some(now) = now else { return };
        debug_assert!(self.instance.revision > Revision::NONE, "I1: effects follow a commit");
        let outbox = &now.relations.outbox;
        self.instance.letters.retain(|seq, _| outbox.open.contains_key(seq));
        if let Some(before) = before.filter(|b| b.run != now.run) {
            self.worker.forget_attempts(id);
            if before.first_run() != now.first_run() {
                // Those who wait for the end of the run before find it by its run id.
                self.worker.leave_unanswered(id, Some(now.first_run()), Status::Terminated.as_str());
            }
            self.worker.tell_watchers(id, None);
        }
        let pending = before.filter(|b| b.run == now.run).map(|b| &b.pending).into_iter().flatten();
        let wanted = |op: OpId| now.pending.get(&op).filter(|p| !p.detached).map(|p| p.cancel);
        let own = pending.map(|(op, _)| (*op, wanted(*op)));
        self.worker.stop_attempts(id, own.chain(moved.stopped.iter().copied()));
        self.worker.forget_outside(id, &|op| self.instance.pending(op));
        if now.is_closed() && before.is_none_or(|b| !b.is_closed()) {
            tracing::info!(workflow.status = now.status().as_str(), "the run has ended");
            self.worker.leave_unanswered(id, None, now.status().as_str());
            self.worker.tell_watchers(id, Some(now));
        }
    }
}
