//! Whether an engine works, and why not.

use super::error::Unavailable;
use crate::store::StoreError;
use std::{
    pin::pin,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};
use tokio::sync::Notify;

/// Whether the engine still does anything.
///
/// No `watch` channel of tokio: that wakes its receivers in an order that it draws, and the same seed of a simulation has to give
/// the same run.
#[derive(Debug, Default)]
pub(super) struct Health {
    condition: RwLock<Condition>,
    changed: Notify,
}

#[derive(Debug, Clone, Default)]
enum Condition {
    #[default]
    Up,
    /// Nothing runs and nothing can be written.
    ReadOnly,
    /// No new calls; what runs goes on.
    Stopping,
    Stopped,
    /// A write failed in a way that leaves open whether it happened.
    Poisoned(StoreError),
    /// So many steps do not end.
    Stuck(usize),
}

impl Health {
    pub(super) fn read_only() -> Self {
        Health { condition: RwLock::new(Condition::ReadOnly), changed: Notify::new() }
    }

    fn condition(&self) -> RwLockReadGuard<'_, Condition> {
        self.condition.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if it is in none of these conditions that may come before.
    fn turn(&self, to: Condition, before: impl Fn(&Condition) -> bool) -> bool {
        let mut condition = self.condition.write().unwrap_or_else(PoisonError::into_inner);
        let turns = before(&condition);
        if turns {
            *condition = to;
            drop(condition);
            self.changed.notify_waiters();
        }
        turns
    }

    /// # Errors
    ///
    /// Why the engine takes no calls.
    pub(super) fn check(&self) -> Result<(), Unavailable> {
        match &*self.condition() {
            Condition::Up => Ok(()),
            Condition::ReadOnly => Err(Unavailable::ReadOnly),
            Condition::Stopping | Condition::Stopped => Err(Unavailable::ShutDown),
            Condition::Poisoned(e) => Err(Unavailable::Poisoned(e.clone())),
            Condition::Stuck(steps) => Err(Unavailable::Stuck { steps: *steps }),
        }
    }

    /// # Errors
    ///
    /// Why nothing may have an effect any more.
    pub(super) fn alive(&self) -> Result<(), Unavailable> {
        match &*self.condition() {
            Condition::Up | Condition::ReadOnly | Condition::Stopping => Ok(()),
            Condition::Stopped => Err(Unavailable::ShutDown),
            Condition::Poisoned(e) => Err(Unavailable::Poisoned(e.clone())),
            Condition::Stuck(steps) => Err(Unavailable::Stuck { steps: *steps }),
        }
    }

    /// Resolves when the engine has come to its end, one way or the other.
    pub(super) async fn down(&self) -> Unavailable {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Before the look at what is: nothing that changes behind it is missed.
            changed.as_mut().enable();
            if self.alive().is_err() {
                return self.unanswered();
            }
            changed.await;
        }
    }

    pub(super) fn poison(&self, error: StoreError) {
        tracing::error!(error = %error, "a write to the store failed; the engine stops and must be opened again");
        self.turn(Condition::Poisoned(error), Condition::works);
    }

    /// So many steps do not end that only the end of the process helps.
    pub(super) fn give_up(&self, steps: usize) {
        tracing::error!(steps, "too many steps do not end; the engine stops, and its process has to be restarted");
        self.turn(Condition::Stuck(steps), Condition::works);
    }

    /// True the first time.
    pub(super) fn stopping(&self) -> bool {
        self.turn(Condition::Stopping, |c| matches!(c, Condition::Up | Condition::ReadOnly))
    }

    pub(super) fn stopped(&self) {
        self.turn(Condition::Stopped, Condition::works);
    }

    pub(super) fn is_stopping(&self) -> bool {
        !matches!(&*self.condition(), Condition::Up)
    }

    /// What a call is told whose worker does not return from a step.
    pub(super) fn lost_worker(&self) -> Unavailable {
        self.alive().err().unwrap_or(Unavailable::Replaced)
    }

    /// What a call that got no answer is told.
    pub(super) fn unanswered(&self) -> Unavailable {
        self.check().err().unwrap_or(Unavailable::ShutDown)
    }
}

impl Condition {
    fn works(&self) -> bool {
        matches!(self, Condition::Up | Condition::Stopping)
    }
}
