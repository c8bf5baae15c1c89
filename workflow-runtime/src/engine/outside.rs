//! Activities whose result comes from outside: what is heard of them, and how they end.

use super::{
    actor::Actor,
    attempts::Verdict,
    checkpoint::{Operation, Pending},
    complete::{FromOutside, Heartbeat},
    draft::Draft,
    error::{CompleteError, Unavailable},
    message::Named,
    worker::Worker,
};
use crate::{
    activity::{ActivityDef, AttemptHandle, AttemptReport, Timeout},
    hash::HashMap,
    journal::{
        history::Event,
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Completion, OpId},
};
use jiff::Timestamp;

/// What was heard of deferred activities since this engine was opened.
#[derive(Default)]
pub(super) struct Outside(HashMap<WorkflowId, HashMap<OpId, Heard>>);

struct Heard {
    attempt: u32,
    last: Timestamp,
    kept_at: Timestamp,
    /// Progress that is not written down yet.
    progress: Option<Payload>,
}

impl Outside {
    /// Whose progress is not written down yet.
    pub(super) fn unkept(&self) -> Vec<(WorkflowId, OpId, u32)> {
        let all = self.0.iter().flat_map(|(id, ops)| ops.iter().map(move |(op, heard)| (id, op, heard)));
        all.filter(|(.., h)| h.progress.is_some()).map(|(id, op, h)| (id.clone(), *op, h.attempt)).collect()
    }

    /// Forgets an instance: another run has begun.
    pub(super) fn forget(&mut self, id: &WorkflowId) {
        self.0.remove(id);
    }

    fn heard(&mut self, id: &WorkflowId, op: OpId, attempt: u32) -> Option<&mut Heard> {
        self.0.get_mut(id)?.get_mut(&op).filter(|h| h.attempt == attempt)
    }

    fn take(&mut self, id: &WorkflowId, op: OpId, attempt: u32) -> Option<Payload> {
        self.heard(id, op, attempt)?.progress.take()
    }
}

impl Worker {
    /// Forgets what is not deferred any more.
    pub(super) fn forget_outside(&self, id: &WorkflowId, pending: &dyn Fn(OpId) -> Option<Pending>) {
        let mut outside = self.outside.borrow_mut();
        let Some(ops) = outside.0.get_mut(id) else { return };
        ops.retain(|op, _| match pending(*op).map(|p| p.what) {
            Some(Operation::Activity(call)) => call.deferred.is_some(),
            _ => false,
        });
        if ops.is_empty() {
            outside.0.remove(id);
        }
    }
}

impl Actor {
    /// A call that somebody outside means: a draft, the number of its attempt, and its activity.
    fn named(&self, named: &Named, now: Timestamp) -> Result<(Box<Draft>, u32, &'static ActivityDef), CompleteError> {
        let (workflow_id, op) = (self.instance.id.to_string(), named.op);
        let draft = self.draft(now).filter(|d| d.checkpoint.run == named.run);
        let Some(mut draft) = draft else { return Err(CompleteError::NotFound { workflow_id, op }) };
        if draft.checkpoint.is_closed() {
            let state = draft.checkpoint.status().as_str();
            return Err(CompleteError::Closed { workflow_id, op, state });
        }
        match draft.pending_mut(op) {
            Some(p) if p.done.is_none() && !p.detached => {}
            _ => return Err(CompleteError::AlreadyCompleted { workflow_id, op }),
        }
        let Some(call) = draft.call(op) else { return Err(CompleteError::NotFound { workflow_id, op }) };
        let (attempt, name) = (call.attempt, call.name.clone());
        let Some(def) = self.worker.shared.registry.activity(&name) else {
            return Err(CompleteError::UnknownActivity { workflow_id, activity: name.into_owned() });
        };
        match named.activity.filter(|expected| expected.name != def.name) {
            Some(other) => {
                let expected = other.name.to_owned();
                Err(CompleteError::OtherActivity { workflow_id, op, existing: name.into_owned(), expected })
            }
            None => Ok((draft, attempt, def)),
        }
    }

    /// Somebody outside ends an activity, or an attempt of it.
    pub(super) async fn complete(
        &mut self,
        named: Named,
        with: FromOutside,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), CompleteError> {
        let (mut draft, attempt, def) = self.named(&named, now)?;
        let op = named.op;
        let mismatch = |source| {
            let (workflow_id, activity) = (self.instance.id.to_string(), def.name.to_owned());
            CompleteError::Mismatch { workflow_id, activity, source }
        };
        let verdict = match with {
            FromOutside::Value(value) => {
                (def.accepts)(&value).map_err(mismatch)?;
                Verdict::Done(Completion::Value(value))
            }
            FromOutside::Error(error) => {
                let permanent = (def.is_final)(&error).map_err(mismatch)?;
                self.verdict(&draft, op, attempt, AttemptReport::Err { error, permanent })
            }
            FromOutside::Cancelled => {
                if !draft.pending_mut(op).is_some_and(|p| p.cancel) {
                    return Err(CompleteError::NotCancelled { workflow_id: self.instance.id.to_string(), op });
                }
                Verdict::Done(Completion::Cancelled)
            }
        };
        draft.events.push(Event::FromOutside { op: op.0, attempt });
        let progress = self.fresh_progress(named.run, op, attempt);
        self.conclude(&mut draft, op, attempt, verdict, progress, at);
        self.commit_or_step(draft).await?;
        // If another attempt follows, nobody waits for the one that still runs.
        self.worker.with_attempt(&self.instance.id, named.run, op, attempt, |running| running.abandon());
        Ok(())
    }

