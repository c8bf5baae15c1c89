//! Where workers belong: how they are started, take a place over, and end.

use super::{
    error::BuildError,
    message::{Inlet, Message},
    running::Attempts,
    shared::Shared,
    watch::{Gauge, Post},
    worker::Worker,
};
use crate::store::StoreError;
use std::{rc::Rc, sync::Arc};
use tokio::sync::{
    mpsc::{UnboundedSender, unbounded_channel},
    oneshot,
};

/// Starts the workers.
pub(super) fn start(shared: &Arc<Shared>, count: usize) -> Result<(), BuildError> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| unbounded_channel()).unzip();
    // Known before the first of them begins: its messages may be for the last.
    shared.workers.get_or_init(|| senders);
    for (index, receiver) in receivers.into_iter().enumerate() {
        let (inlet, running) = (Inlet::new(receiver), Attempts::default());
        let place = Place { shared: shared.clone(), index, inlet, running, succeeds: false };
        let post = place.take().map_err(BuildError::Thread)?;
        shared.watch.posts().push(post);
    }
    Ok(())
}

/// Starts the worker that follows one which does not return from a step.
///
/// # Errors
///
/// The operating system gives no thread.
pub(super) fn succeed(shared: &Arc<Shared>, index: usize, before: &Post) -> std::io::Result<Post> {
    before.running.inherit();
    let (inlet, running) = (before.inlet.clone(), before.running.clone());
    Place { shared: shared.clone(), index, inlet, running, succeeds: true }.take()
}

/// Of a worker's thread. Without optimization the engine's own futures take about two MiB of it, beside the steps of the user.
const STACK: usize = 8 << 20;

/// Where a worker belongs.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) inlet: Inlet,
    pub(super) running: Attempts,
    /// Another worker was here before, and holds its fences.
    pub(super) succeeds: bool,
}

/// While it lives, somebody takes the messages of an inlet.
pub(super) struct Served {
    pub(super) inlet: Inlet,
    pub(super) gauge: Arc<Gauge>,
}

impl Drop for Served {
    fn drop(&mut self) {
        // After one that was replaced another worker goes on.
        if !self.gauge.is_replaced() {
            self.inlet.close();
        }
    }
}

impl Place {
    fn take(self) -> std::io::Result<Post> {
        // Nothing is idle before it has looked at what is due.
        let starting = self.shared.pulse.hold();
        let (gauge, inlet) = (Arc::new(Gauge::default()), self.inlet.clone());
        let mut post = Post { gauge: gauge.clone(), inlet, running: self.running.clone(), thread: None };
        if let Some(inline) = self.shared.inline.clone() {
            let worker = Rc::new(Worker::new(&self, gauge));
            inline.spawn(Box::pin(worker.begin(starting, self)));
            return Ok(post);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let builder = std::thread::Builder::new().name(format!("workflow-{}", self.index)).stack_size(STACK);
        post.thread = Some(builder.spawn(move || {
            let local = tokio::task::LocalSet::new();
            let worker = Rc::new(Worker::new(&self, gauge));
            local.block_on(&runtime, worker.begin(starting, self));
        })?);
        Ok(post)
    }
}

impl Worker {
    /// Takes the shards of the worker that was here before: what that one may still write is refused.
    pub(super) async fn take_over(&self) -> Result<(), StoreError> {
        let owned = self.fences.borrow().iter().map(|f| f.shard).filter(|s| self.owns_shard(*s)).collect::<Vec<_>>();
        // All at once, so that they share flushes.
        let taking = owned.into_iter().map(|shard| {
            let shared = self.shared.clone();
            tokio::task::spawn_local(async move { shared.store.acquire(shard).await })
        });
        for taken in taking.collect::<Vec<_>>() {
            let fence = taken.await.unwrap_or(Err(StoreError::Closed))?;
            self.fences.borrow_mut()[usize::from(fence.shard.0)] = fence;
        }
        Ok(())
    }
}

/// Lets the worker deal with everything, and end then. Tells when it has.
pub(super) fn finish(sender: &UnboundedSender<Message>) -> oneshot::Receiver<()> {
    let (done, finished) = oneshot::channel();
    let _ = sender.send(Message::Finish(done));
    finished
}
