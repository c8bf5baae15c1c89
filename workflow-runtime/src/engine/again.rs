//! Instances that stopped for a reason that may pass: looked at again.

use super::{actor::Actor, error::Unavailable, worker::Worker};
use crate::{journal::id::WorkflowId, store::StoreError};
use jiff::Timestamp;
use std::{future::poll_fn, rc::Rc, time::Duration};

/// The first pause; each failure in a row doubles it.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it doubles: 64 seconds are the longest.
const DOUBLED: u32 = 6;

/// How often the pause of a message doubles: 16 seconds are the longest. A receiver that has room again, or was mended, waits for no
/// longer than that.
const DOUBLED_OF_MESSAGES: u32 = 4;

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

/// The pause after one more failure in a row.
fn pause(failures: &mut u32, doubled: u32) -> Duration {
    let pause = PAUSE * 2u32.pow((*failures).min(doubled));
    *failures = failures.saturating_add(1);
    pause
}

impl Worker {
    /// An instance has stopped and its mail is gone: what it has due is nobody's business any more. Looks at it again
    /// after a pause.
    pub(super) fn look_again(self: &Rc<Self>, id: WorkflowId, error: &Unavailable) {
        if !error.may_pass() || self.shared.health.alive().is_err() {
            return;
        }
        let pause = pause(self.failing.borrow_mut().entry(id.clone()).or_default(), DOUBLED);
        self.after(pause, |worker| worker.wake(id));
    }

    /// A message has come back: its receiver could not take it. Its sender sends it again after a pause, and not before that, whatever
    /// else it does.
    pub(super) fn returned(self: &Rc<Self>, from: WorkflowId, seq: u64) {
        let pause = pause(self.refused.borrow_mut().entry((from.clone(), seq)).or_default(), DOUBLED_OF_MESSAGES);
        self.after(pause, move |worker| {
            worker.arrived(&from, seq);
            worker.wake(from);
        });
    }

    /// A message was answered.
    pub(super) fn taken(&self, from: &WorkflowId, seq: u64) {
        self.arrived(from, seq);
        let mut refused = self.refused.borrow_mut();
        if !refused.is_empty() {
            refused.remove(&(from.clone(), seq));
        }
    }

    fn after(self: &Rc<Self>, pause: Duration, then: impl FnOnce(&Rc<Self>) + 'static) {
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
            then(&worker);
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
