//! The request to an attempt that it stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// Clones are the same request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicBool,
    heard: Notify,
}

impl Stop {
    /// Somebody wants the attempt to stop.
    pub(crate) fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.heard.notify_waiters();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Resolves once it was asked.
    pub(crate) async fn asked(&self) {
        loop {
            let heard = self.0.heard.notified();
            tokio::pin!(heard);
            // Registered before it is looked at, so that nothing is missed in between.
            heard.as_mut().enable();
            if self.is_asked() {
                return;
            }
            heard.await;
        }
    }
}
