//! How an executor works.

use super::{AttemptRequest, Delay, Queues, SystemDelay};
use crate::activity::{Interpose, Limits};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

/// Told about every attempt that starts.
pub type Observer = Arc<dyn Fn(&AttemptRequest) + Send + Sync>;

/// Told about every attempt whose body begins; gives what is to be called when the body has ended, unless the executor ends
/// first.
pub type Begins = Arc<dyn Fn(&AttemptRequest) -> Option<Box<dyn FnOnce() + Send>> + Send + Sync>;

/// How an [`Executor`](super::Executor) works.
#[derive(Clone)]
pub struct ExecutorOptions {
    /// How many attempts may run at once, by queue.
    pub queues: Queues,
    /// Limits of activities, by registered name, in place of those that the activities have themselves.
    pub limits: HashMap<String, Limits>,
    /// The largest progress of a heartbeat, in bytes.
    pub progress_limit: usize,
    /// How long an attempt that was asked to stop may go on before it is stopped.
    pub grace: Duration,
    /// What measures timeouts and grace periods.
    pub delay: Arc<dyn Delay>,
    /// Told about every attempt that starts, before it does.
    pub observer: Option<Observer>,
    /// Told about every attempt while its body runs.
    pub begins: Option<Begins>,
    /// What a test puts in between.
    pub interpose: Option<Arc<dyn Interpose>>,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        let grace = Duration::from_secs(10);
        ExecutorOptions {
            queues: Queues::default(),
            limits: HashMap::new(),
            progress_limit: usize::MAX,
            grace,
            delay: Arc::new(SystemDelay),
            observer: None,
            begins: None,
            interpose: None,
        }
    }
}

impl fmt::Debug for ExecutorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorOptions")
            .field("queues", &self.queues)
            .field("limits", &self.limits)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
