//! Runs attempts of activities: limits, timeouts, cancellation, and the end of the process.
//!
//! An attempt ends in exactly one [`AttemptReport`], or in none when the executor is dropped: it is then lost, as if the
//! process had died.

mod attempt;
mod gauges;
mod handle;
mod options;
mod queues;
#[cfg(test)]
mod tests;

pub use handle::AttemptHandle;
pub use options::{Begins, ExecutorOptions, Observer};
pub use queues::Queues;

use super::{ActivityDef, ActivityOptions, SendBoxFuture, States, Timeout, heartbeat::Now};
use crate::{
    hash,
    journal::{
        Name,
        encoding::{DecodeError, EncodeError},
        payload::Payload,
    },
    machine::OpId,
};
use async_trait::async_trait;
use attempt::Attempt;
use gauges::{Admission, Gauges};
use jiff::Timestamp;
use queues::Waiting;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, sync::watch, task::AbortHandle};
use uuid::Uuid;

/// The passing of time, as far as attempts need it. Engines give their clock, tests a virtual one.
pub trait Delay: Send + Sync + 'static {
    /// Resolves when `d` has passed. A virtual clock stands still while the value that it resolves to lives.
    fn delay(&self, d: Duration) -> SendBoxFuture<Passed>;

    /// The present time. Default: the system's.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// While the result lives, a virtual clock stands still.
    fn hold(&self) -> Passed {
        Box::new(())
    }

    /// While the result lives, an attempt waits for its place, and a virtual clock may move in spite of it.
    fn park(&self) -> Passed {
        Box::new(())
    }
}

/// Kept until what was due has been done.
pub type Passed = Box<dyn Send>;

/// Time of the operating system, for executors on a runtime with timers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDelay;

impl Delay for SystemDelay {
    fn delay(&self, d: Duration) -> SendBoxFuture<Passed> {
        Box::pin(async move {
            tokio::time::sleep(d).await;
            Box::new(()) as Passed
        })
    }
}

/// One attempt to be made.
#[derive(Debug, Clone)]
pub struct AttemptRequest {
    /// The id that the user chose.
    pub workflow_id: Arc<str>,
    /// The run.
    pub run_id: Uuid,
    /// The operation: stable over attempts.
    pub op: OpId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Name of the activity as stored with the call.
    pub name: Name,
    /// The stored arguments.
    pub args: Payload,
    /// The options stored with the call.
    pub options: ActivityOptions,
    /// The last progress of earlier attempts.
    pub progress: Option<Payload>,
}

impl AttemptRequest {
    /// What [`ActivityContext::idempotency_key`](super::ActivityContext::idempotency_key) gives in this attempt.
    pub fn idempotency_key(&self) -> String {
        super::context::idempotency_key(self.run_id, self.op)
    }
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum AttemptReport {
    /// With a value.
    Ok(Payload),
    /// With a business error.
    Err {
        /// The encoded error.
        error: Payload,
        /// `unless(..)` matched it.
        permanent: bool,
    },
    /// A limit has passed: [`ActivityOptions::timeout`], [`ActivityOptions::heartbeat`], or, before it started,
    /// [`ActivityOptions::schedule_to_start`].
    TimedOut(Timeout),
    /// It panicked, with this message.
    Panicked(String),
    /// It was cancelled before it started, or did not return within the grace period and was stopped.
    Cancelled,
    /// The body is gone, and the result comes from outside.
    Deferred,
    /// The stored arguments are not of the parameters' types.
    Undecodable(DecodeError),
    /// The result cannot be encoded.
    Unencodable(EncodeError),
    /// This build has no activity of that name.
    UnknownActivity,
}

/// Takes the report of an attempt. Called on a thread of the runtime: it must not block.
pub type OnDone = Box<dyn FnOnce(AttemptReport) + Send>;

type Lookup = Arc<dyn Fn(&str) -> Option<&'static ActivityDef> + Send + Sync>;

/// What an engine needs of what runs its attempts.
#[async_trait]
pub trait Execute: Send + Sync + 'static {
    /// Makes an attempt, and tells `on_done` how it ended; see [`Executor::run`].
    fn run(&self, request: AttemptRequest, on_done: OnDone) -> AttemptHandle;

    /// Starts nothing more and waits for what runs; see [`Executor::drain`].
    async fn drain(&self, grace: Duration) -> usize;
}

#[async_trait]
impl Execute for Executor {
    fn run(&self, request: AttemptRequest, on_done: OnDone) -> AttemptHandle {
        self.begin(request, on_done)
    }
    async fn drain(&self, grace: Duration) -> usize {
        Executor::drain(self, grace).await
    }
}

/// Runs attempts on a tokio runtime. Dropping it stops all of them without a report.
pub struct Executor {
    shared: Arc<Shared>,
}

