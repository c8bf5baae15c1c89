//! How an engine is put together.

use super::{
    Engine,
    clock::{Clock, SystemClock},
    error::BuildError,
    health::Health,
    inline::Inline,
    mend::Mending,
    place,
    pulse::Pulse,
    shared::{ArchiveWriter, Settings, Shared},
    watch::{Watch, Watchdog},
};
use crate::{
    activity::{
        Execute, Executor, ExecutorOptions, Interpose, Limits, Queues, SendBoxFuture, States,
        executor::{Delay, Observer, Passed},
    },
    journal::id::Namespace,
    registry::{Registered, Registry, RegistryError},
    store::{Fence, Store},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Puts an engine together; see [`Engine::builder`]. A clone puts together another engine of the same parts.
#[derive(Clone)]
#[must_use = "call `.build().await`"]
pub struct EngineBuilder {
    store: Option<Arc<dyn Store>>,
    states: States,
    registered: Vec<Registered>,
    only: Option<BTreeSet<String>>,
    clock: Arc<dyn Clock>,
    executor: Option<Arc<dyn Execute>>,
    queues: Queues,
    limits: HashMap<String, Limits>,
    observer: Option<Observer>,
    interpose: Option<Arc<dyn Interpose>>,
    settings: Settings,
    workers: usize,
    inline: Option<Arc<dyn Inline>>,
    #[cfg(feature = "archive")]
    archive: Option<std::path::PathBuf>,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        EngineBuilder {
            store: None,
            states: States::default(),
            registered: vec![],
            only: None,
            clock: Arc::new(SystemClock),
            executor: None,
            queues: Queues::default(),
            limits: HashMap::new(),
            observer: None,
            interpose: None,
            settings: Settings::default(),
            workers: std::thread::available_parallelism().map_or(1, |n| n.get().min(4)),
            inline: None,
            #[cfg(feature = "archive")]
            archive: None,
        }
    }
}

impl EngineBuilder {
    /// Where instances live. There is no default.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The value for parameters of type `State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Adds functions to those that the program links.
    pub fn register<R: Into<Registered>>(mut self, functions: impl IntoIterator<Item = R>) -> Self {
        self.registered.extend(functions.into_iter().map(Into::into));
        self
    }

