//! The machine of a recorded run, fed from its history.

use super::{
    VerifyError,
    compare::{self, Difference},
    groups::Groups,
    recorded::Recorded,
};
use crate::{
    engine::{
        checkpoint::{Checkpoint, Operation, pack},
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
        Answer, Buffered, Completion, Envelope, Frame, Identity, Input, Machine, OpId, Resolve, StepError, StepInbox,
        Ticket, WorkflowDef, channel,
    },
    registry::Registry,
};
use std::collections::{BTreeMap, VecDeque};
use workflow_definition::{Definition, Fingerprint};

/// A point, and where it stands: label, source file, line.
pub(super) type Place = (String, String, Option<u32>);

/// What a step has left behind.
pub(super) struct Left<'f> {
    /// Number of the step.
    pub(super) step: u64,
    /// Where the machine waited before it, and the steps that share its entry.
    pub(super) before: Place,
    /// What is saved.
    pub(super) frame: &'f Frame,
}

pub(super) struct Replay<'a> {
    recorded: &'a Recorded,
    registry: &'a Registry,
    def: &'static WorkflowDef,
    keys: InstanceKeys,
    /// Absent while another definition was at work.
    machine: Option<Machine>,
    /// What the machine has decided so far, as the engine keeps it.
    checkpoint: Checkpoint,
    completions: BTreeMap<u64, Completion>,
    signals: BTreeMap<(String, u64), Payload>,
    cancel: Option<String>,
    /// Waits for signals: their deadlines are no timers.
    waits: BTreeMap<u64, ()>,
    groups: Groups,
}

impl<'a> Replay<'a> {
    pub(super) fn new(recorded: &'a Recorded, registry: &'a Registry) -> Result<Self, VerifyError> {
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
            checkpoint: Checkpoint::start(*run_id, workflow.clone(), *started),
            completions: BTreeMap::new(),
            signals: BTreeMap::new(),
            cancel: None,
            waits: BTreeMap::new(),
            groups: Groups::default(),
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.def.fingerprint()
    }

    /// Whether a workflow of this build has this definition.
    pub(super) fn knows(&self, helper: Fingerprint) -> bool {
        self.registry.workflows().any(|def| def.fingerprint() == helper)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.machine.is_some()
    }

    /// Another definition goes on.
    pub(super) fn lose(&mut self) {
        self.machine = None;
    }

    /// Keeps what an entry says about inputs.
    pub(super) fn note(&mut self, entry: &Entry) {
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
                Event::OperationCancelled { op } => (*op, Completion::Cancelled),
                Event::Completed { op, result } => match ended(result) {
                    Some(completion) => (*op, completion),
                    None => continue,
                },
                _ => continue,
            };
            if let Some(completion) = self.groups.keep(op, completion) {
                self.completions.insert(op, completion);
            }
        }
    }

    fn received(&mut self, channel: String, seq: u64, payload: Payload) {
        self.checkpoint.inbox.entry(channel.clone()).or_default().next = seq + 1;
        self.signals.insert((channel, seq), payload);
    }

    /// A message is not in the inbox any more.
    fn gone(&mut self, channel: &str, seq: u64) -> Option<Payload> {
        let inbox = self.checkpoint.inbox.entry(channel.to_owned()).or_default();
        inbox.first = inbox.first.max(seq + 1);
        self.signals.remove(&(channel.to_owned(), seq))
    }

    /// Takes out of the inbox what the steps of an entry, or nobody, took without waiting for it.
    pub(super) fn settle(&mut self, entry: &Entry) {
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
    pub(super) fn take_over(&mut self, frame: &Payload) {
        let Recorded { workflow_id, run_id, input, definitions, .. } = self.recorded;
        let identity = Identity { workflow_id: workflow_id.as_str().into(), run_id: run_id.0 };
        let known = Known { registry: self.registry, definitions };
        let frame: Option<Frame> = frame.decode().ok();
        // What cannot be loaded is skipped, like what another build did.
        self.machine = frame.and_then(|f| Machine::load(identity, f, input, &known).ok()).map(|(machine, _)| machine);
    }

    /// Goes on from the checkpoint with which a segment begins. What is before it need not be there.
    pub(super) fn begin(&mut self, frame: &Payload, state: &Payload) {
        self.completions.clear();
        self.signals.clear();
        self.waits.clear();
        self.groups = Groups::default();
        let Ok(checkpoint) = state.decode::<Checkpoint>() else { return self.lose() };
        for (op, pending) in &checkpoint.pending {
            if matches!(pending.what, Operation::Signal { .. }) {
                self.waits.insert(op.0, ());
            }
            if let Some(done) = &pending.done {
                self.completions.insert(op.0, done.completion.clone());
            }
        }
        self.cancel = checkpoint.cancel.as_ref().map(|request| request.reason.clone());
        self.checkpoint = checkpoint;
        self.take_over(frame);
    }

    /// Runs the steps of an entry and compares. `seen` gets each frame that a step leaves behind.
    pub(super) fn entry(&mut self, entry: &Entry, seen: &mut dyn FnMut(Left)) -> Result<(), VerifyError> {
        let last = entry.step.unwrap_or_default();
        let first = (last + 1).saturating_sub(entry.inputs.len() as u64);
        let mut side_effects: VecDeque<Payload> = entry.events.iter().filter_map(side_effect).collect();
        let mut draft = Draft::new(Box::new(self.checkpoint.clone()), entry.time, Delta::default());
        let before = self.place();
        // Also of those that are over with this entry.
        let mut groups = self.groups.clone();
        let mut of_bytes = None;
        for (taken, step) in entry.inputs.iter().zip(first..) {
            let input = self.input(*taken, step)?;
            let inbox = self.inbox(&draft);
            let Some(machine) = self.machine.as_mut() else { return Ok(()) };
            if let Taken::Operation(op) = taken {
                draft.checkpoint.pending.remove(&OpId(*op));
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
        let hash = draft.stepped.map(|s| s.frame);
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
        self.checkpoint = *draft.checkpoint;
        Ok(())
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
