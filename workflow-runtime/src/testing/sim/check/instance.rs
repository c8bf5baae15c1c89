//! One instance as its durable commits make it.

use super::{Effects, invariant, run::Run};
use crate::{
    activity::AttemptRequest,
    engine::inspect::{self, Inspected},
    journal::{
        history::{Entry, Event, Outcome},
        id::{Namespace, RunId, WorkflowId},
        key::{InstanceKeys, Key, Kind},
        payload::Payload,
    },
    registry::Registry,
    store::{Commit, Revision, Write},
};
use std::collections::BTreeMap;

/// What is wrong: the invariant, and how.
pub(super) type Wrong = (&'static str, String);

/// What is known of an instance.
pub(in crate::testing::sim) struct Instance {
    id: Option<WorkflowId>,
    revision: Revision,
    /// Every record but the frame.
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    index: BTreeMap<Vec<u8>, Vec<u8>>,
    state: Option<Inspected>,
    run: Run,
    /// The process whose caller knows that the run has ended.
    pub(super) told_closed: Option<u64>,
}

impl Instance {
    pub(super) fn new(id: &str) -> Self {
        Instance {
            id: WorkflowId::new(id).ok(),
            revision: Revision::NONE,
            records: BTreeMap::new(),
            index: BTreeMap::new(),
            state: None,
            run: Run::default(),
            told_closed: None,
        }
    }

    pub(in crate::testing::sim) fn state(&self) -> Option<&Inspected> {
        self.state.as_ref()
    }

    pub(in crate::testing::sim) fn is_closed(&self) -> bool {
        self.state.as_ref().is_some_and(|s| s.closed)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.run.entries
    }

    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.run.outcome.as_ref()
    }

    /// Takes over a commit that is durable.
    ///
    /// # Errors
    ///
    /// What it breaks.
    pub(super) fn commit(
        &mut self,
        commit: &Commit,
        key: &Key,
        effects: &Effects,
        registry: &Registry,
    ) -> Result<(), Wrong> {
        let Commit { based_on, revision, .. } = *commit;
        if based_on != self.revision || revision <= based_on {
            let message = format!("revision {revision} is based on {based_on}, the durable one is {}", self.revision);
            return Err((invariant::WRITER, message));
        }
        self.revision = revision;
        let mut entries = vec![];
        let mut frame = None;
        for write in &commit.writes {
            self.write(write, key, &mut entries, &mut frame)?;
        }
        let (Some(id), Some(frame)) = (self.id.clone(), frame) else {
            return Err((invariant::ALONE, "a commit has no frame".into()));
        };
        let Some(frame) = frame else { return self.remove() };
        let state = inspect::checkpoint(&Namespace::default(), &id, &frame).map_err(|e| (invariant::FRAME, e))?;
        for (run, entry) in entries {
            if self.run.id != Some(run) {
                self.run = self.run.followed_by(run, !state.inbox.is_empty());
            }
            self.run.add(entry, revision, run, effects)?;
        }
        self.check_index(&state)?;
        if !state.removing {
            self.run.compare(&state)?;
            self.check_records(&id, &state)?;
            self.check_frame(&id, &state, registry)?;
        }
        self.state = Some(state);
        Ok(())
    }

    /// The last record of an instance is gone: there must be no other one.
    fn remove(&mut self) -> Result<(), Wrong> {
        self.revision = Revision::NONE;
        self.state = None;
        match self.records.keys().chain(self.index.keys()).next() {
            None => Ok(()),
            Some(key) => {
                let key = crate::journal::key::describe(key);
                Err((invariant::LOST, format!("the instance is removed and {key} is left")))
            }
        }
    }

    fn write(
        &mut self,
        write: &Write,
        own: &Key,
        entries: &mut Vec<(RunId, Entry)>,
        frame: &mut Option<Option<Vec<u8>>>,
    ) -> Result<(), Wrong> {
        let alone = |message: String| (invariant::ALONE, message);
        let key = Key::parse(write.key()).map_err(|e| alone(e.to_string()))?;
        if key.kind != Kind::Definition && (key.id != own.id || key.namespace != own.namespace) {
            return Err(alone(format!("the commit also writes [{key}]")));
        }
        let value = match write {
            Write::Put { value, .. } | Write::Append { value, .. } => Some(value),
            Write::Delete { .. } => None,
        };
        match (key.kind, value) {
            (Kind::Frame, value) => *frame = Some(value.cloned()),
            (Kind::Definition, _) => {}
            (Kind::Timer | Kind::Ready | Kind::Listing | Kind::Tag, Some(value)) => {
                self.index.insert(write.key().to_vec(), value.clone());
            }
            (Kind::Timer | Kind::Ready | Kind::Listing | Kind::Tag, None) => {
                self.index.remove(write.key());
            }
            (kind, Some(value)) => {
                if kind == Kind::History {
                    let entry = Entry::from_bytes(value)
                        .map_err(|e| (invariant::LOST, format!("an entry of the history does not decode: {e}")))?;
                    entries.extend(key.run.map(|run| (run, entry)));
                }
                let new = self.records.insert(write.key().to_vec(), value.clone()).is_none();
                if !new && matches!(write, Write::Append { .. }) {
                    return Err((invariant::LOST, format!("[{key}] is appended and was there before")));
                }
            }
            (_, None) => {
                self.records.remove(write.key());
            }
        }
        Ok(())
    }

    fn check_index(&self, state: &Inspected) -> Result<(), Wrong> {
        let told = |keys: Vec<&Vec<u8>>| {
            keys.into_iter().map(|k| crate::journal::key::describe(k)).collect::<Vec<_>>().join(", ")
        };
        let missing: Vec<_> =
            state.index.iter().filter(|(k, v)| self.index.get(*k) != Some(v)).map(|(k, _)| k).collect();
        let stale: Vec<_> = self.index.keys().filter(|k| !state.index.contains_key(*k)).collect();
        if missing.is_empty() && stale.is_empty() {
            return Ok(());
        }
        Err((invariant::INDEX, format!("missing: {}; left over: {}", told(missing), told(stale))))
    }

    /// Buffered signals are there, with what was sent; of a run that has ended nothing is left that nobody needs.
    fn check_records(&self, id: &WorkflowId, state: &Inspected) -> Result<(), Wrong> {
        let keys = InstanceKeys::new(&Namespace::default(), id);
        let mut signals = 0;
        for (name, (first, next)) in &state.inbox {
            for seq in *first..*next {
                let record = self.records.get(&keys.signal(name, seq));
                let payload = record.map(|r| inspect::signal(r)).transpose().map_err(|e| (invariant::LOST, e))?;
                if self.run.payload(name, seq).is_some_and(|sent| payload.as_ref() != Some(sent)) || record.is_none() {
                    return Err((
                        invariant::LOST,
                        format!("signal {name} #{seq} is in the inbox without what was sent"),
                    ));
                }
                signals += 1;
            }
        }
        let of = |kind: Kind| self.records.keys().filter(move |k| Key::parse(k).is_ok_and(|k| k.kind == kind)).count();
        if of(Kind::Signal) != signals {
            return Err((
                invariant::LOST,
                format!("{} signals are stored, {signals} are in the inbox", of(Kind::Signal)),
            ));
        }
        if of(Kind::Slot) != state.large.len() {
            let message =
                format!("{} large locals are stored, the frame refers to {}", of(Kind::Slot), state.large.len());
            return Err((invariant::FRAME, message));
        }
        Ok(())
    }

    /// The stored frame makes a machine, and that machine would store the same frame.
    fn check_frame(&self, id: &WorkflowId, state: &Inspected, registry: &Registry) -> Result<(), Wrong> {
        let wrong = |message: String| (invariant::FRAME, message);
        let Some(hash) = self.run.last_frame.filter(|_| !state.closed && state.frame.is_some()) else { return Ok(()) };
        let keys = InstanceKeys::new(&Namespace::default(), id);
        let mut large = BTreeMap::new();
        for name in &state.large {
            let record =
                self.records.get(&keys.slot(state.run, name)).ok_or_else(|| wrong(format!("{name} is missing")))?;
            let payload: Payload = crate::journal::encoding::decode(record).map_err(|e| wrong(e.to_string()))?;
            large.insert(name.clone(), payload);
        }
        let start = self.records.get(&keys.start(state.run)).ok_or_else(|| wrong("there is no start record".into()))?;
        let restored = inspect::restore(registry, id, state, start, large).map_err(wrong)?;
        if restored != hash {
            return Err(wrong(format!("the frame has the hash {hash:x}, restored from the store {restored:x}")));
        }
        Ok(())
    }

    /// Whether a durable commit has decided about an attempt, and no other one against it.
    pub(super) fn may_start(&self, request: &AttemptRequest, owner: bool) -> Result<(), String> {
        let state = self.state.as_ref().ok_or("nothing of this instance is durable")?;
        let same = |name: &str, args: &Payload| *name == request.name && *args == request.args;
        let scheduled = |e: &Event| matches!(e, Event::Scheduled { op, activity, args } if *op == request.op.0 && same(activity, args));
        if !self.run.entries.iter().flat_map(|e| &e.events).any(scheduled) {
            return Err("no durable commit has scheduled it".into());
        }
        if !owner {
            return Ok(());
        }
        if state.run.0 != request.run_id || state.closed {
            return Err("the run has ended".into());
        }
        let waiting = state.pending.get(&request.op).ok_or("the operation is over")?;
        let call = waiting.call.as_ref().ok_or("the operation is no activity")?;
        if waiting.done {
            return Err("the operation has a result".into());
        }
        if !same(&call.name, &call.args) || request.attempt < call.attempt {
            return Err(format!(
                "the checkpoint asks for attempt {} of {}{}",
                call.attempt,
                call.name,
                call.args.to_json()
            ));
        }
        Ok(())
    }
}
