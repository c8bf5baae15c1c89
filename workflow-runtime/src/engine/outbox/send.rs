//! What a commit has to tell other instances.

use super::{Asked, Body, Letter, Only};
use crate::{
    engine::{
        checkpoint::{Addressed, ChildLink, Operation, Pending, Remote, State, Wait},
        draft::Draft,
    },
    journal::{
        encoding,
        history::Event,
        id::{RunId, WorkflowId},
        key::InstanceKeys,
    },
    machine::{Answer, Ask, Closed, Completion, Ended, OpId, ParentClose, Refused, Target},
    store::Write,
};

impl Draft {
    /// Puts a message into the outbox.
    pub(in crate::engine) fn send(&mut self, keys: &InstanceKeys, to: &str, op: Option<OpId>, body: Body) {
        let c = &mut self.checkpoint;
        let sender = c.first_run();
        let outbox = &mut c.relations.outbox;
        let seq = outbox.next;
        outbox.next += 1;
        outbox.open.insert(seq, Addressed { to: to.into(), run: c.run, op });
        let message = body.told();
        self.events.push(Event::MessageSent { op: op.map(|op| op.0), seq, to: to.into(), message });
        let letter = Letter { to: to.into(), sender, body };
        // Payloads are byte strings and all else is plain data: this always encodes.
        if let Ok(value) = encoding::encode(&letter) {
            self.writes.push(Write::Put { key: keys.outbox(seq), value });
        }
        self.letters.insert(seq, letter);
    }

    /// Begins an operation that asks another instance.
    pub(in crate::engine) fn remote(&mut self, keys: &InstanceKeys, op: OpId, target: Target, ask: Ask) {
        let run = self.checkpoint.run;
        let Target { id, workflow, run: first } = target;
        let only = || first.map_or_else(|| Only::Workflow(workflow.clone()), |first| Only::First(RunId(first)));
        let (wait, body) = match ask {
            Ask::Start { input, close, wait, on_cancel } => {
                if WorkflowId::new(id.as_str()).is_ok() {
                    let link = ChildLink { workflow: workflow.clone(), close, first: None };
                    self.checkpoint.relations.children.entry(id.clone()).or_insert(link);
                }
                let watcher = wait.then_some((run, op));
                let body = Body::Start { workflow: workflow.clone(), input, watcher };
                (if wait { Wait::Child { on_cancel, first: None } } else { Wait::Start }, body)
            }
            Ask::Result { on_cancel } => {
                let first = RunId(first.unwrap_or_default());
                (Wait::Result { on_cancel, first }, Body::Watch { first, run, op })
            }
            Ask::Signal { name, payload } => {
                (Wait::Signal { name: name.clone() }, Body::Signal { only: only(), name, payload })
            }
            Ask::Cancel { reason } => (Wait::Cancel, Body::Cancel { only: only(), reason }),
            Ask::Terminate { reason } => (Wait::Terminate, Body::Terminate { only: only(), reason }),
        };
        let what = Operation::Remote(Box::new(Remote { id: id.clone(), workflow, wait }));
        let pending = Pending { since: self.now, cancel: false, detached: false, done: None, what };
        self.checkpoint.pending.insert(op, pending);
        match WorkflowId::new(id.as_str()) {
            Ok(_) => self.send(keys, &id, Some(op), body),
            Err(e) => self.answer(op, Answer::Refused(Refused::InvalidId(e.to_string()))),
        }
    }

    /// Ends an operation that waits for another instance.
    pub(in crate::engine) fn answer(&mut self, op: OpId, answer: Answer) {
        let (at, n) = (self.now, op.0);
        let Some(Operation::Remote(remote)) = self.pending_mut(op).map(|p| &p.what) else { return };
        let id = remote.id.clone();
        self.events.push(match &answer {
            Answer::Started { run } => Event::ChildStarted { op: n, id: id.clone(), run: RunId(*run) },
            Answer::Ended(ended) => Event::ChildEnded { op: Some(n), id: id.clone(), outcome: Some(ended.clone()) },
            Answer::Taken => Event::MessageTaken { op: n, id: id.clone() },
            Answer::Refused(reason) => Event::MessageRefused { op: n, id: id.clone(), reason: reason.clone() },
            Answer::Abandoned => Event::AnswerAbandoned { op: n, id: id.clone() },
        });
        self.end(op, Completion::Remote { id, answer }, at);
    }

