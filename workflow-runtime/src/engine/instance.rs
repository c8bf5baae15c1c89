//! One instance in memory, and its way to and from the store.

use super::{
    checkpoint::{
        self, By, Checkpoint, EXPIRE, Operation, Pending, RETIRE, RETIRE_FORMER, Reason, SignalRecord, StartRecord,
        State, micros,
    },
    error::Unavailable,
    group::Members,
    outbox::Letter,
    shared::Shared,
    worker::Worker,
};
use crate::{
    hash::HashMap,
    journal::{
        encoding,
        history::Event,
        id::{RunId, WorkflowId},
        key::{self, InstanceKeys},
        payload::Payload,
    },
    machine::{Answer, Frame, Identity, Machine, OpId, Resolve, StepError, Upgrade, WorkflowDef},
    registry::Registry,
    store::{Revision, StoreError},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use workflow_definition::{Definition, Fingerprint};

/// An instance as of its last commit.
pub(super) struct Instance {
    pub(super) id: WorkflowId,
    pub(super) keys: InstanceKeys,
    /// [`Revision::NONE`]: there is no such instance.
    pub(super) revision: Revision,
    pub(super) checkpoint: Option<Box<Checkpoint>>,
    /// In step with the checkpoint, or absent.
    pub(super) machine: Option<Machine>,
    /// Members of groups.
    pub(super) members: Rc<RefCell<Members>>,
    /// What the last commit did not tell the history yet.
    pub(super) notes: Vec<Event>,
    /// A blocked instance is given another try.
    pub(super) retrying: bool,
    /// Messages of the last commits, until they are known to have been taken.
    pub(super) letters: BTreeMap<u64, Letter>,
    /// What receivers have answered and no commit has told yet.
    pub(super) acked: BTreeMap<u64, Answer>,
    /// The message that is being taken: the next commit notes its sender, its number and that it came.
    pub(super) taking: Option<(RunId, u64, Event)>,
    /// How many messages of a channel its steps look for.
    pub(super) wanted: BTreeMap<String, u64>,
}

/// What the machine takes next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    Start,
    Cancel,
    /// An operation that has ended while the machine could not take it.
    Done(OpId),
    /// An operation that was asked to stop and has nothing to wait for.
    Stop(OpId),
    Signal(OpId),
    Fire(OpId),
    /// Its time is over.
    Expire,
    /// It has been kept for long enough.
    Retire,
    /// A run before it has been kept for long enough.
    RetireFormer,
    /// A part of its history is gone.
    Trim,
    /// The time of an activity for all its attempts is over.
    Overdue(OpId),
}

impl Next {
    /// The operation that it is about.
    pub(super) fn op(&self) -> Option<OpId> {
        match self {
            Self::Start | Self::Cancel | Self::Expire | Self::Retire | Self::RetireFormer | Self::Trim => None,
            Self::Done(op) | Self::Stop(op) | Self::Overdue(op) | Self::Signal(op) | Self::Fire(op) => Some(*op),
        }
    }
}

/// Reads a record of an instance.
pub(super) async fn read<T: DeserializeOwned>(
    shared: &Shared,
    id: &WorkflowId,
    key: &[u8],
    what: &'static str,
) -> Result<Option<T>, Unavailable> {
    let unreadable = |source| Unavailable::Unreadable { workflow_id: id.to_string(), source };
    let Some(bytes) = (*shared.store).get(key).await.map_err(unreadable)? else {
        return Ok(None);
    };
    encoding::decode(&bytes).map(Some).map_err(|source| undecodable(id, what, source))
}

fn undecodable(id: &WorkflowId, what: &'static str, source: encoding::DecodeError) -> Unavailable {
    Unavailable::Undecodable { workflow_id: id.to_string(), what, source }
}

impl Instance {
    /// One that does not exist.
    pub(super) fn new(shared: &Shared, id: WorkflowId) -> Self {
        let keys = shared.keys(&id);
        Instance {
            id,
            members: Rc::new(RefCell::new(Members::new(&keys))),
            keys,
            revision: Revision::NONE,
            checkpoint: None,
            machine: None,
            notes: vec![],
            retrying: false,
            letters: BTreeMap::new(),
            acked: BTreeMap::new(),
            taking: None,
            wanted: BTreeMap::new(),
        }
    }

