//! How an instance stands.

use serde::{Deserialize, Serialize};

/// The state of an instance, as listings know it. The numbers are part of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[repr(u8)]
pub enum Status {
    /// It runs or waits.
    Running = 1,
    /// It cannot go on by itself.
    Blocked = 2,
    /// It returned a value.
    Completed = 3,
    /// It returned an error.
    Failed = 4,
    /// It returned an error after it was asked to stop.
    Cancelled = 5,
    /// It was ended from outside.
    Terminated = 6,
    /// It was started and takes its first step later.
    Scheduled = 7,
    /// It had not ended when its execution timeout was over.
    TimedOut = 8,
    /// It went on as a new run. Only runs are in this state, not their instances.
    Continued = 9,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 9] = {
        use Status::*;
        [Running, Blocked, Completed, Failed, Cancelled, Terminated, Scheduled, TimedOut, Continued]
    };

    /// For people: `running`, `blocked`, ..
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::Scheduled => "scheduled",
            Self::TimedOut => "timed out",
            Self::Continued => "continued as new",
        }
    }

    /// True if the run has ended.
    pub fn is_closed(self) -> bool {
        !matches!(self, Self::Running | Self::Blocked | Self::Scheduled)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
