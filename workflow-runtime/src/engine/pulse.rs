//! Whether anything is in flight: what a virtual clock must know before it jumps.

use std::sync::{
    Arc,
    atomic::{AtomicIsize, Ordering},
};
use tokio::sync::Notify;

/// Counts what an engine has in flight: messages, steps, commits, running attempts, client calls.
///
/// Whatever passes work on takes the token of the receiver before it gives its own back, so the count is zero only
/// when nothing will happen before the clock moves or somebody calls.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Tokens less parked ones. Below zero for a moment when an attempt is reported before its parked body is gone.
    held: AtomicIsize,
    idle: Notify,
}

impl Pulse {
    /// A pulse with nothing in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that stands for one thing in flight until it is dropped.
    pub fn hold(&self) -> Held {
        self.0.held.fetch_add(1, Ordering::SeqCst);
        Held(self.clone())
    }

    /// Takes one token out of the count until the result is dropped: its holder waits for something outside of the engine
    /// that never comes, so time may pass.
    pub fn park(&self) -> Parked {
        if self.0.held.fetch_sub(1, Ordering::SeqCst) <= 1 {
            self.0.idle.notify_waiters();
        }
        Parked(self.clone())
    }

    /// True if nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.0.held.load(Ordering::SeqCst) <= 0
    }

    /// How many tokens are out.
    pub fn held(&self) -> usize {
        usize::try_from(self.0.held.load(Ordering::SeqCst)).unwrap_or(0)
    }

    /// Resolves when nothing is in flight.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn idle(&self) {
        loop {
            let notified = self.0.idle.notified();
            tokio::pin!(notified);
            // Registered before the count is read, so a token that is dropped in between is not missed.
            notified.as_mut().enable();
            if self.is_idle() {
                return;
            }
            notified.await;
        }
    }
}

/// One thing in flight.
#[derive(Debug)]
#[must_use = "dropping the token says that the work is done"]
pub struct Held(Pulse);

impl Clone for Held {
    fn clone(&self) -> Self {
        self.0.hold()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.held.fetch_sub(1, Ordering::SeqCst) <= 1 {
            inner.idle.notify_waiters();
        }
    }
}

/// One thing in flight that does not count. See [`Pulse::park`].
#[derive(Debug)]
#[must_use = "dropping it makes its token count again"]
pub struct Parked(Pulse);

impl Drop for Parked {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.held.fetch_add(1, Ordering::SeqCst) < 0 {
            inner.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn idle_waits_for_the_last_token() {
        let pulse = Pulse::new();
        pulse.idle().await;
        let (a, b) = (pulse.hold(), pulse.hold());
        let c = a.clone();
        drop((a, b));
        assert_eq!(pulse.held(), 1);
        let waits = tokio::spawn({
            let pulse = pulse.clone();
            async move { pulse.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(c);
        waits.await.unwrap();
    }
}
