//! The outside of an attempt that was given to an executor.

use super::{
    AttemptReport, Shared,
    attempt::{self, Attempt},
};
use crate::{
    activity::{Beats, OnCancel, heartbeat::OnProgress},
    journal::payload::Payload,
};
use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

/// An attempt that was given to an executor. Dropping it does nothing.
pub struct AttemptHandle(Control);

enum Control {
    Attempt { shared: Weak<Shared>, attempt: Arc<Attempt> },
    Other(Box<dyn Fn() + Send + Sync>),
}

impl AttemptHandle {
    pub(super) fn of(shared: &Arc<Shared>, attempt: Arc<Attempt>) -> Self {
        AttemptHandle(Control::Attempt { shared: Arc::downgrade(shared), attempt })
    }

    /// The handle of an attempt of another executor, which `cancel` asks to stop. It hears no heartbeats.
    pub fn new(cancel: impl Fn() + Send + Sync + 'static) -> Self {
        AttemptHandle(Control::Other(Box::new(cancel)))
    }

    /// Asks the attempt to stop; asking again changes nothing.
    ///
    /// One that has not started is reported as [`AttemptReport::Cancelled`]. One that runs sees it in its context, and
    /// its result counts if it returns within the grace period; then it is stopped and reported as cancelled. With
    /// [`OnCancel::Wait`] it is never stopped.
    pub fn cancel(&self) {
        self.ask(false);
    }

    /// As [`cancel`](Self::cancel), and whatever the options say, the attempt is stopped after the grace period: nobody
    /// waits for it any more.
    pub fn abandon(&self) {
        self.ask(true);
    }

    fn ask(&self, for_good: bool) {
        let (shared, attempt) = match &self.0 {
            Control::Attempt { shared, attempt } => (shared, attempt),
            Control::Other(cancel) => return cancel(),
        };
        let Some(shared) = shared.upgrade() else { return };
        if shared.unqueue(attempt) {
            let attempt = attempt.clone();
            shared.handle.spawn(async move { attempt.finish(AttemptReport::Cancelled) });
            return;
        }
        attempt.ask_to_stop();
        let stop = for_good || attempt.request.options.on_cancel != OnCancel::Wait;
        if stop && attempt.stop_once() {
            attempt::stop_after_grace(&shared, attempt);
        }
    }

    /// Whether the attempt has told how it ended. Of another executor's attempts nobody knows.
    pub(crate) fn has_ended(&self) -> bool {
        match &self.0 {
            Control::Attempt { attempt, .. } => attempt.has_reported(),
            Control::Other(_) => false,
        }
    }

    fn beats(&self) -> Option<&Beats> {
        match &self.0 {
            Control::Attempt { attempt, .. } => Some(&attempt.beats),
            Control::Other(_) => None,
        }
    }

    /// A sign of life of the attempt from outside.
    pub fn beat(&self, progress: Payload) {
        if let Some(beats) = self.beats() {
            beats.beat(Ok(progress));
        }
    }

    /// Whether there is progress that was not taken yet.
    pub fn has_progress(&self) -> bool {
        self.beats().is_some_and(Beats::is_fresh)
    }

    /// Progress that was not taken yet.
    pub fn take_progress(&self) -> Option<Payload> {
        self.beats()?.take()
    }

    /// Progress that was not taken yet, which stays there to be taken.
    pub(crate) fn fresh_progress(&self) -> Option<Payload> {
        self.beats()?.fresh()
    }

    /// Tells that there is progress to be taken, at most once in each period. Called on the thread of the activity.
    pub fn on_progress(&self, every: Duration, tell: impl Fn() + Send + Sync + 'static) {
        if let Some(beats) = self.beats() {
            let tell: OnProgress = Arc::new(tell);
            beats.keep(every, tell);
        }
    }
}

impl fmt::Debug for AttemptHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AttemptHandle");
        if let Control::Attempt { attempt, .. } = &self.0 {
            shown.field("request", &attempt.request);
        }
        shown.finish_non_exhaustive()
    }
}
