//! What goes into a machine and what comes out of one.

use super::{
    frame::{Closed, OpId},
    operation::Ticket,
    remote::{Answer, Ask, Target},
};
use crate::{
    activity::ActivityOptions,
    journal::{history::Timeout, payload::Payload},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a step runs. One input per step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The first step. The arguments are given to [`Machine::start`](super::Machine::start).
    Start,
    /// An operation has ended.
    Completed {
        /// Which one.
        op: OpId,
        /// How.
        completion: Completion,
    },
    /// Somebody asked the run to stop.
    Cancel {
        /// Why, for people.
        reason: String,
    },
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Completion {
    /// An activity's `Ok`, a signal's payload, a helper's or child's value.
    Value(Payload),
    /// An activity's or helper's `Err`.
    Failed(Payload),
    /// A timer is due.
    Fired,
    /// The operation's own deadline passed first.
    TimedOut,
    /// One of an activity's limits has passed, and no attempt follows.
    Expired(Timeout),
    /// The operation was cancelled before it ended.
    Cancelled,
    /// The activity panicked on its last attempt.
    Panicked(String),
    /// Another instance has answered.
    Remote {
        /// Its id.
        id: String,
        /// What.
        answer: Answer,
    },
}

/// What a step asks the engine for. Nothing of it happens before the step's commit is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Run an activity.
    Activity {
        /// Id of the operation.
        op: OpId,
        /// Registered name.
        name: String,
        /// Arguments.
        args: Payload,
        /// The resolved options, stored with the operation.
        options: ActivityOptions,
    },
    /// Complete the operation with [`Completion::Fired`] at a point in time.
    Timer {
        /// Id of the operation.
        op: OpId,
        /// When.
        at: Timestamp,
    },
    /// Complete the operation with the next signal of this name, buffered ones first. Updates are signals whose name is
    /// that of their channel.
    Signal {
        /// Id of the operation.
        op: OpId,
        /// Name of the signal.
        name: String,
        /// [`Completion::TimedOut`] is due then. A signal received before it wins, also after downtime.
        deadline: Option<Timestamp>,
    },
    /// Ask another instance for something: to start as a child, to tell how it ends, to take a message.
    Remote {
        /// Id of the operation.
        op: OpId,
        /// The other instance.
        target: Target,
        /// What is asked.
        ask: Ask,
    },
    /// Ask a pending operation to stop. It still completes: with [`Completion::Cancelled`], or with its result if that came first.
    Cancel {
        /// Id of the operation.
        op: OpId,
    },
    /// Nobody waits for a pending operation any more: it lost a race. No input follows for it. A timer or a wait is gone at
    /// once, without consuming anything; an activity that runs is asked to stop, and its end is only noted.
    Detach {
        /// Id of the operation.
        op: OpId,
    },
    /// A recorded value of `side_effect`; a note for verification.
    SideEffect(Payload),
    /// The status that people see, as set by `set_status`.
    Status(Payload),
    /// A workflow or helper has ended in an error, and what it has registered is undone now; a note.
    Compensating {
        /// Which one.
        workflow: String,
        /// The error.
        error: Payload,
        /// How many calls there are.
        calls: u64,
    },
    /// A searchable tag.
    Tag {
        /// Name of the tag.
        key: String,
        /// Its value.
        value: String,
    },
    /// The step took the first buffered message of a channel.
    Take {
        /// The name of a signal, or the channel of an update.
        channel: String,
    },
    /// The step wanted to take the first buffered message of a channel, and it does not decode.
    SetAside {
        /// The name of a signal, or the channel of an update.
        channel: String,
        /// What it carries.
        payload: Payload,
        /// Why it does not decode.
        error: String,
    },
    /// Answer an update, once.
    Reply {
        /// Which request.
        ticket: Ticket,
        /// The response, or why the request is rejected.
        answer: Result<Payload, String>,
    },
}

/// What one step decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Commands in the order in which the workflow gave them.
    pub commands: Vec<Command>,
    /// Set when the run has ended.
    pub closed: Option<Closed>,
}