    /// What follows for an operation that was asked to stop, or that lost a race: its child is asked to stop as well.
    pub(in crate::engine) fn stop_remote(&mut self, keys: &InstanceKeys, op: OpId, detach: bool, reason: &str) {
        let Some(Operation::Remote(remote)) = self.pending_mut(op).map(|p| p.what.clone()) else { return };
        let c = &self.checkpoint;
        let passed_on = match &remote.wait {
            Wait::Child { .. } => true,
            // Who only looks on has nothing to say, and a child that was started apart may go on without being looked at.
            Wait::Result { first, .. } => {
                !detach && c.relations.children.get(&remote.id).is_some_and(|link| link.first == Some(*first))
            }
            _ => false,
        };
        if passed_on {
            let id = remote.id.clone();
            self.send(keys, &id, None, Body::Cancel { only: Only::Child, reason: reason.into() });
        }
    }

    /// The instance has ended: its children end as was said when they were started, and who waits for it is told.
    pub(in crate::engine) fn tell_the_end(&mut self, keys: &InstanceKeys) {
        let relations = &mut self.checkpoint.relations;
        let (children, watchers) = (std::mem::take(&mut relations.children), std::mem::take(&mut relations.watchers));
        let parent = relations.parent.clone();
        for (id, link) in children {
            let reason = || format!("its parent has ended ({})", self.checkpoint.status());
            match link.close {
                ParentClose::Abandon => {}
                ParentClose::Cancel => {
                    let reason = reason();
                    self.send(keys, &id, None, Body::Cancel { only: Only::Child, reason });
                }
                ParentClose::Terminate => {
                    let reason = reason();
                    self.send(keys, &id, None, Body::Terminate { only: Only::Child, reason });
                }
            }
        }
        let first = self.checkpoint.first_run();
        let Some(ended) = ended(&self.checkpoint.state) else { return };
        for w in &watchers {
            let asked = Some(Asked { run: w.run, op: w.op, ended: ended.clone() });
            self.send(keys, &w.id, None, Body::Ended { first, asked });
        }
        if let Some(parent) = parent.filter(|p| watchers.iter().all(|w| w.id != p.id)) {
            self.send(keys, &parent.id, None, Body::Ended { first, asked: None });
        }
    }

    /// Notes what receivers have answered without ending an operation, and lets go of what they have taken.
    pub(in crate::engine) fn settle(&mut self, keys: &InstanceKeys, seq: u64, answer: &Answer) {
        let Some(Addressed { to, run, op }) = self.checkpoint.relations.outbox.open.remove(&seq) else { return };
        self.writes.push(Write::Delete { key: keys.outbox(seq) });
        self.link(&to, answer);
        let Some(op) = op.filter(|_| run == self.checkpoint.run) else { return };
        let pending = self.pending_mut(op);
        let Some(Pending { what: Operation::Remote(remote), done: None, .. }) = pending else { return };
        match (&mut remote.wait, answer) {
            (Wait::Child { first, .. }, Answer::Started { run }) => {
                *first = Some(RunId(*run));
                self.events.push(Event::ChildStarted { op: op.0, id: to, run: RunId(*run) });
            }
            (Wait::Result { .. }, Answer::Taken) => {}
            _ => self.answer(op, answer.clone()),
        }
    }
}

impl Draft {
    /// What an answer tells about a child.
    fn link(&mut self, id: &str, answer: &Answer) {
        let children = &mut self.checkpoint.relations.children;
        match (children.get_mut(id), answer) {
            (Some(link), Answer::Started { run }) => link.first = Some(RunId(*run)),
            (Some(_), Answer::Ended(_)) | (Some(ChildLink { first: None, .. }), Answer::Refused(_)) => {
                children.remove(id);
            }
            _ => {}
        }
    }

    /// Notes that a child has started, if its end is the first that is heard of it.
    pub(in crate::engine) fn note_started(&mut self, op: OpId, run: RunId) {
        let pending = self.pending_mut(op);
        if let Some(Operation::Remote(remote)) = pending.map(|p| &mut p.what)
            && let Remote { id, wait: Wait::Child { first: first @ None, .. }, .. } = &mut **remote
        {
            *first = Some(run);
            let id = id.clone();
            self.events.push(Event::ChildStarted { op: op.0, id, run });
        }
    }
}

/// How an instance has ended, if it has.
pub(in crate::engine) fn ended(state: &State) -> Option<Ended> {
    Some(match state.clone() {
        State::Running | State::Blocked(_) | State::Continued { .. } => return None,
        State::Closed(Closed::Completed(value)) => Ended::Completed(value),
        State::Closed(Closed::Failed { error, .. }) => Ended::Failed(error),
        State::Closed(Closed::Cancelled { reason, error }) => Ended::Cancelled { reason, error },
        State::Terminated { reason } => Ended::Terminated { reason },
        State::TimedOut { after } => Ended::TimedOut { after },
    })
}
