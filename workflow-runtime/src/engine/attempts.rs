//! Attempts of activities: when they start, and what follows from how they end.

use super::{
    actor::Actor,
    checkpoint::{Call, Deferred, Operation, Reason},
    draft::Draft,
    error::Unavailable,
    message::{Ended, Mail, Message},
};
use crate::{
    activity::{AttemptHandle, AttemptReport, AttemptRequest, OnCancel, Timeout},
    journal::{
        history::{Event, Failure},
        id::RunId,
        payload::Payload,
    },
    machine::{Completion, OpId},
};
use jiff::Timestamp;

/// What a report means for its operation.
pub(super) enum Verdict {
    Done(Completion),
    Again(Failure, Timestamp),
    /// The body is gone, and the result comes from outside.
    Deferred,
    Stuck(Reason),
    /// The attempt was stopped and nobody had asked the operation to: it runs again with the next engine.
    Lost,
}

/// So many attempts that ran when their process died, one after the other, are nobody's fault. The first death is not marked,
/// so the third in a row is the first that counts, as with steps.
const SUSPECT: u32 = 1;

impl Draft {
    /// The attempts before `present` ended with their process, or waited for their turn in it. The next one starts at once,
    /// whatever the policy says: processes end for many reasons. Only of one that `ran` when the process died, and those before
    /// it, too, the death is held against it, like any failure.
    fn lose(&mut self, op: OpId, present: u32, ran: bool, policy: &crate::Retry) {
        let now = self.now;
        let Some(call) = self.call(op) else { return };
        let (last, gone) = (present - 1, present - call.attempt);
        (call.attempt, call.next_at) = (present, None);
        call.lost = call.lost.saturating_add(ran.into());
        if !ran || call.lost <= SUSPECT {
            call.excused = call.excused.saturating_add(gone);
            return;
        }
        match policy.pause(call.counted(last)) {
            Some(pause) => call.next_at = Some(now.checked_add(pause).unwrap_or(Timestamp::MAX)),
            None => {
                let message = format!("the process ended while attempt {last} ran, and it was the last one");
                self.finish(op, Completion::Panicked(message), now);
            }
        }
    }
}

impl Actor {
    /// What was running when another process died is lost: it counts as an attempt, and the next one follows.
    ///
    /// Starts are not committed, so what was due before this engine took the store over may have been started. That it
    /// is lost is committed before the next attempt starts: no two that start have one number, however often a process
    /// dies. Only a clock that is set back while no process runs hides that an attempt was due.
    pub(super) async fn mark_lost(&mut self) -> Result<(), Unavailable> {
        self.forget_detached();
        let (worker, opened) = (self.worker.clone(), self.worker.since);
        let Some(mut draft) = self.draft(worker.shared.clock.now()) else { return Ok(()) };
        if draft.checkpoint.is_closed() {
            return Ok(());
        }
        let ops: Vec<OpId> = draft.checkpoint.pending.keys().copied().chain(draft.members.all()).collect();
        for op in ops {
            let Some(pending) = draft.pending_mut(op).filter(|p| !p.detached) else { continue };
            let done = pending.done.is_some();
            let Operation::Activity(call) = &pending.what else { continue };
            let waits = !done && !call.stuck && call.deferred.is_none();
            let in_flight = waits && call.next_at.is_none_or(|at| at <= opened);
            let present = match worker.last_attempt(&self.instance.id, op) {
                Some((_, true)) => continue,
                Some((attempt, false)) => attempt.saturating_add(1),
                None if in_flight => call.attempt.saturating_add(1),
                None => continue,
            };
            let (before, policy) = (call.attempt, call.options.retry.clone().unwrap_or_default());
            draft.events.extend((before..present).map(|attempt| Event::Lost { op: op.0, attempt }));
            if present > before {
                let ran = worker.shared.watch.begun.ran(draft.checkpoint.run.0, op, before);
                draft.lose(op, present, ran, &policy);
            }
        }
        match draft.events.is_empty() {
            true => Ok(()),
            false => self.store(draft).await,
        }
    }

    /// Starts what has been committed and does not run.
    pub(super) async fn start_attempts(&mut self, now: Timestamp) -> Result<(), Unavailable> {
        let worker = self.worker.clone();
        // A request to cancel comes first: what it resolves need not begin.
        if worker.shared.health.is_stopping() || self.instance.is_about_to_cancel() {
            return Ok(());
        }
        let idle = self.instance.idle_calls(now, &|op| worker.is_running(&self.instance.id, op));
        for op in idle {
            let Some(request) = self.request(op) else { continue };
            if worker.shared.registry.activity(&request.name).is_none() {
                let message = format!(
                    "this build has no activity `{0}`: link the crate that defines it, or give the renamed function `alias = \"{0}\"`",
                    request.name
                );
                let Some(mut draft) = self.draft(now) else { return Ok(()) };
                self.stuck(&mut draft, op, Reason { code: "WB101".into(), message });
                Box::pin(self.store(draft)).await?;
                continue;
            }
            self.start_attempt(request);
        }
        Ok(())
    }

