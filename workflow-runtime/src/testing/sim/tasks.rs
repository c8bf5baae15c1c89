//! An executor that polls the ready task that it is told to.

use super::rng::Rng;
use crate::{engine::Inline, machine::LocalBoxFuture};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

thread_local! {
    /// Tasks on their way into the executor of this thread, with the process that they belong to.
    static SPAWNED: RefCell<Vec<(u64, LocalBoxFuture<()>)>> = const { RefCell::new(vec![]) };
}

/// Gives a task to the executor of this thread. It dies with its process.
pub(super) fn spawn(process: u64, task: LocalBoxFuture<()>) {
    SPAWNED.with(|s| s.borrow_mut().push((process, task)));
}

/// Where the workers of one engine run.
pub(super) struct Spawner {
    pub(super) process: u64,
}

impl Inline for Spawner {
    fn spawn(&self, task: LocalBoxFuture<()>) {
        spawn(self.process, task);
    }
}

type Ready = Arc<Mutex<Vec<u64>>>;

/// The tasks of all processes of one simulated machine.
#[derive(Default)]
pub(super) struct Tasks {
    next: u64,
    tasks: BTreeMap<u64, Task>,
    ready: Ready,
}

struct Task {
    process: u64,
    future: LocalBoxFuture<()>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    id: u64,
    queued: AtomicBool,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
        }
    }
}

impl Tasks {
    /// Takes over what was spawned since.
    pub(super) fn adopt(&mut self) {
        let spawned = SPAWNED.with(|s| std::mem::take(&mut *s.borrow_mut()));
        for (process, future) in spawned {
            let id = self.next;
            self.next += 1;
            let waker = Arc::new(TaskWaker { id, queued: AtomicBool::new(false), ready: self.ready.clone() });
            waker.clone().wake();
            self.tasks.insert(id, Task { process, future, waker });
        }
    }

    /// How many tasks can go on.
    pub(super) fn ready(&mut self) -> usize {
        self.adopt();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|id| self.tasks.contains_key(id));
        ready.len()
    }

    /// Polls one of the tasks that can go on.
    ///
    /// # Errors
    ///
    /// It panicked, with this message.
    pub(super) fn poll(&mut self, rng: &mut Rng) -> Result<(), String> {
        let id = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            if ready.is_empty() {
                return Ok(());
            }
            let at = rng.index(ready.len());
            ready.swap_remove(at)
        };
        // Out of the map while it is polled: it may end others.
        let Some(mut task) = self.tasks.remove(&id) else { return Ok(()) };
        task.waker.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(task.waker.clone());
        let poll = catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut Context::from_waker(&waker))));
        match poll {
            Ok(Poll::Pending) => drop(self.tasks.insert(id, task)),
            Ok(Poll::Ready(())) => {}
            Err(panic) => {
                // What a panic left behind may panic again when it is dropped.
                std::mem::forget(task);
                return Err(crate::machine::panic_message(&*panic));
            }
        }
        self.adopt();
        Ok(())
    }

    /// Ends all tasks of a process where they stand.
    pub(super) fn kill(&mut self, process: u64) {
        self.adopt();
        let gone: Vec<_> = self.tasks.iter().filter(|(_, t)| t.process == process).map(|(id, _)| *id).collect();
        let gone: Vec<_> = gone.into_iter().filter_map(|id| self.tasks.remove(&id)).collect();
        drop(gone);
        // What they spawned while they were dropped dies with them.
        SPAWNED.with(|s| s.borrow_mut().retain(|(p, _)| *p != process));
    }
}

/// The value of a future that does not wait for anything.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}
