//! Starting an instance, or finding that it was started before.

use super::signal::Outgoing;
use crate::{
    engine::{
        actor::{Actor, name_span},
        chain::{Why, later, micros_of},
        checkpoint::{Checkpoint, Relations, StartRecord, Status},
        draft::Draft,
        error::StartError,
        group::Delta,
        instance::Next,
        message::Started,
        start::IdReuse,
        updates::{self, Client},
    },
    journal::{encoding, history::Event, id::RunId, payload::Payload},
    machine::{Ticket, WorkflowDef, channel},
    store::Write,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// What is to be started, and how.
pub(in crate::engine) struct StartRequest {
    pub(in crate::engine) workflow: &'static WorkflowDef,
    pub(in crate::engine) input: Payload,
    pub(in crate::engine) options: StartOptions,
    pub(in crate::engine) signals: Vec<Outgoing>,
    pub(in crate::engine) update: Option<FirstUpdate>,
}

impl StartRequest {
    /// A start without options.
    pub(in crate::engine) fn new(workflow: &'static WorkflowDef, input: Payload) -> Self {
        StartRequest { workflow, input, options: StartOptions::default(), signals: vec![], update: None }
    }
}

/// How a run is started.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct StartOptions {
    pub(in crate::engine) begins: Option<Begins>,
    pub(in crate::engine) execution_timeout: Option<Duration>,
    pub(in crate::engine) reuse: IdReuse,
    pub(in crate::engine) tags: BTreeMap<String, String>,
    /// None: as the engine says. Some(None): for ever.
    pub(in crate::engine) retention: Option<Option<Duration>>,
}

/// When the first step is taken.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) enum Begins {
    After(Duration),
    At(Timestamp),
}

/// An update that goes with a start.
pub(in crate::engine) struct FirstUpdate {
    pub(in crate::engine) name: String,
    pub(in crate::engine) request: Payload,
    pub(in crate::engine) id: Option<String>,
    pub(in crate::engine) client: Client,
}

