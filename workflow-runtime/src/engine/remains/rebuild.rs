//! Making a damaged checkpoint anew: the steps of its history are taken again up to the last one, whose frame has to have the recorded hash.
//!
//! What the instance waits for comes from these steps and from the events of the history ([`Books`]); members of groups, messages and what is due from their
//! own records. Where these do not say all, nothing is guessed: the checkpoint stays as it is, and the error says what to do.

use super::{FAR_BEHIND, Found, Other, Remains, history::Told};
use crate::{
    engine::{
        actor::Actor,
        chain::micros_of,
        checkpoint::{self, Checkpoint, Done, Large, Operation, Packed, Parent, State, micros},
        draft::Draft,
        error::{RebuildError, Unavailable},
        group::Member,
        instance::Instance,
        message::Mail,
        pages::{Pages, Read},
        run::Run,
        verify::{Books, Replay},
        watch::needs_a_human,
        worker::Worker,
    },
    hash::HashSet,
    journal::{
        encoding,
        history::Event,
        id::{RunId, WorkflowId},
        key::{self, Key, Kind},
        payload::Payload,
    },
    machine::{Completion, Frame, Machine, OpId},
    store::{Revision, Write},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, rc::Rc};

/// The code of an instance of which a record is damaged that is not its checkpoint.
const NOT_RESTORED: &str = "WB106";

impl<W> Run<W> {
    /// Makes the checkpoint of this instance anew, because it is damaged (`WE092`): it goes on where it was.
    ///
    /// The steps of its history are taken again, from its start or from the last full checkpoint in it, as [`verify`](Run::verify) does; nothing has an effect
    /// meanwhile. Attempts that may have been under way count as lost, as when a process dies, and every operation keeps its idempotency
    /// key. One that had ended has its result again; one that was blocked tries again, unless its steps have killed the process or did not end. The history
    /// notes it ([`Event::Rebuilt`]). It is durable on return.
    ///
    /// It takes a time that depends on the length of the history, and on the number of timers, tags and instances of the store: their indexes are gone through.
    ///
    /// # Errors
    ///
    /// [`RebuildError`]: it is not damaged, or too much else is; this build has not taken its last steps, or does something else now. Nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// The checkpoint may or may not be made anew if the future is dropped.
    ///
    /// ```
    /// use workflow_runtime::{
    ///     journal::{id::{Namespace, WorkflowId}, key::InstanceKeys},
    ///     prelude::*,
    ///     store::MemoryStore,
    ///     testing::TestEngine,
    /// };
    ///
    /// #[workflow]
    /// async fn rebuilt_nap(n: u32) -> Result<u32, Cancelled> {
    ///     sleep(days(30)).await?;
    ///     Ok(n)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), WorkflowError> {
    /// let store = MemoryStore::new();
    /// let engine = TestEngine::builder().manual().store(store.reopen()).build().await?;
    /// engine.start("p", rebuilt_nap(7)).await?;
    /// engine.kill();
    /// store.damage(&InstanceKeys::new(&Namespace::default(), &WorkflowId::new("p")?).frame());
    ///
    /// let engine = TestEngine::builder().store(store.reopen()).build().await?;
    /// let run = engine.run(rebuilt_nap, "p");
    /// assert_eq!(run.status().await.unwrap_err().code(), "WE092");
    /// run.rebuild().await?;
    /// assert_eq!(run.result().await?, 7);
    /// # Ok(()) }
    /// ```
    pub async fn rebuild(&self) -> Result<(), RebuildError> {
        let id = self.workflow_id()?;
        self.engine().inner.ask(&id, |reply| Mail::Rebuild { reply }).await.unwrap_or_else(|e| Err(e.into()))
    }
}

