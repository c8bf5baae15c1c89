//! Small records that are damaged, and that the history makes up for: it tells what was written there.

use super::{
    checkpoint::{Reason, SignalRecord},
    error::Unavailable,
    instance::{self, Instance},
    pages::{Pages, Read},
    shared::Shared,
};
use crate::{
    journal::{
        history::{Entry, Event},
        id::RunId,
        key::{Key, Kind},
        payload::Payload,
    },
    machine::{Envelope, Ticket, channel},
    store::StoreError,
};

/// Entries of a history that are read at a time.
const PAGE: usize = 512;

/// The number of the last message that was taken from a sender.
pub(super) enum Last {
    None,
    Is(u64),
    /// Its record is damaged, and nothing else tells.
    Unknown,
}

/// How much of the histories of all runs that are there could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    All,
    /// Some begin later: they were truncated.
    AllButTheBeginning,
    Part,
}

impl Unavailable {
    /// Whether a record does not read back: reading it again changes nothing.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Undecodable { .. } | Self::Unreadable { source: StoreError::Damaged { .. }, .. })
    }
}

impl Reason {
    /// Why an instance is blocked of which a record does not read back.
    pub(super) fn of_damage(what: &str, e: &Unavailable) -> Self {
        let cause = std::error::Error::source(e).map(|s| format!(" ({s})")).unwrap_or_default();
        Reason { code: "WB106".into(), message: format!("{what}: {e}{cause}") }
    }
}

impl Instance {
    /// The number of the last message that was taken from a sender.
    pub(super) async fn last_from(&self, shared: &Shared, sender: RunId) -> Result<Last, Unavailable> {
        let Some(c) = &self.checkpoint else { return Ok(Last::None) };
        match instance::read(shared, &self.id, &self.keys.received(sender), "received number").await {
            Ok(last) => Ok(last.map_or(Last::None, Last::Is)),
            Err(e) if e.is_damage() => {
                let mut last = None;
                let look = &mut |_: &Entry, event: &Event| match event {
                    Event::MessageReceived { sender: from, seq, .. } if *from == sender => last = last.max(Some(*seq)),
                    _ => {}
                };
                let told = self.recall(shared, self.keys.all(Kind::History), look).await?;
                tracing::warn!(sender = %sender, last, ?told, error = %e, "looked for in the history");
                Ok(match (last, told) {
                    (Some(last), Told::All | Told::AllButTheBeginning) => Last::Is(last),
                    // It was the database that is damaged where there would have been a record.
                    (None, Told::All) if c.relations.previous.is_none() => Last::None,
                    // What is missing may have told of a later one.
                    _ => Last::Unknown,
                })
            }
            Err(e) => Err(e),
        }
    }

    /// A buffered message whose record is damaged, as the history of its run tells it.
    pub(super) async fn recall_message(
        &self,
        shared: &Shared,
        channel: &str,
        seq: u64,
    ) -> Result<Option<SignalRecord>, Unavailable> {
        let Some(run) = self.checkpoint.as_ref().map(|c| c.run) else { return Ok(None) };
        let mut found = None;
        let look = &mut |entry: &Entry, event: &Event| {
            if found.is_none()
                && let Some(payload) = told(event, channel, seq)
            {
                found = Some(SignalRecord { payload, received: entry.time });
            }
        };
        self.recall(shared, self.keys.all_of_run(Kind::History, run), look).await?;
        Ok(found)
    }

    /// Shows all events of a range of entries.
    async fn recall(
        &self,
        shared: &Shared,
        range: (Vec<u8>, Vec<u8>),
        look: &mut dyn FnMut(&Entry, &Event),
    ) -> Result<Told, Unavailable> {
        let unreadable = |source| Unavailable::Unreadable { workflow_id: self.id.to_string(), source };
        let (mut history, mut told, mut next) = (Pages::new(range), Told::All, None);
        while let Some(read) = history.next(&*shared.store, PAGE).await.map_err(unreadable)? {
            let Read::Rows(rows) = read else {
                told = Told::Part;
                continue;
            };
            for (key, value) in &rows {
                let (Some(run), Ok(entry)) = (Key::parse(key).ok().and_then(|key| key.run), Entry::from_bytes(value))
                else {
                    told = Told::Part;
                    continue;
                };
                match next.replace((run, entry.seq + 1)) {
                    Some((before, next)) if before == run && next != entry.seq => told = Told::Part,
                    Some((before, _)) if before == run => {}
                    _ if entry.seq > 0 => told = told.max(Told::AllButTheBeginning),
                    _ => {}
                }
                entry.events.iter().for_each(|event| look(&entry, event));
            }
            tokio::task::yield_now().await;
        }
        Ok(told)
    }
}

/// The message of a channel with this number, if an event tells of it.
fn told(event: &Event, of: &str, number: u64) -> Option<Payload> {
    match event {
        Event::SignalReceived { name, seq, payload } if name == of && *seq == number => Some(payload.clone()),
        Event::UpdateReceived { name, seq, id, request } if channel(name) == of && *seq == number => {
            let ticket = Ticket { name: name.clone(), seq: *seq, id: id.clone() };
            Payload::encode(&Envelope { ticket, request: request.clone() }).ok()
        }
        _ => None,
    }
}
