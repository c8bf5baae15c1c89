//! One attempt from its start to its report.

use super::{AttemptReport, AttemptRequest, OnDone, Passed, Shared};
use crate::{
    activity::{self, ActivityContext, ActivityDef, AttemptFuture, SendBoxFuture},
    machine::{panic_location, panic_message, watch_panics},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::watch, task::AbortHandle};
use tracing::Instrument;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An attempt that waits or runs.
pub(super) struct Attempt {
    pub(super) id: u64,
    pub(super) request: AttemptRequest,
    def: Option<&'static ActivityDef>,
    /// Taken by whoever reports first.
    on_done: Mutex<Option<OnDone>>,
    cancel: watch::Sender<bool>,
    task: Mutex<Task>,
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
    pub(super) fn new(id: u64, request: AttemptRequest, def: Option<&'static ActivityDef>, on_done: OnDone) -> Self {
        let (cancel, _) = watch::channel(false);
        Attempt { id, request, def, on_done: Mutex::new(Some(on_done)), cancel, task: Mutex::default() }
    }

    /// Reports, unless somebody has already.
    pub(super) fn finish(&self, report: AttemptReport) {
        let on_done = lock(&self.on_done).take();
        if let Some(on_done) = on_done {
            on_done(report);
        }
    }

    /// Nobody is told how this attempt ends.
    pub(super) fn forget(&self) {
        let on_done = lock(&self.on_done).take();
        drop(on_done);
    }

    /// Ends the task at its next suspension. Unless somebody has reported before, it ends as cancelled.
    pub(super) fn stop(&self) {
        let mut task = lock(&self.task);
        task.stopped = true;
        if let Some(handle) = &task.handle {
            handle.abort();
        }
    }

    fn time_out(&self) {
        self.finish(AttemptReport::TimedOut);
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

    /// True the first time.
    pub(super) fn ask_to_stop(&self) -> bool {
        !self.cancel.send_replace(true)
    }

    fn context(&self) -> ActivityContext {
        let AttemptRequest { run_id, op, attempt, .. } = self.request;
        ActivityContext { run_id, op, attempt, cancelled: self.cancel.subscribe() }
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
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic_message(&*panic))),
            }
        });
        match polled.await {
            Ok(activity::Attempt::Ok(value)) => AttemptReport::Ok(value),
            Ok(activity::Attempt::Err { error, permanent }) => AttemptReport::Err { error, permanent },
            Ok(activity::Attempt::Undecodable(e)) => AttemptReport::Undecodable(e),
            Ok(activity::Attempt::Unencodable(e)) => AttemptReport::Unencodable(e),
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
        shared.ended(attempt);
    }
}

/// Runs the attempt as a task of its own. The caller has counted it as running.
pub(super) fn spawn(shared: &Arc<Shared>, attempt: Arc<Attempt>) {
    let request = &attempt.request;
    let span = tracing::info_span!(
        "activity.attempt",
        activity.name = request.name,
        activity.attempt = request.attempt,
        workflow.id = request.workflow_id,
        workflow.run_id = %request.run_id,
    );
    let place = Place { shared: shared.clone(), attempt: attempt.clone() };
    let body = async move {
        let Place { shared, attempt } = &place;
        let report = match attempt.def {
            Some(def) => {
                if let Some(observer) = &shared.options.observer {
                    observer(&attempt.request);
                }
                attempt.make(def, shared).await
            }
            None => AttemptReport::UnknownActivity,
        };
        attempt.finish(report);
    };
    // Before the body: a task that the body's own thread spawned last would be stuck behind a body that blocks.
    if let Some(timeout) = attempt.request.options.timeout {
        stop_after(shared, &attempt, timeout, Attempt::time_out);
    }
    let task = shared.handle.spawn(body.instrument(span));
    attempt.runs_as(task.abort_handle());
}

/// Stops an attempt that was asked to stop and does not return. It is reported when it is really gone.
pub(super) fn stop_after_grace(shared: &Arc<Shared>, attempt: &Arc<Attempt>) {
    stop_after(shared, attempt, shared.options.grace, Attempt::stop);
}

/// A delay that is gone as soon as the attempt has ended, so that a virtual clock does not run up to it.
pub(super) type Limit = Arc<Mutex<Option<SendBoxFuture<Passed>>>>;

/// Does `then` after `d` unless the attempt has ended by then. A task of its own: the body may block its thread.
fn stop_after(shared: &Arc<Shared>, attempt: &Arc<Attempt>, d: Duration, then: fn(&Attempt)) {
    let limit: Limit = Arc::new(Mutex::new(Some(shared.options.delay.delay(d))));
    let (watched, polled) = (Arc::downgrade(attempt), limit.clone());
    let task = shared.handle.spawn(async move {
        let passed = std::future::poll_fn(|cx| match lock(&polled).as_mut() {
            Some(delay) => delay.as_mut().poll(cx).map(Some),
            None => Poll::Ready(None),
        });
        if let (Some(_passed), Some(attempt)) = (passed.await, watched.upgrade()) {
            then(&attempt);
        }
    });
    attempt.add_limit(limit, task.abort_handle());
}
