//! One instance as its durable commits make it.

use super::{
    Effects, invariant,
    run::{Open, Run},
};
use crate::{
    activity::AttemptRequest,
    engine::inspect::{self, Inspected, Waiting},
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
    /// The histories of all its runs, one behind the other, and where that of the present one begins.
    history: (Vec<Entry>, usize),
    /// How many entries were there before the last commit.
    before: usize,
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
            history: (vec![], 0),
            before: 0,
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
        &self.history.0
    }

    /// What the last commit has added to the history.
    pub(super) fn news(&self) -> impl Iterator<Item = &Event> {
        self.history.0[self.before..].iter().flat_map(|e| &e.events)
    }

    /// The numbers of the messages that are stored.
    pub(super) fn outbox(&self) -> impl Iterator<Item = u64> {
        self.of(Kind::Outbox).filter_map(|(key, _)| key.number)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = (Key, &Vec<u8>)> {
        let parsed = self.records.iter().filter_map(|(k, v)| Some((Key::parse(k).ok()?, v)));
        parsed.filter(move |(k, _)| k.kind == kind)
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
        self.before = self.history.0.len();
        for (run, entry) in entries {
            if self.run.id != Some(run) {
                self.run = self.run.followed_by(run, !state.inbox.is_empty());
                self.history.1 = self.history.0.len();
            }
            self.run.add(&entry, revision, run, effects)?;
            self.history.0.push(entry);
        }
        let members = self.members(&state)?;
        self.check_index(&id, &state, &members)?;
        if !state.removing {
            self.run.compare(&state, &members)?;
            self.check_records(&id, &state)?;
            self.check_groups(&state, &members)?;
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

    fn check_index(&self, id: &WorkflowId, state: &Inspected, members: &Open) -> Result<(), Wrong> {
        let keys = InstanceKeys::new(&Namespace::default(), id);
        let mut index = state.index.clone();
        for (op, member) in members.iter().filter(|_| !state.removing) {
            index.extend(member.iter().flat_map(|m| &m.due).map(|due| (keys.timer(*due, *op), vec![])));
        }
        let told = |keys: Vec<&Vec<u8>>| {
            keys.into_iter().map(|k| crate::journal::key::describe(k)).collect::<Vec<_>>().join(", ")
        };
        let missing: Vec<_> = index.iter().filter(|(k, v)| self.index.get(*k) != Some(v)).map(|(k, _)| k).collect();
        let stale: Vec<_> = self.index.keys().filter(|k| !index.contains_key(*k)).collect();
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
        let of = |kind: Kind| self.of(kind).count();
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

    /// The members of groups that have not ended.
    fn members(&self, state: &Inspected) -> Result<Open, Wrong> {
        let mut members = Open::new();
        for (key, value) in self.of(Kind::Member) {
            let member = inspect::member(value).map_err(|e| (invariant::LOST, e))?;
            match key.number.filter(|_| key.run == Some(state.run)) {
                Some(op) => drop(members.insert(op, member)),
                None => return Err((invariant::LOST, format!("[{key}] is left of another run"))),
            }
        }
        Ok(members)
    }

    /// Each member of a group that has not ended is stored, and nothing is left of one that nobody waits for.
    fn check_groups(&self, state: &Inspected, members: &Open) -> Result<(), Wrong> {
        let results: Vec<_> = self.of(Kind::Result).filter_map(|(key, _)| key.number).collect();
        let groups: Vec<_> = state.pending.iter().filter_map(|(op, p)| Some((op, p.done, p.group.as_ref()?))).collect();
        for (op, _, g) in groups.iter().filter(|(_, done, _)| !done) {
            let (open, ended) = (
                members.range(g.numbers.clone()).count() as u64,
                results.iter().filter(|r| g.numbers.contains(r)).count() as u64,
            );
            let (begun, size) = (
                members.range(g.numbers.start..g.numbers.start + g.started).count() as u64,
                g.numbers.end - g.numbers.start,
            );
            if open + g.ended != size || begun + g.ended != g.started || ended > g.ended {
                let message = format!(
                    "group {op} of {size} has {open} open members, {begun} of which have begun, and {ended} results; it counts {} begun and {} ended",
                    g.started, g.ended
                );
                return Err((invariant::LOST, message));
            }
        }
        let waited = |op: &u64| !state.closed && groups.iter().any(|(.., g)| g.numbers.contains(op));
        let detached =
            |m: &Option<Waiting>| !state.closed && m.as_ref().is_some_and(|m| m.detached && m.call.is_some());
        let left = members.iter().find(|(op, m)| !waited(op) && !detached(m)).map(|(op, _)| op);
        match left.or_else(|| results.iter().find(|op| !waited(op))) {
            Some(op) => Err((invariant::LOST, format!("operation {op} is left of a group that nobody waits for"))),
            None => Ok(()),
        }
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
        if !self.history.0[self.history.1..].iter().flat_map(|e| &e.events).any(scheduled) {
            return Err("no durable commit has scheduled it".into());
        }
        if !owner {
            return Ok(());
        }
        if state.run.0 != request.run_id || state.closed {
            return Err("the run has ended".into());
        }
        let waiting = match state.pending.get(&request.op) {
            Some(waiting) => waiting.clone(),
            None => self
                .members(state)
                .map_err(|(_, e)| e)?
                .remove(&request.op.0)
                .flatten()
                .ok_or("the operation is over")?,
        };
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
