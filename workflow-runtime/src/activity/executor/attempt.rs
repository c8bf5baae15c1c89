//! One attempt from its start to its report.

use super::{AttemptReport, AttemptRequest, OnDone, Passed, Shared};
use crate::{
    activity::{self, ActivityContext, ActivityDef, AttemptFuture, Beats, SendBoxFuture, Stop, Timeout},
    machine::{panic_location, panic_message, watch_panics},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::AbortHandle;
use tracing::Instrument;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An attempt that waits or runs.
pub(super) struct Attempt {
    pub(super) id: u64,
    pub(super) request: AttemptRequest,
    pub(super) beats: Arc<Beats>,
    def: Option<&'static ActivityDef>,
    /// Taken by whoever reports first.
    on_done: Mutex<Option<OnDone>>,
    cancel: Stop,
    /// It is to be stopped after the grace period.
    stopping: AtomicBool,
    queued: Mutex<Option<Queued>>,
    /// Stops a virtual clock from the report until the place in the queue is given to the next attempt.
    settling: Mutex<Option<Passed>>,
    task: Mutex<Task>,
}

/// What an attempt has while it waits in its queue.
struct Queued {
    _parked: Passed,
    watchdog: Option<(Limit, AbortHandle)>,
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some((limit, watchdog)) = self.watchdog.take() {
            let delay = lock(&limit).take();
            drop(delay);
            watchdog.abort();
        }
    }
}

#[derive(Default)]
struct Task {
    handle: Option<AbortHandle>,
    /// To be aborted, or aborted.
    stopped: bool,
    ended: bool,
    limits: Vec<(Limit, AbortHandle)>,
}

/// Why a task is gone.
enum End {
    Reported,
    Stopped,
    Lost,
}

impl Attempt {
    pub(super) fn new(
        id: u64,
        request: AttemptRequest,
        def: Option<&'static ActivityDef>,
        shared: &Shared,
        on_done: OnDone,
    ) -> Self {
        Attempt {
            id,
            request,
            beats: Arc::new(Beats::new(shared.now.clone(), shared.options.progress_limit)),
            def,
            on_done: Mutex::new(Some(on_done)),
            cancel: Stop::default(),
            stopping: AtomicBool::new(false),
            queued: Mutex::default(),
            settling: Mutex::default(),
            task: Mutex::default(),
        }
    }

    /// The registered name of the activity, or the stored one if this build does not know it.
    pub(super) fn activity(&self) -> &str {
        self.def.map_or(&self.request.name, |d| d.name)
    }

    /// Reports, unless somebody has already.
    pub(super) fn finish(&self, report: AttemptReport) {
        self.leave_queue();
        let on_done = lock(&self.on_done).take();
        if let Some(on_done) = on_done {
            on_done(report);
        }
    }

    /// Whether somebody has reported, or nobody will.
    pub(super) fn has_reported(&self) -> bool {
        lock(&self.on_done).is_none()
    }

    /// Nobody is told how this attempt ends.
    pub(super) fn forget(&self) {
        self.leave_queue();
        let on_done = lock(&self.on_done).take();
        drop(on_done);
    }

    fn leave_queue(&self) {
        let queued = lock(&self.queued).take();
        drop(queued);
    }

    /// Ends the task at its next suspension. Unless somebody has reported before, it ends as cancelled.
    pub(super) fn stop(&self) {
        let mut task = lock(&self.task);
        task.stopped = true;
        if let Some(handle) = &task.handle {
            handle.abort();
        }
    }

    fn settle(&self, hold: Passed) {
        *lock(&self.settling) = Some(hold);
    }

    fn time_out(&self, which: Timeout) {
        self.finish(AttemptReport::TimedOut(which));
        self.stop();
    }

    fn runs_as(&self, handle: AbortHandle) {
        let mut task = lock(&self.task);
        if task.stopped {
            handle.abort();
        }
        task.handle = Some(handle);
    }

    fn add_limit(&self, limit: Limit, watchdog: AbortHandle) {
        let mut task = lock(&self.task);
        task.limits.push((limit, watchdog));
        if task.ended {
            drop(task);
            self.clear_limits();
        }
    }

