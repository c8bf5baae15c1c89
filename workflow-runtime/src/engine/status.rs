//! What people see of a run. Read from the store, so that no worker has to be up for it.

use super::{
    checkpoint::{Call, Checkpoint, Operation, Pending, Reason, Remote, State, Status, Wait},
    compensating::{self, Compensating},
    error::{QueryError, Unavailable},
    inbox, instance,
    points::{self, PointStatus},
    shared::Shared,
    stored,
};
use crate::{
    activity::CompletionToken,
    journal::{
        encoding,
        history::Entry,
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Activation, Join, OpId},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A run as of its last commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunStatus {
    /// The id of the instance.
    pub workflow_id: String,
    /// The id of the run.
    pub run_id: RunId,
    /// Registered name of the workflow.
    pub workflow: String,
    /// Whether it runs, is blocked, or how it ended.
    pub state: Status,
    /// Why it is blocked.
    pub blocked: Option<Reason>,
    /// Label of the suspension point that it is in. In nested helpers and branches, the innermost of the first that waits.
    pub point: Option<String>,
    /// The innermost points of all branches that wait, in order; one without `join!` and `select!`.
    pub points: Vec<PointStatus>,
    /// Source file of the point.
    pub file: Option<String>,
    /// Source line of the point.
    pub line: Option<u32>,
    /// What it waits for.
    pub waits: Vec<Waits>,
    /// What is being undone because it failed: the workflow, or helpers of it.
    pub compensating: Vec<Compensating>,
    /// What the workflow passed to `set_status`.
    pub status: Option<serde_json::Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The locals that are alive, of the workflow and then of its helpers.
    pub locals: Vec<Local>,
    /// Buffered signals by name.
    pub inbox: BTreeMap<String, u64>,
    /// Buffered requests by the name of their update.
    pub updates: BTreeMap<String, u64>,
    /// The value or error that it ended with.
    pub outcome: Option<serde_json::Value>,
    /// The reason of the first request to cancel it.
    pub cancel_requested: Option<String>,
    /// When it was started.
    pub started: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// When it ended.
    pub closed: Option<Timestamp>,
    /// Before this time it takes no step, if its start was delayed.
    pub begins: Option<Timestamp>,
    /// When its execution timeout is over.
    pub expires: Option<Timestamp>,
    /// When it is removed, if it has ended and is not kept for ever.
    pub retire: Option<Timestamp>,
    /// The first of the runs that it is the newest of, by continuing as new.
    pub first_run_id: RunId,
    /// The run that this one continues.
    pub previous_run_id: Option<RunId>,
    /// The run that continues this one.
    pub next_run_id: Option<RunId>,
    /// Steps that it took.
    pub steps: u64,
    /// The id of the instance that started this one as its child.
    pub parent: Option<String>,
    /// The ids of its children that have not ended. [`Filter::children_of`](super::Filter::children_of) lists all.
    pub children: Vec<String>,
}

/// A local that is alive.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Local {
    /// The workflow or helper that it belongs to.
    pub workflow: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: serde_json::Value,
}