    pub(super) fn request(&self, op: OpId) -> Option<AttemptRequest> {
        let c = self.instance.checkpoint.as_ref()?;
        let members = self.instance.members.borrow();
        let Operation::Activity(call) = &c.pending.get(&op).or_else(|| members.get(op))?.what else { return None };
        Some(AttemptRequest {
            workflow_id: self.instance.id.shared(),
            run_id: c.run.0,
            op,
            attempt: call.attempt,
            name: call.name.clone(),
            args: call.args.clone(),
            options: call.options.clone(),
            progress: call.progress.clone(),
        })
    }

    pub(super) fn start_attempt(&self, request: AttemptRequest) {
        let worker = &self.worker;
        let (op, attempt, run) = (request.op, request.attempt, RunId(request.run_id));
        let (id, sender, busy) = (self.instance.id.clone(), worker.sender.clone(), worker.shared.pulse.hold());
        let cancelled = self.instance.is_asked_to_stop(op);
        tracing::debug!(activity.name = &*request.name, activity.attempt = attempt, op = op.0, "an attempt starts");
        let on_done = Box::new(move |report| {
            // The worker may be gone: then the attempt is lost, like one whose process has died.
            let _ = sender.send(Message::To { id, mail: Mail::Done { run, op, attempt, report }, busy });
        });
        let Some(executor) = worker.shared.executor() else { return };
        let handle = executor.run(request, on_done);
        let (id, sender, pulse) = (self.instance.id.clone(), worker.sender.clone(), worker.shared.pulse.clone());
        handle.on_progress(worker.shared.settings.progress_interval, move || {
            let (id, busy) = (id.clone(), pulse.hold());
            let _ = sender.send(Message::To { id, mail: Mail::Progress { op, attempt }, busy });
        });
        if cancelled {
            handle.cancel();
        }
        worker.runs(&self.instance.id, run, op, attempt, handle);
    }

    /// Attempts have ended: this one, and those whose reports are waiting behind it. One commit for all.
    pub(super) async fn done(&mut self, first: Ended, now: Timestamp) -> Result<(), Unavailable> {
        let Some(mut draft) = self.draft(now) else {
            self.worker.ended(&self.instance.id, first.run, first.op, first.attempt);
            return Ok(());
        };
        let reports = self.worker.more_reports(&self.instance.id, first, self.most_reports());
        let mut told = Vec::with_capacity(reports.len());
        let mut changed = false;
        for ended in reports {
            let handle = self.worker.ended(&self.instance.id, ended.run, ended.op, ended.attempt);
            changed |= self.end(&mut draft, &ended, handle.as_ref());
            told.extend(handle.map(|handle| (ended, handle)));
        }
        if !changed {
            return Ok(());
        }
        #[cfg(feature = "testing")]
        let again = draft.checkpoint.pending.values().find_map(|p| p.done.clone()).map(|d| d.completion);
        if let Err(error) = self.progress(draft).await {
            self.keep_untold(told, &error);
            return Err(error);
        }
        #[cfg(feature = "testing")]
        if let Some(again) = again {
            self.complete_again(again, now).await?;
        }
        Ok(())
    }

    /// The commit that was to tell how attempts ended has failed: those of which the instance does not know may be told again.
    /// One whose result cannot be written has blocked its instance, and is not told again.
    fn keep_untold(&self, told: Vec<(Ended, AttemptHandle)>, error: &Unavailable) {
        let members = self.instance.members.borrow();
        let Some(c) = self.instance.checkpoint.as_ref().filter(|c| !c.is_closed()) else { return };
        for (ended, handle) in told {
            let pending = c.pending.get(&ended.op).or_else(|| members.get(ended.op));
            let waits = |call: &Call| call.attempt == ended.attempt && !call.stuck && call.deferred.is_none();
            match pending.map(|p| (&p.what, p.done.is_none())) {
                Some((Operation::Activity(call), true)) if c.run == ended.run && waits(call) => {
                    self.worker.runs(&self.instance.id, ended.run, ended.op, ended.attempt, handle);
                    self.worker.untold(&self.instance.id, ended, error);
                }
                _ => {}
            }
        }
    }

    /// Notes in `draft` what follows from the end of an attempt; false if nothing does.
    fn end(&mut self, draft: &mut Draft, ended: &Ended, handle: Option<&AttemptHandle>) -> bool {
        let Ended { at, run, op, attempt, ref report } = *ended;
        if draft.checkpoint.run != run || draft.checkpoint.is_closed() {
            return false;
        }
        let waiting = draft.look(op, |p| match &p.what {
            Operation::Activity(c) => (c.attempt == attempt && c.deferred.is_none(), p.detached),
            _ => (false, false),
        });
        let (Some(handle), Some((true, detached))) = (handle, waiting) else {
            draft.events.push(Event::Superseded { op: op.0, attempt });
            return true;
        };
        if detached {
            draft.end_detached(op, report.clone(), self.worker.shared.settings.payload_limit);
            return true;
        }
        let verdict = self.verdict(draft, op, attempt, report.clone());
        // Not taken: the commit may fail, and the attempt be told again.
        self.conclude(draft, op, attempt, verdict, handle.fresh_progress(), at)
    }

