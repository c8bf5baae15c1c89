//! What an attempt tells while it runs: that it is alive, how far it is, and that somebody else will give its result.

use crate::journal::{
    encoding::{DecodeError, EncodeError},
    payload::Payload,
};
use jiff::Timestamp;
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The progress of the attempt before is not of the type that this one asks for.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "WE143: the progress that an earlier attempt left does not decode; begin anew, or read what the old build wrote"
)]
pub struct HeartbeatError {
    /// Where and why.
    #[from]
    source: DecodeError,
}

impl HeartbeatError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        "WE143"
    }
}

/// Tells the time of the engine.
pub(crate) type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Progress is to be kept now. Called on the thread of the activity: it must not block.
pub(super) type OnProgress = Arc<dyn Fn() + Send + Sync>;

/// The heartbeats of one attempt.
pub(crate) struct Beats {
    now: Now,
    /// Larger progress is not taken.
    limit: usize,
    state: Mutex<State>,
    deferred: AtomicBool,
}

struct State {
    last: Timestamp,
    progress: Option<Payload>,
    /// `progress` has not been given away yet.
    fresh: bool,
    kept_at: Timestamp,
    keep: Option<(Duration, OnProgress)>,
    warned: bool,
}

impl Beats {
    pub(crate) fn new(now: Now, limit: usize) -> Self {
        let begin = now();
        let (progress, keep) = (None, None);
        let state = State { last: begin, progress, fresh: false, kept_at: begin, keep, warned: false };
        Beats { now, limit, state: Mutex::new(state), deferred: AtomicBool::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt starts now.
    pub(crate) fn begin(&self) {
        let now = (self.now)();
        let mut state = self.state();
        (state.last, state.kept_at) = (now, now);
    }

    /// From now on, progress that is to be kept is told, at most once in each period.
    pub(crate) fn keep(&self, every: Duration, tell: OnProgress) {
        self.state().keep = Some((every, tell));
    }

    /// A sign of life, with progress unless that cannot be stored.
    pub(crate) fn beat(&self, progress: Result<Payload, EncodeError>) {
        let now = (self.now)();
        let mut state = self.state();
        state.last = state.last.max(now);
        match progress {
            Ok(progress) if progress.len() <= self.limit => {
                state.fresh |= state.progress.as_ref() != Some(&progress);
                state.progress = Some(progress);
            }
            refused => {
                let first = !std::mem::replace(&mut state.warned, true);
                drop(state);
                match refused {
                    _ if !first => {}
                    Ok(p) => tracing::warn!(
                        bytes = p.len(),
                        limit = self.limit,
                        "the progress of a heartbeat is too large; the one before is kept"
                    ),
                    Err(error) => {
                        tracing::warn!(%error, "the progress of a heartbeat cannot be saved; the one before is kept")
                    }
                }
                return;
            }
        }
        let due = state.keep.as_ref().filter(|(every, _)| {
            let next = state.kept_at.checked_add(*every).unwrap_or(Timestamp::MAX);
            state.fresh && now >= next
        });
        if let Some(tell) = due.map(|(_, tell)| tell.clone()) {
            state.kept_at = now;
            drop(state);
            tell();
        }
    }

    /// When it gave the last sign of life.
    pub(crate) fn last(&self) -> Timestamp {
        self.state().last
    }

    /// Whether there is progress that was not taken yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state().fresh
    }

    /// Progress that was not taken yet, which stays there.
    pub(crate) fn fresh(&self) -> Option<Payload> {
        let state = self.state();
        state.progress.clone().filter(|_| state.fresh)
    }

    /// Progress that was not taken yet.
    pub(crate) fn take(&self) -> Option<Payload> {
        let mut state = self.state();
        std::mem::take(&mut state.fresh).then(|| state.progress.clone()).flatten()
    }

    pub(crate) fn defer(&self) {
        self.deferred.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_deferred(&self) -> bool {
        self.deferred.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Beats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Beats").field("last", &state.last).field("progress", &state.progress).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, AtomicUsize};

    fn payload(n: u32) -> Result<Payload, EncodeError> {
        Payload::encode(&n)
    }

    #[test]
    fn progress_is_told_once_in_a_period_and_only_if_there_is_any() {
        let (time, told) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicUsize::new(0)));
        let clock = time.clone();
        let beats = Beats::new(Arc::new(move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()), 16);
        let count = told.clone();
        beats.keep(Duration::from_secs(10), Arc::new(move || _ = count.fetch_add(1, Ordering::SeqCst)));
        for second in 0..35 {
            time.store(second, Ordering::SeqCst);
            for _ in 0..1_000 {
                beats.beat(payload(second as u32));
            }
        }
        assert_eq!(told.load(Ordering::SeqCst), 3);
        assert_eq!(beats.last(), Timestamp::from_second(34).unwrap());
        assert_eq!(beats.take(), Some(payload(34).unwrap()));
        assert_eq!(beats.take(), None);
        time.store(100, Ordering::SeqCst);
        beats.beat(payload(34));
        assert_eq!((beats.take(), told.load(Ordering::SeqCst)), (None, 3));
    }

    #[test]
    fn progress_that_cannot_be_stored_is_a_sign_of_life_all_the_same() {
        let time = Arc::new(AtomicI64::new(0));
        let clock = time.clone();
        let beats = Beats::new(Arc::new(move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()), 16);
        beats.beat(payload(1));
        time.store(5, Ordering::SeqCst);
        beats.beat(Payload::encode(&"x".repeat(100)));
        assert_eq!((beats.last().as_second(), beats.take()), (5, Some(payload(1).unwrap())));
    }
}
