//! Steps that do not end, and steps that end the process: found, and their instances blocked, so that no instance hurts
//! another.
//!
//! - `gauge`: which step a worker is in.
//! - `watchdog`: a thread that sees that a step does not end. The instances of that worker go on with a fresh one; the
//!   thread is left behind and never has an effect again.
//! - `marks`: after an unclean end, each step is marked in a file while it runs. The mark of a step that killed its process
//!   is found by the next one.
//! - `begun`: the same for attempts of activities, of which many run at a time.

mod begun;
mod gauge;
mod marks;
mod watchdog;

pub(super) use gauge::Gauge;
pub(super) use watchdog::Watchdog;

use self::{begun::Begun, marks::Marks};
use super::{
    checkpoint::Reason,
    message::{Inlet, Mail, Message},
    running::Attempts,
    shared::Shared,
    worker::Worker,
};
use crate::journal::id::{Namespace, WorkflowId};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::{Notify, OwnedMutexGuard};

/// The code of an instance whose step ended several processes.
pub(super) const KILLS: &str = "WB107";

/// The code of an instance whose step did not end.
pub(super) const ENDLESS: &str = "WB108";

/// How long a suspect waits for another one: that one may never end.
const ALONE: Duration = Duration::from_millis(500);

/// What workers, watchdog and clients know of each other.
pub(super) struct Watch {
    posts: Mutex<Vec<Post>>,
    /// How often the worker of each place was replaced.
    generations: Vec<AtomicU64>,
    /// Any of them was.
    replaced: Notify,
    marks: Marks,
    pub(super) begun: Arc<Begun>,
    /// Instances that are not to be stepped, and are not known to be blocked yet.
    condemned: Mutex<HashMap<WorkflowId, Reason>>,
    any_condemned: AtomicBool,
    alone: Arc<tokio::sync::Mutex<()>>,
}

/// The worker of one place.
pub(super) struct Post {
    pub(super) gauge: Arc<Gauge>,
    pub(super) inlet: Inlet,
    pub(super) running: Attempts,
    pub(super) thread: Option<JoinHandle<()>>,
}

/// Which worker a call was sent to, to notice that it is replaced.
pub(super) struct Sent {
    worker: usize,
    generation: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of marks in a store's directory.
pub(super) fn files(directory: &Path) -> [PathBuf; 2] {
    [marks::NAME, begun::NAME].map(|name| directory.join(name))
}

impl Watch {
    /// Of so many workers. `directory`: where marks outlive the process.
    pub(super) fn new(workers: usize, directory: Option<PathBuf>, namespace: &Namespace) -> Self {
        let begun = Arc::new(Begun::open(directory.as_deref()));
        let (marks, killers) = Marks::open(directory, namespace, workers);
        let killers: HashMap<_, _> = killers.into_iter().map(|(id, deaths)| (id, kills(deaths))).collect();
        for id in killers.keys() {
            tracing::error!(workflow.id = id.as_str(), code = KILLS, "its step kills the process; it is blocked");
        }
        Watch {
            posts: Mutex::default(),
            generations: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            replaced: Notify::new(),
            marks,
            begun,
            any_condemned: AtomicBool::new(!killers.is_empty()),
            condemned: Mutex::new(killers),
            alone: Arc::default(),
        }
    }

    pub(super) fn posts(&self) -> MutexGuard<'_, Vec<Post>> {
        locked(&self.posts)
    }

    /// To be made before a call is sent to the worker of a place.
    pub(super) fn sending(&self, worker: usize) -> Sent {
        let generation = self.generations.get(worker).map_or(0, |g| g.load(Ordering::Acquire));
        Sent { worker, generation }
    }