    /// Serves these functions, by registered name, and no others.
    pub fn only<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.only.get_or_insert_default().extend(names.into_iter().map(Into::into));
        self
    }

    /// The clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// At most `limit` activities of this queue run at a time. Default: 256 in each queue.
    pub fn queue(mut self, name: impl Into<String>, limit: usize) -> Self {
        self.queues = self.queues.limit_queue(name, limit);
        self
    }

    /// Limits of the activity with this registered name, in place of all that its attribute says. They hold in this process.
    ///
    /// A name that no activity has is an error at [`build`](Self::build).
    pub fn limits(mut self, activity: impl Into<String>, limits: Limits) -> Self {
        self.limits.insert(activity.into(), limits);
        self
    }

    /// How often the progress of an attempt that runs is written down, at most: what a killed process may lose of it.
    /// Default: 10 seconds. Attempts that give no heartbeats cost nothing.
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.settings.progress_interval = interval;
        self
    }

    /// The largest argument, signal and activity result, in bytes. Default: 2 MiB.
    pub fn payload_limit(mut self, bytes: usize) -> Self {
        self.settings.payload_limit = bytes;
        self
    }

    /// How long a shutdown waits for activities that run. Default: 10 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How long a run, its history and its id are kept once it has ended, unless its start says otherwise. Default: 30 days.
    pub fn retention(mut self, d: Duration) -> Self {
        self.settings.retention = Some(d);
        self
    }

    /// Removes no run by itself, unless its start says otherwise.
    pub fn retention_forever(mut self) -> Self {
        self.settings.retention = None;
        self
    }

    /// Writes each run to the archive in this directory when its retention is over, before it is removed. Not unless told.
    ///
    /// The directory is made if there is none. It takes one engine at a time. A run that cannot be archived is not removed: it is tried
    /// again. See [`archive`](crate::archive).
    #[cfg(feature = "archive")]
    pub fn archive(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
        self.archive = Some(directory.into());
        self
    }

    /// Keeps at least the last so many entries of the history of a run that goes on, and at most about twice as many. All of them are kept unless told.
    ///
    /// With each `entries` of them a new segment begins, and what is before the last one is removed, or archived if there is
    /// an archive. A segment begins with a checkpoint, so [`verify`](super::verify()) goes on from the first that there is. See
    /// [`Run::truncate_history`](super::Run::truncate_history) for when one is put off.
    pub fn keep_history(mut self, entries: u64) -> Self {
        self.settings.keep_history = Some(entries.max(1));
        self
    }

    /// How much may be under way at a time: calls of clients, steps, and attempts of activities that run or wait in their
    /// queues. Default: 100,000.
    ///
    /// Beyond it, starts, signals and updates are refused with [`Unavailable::Overloaded`](super::Unavailable::Overloaded),
    /// and nothing has happened: call again after a pause. What is under way goes on; reads, `cancel`, `terminate`, `retry` and
    /// completions from outside are served. So the memory of an engine is bounded, however fast its clients are.
    pub fn in_flight_limit(mut self, limit: usize) -> Self {
        self.settings.in_flight_limit = limit;
        self
    }

    /// How many messages may wait in the inbox of one instance, of all names. Default: 10,000.
    ///
    /// Beyond it, signals and updates are refused ([`SignalError::InboxFull`](super::SignalError::InboxFull)) until the
    /// workflow has taken some; signals of other workflows wait with their senders.
    pub fn inbox_limit(mut self, messages: u64) -> Self {
        self.settings.inbox_limit = messages;
        self
    }

    /// How long a step may take. Default: 10 seconds; a step takes microseconds.
    ///
    /// A step that takes longer loops without end, or blocks its thread. No thread can be ended from outside, so it is
    /// left behind, the other instances of its worker go on with another one, and the instance is blocked (`WB108`) until
    /// [`Run::retry`](super::Run::retry). When several threads have been left behind the engine stops
    /// ([`Unavailable::Stuck`](super::Unavailable::Stuck)): each keeps a core busy until the process is restarted.
    pub fn step_limit(mut self, limit: Duration) -> Self {
        self.settings.step_limit = limit;
        self
    }

    /// How many threads step workflows. Default: one per core, at most 4.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, 64);
        self
    }

    /// How many idle instances each worker keeps in memory. Default: 4,096.
    pub fn resident(mut self, instances: usize) -> Self {
        self.settings.resident = instances;
        self
    }

    /// Keeps no instance in memory between two steps, so that every step begins from its checkpoint; for tests.
    pub fn evict_after_every_step(mut self) -> Self {
        self.settings.resident = 0;
        self
    }

    /// The set of ids that this engine works in. Default: `default`.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.settings.namespace = namespace;
        self
    }

    /// Runs activities in another way than on the present tokio runtime; for tests.
    pub fn executor(mut self, executor: impl Execute) -> Self {
        self.executor = Some(Arc::new(executor));
        self
    }

    /// Told about every attempt of an activity that starts; for tests.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Puts something between the engine and its activities; for tests. The states that an activity takes are then missed
    /// when it runs, not when the engine is built.
    pub fn interpose(mut self, interpose: Arc<dyn Interpose>) -> Self {
        self.interpose = Some(interpose);
        self
    }

    /// Delivers each message between instances so often; for tests.
    #[doc(hidden)]
    pub fn deliver_messages(mut self, times: usize) -> Self {
        self.settings.copies = times.max(1);
        self
    }

    /// Makes run ids, and so what workflows draw from them, depend on nothing but this number and the workflow id; for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    /// Runs the workers as tasks of a simulation instead of as threads.
    #[doc(hidden)]
    pub fn inline(mut self, inline: Arc<dyn Inline>) -> Self {
        self.inline = Some(inline);
        self
    }

    /// Builds a defect in, so that a simulation can show that it finds it.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn bug(mut self, bug: Option<super::Bug>) -> Self {
        self.settings.bug = bug;
        self
    }

    /// Takes the store over and goes on with everything in it.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the functions do not fit together, a state is missing, or the store cannot be taken.
    pub async fn build(mut self) -> Result<Engine, BuildError> {
        let store = self.store.clone().ok_or(BuildError::NoStore)?;
        let registry = self.registry()?;
        let missing = registry.missing_states(&self.states);
        // A test finds out which activities really run when they do.
        if !missing.is_empty() && self.executor.is_none() && self.interpose.is_none() {
            return Err(BuildError::MissingState { missing });
        }
        let named = |(name, limits): (&String, &Limits)| Ok((registry.known_activity(name)?.name.to_owned(), *limits));
        let limits = self.limits.iter().map(named).collect::<Result<HashMap<_, _>, RegistryError>>()?;
        let pulse = Pulse::new();
        let archive = self.open_archive()?;
        let fences = store.acquire_all("engine").await.map_err(BuildError::Store)?;
        // What died before is looked at once the store is this engine's.
        let watch = Watch::new(self.workers, store.directory(), &self.settings.namespace);
        let executor = match self.executor.take() {
            Some(executor) => executor,
            None => self.own_executor(&pulse, &registry, limits, &watch)?,
        };
        let workers = self.workers;
        let shared = self.shared(pulse, store, registry, Some(executor), watch, (fences, archive));
        let engine = Engine::new(shared.clone());
        place::start(&shared, workers)?;
        shared.post_condemned();
        if shared.inline.is_none() {
            engine.watched_by(Watchdog::start(&shared).map_err(BuildError::Thread)?);
        }
        Ok(engine)
    }

    /// An engine that runs nothing and writes nothing: it shows what the store holds. States are not asked for.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the functions do not fit together, or there is no store.
    pub async fn build_read_only(mut self) -> Result<Engine, BuildError> {
        let store = self.store.clone().ok_or(BuildError::NoStore)?;
        let registry = self.registry()?;
        // It has nothing to watch, and leaves no file.
        let watch = Watch::new(0, None, &self.settings.namespace);
        let shared = self.shared(Pulse::new(), store, registry, None, watch, (vec![], None));
        Ok(Engine::new(shared))
    }

    /// The executor of activities, unless it was given one.
    fn own_executor(
        &mut self,
        pulse: &Pulse,
        registry: &Registry,
        limits: HashMap<String, Limits>,
        watch: &Watch,
    ) -> Result<Arc<dyn Execute>, BuildError> {
        let handle = tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let begun = watch.begun.clone();
        let options = ExecutorOptions {
            queues: std::mem::take(&mut self.queues),
            limits,
            progress_limit: self.settings.payload_limit,
            delay: Arc::new(ClockDelay(self.clock.clone(), pulse.clone())),
            observer: self.observer.take(),
            begins: Some(Arc::new(move |request| begun.mark(request))),
            interpose: self.interpose.take(),
            ..ExecutorOptions::default()
        };
        let known = registry.clone();
        let states = std::mem::take(&mut self.states);
        Ok(Arc::new(Executor::new(handle, move |name: &str| known.activity(name), states, options)))
    }

    #[cfg(feature = "archive")]
    fn open_archive(&self) -> Result<Option<ArchiveWriter>, BuildError> {
        Ok(self.archive.as_deref().map(ArchiveWriter::open).transpose()?)
    }

    #[cfg(not(feature = "archive"))]
    fn open_archive(&self) -> Result<Option<ArchiveWriter>, BuildError> {
        Ok(None)
    }

    fn registry(&mut self) -> Result<Registry, BuildError> {
        let registry = Registry::linked()?.register(std::mem::take(&mut self.registered))?;
        Ok(match &self.only {
            Some(only) => registry.only(only.iter().map(String::as_str))?,
            None => registry,
        })
    }

    fn shared(
        self,
        pulse: Pulse,
        store: Arc<dyn Store>,
        registry: Registry,
        executor: Option<Arc<dyn Execute>>,
        watch: Watch,
        (fences, archive): (Vec<Fence>, Option<ArchiveWriter>),
    ) -> Arc<Shared> {
        self.clock.attach(&pulse);
        let health = if executor.is_some() { Health::default() } else { Health::read_only() };
        let opened = self.clock.now();
        let (clock, settings, inline, executor) = (self.clock, self.settings, self.inline, Mutex::new(executor));
        let workers = std::sync::OnceLock::new();
        Arc::new(Shared {
            store,
            clock,
            pulse,
            registry,
            executor,
            fences,
            settings,
            health,
            opened,
            watch,
            mending: Mending::default(),
            archive,
            inline,
            workers,
        })
    }
}

/// Timeouts of activities run on the engine's clock.
pub(crate) struct ClockDelay(pub(crate) Arc<dyn Clock>, pub(crate) Pulse);

impl Delay for ClockDelay {
    fn delay(&self, d: Duration) -> SendBoxFuture<Passed> {
        let clock = self.0.clone();
        let at = clock.now().checked_add(d).unwrap_or(jiff::Timestamp::MAX);
        Box::pin(async move {
            loop {
                let wake = clock.sleep_until(at).await;
                if clock.now() >= at {
                    return Box::new(wake) as Passed;
                }
            }
        })
    }

    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    fn hold(&self) -> Passed {
        Box::new(self.1.hold())
    }

    fn park(&self) -> Passed {
        Box::new(self.1.park())
    }
}
