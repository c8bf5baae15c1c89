//! The way of a message: from the outbox to its receiver, and of the answer back.

use super::{Asked, Body, Letter, Only, send};
use crate::{
    engine::{
        actor::Actor,
        checkpoint::{Operation, Parent, Remote, Wait, Watcher},
        draft::Draft,
        error::{ControlError, SignalError, Unavailable},
        instance::read,
        message::Mail,
        recall::Last,
        requests::Outgoing,
    },
    hash::HashSet,
    journal::{
        history::Event,
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Answer, Refused},
};
use jiff::Timestamp;

impl Actor {
    /// Sends what has been committed and is not on its way: to each receiver the first message that it has not taken.
    pub(in crate::engine) async fn post(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        for (seq, to) in self.unsent() {
            let letter = match self.instance.letters.get(&seq) {
                Some(letter) => letter.clone(),
                None => match Box::pin(self.stored_letter(seq)).await? {
                    Some(letter) => letter,
                    None => {
                        Box::pin(self.answered(seq, Answer::Refused(Refused::Damaged), now)).await?;
                        continue;
                    }
                },
            };
            self.worker.sent(&self.instance.id, seq);
            let Ok(to) = WorkflowId::new(to) else { continue };
            for _ in 0..self.worker.shared.settings.copies {
                let (from, letter) = (self.instance.id.clone(), letter.clone());
                self.worker.shared.post(&to, Mail::Letter { from, seq, letter });
            }
        }
        Ok(())
    }

    fn unsent(&self) -> Vec<(u64, String)> {
        let Some(c) = &self.instance.checkpoint else { return vec![] };
        let (open, acked) = (&c.relations.outbox.open, &self.instance.acked);
        self.worker.under_way(&self.instance.id, |under_way| {
            if open.len() <= under_way.len() + acked.len() {
                return vec![];
            }
            let mut receivers = HashSet::default();
            let first =
                open.iter().filter(|(seq, _)| !acked.contains_key(seq)).filter(|(_, l)| receivers.insert(&l.to));
            first.filter(|(seq, _)| !under_way.contains(seq)).map(|(seq, l)| (*seq, l.to.clone())).collect()
        })
    }

    /// A message as it was stored; `None` if its record is damaged, which must not keep the others back.
    async fn stored_letter(&self, seq: u64) -> Result<Option<Letter>, Unavailable> {
        let key = self.instance.keys.outbox(seq);
        let problem = match read(&self.worker.shared, &self.instance.id, &key, "message").await {
            Ok(Some(letter)) => return Ok(Some(letter)),
            Ok(None) => "it is missing".to_owned(),
            Err(e) if e.is_damage() => e.to_string(),
            Err(e) => return Err(e),
        };
        tracing::error!(message = seq, problem, "a message to another instance cannot be sent");
        Ok(None)
    }

    /// A receiver has answered the message `seq`. What does not end an operation is told with the next commit.
    pub(in crate::engine) async fn answered(
        &mut self,
        seq: u64,
        answer: Answer,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        self.worker.taken(&self.instance.id, seq);
        let open = self.instance.checkpoint.as_ref().and_then(|c| c.relations.outbox.open.get(&seq));
        let Some(op) = open.map(|letter| letter.op) else { return Ok(()) };
        self.instance.acked.insert(seq, answer);
        let (Some(op), Some(draft)) = (op, self.draft(now)) else { return Ok(()) };
        if draft.has_ended(op) { self.progress(draft).await } else { Ok(()) }
    }

    /// Tells the store what receivers have taken, when nothing else is to be told.
    pub(in crate::engine) async fn settle_all(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        match self.draft(now) {
            Some(draft) if !self.instance.acked.is_empty() => self.store(draft).await,
            _ => Ok(()),
        }
    }

    /// Takes a message, and answers its sender.
    pub(in crate::engine) async fn letter(
        &mut self,
        from: WorkflowId,
        seq: u64,
        letter: Letter,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let sender = letter.sender;
        if let (Body::Signal { name, .. }, Some(c)) = (&letter.body, &self.instance.checkpoint)
            && !c.is_closed()
            && self.full_inbox(c, name).is_some()
        {
            // Unanswered, it stays in the outbox of its sender and comes again.
            self.worker.shared.returned(&from, seq);
            return Ok(());
        }
        // These change nothing a second time, and their answers are more than that they were taken.
        let any_time = matches!(letter.body, Body::Start { .. } | Body::Watch { .. });
        let answer = match self.instance.last_from(&self.worker.shared, sender).await? {
            Last::Is(last) if seq <= last && !any_time => Answer::Taken,
            // Nobody knows whether it was taken before. How a child ended is noted once, whatever its number.
            Last::Unknown if !any_time && !matches!(letter.body, Body::Ended { .. }) => {
                Answer::Refused(Refused::Damaged)
            }
            last => {
                let new = !matches!(last, Last::Is(last) if seq <= last);
                let message = letter.body.told();
                let event = Event::MessageReceived { from: from.to_string(), sender, seq, message };
                self.instance.taking = new.then_some((sender, seq, event));
                let answer = self.take_letter(&from, letter, at, now).await;
                self.instance.taking = None;
                answer?
            }
        };
        self.worker.shared.post(&from, Mail::Answered { seq, answer });
        Ok(())
    }

