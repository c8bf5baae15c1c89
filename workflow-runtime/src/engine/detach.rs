//! Operations that lost a race: nobody waits for them, and nothing that becomes of them changes the run.

use super::{actor::Actor, checkpoint::Operation, draft::Draft};
use crate::{
    activity::AttemptReport,
    journal::history::{Ending, Event},
    machine::OpId,
};

impl Draft {
    /// Gives a pending operation up. Only an activity whose attempt may be running stays, marked, until that is known to
    /// have ended; a signal that waits in the inbox stays there.
    pub(super) fn detach(&mut self, op: OpId) {
        if self.detach_group(op) {
            return;
        }
        // What this very draft has scheduled was never started.
        let committed = !self.events.iter().any(|e| matches!(e, Event::Scheduled { op: new, .. } if *new == op.0));
        let Some(p) = self.checkpoint.pending.get_mut(&op) else { return };
        let runs = match &p.what {
            Operation::Activity(call) => {
                let starts = call.next_at.is_none() && call.deferred.is_none() && !call.stuck;
                committed && p.done.is_none() && starts
            }
            _ => false,
        };
        if runs {
            (p.cancel, p.detached) = (true, true);
        } else {
            self.checkpoint.pending.remove(&op);
        }
        self.events.push(Event::Detached { op: op.0 });
    }

    /// Notes how the last attempt of a detached activity has ended: no other one follows.
    pub(super) fn end_detached(&mut self, op: OpId, report: AttemptReport, limit: usize) {
        if self.remove_pending(op).is_some() {
            self.events.push(match last_words(report, limit) {
                Some(result) => Event::Completed { op: op.0, result },
                None => Event::OperationCancelled { op: op.0 },
            });
        }
    }
}

/// How an attempt ended that nobody waits for; `None`: it was stopped.
fn last_words(report: AttemptReport, limit: usize) -> Option<Ending> {
    Some(match report {
        AttemptReport::Ok(v) | AttemptReport::Err { error: v, .. } if v.len() > limit => {
            Ending::Unusable(format!("the result has {} bytes, the limit is {limit}", v.len()))
        }
        AttemptReport::Ok(value) => Ending::Value(value),
        AttemptReport::Err { error, .. } => Ending::Failed(error),
        AttemptReport::TimedOut(which) => Ending::TimedOut(which),
        AttemptReport::Panicked(message) => Ending::Panicked(message),
        AttemptReport::Cancelled | AttemptReport::Deferred => return None,
        AttemptReport::Undecodable(e) => Ending::Unusable(format!("the arguments do not decode: {e}")),
        AttemptReport::Unencodable(e) => Ending::Unusable(format!("the result cannot be saved: {e}")),
        AttemptReport::UnknownActivity => Ending::Unusable("this build has no activity of this name".into()),
    })
}

impl Actor {
    /// The attempt of a detached activity that ran when its process died has stopped with it: there is nobody left to ask.
    ///
    /// No commit says so before the next one of the instance, which is not woken for it.
    pub(super) fn forget_detached(&mut self) {
        let Some(c) = self.instance.checkpoint.as_mut() else { return };
        let gone = c.pending.iter().filter(|(op, p)| p.detached && !self.worker.is_running(&self.instance.id, **op));
        let gone: Vec<OpId> = gone.map(|(op, _)| *op).collect();
        for op in gone {
            if let Some(Operation::Activity(call)) = c.pending.remove(&op).map(|p| p.what) {
                self.instance.notes.push(Event::Lost { op: op.0, attempt: call.attempt });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{
            checkpoint::{By, Checkpoint, Inbox, Packed},
            group::Delta,
        },
        journal::{
            id::{Namespace, RunId, WorkflowId},
            key::InstanceKeys,
            payload::Payload,
        },
        machine::{Command, Step},
    };
    use jiff::Timestamp;

    fn draft(commands: Vec<Command>) -> Box<Draft> {
        let now = Timestamp::UNIX_EPOCH;
        let members = Delta::default();
        let mut draft =
            Draft::new(Box::new(Checkpoint::start(RunId(uuid::Uuid::from_u128(1)), "w".into(), now)), now, members);
        step(&mut draft, commands);
        draft
    }

    fn step(draft: &mut Draft, commands: Vec<Command>) {
        let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new("w").unwrap());
        let frame = Payload::encode(&()).unwrap();
        let by = By { definition: "0".repeat(32).parse().unwrap(), helpers: vec![] };
        let packed = Packed { by, frame, large: vec![], hash: 0 };
        draft.apply(&keys, Step { commands, closed: None, continued: None }, packed);
    }

    fn activity(op: u64) -> Command {
        let (args, options) = (Payload::encode(&()).unwrap(), crate::activity::ActivityOptions::default());
        Command::Activity { op: OpId(op), name: "a".into(), args, options }
    }

    fn next(mut draft: Box<Draft>) -> Box<Draft> {
        draft.events.clear();
        draft
    }

    #[test]
    fn timers_and_waits_are_gone_at_once_and_a_buffered_signal_stays() {
        let (at, name) = (Timestamp::UNIX_EPOCH, "news".to_owned());
        let wait = Command::Signal { op: OpId(1), name: name.clone(), deadline: None };
        let mut draft = next(draft(vec![Command::Timer { op: OpId(0), at }, wait]));
        draft.checkpoint.inbox.insert(name, Inbox { first: 0, next: 1 });
        step(&mut draft, vec![Command::Detach { op: OpId(0) }, Command::Detach { op: OpId(1) }]);
        assert!(draft.checkpoint.pending.is_empty());
        assert_eq!(draft.events, [Event::Detached { op: 0 }, Event::Detached { op: 1 }]);
        assert_eq!(draft.checkpoint.inbox["news"], Inbox { first: 0, next: 1 });
        assert!(draft.checkpoint.due().is_empty());
        step(&mut draft, vec![Command::Detach { op: OpId(0) }]);
        assert_eq!(draft.events.len(), 2, "what is gone is not given up again");
    }

    #[test]
    fn an_activity_that_may_run_is_asked_and_kept_until_it_ends() {
        let mut draft = next(draft(vec![activity(0), activity(1), activity(2)]));
        if let Some(call) = draft.call(OpId(1)) {
            call.next_at = Some(Timestamp::MAX);
        }
        let detach = |op| Command::Detach { op: OpId(op) };
        step(&mut draft, vec![detach(0), detach(1), detach(2), activity(3), detach(3)]);
        let kept: Vec<_> = draft.checkpoint.pending.iter().map(|(op, p)| (op.0, p.cancel, p.detached)).collect();
        assert_eq!(kept, [(0, true, true), (2, true, true)], "neither what waits nor what never started");
        let keys = InstanceKeys::new(&Namespace::default(), &WorkflowId::new("w").unwrap());
        assert!(!draft.checkpoint.index(&keys).contains_key(&keys.ready()), "nothing is woken for it");
        let mut draft = next(draft);
        let big = Payload::encode(&"x".repeat(100)).unwrap();
        draft.end_detached(OpId(0), AttemptReport::Ok(big), 50);
        draft.end_detached(OpId(2), AttemptReport::Cancelled, 50);
        assert!(draft.checkpoint.pending.is_empty());
        assert!(matches!(&draft.events[0], Event::Completed { op: 0, result: Ending::Unusable(_) }));
        assert_eq!(draft.events[1], Event::OperationCancelled { op: 2 });
    }
}