/// One thing that a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Waits {
    /// An attempt of an activity runs, or is about to.
    Attempt {
        /// Number of the operation.
        op: OpId,
        /// Name of the activity.
        activity: String,
        /// Number of the attempt.
        attempt: u32,
        /// Since when the workflow waits for the activity.
        since: Timestamp,
        /// Why the attempt before failed.
        last_error: Option<String>,
        /// The last progress that was kept, of this attempt or of one before.
        last_heartbeat: Option<serde_json::Value>,
        /// When the time for all attempts is over.
        deadline: Option<Timestamp>,
    },
    /// The next attempt of an activity starts later.
    Backoff {
        /// Number of the operation.
        op: OpId,
        /// Name of the activity.
        activity: String,
        /// Number of the attempt.
        attempt: u32,
        /// When it starts.
        next: Timestamp,
        /// Why the attempt before failed.
        last_error: Option<String>,
        /// The last progress that was kept.
        last_heartbeat: Option<serde_json::Value>,
        /// When the time for all attempts is over.
        deadline: Option<Timestamp>,
    },
    /// An activity whose result comes from outside.
    Deferred {
        /// Number of the operation.
        op: OpId,
        /// Name of the activity.
        activity: String,
        /// Number of the attempt that has deferred.
        attempt: u32,
        /// Since when.
        since: Timestamp,
        /// What completes it.
        token: CompletionToken,
        /// The last progress that was kept.
        last_heartbeat: Option<serde_json::Value>,
        /// When the time for all attempts is over.
        deadline: Option<Timestamp>,
    },
    /// A timer.
    Timer {
        /// Number of the operation.
        op: OpId,
        /// When it is due.
        at: Timestamp,
    },
    /// Another instance: that it starts, ends or takes a message.
    Instance {
        /// Number of the operation.
        op: OpId,
        /// Its id.
        id: String,
        /// The workflow that it runs.
        workflow: String,
        /// What it is expected to do.
        expected: Expected,
        /// Since when.
        since: Timestamp,
        /// How it stands; absent if it does not exist.
        state: Option<Status>,
    },
    /// The time of its first step.
    Begin {
        /// When that is.
        at: Timestamp,
    },
    /// A request of an update.
    Update {
        /// Number of the operation.
        op: OpId,
        /// Name of the update.
        name: String,
        /// When it stops waiting.
        deadline: Option<Timestamp>,
    },
    /// A signal.
    Signal {
        /// Number of the operation.
        op: OpId,
        /// Name of the signal.
        name: String,
        /// When it stops waiting.
        deadline: Option<Timestamp>,
    },
    /// A group of operations.
    Group {
        /// Number of the operation. Those of the members follow it.
        op: OpId,
        /// When it is over.
        join: Join,
        /// How many members there are.
        members: u64,
        /// Members that have ended.
        ended: u64,
        /// Members that have begun and not ended.
        open: u64,
    },
}

/// What a run waits for another instance to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Expected {
    /// To start, as a child.
    Start,
    /// To end.
    End,
    /// To take a signal of this name.
    Signal(String),
    /// To take a request to stop.
    Cancel,
    /// To be terminated.
    Terminate,
}

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = |f: &mut std::fmt::Formatter<'_>, e: &Option<String>| match e {
            Some(e) => write!(f, "; the attempt before: {e}"),
            None => Ok(()),
        };
        match self {
            Self::Attempt { activity, attempt, since, last_error, .. } => {
                write!(f, "attempt {attempt} of activity `{activity}`, called at {since}")?;
                last(f, last_error)
            }
            Self::Backoff { activity, attempt, next, last_error, .. } => {
                write!(f, "attempt {attempt} of activity `{activity}`, which starts at {next}")?;
                last(f, last_error)
            }
            Self::Deferred { activity, attempt, since, .. } => {
                write!(
                    f,
                    "the result of activity `{activity}`, which attempt {attempt} has left to somebody outside at {since}"
                )
            }
            Self::Timer { at, .. } => write!(f, "a timer that is due at {at}"),
            Self::Instance { id, expected, state, .. } => {
                match expected {
                    Expected::Start => write!(f, "the start of the child `{id}`"),
                    Expected::End => write!(f, "the end of `{id}`"),
                    Expected::Signal(name) => write!(f, "`{id}` to take the signal `{name}`"),
                    Expected::Cancel => write!(f, "`{id}` to take a request to stop"),
                    Expected::Terminate => write!(f, "`{id}` to be terminated"),
                }?;
                state.map_or(Ok(()), |state| write!(f, ", which is {state}"))
            }
            Self::Begin { at } => write!(f, "its first step, which is due at {at}"),
            Self::Update { name, deadline: None, .. } => write!(f, "the update `{name}`"),
            Self::Update { name, deadline: Some(at), .. } => write!(f, "the update `{name}`, until {at}"),
            Self::Signal { name, deadline: None, .. } => write!(f, "the signal `{name}`"),
            Self::Signal { name, deadline: Some(at), .. } => write!(f, "the signal `{name}`, until {at}"),
            Self::Group { join, members, ended, open, .. } => {
                write!(f, "{join} of {members}: {ended} have ended, {open} are under way")?;
                match members - ended - open {
                    0 => Ok(()),
                    waiting => write!(f, ", {waiting} wait for their turn"),
                }
            }
        }
    }
}

