//! What outlives every process of a run: the disk, the clock, the work of activities, and who watches all of it.

use super::{check::Checker, clock::Time, executor::Work, rng::Rng, store::Disk, trace::Trace};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle of the world. Clones are the same world.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<Inside>>);

pub(super) struct Inside {
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    /// Decisions of the simulation so far.
    pub(super) step: u64,
    pub(super) time: Time,
    pub(super) disk: Disk,
    pub(super) work: Work,
    pub(super) checker: Checker,
    pub(super) odds: Odds,
}

/// How often, of a thousand cases, something goes wrong now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Odds {
    pub(super) crash: u64,
    pub(super) indeterminate: u64,
    pub(super) takeover: u64,
    pub(super) shutdown: u64,
    pub(super) clock: u64,
    pub(super) attempt: u64,
    pub(super) refused: u64,
    pub(super) read: u64,
}

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) invariant: &'static str,
    pub(super) instance: String,
    pub(super) message: String,
}

impl World {
    pub(super) fn new(inside: Inside) -> Self {
        World(Arc::new(Mutex::new(inside)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    pub(super) fn note(&mut self, event: std::fmt::Arguments<'_>) {
        self.trace.note(self.step, event);
    }
}
