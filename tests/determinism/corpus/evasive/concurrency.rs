//! Threads and tasks beside a step.

use crate::note;
use std::thread;
use workflow_runtime::prelude::*;

/// WF005: a thread, in a helper
pub mod spawn_helper {
    use super::*;

    fn squared(n: u64) -> u64 {
        thread::spawn(move || n * n).join().unwrap_or(0)
    }

    #[workflow]
    pub async fn spawn_helper(n: u64) -> Result<u64, WorkflowError> {
        let n = squared(n);
        note("squared").await?;
        Ok(n)
    }
}

/// WF005: a thread, behind an alias of the function
pub mod spawn_alias {
    use super::*;
    use std::thread::spawn as begin;

    #[workflow]
    pub async fn spawn_alias(n: u64) -> Result<(), WorkflowError> {
        begin(move || n + 1);
        note("begun").await?;
        Ok(())
    }
}

/// WF005: threads with a scope
pub mod spawn_scope {
    use super::*;

    fn sums(a: &[u64], b: &[u64]) -> (u64, u64) {
        thread::scope(|s| {
            let a = s.spawn(|| a.iter().sum());
            (a.join().unwrap_or(0), b.iter().sum())
        })
    }

    #[workflow]
    pub async fn spawn_scope(a: Vec<u64>, b: Vec<u64>) -> Result<(u64, u64), WorkflowError> {
        let sums = sums(&a, &b);
        note("sums").await?;
        Ok(sums)
    }
}

/// WF005: a thread with a name
pub mod spawn_builder {
    use super::*;

    #[workflow]
    pub async fn spawn_builder() -> Result<bool, WorkflowError> {
        let builder = thread::Builder::new().name("beside".into());
        let begun = builder.spawn(|| ()).is_ok();
        note("begun").await?;
        Ok(begun)
    }
}

/// WF005: a task that nobody waits for
pub mod spawn_task {
    use super::*;

    #[workflow]
    pub async fn spawn_task(text: String) -> Result<(), WorkflowError> {
        tokio::spawn(std::future::ready(text.len()));
        note(&text).await?;
        Ok(())
    }
}

/// WF005: a blocking task, in another crate
pub mod spawn_blocking_elsewhere {
    use super::*;

    #[workflow]
    pub async fn spawn_blocking_elsewhere() -> Result<(), WorkflowError> {
        shared::remote::warm_up();
        note("warm").await?;
        Ok(())
    }
}

/// WF005: rayon, an iterator
pub mod spawn_rayon {
    use super::*;
    use rayon::prelude::*;

    #[workflow]
    pub async fn spawn_rayon(ns: Vec<u64>) -> Result<u64, WorkflowError> {
        let sum = ns.par_iter().map(|n| n * 2).sum();
        note("sum").await?;
        Ok(sum)
    }
}

/// WF005: rayon, behind a re-export
pub mod spawn_rayon_join {
    use super::*;
    use shared::remote::together;

    #[workflow]
    pub async fn spawn_rayon_join(n: u64) -> Result<u64, WorkflowError> {
        let (a, b) = together(|| n + 1, || n * 2);
        note("together").await?;
        Ok(a + b)
    }
}

/// WF005: crossbeam
pub mod spawn_crossbeam {
    use super::*;

    fn longest(names: &[String]) -> usize {
        crossbeam::scope(|s| s.spawn(|| names.iter().map(String::len).max().unwrap_or(0)))
    }

    #[workflow]
    pub async fn spawn_crossbeam(names: Vec<String>) -> Result<usize, WorkflowError> {
        let n = longest(&names);
        note("longest").await?;
        Ok(n)
    }
}

/// WF005: `FuturesUnordered`
pub mod spawn_unordered {
    use super::*;
    use futures::stream::FuturesUnordered as Bag;

    #[workflow]
    pub async fn spawn_unordered(ns: Vec<u32>) -> Result<usize, WorkflowError> {
        let n = ns.into_iter().map(std::future::ready).collect::<Bag<_>>().len();
        note("n").await?;
        Ok(n)
    }
}

/// WF005: a thread that `Drop` begins
pub mod spawn_drop {
    use super::*;

    pub struct Cleaner(u64);

    impl Drop for Cleaner {
        fn drop(&mut self) {
            let n = self.0;
            thread::spawn(move || n);
        }
    }

    #[workflow]
    pub async fn spawn_drop(n: u64) -> Result<u64, WorkflowError> {
        let twice = Cleaner(n).0 * 2;
        note("twice").await?;
        Ok(twice)
    }
}

/// WF005 WF004: the macro `join!` of tokio, under another name
pub mod spawn_tokio_join {
    use super::*;
    use tokio::join as both;

    #[workflow]
    pub async fn spawn_tokio_join() -> Result<(), WorkflowError> {
        both!(std::future::ready(1), std::future::ready(2));
        note("both").await?;
        Ok(())
    }
}
