//! The machine of a recorded run, fed from its history.

use super::{
    VerifyError,
    books::Books,
    compare::{self, Difference},
    groups::Groups,
    recorded::Recorded,
};
use crate::{
    engine::{
        checkpoint::{Checkpoint, Operation, Pending, Wait, pack},
        draft::Draft,
        group::Delta,
    },
    journal::{
        history::{Ending, Entry, Event, Taken},
        id::{Namespace, RunId, WorkflowId},
        key::InstanceKeys,
        payload::Payload,
    },
    machine::{
        Answer, Ask, Buffered, Command, Completion, Envelope, Frame, Identity, Input, Machine, OpId, Resolve,
        StepError, StepInbox, Ticket, WorkflowDef, channel,
    },
    registry::Registry,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use workflow_definition::{Definition, Fingerprint};

/// A point, and where it stands: label, source file, line.
pub(super) type Place = (String, String, Option<u32>);

/// What a step has left behind.
pub(in crate::engine) struct Left<'f> {
    /// Number of the step.
    pub(super) step: u64,
    /// Where the machine waited before it, and the steps that share its entry.
    pub(super) before: Place,
    /// What is saved.
    pub(super) frame: &'f Frame,
}

pub(in crate::engine) struct Replay<'a> {
    recorded: &'a Recorded,
    registry: &'a Registry,
    def: &'static WorkflowDef,
    keys: InstanceKeys,
    /// Absent while another definition was at work.
    machine: Option<Machine>,
    /// What the machine has decided so far, and what has become of it, as the engine keeps it.
    books: Books,
    /// The definitions of the helpers that wait.
    waiting: Vec<Fingerprint>,
    completions: BTreeMap<u64, Completion>,
    signals: BTreeMap<(String, u64), Payload>,
    cancel: Option<String>,
    /// Waits for signals: their deadlines are no timers.
    waits: BTreeMap<u64, ()>,
    groups: Groups,
}

impl<'a> Replay<'a> {
    pub(in crate::engine) fn new(recorded: &'a Recorded, registry: &'a Registry) -> Result<Self, VerifyError> {
        let Recorded { workflow_id, run_id, workflow, input, started, .. } = recorded;
        let Some(def) = registry.workflow(workflow) else {
            let (workflow_id, workflow) = (workflow_id.clone(), workflow.clone());
            return Err(VerifyError::UnknownWorkflow { workflow_id, workflow });
        };
        let id = WorkflowId::new(workflow_id.clone())?;
        let identity = Identity { workflow_id: workflow_id.as_str().into(), run_id: run_id.0 };
        Ok(Replay {
            recorded,
            registry,
            def,
            keys: InstanceKeys::new(&Namespace::default(), &id),
            machine: Some(Machine::start(identity, def, input.clone(), *started)),
            books: Books::new(Checkpoint::start(*run_id, workflow.clone(), *started)),
            waiting: vec![],
            completions: BTreeMap::new(),
            signals: BTreeMap::new(),
            cancel: None,
            waits: BTreeMap::new(),
            groups: Groups::default(),
        })
    }

    /// Whether a workflow of this build has this definition.
    fn knows(&self, helper: Fingerprint) -> bool {
        self.registry.workflows().any(|def| def.fingerprint() == helper)
    }

    /// Goes on with the next commit, and takes its steps again unless other definitions have taken them: then these, as far as they
    /// are known, are the answer. `seen` gets each frame that a step leaves behind.
    ///
    /// # Errors
    ///
    /// A step decides something else, or cannot be taken again.
    pub(in crate::engine) fn advance(
        &mut self,
        entry: &Entry,
        seen: &mut dyn FnMut(Left),
    ) -> Result<Option<Vec<Fingerprint>>, VerifyError> {
        self.open(entry);
        self.note(entry);
        if entry.inputs.is_empty() {
            self.settle(entry);
            return Ok(None);
        }
        // Helpers that waited before the step take part in it, too.
        let before = std::mem::replace(&mut self.waiting, entry.helpers.clone());
        let others: Vec<_> = entry
            .definition
            .into_iter()
            .filter(|d| *d != self.def.fingerprint())
            .chain(before.iter().chain(&entry.helpers).copied().filter(|h| !self.knows(*h)))
            .collect();
        if !others.is_empty() || self.machine.is_none() {
            self.lose(others.clone());
            self.settle(entry);
            return Ok(Some(others));
        }
        self.entry(entry, seen)?;
        self.settle(entry);
        Ok(None)
    }

    /// What this build cannot take again follows, or was before what the history still has.
    pub(in crate::engine) fn lose(&mut self, by: Vec<Fingerprint>) {
        self.machine = None;
        self.books.lose(by);
    }

    /// How the run stands behind what was taken, and its machine.
    pub(in crate::engine) fn into_books(self) -> (Books, Option<Machine>) {
        (self.books, self.machine)
    }