    /// Commits what was concluded, and lets the machine take it if it can.
    async fn commit_or_step(&mut self, draft: Box<Draft>) -> Result<(), Unavailable> {
        self.progress(draft).await
    }

    /// Progress of the present attempt that is not written down yet.
    fn fresh_progress(&self, run: RunId, op: OpId, attempt: u32) -> Option<Payload> {
        let id = &self.instance.id;
        let running = self.worker.with_attempt(id, run, op, attempt, AttemptHandle::take_progress);
        running.flatten().or_else(|| self.worker.outside.borrow_mut().take(id, op, attempt))
    }

    /// Somebody outside works on an activity.
    pub(super) async fn beat(
        &mut self,
        named: Named,
        progress: Payload,
        now: Timestamp,
    ) -> Result<Heartbeat, CompleteError> {
        let (mut draft, attempt, _) = self.named(&named, now)?;
        let (id, op) = (self.instance.id.clone(), named.op);
        let Some(pending) = draft.pending_mut(op) else {
            return Err(CompleteError::NotFound { workflow_id: id.to_string(), op });
        };
        let heartbeat = Heartbeat { cancel_requested: pending.cancel };
        let deferred = match &pending.what {
            Operation::Activity(call) => call.deferred.as_ref(),
            _ => None,
        };
        let Some(since) = deferred.map(|d| d.since) else {
            self.worker.with_attempt(&id, named.run, op, attempt, |running| running.beat(progress));
            return Ok(heartbeat);
        };
        let interval = self.worker.shared.settings.progress_interval;
        let due = {
            let mut outside = self.worker.outside.borrow_mut();
            let ops = outside.0.entry(id).or_default();
            let heard = ops.entry(op).or_insert(Heard { attempt, last: now, kept_at: since, progress: None });
            if heard.attempt != attempt {
                *heard = Heard { attempt, last: now, kept_at: since, progress: None };
            }
            heard.last = heard.last.max(now);
            heard.progress = Some(progress);
            heard.kept_at.checked_add(interval).is_ok_and(|next| now >= next)
        };
        if due {
            self.keep(op, attempt, now).await?;
        }
        Ok(heartbeat)
    }

    /// Writes down how far an attempt is, if it has told.
    pub(super) async fn keep(&mut self, op: OpId, attempt: u32, now: Timestamp) -> Result<(), Unavailable> {
        let Some(mut draft) = self.draft(now).filter(|d| !d.checkpoint.is_closed()) else { return Ok(()) };
        let id = self.instance.id.clone();
        let run = draft.checkpoint.run;
        let waits = draft.pending_mut(op).is_some_and(|p| p.done.is_none());
        if !waits || draft.call(op).is_none_or(|c| c.attempt != attempt) {
            return Ok(());
        }
        let Some(progress) = self.fresh_progress(run, op, attempt) else { return Ok(()) };
        let heard = self.worker.outside.borrow_mut().heard(&id, op, attempt).map(|heard| {
            heard.kept_at = now;
            heard.last
        });
        draft.keep_progress(op, attempt, Some(progress));
        if let (Some(last), Some(deferred)) = (heard, draft.call(op).and_then(|c| c.deferred.as_mut())) {
            deferred.beat = last;
        }
        self.store(draft).await
    }

    /// Fails deferred activities of which nothing was heard for too long. Only time counts in which somebody could have
    /// been heard.
    pub(super) async fn check_silent(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        let Some(c) = self.instance.checkpoint.as_ref().filter(|c| !c.is_closed()) else { return Ok(()) };
        let is_silent = |op: OpId, p: &Pending| match &p.what {
            Operation::Activity(call) if p.done.is_none() && !p.detached => {
                call.silent_at().filter(|at| *at <= now).map(|_| (op, call.attempt))
            }
            _ => None,
        };
        let mut silent: Vec<_> = c.pending.iter().filter_map(|(op, p)| is_silent(*op, p)).collect();
        {
            let mut members = self.instance.members.borrow_mut();
            let woken = members.woken(now).into_iter();
            silent.extend(woken.filter_map(|op| is_silent(op, members.get(op)?)).collect::<Vec<_>>());
        }
        for (op, attempt) in silent {
            let Some(mut draft) = self.draft(now) else { return Ok(()) };
            let id = self.instance.id.clone();
            let heard = self.worker.outside.borrow_mut().heard(&id, op, attempt).map(|h| h.last);
            let last = heard.unwrap_or(self.worker.since);
            let Some(call) = draft.call(op) else { continue };
            let Some(deferred) = &mut call.deferred else { continue };
            deferred.beat = deferred.beat.max(last);
            let progress = self.fresh_progress(draft.checkpoint.run, op, attempt);
            let Some(call) = draft.call(op) else { continue };
            if call.silent_at().is_some_and(|at| at > now) {
                draft.keep_progress(op, attempt, progress);
                self.store(draft).await?;
                continue;
            }
            let verdict = self.verdict(&draft, op, attempt, AttemptReport::TimedOut(Timeout::Heartbeat));
            self.conclude(&mut draft, op, attempt, verdict, progress, now);
            self.commit_or_step(draft).await?;
        }
        Ok(())
    }
}