fn waits_for_activity(id: &WorkflowId, run: RunId, op: OpId, since: Timestamp, call: &Call, now: Timestamp) -> Waits {
    let (activity, attempt) = (call.name.to_string(), call.attempt);
    let last_error = call.last.as_ref().map(ToString::to_string);
    let (last_heartbeat, deadline) = (call.progress.as_ref().map(Payload::to_json), call.deadline(since));
    if let Some(deferred) = &call.deferred {
        let token = CompletionToken::new(id.as_str().into(), run.0, op);
        return Waits::Deferred { op, activity, attempt, since: deferred.since, token, last_heartbeat, deadline };
    }
    match call.next_at.filter(|at| *at > now) {
        Some(next) => Waits::Backoff { op, activity, attempt, next, last_error, last_heartbeat, deadline },
        None => Waits::Attempt { op, activity, attempt, since, last_error, last_heartbeat, deadline },
    }
}

fn waits(id: &WorkflowId, run: RunId, op: OpId, pending: &Pending, now: Timestamp) -> Option<Waits> {
    if pending.done.is_some() || pending.detached {
        return None;
    }
    Some(match &pending.what {
        Operation::Activity(call) => waits_for_activity(id, run, op, pending.since, call, now),
        Operation::Timer { at } => Waits::Timer { op, at: *at },
        Operation::Remote(remote) => {
            let Remote { id, workflow, wait } = &**remote;
            let expected = match wait {
                Wait::Start => Expected::Start,
                Wait::Child { first: None, .. } => Expected::Start,
                Wait::Child { .. } | Wait::Result { .. } => Expected::End,
                Wait::Signal { name } => Expected::Signal(name.clone()),
                Wait::Cancel => Expected::Cancel,
                Wait::Terminate => Expected::Terminate,
            };
            let (id, workflow, since) = (id.clone(), workflow.clone(), pending.since);
            Waits::Instance { op, id, workflow, expected, since, state: None }
        }
        Operation::Group(g) => {
            let open = g.started.saturating_sub(g.ended);
            Waits::Group { op, join: g.join, members: g.members, ended: g.ended, open }
        }
        Operation::Signal { name, deadline } => match inbox::update_of(name) {
            Some(update) => Waits::Update { op, name: update.into(), deadline: *deadline },
            None => Waits::Signal { op, name: name.clone(), deadline: *deadline },
        },
    })
}

pub(super) fn locals(activation: &Activation, into: &mut Vec<Local>) {
    into.extend(activation.slots.iter().map(|(name, value)| Local {
        workflow: activation.workflow.to_string(),
        name: name.to_string(),
        value: value.to_json(),
    }));
    for helper in activation.all_threads().into_iter().filter_map(|t| t.helper.as_deref()) {
        locals(helper, into);
    }
}

/// A local by name: of the workflow, or else of the outermost helper that has it.
fn slot<'a>(activation: &'a Activation, name: &str) -> Option<&'a Payload> {
    let mut helpers = activation.all_threads().into_iter().filter_map(|t| t.helper.as_deref());
    activation.slots.get(name).or_else(|| helpers.find_map(|h| slot(h, name)))
}

/// A local of a run that waits.
pub(super) async fn local(
    shared: &Shared,
    id: &WorkflowId,
    c: &Checkpoint,
    name: &str,
) -> Result<Option<Payload>, QueryError> {
    let Some(packed) = &c.frame else { return Ok(None) };
    let frame = instance::frame(shared, id, &shared.keys(id), c, packed).await?;
    Ok(slot(&frame.root, name).cloned())
}