    pub(super) async fn load(shared: &Shared, id: WorkflowId) -> Result<Self, Unavailable> {
        let unreadable = |source: StoreError| match source {
            StoreError::Damaged { .. } => Unavailable::Damaged { workflow_id: id.to_string(), source },
            source => Unavailable::Unreadable { workflow_id: id.to_string(), source },
        };
        let found = (*shared.store).get_with_revision(&shared.keys(&id).frame()).await.map_err(unreadable)?;
        let Some((revision, bytes)) = found else { return Ok(Instance::new(shared, id)) };
        let checkpoint = Some(encoding::decode(&bytes).map_err(|e| undecodable(&id, "checkpoint", e))?);
        Ok(Instance { revision, checkpoint, ..Instance::new(shared, id) })
    }

    /// Makes the machine of a run that is about to start.
    pub(super) fn begin(&mut self, def: &'static WorkflowDef, run: RunId, input: Payload, now: Timestamp) {
        let identity = Identity { workflow_id: self.id.shared(), run_id: run.0 };
        self.machine = Some(Machine::start(identity, def, input, now));
    }

    /// An operation that is pending, be it a member of a group or not.
    pub(super) fn pending(&self, op: OpId) -> Option<Pending> {
        let own = self.checkpoint.as_ref()?.pending.get(&op);
        own.cloned().or_else(|| self.members.borrow().get(op).cloned())
    }

    /// Whether a pending operation was asked to stop.
    pub(super) fn is_asked_to_stop(&self, op: OpId) -> bool {
        let own = self.checkpoint.as_ref().and_then(|c| c.pending.get(&op));
        own.map_or_else(|| self.members.borrow().get(op).is_some_and(|p| p.cancel), |p| p.cancel)
    }

    /// How the chain of runs was started: what a start is compared with. The first record may have been removed after its
    /// time; then that of the present run stands for it.
    pub(super) async fn first_start_record(&self, shared: &Shared) -> Result<StartRecord, Unavailable> {
        let first = self.checkpoint.as_deref().filter(|c| c.first_run() != c.run).map(Checkpoint::first_run);
        if let Some(first) = first
            && let Some(record) = read(shared, &self.id, &self.keys.start(first), "start record").await?
        {
            return Ok(record);
        }
        self.start_record(shared).await
    }

    pub(super) async fn start_record(&self, shared: &Shared) -> Result<StartRecord, Unavailable> {
        start_record(shared, &self.id, &self.keys, self.checkpoint.as_ref().map(|c| c.run)).await
    }

    /// The first buffered signal of a name.
    pub(super) async fn first_signal(
        &self,
        shared: &Shared,
        name: &str,
    ) -> Result<Option<(u64, SignalRecord)>, Unavailable> {
        let inbox = self.checkpoint.as_ref().and_then(|c| c.inbox.get(name)).filter(|i| !i.is_empty());
        let Some(seq) = inbox.map(|i| i.first) else { return Ok(None) };
        Ok(Some((seq, self.message(shared, name, seq).await?)))
    }

