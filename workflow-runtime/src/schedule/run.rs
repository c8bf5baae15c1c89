//! The schedule at work: a workflow like any other.

use super::{
    book::{Act, Book, Cause, Counts, Due, Look},
    spec::{Overlap, Schedule},
};
use crate::{
    journal::payload::Payload,
    machine::operation::{EndOf, NamedChild, StartNamed},
    prelude::*,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Registered name of the workflow that a schedule is.
pub(super) const NAME: &str = "workflow.schedule";

/// What a schedule is asked.
pub(super) const ASK: Update<Ask, ()> = Update::new("schedule");

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Ask {
    Pause { note: String },
    Resume,
    Trigger { overlap: Option<Overlap> },
    Backfill { from: Timestamp, until: Timestamp, overlap: Overlap },
    Replace { target: Target, schedule: Schedule },
    Delete,
}

/// What is started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) workflow: String,
    pub(super) input: Payload,
    /// What the ids of the runs begin with.
    pub(super) prefix: String,
}

impl Target {
    /// The same for the same time, so that a backfill does not start again what was started then; two triggers are two runs.
    fn id(&self, due: &Due) -> String {
        match due.cause {
            Cause::Rule | Cause::Backfill => format!("{}-{}", self.prefix, due.nominal),
            Cause::Trigger => format!("{}-{}-{:08x}", self.prefix, due.nominal, random::<u32>()),
        }
    }
}

/// What a schedule shows of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduleStatus {
    /// The workflow that it starts.
    pub workflow: String,
    /// Its rules.
    pub schedule: Schedule,
    /// Why its calendar cannot be looked at on this machine. It tries again every hour.
    pub problem: Option<String>,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// When it is due next. None if it is paused or nothing is to come.
    pub next: Option<Timestamp>,
    /// The run that was started last, if it has not ended.
    pub running: Option<String>,
    /// What has become of the times that were due.
    pub counts: Counts,
    /// The runs that were started last, the newest first.
    pub recent: VecDeque<Recent>,
    pub(super) target: Target,
}

/// A run that a schedule has started, or could not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recent {
    /// Its id.
    pub workflow_id: String,
    /// When it was due.
    pub due: Timestamp,
    /// When it was started.
    pub started: Timestamp,
    /// How it has ended, or why it could not be started, for people. Absent as long as it is not known; the ends of runs that were
    /// started side by side are not waited for.
    pub outcome: Option<String>,
}

/// Runs that are shown.
const SHOWN: usize = 10;

/// Rounds after which the schedule begins a new run, so that no history grows without end.
const ROUNDS: u32 = 500;

/// Everything that a schedule knows, from one run of it to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    book: Book,
    running: Option<NamedChild>,
    recent: VecDeque<Recent>,
}

impl State {
    fn new(schedule: Schedule) -> Self {
        State { book: Book::new(schedule, now()), running: None, recent: VecDeque::new() }
    }

    fn show(&self, target: &Target, look: &Look) {
        set_status(&ScheduleStatus {
            workflow: target.workflow.clone(),
            schedule: self.book.schedule.clone(),
            paused: self.book.paused.clone(),
            problem: look.problem.clone(),
            next: self.book.wake(look.next),
            running: self.running.as_ref().map(|c| c.id.clone()),
            counts: self.book.counts,
            recent: self.recent.clone(),
            target: target.clone(),
        });
    }

    fn started(&mut self, due: &Due, workflow_id: String, started: Result<NamedChild, ChildStartError>) {
        let mut outcome = None;
        match started {
            Ok(child) => self.running = Some(child),
            Err(e) => {
                self.book.refused(due);
                outcome = Some(std::error::Error::source(&e).map_or(e.to_string(), |cause| format!("{e}: {cause}")));
            }
        }
        self.recent.push_front(Recent { workflow_id, due: due.nominal, started: now(), outcome });
        self.recent.truncate(SHOWN);
    }

    fn ended(&mut self, outcome: Option<String>) {
        let Some(child) = self.running.take() else { return };
        if let Some(recent) = self.recent.iter_mut().find(|r| r.workflow_id == child.id) {
            recent.outcome = outcome;
        }
    }
}

/// Starts runs of `target` when they are due. `state` is what a run before this one has handed over.
#[workflow(name = "workflow.schedule")]
pub(super) async fn schedule(target: Target, schedule: Schedule, state: Option<State>) -> Result<(), Cancelled> {
    let mut target = target;
    let mut state = state.unwrap_or_else(|| State::new(schedule.clone()));
    for _ in 0..ROUNDS {
        // Time zones belong to the machine: what was found is recorded.
        let look = side_effect(|| state.book.look(now()));
        let more = state.book.enter(&target.prefix, &look, now());
        while let Some(act) = state.book.act(now(), state.running.is_some()) {
            match act {
                Act::Start(due) => {
                    let id = target.id(&due);
                    let (workflow, input) = (target.workflow.clone(), target.input.clone());
                    let started = StartNamed { workflow, input, id: id.clone() }.await;
                    state.started(&due, id, started);
                }
                Act::Cancel => {
                    if let Some(child) = state.running.clone() {
                        // One that cannot be asked has ended, which is told in another way.
                        let _asked = child.cancel(&target.workflow, "the next run is due").await;
                    }
                }
            }
        }
        state.show(&target, &look);
        if more {
            continue;
        }
        if state.book.is_over(look.next) && state.running.is_none() {
            return Ok(());
        }
        let wake = state.book.wake(look.next).unwrap_or(Timestamp::MAX);
        select! {
            asked = ASK.recv() => {
                let (ask, reply) = asked?;
                let deleted = matches!(ask, Ask::Delete);
                match ask {
                    Ask::Pause { note } => state.book.pause(note),
                    Ask::Resume => state.book.resume(now()),
                    Ask::Trigger { overlap } => state.book.trigger(now(), overlap),
                    Ask::Backfill { from, until, overlap } => state.book.backfill(from, until, overlap),
                    Ask::Replace { target: by, schedule } => {
                        target = by;
                        state.book.replace(schedule, now());
                    }
                    Ask::Delete => {}
                }
                reply.send(());
                if deleted {
                    return Ok(());
                }
            }
            due = sleep_until(wake) => due?,
            outcome = EndOf::new(state.running.as_ref(), &target.workflow) => state.ended(outcome),
        }
    }
    let schedule = state.book.schedule.clone();
    continue_as_new!(target, schedule, Some(state))
}
