//! A new run under the id of one that ends: what it takes over, what is kept of the other one, and when that goes.
//!
//! One commit ends the one and begins the other. The records of a former run stay readable by its run id until its
//! retention is over, or until the id goes.

use super::{
    checkpoint::{Checkpoint, Ended, Former, State},
    draft::{Draft, Stepped},
};
use crate::{
    journal::{
        history::{Event, Outcome, Taken},
        id::RunId,
        key::InstanceKeys,
    },
    store::Write,
};
use jiff::Timestamp;
use std::time::Duration;

/// Why there is a new run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The run goes on as a new one: callers notice nothing.
    Continued,
    /// The id is used again by somebody who knows that its run has ended.
    Reused,
}

impl Checkpoint {
    /// The beginning of the run that follows this one under the same id.
    ///
    /// A run that goes on takes with it: parent, children and who waits for its end; the chain, and so the ids that were seen and the answers that were given; what
    /// is in the inbox, unanswered updates among it; a cancellation request that has not been delivered; tags, deadline
    /// and retention. One that uses the id again takes nothing of that.
    pub(super) fn successor(&self, run: RunId, workflow: String, now: Timestamp, why: Why) -> Checkpoint {
        let mut next = Checkpoint::start(run, workflow, now);
        next.former = self.former.clone();
        // What the run that ends has to tell others is told by the next one.
        next.relations.outbox = self.relations.outbox.clone();
        if why == Why::Continued {
            next.relations = self.relations.clone();
            next.relations.first = Some(self.first_run());
            next.relations.previous = Some(self.run);
            next.inbox = self.inbox.clone();
            next.cancel = self.cancel.clone().filter(|c| !c.delivered);
            next.tags = self.tags.clone();
            next.expires = self.expires;
            next.retention = self.retention;
        }
        next
    }

    /// Notes when the run ended, and when it goes.
    pub(super) fn end(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.closed = Some(now);
        self.retire = self.retention.map(|micros| later(now, Duration::from_micros(micros)));
    }
}

/// What a commit writes about the run that ends with it.
#[derive(Clone)]
pub(super) struct Finished {
    pub(super) checkpoint: Box<Checkpoint>,
    /// What its last entry of the history says. Empty if it had ended before.
    pub(super) events: Vec<Event>,
    pub(super) inputs: Vec<Taken>,
    pub(super) stepped: Option<Stepped>,
}

impl Draft {
    /// Makes `self`, the draft of a run that ends or has ended, the draft of the run that follows it.
    ///
    /// The state of `self` says how its run ended, and its events say it to the history.
    pub(super) fn succeed(mut self, keys: &InstanceKeys, mut next: Checkpoint) -> Box<Draft> {
        self.close_groups();
        let members = self.members.of_next_run();
        // Only deletions: nothing is encoded.
        let _ = self.members.writes(keys, &mut self.checkpoint, &mut self.writes);
        let Draft {
            now,
            mut checkpoint,
            events,
            mut writes,
            definitions,
            stepped,
            inputs,
            letters,
            arrived,
            answers,
            ..
        } = self;
        if checkpoint.closed.is_none() {
            let state = checkpoint.state.clone();
            checkpoint.end(state, now);
        }
        for gone in std::mem::take(&mut checkpoint.large) {
            writes.push(Write::Delete { key: keys.slot(checkpoint.run, &gone.name) });
        }
        // One that is kept for ever goes with the id, and is in nobody's way until then.
        if next.former.is_none() && checkpoint.retire.is_some() {
            next.former = Some(Former { run: checkpoint.run, retire: checkpoint.retire });
        }
        let mut draft = Draft::new(Box::new(next), now, members);
        (draft.writes, draft.definitions, draft.letters) = (writes, definitions, letters);
        (draft.arrived, draft.answers) = (arrived, answers);
        draft.finished = Some(Box::new(Finished { checkpoint, events, inputs, stepped }));
        draft
    }

    /// Ends the run from outside.
    pub(super) fn terminate(&mut self, keys: &InstanceKeys, reason: String) {
        self.close(keys, State::Terminated { reason: reason.clone() });
        self.events.push(Event::Closed(Outcome::Terminated { reason }));
    }

    /// Ends the run because its time is over.
    pub(super) fn expire(&mut self, keys: &InstanceKeys, after: Timestamp) {
        self.close(keys, State::TimedOut { after });
        self.events.push(Event::Closed(Outcome::TimedOut { after }));
    }
}

impl Finished {
    /// The record that is kept of it.
    pub(super) fn ended(&self, now: Timestamp, next: RunId) -> Ended {
        Ended::of(&self.checkpoint, now, next)
    }
}

/// A duration as checkpoints keep it.
pub(super) fn micros_of(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

/// `at + d`, or the end of time if that is later than a timestamp can say.
pub(super) fn later(at: Timestamp, d: Duration) -> Timestamp {
    at.checked_add(d).unwrap_or(Timestamp::MAX)
}