    /// Has the operations found that wait for the answers to these messages.
    pub(in crate::engine) fn look_for(&mut self, messages: BTreeSet<u64>) {
        self.books.looked_for = messages;
    }

    pub(in crate::engine) fn books(&self) -> &Books {
        &self.books
    }

    /// Begins a segment if an entry says so.
    fn open(&mut self, entry: &Entry) {
        for event in &entry.events {
            match event {
                Event::Checkpointed { frame, state, helpers, .. } => {
                    self.begin(entry.seq, frame, state);
                    self.waiting.clone_from(helpers);
                }
                Event::Upgraded { frame, state, .. } if self.books.from != entry.seq || state.is_some() => {
                    self.resume(entry.seq, state.as_ref());
                    self.take_over(frame);
                    // What waits was taken over, too.
                    self.waiting.clear();
                }
                Event::ContinuedFrom { state, .. } => self.resume(entry.seq, state.as_ref()),
                _ => {}
            }
        }
    }

    /// How a group has ended that is over, by its operation; `None` if all of its members have.
    pub(in crate::engine) fn decided(&self, op: OpId) -> Option<Completion> {
        let ended = self.groups.clone().take(op.0);
        ended.filter(|completion| matches!(completion, Completion::Member { .. }))
    }

    /// Keeps what an entry says about inputs.
    fn note(&mut self, entry: &Entry) {
        self.books.note(entry);
        for event in &entry.events {
            self.groups.begin(event);
            let (op, completion) = match event {
                Event::Waiting { op, .. } | Event::WaitingForUpdate { op, .. } => {
                    self.waits.insert(*op, ());
                    continue;
                }
                Event::SignalReceived { name, seq, payload } => {
                    self.received(name.clone(), *seq, payload.clone());
                    continue;
                }
                Event::UpdateReceived { name, seq, id, request } => {
                    let ticket = Ticket { name: name.clone(), seq: *seq, id: id.clone() };
                    // Texts and byte strings always encode.
                    if let Ok(payload) = Payload::encode(&Envelope { ticket, request: request.clone() }) {
                        self.received(channel(name), *seq, payload);
                    }
                    continue;
                }
                Event::CancelRequested { reason } => {
                    self.cancel.get_or_insert_with(|| reason.clone());
                    continue;
                }
                Event::SignalConsumed { op, name, seq } => match self.gone(name, *seq) {
                    Some(payload) => (*op, Completion::Value(payload)),
                    None => continue,
                },
                Event::UpdateTaken { op: Some(op), name, seq } => match self.gone(&channel(name), *seq) {
                    Some(payload) => (*op, Completion::Value(payload)),
                    None => continue,
                },
                Event::TimerFired { op } if self.waits.contains_key(op) => (*op, Completion::TimedOut),
                Event::TimerFired { op } => (*op, Completion::Fired),
                Event::ChildStarted { op, id, run } => {
                    (*op, Completion::Remote { id: id.clone(), answer: Answer::Started { run: run.0 } })
                }
                Event::ChildEnded { op: Some(op), id, outcome: Some(outcome) } => {
                    (*op, Completion::Remote { id: id.clone(), answer: Answer::Ended(outcome.clone()) })
                }
                Event::MessageTaken { op, id } => (*op, Completion::Remote { id: id.clone(), answer: Answer::Taken }),
                Event::MessageRefused { op, id, reason } => {
                    (*op, Completion::Remote { id: id.clone(), answer: Answer::Refused(reason.clone()) })
                }
                Event::AnswerAbandoned { op, id } => {
                    (*op, Completion::Remote { id: id.clone(), answer: Answer::Abandoned })
                }
                Event::OperationCancelled { op } | Event::CompensationSkipped { op, .. } => {
                    (*op, Completion::Cancelled)
                }
                Event::Completed { op, result } => match ended(result) {
                    Some(completion) => (*op, completion),
                    None => continue,
                },
                _ => continue,
            };
            if let Some(completion) = self.groups.keep(op, completion) {
                self.books.end(op, &completion, entry.time);
                self.completions.insert(op, completion);
            }
        }
    }

    fn received(&mut self, channel: String, seq: u64, payload: Payload) {
        let inbox = self.books.checkpoint.inbox.entry(channel.clone()).or_default();
        inbox.next = inbox.next.max(seq + 1);
        self.signals.insert((channel, seq), payload);
    }

    /// A message is not in the inbox any more.
    fn gone(&mut self, channel: &str, seq: u64) -> Option<Payload> {
        let inbox = self.books.checkpoint.inbox.entry(channel.to_owned()).or_default();
        inbox.first = inbox.first.max(seq + 1);
        self.signals.remove(&(channel.to_owned(), seq))
    }

