//! What types show of nondeterminism where tokens do not.

use std::{
    collections::HashSet,
    sync::Arc,
    time::Duration,
};
use workflow_runtime::prelude::*;

mod hidden {
    pub type Votes = std::collections::HashMap<String, u32>;
    pub use std::time::Instant as Stopwatch;

    pub fn started() -> Stopwatch {
        Stopwatch::now()
    }
    pub fn votes() -> Votes {
        Votes::new()
    }
    pub fn task() -> tokio::task::JoinHandle<u32> {
        tokio::spawn(async { 1 })
    }
    #[derive(Default)]
    pub struct Shared {
        pub lock: std::sync::Mutex<u32>,
        pub seen: std::sync::atomic::AtomicU32,
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Poll {
    votes: hidden::Votes,
    voters: HashSet<String>,
}

#[workflow]
async fn hash_order(mut poll: Poll) -> Result<Vec<String>, Cancelled> {
    let mut names = vec![];
    for (name, _) in &poll.votes {
        names.push(name.clone());
    }
    for (name, _) in hidden::votes() {
        names.push(name);
    }
    names.extend(poll.voters.iter().cloned());
    names.extend(hidden::votes().keys().map(|k| k.to_uppercase()));
    let first = poll.votes.drain().next();
    let sum: f64 = poll.votes.values().map(|n| f64::from(*n)).sum::<f64>();
    names.push(format!("{first:?} {sum} {:?}", poll.voters.iter().next()));
    Ok(names)
}

#[workflow]
async fn printed(poll: Poll) -> Result<String, Cancelled> {
    let voters = poll.voters;
    Ok(format!("{:?} {voters:?}", poll.votes))
}

#[workflow]
async fn clocks() -> Result<Duration, Cancelled> {
    let started = hidden::started();
    Ok(started.elapsed() + hidden::started().elapsed())
}

#[workflow]
async fn shared() -> Result<u32, Cancelled> {
    let shared = hidden::Shared::default();
    let locked = Arc::new(hidden::Shared::default().lock);
    shared.seen.store(7, std::sync::atomic::Ordering::SeqCst);
    let n = *shared.lock.lock().unwrap();
    Ok(n + *locked.lock().unwrap())
}

#[workflow]
async fn foreign() -> Result<u32, WorkflowError> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let n = hidden::task().await?;
    Ok(n + std::future::ready(2).await)
}

fn main() {}