impl Worker {
    /// Makes the checkpoint of an instance anew.
    pub(super) async fn rebuild(self: &Rc<Self>, id: &WorkflowId, why: &Unavailable) -> Result<Actor, RebuildError> {
        let remains = self.remains(id);
        let Some((run, start)) = remains.start().await? else {
            return Err(RebuildError::NoStart { workflow_id: id.to_string() });
        };
        tracing::warn!(error = %why, "the checkpoint is damaged: it is made anew from the history");
        let mut bare = Box::new(Checkpoint::start(run, start.workflow.clone(), start.at));
        if let (_, Some(_)) = remains.history(&mut bare).await? {
            // It had ended: there is nothing to take again.
            let Some(found) = remains.find().await? else {
                return Err(RebuildError::NoStart { workflow_id: id.to_string() });
            };
            let (mut actor, draft, _) = self.over_damage(id, found);
            actor.store(draft).await?;
            return Ok(actor);
        }
        let retention = start.retention.unwrap_or(self.shared.settings.retention.map(micros_of));
        let again = remains.again(run, start).await?;
        let mut made = remains.made(again, retention).await?;
        let found = Found { checkpoint: made.checkpoint, writes: made.writes, revision: made.revision, ended: None };
        let (mut actor, mut draft, _) = self.over_damage(id, found);
        draft.note_rebuilt(made.from);
        actor.store(draft).await?;
        self.arm(id, [].iter(), std::mem::take(&mut made.due).iter());
        actor.load_members().await?;
        actor.mark_lost().await?;
        actor.condemn().await?;
        Ok(actor)
    }
}

impl Draft {
    fn note_rebuilt(&mut self, from: Option<u64>) {
        self.events.push(Event::Rebuilt { from });
        if matches!(&self.checkpoint.state, State::Blocked(reason) if !needs_a_human(reason)) {
            self.unblock();
        }
    }
}

impl Actor {
    /// Somebody asks for the checkpoint to be made anew of an instance that is in memory.
    pub(in crate::engine) async fn rebuild(&mut self, now: Timestamp) -> Result<(), RebuildError> {
        let workflow_id = self.instance.id.to_string();
        let worker = self.worker.clone();
        let Some(mut draft) = self.draft(now) else { return Err(RebuildError::NotFound { workflow_id }) };
        match Instance::load(&worker.shared, self.instance.id.clone()).await {
            // What is in memory is as it was.
            Err(Unavailable::Damaged { .. }) => {
                draft.over_damage = Some(self.instance.revision.next());
                draft.note_rebuilt(None);
            }
            Err(e) => return Err(e.into()),
            Ok(_) if !self.has_lost_a_record() => return Err(RebuildError::NotDamaged { workflow_id }),
            Ok(_) => {
                let remains = worker.remains(&self.instance.id);
                let start = self.instance.start_record(&worker.shared).await;
                let start = start.map_err(|_| RebuildError::NoStart { workflow_id })?;
                remains.members(&mut draft.checkpoint.clone(), &|_| None).await?;
                let again = remains.again(draft.checkpoint.run, start).await?;
                let from = again.books.from;
                if let Some(packed) = again.packed {
                    draft.writes.extend(remains.slots(draft.checkpoint.run, &packed.large).await?);
                    draft.checkpoint.large = packed.large.into_iter().map(|(large, _)| large).collect();
                    draft.checkpoint.frame = Some(packed.frame);
                }
                draft.note_rebuilt(Some(from));
            }
        }
        self.instance.machine = None;
        Ok(self.store(draft).await?)
    }

    /// It is blocked because a record cannot be read that goes with its checkpoint.
    fn has_lost_a_record(&self) -> bool {
        let state = self.instance.checkpoint.as_ref().map(|c| &c.state);
        matches!(state, Some(State::Blocked(reason)) if reason.code == NOT_RESTORED)
    }
}

/// How a run stands behind all of its history.
struct Again {
    books: Books,
    /// The frame; none before the first step.
    packed: Option<Packed>,
    /// Groups that one member has decided.
    decided: BTreeMap<OpId, Completion>,
    told: Told,
}

/// A checkpoint that was made anew.
struct Made {
    checkpoint: Box<Checkpoint>,
    writes: Vec<Write>,
    revision: Revision,
    from: Option<u64>,
    /// What members of groups have due.
    due: Vec<(i64, OpId)>,
}

