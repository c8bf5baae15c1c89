//! What one run of a scenario leaves behind, in a form in which two runs can be compared.

use crate::{
    journal::history::{Ending, Event, Outcome},
    journal::payload::Payload,
    machine::OpId,
    testing::{attempts::Attempts, durable::Histories},
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How the text of a received signal begins.
const RECEIVED: &str = "received ";

/// What is the same however often the process dies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::testing) struct Report {
    /// What happened in the run, without what only says that a process died, and without times.
    history: Vec<String>,
    /// What each operation was asked to do.
    operations: BTreeMap<OpId, String>,
    /// Operations that nobody waited for to the end: they may have been stopped before they began.
    detached: BTreeSet<OpId>,
    /// How many attempts each took.
    attempts: BTreeMap<OpId, usize>,
    /// The run has ended.
    closed: bool,
}

/// The reports of all runs of a store, by instance and run.
pub(in crate::testing) type Reports = BTreeMap<(String, Uuid), Report>;

/// # Errors
///
/// A run itself breaks a promise, whatever other runs did.
pub(in crate::testing) fn reports(histories: &Histories, attempts: &Attempts) -> Result<Reports, String> {
    let mut reports = Reports::new();
    for (run, entries) in histories {
        let events = || entries.iter().flat_map(|e| &e.events);
        let mut detached = BTreeSet::new();
        let known = |e: &&Event| match e {
            Event::Detached { op } => detached.insert(*op),
            // How something ends that nobody waits for is not the run's business: it may end after the run, or with the process.
            Event::Completed { op, .. } | Event::OperationCancelled { op } => !detached.contains(op),
            _ => true,
        };
        let history = events().filter(known).filter_map(lasting).collect();
        let detached = detached.into_iter().map(OpId).collect();
        let closed = events().any(|e| matches!(e, Event::Closed(_)));
        reports.insert(run.clone(), Report { history, closed, detached, ..Report::default() });
    }
    for ((run, op), operation) in attempts.by_operation()? {
        let Some(report) = reports.get_mut(&run) else {
            return Err(format!(
                "operation {op} of `{}` ({}) was started for a run whose start was never durable",
                run.0, operation.what
            ));
        };
        report.attempts.insert(op, operation.attempts.len());
        report.operations.insert(op, operation.what);
    }
    Ok(reports)
}

/// Where two runs go apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::testing) struct Difference {
    /// In words.
    pub(in crate::testing) what: String,
    /// The first event that the undisturbed run does not have.
    pub(in crate::testing) event: Option<String>,
    /// All events of the run that differs.
    pub(in crate::testing) events: Vec<String>,
}

impl Report {
    pub(in crate::testing) fn history(&self) -> &[String] {
        &self.history
    }

    pub(in crate::testing) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Where `self`, of a process that died so often, differs from an undisturbed run.
    pub(in crate::testing) fn difference(
        &self,
        undisturbed: &Report,
        ordered: bool,
        crashes: usize,
    ) -> Option<Difference> {
        let order = |events: &[String]| {
            let mut events = events.to_vec();
            if ordered {
                // When a signal comes among other things is up to who sends it; among signals it is the order of sending.
                events.sort_by_key(|e| e.starts_with(RECEIVED));
            } else {
                events.sort();
            }
            events
        };
        let differs = |what: String, event: Option<&String>| {
            Some(Difference { what, event: event.cloned(), events: self.history.clone() })
        };
        let (expected, found) = (order(&undisturbed.history), order(&self.history));
        for i in 0..expected.len().max(found.len()) {
            let (e, f) = (expected.get(i), found.get(i));
            if e != f {
                let show = |s: Option<&String>| s.map_or("nothing more", |s| s.as_str()).to_owned();
                return differs(format!("event {i}: expected {}, found {}", show(e), show(f)), f);
            }
        }
        for (op, what) in &undisturbed.operations {
            match self.operations.get(op) {
                Some(found) if found == what => {}
                Some(found) => return differs(format!("operation {op}: expected {what}, found {found}"), None),
                None if undisturbed.detached.contains(op) => {}
                None => return differs(format!("operation {op}: expected {what}, which was never started"), None),
            }
        }
        for (op, n) in self.attempts.iter().filter(|(op, _)| !undisturbed.detached.contains(op)) {
            let most = undisturbed.attempts.get(op).copied().unwrap_or_default() + crashes;
            if *n > most {
                let what = &self.operations[op];
                let found =
                    format!("operation {op} ({what}): {n} attempts, at most {most} can be explained by the crashes");
                return differs(found, None);
            }
        }
        None
    }
}

/// Arguments, also none.
fn arguments(args: &Payload) -> String {
    match args.to_json() {
        serde_json::Value::Null => "[]".into(),
        args => args.to_string(),
    }
}

fn show(payload: &Payload) -> String {
    payload.to_json().to_string()
}

