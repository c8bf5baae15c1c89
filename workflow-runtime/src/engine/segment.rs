//! Segments of a history: a new one begins with all that the steps behind it need, so that what is before it can go.
//!
//! One commit begins the segment and says which entries are gone; to readers they are. Their records are deleted by that commit
//! and those that follow it, before anything else happens to the instance.

use super::{
    actor::Actor,
    checkpoint::{By, Checkpoint, NOTED, Operation},
    commit::Refusal,
    draft::Draft,
    error::{ControlError, Unavailable},
    inbox, instance,
};
use crate::{
    journal::{history::Event, payload::Payload},
    machine::Envelope,
    store::Write,
};
use jiff::Timestamp;

/// How many records one commit deletes.
const AT_ONCE: u64 = 512;

/// So many messages in the inbox are told again, at most.
const MESSAGES: u64 = 1000;

/// And so many bytes, of the frame and of these messages.
const BYTES: usize = NOTED;

/// What a new segment leaves of what is before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    /// The segment before it.
    Last,
}

/// Why there is no new segment.
enum Not {
    InTheWay(&'static str),
    Unavailable(Unavailable),
}

impl From<Unavailable> for Not {
    fn from(e: Unavailable) -> Self {
        Self::Unavailable(e)
    }
}

impl Checkpoint {
    /// Why no segment can begin here.
    fn in_the_way(&self) -> Option<&'static str> {
        if self.pending.values().any(|p| matches!(p.what, Operation::Group(_))) {
            return Some("a group of operations (`join_all` and the like) is under way");
        }
        let messages: u64 = self.inbox.values().map(|i| i.next - i.first).sum();
        (messages > MESSAGES).then_some("more than 1,000 messages wait in its inbox")
    }
}

impl Actor {
    /// Begins a segment if the policy asks for one and nothing is in its way.
    pub(super) async fn segment_by_policy(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        let Some(limit) = self.worker.shared.settings.keep_history else { return Ok(()) };
        let wanted = |c: &Checkpoint| {
            c.history - c.segment >= limit && c.frame.is_some() && !c.is_closed() && c.in_the_way().is_none()
        };
        if !self.instance.checkpoint.as_deref().is_some_and(wanted) {
            return Ok(());
        }
        match Box::pin(self.begin_segment(now, Keep::Last)).await {
            Ok(_) => Ok(()),
            Err(Not::InTheWay(what)) => {
                tracing::debug!(what, "no segment of the history begins");
                Ok(())
            }
            // Whoever needs it next says so.
            Err(Not::Unavailable(Unavailable::Unreadable { .. } | Unavailable::Undecodable { .. })) => Ok(()),
            Err(Not::Unavailable(e)) => Err(e),
        }
    }

    /// Removes the history of a run that goes on. Returns how many entries.
    pub(super) async fn truncate(&mut self, now: Timestamp) -> Result<u64, ControlError> {
        let workflow_id = self.instance.id.to_string();
        let draft = self.open_draft("truncate", now)?;
        if draft.checkpoint.frame.is_none() {
            // It has not begun: there is nothing but its start.
            return Ok(0);
        }
        match self.begin_segment(now, Keep::Nothing).await {
            Ok(removed) => {
                self.trim(now).await?;
                Ok(removed)
            }
            Err(Not::InTheWay(what)) => Err(ControlError::InTheWay { workflow_id, what }),
            Err(Not::Unavailable(e)) => Err(e.into()),
        }
    }

    async fn begin_segment(&mut self, now: Timestamp, keep: Keep) -> Result<u64, Not> {
        let Some(mut draft) = self.draft(now) else { return Ok(0) };
        if let Some(what) = draft.checkpoint.in_the_way() {
            return Err(Not::InTheWay(what));
        }
        let (frame, by) = self.whole_frame(&draft.checkpoint).await?;
        let messages = self.messages(&draft).await?;
        let c = &mut draft.checkpoint;
        let (before, last) = (c.truncated, c.segment);
        c.segment = c.history;
        c.truncated = if keep == Keep::Last { last } else { c.history };
        let (removed, upto) = (c.truncated - before, c.truncated);
        // The frame stands beside it.
        let Some(state) = c.without_frame(frame.len()) else {
            return Err(Not::InTheWay("what it waits for, with its locals, is larger than 8 MiB"));
        };
        let workflow = c.workflow.clone();
        let By { definition, helpers } = by;
        draft.events.push(Event::Checkpointed { workflow, by: definition, helpers, removed, frame, state });
        draft.events.extend(messages);
        #[cfg(feature = "archive")]
        if upto > before
            && let Some(c) = self.instance.checkpoint.clone()
        {
            Box::pin(self.archive_until(*c, upto)).await?;
        }
        self.delete(&mut draft);
        match self.commit(draft).await {
            Ok(()) => Ok(removed),
            Err(Refusal::Unavailable(e)) => Err(e.into()),
            Err(Refusal::Unwritable(reason)) => {
                tracing::warn!(code = reason.code, message = reason.message, upto, "no segment of the history begins");
                Err(Not::InTheWay("what it waits for is larger than the store takes"))
            }
        }
    }