    fn clear_limits(&self) {
        let mut task = lock(&self.task);
        task.ended = true;
        let limits = std::mem::take(&mut task.limits);
        drop(task);
        for (limit, watchdog) in limits {
            let delay = lock(&limit).take();
            drop(delay);
            watchdog.abort();
        }
    }

    fn end(&self) -> End {
        if lock(&self.on_done).is_none() {
            End::Reported
        } else if lock(&self.task).stopped {
            End::Stopped
        } else {
            End::Lost
        }
    }

    pub(super) fn ask_to_stop(&self) {
        self.cancel.ask();
    }

    /// True the first time.
    pub(super) fn stop_once(&self) -> bool {
        !self.stopping.swap(true, Ordering::SeqCst)
    }

    fn context(&self) -> ActivityContext {
        let AttemptRequest { run_id, op, attempt, .. } = self.request;
        ActivityContext {
            workflow_id: self.request.workflow_id.clone(),
            run_id,
            op,
            attempt,
            stop: self.cancel.clone(),
            beats: self.beats.clone(),
            progress: self.request.progress.clone(),
        }
    }

    fn body(&self, def: &'static ActivityDef, shared: &Shared) -> AttemptFuture {
        let (cx, states) = (self.context(), &shared.states);
        let test = shared.options.interpose.as_ref();
        let instead = test.and_then(|test| test.replace(&self.request, def, states, &cx));
        instead.unwrap_or_else(|| (def.run)(states, cx, &self.request.args))
    }

    /// The body, with its panics caught.
    async fn make(&self, def: &'static ActivityDef, shared: &Shared) -> AttemptReport {
        let mut body = None;
        let polled = std::future::poll_fn(|cx: &mut Context<'_>| {
            let _quiet = watch_panics();
            let poll = AssertUnwindSafe(|| body.get_or_insert_with(|| self.body(def, shared)).as_mut().poll(cx));
            match catch_unwind(poll) {
                Ok(Poll::Pending) if self.beats.is_deferred() => Poll::Ready(Ok(None)),
                Ok(poll) => poll.map(|ended| Ok(Some(ended))),
                Err(panic) => Poll::Ready(Err(panic_message(&*panic))),
            }
        });
        match polled.await {
            Ok(Some(activity::Attempt::Ok(value))) => AttemptReport::Ok(value),
            Ok(Some(activity::Attempt::Err { error, permanent })) => AttemptReport::Err { error, permanent },
            Ok(Some(activity::Attempt::Undecodable(e))) => AttemptReport::Undecodable(e),
            Ok(Some(activity::Attempt::Unencodable(e))) => AttemptReport::Unencodable(e),
            Ok(None) => AttemptReport::Deferred,
            Err(message) => {
                let location = panic_location();
                tracing::warn!(message, location, "the activity panicked");
                AttemptReport::Panicked(message)
            }
        }
    }
}

/// Gives back the place in the queue however the task ends, also when it is aborted before it begins.
struct Place {
    shared: Arc<Shared>,
    attempt: Arc<Attempt>,
    /// To be told when the body has ended.
    ended: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let (shared, attempt) = (&self.shared, &self.attempt);
        attempt.clear_limits();
        match attempt.end() {
            End::Reported => {}
            End::Stopped => attempt.finish(AttemptReport::Cancelled),
            // The runtime is shut down: as if the process had died.
            End::Lost => shared.close(),
        }
        if let Some(ended) = self.ended.take().filter(|_| !shared.is_closed()) {
            ended();
        }
        shared.ended(attempt);
        let settled = lock(&attempt.settling).take();
        drop(settled);
    }
}