impl Actor {
    pub(in crate::engine) async fn start(
        &mut self,
        request: StartRequest,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Started, StartError> {
        let Some(existing) = &self.instance.checkpoint else {
            return self.begin(request, Relations::default(), (at, now)).await;
        };
        if renews(existing, request.options.reuse) {
            return self.begin(request, Relations::default(), (at, now)).await;
        }
        let workflow_id = self.instance.id.to_string();
        let (run, chain) = (existing.run, existing.first_run());
        if request.options.reuse == IdReuse::Reject {
            let (existing, state) = (existing.workflow.clone(), existing.status().as_str());
            return Err(StartError::AlreadyExists { workflow_id, existing, run_id: run, state });
        }
        let there = self.instance.first_start_record(&self.worker.shared).await?;
        let StartRequest { workflow, input, signals, update, .. } = request;
        let same = workflow.name == there.workflow || workflow.aliases.contains(&there.workflow.as_str());
        if !same || !there.input.canonical_eq(&input) {
            return Err(StartError::Conflict {
                workflow_id,
                existing: there.workflow,
                existing_input: shown(&there.input),
                requested: workflow.name.into(),
                requested_input: shown(&input),
            });
        }
        for signal in signals {
            self.signal(signal, at, now).await?;
        }
        if let Some(FirstUpdate { name, request, id, client }) = update {
            self.update(name, request, id, (at, now), client).await?;
        }
        Ok(Started { run, chain, is_new: false })
    }

    /// Starts a run, the first under its id or the next.
    pub(in crate::engine) async fn begin(
        &mut self,
        request: StartRequest,
        relations: Relations,
        (at, now): (Timestamp, Timestamp),
    ) -> Result<Started, StartError> {
        let StartRequest { workflow, input, options, signals, update } = request;
        let shared = self.worker.shared.clone();
        let run = shared.run_id(&self.instance.id, self.instance.checkpoint.as_ref().map(|c| c.run));
        let name = workflow.name.to_owned();
        let definition = workflow.fingerprint();
        let retention = options.retention.map(|d| d.map(micros_of));
        let record = StartRecord { workflow: name.clone(), input: input.clone(), at: now, definition, retention };
        let unsaveable = |source| StartError::Unencodable { workflow_id: self.instance.id.to_string(), source };
        let value = encoding::encode(&record).map_err(unsaveable)?;
        let mut draft = self.first_draft(run, name.clone(), relations, now);
        draft.events.push(Event::Started { workflow: name });
        draft.writes.push(Write::Put { key: self.instance.keys.start(run), value });
        draft.set(options, shared.settings.retention, now);
        self.deliver_first(&mut draft, signals, update, at).map_err(unsaveable)?;
        name_span(&draft.checkpoint);
        self.instance.machine = None;
        if let Some(reason) = shared.watch.condemned(&self.instance.id) {
            // Its first step did not end, or killed the process, before the start was durable.
            draft.block(reason);
            self.store(draft).await?;
            shared.watch.pardon(&self.instance.id);
        } else if draft.checkpoint.is_scheduled() {
            self.store(draft).await?;
        } else {
            self.instance.begin(workflow, run, input, now);
            self.deliver(draft, Next::Start).await?;
        }
        Ok(Started { run, chain: run, is_new: true })
    }

    /// The draft of a run that begins, and of the end of the one before it.
    fn first_draft(&self, run: RunId, workflow: String, relations: Relations, now: Timestamp) -> Box<Draft> {
        let Some(mut old) = self.draft(now) else {
            let members = Delta::of(&self.instance.members);
            let mut draft = Draft::new(Box::new(Checkpoint::start(run, workflow, now)), now, members);
            draft.checkpoint.relations = relations;
            return draft;
        };
        let keys = &self.instance.keys;
        if !old.checkpoint.is_closed() {
            old.terminate(keys, "another run was started under its id".into());
        }
        let mut next = old.checkpoint.successor(run, workflow, now, Why::Reused);
        let outbox = std::mem::take(&mut next.relations.outbox);
        next.relations = Relations { outbox, ..relations };
        old.succeed(keys, next)
    }

    /// Puts what comes with a start into the inbox.
    fn deliver_first(
        &self,
        draft: &mut Draft,
        signals: Vec<Outgoing>,
        update: Option<FirstUpdate>,
        at: Timestamp,
    ) -> Result<(), encoding::EncodeError> {
        let keys = &self.instance.keys;
        let mut ids = std::collections::BTreeSet::new();
        for Outgoing { name, payload, id } in signals {
            if id.as_ref().is_some_and(|id| !ids.insert((name.clone(), id.clone()))) {
                continue;
            }
            let record = crate::engine::checkpoint::SignalRecord { payload, received: at };
            draft.buffer(keys, &name, record, id.as_deref())?;
        }
        if let Some(FirstUpdate { name, request, id, client }) = update {
            let ticket = Ticket { name: name.clone(), seq: 0, id: id.clone() };
            draft.buffer(keys, &channel(&name), updates::record(ticket, request, at)?, id.as_deref())?;
            self.worker.clients.add(&self.instance.id, draft.checkpoint.first_run(), &name, 0, client);
        }
        Ok(())
    }
}

impl Draft {
    /// Makes a run that is about to begin as the options say.
    fn set(&mut self, options: StartOptions, retention: Option<Duration>, now: Timestamp) {
        let begins = match options.begins {
            None => None,
            Some(Begins::After(d)) => Some(later(now, d)),
            Some(Begins::At(at)) => Some(at),
        };
        let c = &mut self.checkpoint;
        c.begins = begins.filter(|at| *at > now);
        self.events.extend(c.begins.map(|until| Event::Delayed { until }));
        c.expires = options.execution_timeout.map(|d| later(c.begins.unwrap_or(now), d));
        let retention = options.retention.unwrap_or(retention);
        c.retention = retention.map(micros_of);
        for (key, value) in options.tags {
            self.events.push(Event::TaggedAtStart { key: key.clone(), value: value.clone() });
            c.tags.insert(key, value);
        }
    }
}

/// Whether a start begins another run, although there is one.
fn renews(existing: &Checkpoint, reuse: IdReuse) -> bool {
    match reuse {
        IdReuse::AttachOrConflict | IdReuse::Reject => false,
        IdReuse::AllowIfClosed => existing.is_closed(),
        IdReuse::AllowIfFailed => existing.is_closed() && existing.status() != Status::Completed,
        IdReuse::TerminateRunning => true,
    }
}

/// A value in a message.
fn shown(payload: &Payload) -> String {
    format!("{payload:?}")
}