    async fn take_letter(
        &mut self,
        from: &WorkflowId,
        letter: Letter,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Answer, Unavailable> {
        let parent = Parent { id: from.to_string(), first: letter.sender };
        let refused = match letter.body {
            Body::Start { workflow, input, watcher } => {
                let watcher = watcher.map(|(run, op)| Watcher { id: from.to_string(), run, op });
                return self.start_as_child(parent, workflow, input, watcher, now).await;
            }
            Body::Watch { first, run, op } => {
                return self.watched(first, Watcher { id: from.to_string(), run, op }, now).await;
            }
            Body::Ended { first, asked } => {
                // Numbers tell nothing about the end of a child: it is noted once, because it is removed.
                self.instance.taking = None;
                self.child_ended(from, first, asked, now).await?;
                return Ok(Answer::Taken);
            }
            Body::Signal { only, name, payload } => match self.admit(&only, &parent) {
                Err(refused) => Some(refused),
                Ok(()) => self.take_signal(name, payload, at, now).await?,
            },
            Body::Cancel { only, reason } => match self.admit(&only, &parent) {
                Err(refused) => Some(refused),
                Ok(()) => controlled(self.cancel(reason, at, now).await)?,
            },
            Body::Terminate { only, reason } => match self.admit(&only, &parent) {
                Err(refused) => Some(refused),
                Ok(()) => controlled(self.terminate(reason, now).await)?,
            },
        };
        Ok(refused.map_or(Answer::Taken, Answer::Refused))
    }

    /// Whether this is the instance that a message is for.
    fn admit(&self, only: &Only, sender: &Parent) -> Result<(), Refused> {
        let Some(c) = &self.instance.checkpoint else { return Err(Refused::NotFound) };
        let same = |name: &str| {
            let known = self.worker.shared.registry.workflow(name);
            c.workflow == name
                || known.is_some_and(|d| d.name == c.workflow || d.aliases.contains(&c.workflow.as_str()))
        };
        match only {
            Only::Workflow(name) if !same(name) => Err(Refused::OtherWorkflow { existing: c.workflow.clone() }),
            Only::First(first) if c.first_run() != *first => Err(Refused::NotFound),
            Only::Child if c.relations.parent.as_ref() != Some(sender) => Err(Refused::NotFound),
            _ => Ok(()),
        }
    }

    async fn take_signal(
        &mut self,
        name: String,
        payload: Payload,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Refused>, Unavailable> {
        let (bytes, limit) = (payload.len(), self.worker.shared.settings.payload_limit);
        if bytes > limit {
            return Ok(Some(Refused::TooLarge { bytes: bytes as u64, limit: limit as u64 }));
        }
        if name.starts_with(crate::machine::CHANNEL) {
            return Ok(Some(Refused::Damaged));
        }
        match self.signal(Outgoing { name, payload, id: None }, at, now).await {
            Ok(()) => Ok(None),
            Err(SignalError::NotFound { .. }) => Ok(Some(Refused::NotFound)),
            Err(SignalError::Closed { state, .. }) => Ok(Some(Refused::Closed { state: state.into() })),
            Err(SignalError::Unavailable(e)) => Err(e),
            Err(_) => Ok(Some(Refused::Damaged)),
        }
    }

    /// An operation of another instance asks how this one ends.
    pub(in crate::engine) async fn watched(
        &mut self,
        first: RunId,
        watcher: Watcher,
        now: Timestamp,
    ) -> Result<Answer, Unavailable> {
        let Some(mut draft) = self.draft(now).filter(|d| d.checkpoint.first_run() == first) else {
            return Ok(Answer::Refused(Refused::NotFound));
        };
        if let Some(ended) = send::ended(&draft.checkpoint.state) {
            return Ok(Answer::Ended(ended));
        }
        let watchers = &mut draft.checkpoint.relations.watchers;
        if !watchers.contains(&watcher) {
            watchers.push(watcher);
            self.store(draft).await?;
        }
        Ok(Answer::Taken)
    }

    /// A child, or an instance that an operation waits for, has ended.
    async fn child_ended(
        &mut self,
        from: &WorkflowId,
        first: RunId,
        asked: Option<Asked>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let Some(mut draft) = self.draft(now).filter(|d| !d.checkpoint.is_closed()) else { return Ok(()) };
        let asked = asked.filter(|a| waits(&mut draft, from, first, a));
        let children = &mut draft.checkpoint.relations.children;
        let confirmed = children.get(from.as_str()).map(|link| link.first);
        let known = confirmed == Some(Some(first)) || (confirmed == Some(None) && asked.is_some());
        if known {
            children.remove(from.as_str());
        }
        let Some(Asked { op, ended, .. }) = asked else {
            if known {
                draft.events.push(Event::ChildEnded { op: None, id: from.to_string(), outcome: None });
                return self.store(draft).await;
            }
            return Ok(());
        };
        draft.note_started(op, first);
        draft.answer(op, Answer::Ended(ended));
        self.progress(draft).await
    }
}

/// Whether an operation still waits for this end.
fn waits(draft: &mut Draft, from: &WorkflowId, ended: RunId, asked: &Asked) -> bool {
    let run = draft.checkpoint.run;
    let Some(p) = draft.pending_mut(asked.op).filter(|p| asked.run == run && p.done.is_none()) else { return false };
    let Operation::Remote(remote) = &p.what else { return false };
    let Remote { id, wait, .. } = &**remote;
    let fits = match wait {
        Wait::Child { first, .. } => first.is_none_or(|first| first == ended),
        Wait::Result { first, .. } => *first == ended,
        _ => false,
    };
    fits && id == from.as_str()
}

fn controlled(result: Result<(), ControlError>) -> Result<Option<Refused>, Unavailable> {
    match result {
        Ok(()) => Ok(None),
        Err(ControlError::Closed { state, .. }) => Ok(Some(Refused::Closed { state: state.into() })),
        Err(ControlError::Unavailable(e)) => Err(e),
        Err(_) => Ok(Some(Refused::NotFound)),
    }
}
