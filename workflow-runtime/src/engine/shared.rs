//! What clients and workers of one engine share.

use super::{
    clock::Clock,
    error::Unavailable,
    health::Health,
    inline::Inline,
    mend::Mending,
    message::{Mail, Message},
    pulse::Pulse,
    watch::Watch,
};
use crate::{
    activity::Execute,
    journal::{
        id::{Namespace, RunId, ShardId, WorkflowId},
        key::InstanceKeys,
    },
    registry::Registry,
    store::{Fence, Store},
};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

#[cfg(feature = "archive")]
pub(super) use crate::archive::Writer as ArchiveWriter;

/// There is none without the feature.
#[cfg(not(feature = "archive"))]
pub(super) enum ArchiveWriter {}

#[cfg(not(feature = "archive"))]
impl ArchiveWriter {
    fn close(&self) {
        match *self {}
    }
}

/// What a builder sets.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) namespace: Namespace,
    pub(super) payload_limit: usize,
    pub(super) grace: Duration,
    pub(super) progress_interval: Duration,
    pub(super) resident: usize,
    pub(super) in_flight_limit: usize,
    pub(super) inbox_limit: u64,
    pub(super) step_limit: Duration,
    pub(super) seed: Option<u64>,
    #[cfg(feature = "testing")]
    pub(super) bug: Option<super::bugs::Bug>,
    /// How often each message to another instance is delivered.
    pub(super) copies: usize,
    /// How long a run is kept once it has ended. None: for ever.
    pub(super) retention: Option<Duration>,
    /// With how many entries a segment of a history ends.
    pub(super) keep_history: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            namespace: Namespace::default(),
            payload_limit: 2 << 20,
            grace: Duration::from_secs(10),
            progress_interval: Duration::from_secs(10),
            resident: 4096,
            in_flight_limit: 100_000,
            inbox_limit: 10_000,
            step_limit: Duration::from_secs(10),
            seed: None,
            #[cfg(feature = "testing")]
            bug: None,
            copies: 1,
            retention: Some(crate::days(30)),
            keep_history: None,
        }
    }
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pulse: Pulse,
    pub(super) registry: Registry,
    /// Gone when the engine is: what runs ends with it.
    pub(super) executor: Mutex<Option<Arc<dyn Execute>>>,
    pub(super) fences: Vec<Fence>,
    pub(super) settings: Settings,
    pub(super) health: Health,
    /// When this engine took its store over: what another one did was before that.
    pub(super) opened: Timestamp,
    pub(super) watch: Watch,
    pub(super) mending: Mending,
    /// Where runs go before they are removed.
    pub(super) archive: Option<ArchiveWriter>,
    /// Instead of threads for the workers.
    pub(super) inline: Option<Arc<dyn Inline>>,
    /// The workers, once they have been started.
    pub(super) workers: OnceLock<Vec<UnboundedSender<Message>>>,
}

impl Shared {
    pub(super) fn keys(&self, id: &WorkflowId) -> InstanceKeys {
        InstanceKeys::new(&self.settings.namespace, id)
    }

    /// # Errors
    ///
    /// Why the engine takes no more work: it takes no calls, or there is too much under way.
    pub(super) fn admit(&self) -> Result<(), Unavailable> {
        self.health.check()?;
        let (in_flight, limit) = (self.pulse.held(), self.settings.in_flight_limit);
        if in_flight >= limit { Err(Unavailable::Overloaded { in_flight, limit }) } else { Ok(()) }
    }

    /// The id of a new run, which follows `former` under the same id.
    pub(super) fn run_id(&self, id: &WorkflowId, former: Option<RunId>) -> RunId {
        let Some(seed) = self.settings.seed else { return RunId(Uuid::new_v4()) };
        // FNV-1a, twice from different states: an id, not a secret.
        let hash = |begin: u64| {
            let former = former.into_iter().flat_map(|run| run.0.into_bytes());
            let bytes = seed.to_be_bytes().into_iter().chain(id.as_str().bytes()).chain(former);
            bytes.fold(begin, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
        };
        let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15));
        RunId(uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid())
    }

    pub(super) fn executor(&self) -> Option<Arc<dyn Execute>> {
        self.executor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn drop_executor(&self) {
        let executor = self.executor.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(executor);
    }

    /// Lets go of what is not the store's: the archive.
    pub(super) fn close_archive(&self) {
        if let Some(archive) = &self.archive {
            archive.close();
        }
    }

    /// Sends a piece of mail to whatever worker owns the instance.
    pub(super) fn post(&self, id: &WorkflowId, mail: Mail) {
        let Some(workers) = self.workers.get() else { return };
        let worker = self.worker_of(id);
        let message = Message::To { id: id.clone(), mail, busy: self.pulse.hold() };
        // A worker that has ended drops the message: what it stands for is in the store.
        let _ = workers[worker].send(message);
    }

    /// Tells the worker of a sender that its message could not be taken.
    pub(super) fn returned(&self, from: &WorkflowId, seq: u64) {
        if let Some(workers) = self.workers.get() {
            let worker = self.worker_of(from);
            let _ = workers[worker].send(Message::Returned { from: from.clone(), seq, busy: self.pulse.hold() });
        }
    }

    /// The place of the worker that owns an instance.
    pub(super) fn worker_of(&self, id: &WorkflowId) -> usize {
        let workers = self.workers.get().map_or(0, Vec::len);
        usize::from(self.shard(id).0) % workers.max(1)
    }

    pub(super) fn shard(&self, id: &WorkflowId) -> ShardId {
        ShardId::of(self.settings.namespace.as_str(), id.as_str())
    }
}