/// Runs the attempt as a task of its own. The caller has counted it as running.
pub(super) fn spawn(shared: &Arc<Shared>, attempt: Arc<Attempt>) {
    let request = &attempt.request;
    let span = tracing::info_span!(
        "activity.attempt",
        activity.name = &*request.name,
        activity.attempt = request.attempt,
        workflow.id = &*request.workflow_id,
        workflow.run_id = %request.run_id,
    );
    let mut place = Place { shared: shared.clone(), attempt: attempt.clone(), ended: None };
    let body = async move {
        place.ended = place.shared.options.begins.as_ref().and_then(|begins| begins(&place.attempt.request));
        let Place { shared, attempt, .. } = &place;
        let report = match attempt.def {
            Some(def) => {
                if let Some(observer) = &shared.options.observer {
                    observer(&attempt.request);
                }
                attempt.make(def, shared).await
            }
            None => AttemptReport::UnknownActivity,
        };
        attempt.settle(shared.options.delay.hold());
        attempt.finish(report);
    };
    attempt.leave_queue();
    attempt.beats.begin();
    // Before the body: a task that the body's own thread spawned last would be stuck behind a body that blocks.
    if let Some(timeout) = attempt.request.options.timeout {
        attempt.limit(shared, timeout, |a| a.time_out(Timeout::Attempt));
    }
    if let Some(silence) = attempt.request.options.heartbeat {
        watch_heartbeat(shared, &attempt, silence);
    }
    let task = shared.handle.spawn(body.instrument(span));
    attempt.runs_as(task.abort_handle());
}

/// Stops an attempt that was asked to stop and does not return. It is reported when it is really gone.
pub(super) fn stop_after_grace(shared: &Arc<Shared>, attempt: &Arc<Attempt>) {
    attempt.limit(shared, shared.options.grace, Attempt::stop);
}

/// The attempt waits in its queue, for a limited time. The caller has the lock of the queues.
pub(super) fn wait(shared: &Arc<Shared>, attempt: &Arc<Attempt>) {
    let watchdog = attempt.request.options.schedule_to_start.map(|d| {
        let queues = Arc::downgrade(shared);
        after(shared, attempt, d, move |attempt| {
            if queues.upgrade().is_some_and(|shared| shared.unqueue(attempt)) {
                attempt.finish(AttemptReport::TimedOut(Timeout::Start));
            }
            None
        })
    });
    *lock(&attempt.queued) = Some(Queued { _parked: shared.options.delay.park(), watchdog });
}

/// Fails an attempt that is silent for too long.
fn watch_heartbeat(shared: &Arc<Shared>, attempt: &Arc<Attempt>, silence: Duration) {
    let delay = shared.options.delay.clone();
    let (limit, watchdog) = after(shared, attempt, silence, move |attempt| {
        let silent = delay.now().duration_since(attempt.beats.last());
        let left = silence.checked_sub(Duration::try_from(silent).unwrap_or_default()).filter(|d| !d.is_zero());
        if left.is_none() {
            attempt.settle(delay.hold());
            attempt.time_out(Timeout::Heartbeat);
        }
        left
    });
    attempt.add_limit(limit, watchdog);
}

/// A delay that is gone as soon as the attempt has ended, so that a virtual clock does not run up to it.
type Limit = Arc<Mutex<Option<SendBoxFuture<Passed>>>>;

impl Attempt {
    /// Does `then` after `d` unless the attempt has ended by then.
    fn limit(self: &Arc<Self>, shared: &Arc<Shared>, d: Duration, then: fn(&Attempt)) {
        let delay = shared.options.delay.clone();
        let (limit, watchdog) = after(shared, self, d, move |attempt| {
            attempt.settle(delay.hold());
            then(attempt);
            None
        });
        self.add_limit(limit, watchdog);
    }
}

/// Does `then` after `d`, and again after what it gives. A task of its own: the body may block its thread.
fn after(
    shared: &Arc<Shared>,
    attempt: &Arc<Attempt>,
    d: Duration,
    then: impl Fn(&Attempt) -> Option<Duration> + Send + 'static,
) -> (Limit, AbortHandle) {
    let delay = shared.options.delay.clone();
    let limit: Limit = Arc::new(Mutex::new(Some(delay.delay(d))));
    let (watched, polled) = (Arc::downgrade(attempt), limit.clone());
    let task = shared.handle.spawn(async move {
        loop {
            let passed = std::future::poll_fn(|cx| match lock(&polled).as_mut() {
                Some(delay) => delay.as_mut().poll(cx).map(Some),
                None => Poll::Ready(None),
            });
            let (Some(_passed), Some(attempt)) = (passed.await, watched.upgrade()) else { return };
            let Some(again) = then(&attempt) else { return };
            match lock(&polled).as_mut() {
                Some(limit) => *limit = delay.delay(again),
                None => return,
            }
        }
    });
    (limit, task.abort_handle())
}
