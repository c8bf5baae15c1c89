//! What clients and workers of one engine share.

use super::{clock::Clock, error::Unavailable, pulse::Pulse};
use crate::{
    activity::Execute,
    journal::{
        id::{Namespace, ShardId, WorkflowId},
        key::InstanceKeys,
    },
    registry::Registry,
    store::{Fence, Store, StoreError},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// What a builder sets.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) namespace: Namespace,
    pub(super) payload_limit: usize,
    pub(super) grace: Duration,
    pub(super) resident: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            namespace: Namespace::default(),
            payload_limit: 2 << 20,
            grace: Duration::from_secs(10),
            resident: 4096,
        }
    }
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pulse: Pulse,
    pub(super) registry: Registry,
    pub(super) executor: Arc<dyn Execute>,
    pub(super) fences: Vec<Fence>,
    pub(super) settings: Settings,
    pub(super) health: Health,
}

impl Shared {
    pub(super) fn keys(&self, id: &WorkflowId) -> InstanceKeys {
        InstanceKeys::new(&self.settings.namespace, id)
    }

    pub(super) fn shard(&self, id: &WorkflowId) -> ShardId {
        ShardId::of(self.settings.namespace.as_str(), id.as_str())
    }
}

/// Whether the engine still does anything.
#[derive(Debug)]
pub(super) struct Health(watch::Sender<Condition>);

#[derive(Debug, Clone)]
enum Condition {
    Up,
    /// No new calls; what runs goes on.
    Stopping,
    Stopped,
    /// A write failed in a way that leaves open whether it happened.
    Poisoned(StoreError),
}

impl Default for Health {
    fn default() -> Self {
        Health(watch::Sender::new(Condition::Up))
    }
}

impl Health {
    /// # Errors
    ///
    /// Why the engine takes no calls.
    pub(super) fn check(&self) -> Result<(), Unavailable> {
        match &*self.0.borrow() {
            Condition::Up => Ok(()),
            Condition::Stopping | Condition::Stopped => Err(Unavailable::ShutDown),
            Condition::Poisoned(e) => Err(Unavailable::Poisoned(e.clone())),
        }
    }

    /// # Errors
    ///
    /// Why nothing may have an effect any more.
    pub(super) fn alive(&self) -> Result<(), Unavailable> {
        match &*self.0.borrow() {
            Condition::Up | Condition::Stopping => Ok(()),
            Condition::Stopped => Err(Unavailable::ShutDown),
            Condition::Poisoned(e) => Err(Unavailable::Poisoned(e.clone())),
        }
    }

    /// Resolves when the engine has come to its end, one way or the other.
    pub(super) async fn down(&self) -> Unavailable {
        let mut seen = self.0.subscribe();
        let down = seen.wait_for(|c| matches!(c, Condition::Stopped | Condition::Poisoned(_))).await;
        drop(down);
        self.unanswered()
    }

    pub(super) fn poison(&self, error: StoreError) {
        tracing::error!(error = %error, "a write to the store failed; the engine stops and must be opened again");
        self.0.send_if_modified(|c| {
            let first = matches!(c, Condition::Up | Condition::Stopping);
            if first {
                *c = Condition::Poisoned(error);
            }
            first
        });
    }

    /// True the first time.
    pub(super) fn stopping(&self) -> bool {
        self.0.send_if_modified(|c| {
            let first = matches!(c, Condition::Up);
            if first {
                *c = Condition::Stopping;
            }
            first
        })
    }

    pub(super) fn stopped(&self) {
        self.0.send_if_modified(|c| {
            let first = matches!(c, Condition::Up | Condition::Stopping);
            if first {
                *c = Condition::Stopped;
            }
            first
        });
    }

    pub(super) fn is_stopping(&self) -> bool {
        !matches!(&*self.0.borrow(), Condition::Up)
    }

    /// What a call that got no answer is told.
    pub(super) fn unanswered(&self) -> Unavailable {
        self.alive().err().unwrap_or(Unavailable::ShutDown)
    }
}