    /// A buffered message.
    pub(super) async fn message(&self, shared: &Shared, name: &str, seq: u64) -> Result<SignalRecord, Unavailable> {
        let key = self.keys.signal(name, seq);
        let damage = match read(shared, &self.id, &key, "signal").await {
            Ok(Some(record)) => return Ok(record),
            Ok(None) => {
                let source = StoreError::damaged(&key, "a buffered signal is missing");
                Unavailable::Unreadable { workflow_id: self.id.to_string(), source }
            }
            Err(e) if e.is_damage() => e,
            Err(e) => return Err(e),
        };
        self.recall_message(shared, name, seq).await?.ok_or(damage)
    }

    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.checkpoint.as_ref().map(|c| &c.state), Some(State::Blocked(_)))
    }

    /// Whether the machine may take an input.
    pub(super) fn may_step(&self) -> bool {
        match self.checkpoint.as_ref().map(|c| &c.state) {
            Some(State::Running) => true,
            Some(State::Blocked(_)) => self.retrying,
            _ => false,
        }
    }

    /// Whether the machine will take a request to cancel, before anything else that has to come from outside.
    pub(super) fn is_about_to_cancel(&self) -> bool {
        let requested = |c: &Checkpoint| c.cancel.as_ref().is_some_and(|r| !r.delivered);
        self.may_step() && self.checkpoint.as_deref().is_some_and(requested)
    }

    /// What there is to do at `now`, the earliest first. Of a signal and a deadline, whichever came first.
    pub(super) fn next(
        &self,
        now: Timestamp,
        first_signals: &HashMap<OpId, Timestamp>,
        running: &dyn Fn(OpId) -> bool,
    ) -> Option<(Timestamp, Next)> {
        let c = self.checkpoint.as_ref()?;
        if c.removing {
            return Some((Timestamp::MIN, Next::Retire));
        }
        if c.is_to_be_trimmed() {
            return Some((Timestamp::MIN, Next::Trim));
        }
        let chores = c.chores().into_iter().filter_map(|(op, at)| {
            let next = match op {
                EXPIRE => Next::Expire,
                RETIRE => Next::Retire,
                RETIRE_FORMER => Next::RetireFormer,
                _ => return None,
            };
            at.filter(|at| *at <= now).map(|at| (at, next))
        });
        self.input(now, first_signals, running).into_iter().chain(chores).min_by_key(|(at, _)| *at)
    }

    /// What the machine can take.
    fn input(
        &self,
        now: Timestamp,
        first_signals: &HashMap<OpId, Timestamp>,
        running: &dyn Fn(OpId) -> bool,
    ) -> Option<(Timestamp, Next)> {
        let c = self.checkpoint.as_ref().filter(|_| self.may_step())?;
        next(c, now, first_signals, running)
    }

    /// When the first buffered signal came, for every operation that waits for one.
    pub(super) async fn first_signals(&self, shared: &Shared) -> Result<HashMap<OpId, Timestamp>, Unavailable> {
        let mut found = HashMap::default();
        let Some(c) = self.checkpoint.as_ref().filter(|_| self.may_step()) else { return Ok(found) };
        // Several operations that wait for one name are served in order.
        let mut waiting: BTreeMap<String, OpId> = BTreeMap::new();
        for (op, p) in c.pending.iter().filter(|(_, p)| !p.cancel && p.done.is_none()) {
            if let Operation::Signal { name, .. } = &p.what {
                waiting.entry(name.clone()).or_insert(*op);
            }
        }
        for (name, op) in self.members.borrow().listeners() {
            let first = waiting.entry(name.clone()).or_insert(op);
            *first = op.min(*first);
        }
        for (name, op) in waiting {
            if let Some((_, record)) = self.first_signal(shared, &name).await? {
                found.insert(op, record.received);
            }
        }
        Ok(found)
    }

    /// Activities that should have an attempt and have none.
    pub(super) fn idle_calls(&self, now: Timestamp, running: &dyn Fn(OpId) -> bool) -> Vec<OpId> {
        let Some(c) = self.checkpoint.as_ref().filter(|c| !c.is_closed()) else { return vec![] };
        let members = self.members.borrow_mut().take_idle(now);
        let is_idle = |op: OpId, p: &Pending| {
            let Operation::Activity(call) = &p.what else { return false };
            // One that was asked to stop, and was lost, is asked again: nobody knows how far it came.
            let due = call.next_at.is_none_or(|at| !p.cancel && micros(at) <= micros(now));
            let over = call.deadline(p.since).is_some_and(|at| at <= now);
            // What had not begun need not begin to be asked.
            let due = due && (!p.cancel || call.has_begun());
            let waits = p.done.is_none() && !p.detached && !call.stuck && call.deferred.is_none();
            due && waits && !over && !running(op)
        };
        let own = c.pending.iter().filter(|(op, p)| is_idle(**op, p)).map(|(op, _)| *op);
        let mut idle: Vec<OpId> = own.collect();
        let open = self.members.borrow();
        idle.extend(members.into_iter().filter(|op| open.get(*op).is_some_and(|p| is_idle(*op, p))));
        idle
    }

    /// Makes the machine, unless it is there.
    ///
    /// Upgrades of the code are noted in the history.
    ///
    /// # Errors
    ///
    /// The outer error: the store does not answer. The inner one: this build cannot resume the instance, or a record
    /// that it needs is damaged.
    pub(super) async fn revive(&mut self, worker: &Worker) -> Result<Result<(), Reason>, Unavailable> {
        if self.machine.is_some() {
            return Ok(Ok(()));
        }
        match self.wake(worker).await {
            Ok(woken) => Ok(woken.map_err(|e| Reason { code: e.code().into(), message: e.to_string() })),
            Err(e) if e.is_damage() => Ok(Err(Reason::of_damage("the instance cannot be restored", &e))),
            Err(e) => Err(e),
        }
    }

    async fn wake(&mut self, worker: &Worker) -> Result<Result<(), StepError>, Unavailable> {
        let shared = &worker.shared;
        let start = self.start_record(shared).await?;
        let Some(c) = &self.checkpoint else { return Ok(Ok(())) };
        let identity = Identity { workflow_id: self.id.shared(), run_id: c.run.0 };
        let Some(packed) = &c.frame else {
            let Some(def) = shared.registry.workflow(&c.workflow) else {
                return Ok(Err(StepError::UnknownWorkflow { workflow: c.workflow.clone() }));
            };
            self.machine = Some(Machine::start(identity, def, start.input, c.started));
            return Ok(Ok(()));
        };
        let frame = frame(shared, &self.id, &self.keys, c, packed).await?;
        let resolve = Resolver::prepare(shared, &self.id, &frame).await?;
        let whole = frame.clone();
        // Decoding runs the code of the user's types.
        let _stepping = worker.stepping(&self.id);
        Ok(match Machine::load(identity, frame, &start.input, &resolve) {
            Ok((machine, upgrades)) => {
                // A frame that was decoded encodes again.
                let packed = match upgrades.is_empty() {
                    true => packed.clone(),
                    false => Payload::encode(&whole).unwrap_or_else(|_| packed.clone()),
                };
                let mut state = match upgrades.is_empty() {
                    true => None,
                    false => c.without_frame(packed.len()),
                };
                self.notes.extend(upgrades.into_iter().map(|u| upgraded(u, packed.clone(), state.take())));
                self.machine = Some(machine);
                Ok(())
            }
            Err(e) => Err(e),
        })
    }

    /// What was stored: unlike the whole, it may go from thread to thread.
    pub(super) fn into_stored(self) -> (WorkflowId, InstanceKeys, Option<Checkpoint>) {
        (self.id, self.keys, self.checkpoint.map(|c| *c))
    }
}