/// What the running attempts share.
struct Shared {
    handle: Handle,
    lookup: Lookup,
    states: States,
    options: ExecutorOptions,
    /// The time of `options.delay`.
    now: Now,
    state: Mutex<State>,
    /// How many attempts run: a queued one does not.
    running: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    next: u64,
    queues: hash::HashMap<String, Waiting>,
    gauges: Gauges,
    /// Activities that wait for their rate, each with the task that lets them go on.
    wakes: hash::HashMap<String, AbortHandle>,
    running: hash::HashMap<u64, Arc<Attempt>>,
    /// Nothing starts any more.
    closed: bool,
}

impl Executor {
    /// An executor of the activities that `lookup` finds, by registered name or alias.
    pub fn new(
        handle: Handle,
        lookup: impl Fn(&str) -> Option<&'static ActivityDef> + Send + Sync + 'static,
        states: States,
        options: ExecutorOptions,
    ) -> Self {
        let (running, _) = watch::channel(0);
        let (state, delay) = (Mutex::default(), options.delay.clone());
        let (lookup, now) = (Arc::new(lookup), Arc::new(move || delay.now()));
        Executor { shared: Arc::new(Shared { handle, lookup, states, options, now, state, running }) }
    }

    /// Makes an attempt when its queue has room and the limits of its activity admit it, and tells `on_done` how it ended.
    ///
    /// Returns at once. `on_done` is never called from within this function, and not at all after the executor is
    /// dropped or closed by [`Executor::drain`].
    pub fn run(&self, request: AttemptRequest, on_done: impl FnOnce(AttemptReport) + Send + 'static) -> AttemptHandle {
        self.begin(request, Box::new(on_done))
    }

    fn begin(&self, request: AttemptRequest, on_done: OnDone) -> AttemptHandle {
        let shared = &self.shared;
        let def = (shared.lookup)(&request.name);
        let mut state = shared.state();
        let id = state.next;
        state.next += 1;
        let on_done = shared.reported(&request, on_done);
        let attempt = Arc::new(Attempt::new(id, request, def, shared, on_done));
        let mut ready = Ready::default();
        if state.closed {
            attempt.forget();
        } else {
            let queue = &attempt.request.options.queue;
            let limit = shared.options.queues.limit(queue);
            if let Some(def) = def {
                state.gauges.know(def.name, shared.options.limits.get(def.name).copied().unwrap_or(def.limits));
            }
            let now = shared.options.delay.now();
            if !state.queues.contains_key(&**queue) {
                state.queues.insert(queue.to_string(), Waiting::new(limit));
            }
            if state.starts_at_once(&attempt, now) {
                ready.attempts.push(attempt.clone());
            } else {
                if let Some(waiting) = state.queues.get_mut(&**queue) {
                    waiting.push(attempt.clone());
                }
                state.fill(queue, now, &mut ready);
                if !ready.attempts.iter().any(|a| a.id == id) {
                    attempt::wait(shared, &attempt);
                }
            }
        }
        drop(state);
        shared.start(ready);
        AttemptHandle::of(shared, attempt)
    }

    /// How many attempts run now. Those that wait in a queue do not count.
    pub fn running(&self) -> usize {
        *self.shared.running.borrow()
    }

    /// Follows the number of running attempts. Woken when none is left.
    pub fn watch_running(&self) -> watch::Receiver<usize> {
        self.shared.running.subscribe()
    }

    /// Starts nothing more, lets what runs finish for `grace`, then stops the rest. Returns how many were stopped.
    ///
    /// What was queued or stopped has no report: the next process makes these attempts again.
    ///
    /// # Cancel safety
    ///
    /// Once polled, nothing starts any more, even if the future is dropped.
    pub async fn drain(&self, grace: Duration) -> usize {
        self.shared.close();
        let mut running = self.watch_running();
        tokio::select! {
            _ = running.wait_for(|n| *n == 0) => 0,
            _passed = self.shared.options.delay.delay(grace) => self.shared.abort_all(),
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.close();
        self.shared.abort_all();
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("running", &self.running()).finish_non_exhaustive()
    }
}

/// What may start, and what may not yet.
#[derive(Default)]
struct Ready {
    attempts: Vec<Arc<Attempt>>,
    /// Activities whose rate admits the next attempt after so long.
    later: HashMap<String, Duration>,
}

impl State {
    /// Whether an attempt overtakes nobody and keeps within all limits. It counts as running from now on then.
    fn starts_at_once(&mut self, attempt: &Arc<Attempt>, now: Timestamp) -> bool {
        let Some(waiting) = self.queues.get_mut(&*attempt.request.options.queue) else { return false };
        let at_once = waiting.is_free() && self.gauges.admits(attempt.activity(), now) == Admission::Now;
        if at_once {
            waiting.begin();
            self.gauges.start(attempt.activity(), now);
            self.running.insert(attempt.id, attempt.clone());
        }
        at_once
    }