    /// Resolves when the worker that a call was sent to has been replaced: it may never answer.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub(super) async fn replaced(&self, sent: &Sent) {
        loop {
            let mut replaced = pin!(self.replaced.notified());
            // Before the look at what is: nothing that changes behind it is missed.
            replaced.as_mut().enable();
            let now = self.generations.get(sent.worker).map_or(0, |g| g.load(Ordering::Acquire));
            if now != sent.generation {
                return;
            }
            replaced.await;
        }
    }

    /// Tells all who wait for the worker of a place that it is another one now.
    fn tell_replaced(&self, worker: usize) {
        if let Some(generation) = self.generations.get(worker) {
            generation.fetch_add(1, Ordering::AcqRel);
        }
        self.replaced.notify_waiters();
    }

    fn condemn(&self, id: WorkflowId, reason: Reason) {
        locked(&self.condemned).insert(id, reason);
        self.any_condemned.store(true, Ordering::Release);
    }

    /// Why an instance is not to be stepped.
    pub(super) fn condemned(&self, id: &WorkflowId) -> Option<Reason> {
        if !self.any_condemned.load(Ordering::Acquire) {
            return None;
        }
        locked(&self.condemned).get(id).cloned()
    }

    pub(super) fn all_condemned(&self) -> Vec<WorkflowId> {
        locked(&self.condemned).keys().cloned().collect()
    }

    /// Its instance is durably blocked, or has been ended, or is given another try.
    pub(super) fn pardon(&self, id: &WorkflowId) {
        if self.any_condemned.load(Ordering::Acquire) {
            let mut condemned = locked(&self.condemned);
            condemned.remove(id);
            self.any_condemned.store(!condemned.is_empty(), Ordering::Release);
        }
        self.marks.clear(id);
    }

    /// The engine has come to an orderly end: the next one need not mark anything.
    pub(super) fn end_in_order(&self) {
        self.marks.remove();
        self.begun.remove();
    }
}

impl Shared {
    /// Has what is condemned looked at, so that it is blocked.
    pub(super) fn post_condemned(&self) {
        self.watch.all_condemned().iter().for_each(|id| self.post(id, Mail::Due));
    }
}

/// While it lives, its worker is in a step.
pub(super) struct Stepping<'a>(&'a Worker);

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        self.0.shared.watch.marks.unset(self.0.index);
        self.0.gauge.leave();
    }
}

impl Worker {
    /// The code of an instance runs from now on. Nothing waits while the result lives.
    pub(super) fn stepping(&self, id: &WorkflowId) -> Stepping<'_> {
        self.gauge.enter(id);
        self.shared.watch.marks.set(self.index, id);
        Stepping(self)
    }

    /// A suspect is stepped while no other suspect is, so that the next mark says which of them it was.
    pub(super) async fn alone(&self, id: &WorkflowId) -> Option<OwnedMutexGuard<()>> {
        let watch = &self.shared.watch;
        if !watch.marks.suspects(id) {
            return None;
        }
        tokio::time::timeout(ALONE, watch.alone.clone().lock_owned()).await.ok()
    }

    /// A step of an instance has come to its end: it is durable, or has failed in a way that blocks it.
    pub(super) fn survived(&self, id: &WorkflowId) {
        self.shared.watch.marks.clear(id);
    }

    /// The messages that are on their way to another worker may have been lost with it: their senders send them again.
    pub(super) fn send_again(self: &std::rc::Rc<Self>) {
        for id in self.forget_under_way() {
            self.wake(id);
        }
    }

    /// Tells the others that this worker has taken a place over.
    pub(super) fn announce(&self) {
        for sender in self.shared.workers.get().into_iter().flatten() {
            let _ = sender.send(Message::SendAgain);
        }
    }
}

/// Blocked for one of these reasons, an instance does not go on by itself with the next engine.
pub(super) fn needs_a_human(reason: &Reason) -> bool {
    [KILLS, ENDLESS].contains(&reason.code.as_str())
}

fn kills(deaths: u32) -> Reason {
    let message = format!(
        "a step of this instance was running when the process died, {deaths} times in a row since the first unclean end: it may overflow the stack, allocate without end, or abort; deploy a build that does not, then retry the instance, or terminate it"
    );
    Reason { code: KILLS.into(), message }
}

fn endless(limit: Duration) -> Reason {
    let message = format!(
        "a step of this instance did not end within {limit:?}: it loops without end, or blocks its thread; deploy a build that does not, then retry the instance, or terminate it"
    );
    Reason { code: ENDLESS.into(), message }
}
