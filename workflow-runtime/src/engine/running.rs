//! The attempts that a worker has started.

use crate::{
    activity::AttemptHandle,
    journal::id::{RunId, WorkflowId},
    machine::OpId,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The last attempt of each activity that runs or has to be remembered. Only its worker uses them; the next one at its
/// place takes them over.
#[derive(Clone, Default)]
pub(super) struct Attempts(Arc<Mutex<HashMap<WorkflowId, BTreeMap<OpId, Running>>>>);

pub(super) struct Running {
    pub(super) run: RunId,
    pub(super) attempt: u32,
    /// Gone once the attempt has ended and nobody could be told.
    pub(super) handle: Option<AttemptHandle>,
}

impl Attempts {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<WorkflowId, BTreeMap<OpId, Running>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that started them is gone, and what it was told with it: of an attempt that has told its end nobody may
    /// know, so it counts as lost. The others go on.
    pub(super) fn inherit(&self) {
        for running in self.lock().values_mut().flat_map(BTreeMap::values_mut) {
            running.handle.take_if(|handle| handle.has_ended());
        }
    }
}
