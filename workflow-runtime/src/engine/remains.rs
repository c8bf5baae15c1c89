//! What is left of an instance whose checkpoint is damaged: enough of it, in its other records, to end it in order.
//!
//! Where it stood, and with what locals, was in the checkpoint alone. How it was started, its history, its tags,
//! its parent and its children, and what waits in its inbox and its outbox, stand in records and index entries of their own. The entries of indexes are
//! found by looking at all of them: this is done when somebody asks, for one instance.

use super::{
    actor::Actor,
    checkpoint::{
        Addressed, Checkpoint, ChildLink, Ended, Inbox, Operation, PARENT, Parent, StartRecord, State, Wait, Watcher,
    },
    draft::Draft,
    error::Unavailable,
    group::{Delta, Member},
    instance::Instance,
    message::Mail,
    outbox::Letter,
    pages::{Pages, Read},
    stored,
    worker::Worker,
};
use crate::{
    hash::HashSet,
    journal::{
        encoding,
        history::{Entry, Event, Outcome},
        id::{RunId, WorkflowId},
        key::{InstanceKeys, Key, Kind, NamespaceKeys},
    },
    machine::{Closed, OpId, ParentClose},
    store::{Revision, Row, StoreError, Write},
};
use jiff::Timestamp;
use std::rc::Rc;

/// Records that are read at a time.
const PAGE: usize = 512;

/// What has been counted in the checkpoint goes on here, behind all that it can have come to.
const FAR_BEHIND: u64 = 1 << 32;

impl Unavailable {
    /// Whether it is the checkpoint of an instance that does not read back.
    fn is_of_checkpoint(&self, keys: &InstanceKeys) -> bool {
        matches!(self, Self::Unreadable { source: StoreError::Damaged { key, .. }, .. } if *key == keys.frame())
    }
}

