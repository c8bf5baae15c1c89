//! What attempts were asked to do, and what they reported.

use crate::{
    activity::{AttemptReport, AttemptRequest},
    journal::{
        history::{Ending, Failure, Timeout},
        payload::Payload,
    },
    machine::OpId,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The work of all instances.
#[derive(Default)]
pub(in crate::testing::sim) struct Effects {
    by_key: BTreeMap<String, Asked>,
    begun: Vec<AttemptRequest>,
    reports: BTreeMap<(Uuid, OpId), Vec<Reported>>,
    /// The process whose commit is looked at.
    pub(super) writer: u64,
}

struct Asked {
    of: (Uuid, OpId),
    what: String,
    /// Number of the attempt, and the process that made it.
    attempts: BTreeSet<(u32, u64)>,
}

/// How an attempt ended, as far as a history can say.
#[derive(Debug, PartialEq)]
enum Reported {
    Value(Payload),
    Error(Payload),
    TimedOut,
    Panicked(String),
    Cancelled,
    /// Somebody outside says how.
    Deferred,
    Unusable,
}

impl Effects {
    /// # Errors
    ///
    /// The key is that of another operation, the operation asks for something else than before, or the attempt was
    /// started before.
    pub(super) fn starts(&mut self, process: u64, request: &AttemptRequest) -> Result<(), String> {
        let (of, key) = ((request.run_id, request.op), request.idempotency_key());
        let what = format!("{}{}", request.name, request.args.to_json());
        let asked = self.by_key.entry(key.clone()).or_insert_with(|| Asked {
            of,
            what: what.clone(),
            attempts: BTreeSet::new(),
        });
        if asked.of != of {
            return Err(format!("operations {} and {} share the idempotency key {key}", asked.of.1, of.1));
        }
        if asked.what != what {
            return Err(format!("operation {} is first {}, then {what}", of.1, asked.what));
        }
        let before = asked.attempts.iter().find(|(n, _)| *n == request.attempt).map(|(_, p)| *p);
        // A later attempt may be repeated by another process: its start is not committed.
        if before.is_some_and(|p| request.attempt == 1 || p == process) {
            return Err(format!("attempt {} of {key} ({what}) is started twice", request.attempt));
        }
        asked.attempts.insert((request.attempt, process));
        Ok(())
    }

    pub(super) fn begins(&mut self, request: &AttemptRequest) {
        self.begun.push(request.clone());
    }

    pub(super) fn reported(&mut self, request: &AttemptRequest, report: &AttemptReport) {
        let report = match report {
            AttemptReport::Ok(v) => Reported::Value(v.clone()),
            AttemptReport::Err { error, .. } => Reported::Error(error.clone()),
            AttemptReport::TimedOut(_) => Reported::TimedOut,
            AttemptReport::Deferred => Reported::Deferred,
            AttemptReport::Panicked(message) => Reported::Panicked(message.clone()),
            AttemptReport::Cancelled => Reported::Cancelled,
            AttemptReport::Undecodable(_) | AttemptReport::Unencodable(_) | AttemptReport::UnknownActivity => {
                Reported::Unusable
            }
        };
        self.reports.entry((request.run_id, request.op)).or_default().push(report);
    }

    /// Whether the process that now counts an attempt as lost has made it itself: it cannot have ended with another one.
    pub(super) fn is_own(&self, run: Uuid, op: OpId, attempt: u32) -> bool {
        let mut asked = self.by_key.values().filter(|a| a.of == (run, op));
        asked.any(|a| a.attempts.contains(&(attempt, self.writer)))
    }

    /// Whether an attempt of this operation has ended like this.
    pub(super) fn has_ended(&self, run: Uuid, op: OpId, ending: &Ending) -> bool {
        let like = match ending {
            Ending::Value(v) => Reported::Value(v.clone()),
            Ending::Failed(e) => Reported::Error(e.clone()),
            // The time of all attempts together is for the engine to count.
            Ending::TimedOut(Timeout::Total) => return true,
            Ending::TimedOut(_) => Reported::TimedOut,
            Ending::Panicked(message) => Reported::Panicked(message.clone()),
            _ => return true,
        };
        self.any(run, op, &like)
    }

    /// Whether an attempt of this operation has failed like this.
    pub(super) fn has_failed(&self, run: Uuid, op: OpId, failure: &Failure) -> bool {
        let like = match failure {
            Failure::Error(e) => Reported::Error(e.clone()),
            Failure::TimedOut(_) => Reported::TimedOut,
            Failure::Panicked(message) => Reported::Panicked(message.clone()),
        };
        self.any(run, op, &like)
    }

    fn any(&self, run: Uuid, op: OpId, like: &Reported) -> bool {
        self.reports.get(&(run, op)).is_some_and(|r| r.contains(like) || r.contains(&Reported::Deferred))
    }

    /// The attempts whose body has begun, in order.
    pub(in crate::testing::sim) fn begun(&self) -> &[AttemptRequest] {
        &self.begun
    }
}
