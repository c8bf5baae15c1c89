//! Messages between instances: each is taken by its receiver after its sender's commit, in order, once.

use super::{Instance, instance::Wrong, invariant};
use crate::{
    journal::{
        history::{Event, Message, Outcome},
        id::RunId,
    },
    machine::ParentClose,
};
use std::collections::{BTreeMap, BTreeSet};

/// All messages so far.
#[derive(Default)]
pub(super) struct Mail {
    /// By the first run of the sender, in order of their numbers.
    sent: BTreeMap<RunId, Vec<Sent>>,
    /// The number of the last message that an instance has taken from a sender.
    taken: BTreeMap<(RunId, String), u64>,
    /// Which children each instance had before its last commit.
    children: BTreeMap<String, BTreeMap<String, ParentClose>>,
}

struct Sent {
    to: String,
    message: Message,
    op: Option<u64>,
    taken: bool,
}

fn lost(message: String) -> Wrong {
    (invariant::LOST, message)
}

fn effect(message: String) -> Wrong {
    (invariant::EFFECT, message)
}

impl Mail {
    /// Looks at a commit of the instance `id` that has just become durable.
    pub(super) fn commit(&mut self, id: &str, all: &BTreeMap<String, Instance>) -> Result<(), Wrong> {
        let Some((instance, state)) = all.get(id).and_then(|i| Some((i, i.state()?))) else { return Ok(()) };
        let mut told = BTreeSet::new();
        for event in instance.news() {
            match event {
                Event::MessageSent { op, seq, to, message } => {
                    told.insert((to.as_str(), kind(message)));
                    let sent = self.sent.entry(state.first).or_default();
                    if *seq != sent.len() as u64 {
                        return Err(lost(format!("message {seq} follows {} others", sent.len())));
                    }
                    sent.push(Sent { to: to.clone(), message: message.clone(), op: *op, taken: false });
                }
                Event::MessageReceived { from, sender, seq, message } => {
                    self.take(id, from, (*sender, *seq), message)?
                }
                Event::MessageTaken { op, .. } => self.was_taken(state.first, *op)?,
                Event::ChildStarted { id: child, run, .. } => {
                    let first = all.get(child).and_then(|i| i.state()).map(|s| s.first);
                    if first != Some(*run) {
                        return Err(effect(format!("child {child} has started as {run}, durable is {first:?}")));
                    }
                }
                Event::ChildEnded { id: child, outcome, .. } => ended(child, outcome.as_ref(), all)?,
                _ => {}
            }
        }
        if instance.news().any(|e| matches!(e, Event::MessageReceived { message: Message::Terminate { .. }, .. }))
            && !state.closed
        {
            return Err(lost("it was terminated by a message and goes on".into()));
        }
        let before = self.children.remove(id).unwrap_or_default();
        if instance.news().any(|e| matches!(e, Event::Closed(_))) {
            let heard: BTreeSet<&str> = instance
                .news()
                .filter_map(|e| match e {
                    Event::ChildEnded { id, .. } => Some(id.as_str()),
                    _ => None,
                })
                .collect();
            for (child, close) in before.iter().filter(|(c, _)| !heard.contains(c.as_str())) {
                let right = match close {
                    ParentClose::Cancel => told.contains(&(child.as_str(), 'c')),
                    ParentClose::Terminate => told.contains(&(child.as_str(), 't')),
                    // It may be told to stop for another reason.
                    ParentClose::Abandon => true,
                };
                if !right {
                    return Err(lost(format!("it ends, and its child {child} is not told, which is to {close:?}")));
                }
            }
        }
        self.outbox(instance)?;
        if !state.closed {
            self.children.insert(id.to_owned(), state.children.clone());
        }
        Ok(())
    }

    fn take(&mut self, id: &str, from: &str, (sender, seq): (RunId, u64), message: &Message) -> Result<(), Wrong> {
        let sent = self.sent.get_mut(&sender).and_then(|s| s.get_mut(usize::try_from(seq).ok()?));
        match sent {
            Some(s) if s.to == id && s.message == *message => s.taken = true,
            _ => {
                return Err(effect(format!(
                    "message {seq} of {from} ({message}) is taken, and no durable commit sends it"
                )));
            }
        }
        match self.taken.insert((sender, id.to_owned()), seq) {
            Some(last) if last >= seq => {
                Err(lost(format!("message {seq} of {from} ({message}) is taken after message {last}")))
            }
            _ => Ok(()),
        }
    }

    /// A sender was told that a message was taken.
    fn was_taken(&self, sender: RunId, op: u64) -> Result<(), Wrong> {
        let mut sent = self.sent.get(&sender).into_iter().flatten().rev();
        match sent.find(|s| s.op == Some(op)) {
            Some(s) if s.taken => Ok(()),
            Some(s) => {
                Err(effect(format!("operation {op} hears that {} has taken `{}`, and it has not", s.to, s.message)))
            }
            None => Err(lost(format!("operation {op} hears that a message was taken that was not sent"))),
        }
    }

    /// What is open is stored, and nothing else.
    fn outbox(&self, instance: &Instance) -> Result<(), Wrong> {
        let Some(state) = instance.state() else { return Ok(()) };
        let stored: BTreeSet<u64> = instance.outbox().collect();
        if !stored.iter().eq(state.outbox.keys()) {
            return Err(lost(format!("the outbox names {:?}, stored are {stored:?}", state.outbox.keys())));
        }
        let sent = self.sent.get(&state.first).map_or(0, |s| s.len() as u64);
        match state.outbox.keys().find(|seq| **seq >= sent) {
            Some(seq) => Err(lost(format!("message {seq} is in the outbox and not in the history"))),
            None => Ok(()),
        }
    }
}

fn kind(message: &Message) -> char {
    match message {
        Message::Cancel { .. } => 'c',
        Message::Terminate { .. } => 't',
        _ => '-',
    }
}

/// A parent hears of the end of a child.
fn ended(child: &str, outcome: Option<&Outcome>, all: &BTreeMap<String, Instance>) -> Result<(), Wrong> {
    let durable = all.get(child).and_then(Instance::outcome);
    if durable.is_none() || outcome.is_some_and(|o| Some(o) != durable) {
        return Err(effect(format!("child {child} has ended with {outcome:?}, durable is {durable:?}")));
    }
    Ok(())
}