    /// Adds the attempts for which the queue has room. They count as running from now on.
    fn fill(&mut self, queue: &str, now: Timestamp, ready: &mut Ready) {
        let Some(waiting) = self.queues.get_mut(queue).filter(|_| !self.closed) else { return };
        let gauges = &mut self.gauges;
        loop {
            let next = waiting.next(&mut |activity| match gauges.admits(activity, now) {
                Admission::Now => true,
                Admission::Full => false,
                Admission::Later(wait) => {
                    ready.later.insert(activity.to_owned(), wait);
                    false
                }
            });
            let Some(attempt) = next else { break };
            gauges.start(attempt.activity(), now);
            self.running.insert(attempt.id, attempt.clone());
            ready.attempts.push(attempt);
        }
        if waiting.is_idle() {
            self.queues.remove(queue);
        }
    }

    /// As [`fill`](Self::fill), for every queue: what has changed concerns an activity, which may be in any of them.
    fn fill_all(&mut self, now: Timestamp, ready: &mut Ready) {
        let queues: Vec<_> = self.queues.keys().cloned().collect();
        for queue in queues {
            self.fill(&queue, now, ready);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells `on_done` how the attempt ended, through what a test has put in between.
    fn reported(&self, request: &AttemptRequest, on_done: OnDone) -> OnDone {
        let Some(test) = self.options.interpose.clone() else { return on_done };
        let request = request.clone();
        Box::new(move |report| test.report(&request, report, on_done))
    }

    /// Counts attempts that run. Only that none is left is told at once.
    fn count(&self, change: impl FnOnce(usize) -> usize) {
        self.running.send_if_modified(|n| {
            *n = change(*n);
            *n == 0
        });
    }

    /// Starts what [`State::fill`] has given. Not under the lock: on a runtime that is shut down, a task ends at once.
    fn start(self: &Arc<Self>, ready: Ready) {
        if ready.attempts.is_empty() && ready.later.is_empty() {
            return;
        }
        self.count(|n| n + ready.attempts.len());
        for attempt in ready.attempts {
            attempt::spawn(self, attempt);
        }
        for (activity, wait) in ready.later {
            self.wake_after(activity, wait);
        }
    }

    /// Looks at the queues again when the rate of an activity admits another attempt.
    fn wake_after(self: &Arc<Self>, activity: String, wait: Duration) {
        let mut state = self.state();
        if state.closed || state.wakes.contains_key(&activity) {
            return;
        }
        let (delay, shared, name) = (self.options.delay.delay(wait), Arc::downgrade(self), activity.clone());
        let task = self.handle.spawn(async move {
            let _passed = delay.await;
            let Some(shared) = shared.upgrade() else { return };
            let mut ready = Ready::default();
            let mut state = shared.state();
            state.wakes.remove(&name);
            state.fill_all(shared.options.delay.now(), &mut ready);
            drop(state);
            shared.start(ready);
        });
        state.wakes.insert(activity, task.abort_handle());
    }

    /// A running attempt is gone.
    fn ended(self: &Arc<Self>, attempt: &Attempt) {
        let mut state = self.state();
        if state.running.remove(&attempt.id).is_none() {
            return;
        }
        let queue = &attempt.request.options.queue;
        if let Some(waiting) = state.queues.get_mut(&**queue) {
            waiting.release();
        }
        let (now, mut ready) = (self.options.delay.now(), Ready::default());
        if state.gauges.end(attempt.activity()) {
            state.fill_all(now, &mut ready);
        } else {
            state.fill(queue, now, &mut ready);
        }
        drop(state);
        self.start(ready);
        self.count(|n| n.saturating_sub(1));
    }

    /// Takes an attempt out of its queue; false if it does not wait there any more.
    fn unqueue(&self, attempt: &Attempt) -> bool {
        let mut state = self.state();
        let waiting = state.queues.get_mut(&*attempt.request.options.queue);
        waiting.is_some_and(|w| w.remove(attempt))
    }

    fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let dropped: Vec<_> = state.queues.values_mut().flat_map(Waiting::clear).collect();
        for (_, wake) in state.wakes.drain() {
            wake.abort();
        }
        drop(state);
        for attempt in dropped {
            attempt.forget();
        }
    }

    fn abort_all(&self) -> usize {
        let running: Vec<_> = self.state().running.values().cloned().collect();
        for attempt in &running {
            attempt.forget();
            attempt.stop();
        }
        running.len()
    }
}
