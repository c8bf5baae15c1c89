//! What is left of an instance whose checkpoint is damaged: its other records. They say enough to end it in order ([`end`]), and, as
//! long as this build can take the steps of its history again, to make the checkpoint anew ([`rebuild`]).
//!
//! How it was started, its history, its tags, its parent and its children, the members of its groups, and what waits in its inbox and its outbox, stand in
//! records and index entries of their own. The entries of indexes are
//! found by looking at all of them: this is done when somebody asks, for one instance.

mod end;
mod history;
mod rebuild;

use super::{
    chain::micros_of,
    checkpoint::{
        Addressed, Checkpoint, ChildLink, EXPIRE, Ended, Former, Inbox, Operation, PARENT, Parent, StartRecord, State,
        Wait, Watcher,
    },
    error::Unavailable,
    group::Member,
    instance,
    outbox::Letter,
    pages::{Pages, Read},
    stored,
    worker::Worker,
};
use crate::{
    hash::{HashMap, HashSet},
    journal::{
        encoding,
        history::{Entry, Event, Outcome},
        id::{RunId, WorkflowId},
        key::{InstanceKeys, Key, Kind, NamespaceKeys},
    },
    machine::{Closed, OpId, ParentClose},
    store::{Revision, Row, Write},
};
use jiff::Timestamp;

/// Records that are read at a time.
const PAGE: usize = 512;

/// What has been counted in the checkpoint goes on here, behind all that it can have come to.
const FAR_BEHIND: u64 = 1 << 32;

/// How a run has ended, and when.
type HowEnded = Option<(State, Timestamp)>;

/// The newest run, as far as it is known.
struct Found {
    checkpoint: Box<Checkpoint>,
    /// What goes with the old checkpoint.
    writes: Vec<Write>,
    /// Behind all that the instance has had.
    revision: Revision,
    ended: HowEnded,
}

struct Remains<'a> {
    worker: &'a Worker,
    id: &'a WorkflowId,
    keys: InstanceKeys,
}