    /// Notes in `draft` what a verdict says; false if that is nothing.
    pub(super) fn conclude(
        &mut self,
        draft: &mut Draft,
        op: OpId,
        attempt: u32,
        verdict: Verdict,
        progress: Option<Payload>,
        at: Timestamp,
    ) -> bool {
        match verdict {
            Verdict::Done(completion) => draft.finish(op, completion, at),
            Verdict::Again(failure, next) => {
                draft.keep_progress(op, attempt, progress);
                draft.events.push(Event::AttemptFailed { op: op.0, attempt, failure: failure.clone(), next });
                if let Some(call) = draft.call(op) {
                    (call.attempt, call.lost) = (attempt.saturating_add(1), 0);
                    call.next_at = Some(next);
                    call.last = Some(failure);
                    call.deferred = None;
                }
            }
            Verdict::Deferred => {
                draft.keep_progress(op, attempt, progress);
                draft.events.push(Event::Deferred { op: op.0, attempt });
                let (now, asked) = (draft.now, draft.pending_mut(op).is_some_and(|p| p.cancel));
                if let Some(call) = draft.call(op) {
                    call.deferred = Some(Deferred { since: now, beat: now, stop_at: None });
                    call.next_at = None;
                    if asked {
                        call.stop_deferred(now);
                    }
                }
            }
            Verdict::Stuck(reason) => {
                draft.give_up(op);
                self.stuck(draft, op, reason);
            }
            Verdict::Lost => return false,
        }
        true
    }

    pub(super) fn verdict(&self, draft: &Draft, op: OpId, attempt: u32, report: AttemptReport) -> Verdict {
        let found = draft.look(op, |p| match &p.what {
            Operation::Activity(call) => Some((p.cancel, call.clone())),
            _ => None,
        });
        let (Some((asked, call)), now) = (found.flatten(), draft.now) else { return Verdict::Lost };
        let stuck = |code: &str, message: String| Verdict::Stuck(Reason { code: code.into(), message });
        let limit = self.worker.shared.settings.payload_limit;
        let (name, options, counted) = (&call.name, &call.options, call.counted(attempt));
        let policy = options.retry.clone();
        let again = |policy: Option<crate::Retry>, failure: Failure, last: Completion| match policy
            .and_then(|p| p.pause(counted))
        {
            // It has come to its own end.
            Some(_) if asked && options.on_cancel == OnCancel::Wait => Verdict::Done(last),
            // What waits for its next attempt does not run: it stops at once.
            Some(_) if asked => Verdict::Done(Completion::Cancelled),
            Some(pause) => Verdict::Again(failure, now.checked_add(pause).unwrap_or(Timestamp::MAX)),
            None => Verdict::Done(last),
        };
        match report {
            AttemptReport::Ok(v) | AttemptReport::Err { error: v, .. } if v.len() > limit => stuck(
                "WB104",
                format!(
                    "the result of activity `{name}` has {} bytes, the limit is {limit}: keep the data elsewhere and return a reference, or raise `payload_limit`; a retry runs the activity again",
                    v.len()
                ),
            ),
            AttemptReport::Ok(value) => Verdict::Done(Completion::Value(value)),
            AttemptReport::Err { error, permanent } => {
                let policy = policy.filter(|_| options.shielded || !permanent);
                again(policy, Failure::Error(error.clone()), Completion::Failed(error))
            }
            AttemptReport::TimedOut(which @ Timeout::Start) => Verdict::Done(Completion::Expired(which)),
            AttemptReport::TimedOut(which) => {
                again(Some(policy.unwrap_or_default()), Failure::TimedOut(which), Completion::Expired(which))
            }
            AttemptReport::Deferred => Verdict::Deferred,
            AttemptReport::Panicked(message) => again(
                Some(policy.unwrap_or_default()),
                Failure::Panicked(message.clone()),
                Completion::Panicked(message),
            ),
            AttemptReport::Cancelled if asked => Verdict::Done(Completion::Cancelled),
            AttemptReport::Cancelled => Verdict::Lost,
            AttemptReport::Undecodable(e) => stuck(
                "WB102",
                format!(
                    "the arguments of activity `{name}` do not decode: {e}; make the new type read what the old one wrote, then retry"
                ),
            ),
            AttemptReport::Unencodable(e) => stuck(
                "WB103",
                format!("the result of activity `{name}` cannot be saved: {e}; a retry runs the activity again"),
            ),
            AttemptReport::UnknownActivity => stuck(
                "WB101",
                format!(
                    "this build has no activity `{name}`: link the crate that defines it, or give the renamed function `alias = \"{name}\"`"
                ),
            ),
        }
    }

    /// No attempt can give a result: the instance is blocked until somebody retries it, or another build opens the store.
    fn stuck(&mut self, draft: &mut Draft, op: OpId, reason: Reason) {
        let Some(call) = draft.call(op) else { return };
        call.stuck = true;
        self.instance.retrying = false;
        tracing::warn!(code = reason.code, message = reason.message, "the instance is blocked");
        draft.block(reason);
    }
}
