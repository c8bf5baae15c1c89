//! One instance at work: its mail and what it has due, one at a time, each to its commit.

use super::{
    checkpoint::{Checkpoint, Operation, Reason, State, pack},
    commit::Refusal,
    draft::Draft,
    error::Unavailable,
    group::Delta,
    instance::{Instance, Next},
    watch::needs_a_human,
    worker::Worker,
};
use crate::{
    journal::history::Event,
    machine::{Input, StepError, StepInbox},
};
use jiff::Timestamp;
use std::rc::Rc;

pub(super) struct Actor {
    pub(super) worker: Rc<Worker>,
    pub(super) instance: Box<Instance>,
    /// When the timer was due that woke the instance: a clock that has been set back since does not take that back.
    pub(super) floor: Timestamp,
}

/// So often an instance goes on before others of its worker have their turn, if it need not wait for the store.
const TURNS: u32 = 8;

/// How a delivery went.
pub(super) enum Delivered {
    /// The machine took the input.
    Taken,
    /// It could not; the input is kept, the instance is blocked.
    Kept,
}

impl Actor {
    /// Works until there is nothing to do.
    pub(super) async fn work(&mut self) -> Result<(), Unavailable> {
        if let Some(c) = &self.instance.checkpoint {
            name_span(c);
        }
        let mut turns = 0u32;
        loop {
            let shared = &self.worker.shared;
            self.worker.alive()?;
            let now = shared.clock.now().max(self.floor);
            match self.advance_first(now).await {
                Ok(true) => {}
                Ok(false) => match self.worker.take_mail(&self.instance.id) {
                    Some(mail) => self.receive(mail, now).await?,
                    None if self.instance.acked.is_empty() => return Ok(()),
                    None => Box::pin(self.settle_all(now)).await?,
                },
                Err(e) => Box::pin(self.block_for_damage(e, now)).await?,
            }
            if self.worker.shared.settings.resident == 0 {
                self.instance.machine = None;
            }
            turns += 1;
            if turns.is_multiple_of(TURNS) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Does the first of what is due, if that comes before the mail. Says whether there was something.
    async fn advance_first(&mut self, now: Timestamp) -> Result<bool, Unavailable> {
        self.segment_by_policy(now).await?;
        self.start_attempts(now).await?;
        self.post(now).await?;
        let signals = self.instance.first_signals(&self.worker.shared).await?;
        let running = |op| self.worker.is_running(&self.instance.id, op);
        let next = self.instance.next(now, &signals, &running);
        let members = self.next_members(now, &signals);
        let mail = self.worker.first_mail(&self.instance.id);
        let may = |at| mail.map_or(!self.worker.finishing.get(), |m| at <= m);
        match (next, members.first().map(|(at, _)| *at)) {
            (Some((at, next)), first) if may(at) && first.is_none_or(|m| at <= m) => {
                Box::pin(self.advance(next, now)).await?;
            }
            (_, Some(at)) if may(at) => Box::pin(self.advance_members(members, now)).await?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A record that the next step needs is damaged: the instance is blocked, and says so. Gives other errors back.
    async fn block_for_damage(&mut self, e: Unavailable, now: Timestamp) -> Result<(), Unavailable> {
        let draft = self.draft(now).filter(|_| e.is_damage() && self.instance.may_step());
        let Some(draft) = draft else { return Err(e) };
        self.abandon();
        self.block(draft, Reason::of_damage("the instance cannot go on", &e)).await
    }

    /// A draft of the present state.
    pub(super) fn draft(&self, now: Timestamp) -> Option<Box<Draft>> {
        let members = Delta::of(&self.instance.members);
        let mut draft = Draft::new(self.instance.checkpoint.clone()?, now, members);
        for (seq, answer) in &self.instance.acked {
            draft.settle(&self.instance.keys, *seq, answer);
        }
        Some(draft)
    }

    /// Does what is due.
    async fn advance(&mut self, next: Next, now: Timestamp) -> Result<(), Unavailable> {
        match next {
            Next::Expire => self.expire(now).await,
            Next::Retire => self.retire(now).await,
            Next::RetireFormer => self.retire_former(now).await,
            Next::Trim => self.trim(now).await,
            next => {
                let Some(kept) = self.draft(now) else { return Ok(()) };
                self.deliver(kept, next).await.map(drop)
            }
        }
    }

    /// Gives the machine an input that `kept` has recorded, and what it can take after that, and commits. If the machine
    /// cannot take the first of it, `kept` stands and the instance is blocked.
    pub(super) async fn deliver(&mut self, kept: Box<Draft>, next: Next) -> Result<Delivered, Unavailable> {
        let _alone = self.worker.alone(&self.instance.id).await;
        let reason = loop {
            let mut taken = kept.clone();
            let message = self.message_for(&mut taken, &next).await?;
            self.gather(&mut taken, &next).await?;
            let Some(input) = taken.take(&self.instance.keys, &next, message) else {
                return Ok(Delivered::Kept);
            };
            let inbox = self.step_inbox(&taken).await?;
            let worker = self.worker.clone();
            if self.instance.machine.is_none()
                && let Err(reason) = Box::pin(self.instance.revive(&worker)).await?
            {
                break reason;
            }
            match self.step(&mut taken, input, inbox) {
                Ok(()) => match self.commit_with_more(taken).await {
                    Ok(()) => return Ok(Delivered::Taken),
                    Err(Refusal::Unavailable(e)) => return Err(e),
                    Err(Refusal::Unwritable(reason)) => break reason,
                },
                Err(StepError::Result { source, .. }) if matches!(next, Next::Signal(_)) => {
                    return Box::pin(self.set_aside(kept, &next, source.to_string())).await;
                }
                Err(StepError::Unread { channel }) => {
                    self.want(channel);
                    self.abandon();
                }
                Err(e) => break Reason { code: e.code().into(), message: e.to_string() },
            }
        };
        self.abandon();
        Box::pin(self.block(kept, reason)).await?;
        Ok(Delivered::Kept)
    }

    /// Gives up a machine whose step has not become durable.
    fn abandon(&mut self) {
        self.instance.machine = None;
        // An upgrade counts with the step that follows it, and there is none.
        self.instance.notes.retain(|n| !matches!(n, Event::Upgraded { .. }));
    }

    /// Runs the machine. Nothing here can wait, so nothing of it is seen before the commit.
    pub(super) fn step(&mut self, draft: &mut Draft, input: Input, inbox: Box<dyn StepInbox>) -> Result<(), StepError> {
        let number = draft.checkpoint.steps + 1;
        let span = tracing::debug_span!("workflow.step", workflow.step = number);
        let _entered = span.enter();
        let worker = self.worker.clone();
        let _stepping = worker.stepping(&self.instance.id);
        let unsaveable = |source| StepError::Outcome { workflow: draft.checkpoint.workflow.clone(), source };
        let Some(machine) = self.instance.machine.as_mut() else { return Ok(()) };
        let step = machine.step_with(input, draft.now, inbox)?;
        if let Some(input) = &step.continued {
            self.admit_next(&draft.checkpoint.workflow, input)?;
        }
        let Some(machine) = self.instance.machine.as_ref() else { return Ok(()) };
        let packed = pack(machine.frame()).map_err(unsaveable)?;
        draft.definitions.extend(self.definitions(&packed.by));
        let by = packed.by.definition;
        draft.apply(&self.instance.keys, step, packed);
        match draft.continued.take() {
            Some(input) => self.go_on(draft, input, by),
            None => Ok(()),
        }
    }

    /// Takes a message that does not decode out of the inbox; the workflow goes on waiting.
    async fn set_aside(&mut self, mut draft: Box<Draft>, next: &Next, error: String) -> Result<Delivered, Unavailable> {
        self.instance.machine = None;
        let payload = self.message_for(&mut draft, next).await?;
        let Next::Signal(op) = next else { return Ok(Delivered::Kept) };
        let (Some(Operation::Signal { name, .. }), Some(payload)) =
            (draft.checkpoint.pending.get(op).map(|p| p.what.clone()), payload)
        else {
            return Ok(Delivered::Kept);
        };
        draft.set_aside(&self.instance.keys, &name, payload, error);
        self.store(draft).await?;
        Ok(Delivered::Taken)
    }

    /// Commits `draft` as blocked, unless it says nothing new.
    pub(super) async fn block(&mut self, mut draft: Box<Draft>, reason: Reason) -> Result<(), Unavailable> {
        self.instance.retrying = false;
        tracing::warn!(code = reason.code, message = reason.message, "the instance is blocked");
        if draft.block(reason) || !draft.events.is_empty() {
            self.store(draft).await?;
        }
        self.worker.survived(&self.instance.id);
        Ok(())
    }

    /// Commits a draft that holds no step.
    ///
    /// # Errors
    ///
    /// The draft is not what is durable: if it could not be written, the instance is blocked as it was before.
    pub(super) async fn store(&mut self, draft: Box<Draft>) -> Result<(), Unavailable> {
        // A run that has ended stays as it is, whatever was to follow it.
        let kept = self.draft(draft.now).filter(|d| !d.checkpoint.is_closed());
        let told = self.instance.checkpoint.as_ref().map(|c| draft.reports_since(c)).unwrap_or_default();
        match (self.commit(draft).await, kept) {
            (Ok(()), _) => Ok(()),
            (Err(Refusal::Unavailable(e)), _) => Err(e),
            (Err(Refusal::Unwritable(reason)), Some(mut kept)) => {
                let id = self.instance.id.to_string();
                // What an attempt told cannot be kept, and would be told again.
                told.into_iter().for_each(|op| kept.give_up(op));
                let refused = unwritable(id.clone(), reason.clone());
                kept.block(reason);
                match Box::pin(self.commit(kept)).await {
                    Ok(()) => Err(refused),
                    Err(Refusal::Unavailable(e)) => Err(e),
                    Err(Refusal::Unwritable(r)) => Err(unwritable(id, r)),
                }
            }
            (Err(Refusal::Unwritable(reason)), None) => Err(unwritable(self.instance.id.to_string(), reason)),
        }
    }

    /// Blocks an instance whose step does not end, or kills the process.
    pub(super) async fn condemn(&mut self) -> Result<(), Unavailable> {
        let worker = self.worker.clone();
        let Some(reason) = worker.shared.watch.condemned(&self.instance.id) else { return Ok(()) };
        // One that does not exist yet is blocked when it is started.
        let Some(draft) = self.draft(worker.shared.clock.now()) else { return Ok(()) };
        if !draft.checkpoint.is_closed() {
            self.block(draft, reason).await?;
        }
        worker.shared.watch.pardon(&self.instance.id);
        Ok(())
    }

    /// A blocked instance whose store is opened again tries to go on: this may be a build that can.
    pub(super) async fn second_chance(&mut self) -> Result<(), Unavailable> {
        let Some(mut draft) = self.draft(self.worker.shared.clock.now()) else { return Ok(()) };
        let stuck = |o: &Operation| matches!(o, Operation::Activity(call) if call.stuck);
        let members = self.instance.members.borrow().any(&stuck);
        if matches!(&draft.checkpoint.state, State::Blocked(reason) if needs_a_human(reason)) {
            return Ok(());
        }
        if members || draft.checkpoint.pending.values().any(|p| stuck(&p.what)) {
            draft.unblock();
            return self.store(draft).await;
        }
        self.instance.retrying = true;
        Ok(())
    }
}

/// What the instance's span does not know before its checkpoint is read.
pub(super) fn name_span(c: &Checkpoint) {
    let span = tracing::Span::current();
    span.record("workflow.name", c.workflow.as_str());
    span.record("workflow.run_id", tracing::field::display(c.run));
}

fn unwritable(workflow_id: String, reason: Reason) -> Unavailable {
    Unavailable::Unwritable { workflow_id, code: reason.code, message: reason.message }
}
