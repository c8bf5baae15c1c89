//! What a checkpoint cannot hold, or holds without its state.

use crate::note;
use serde::{Deserialize, Serialize};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};
use workflow_runtime::prelude::*;

/// WF014: a cell
pub mod state_cell {
    use super::*;

    #[workflow]
    pub async fn state_cell(names: Vec<String>) -> Result<u32, WorkflowError> {
        let hits = Cell::new(0);
        for name in &names {
            hits.set(hits.get() + 1);
            note(name).await?;
        }
        Ok(hits.get())
    }
}

/// WF014 WF006: a mutex
pub mod state_mutex {
    use super::*;

    #[workflow]
    pub async fn state_mutex(names: Vec<String>) -> Result<u32, WorkflowError> {
        let hits = Mutex::new(0);
        for name in &names {
            *hits.lock().unwrap_or_else(|e| e.into_inner()) += 1;
            note(name).await?;
        }
        Ok(hits.into_inner().unwrap_or(0))
    }
}

/// WF014 WF006: an atomic, behind an alias of the type
pub mod state_atomic {
    use super::*;

    type Count = AtomicU32;

    #[workflow]
    pub async fn state_atomic(name: String) -> Result<u32, WorkflowError> {
        let count = Count::new(1);
        note(&name).await?;
        Ok(count.fetch_add(1, Ordering::Relaxed))
    }
}

/// WF014: a shared pointer
pub mod state_rc {
    use super::*;

    #[workflow]
    pub async fn state_rc(text: String) -> Result<usize, WorkflowError> {
        let text = Rc::new(text);
        let other = Rc::clone(&text);
        note(&other).await?;
        Ok(Rc::strong_count(&text))
    }
}

/// WF014: a shared pointer to a cell, that a helper makes
pub mod state_rc_cell {
    use super::*;

    fn log() -> Rc<RefCell<Vec<String>>> {
        Rc::default()
    }

    #[workflow]
    pub async fn state_rc_cell(text: String) -> Result<usize, WorkflowError> {
        let log = log();
        log.borrow_mut().push(text.clone());
        note(&text).await?;
        Ok(log.borrow().len())
    }
}

/// WF014 WF001: a moment of the process
pub mod state_instant {
    use super::*;

    fn begin() -> Instant {
        Instant::now()
    }

    #[workflow]
    pub async fn state_instant(text: String) -> Result<bool, WorkflowError> {
        let began = begin();
        note(&text).await?;
        Ok(began < begin())
    }
}

/// WF014: a closure
pub mod state_closure {
    use super::*;

    #[workflow]
    pub async fn state_closure(rate: u64) -> Result<u64, WorkflowError> {
        let tax = move |n: u64| n * rate / 100;
        note("tax").await?;
        Ok(tax(1_000))
    }
}

/// WF014: a trait object
pub mod state_dyn {
    use super::*;

    fn policy() -> Box<dyn Fn(u32) -> u32 + Send> {
        Box::new(|n| n + 1)
    }

    #[workflow]
    pub async fn state_dyn(n: u32) -> Result<u32, WorkflowError> {
        let policy = policy();
        note("policy").await?;
        Ok(policy(n))
    }
}

/// WF014: an iterator with a closure
pub mod state_iterator {
    use super::*;

    #[workflow]
    pub async fn state_iterator(ns: Vec<u32>) -> Result<u32, WorkflowError> {
        let mut even = ns.into_iter().filter(|n| n % 2 == 0);
        let first = even.next().unwrap_or(0);
        note("first").await?;
        Ok(first + even.next().unwrap_or(0))
    }
}

/// WF014: a shared pointer in a helper's tuple
pub mod state_arc {
    use super::*;

    fn pair(text: &str) -> (Arc<str>, u32) {
        (text.into(), 1)
    }

    #[workflow]
    pub async fn state_arc(text: String) -> Result<String, WorkflowError> {
        let (name, n) = pair(&text);
        note("pair").await?;
        Ok(format!("{name}{n}"))
    }
}

/// WF014: a generator without a state that can be saved
pub mod state_generator {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    #[workflow]
    pub async fn state_generator(seed: u64) -> Result<u32, WorkflowError> {
        let mut rng = StdRng::seed_from_u64(seed);
        let n: u32 = rng.random();
        note("n").await?;
        Ok(n ^ rng.random::<u32>())
    }
}
