//! A thread that sees that a step does not end.

use super::{Post, endless, locked};
use crate::engine::{place, shared::Shared};
use std::{
    sync::{Arc, Mutex, Weak},
    thread::{JoinHandle, Thread},
    time::Duration,
};

/// How often it looks within the limit. It counts its own looks and not the time: while the process is suspended, neither
/// goes on.
const LOOKS: u32 = 8;

/// How many threads with steps that do not end are left behind before the engine stops: each keeps a core busy, and
/// only the end of the process ends it.
const LEFT_BEHIND: usize = 8;

pub(in crate::engine) struct Watchdog {
    /// None once it is to end. Locked while it looks.
    watched: Arc<Mutex<Option<Weak<Shared>>>>,
    thread: Thread,
}

/// What was seen of one worker.
#[derive(Clone, Copy, Default)]
struct Seen {
    step: Option<u64>,
    times: u32,
}

impl Watchdog {
    /// # Errors
    ///
    /// The operating system gives no thread.
    pub(in crate::engine) fn start(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let watched = Arc::new(Mutex::new(Some(Arc::downgrade(shared))));
        let (looks_at, limit) = (watched.clone(), shared.settings.step_limit);
        let thread = std::thread::Builder::new().name("workflow-watchdog".into());
        let thread = thread.spawn(move || look_until(&looks_at, limit))?.thread().clone();
        Ok(Watchdog { watched, thread })
    }

    /// Holds nothing of the engine afterwards. Its thread ends by itself.
    pub(in crate::engine) fn stop(&self) {
        *locked(&self.watched) = None;
        self.thread.unpark();
    }
}

fn look_until(watched: &Mutex<Option<Weak<Shared>>>, limit: Duration) {
    let pause = (limit / LOOKS).max(Duration::from_millis(1));
    let (mut seen, mut left_behind) = (vec![], vec![]);
    loop {
        std::thread::park_timeout(pause);
        let watched = locked(watched);
        let Some(shared) = watched.as_ref().and_then(Weak::upgrade) else { return };
        if shared.health.alive().is_err() {
            return;
        }
        look(&shared, &mut seen, &mut left_behind);
        // Before the lock: whoever stops it holds the last of the engine.
        drop(shared);
        drop(watched);
    }
}

fn look(shared: &Arc<Shared>, seen: &mut Vec<Seen>, left_behind: &mut Vec<JoinHandle<()>>) {
    let mut posts = shared.watch.posts();
    let workers = posts.len();
    seen.resize(workers, Seen::default());
    for (index, (post, seen)) in posts.iter_mut().zip(seen).enumerate() {
        let step = post.gauge.step();
        let again = step.is_some() && step == seen.step;
        *seen = Seen { step, times: if again { seen.times + 1 } else { 0 } };
        if let Some(step) = step.filter(|_| seen.times >= LOOKS) {
            left_behind.retain(|thread| !thread.is_finished());
            if left_behind.len() >= LEFT_BEHIND {
                shared.health.give_up(left_behind.len() + 1);
                // Whichever of them do not return, nobody follows them, and nobody looks any more.
                return (0..workers).for_each(|worker| shared.watch.tell_replaced(worker));
            }
            left_behind.extend(replace(shared, index, post, step));
            *seen = Seen::default();
        }
    }
}

/// Gives the place of a worker to a fresh one. The thread that is left behind.
fn replace(shared: &Arc<Shared>, index: usize, post: &mut Post, step: u64) -> Option<JoinHandle<()>> {
    let id = post.gauge.replace(step)?;
    let reason = endless(shared.settings.step_limit);
    tracing::error!(
        workflow.id = id.as_str(),
        code = reason.code,
        worker = index,
        "a step does not end; its worker is replaced, and the instance blocked"
    );
    shared.watch.condemn(id, reason);
    shared.post_condemned();
    shared.watch.tell_replaced(index);
    match place::succeed(shared, index, post) {
        Ok(fresh) => {
            let left = std::mem::replace(post, fresh);
            left.thread
        }
        Err(error) => {
            tracing::error!(%error, worker = index, "there is no thread for another worker");
            shared.health.give_up(1);
            shared.watch.tell_replaced(index);
            None
        }
    }
}