impl Remains<'_> {
    /// `None`: nothing says how it was started.
    async fn find(&self) -> Result<Option<Found>, Unavailable> {
        let Some((run, start)) = self.start().await? else { return Ok(None) };
        let mut checkpoint = Box::new(Checkpoint::start(run, start.workflow, start.at));
        checkpoint.retention = start.retention.unwrap_or(self.worker.shared.settings.retention.map(micros_of));
        let (revision, ended) = self.history(&mut checkpoint).await?;
        self.chain(&mut checkpoint).await?;
        let mut writes = self.index(&mut checkpoint).await?;
        self.inbox(&mut checkpoint).await?;
        checkpoint.relations.outbox.next = revision.0;
        self.outbox(&mut checkpoint).await?;
        checkpoint.former = self.former().await?;
        if ended.is_some() {
            // Who waits for it has been told, or will be by what is in its outbox.
            checkpoint.relations.parent = None;
            self.last_words(&mut checkpoint).await?;
        } else {
            self.parent(&mut checkpoint).await?;
            self.children(&mut checkpoint).await?;
        }
        for kind in [Kind::Member, Kind::Slot] {
            let keys = self.keys_of(self.keys.all_of_run(kind, run)).await?;
            writes.extend(keys.into_iter().map(|key| Write::Delete { key }));
        }
        Ok(Some(Found { checkpoint, writes, revision, ended }))
    }

    /// The next readable rows of a range.
    async fn rows(&self, range: &mut Pages) -> Result<Option<Vec<Row>>, Unavailable> {
        loop {
            match self.read(range).await? {
                Some(Read::Rows(rows)) => return Ok(Some(rows)),
                Some(Read::Damaged { .. }) => {}
                None => return Ok(None),
            }
        }
    }

    async fn read(&self, range: &mut Pages) -> Result<Option<Read>, Unavailable> {
        // Indexes are long, and others have their turns meanwhile.
        tokio::task::yield_now().await;
        let read = range.next(&*self.worker.shared.store, PAGE).await;
        read.map_err(|source| Unavailable::Unreadable { workflow_id: self.id.to_string(), source })
    }

    /// All keys of a range, damaged records among them.
    async fn keys_of(&self, range: (Vec<u8>, Vec<u8>)) -> Result<Vec<Vec<u8>>, Unavailable> {
        let (mut range, mut found) = (Pages::new(range), vec![]);
        loop {
            match self.read(&mut range).await? {
                Some(read) => found.extend(keys(read)),
                None => return Ok(found),
            }
        }
    }

    /// The run that was started last, and no other has followed.
    async fn start(&self) -> Result<Option<(RunId, StartRecord)>, Unavailable> {
        let run_of = |key: &Vec<u8>| Key::parse(key).ok().and_then(|key| key.run);
        let former: HashSet<RunId> =
            self.keys_of(self.keys.all(Kind::Ended)).await?.iter().filter_map(run_of).collect();
        let (mut starts, mut last) = (Pages::new(self.keys.all(Kind::Start)), None::<(RunId, StartRecord)>);
        while let Some(rows) = self.rows(&mut starts).await? {
            for (key, value) in rows {
                let run = run_of(&key).filter(|run| !former.contains(run));
                let Some((run, start)) = run.zip(encoding::decode::<StartRecord>(&value).ok()) else { continue };
                if last.as_ref().is_none_or(|(_, other)| other.at <= start.at) {
                    last = Some((run, start));
                }
            }
        }
        Ok(last)
    }

    /// Where the history ends: a revision behind all that the instance has had, and how it has ended.
    async fn history(&self, c: &mut Checkpoint) -> Result<(Revision, HowEnded), Unavailable> {
        let range = || self.keys.all_of_run(Kind::History, c.run);
        // Of damaged entries, too, the numbers are taken.
        let (first, end) = (self.number(Pages::new(range())).await?, self.number(Pages::newest_first(range())).await?);
        let last = self.rows(&mut Pages::newest_first(range())).await?.unwrap_or_default();
        let entries: Vec<Entry> = last.iter().filter_map(|(_, value)| Entry::from_bytes(value).ok()).collect();
        let known = entries.iter().map(|entry| entry.revision).max().unwrap_or_default();
        c.history = end.map_or(0, |last| last + 1);
        c.steps = entries.iter().find_map(|entry| entry.step).unwrap_or(1);
        (c.segment, c.truncated, c.trimmed) = (first.unwrap_or(0), first.unwrap_or(0), first.unwrap_or(0));
        c.updated = entries.iter().map(|entry| entry.time).max().map_or(c.started, |time| time.max(c.started));
        // One that goes on as another run is not the newest.
        let ended = entries.iter().find_map(|entry| entry.events.iter().find_map(closed).zip(Some(entry.time)));
        Ok((Revision(known + FAR_BEHIND), ended))
    }

    /// The number of the first record of a range.
    async fn number(&self, mut range: Pages) -> Result<Option<u64>, Unavailable> {
        let first = range.next_key(&*self.worker.shared.store).await;
        let first = first.map_err(|source| Unavailable::Unreadable { workflow_id: self.id.to_string(), source })?;
        Ok(first.and_then(|key| Key::parse(&key).ok()?.number))
    }

    /// The run before it, if it is one of a chain.
    async fn chain(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let mut ended = Pages::new(self.keys.all(Kind::Ended));
        while let Some(rows) = self.rows(&mut ended).await? {
            let mut former = rows.iter().filter_map(|(_, value)| encoding::decode::<Ended>(value).ok());
            if let Some(before) = former.find(|e| e.next == c.run && matches!(e.state, State::Continued { .. })) {
                c.relations.previous = Some(before.run);
                c.relations.first.get_or_insert(before.chain);
            }
        }
        Ok(())
    }

    /// The oldest run before it that is to be removed before the id is.
    async fn former(&self) -> Result<Option<Former>, Unavailable> {
        let (mut ended, mut all) = (Pages::new(self.keys.all(Kind::Ended)), HashMap::default());
        while let Some(rows) = self.rows(&mut ended).await? {
            let rows = rows.iter().filter_map(|(_, value)| encoding::decode::<Ended>(value).ok());
            all.extend(rows.map(|ended| (ended.run, (ended.next, ended.retire))));
        }
        let followed: HashSet<RunId> = all.values().map(|(next, _)| *next).collect();
        let mut run = all.keys().copied().find(|run| !followed.contains(run));
        while let Some((next, retire)) = run.and_then(|run| all.get(&run)) {
            if let (Some(run), Some(_)) = (run, retire) {
                return Ok(Some(Former { run, retire: *retire }));
            }
            run = Some(*next);
        }
        Ok(None)
    }

    /// What entries of indexes say of it. They are removed, for those of its new state.
    async fn index(&self, c: &mut Checkpoint) -> Result<Vec<Write>, Unavailable> {
        let namespace = NamespaceKeys::new(&self.worker.shared.settings.namespace);
        let mut removed = vec![Write::Delete { key: self.keys.ready() }];
        for kind in [Kind::Listing, Kind::Tag, Kind::Timer] {
            let mut index = Pages::new(namespace.all(kind));
            while let Some(read) = self.read(&mut index).await? {
                for bytes in keys(read) {
                    let Ok(key) = Key::parse(&bytes) else { continue };
                    if key.id.as_deref() != Some(self.id.as_str()) {
                        continue;
                    }
                    removed.push(Write::Delete { key: bytes });
                    if key.kind == Kind::Timer && key.number == Some(EXPIRE.0) {
                        c.expires = key.due.and_then(|due| Timestamp::from_microsecond(due).ok());
                    }
                    match (key.kind, key.name.zip(key.value)) {
                        (Kind::Tag, Some((name, id))) if name == PARENT => {
                            // Its first run is found below.
                            c.relations.parent = Some(Parent { id, first: RunId::default() });
                        }
                        (Kind::Tag, Some((name, value))) => drop(c.tags.insert(name, value)),
                        _ => {}
                    }
                }
            }
        }
        Ok(removed)
    }

    /// What waits in its inbox.
    async fn inbox(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        for key in self.keys_of(self.keys.all(Kind::Signal)).await? {
            let Some((name, seq)) = Key::parse(&key).ok().and_then(|key| key.name.zip(key.number)) else { continue };
            let inbox = c.inbox.entry(name).or_insert(Inbox { first: seq, next: seq });
            inbox.next = seq + 1;
        }
        Ok(())
    }

    /// What waits in its outbox, with nobody who waits for the answer.
    async fn outbox(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let mut outbox = Pages::new(self.keys.all(Kind::Outbox));
        while let Some(rows) = self.rows(&mut outbox).await? {
            for (key, value) in rows {
                let seq = Key::parse(&key).ok().and_then(|key| key.number);
                let Some((seq, letter)) = seq.zip(encoding::decode::<Letter>(&value).ok()) else { continue };
                c.relations.outbox.open.insert(seq, Addressed { to: letter.to, run: c.run, op: None });
            }
        }
        Ok(())
    }

    /// Its parent, and the operations of its parent that wait for its end.
    async fn parent(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let Some(Parent { id, .. }) = c.relations.parent.take() else { return Ok(()) };
        let Other::Is(parent_id, parent) = self.other(&id).await? else { return Ok(()) };
        c.relations.watchers = self.watchers(&parent_id, &parent, c.first_run()).await?;
        c.relations.parent = Some(Parent { id, first: parent.first_run() });
        Ok(())
    }

    /// The operations of another instance that wait for the end of this one.
    async fn watchers(&self, id: &WorkflowId, of: &Checkpoint, first: RunId) -> Result<Vec<Watcher>, Unavailable> {
        let received = self.keys.received(of.first_run());
        let last = match instance::read::<u64>(&self.worker.shared, self.id, &received, "received number").await {
            // Who may not have been heard is asked to ask again, which changes nothing.
            Err(e) if e.is_damage() => None,
            last => last?,
        };
        // What it has asked and this one has not heard, it will ask again.
        let unheard = of.relations.outbox.open.iter().filter(|(seq, _)| last.is_none_or(|last| **seq > last));
        let unheard: HashSet<OpId> = unheard.filter_map(|(_, letter)| letter.op).collect();
        let mut waiting = of.pending.clone();
        let mut members = Pages::new(self.worker.shared.keys(id).all_of_run(Kind::Member, of.run));
        while let Some(rows) = self.rows(&mut members).await? {
            for (key, value) in rows {
                let op = Key::parse(&key).ok().and_then(|key| key.number);
                if let Some((op, Member::Open(pending))) = op.zip(encoding::decode(&value).ok()) {
                    waiting.insert(OpId(op), *pending);
                }
            }
        }
        waiting.retain(|op, _| !unheard.contains(op));
        let waits = waiting.iter().filter(|(_, pending)| match &pending.what {
            Operation::Remote(remote) if remote.id == self.id.as_str() && pending.done.is_none() => match remote.wait {
                Wait::Child { first: known, .. } => known.is_none_or(|known| known == first),
                Wait::Result { first: known, .. } => known == first,
                _ => false,
            },
            _ => false,
        });
        Ok(waits.map(|(op, _)| Watcher { id: id.to_string(), run: of.run, op: *op }).collect())
    }

    /// Its children that go on.
    async fn children(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let namespace = NamespaceKeys::new(&self.worker.shared.settings.namespace);
        let mut index = Pages::new(NamespaceKeys::between(&namespace.tagged(PARENT, self.id.as_str()), None, None));
        while let Some(rows) = self.rows(&mut index).await? {
            for id in rows.iter().filter_map(|(key, _)| Key::parse(key).ok()?.id) {
                let Other::Is(_, child) = self.other(&id).await? else { continue };
                let ours = child.relations.parent.as_ref().is_some_and(|p| p.first == c.first_run());
                if ours && !child.is_closed() {
                    let first = Some(child.first_run());
                    let link = ChildLink { workflow: child.workflow, close: ParentClose::default(), first };
                    c.relations.children.insert(id, link);
                }
            }
        }
        Ok(())
    }

    /// Another instance.
    async fn other(&self, id: &str) -> Result<Other, Unavailable> {
        let Ok(id) = WorkflowId::new(id) else { return Ok(Other::IsNot) };
        match stored::newest(&self.worker.shared, &id).await {
            Ok(found) => Ok(found.map_or(Other::IsNot, |checkpoint| Other::Is(id, Box::new(checkpoint)))),
            Err(Unavailable::Damaged { .. } | Unavailable::Undecodable { .. }) => Ok(Other::Unreadable),
            Err(e) => Err(e),
        }
    }
}

/// What is known of another instance.
enum Other {
    Is(WorkflowId, Box<Checkpoint>),
    IsNot,
    Unreadable,
}

/// The keys of what was read, damaged or not.
fn keys(read: Read) -> Vec<Vec<u8>> {
    match read {
        Read::Rows(rows) => rows.into_iter().map(|(key, _)| key).collect(),
        Read::Damaged { key, .. } => vec![key],
    }
}

/// The state of a run that has ended so.
fn closed(event: &Event) -> Option<State> {
    let Event::Closed(outcome) = event else { return None };
    Some(match outcome.clone() {
        Outcome::Completed(value) => State::Closed(Closed::Completed(value)),
        Outcome::Failed(error) => {
            let message = error.to_json().to_string();
            State::Closed(Closed::Failed { error, message })
        }
        Outcome::Cancelled { reason, error } => State::Closed(Closed::Cancelled { reason, error }),
        Outcome::Terminated { reason } => State::Terminated { reason },
        Outcome::TimedOut { after } => State::TimedOut { after },
    })
}
