//! The inbox: messages by channel, in order, each a record of its own until it is taken.

use super::{
    actor::Actor,
    checkpoint::{Checkpoint, Inbox, Operation, Pending, Response, Seen, SignalRecord},
    draft::Draft,
    error::Unavailable,
    instance::Next,
};
use crate::{
    journal::{
        encoding::{self, EncodeError},
        history::Event,
        key::InstanceKeys,
        payload::Payload,
    },
    machine::{Buffered, CHANNEL, Envelope, NoInbox, OpId, StepInbox, Ticket},
    store::Write,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// How many messages of a channel are read for a step that looks for one.
const AHEAD: u64 = 16;

/// The name of the update whose channel this is.
pub(super) fn update_of(channel: &str) -> Option<&str> {
    channel.strip_prefix(CHANNEL)
}

/// What the history says when the workflow gets a message.
pub(super) fn taken(op: Option<OpId>, channel: &str, seq: u64) -> Event {
    match (update_of(channel), op) {
        (Some(update), op) => Event::UpdateTaken { op: op.map(|o| o.0), name: update.into(), seq },
        (None, Some(op)) => Event::SignalConsumed { op: op.0, name: channel.into(), seq },
        (None, None) => Event::SignalTaken { name: channel.into(), seq },
    }
}

/// What the history says when the workflow waits for a message.
pub(super) fn waiting(op: OpId, channel: &str, deadline: Option<Timestamp>) -> Event {
    match update_of(channel) {
        Some(update) => Event::WaitingForUpdate { op: op.0, update: update.into(), deadline },
        None => Event::Waiting { op: op.0, signal: channel.into(), deadline },
    }
}

/// The key of what is known of an id that a client gave. Ids of different names do not meet.
pub(super) fn seen_key(keys: &InstanceKeys, channel: &str, id: &str) -> Vec<u8> {
    keys.seen(&format!("{channel}\0{id}"))
}

impl Draft {
    /// Puts a message into the inbox. With an `id`, a second one is known as such from now on.
    pub(super) fn buffer(
        &mut self,
        keys: &InstanceKeys,
        channel: &str,
        record: SignalRecord,
        id: Option<&str>,
    ) -> Result<(), EncodeError> {
        let value = encoding::encode(&record)?;
        let inbox = self.checkpoint.inbox.entry(channel.to_owned()).or_default();
        let seq = inbox.next;
        inbox.next += 1;
        self.writes.push(Write::Put { key: keys.signal(channel, seq), value });
        if let Some(id) = id {
            self.see(keys, channel, id, seq, None);
        }
        let payload = record.payload.clone();
        self.arrived.insert((channel.to_owned(), seq), record);
        self.events.push(match (update_of(channel), payload.decode::<Envelope>()) {
            (Some(name), Ok(Envelope { ticket, request })) => {
                Event::UpdateReceived { name: name.into(), seq, id: ticket.id, request }
            }
            _ => Event::SignalReceived { name: channel.to_owned(), seq, payload },
        });
        Ok(())
    }

    fn see(&mut self, keys: &InstanceKeys, channel: &str, id: &str, seq: u64, answer: Option<Response>) {
        let seen = Seen { chain: self.checkpoint.first_run(), seq, answer };
        // Numbers, texts and byte strings always encode.
        if let Ok(value) = encoding::encode(&seen) {
            self.writes.push(Write::Put { key: seen_key(keys, channel, id), value });
        }
    }

    /// Takes the first message of a channel out of the inbox.
    pub(super) fn unbuffer(&mut self, keys: &InstanceKeys, channel: &str) -> u64 {
        let inbox: &mut Inbox = self.checkpoint.inbox.entry(channel.to_owned()).or_default();
        let seq = inbox.first;
        inbox.first = (seq + 1).min(inbox.next);
        let key = keys.signal(channel, seq);
        // One that came with this very commit was never written.
        if self.arrived.remove(&(channel.to_owned(), seq)).is_some() {
            self.writes.retain(|w| w.key() != key);
        } else {
            self.writes.push(Write::Delete { key });
        }
        seq
    }

    /// Takes a message that does not decode out of the inbox. A client that waits for an answer is told so.
    pub(super) fn set_aside(&mut self, keys: &InstanceKeys, channel: &str, payload: Payload, error: String) {
        tracing::warn!(channel, error, "a message does not decode and was set aside");
        let seq = self.unbuffer(keys, channel);
        match update_of(channel).and_then(|_| payload.decode::<Envelope>().ok()) {
            Some(Envelope { ticket, .. }) => {
                let why = format!("the workflow cannot read the request: {error}");
                self.events.push(Event::UpdateSetAside { name: ticket.name.clone(), seq, error });
                self.respond(keys, ticket, Response::Rejected(why));
            }
            None => self.events.push(Event::SignalSetAside { name: channel.to_owned(), seq, payload, error }),
        }
    }

    /// Answers an update. The client is told once the commit is durable.
    pub(super) fn respond(&mut self, keys: &InstanceKeys, ticket: Ticket, answer: Response) {
        let told = match &answer {
            Response::Value(value) => Ok(value.clone()),
            Response::Rejected(why) => Err(why.clone()),
        };
        let (name, seq) = (ticket.name.clone(), ticket.seq);
        if let Some(id) = &ticket.id {
            self.see(keys, &crate::machine::channel(&name), id, seq, Some(answer.clone()));
        }
        self.events.push(Event::UpdateAnswered { name, seq, answer: told });
        self.answers.push((ticket, answer));
    }
}

/// What a step may look into: all channels, with as many of their messages as were read.
struct AtHand {
    buffered: BTreeMap<String, u64>,
    read: BTreeMap<String, VecDeque<Payload>>,
}

impl StepInbox for AtHand {
    fn take(&mut self, channel: &str) -> Buffered {
        match self.buffered.get_mut(channel) {
            None | Some(0) => Buffered::Nothing,
            Some(left) => match self.read.get_mut(channel).and_then(VecDeque::pop_front) {
                None => Buffered::Unread,
                Some(payload) => {
                    *left -= 1;
                    Buffered::Message(payload)
                }
            },
        }
    }
}

impl Actor {
    /// How many messages wait, if the inbox takes no more of a channel. The one that an operation waits for is always let in:
    /// behind it the others may be taken.
    pub(super) fn full_inbox(&self, c: &Checkpoint, channel: &str) -> Option<u64> {
        let buffered: u64 = c.inbox.values().map(|i| i.next - i.first).sum();
        if buffered < self.worker.shared.settings.inbox_limit {
            return None;
        }
        let waits = |p: &Pending| matches!(&p.what, Operation::Signal { name, .. } if name == channel);
        let waited =
            c.pending.values().any(waits) || self.instance.members.borrow().listeners().any(|(n, _)| n == channel);
        let empty = c.inbox.get(channel).is_none_or(|i| i.is_empty());
        (!(waited && empty)).then_some(buffered)
    }

    /// The inbox as the step of `draft` sees it. Reads nothing that no step has looked for before.
    pub(super) async fn step_inbox(&self, draft: &Draft) -> Result<Box<dyn StepInbox>, Unavailable> {
        if draft.checkpoint.inbox.values().all(|i| i.is_empty()) {
            return Ok(Box::new(NoInbox));
        }
        let mut at_hand = AtHand { buffered: BTreeMap::new(), read: BTreeMap::new() };
        for (channel, inbox) in draft.checkpoint.inbox.iter().filter(|(_, i)| !i.is_empty()) {
            at_hand.buffered.insert(channel.clone(), inbox.next - inbox.first);
            let wanted = self.instance.wanted.get(channel).copied().unwrap_or_default();
            let mut read = VecDeque::new();
            for seq in inbox.first..inbox.next {
                let payload = match draft.arrived.get(&(channel.clone(), seq)) {
                    Some(record) => record.payload.clone(),
                    None if (read.len() as u64) < wanted => self.message(channel, seq).await?.payload,
                    None => break,
                };
                read.push_back(payload);
            }
            at_hand.read.insert(channel.clone(), read);
        }
        Ok(Box::new(at_hand))
    }

    /// Notes that a step looked for a message that was not at hand: the next one finds it.
    pub(super) fn want(&mut self, channel: String) {
        let wanted = self.instance.wanted.entry(channel).or_default();
        *wanted = wanted.saturating_mul(4).max(AHEAD);
    }

    async fn message(&self, channel: &str, seq: u64) -> Result<SignalRecord, Unavailable> {
        self.instance.message(&self.worker.shared, channel, seq).await
    }

    /// The payload of the message that `next` hands over: stored, or received with this very draft.
    pub(super) async fn message_for(&self, draft: &mut Draft, next: &Next) -> Result<Option<Payload>, Unavailable> {
        let Next::Signal(op) = next else { return Ok(None) };
        let name = match draft.pending_mut(*op).map(|p| &p.what) {
            Some(Operation::Signal { name, .. }) => &name.clone(),
            _ => return Ok(None),
        };
        let Some(inbox) = draft.checkpoint.inbox.get(name).filter(|i| !i.is_empty()) else { return Ok(None) };
        if let Some(record) = draft.arrived.get(&(name.clone(), inbox.first)) {
            return Ok(Some(record.payload.clone()));
        }
        Ok(Some(self.message(name, inbox.first).await?.payload))
    }

    /// The operation that takes the next message of a channel, if the machine may take it now.
    pub(super) fn receiver(&self, c: &Checkpoint, channel: &str) -> Option<OpId> {
        let alone = c.inbox.get(channel).is_some_and(|i| i.first + 1 == i.next);
        if !alone || !self.instance.may_step() || c.steps == 0 {
            return None;
        }
        let mut pending = c.pending.iter();
        let own = pending.find(|(_, p)| {
            !p.cancel && p.done.is_none() && matches!(&p.what, Operation::Signal { name: n, .. } if n == channel)
        });
        let member = self.instance.members.borrow().listener(channel);
        own.map(|(op, _)| *op).into_iter().chain(member).min()
    }

    /// What is known of an id that a client gave to a message of the present chain of runs.
    pub(super) async fn seen(&self, channel: &str, id: &str) -> Result<Option<Seen>, Unavailable> {
        let key = seen_key(&self.instance.keys, channel, id);
        let seen: Option<Seen> =
            super::instance::read(&self.worker.shared, &self.instance.id, &key, "message id").await?;
        let chain = self.instance.checkpoint.as_deref().map(Checkpoint::first_run);
        Ok(seen.filter(|s| Some(s.chain) == chain))
    }
}