    /// Takes out of the inbox what the steps of an entry, or nobody, took without waiting for it.
    fn settle(&mut self, entry: &Entry) {
        for event in &entry.events {
            match event {
                Event::SignalTaken { name, seq } | Event::SignalSetAside { name, seq, .. } => self.gone(name, *seq),
                Event::UpdateTaken { op: None, name, seq } | Event::UpdateSetAside { name, seq, .. } => {
                    self.gone(&channel(name), *seq)
                }
                _ => None,
            };
        }
    }

    /// The inbox as a step of `draft` sees it.
    fn inbox(&self, draft: &Draft) -> Box<dyn StepInbox> {
        let mut messages: BTreeMap<String, VecDeque<Payload>> = BTreeMap::new();
        for ((channel, seq), payload) in &self.signals {
            if draft.checkpoint.inbox.get(channel).is_some_and(|i| (i.first..i.next).contains(seq)) {
                messages.entry(channel.clone()).or_default().push_back(payload.clone());
            }
        }
        Box::new(Received(messages))
    }

    /// Goes on from the checkpoint with which another build took the run over.
    fn take_over(&mut self, frame: &Payload) {
        let Recorded { workflow_id, run_id, input, definitions, .. } = self.recorded;
        let identity = Identity { workflow_id: workflow_id.as_str().into(), run_id: run_id.0 };
        let known = Known { registry: self.registry, definitions };
        self.books.parked = Some(frame.clone());
        let frame: Option<Frame> = frame.decode().ok();
        // What cannot be loaded is skipped, like what another build did.
        self.machine = frame.and_then(|f| Machine::load(identity, f, input, &known).ok()).map(|(machine, _)| machine);
    }

    /// Goes on from the checkpoint with which a segment begins. What is before it need not be there.
    fn begin(&mut self, entry: u64, frame: &Payload, state: &Payload) {
        self.completions.clear();
        self.signals.clear();
        self.waits.clear();
        self.groups = Groups::default();
        self.resume(entry, Some(state));
        if self.books.gap.is_some() {
            // Nothing can be taken again from a state that does not decode.
            return self.lose(vec![]);
        }
        self.take_over(frame);
    }

    /// Goes on with what a run has been told when a segment begins, as far as that was noted.
    fn resume(&mut self, entry: u64, state: Option<&Payload>) {
        self.books.begin(entry, state);
        if state.is_none() {
            return;
        }
        let checkpoint = &self.books.checkpoint;
        for (op, pending) in &checkpoint.pending {
            if matches!(pending.what, Operation::Signal { .. }) {
                self.waits.insert(op.0, ());
            }
            if let Some(done) = &pending.done {
                self.completions.insert(op.0, done.completion.clone());
            }
        }
        self.cancel = checkpoint.cancel.as_ref().map(|request| request.reason.clone());
    }

    /// Runs the steps of an entry and compares. `seen` gets each frame that a step leaves behind.
    fn entry(&mut self, entry: &Entry, seen: &mut dyn FnMut(Left)) -> Result<(), VerifyError> {
        let last = entry.step.unwrap_or_default();
        let first = (last + 1).saturating_sub(entry.inputs.len() as u64);
        let mut side_effects: VecDeque<Payload> = entry.events.iter().filter_map(side_effect).collect();
        let mut draft = Draft::new(Box::new(self.books.checkpoint.clone()), entry.time, Delta::default());
        let before = self.place();
        // Also of those that are over with this entry.
        let mut groups = self.groups.clone();
        let mut of_bytes = None;
        for (taken, step) in entry.inputs.iter().zip(first..) {
            let input = self.input(*taken, step)?;
            let inbox = self.inbox(&draft);
            let Some(machine) = self.machine.as_mut() else { return Ok(()) };
            match taken {
                Taken::Operation(op) => drop(draft.checkpoint.pending.remove(&OpId(*op))),
                Taken::Cancel => draft.checkpoint.cancel.iter_mut().for_each(|request| request.delivered = true),
                Taken::Start => {}
            }
            let failed = |source| VerifyError::Step {
                workflow_id: self.recorded.workflow_id.clone(),
                step,
                source: Box::new(source),
            };
            let decided = machine.step_again(input, draft.now, side_effects.clone(), inbox).map_err(failed)?;
            let frame = machine.frame();
            seen(Left { step, before: before.clone(), frame: &frame });
            let unsaveable = |source| StepError::Outcome { workflow: self.recorded.workflow.clone(), source };
            let packed = pack(frame).map_err(unsaveable).map_err(failed)?;
            of_bytes = Some(packed.hash_of_bytes());
            let from = draft.events.len();
            draft.apply(&self.keys, decided, packed);
            let used = draft.events[from..].iter().filter(|e| side_effect(e).is_some()).count();
            side_effects.drain(..used.min(side_effects.len()));
        }
        let mut own = |e: &&Event| !groups.decides(e);
        let attempted: Vec<Event> = draft.events.iter().filter(&mut own).filter_map(decided).collect();
        let recorded: Vec<Event> = entry.events.iter().filter(&mut own).filter_map(decided).collect();
        let hash = draft.stepped.as_ref().map(|s| s.frame);
        let differs = compare::events(&recorded, &attempted);
        let same = hash == entry.frame || of_bytes == entry.frame;
        let differs = differs.or_else(|| (!same).then(|| compare::frames(self.machine.as_ref())));
        if let Some(found) = differs {
            let (point, file, line) = before;
            return Err(VerifyError::Difference(Box::new(Difference {
                workflow_id: self.recorded.workflow_id.clone(),
                workflow: self.recorded.workflow.clone(),
                step: last,
                seq: entry.seq,
                point,
                file,
                line,
                recorded: found.recorded,
                attempted: found.attempted,
                cause: found.cause,
                locals: compare::locals(self.machine.as_ref()),
            })));
        }
        self.begin_members(&mut draft);
        self.books.checkpoint = *draft.checkpoint;
        self.books.parked = None;
        Ok(())
    }

