//! Several inputs in one commit, when they are there already.
//!
//! The machine still takes one input per step, in the order of the times at which they came or were due; only the commit
//! behind the steps is shared, so effects follow it as ever.

use super::{
    actor::Actor,
    checkpoint::{Operation, State},
    commit::Refusal,
    draft::Draft,
    instance::{self, Next},
    message::{Ended, Mail, Received},
    worker::Worker,
};
use crate::{activity::AttemptReport, hash::HashMap, journal::id::WorkflowId};
use std::collections::VecDeque;

/// Steps that share a commit.
const STEPS: usize = 64;

/// Reports of attempts that share a commit.
const REPORTS: usize = 256;

/// Of the results of attempts that share a commit, as bytes. The last one may go beyond it.
const BYTES: usize = 1 << 20;

impl Actor {
    /// An engine that evicts after every step wants every step for itself.
    fn alone(&self) -> bool {
        self.worker.shared.settings.resident == 0
    }

    pub(super) fn most_reports(&self) -> usize {
        if self.alone() { 1 } else { REPORTS }
    }

    /// What the machine can take in the state of `draft` without anything from outside.
    pub(super) fn ready_in(&self, draft: &Draft) -> Option<Next> {
        if draft.finished.is_some() {
            // A run that begins is stepped by a machine of its own.
            return None;
        }
        let c = &draft.checkpoint;
        // Which of a buffered signal and a deadline came first says only the signal's record.
        let buffered = |name: &String| c.inbox.get(name).is_some_and(|i| !i.is_empty());
        let undecided = |what: &Operation| matches!(what, Operation::Signal { name, .. } if buffered(name));
        let may_step = match c.state {
            State::Running => true,
            State::Blocked(_) => self.instance.retrying,
            _ => false,
        };
        if !may_step || c.pending.values().any(|p| undecided(&p.what)) {
            return None;
        }
        let running = |op| self.worker.is_running(&self.instance.id, op);
        let (_, next) = instance::next(c, draft.now, &HashMap::default(), &running)?;
        Some(next)
    }

    /// Commits a draft in which the machine has taken a step, and in the same commit the steps that can follow at once.
    pub(super) async fn commit_with_more(&mut self, first: Box<Draft>) -> Result<(), Refusal> {
        if self.alone() || self.ready_in(&first).is_none() {
            return self.commit(first).await;
        }
        let mut taken = first.clone();
        while taken.inputs.len() < STEPS {
            let Some(next) = self.ready_in(&taken) else { break };
            let before = taken.clone();
            self.gather(&mut taken, &next).await?;
            let stepped = match taken.take(&self.instance.keys, &next, None) {
                // A message that is not at hand is read when this step comes first.
                Some(input) => match self.step_inbox(&taken).await {
                    Ok(inbox) => self.step(&mut taken, input, inbox).is_ok(),
                    Err(_) => false,
                },
                None => false,
            };
            if !stepped {
                // What it cannot take comes first next time, and blocks the instance then.
                taken = before;
                self.instance.machine = None;
                break;
            }
        }
        if taken.inputs.len() == first.inputs.len() {
            return self.commit(taken).await;
        }
        match self.commit(taken).await {
            Err(Refusal::Unwritable(_)) => {
                // Whether the first step alone can be written is for the first step alone to say.
                self.instance.machine = None;
                self.commit(first).await
            }
            committed => committed,
        }
    }
}

impl Worker {
    /// The reports that wait at the front of an instance's mail, behind `first`.
    pub(super) fn more_reports(&self, id: &WorkflowId, first: Ended, most: usize) -> VecDeque<Ended> {
        let mut bytes = size(&first.report);
        let mut reports = VecDeque::from([first]);
        while reports.len() < most && bytes < BYTES {
            let Some(ended) = self.take_report(id) else { break };
            bytes += size(&ended.report);
            reports.push_back(ended);
        }
        reports
    }

    /// Takes the first piece of mail if it is the report of an attempt.
    fn take_report(&self, id: &WorkflowId) -> Option<Ended> {
        let received = self.take_mail_if(id, &|r| matches!(r.mail, Mail::Done { .. }))?;
        match received {
            Received { at, mail: Mail::Done { run, op, attempt, report }, .. } => {
                Some(Ended { at, run, op, attempt, report })
            }
            _ => None,
        }
    }
}

fn size(report: &AttemptReport) -> usize {
    match report {
        AttemptReport::Ok(v) | AttemptReport::Err { error: v, .. } => v.len(),
        _ => 0,
    }
}