    /// The frame with all of its locals.
    async fn whole_frame(&self, c: &Checkpoint) -> Result<(Payload, By), Not> {
        let Some(packed) = &c.frame else { return Err(Not::InTheWay("it has not begun")) };
        let (shared, id) = (&self.worker.shared, &self.instance.id);
        if c.large.iter().map(|large| large.len).sum::<u64>() > BYTES as u64 {
            return Err(Not::InTheWay("its locals are larger than 8 MiB"));
        }
        let frame = instance::frame(shared, id, &self.instance.keys, c, packed).await?;
        let by = By::of(&frame);
        let frame = Payload::encode(&frame).map_err(|_| Not::InTheWay("its locals cannot be saved in one piece"))?;
        Ok((frame, by))
    }

    /// What waits in the inbox, as it was told when it came.
    async fn messages(&self, draft: &Draft) -> Result<Vec<Event>, Not> {
        let (mut events, mut bytes) = (vec![], 0);
        for (channel, waiting) in &draft.checkpoint.inbox {
            for seq in waiting.first..waiting.next {
                let payload = match draft.arrived.get(&(channel.clone(), seq)) {
                    Some(record) => record.payload.clone(),
                    None => self.instance.message(&self.worker.shared, channel, seq).await?.payload,
                };
                bytes += payload.len();
                if bytes > BYTES {
                    return Err(Not::InTheWay("what waits in its inbox is larger than 8 MiB"));
                }
                events.extend(arrived(channel, seq, payload));
            }
        }
        Ok(events)
    }

    /// What a run takes over in its inbox from the one that it continues is told in its history, too.
    pub(super) async fn tell_inherited(&self, draft: &mut Draft) -> Result<(), Unavailable> {
        let goes_on = draft.events.iter().any(|event| matches!(event, Event::ContinuedFrom { .. }));
        if !goes_on || draft.checkpoint.inbox.values().all(|inbox| inbox.is_empty()) {
            return Ok(());
        }
        match self.messages(draft).await {
            Ok(messages) => draft.events.extend(messages),
            // Its steps go on without it; only nobody can take them again.
            Err(Not::InTheWay(what)) => tracing::warn!(what, "the history does not say what waits in the inbox"),
            Err(Not::Unavailable(e)) if e.is_damage() => {
                tracing::warn!(error = %e, "the history does not say what waits in the inbox")
            }
            Err(Not::Unavailable(e)) => return Err(e),
        }
        Ok(())
    }

    /// Deletes what is left of entries that are gone.
    pub(super) async fn trim(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        while self.instance.checkpoint.as_deref().is_some_and(Checkpoint::is_to_be_trimmed) {
            let Some(mut draft) = self.draft(now) else { return Ok(()) };
            self.delete(&mut draft);
            self.store(draft).await?;
        }
        Ok(())
    }

    fn delete(&self, draft: &mut Draft) {
        let c = &mut draft.checkpoint;
        let to = c.truncated.min(c.trimmed + AT_ONCE);
        let gone = (c.trimmed..to).map(|seq| Write::Delete { key: self.instance.keys.history(c.run, seq) });
        draft.writes.extend(gone);
        c.trimmed = to;
    }
}

/// What the history says of a message that waits in the inbox.
fn arrived(channel: &str, seq: u64, payload: Payload) -> Option<Event> {
    let Some(name) = inbox::update_of(channel) else {
        return Some(Event::SignalReceived { name: channel.into(), seq, payload });
    };
    let Envelope { ticket, request } = payload.decode().ok()?;
    Some(Event::UpdateReceived { name: name.into(), seq, id: ticket.id, request })
}