impl Remains<'_> {
    /// Takes the steps of a run again.
    async fn again(&self, run: RunId, start: checkpoint::StartRecord) -> Result<Again, RebuildError> {
        let steps = |source| RebuildError::Steps { workflow_id: self.id.to_string(), source: Box::new(source) };
        let recorded = self.recorded(run, start).await?;
        let mut replay = Replay::new(&recorded, &self.worker.shared.registry).map_err(steps)?;
        let open = self.keys_of(self.keys.all(Kind::Outbox)).await?;
        replay.look_for(open.iter().filter_map(|key| Key::parse(key).ok()?.number).collect());
        let told = self.take_again(run, &mut replay).await?;
        let groups = replay.books().checkpoint.pending.iter();
        let groups = groups.filter(|(_, p)| matches!(p.what, Operation::Group(_))).map(|(op, _)| *op);
        let decided = groups.filter_map(|op| Some((op, replay.decided(op)?))).collect();
        let (mut books, machine) = replay.into_books();
        let packed = match frame(&mut books, machine.as_ref()) {
            None => None,
            Some(frame) => {
                let unsaveable = |e: &dyn std::fmt::Display| RebuildError::Record {
                    workflow_id: self.id.to_string(),
                    record: key::describe(&self.keys.frame()),
                    reason: e.to_string(),
                };
                let frame = frame.map_err(|e| unsaveable(&e))?;
                Some(checkpoint::pack(frame).map_err(|e| unsaveable(&e))?)
            }
        };
        Ok(Again { books, packed, decided, told })
    }

    /// The checkpoint from what was taken again, and from the other records.
    async fn made(&self, again: Again, retention: Option<u64>) -> Result<Made, RebuildError> {
        let Again { mut books, packed, decided, told } = again;
        let from = Some(books.from);
        let mut indexed = Checkpoint::start(books.checkpoint.run, String::new(), Timestamp::MIN);
        let mut writes = self.index(&mut indexed).await?;
        self.outbox(&mut indexed).await?;
        let mut c = Box::new(books.checkpoint.clone());
        if !books.stated {
            (c.retention, c.expires) = (retention, indexed.expires);
        }
        c.history = told.next;
        c.trimmed = told.first.unwrap_or(0).min(c.truncated);
        c.former = self.former().await?;
        c.relations.outbox.next = books.next_message;
        c.relations.outbox.open = std::mem::take(&mut indexed.relations.outbox.open);
        for (seq, letter) in &mut c.relations.outbox.open {
            match (books.opened.remove(seq), books.sent.get(seq)) {
                (Some(known), _) => *letter = known,
                (None, Some(op)) => letter.op = *op,
                (None, None) => {}
            }
            c.relations.outbox.next = c.relations.outbox.next.max(seq + 1);
        }
        self.watching(&books, &mut c).await?;
        self.confirm_children(&mut c).await?;
        if let Some(packed) = packed {
            writes.extend(self.slots(c.run, &packed.large).await?);
            c.large = packed.large.into_iter().map(|(large, _)| large).collect();
            c.frame = Some(packed.frame);
        }
        let due = self.members(&mut c, &|op| decided.get(&op).cloned()).await?;
        writes.extend(due.iter().map(|(at, op)| Write::Put { key: self.keys.timer(*at, op.0), value: vec![] }));
        Ok(Made { checkpoint: c, writes, revision: Revision(told.revision.0 + FAR_BEHIND), from, due })
    }

    /// The first runs of children that have answered when nobody waited for it any more: no event tells of that.
    async fn confirm_children(&self, c: &mut Checkpoint) -> Result<(), Unavailable> {
        let us = Parent { id: self.id.to_string(), first: c.first_run() };
        let asked = |id: &str| c.relations.outbox.open.values().any(|letter| letter.to == id);
        let open = c.relations.children.iter().filter(|(id, link)| link.first.is_none() && !asked(id));
        let open: Vec<_> = open.map(|(id, link)| (id.clone(), link.workflow.clone())).collect();
        for (id, workflow) in open {
            let first = match self.other(&id).await? {
                Other::Is(_, child) => (child.relations.parent.as_ref() == Some(&us)).then(|| child.first_run()),
                Other::IsNot => None,
                // How it was started says the same.
                Other::Unreadable => match WorkflowId::new(id.as_str()) {
                    Ok(id) => self.worker.remains(&id).first_run_of(&workflow).await?,
                    Err(_) => None,
                },
            };
            if let (Some(link), Some(_)) = (c.relations.children.get_mut(&id), first) {
                link.first = first;
            }
        }
        Ok(())
    }

    /// The run with which its chain began, if it runs this workflow.
    async fn first_run_of(&self, workflow: &str) -> Result<Option<RunId>, Unavailable> {
        let Some((run, start)) = self.start().await? else { return Ok(None) };
        let mut c = Checkpoint::start(run, start.workflow, start.at);
        self.chain(&mut c).await?;
        Ok((c.workflow == workflow).then(|| c.first_run()))
    }

    /// Who waits for its end. Those who have asked know best whether they still do.
    async fn watching(&self, books: &Books, c: &mut Checkpoint) -> Result<(), RebuildError> {
        let asked = books.watching.iter().cloned();
        let asked: HashSet<String> = asked.chain(c.relations.parent.as_ref().map(|p| p.id.clone())).collect();
        let first = c.first_run();
        for id in asked {
            match self.other(&id).await? {
                Other::Is(id, other) => {
                    for watcher in self.watchers(&id, &other, first).await? {
                        if !c.relations.watchers.contains(&watcher) {
                            c.relations.watchers.push(watcher);
                        }
                    }
                }
                Other::IsNot => {}
                Other::Unreadable => {
                    return Err(RebuildError::After { workflow_id: self.id.to_string(), other: id });
                }
            }
        }
        Ok(())
    }

    /// Writes large locals, and removes those that are none any more.
    async fn slots(&self, run: RunId, large: &[(Large, Payload)]) -> Result<Vec<Write>, RebuildError> {
        let stale = self.keys_of(self.keys.all_of_run(Kind::Slot, run)).await?;
        let mut writes: Vec<_> = stale.into_iter().map(|key| Write::Delete { key }).collect();
        for (slot, payload) in large {
            // Payloads always encode: they are byte strings.
            if let Ok(value) = encoding::encode(payload) {
                writes.push(Write::Put { key: self.keys.slot(run, &slot.name), value });
            }
        }
        Ok(writes)
    }

    /// How the groups of a run stand, by the records of their members. What members have due.
    async fn members(
        &self,
        c: &mut Checkpoint,
        decided: &dyn Fn(OpId) -> Option<Completion>,
    ) -> Result<Vec<(i64, OpId)>, RebuildError> {
        let records = self.member_records(c.run).await?;
        let mut due = vec![];
        let at = c.updated;
        for (op, p) in &mut c.pending {
            let Operation::Group(group) = &mut p.what else { continue };
            if p.done.is_some() {
                continue;
            }
            let own = || records.range(group.members());
            let opened = own().filter_map(|(op, member)| match member {
                Member::Open(p) => Some((*op, &**p)),
                Member::Waiting(_) => None,
            });
            let opened: Vec<_> = opened.collect();
            let waiting = own().find(|(_, member)| matches!(member, Member::Waiting(_))).map(|(op, _)| *op);
            group.count(&opened, waiting);
            for (op, p) in opened {
                due.extend(p.due().map(|at| (micros(at), op)));
            }
            let over = decided(*op).or_else(|| group.is_over().then_some(Completion::All(vec![])));
            p.done = over.map(|completion| Box::new(Done { at, completion }));
        }
        Ok(due)
    }

    async fn member_records(&self, run: RunId) -> Result<BTreeMap<OpId, Member>, RebuildError> {
        let damaged = |key: &[u8], reason: String| {
            let (workflow_id, record) = (self.id.to_string(), key::describe(key));
            RebuildError::Record { workflow_id, record, reason }
        };
        let (mut range, mut found) = (Pages::new(self.keys.all_of_run(Kind::Member, run)), BTreeMap::new());
        while let Some(read) = self.read(&mut range).await? {
            let rows = match read {
                Read::Rows(rows) => rows,
                Read::Damaged { key, reason } => return Err(damaged(&key, reason)),
            };
            for (key, value) in rows {
                let Some(op) = Key::parse(&key).ok().and_then(|key| key.number) else { continue };
                let member = encoding::decode(&value).map_err(|e| damaged(&key, e.to_string()))?;
                found.insert(OpId(op), member);
            }
        }
        Ok(found)
    }
}

/// The frame behind the last step, or with which the segment begins; none before the first step.
fn frame(books: &mut Books, machine: Option<&Machine>) -> Option<Result<Frame, encoding::DecodeError>> {
    match (books.parked.take(), machine) {
        (Some(parked), _) => Some(parked.decode()),
        (None, Some(machine)) if books.checkpoint.steps > 0 => Some(Ok(machine.frame())),
        (None, _) => None,
    }
}