/// The event as text, if a crash must not change it.
pub(in crate::testing) fn lasting(event: &Event) -> Option<String> {
    Some(match event {
        Event::Lost { .. }
        | Event::AttemptFailed { .. }
        | Event::Superseded { .. }
        | Event::Heartbeat { .. }
        | Event::Deferred { .. }
        | Event::Unblocked => return None,
        Event::FromOutside { op, .. } => format!("op {op}: from outside"),
        Event::Started { workflow } => format!("started {workflow}"),
        Event::Scheduled { op, activity, args } => format!("op {op}: {activity}{} scheduled", arguments(args)),
        Event::GroupStarted { op, join, members, .. } => format!("op {op}: {join} of {members}"),
        Event::TimerStarted { op, .. } => format!("op {op}: timer set"),
        Event::Waiting { op, signal, deadline } => {
            format!("op {op}: waits for signal {signal}{}", if deadline.is_some() { ", with a deadline" } else { "" })
        }
        Event::Completed { op, result } => format!("op {op}: {}", ending(result)),
        Event::TimerFired { op } => format!("op {op}: timer fired"),
        Event::SignalReceived { name, seq, payload } => format!("{RECEIVED}signal {name} {seq}: {}", show(payload)),
        Event::SignalConsumed { op, name, seq } => format!("op {op}: took signal {name} {seq}"),
        Event::SignalTaken { name, seq } => format!("took signal {name} {seq} without waiting"),
        Event::UpdateReceived { name, seq, request, .. } => {
            format!("{RECEIVED}update {name} {seq}: {}", show(request))
        }
        Event::UpdateTaken { op: Some(op), name, seq } => format!("op {op}: took update {name} {seq}"),
        Event::UpdateTaken { op: None, name, seq } => format!("took update {name} {seq} without waiting"),
        Event::UpdateAnswered { name, seq, answer: Ok(value) } => format!("answered {name} {seq}: {}", show(value)),
        Event::UpdateAnswered { name, seq, answer: Err(why) } => format!("rejected {name} {seq}: {why}"),
        Event::WaitingForUpdate { op, update, deadline } => {
            format!("op {op}: waits for update {update}{}", if deadline.is_some() { ", with a deadline" } else { "" })
        }
        Event::UpdateSetAside { name, seq, .. } => format!("update {name} {seq} set aside"),
        Event::TaggedAtStart { key, value } => format!("started with tag {key} = {value}"),
        Event::Delayed { .. } => "delayed".into(),
        Event::SignalSetAside { name, seq, .. } => format!("signal {name} {seq} set aside"),
        Event::CancelRequested { reason } => format!("cancel requested: {reason}"),
        Event::CancelAsked { op } => format!("op {op}: asked to stop"),
        Event::OperationCancelled { op } => format!("op {op}: cancelled"),
        Event::Detached { op } => format!("op {op}: detached"),
        Event::Compensating { workflow, error, calls } => {
            format!("{workflow} failed with {}, {calls} compensations", show(error))
        }
        Event::CompensationSkipped { op, activity, reason } => format!("op {op}: {activity} skipped: {reason}"),
        Event::MessageSent { seq, to, message, .. } => format!("message {seq} to {to}: {message}"),
        Event::MessageReceived { from, seq, message, .. } => format!("message {seq} of {from}: {message}"),
        Event::MessageTaken { op, id } => format!("op {op}: message taken by {id}"),
        Event::MessageRefused { op, id, reason } => format!("op {op}: {id} refused: {reason}"),
        Event::AnswerAbandoned { op, id } => format!("op {op}: waits for {id} no longer"),
        Event::ContinuedAsNew { input, .. } => format!("continued as new with {}", show(input)),
        Event::ContinuedFrom { .. } => "continued from another run".into(),
        Event::ChildStarted { op, id, .. } => format!("op {op}: child {id} started"),
        // Whether the end of a child is heard of before somebody asks is up to the child.
        Event::ChildEnded { op: None, .. } => return None,
        Event::ChildEnded { op: Some(op), id, outcome } => {
            format!("op {op}: child {id} {}", outcome.as_ref().map_or_else(|| "ended".into(), closed))
        }
        Event::SideEffect(value) => format!("side effect: {}", show(value)),
        Event::StatusSet(value) => format!("status: {}", show(value)),
        Event::Tagged { key, value } => format!("tag {key} = {value}"),
        Event::Checkpointed { .. } | Event::Rebuilt { .. } => return None,
        Event::Upgraded { workflow, decided, .. } => format!("upgraded {workflow}, decided {decided:?}"),
        Event::Blocked { code, message } => format!("blocked: {code} {message}"),
        Event::Closed(outcome) => closed(outcome),
    })
}

fn ending(result: &Ending) -> String {
    match result {
        Ending::Value(value) => format!("gave {}", show(value)),
        Ending::Failed(error) => format!("failed with {}", show(error)),
        Ending::TimedOut(which) => format!("timed out ({which})"),
        Ending::Panicked(message) => format!("panicked: {message}"),
        Ending::Cancelled => "cancelled".into(),
        Ending::Unusable(why) => format!("unusable: {why}"),
    }
}

fn closed(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed(value) => format!("completed with {}", show(value)),
        Outcome::Failed(error) => format!("failed with {}", show(error)),
        Outcome::Cancelled { reason, error } => format!("cancelled ({reason}) with {}", show(error)),
        Outcome::Terminated { reason } => format!("terminated: {reason}"),
        Outcome::TimedOut { .. } => "out of time".into(),
    }
}