/// What the machine of an instance in this state can take at `now`, if it may take anything.
pub(super) fn next(
    c: &Checkpoint,
    now: Timestamp,
    first_signals: &HashMap<OpId, Timestamp>,
    running: &dyn Fn(OpId) -> bool,
) -> Option<(Timestamp, Next)> {
    if c.steps == 0 {
        let at = c.begins.unwrap_or(c.started);
        return (at <= now || c.begins.is_none()).then_some((at, Next::Start));
    }
    let cancel = c.cancel.as_ref().filter(|r| !r.delivered).map(|r| (r.at, Next::Cancel));
    let operations = c.pending.iter().filter_map(|(op, p)| next_of(c, *op, p, now, first_signals, running));
    // The first of equals wins: a cancellation, then the operation that began first.
    cancel.into_iter().chain(operations).min_by_key(|(at, _)| *at)
}

/// How a run was started.
pub(super) async fn start_record(
    shared: &Shared,
    id: &WorkflowId,
    keys: &InstanceKeys,
    run: Option<RunId>,
) -> Result<StartRecord, Unavailable> {
    let missing = || {
        let source = StoreError::damaged(&keys.frame(), "the start record of its run is missing");
        Unavailable::Unreadable { workflow_id: id.to_string(), source }
    };
    let run = run.ok_or_else(missing)?;
    read(shared, id, &keys.start(run), "start record").await?.ok_or_else(missing)
}

