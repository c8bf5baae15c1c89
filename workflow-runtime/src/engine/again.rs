//! Instances that stopped for a reason that may pass: looked at again.

use super::{actor::Actor, error::Unavailable, worker::Worker};
use crate::{journal::id::WorkflowId, store::StoreError};
use jiff::Timestamp;
use std::{future::poll_fn, rc::Rc, time::Duration};

/// The first pause; each failure in a row doubles it.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it doubles: 64 seconds are the longest.
const DOUBLED: u32 = 6;

impl Unavailable {
    /// Whether the reason may pass while the engine runs. A record that is damaged stays so.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unwritable { .. } | Self::Panicked { .. } => true,
            #[cfg(feature = "archive")]
            Self::Archive { .. } => true,
            Self::Unreadable { source, .. } => !matches!(source, StoreError::Damaged { .. }),
            _ => false,
        }
    }
}

impl Worker {
    /// An instance has stopped and its mail is gone: what it has due is nobody's business any more. Looks at it again
    /// after a pause.
    pub(super) fn look_again(self: &Rc<Self>, id: WorkflowId, error: &Unavailable) {
        if !error.may_pass() || self.shared.health.alive().is_err() {
            return;
        }
        let failures = {
            let mut failing = self.failing.borrow_mut();
            let failures = failing.entry(id.clone()).or_default();
            *failures += 1;
            *failures
        };
        let pause = PAUSE * 2u32.pow((failures - 1).min(DOUBLED));
        self.wake_after(id, pause);
    }

    /// A message has come back: its receiver stopped before it could take it. Its sender sends it again after a pause.
    pub(super) fn returned(self: &Rc<Self>, from: WorkflowId, seq: u64) {
        self.arrived(&from, seq);
        self.wake_after(from, PAUSE);
    }

    fn wake_after(self: &Rc<Self>, id: WorkflowId, pause: Duration) {
        let at = self.shared.clock.now().checked_add(pause).unwrap_or(Timestamp::MAX);
        let worker = self.clone();
        // The clock does not move on before it has heard of this.
        let mut unheard = Some(self.shared.pulse.hold());
        self.spawn(Box::pin(async move {
            let mut sleep = worker.shared.clock.sleep_until(at);
            let wake = poll_fn(|cx| {
                let wake = sleep.as_mut().poll(cx);
                unheard = None;
                wake
            });
            let wake = wake.await;
            worker.wake(id);
            drop(wake);
        }));
    }
}

impl Actor {
    /// Works, after a failure on what the failure has left behind.
    pub(super) async fn work_again(&mut self, worker: &Worker) -> Result<(), Unavailable> {
        if worker.failing.borrow().contains_key(&self.instance.id) {
            self.arm_again();
        }
        self.work().await
    }

    /// The mail that said what is due is gone: what is due later is armed again. What is due now is found anyway.
    fn arm_again(&self) {
        let now = self.worker.shared.clock.now().as_microsecond();
        let due = self.instance.checkpoint.as_ref().map(|c| c.due()).unwrap_or_default();
        self.worker.arm(&self.instance.id, [].iter(), due.iter().filter(|(due, _)| *due > now));
    }
}