    /// Keeps what is to be known of the members of groups that a step has begun.
    fn begin_members(&mut self, draft: &mut Draft) {
        let mut turns = draft.members.take_waiting();
        let awaited = |p: &Pending| match &p.what {
            Operation::Remote(remote) => matches!(remote.wait, Wait::Child { .. }),
            _ => false,
        };
        let begun = draft.members.all().into_iter().filter(|op| draft.members.look(*op, awaited) == Some(true));
        let later = turns
            .iter()
            .filter(|(_, command)| matches!(command, Command::Remote { ask: Ask::Start { wait: true, .. }, .. }));
        self.groups.await_children(begun.chain(later.map(|(op, _)| *op)));
        self.books.turns.append(&mut turns);
    }

    /// Where the machine waits.
    fn place(&self) -> Place {
        let label = self.machine.as_ref().map_or(workflow_definition::START, Machine::point);
        let definition = self.def.definition();
        let line = definition.point(label).map(|p| p.line);
        (label.to_owned(), definition.file.clone(), line.or(Some(self.def.line)))
    }

    fn input(&mut self, taken: Taken, step: u64) -> Result<Input, VerifyError> {
        let missing =
            |what: String| VerifyError::Missing { workflow_id: self.recorded.workflow_id.clone(), step, what };
        Ok(match taken {
            Taken::Start => Input::Start,
            Taken::Cancel => {
                let reason = self.cancel.clone().ok_or_else(|| missing("a request to stop".into()))?;
                Input::Cancel { reason }
            }
            Taken::Operation(op) => {
                let completion = self.groups.take(op).or_else(|| self.completions.remove(&op));
                let completion = completion.ok_or_else(|| missing(format!("the end of operation {op}")))?;
                Input::Completed { op: OpId(op), completion }
            }
        })
    }
}

/// What had been received before a step.
struct Received(BTreeMap<String, VecDeque<Payload>>);

impl StepInbox for Received {
    fn take(&mut self, channel: &str) -> Buffered {
        self.0.get_mut(channel).and_then(VecDeque::pop_front).map_or(Buffered::Nothing, Buffered::Message)
    }
}

/// A decision without what the step did not decide.
fn decided(event: &Event) -> Option<Event> {
    let mut event = event.is_decision().then(|| event.clone())?;
    match &mut event {
        // Answers to other instances are numbered along with it.
        Event::MessageSent { seq, .. } => *seq = 0,
        // The engine finds the id of the new run.
        Event::ContinuedAsNew { next, .. } => *next = RunId::default(),
        _ => {}
    }
    Some(event)
}

fn side_effect(event: &Event) -> Option<Payload> {
    match event {
        Event::SideEffect(value) => Some(value.clone()),
        _ => None,
    }
}

fn ended(ending: &Ending) -> Option<Completion> {
    Some(match ending {
        Ending::Value(v) => Completion::Value(v.clone()),
        Ending::Failed(e) => Completion::Failed(e.clone()),
        Ending::TimedOut(which) => Completion::Expired(*which),
        Ending::Panicked(message) => Completion::Panicked(message.clone()),
        Ending::Cancelled => Completion::Cancelled,
        Ending::Unusable(_) => return None,
    })
}

/// The definitions that came with the history.
struct Known<'a> {
    registry: &'a Registry,
    definitions: &'a [Definition],
}

impl Resolve for Known<'_> {
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        self.registry.workflow(name)
    }

    fn definition(&self, fingerprint: Fingerprint) -> Option<Definition> {
        self.definitions.iter().find(|d| d.fingerprint() == fingerprint).cloned()
    }
}