/// What an operation has due at `now`.
pub(super) fn next_of(
    c: &Checkpoint,
    op: OpId,
    p: &Pending,
    now: Timestamp,
    first_signals: &HashMap<OpId, Timestamp>,
    running: &dyn Fn(OpId) -> bool,
) -> Option<(Timestamp, Next)> {
    if p.detached {
        return None;
    }
    if let Some(done) = &p.done {
        return Some((done.at, Next::Done(op)));
    }
    match &p.what {
        Operation::Activity(call) => {
            let idle = p.cancel && (call.next_at.is_some() || call.stuck || !call.has_begun()) && !running(op);
            let gone = call.deferred.as_ref().and_then(|d| d.stop_at).filter(|at| *at <= now);
            let stop = idle.then_some(p.since).or(gone).map(|at| (at, Next::Stop(op)));
            let expired = call.deadline(p.since).filter(|at| *at <= now).map(|at| (at, Next::Overdue(op)));
            [stop, expired].into_iter().flatten().min_by_key(|(at, _)| *at)
        }
        Operation::Remote(remote) => {
            (p.cancel && !remote.outlives_cancel(&c.relations.children)).then_some((p.since, Next::Stop(op)))
        }
        Operation::Group(_) => None,
        _ if p.cancel => Some((p.since, Next::Stop(op))),
        Operation::Timer { at } => (*at <= now).then_some((*at, Next::Fire(op))),
        Operation::Signal { deadline, .. } => {
            let signal = first_signals.get(&op).map(|at| ((*at).max(p.since), Next::Signal(op)));
            let fire = deadline.filter(|at| *at <= now).map(|at| (at, Next::Fire(op)));
            [signal, fire].into_iter().flatten().min_by_key(|(at, _)| *at)
        }
    }
}

/// The whole frame of a checkpoint.
pub(super) async fn frame(
    shared: &Shared,
    id: &WorkflowId,
    keys: &InstanceKeys,
    c: &Checkpoint,
    packed: &Payload,
) -> Result<Frame, Unavailable> {
    let mut large = BTreeMap::new();
    for slot in &c.large {
        let key = keys.slot(c.run, &slot.name);
        let payload: Option<Payload> = read(shared, id, &key, "local").await?;
        let payload = payload.filter(|p| p.hash64() == slot.hash).ok_or_else(|| {
            let source = StoreError::damaged(&key, "it is not what the checkpoint refers to");
            Unavailable::Unreadable { workflow_id: id.to_string(), source }
        })?;
        large.insert(slot.name.clone(), payload);
    }
    checkpoint::unpack(packed, large).map_err(|e| undecodable(id, "frame", e))
}

fn upgraded(u: Upgrade, frame: Payload, state: Option<Payload>) -> Event {
    let Upgrade { workflow, from, to, decided } = u;
    Event::Upgraded { workflow, from, to, decided, frame, state }
}

/// The names of this build, and the stored definitions that a frame refers to.
struct Resolver<'a> {
    registry: &'a Registry,
    definitions: HashMap<Fingerprint, Definition>,
}

impl<'a> Resolver<'a> {
    async fn prepare(shared: &'a Shared, id: &WorkflowId, frame: &Frame) -> Result<Self, Unavailable> {
        let mut definitions = HashMap::default();
        for fingerprint in By::of(frame).all() {
            if shared.registry.workflows().any(|d| d.fingerprint() == fingerprint) {
                continue;
            }
            if let Some(d) = definition(shared, id, fingerprint).await? {
                definitions.insert(fingerprint, d);
            }
        }
        Ok(Resolver { registry: &shared.registry, definitions })
    }
}

/// A stored definition.
pub(super) async fn definition(
    shared: &Shared,
    id: &WorkflowId,
    fingerprint: Fingerprint,
) -> Result<Option<Definition>, Unavailable> {
    read(shared, id, &key::definition(&fingerprint.to_string()), "definition").await
}

impl Resolve for Resolver<'_> {
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        self.registry.workflow(name)
    }

    fn definition(&self, fingerprint: Fingerprint) -> Option<Definition> {
        self.definitions.get(&fingerprint).cloned()
    }
}
