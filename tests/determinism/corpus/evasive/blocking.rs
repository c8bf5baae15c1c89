//! What waits within a step, or is there so that threads can wait.

use crate::note;
use std::{
    sync::{Arc, Barrier, Condvar, Mutex, RwLock, mpsc},
    time::Duration,
};
use workflow_runtime::prelude::*;

/// WF006: a sleep, in a helper
pub mod block_sleep {
    use super::*;

    fn politely(text: &str) -> usize {
        std::thread::sleep(Duration::from_millis(1));
        text.len()
    }

    #[workflow]
    pub async fn block_sleep(text: String) -> Result<usize, WorkflowError> {
        let n = politely(&text);
        note(&text).await?;
        Ok(n)
    }
}

/// WF006: a sleep, behind an alias
pub mod block_sleep_alias {
    use super::*;
    use std::thread::sleep as pause;

    #[workflow]
    pub async fn block_sleep_alias() -> Result<(), WorkflowError> {
        pause(Duration::from_millis(1));
        note("paused").await?;
        Ok(())
    }
}

/// WF006: a mutex within a step
pub mod block_mutex {
    use super::*;

    #[workflow]
    pub async fn block_mutex(ns: Vec<u32>) -> Result<u32, WorkflowError> {
        let sum = Mutex::new(0);
        ns.iter().for_each(|n| *sum.lock().unwrap_or_else(|e| e.into_inner()) += n);
        let sum = sum.into_inner().unwrap_or(0);
        note("sum").await?;
        Ok(sum)
    }
}

/// WF006: a mutex that a helper type hides
pub mod block_hidden_mutex {
    use super::*;

    #[workflow]
    pub async fn block_hidden_mutex(names: Vec<String>) -> Result<usize, WorkflowError> {
        let cache = shared::guarded::Cache::default();
        let n = names.iter().map(|n| cache.length(n)).sum();
        drop(cache);
        note("lengths").await?;
        Ok(n)
    }
}

/// WF006: a lock for readers
pub mod block_rwlock {
    use super::*;
    use std::sync::RwLock as Shared;

    #[workflow]
    pub async fn block_rwlock(text: String) -> Result<usize, WorkflowError> {
        let n = {
            let text = Shared::new(text.as_str());
            text.read().map_or(0, |t| t.len())
        };
        note("n").await?;
        Ok(n)
    }
}

/// WF006: a channel, in a helper
pub mod block_channel {
    use super::*;

    fn through(ns: Vec<u64>) -> Vec<u64> {
        let (to, from) = mpsc::channel();
        ns.into_iter().for_each(|n| to.send(n).unwrap_or(()));
        drop(to);
        from.into_iter().collect()
    }

    #[workflow]
    pub async fn block_channel(ns: Vec<u64>) -> Result<Vec<u64>, WorkflowError> {
        let ns = through(ns);
        note("through").await?;
        Ok(ns)
    }
}

/// WF006: a condition variable
pub mod block_condvar {
    use super::*;

    fn wait() -> bool {
        let pair = Arc::new((Mutex::new(true), Condvar::new()));
        let Ok(guard) = pair.0.lock() else { return false };
        pair.1.wait_timeout(guard, Duration::from_millis(1)).is_ok()
    }

    #[workflow]
    pub async fn block_condvar() -> Result<bool, WorkflowError> {
        let waited = wait();
        note("waited").await?;
        Ok(waited)
    }
}

/// WF006: a barrier
pub mod block_barrier {
    use super::*;

    fn alone() -> bool {
        Barrier::new(1).wait().is_leader()
    }

    #[workflow]
    pub async fn block_barrier() -> Result<bool, WorkflowError> {
        let leader = alone();
        note("leader").await?;
        Ok(leader)
    }
}

/// WF006: an atomic
pub mod block_atomic {
    use super::*;
    use std::sync::atomic::{AtomicUsize as Counter, Ordering::Relaxed};

    #[workflow]
    pub async fn block_atomic(names: Vec<String>) -> Result<usize, WorkflowError> {
        let n = {
            let counter = Counter::new(0);
            for name in &names {
                counter.fetch_add(name.len(), Relaxed);
            }
            counter.into_inner()
        };
        note("n").await?;
        Ok(n)
    }
}

/// WF006 WF005: `block_on` of tokio, in another crate
pub mod block_on_elsewhere {
    use super::*;

    #[workflow]
    pub async fn block_on_elsewhere() -> Result<u32, WorkflowError> {
        let n = shared::guarded::wait_for(std::future::ready(5));
        note("waited").await?;
        Ok(n)
    }
}

/// WF006: parking, in a `block_on` of one's own
pub mod block_own_block_on {
    use super::*;
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Wake, Waker},
        thread::{self, Thread},
    };

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(value) => return value,
                Poll::Pending => thread::park(),
            }
        }
    }

    #[workflow]
    pub async fn block_own_block_on(n: u32) -> Result<u32, WorkflowError> {
        let n = block_on(std::future::ready(n));
        note("ready").await?;
        Ok(n)
    }
}

/// WF006: a semaphore of tokio
pub mod block_semaphore {
    use super::*;
    use tokio::sync::Semaphore;

    #[workflow]
    pub async fn block_semaphore(limit: usize) -> Result<bool, WorkflowError> {
        let free = Semaphore::new(limit).try_acquire().is_ok();
        note("free").await?;
        Ok(free)
    }
}

/// WF006: a mutex that a generic function is given
pub mod block_generic {
    use super::*;

    pub trait Store {
        fn add(&self, n: u64) -> u64;
    }

    impl Store for Mutex<u64> {
        fn add(&self, n: u64) -> u64 {
            self.lock().map_or(0, |mut sum| {
                *sum += n;
                *sum
            })
        }
    }

    fn all(to: &dyn Store, ns: &[u64]) -> u64 {
        ns.iter().map(|n| to.add(*n)).max().unwrap_or(0)
    }

    fn sum(ns: &[u64]) -> u64 {
        all(&Mutex::default(), ns)
    }

    #[workflow]
    pub async fn block_generic(ns: Vec<u64>) -> Result<u64, WorkflowError> {
        let n = sum(&ns);
        note("n").await?;
        Ok(n)
    }
}
