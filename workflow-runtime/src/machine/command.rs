//! What goes into a machine and what comes out of one.

use super::{
    frame::{Closed, OpId},
    operation::Ticket,
    remote::{Answer, Ask, Target},
};
use crate::{
    activity::ActivityOptions,
    journal::{Name, history::Timeout, payload::Payload},
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
    /// All members of a group have ended, in the order in which they were given.
    All(Vec<Completion>),
    /// One member of a group has decided it.
    Member {
        /// Its place among the members.
        index: u64,
        /// How it ended.
        completion: Box<Completion>,
    },
}

impl Completion {
    /// True if a workflow gets an `Err` for it, where the operation gives a `Result` at all.
    pub fn is_error(&self) -> bool {
        match self {
            Self::Value(_) | Self::Fired | Self::All(_) => false,
            Self::Remote { answer, .. } => answer.is_error(),
            _ => true,
        }
    }
}

/// When a group is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Join {
    /// When all members have ended.
    All,
    /// When all members have ended, or one of them in an error.
    Try,
    /// When one member has ended.
    First,
}

impl std::fmt::Display for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::All => "join_all",
            Self::Try => "try_join_all",
            Self::First => "select_all",
        })
    }
}

/// What a step asks the engine for. Nothing of it happens before the step's commit is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Run an activity.
    Activity {
        /// Id of the operation.
        op: OpId,
        /// Registered name.
        name: Name,
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
    /// Run several operations, and complete the group with [`Completion::All`] or [`Completion::Member`]. The ids of the members
    /// follow that of the group.
    Group {
        /// Id of the operation.
        op: OpId,
        /// When it is over. Members that have not ended by then are detached.
        join: Join,
        /// So many members at a time, in order.
        limit: Option<u64>,
        /// What to run: operations, none of them a group.
        members: Vec<Command>,
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
    /// Set when the run has ended and goes on as a new one: the arguments of that.
    pub continued: Option<Payload>,
}