/// The present state of a run.
pub(super) async fn status(shared: &Shared, id: &WorkflowId, c: Checkpoint) -> Result<RunStatus, QueryError> {
    let (c, keys) = (&c, shared.keys(id));
    let now = shared.clock.now();
    let begin = c.begins.filter(|_| c.is_scheduled()).map(|at| Waits::Begin { at }).into_iter();
    let buffered = || c.inbox.iter().filter(|(_, i)| !i.is_empty()).map(|(n, i)| (n.as_str(), i.next - i.first));
    let mut status = RunStatus {
        workflow_id: id.to_string(),
        run_id: c.run,
        workflow: c.workflow.clone(),
        state: c.status(),
        blocked: None,
        point: None,
        points: vec![],
        file: None,
        line: None,
        waits: begin.chain(c.pending.iter().filter_map(|(op, p)| waits(id, c.run, *op, p, now))).collect(),
        compensating: vec![],
        status: c.status.as_ref().map(|s| s.to_json()),
        tags: c.tags.clone(),
        locals: vec![],
        inbox: buffered().filter(|(n, _)| inbox::update_of(n).is_none()).map(|(n, i)| (n.to_owned(), i)).collect(),
        updates: buffered().filter_map(|(n, i)| Some((inbox::update_of(n)?.to_owned(), i))).collect(),
        outcome: outcome(c),
        cancel_requested: c.cancel.as_ref().map(|r| r.reason.clone()),
        started: c.started,
        updated: c.updated,
        closed: c.closed,
        begins: c.begins,
        expires: c.expires,
        retire: c.retire,
        first_run_id: c.first_run(),
        previous_run_id: c.relations.previous,
        next_run_id: match c.state {
            State::Continued { next } => Some(next),
            _ => None,
        },
        steps: c.steps,
        parent: c.relations.parent.as_ref().map(|p| p.id.clone()),
        children: c.relations.children.keys().cloned().collect(),
    };
    for wait in &mut status.waits {
        if let Waits::Instance { id, state, .. } = wait {
            *state = state_of(shared, id).await?;
        }
    }
    if let State::Blocked(reason) = &c.state {
        status.blocked = Some(reason.clone());
    }
    if let Some(packed) = &c.frame {
        match instance::frame(shared, id, &keys, c, packed).await {
            Ok(frame) => {
                status.compensating = compensating::compensating(&frame, &c.pending);
                points::describe(shared, id, &frame.root, &mut status).await?;
            }
            // What cannot be restored is still shown, and can be terminated.
            Err(e) => tracing::warn!(error = %e, "the frame cannot be shown"),
        }
    }
    Ok(status)
}

/// How another instance stands; `None` if there is none, or it cannot be read.
async fn state_of(shared: &Shared, id: &str) -> Result<Option<Status>, QueryError> {
    let Ok(id) = WorkflowId::new(id) else { return Ok(None) };
    match stored::newest(shared, &id).await {
        Ok(newest) => Ok(newest.map(|c| c.status())),
        Err(Unavailable::Undecodable { .. } | Unavailable::Unreadable { .. } | Unavailable::Damaged { .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn outcome(c: &Checkpoint) -> Option<serde_json::Value> {
    use crate::machine::Closed;
    match &c.state {
        State::Closed(Closed::Completed(v)) => Some(v.to_json()),
        State::Closed(Closed::Failed { error, .. } | Closed::Cancelled { error, .. }) => Some(error.to_json()),
        State::Terminated { reason } => Some(serde_json::Value::String(reason.clone())),
        State::TimedOut { .. } | State::Continued { .. } | State::Running | State::Blocked(_) => None,
    }
}

/// A part of the history of a run.
pub(super) async fn history(
    shared: &Shared,
    id: &WorkflowId,
    run: RunId,
    from: u64,
    limit: usize,
) -> Result<Vec<Entry>, QueryError> {
    let (keys, workflow_id) = (shared.keys(id), || id.to_string());
    let (from, to) = (keys.history(run, from), keys.history(run, u64::MAX));
    let rows = shared.store.scan(&from, &to, limit).await;
    let rows = rows.map_err(|source| Unavailable::Unreadable { workflow_id: workflow_id(), source })?;
    let entry = |value: &[u8]| encoding::decode(value);
    let entries: Result<Vec<Entry>, _> = rows.iter().map(|(_, value)| entry(value)).collect();
    Ok(entries.map_err(|source| Unavailable::Undecodable { workflow_id: workflow_id(), what: "history", source })?)
}
