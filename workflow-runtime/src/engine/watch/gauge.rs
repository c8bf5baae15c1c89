//! Which step a worker is in.

use super::locked;
use crate::journal::id::WorkflowId;
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

/// The worker was replaced during a step.
const REPLACED: u64 = u64::MAX;

/// Of one worker thread. Even: between steps; odd: in one; each step has a number of its own.
///
/// That a worker leaves a step and that the watchdog replaces it are both one exchange of the same word, so exactly one
/// of them happens: a worker that was replaced knows it before it can do anything else.
#[derive(Debug, Default)]
pub(in crate::engine) struct Gauge {
    state: AtomicU64,
    id: Mutex<Option<WorkflowId>>,
}

impl Gauge {
    pub(super) fn enter(&self, id: &WorkflowId) {
        *locked(&self.id) = Some(id.clone());
        self.advance();
    }

    pub(super) fn leave(&self) {
        self.advance();
    }

    /// Only its own thread advances it, so a failed exchange means that the worker was replaced.
    fn advance(&self) {
        let state = self.state.load(Ordering::Acquire);
        if state != REPLACED {
            let _ = self.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    pub(in crate::engine) fn is_replaced(&self) -> bool {
        self.state.load(Ordering::Acquire) == REPLACED
    }

    /// The number of the step that runs.
    pub(super) fn step(&self) -> Option<u64> {
        let state = self.state.load(Ordering::Acquire);
        (state % 2 == 1 && state != REPLACED).then_some(state)
    }

    /// Replaces the worker if it is still in that step. Whose step it is.
    pub(super) fn replace(&self, step: u64) -> Option<WorkflowId> {
        self.state.compare_exchange(step, REPLACED, Ordering::AcqRel, Ordering::Acquire).ok()?;
        locked(&self.id).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_either_ends_or_is_replaced() {
        let (gauge, id) = (Gauge::default(), WorkflowId::new("w").unwrap());
        assert_eq!(gauge.step(), None);
        gauge.enter(&id);
        let first = gauge.step().unwrap();
        gauge.leave();
        assert_eq!((gauge.step(), gauge.replace(first)), (None, None));
        gauge.enter(&id);
        let second = gauge.step().unwrap();
        assert_ne!(first, second);
        assert_eq!(gauge.replace(second), Some(id.clone()));
        gauge.leave();
        gauge.enter(&id);
        assert!(gauge.is_replaced());
        assert_eq!(gauge.step(), None);
    }
}
