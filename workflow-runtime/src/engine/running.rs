//! The attempts that a worker has started.

use super::{
    error::Unavailable,
    message::{Ended, Mail, Received},
    worker::Worker,
};
use crate::{
    activity::{AttemptHandle, AttemptReport},
    hash::HashMap,
    journal::id::{RunId, WorkflowId},
    machine::OpId,
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The last attempt of each activity that runs or has to be remembered. Only its worker uses them; the next one at its
/// place takes them over.
#[derive(Clone, Default)]
pub(super) struct Attempts(Arc<Mutex<HashMap<WorkflowId, BTreeMap<OpId, Running>>>>);

pub(super) struct Running {
    pub(super) run: RunId,
    pub(super) attempt: u32,
    /// Gone once the attempt has ended and nobody can be told.
    pub(super) handle: Option<AttemptHandle>,
    /// When and how it ended, if its instance could not be told yet.
    untold: Option<(Timestamp, AttemptReport)>,
}

impl Attempts {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<WorkflowId, BTreeMap<OpId, Running>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that started them is gone, and what it was told with it: of an attempt that has told its end nobody may
    /// know, so it counts as lost. The others go on.
    pub(super) fn inherit(&self) {
        for running in self.lock().values_mut().flat_map(BTreeMap::values_mut) {
            running.handle.take_if(|handle| handle.has_ended() && running.untold.is_none());
        }
    }
}

impl Worker {
    pub(super) fn is_running(&self, id: &WorkflowId, op: OpId) -> bool {
        self.last_attempt(id, op).is_some_and(|(_, runs)| runs)
    }

    /// The number of the attempt that this engine has started last, and whether it runs.
    pub(super) fn last_attempt(&self, id: &WorkflowId, op: OpId) -> Option<(u32, bool)> {
        let running = self.running.lock();
        let last = running.get(id)?.get(&op)?;
        Some((last.attempt, last.handle.is_some()))
    }

    pub(super) fn runs(&self, id: &WorkflowId, run: RunId, op: OpId, attempt: u32, handle: AttemptHandle) {
        let running = Running { run, attempt, handle: Some(handle), untold: None };
        self.running.lock().entry(id.clone()).or_default().insert(op, running);
    }

    /// An attempt has ended. `None` if it was not the present one.
    pub(super) fn ended(&self, id: &WorkflowId, run: RunId, op: OpId, attempt: u32) -> Option<AttemptHandle> {
        let mut running = self.running.lock();
        let ops = running.get_mut(id)?;
        let handle = match ops.get(&op) {
            Some(present) if present.run == run && present.attempt == attempt => ops.remove(&op)?.handle,
            _ => None,
        };
        if ops.is_empty() {
            running.remove(id);
        }
        handle
    }

    /// Asks all attempts of an instance to stop and forgets them: another run has begun, whose operations have the same
    /// numbers.
    pub(super) fn forget_attempts(&self, id: &WorkflowId) {
        let running = self.running.lock().remove(id);
        running.iter().flat_map(BTreeMap::values).filter_map(|r| r.handle.as_ref()).for_each(AttemptHandle::abandon);
        self.outside.borrow_mut().forget(id);
    }

    /// An attempt has ended, and its instance cannot be told. If the reason may pass, or the checkpoint may be made anew, how it ended is kept until it can:
    /// nothing is done twice because it could not be read or written for a while. If not, the attempt is lost, and its number not used
    /// again.
    pub(super) fn untold(&self, id: &WorkflowId, ended: Ended, error: &Unavailable) {
        let mut running = self.running.lock();
        let last = running.get_mut(id).and_then(|ops| ops.get_mut(&ended.op));
        let Some(last) = last.filter(|r| r.run == ended.run && r.attempt == ended.attempt) else { return };
        match error.may_pass() || matches!(error, Unavailable::Damaged { .. }) {
            true => last.untold = Some((ended.at, ended.report)),
            false => last.handle = None,
        }
    }

    /// What an instance could not be told becomes its first mail.
    pub(super) fn tell_again(&self, id: &WorkflowId) {
        let mut untold = vec![];
        for (op, r) in self.running.lock().get_mut(id).into_iter().flatten() {
            let told = r.untold.take();
            untold
                .extend(told.map(|(at, report)| (at, Mail::Done { run: r.run, op: *op, attempt: r.attempt, report })));
        }
        untold.sort_by_key(|(at, _)| *at);
        for (at, mail) in untold.into_iter().rev() {
            self.put_first(id, Received { at, mail, busy: self.shared.pulse.hold() });
        }
    }

    /// Asks attempts of an instance to stop: those with true, and for good those with nothing, because nobody waits for
    /// them any more.
    pub(super) fn stop_attempts(&self, id: &WorkflowId, which: impl Iterator<Item = (OpId, Option<bool>)>) {
        let mut running = self.running.lock();
        let Some(ops) = running.get_mut(id) else { return };
        for (op, wanted) in which {
            match (ops.get(&op).map(|r| &r.handle), wanted) {
                (Some(None), None) => drop(ops.remove(&op)),
                (Some(Some(handle)), None) => handle.abandon(),
                (Some(Some(handle)), Some(true)) => handle.cancel(),
                _ => {}
            }
        }
    }

    /// Does `f` with this attempt, if it runs.
    pub(super) fn with_attempt<T>(
        &self,
        id: &WorkflowId,
        run: RunId,
        op: OpId,
        attempt: u32,
        f: impl FnOnce(&AttemptHandle) -> T,
    ) -> Option<T> {
        let running = self.running.lock();
        let present = running.get(id)?.get(&op).filter(|r| r.run == run && r.attempt == attempt)?;
        present.handle.as_ref().map(f)
    }

    /// Lets instances write down the progress that they have heard of, before the engine ends.
    pub(super) fn keep_all_progress(self: &Rc<Self>) {
        let mut told = self.outside.borrow().unkept();
        for (id, ops) in self.running.lock().iter() {
            let fresh = |r: &Running| r.handle.as_ref().is_some_and(AttemptHandle::has_progress);
            told.extend(ops.iter().filter(|(_, r)| fresh(r)).map(|(op, r)| (id.clone(), *op, r.attempt)));
        }
        for (id, op, attempt) in told {
            let (at, busy) = (self.shared.clock.now(), self.shared.pulse.hold());
            self.deliver(id, Received { at, mail: Mail::Progress { op, attempt }, busy });
        }
    }
}
