//! Globals that change.

use crate::note;
use std::{
    cell::{Cell, RefCell},
    sync::{
        LazyLock, Mutex, OnceLock, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use workflow_runtime::prelude::*;

/// WF010: a counter, in a helper
pub mod global_counter {
    use super::*;

    static NEXT: AtomicU64 = AtomicU64::new(1);

    fn ticket() -> u64 {
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    #[workflow]
    pub async fn global_counter() -> Result<u64, WorkflowError> {
        let n = ticket();
        note("n").await?;
        Ok(n)
    }
}

/// WF010: a counter in another crate
pub mod global_other_crate {
    use super::*;

    #[workflow]
    pub async fn global_other_crate() -> Result<u64, WorkflowError> {
        let n = shared::globals::next();
        note("n").await?;
        Ok(n)
    }
}

/// WF010: a `static mut` in a helper
pub mod global_static_mut {
    use super::*;

    static mut LAST: u32 = 0;

    fn swap(n: u32) -> u32 {
        // One thread alone calls this.
        unsafe {
            let before = LAST;
            LAST = n;
            before
        }
    }

    #[workflow]
    pub async fn global_static_mut(n: u32) -> Result<u32, WorkflowError> {
        let before = swap(n);
        note("before").await?;
        Ok(before)
    }
}

/// WF010: a list behind a lock
pub mod global_mutex {
    use super::*;

    static SEEN: Mutex<Vec<String>> = Mutex::new(vec![]);

    fn again(name: &str) -> bool {
        let Ok(mut seen) = SEEN.lock() else { return false };
        let again = seen.iter().any(|s| s == name);
        seen.push(name.to_owned());
        again
    }

    #[workflow]
    pub async fn global_mutex(name: String) -> Result<bool, WorkflowError> {
        let again = again(&name);
        note(&name).await?;
        Ok(again)
    }
}

/// WF010: settings that somebody sets once
pub mod global_once {
    use super::*;

    pub static RATE: OnceLock<u32> = OnceLock::new();

    /// Called by the program when it starts, with what it was configured with.
    pub fn configure(rate: u32) {
        let _ = RATE.set(rate);
    }

    fn rate() -> u32 {
        *RATE.get_or_init(|| 19)
    }

    #[workflow]
    pub async fn global_once(cents: u32) -> Result<u32, WorkflowError> {
        let tax = cents * rate() / 100;
        note("tax").await?;
        Ok(tax)
    }
}

/// WF010: a lazy static that can be written to, in the body
pub mod global_lazy {
    use super::*;

    #[workflow]
    pub async fn global_lazy(name: String) -> Result<usize, WorkflowError> {
        static ALL: LazyLock<RwLock<Vec<String>>> = LazyLock::new(RwLock::default);
        let n = ALL.write().map_or(0, |mut all| {
            all.push(name.clone());
            all.len()
        });
        note(&name).await?;
        Ok(n)
    }
}

/// WF010: a variable of the thread
pub mod global_thread_local {
    use super::*;

    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }

    fn deeper() -> u32 {
        DEPTH.with(|d| {
            d.set(d.get() + 1);
            d.get()
        })
    }

    #[workflow]
    pub async fn global_thread_local() -> Result<u32, WorkflowError> {
        let n = deeper();
        note("n").await?;
        Ok(n)
    }
}

/// WF010: a variable of the thread with a destructor, in another crate
pub mod global_thread_local_elsewhere {
    use super::*;

    #[workflow]
    pub async fn global_thread_local_elsewhere(name: String) -> Result<usize, WorkflowError> {
        let n = shared::globals::remember(&name);
        note(&name).await?;
        Ok(n)
    }
}

/// WF010: the crate once_cell
pub mod global_once_cell {
    use super::*;
    use once_cell::sync::Lazy;

    static HITS: Lazy<Mutex<u32>> = Lazy::new(|| Mutex::new(0));

    fn hit() -> u32 {
        HITS.lock().map_or(0, |mut n| {
            *n += 1;
            *n
        })
    }

    #[workflow]
    pub async fn global_once_cell() -> Result<u32, WorkflowError> {
        let n = hit();
        note("n").await?;
        Ok(n)
    }
}

/// WF010: the crate lazy_static
pub mod global_lazy_static {
    use super::*;

    lazy_static::lazy_static! {
        static ref NAMES: Mutex<Vec<String>> = Mutex::new(vec![]);
    }

    fn add(name: &str) -> usize {
        NAMES.lock().map_or(0, |mut all| {
            all.push(name.to_owned());
            all.len()
        })
    }

    #[workflow]
    pub async fn global_lazy_static(name: String) -> Result<usize, WorkflowError> {
        let n = add(&name);
        note(&name).await?;
        Ok(n)
    }
}

/// WF010: a counter in `Default` of a helper type
pub mod global_default {
    use super::*;

    static IDS: AtomicU64 = AtomicU64::new(0);

    pub struct Node(u64);

    impl Default for Node {
        fn default() -> Self {
            Node(IDS.fetch_add(1, Ordering::SeqCst))
        }
    }

    #[workflow]
    pub async fn global_default() -> Result<u64, WorkflowError> {
        let n = Node::default().0;
        note("n").await?;
        Ok(n)
    }
}

/// WF010: a counter that a macro of another crate declares
pub mod global_macro {
    use super::*;

    shared::counter!(served);

    #[workflow]
    pub async fn global_macro() -> Result<u64, WorkflowError> {
        let n = served();
        note("n").await?;
        Ok(n)
    }
}

/// WF010: a cell in a static, behind a `Sync` of one's own
pub mod global_cell {
    use super::*;

    pub struct Single(RefCell<u32>);

    // There is one thread.
    unsafe impl Sync for Single {}

    static STATE: Single = Single(RefCell::new(0));

    fn bump() -> u32 {
        *STATE.0.borrow_mut() += 1;
        *STATE.0.borrow()
    }

    #[workflow]
    pub async fn global_cell() -> Result<u32, WorkflowError> {
        let n = bump();
        note("n").await?;
        Ok(n)
    }
}