impl Worker {
    /// Ends an instance that cannot be loaded because its checkpoint is damaged, if somebody asks for its end.
    ///
    /// # Errors
    ///
    /// `why` it cannot be loaded, if nobody asks or too little is left; or why that is not durable.
    pub(super) async fn end_remains(self: &Rc<Self>, id: &WorkflowId, why: Unavailable) -> Result<Actor, Unavailable> {
        let asks = |mail: &Mail| matches!(mail, Mail::Terminate { .. });
        if !why.is_of_checkpoint(&self.shared.keys(id)) || !self.has_mail(id, asks) {
            return Err(why);
        }
        let found = Remains { worker: self, id, keys: self.shared.keys(id) }.find().await?;
        let Some(Found { checkpoint, writes, revision, ended }) = found else { return Err(why) };
        tracing::warn!(error = %why, "the checkpoint is damaged: it is made anew from what is left");
        let instance = Box::new(Instance::new(&self.shared, id.clone()));
        let mut draft = Draft::new(checkpoint, self.shared.clock.now(), Delta::of(&instance.members));
        (draft.writes, draft.over_damage) = (writes, Some(revision));
        let mut actor = Actor { worker: self.clone(), instance, floor: Timestamp::MIN };
        if let Some((state, at)) = ended {
            // It had ended. Those who ask are told so.
            draft.checkpoint.end(state, at);
            actor.store(draft).await?;
            return Ok(actor);
        }
        let Some(Mail::Terminate { reason, reply }) = self.take_mail_of(id, asks) else { return Err(why) };
        draft.terminate(&actor.instance.keys, reason);
        match actor.store(draft).await {
            Ok(()) => drop(reply.send(Ok(()))),
            Err(e) => {
                let _ = reply.send(Err(e.clone().into()));
                return Err(e);
            }
        }
        Ok(actor)
    }
}

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
        let retention = self.worker.shared.settings.retention;
        let mut checkpoint = Box::new(Checkpoint::start(run, start.workflow, start.at));
        checkpoint.retention = retention.map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX));
        let (revision, ended) = self.history(&mut checkpoint).await?;
        self.chain(&mut checkpoint).await?;
        let mut writes = self.index(&mut checkpoint).await?;
        self.messages(&mut checkpoint, revision).await?;
        self.parent(&mut checkpoint).await?;
        self.children(&mut checkpoint).await?;
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
        let number = |row: &Row| Key::parse(&row.0).ok().and_then(|key| key.number);
        let first = self.rows(&mut Pages::new(range())).await?.and_then(|rows| number(rows.first()?));
        let last = self.rows(&mut Pages::newest_first(range())).await?.unwrap_or_default();
        let entries: Vec<Entry> = last.iter().filter_map(|(_, value)| Entry::from_bytes(value).ok()).collect();
        let known = entries.iter().map(|entry| entry.revision).max().unwrap_or_default();
        c.history = last.first().and_then(number).map_or(0, |last| last + 1);
        c.steps = entries.iter().find_map(|entry| entry.step).unwrap_or(1);
        (c.segment, c.truncated, c.trimmed) = (first.unwrap_or(0), first.unwrap_or(0), first.unwrap_or(0));
        c.updated = entries.iter().map(|entry| entry.time).max().map_or(c.started, |time| time.max(c.started));
        // One that goes on as another run is not the newest.
        let ended = entries.iter().find_map(|entry| entry.events.iter().find_map(closed).zip(Some(entry.time)));
        Ok((Revision(known + FAR_BEHIND), ended))
    }

    /// The run before it, if it is one of a chain. Runs that ended before are removed with the id.
    async fn chain(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let mut ended = Pages::new(self.keys.all(Kind::Ended));
        while let Some(rows) = self.rows(&mut ended).await? {
            let mut former = rows.iter().filter_map(|(_, value)| encoding::decode::<Ended>(value).ok());
            if let Some(before) = former.find(|e| e.next == c.run && matches!(e.state, State::Continued { .. })) {
                (c.relations.first, c.relations.previous) = (Some(before.chain), Some(before.run));
            }
        }
        Ok(())
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

    /// What waits in its inbox, and in its outbox.
    async fn messages(&self, c: &mut Checkpoint, revision: Revision) -> Result<(), Unavailable> {
        for key in self.keys_of(self.keys.all(Kind::Signal)).await? {
            let Some((name, seq)) = Key::parse(&key).ok().and_then(|key| key.name.zip(key.number)) else { continue };
            let inbox = c.inbox.entry(name).or_insert(Inbox { first: seq, next: seq });
            inbox.next = seq + 1;
        }
        c.relations.outbox.next = revision.0;
        let mut outbox = Pages::new(self.keys.all(Kind::Outbox));
        while let Some(rows) = self.rows(&mut outbox).await? {
            for (key, value) in rows {
                let seq = Key::parse(&key).ok().and_then(|key| key.number);
                let Some((seq, letter)) = seq.zip(encoding::decode::<Letter>(&value).ok()) else { continue };
                // Nobody waits for the answer any more.
                c.relations.outbox.open.insert(seq, Addressed { to: letter.to, run: c.run, op: None });
            }
        }
        Ok(())
    }

    /// Its parent, and the operations of its parent that wait for its end.
    async fn parent(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let Some(Parent { id, .. }) = c.relations.parent.take() else { return Ok(()) };
        let Some((parent_id, parent)) = self.other(&id).await? else { return Ok(()) };
        let mut waiting = parent.pending.clone();
        let keys = self.worker.shared.keys(&parent_id);
        let mut members = Pages::new(keys.all_of_run(Kind::Member, parent.run));
        while let Some(rows) = self.rows(&mut members).await? {
            for (key, value) in rows {
                let op = Key::parse(&key).ok().and_then(|key| key.number);
                if let Some((op, Member::Open(pending))) = op.zip(encoding::decode(&value).ok()) {
                    waiting.insert(OpId(op), *pending);
                }
            }
        }
        c.relations.parent = Some(Parent { id: id.clone(), first: parent.first_run() });
        let waits = waiting.iter().filter(|(_, pending)| match &pending.what {
            Operation::Remote(remote) => {
                remote.id == self.id.as_str() && matches!(remote.wait, Wait::Child { .. } | Wait::Result { .. })
            }
            _ => false,
        });
        c.relations.watchers = waits.map(|(op, _)| Watcher { id: id.clone(), run: parent.run, op: *op }).collect();
        Ok(())
    }

    /// Its children that go on.
    async fn children(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let namespace = NamespaceKeys::new(&self.worker.shared.settings.namespace);
        let mut index = Pages::new(NamespaceKeys::between(&namespace.tagged(PARENT, self.id.as_str()), None, None));
        while let Some(rows) = self.rows(&mut index).await? {
            for id in rows.iter().filter_map(|(key, _)| Key::parse(key).ok()?.id) {
                let Some((_, child)) = self.other(&id).await? else { continue };
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

    /// Another instance, if it can be read.
    async fn other(&self, id: &str) -> Result<Option<(WorkflowId, Checkpoint)>, Unavailable> {
        let Ok(id) = WorkflowId::new(id) else { return Ok(None) };
        match stored::newest(&self.worker.shared, &id).await {
            Ok(found) => Ok(found.map(|checkpoint| (id, checkpoint))),
            Err(
                Unavailable::Unreadable { source: StoreError::Damaged { .. }, .. } | Unavailable::Undecodable { .. },
            ) => Ok(None),
            Err(e) => Err(e),
        }
    }
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
