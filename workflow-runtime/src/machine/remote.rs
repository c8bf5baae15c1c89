//! What a workflow asks of another instance, and what it is answered.

use super::operation::OnCancel;
use crate::journal::payload::Payload;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::journal::{history::Outcome as Ended, message::Refused};

/// What becomes of a child when its parent ends, in whatever way, while the child still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ParentClose {
    /// It is asked to stop, and can clean up.
    #[default]
    Cancel,
    /// It ends at once, without a step of its own.
    Terminate,
    /// It goes on.
    Abandon,
}

/// Which instance is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id, as the workflow gave it: it may not be one.
    pub id: String,
    /// Registered name of the workflow that it should run.
    pub workflow: String,
    /// The first run of the instance that is meant: nothing is for another one under the same id.
    pub run: Option<Uuid>,
}

/// What is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// To start, as a child.
    Start {
        /// The encoded arguments.
        input: Payload,
        /// What becomes of it when its parent ends.
        close: ParentClose,
        /// The operation waits for its end, not only for its start.
        wait: bool,
        /// What a cancellation of a wait for its end does.
        on_cancel: OnCancel,
    },
    /// To tell how it ends.
    Result {
        /// What a cancellation of the wait does.
        on_cancel: OnCancel,
    },
    /// To take a signal.
    Signal {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Payload,
    },
    /// To stop.
    Cancel {
        /// Why.
        reason: String,
    },
    /// To end as it stands.
    Terminate {
        /// Why.
        reason: String,
    },
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It has started, or had been by the same parent.
    Started {
        /// Its first run.
        run: Uuid,
    },
    /// It has ended.
    Ended(Ended),
    /// It has taken the message.
    Taken,
    /// The message came to nothing.
    Refused(Refused),
    /// Nobody waits for the answer any more: the workflow was asked to stop.
    Abandoned,
}

impl Answer {
    /// True if a workflow gets an `Err` for it.
    pub fn is_error(&self) -> bool {
        !matches!(self, Self::Started { .. } | Self::Taken | Self::Ended(Ended::Completed(_)))
    }
}
