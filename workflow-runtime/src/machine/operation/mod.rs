//! What a workflow waits for.

mod activity;
mod child;
mod external;
mod foreign;
mod group;
#[cfg(feature = "schedules")]
mod named;
mod on_cancel;
mod shielded;
mod signal;
mod timer;
mod update;
mod workflow;

pub(crate) use activity::activity_parts;
pub use activity::{ActivityCall, Detailed};
pub use child::{Child, ChildCall, ChildError, ChildResult, ChildStartError, StartChild};
pub use external::{ExternalError, ExternalRun, Message, external};
pub use group::{JoinAll, SelectAll, TryJoinAll, for_each_concurrent, join_all, select_all, try_join_all};
#[cfg(feature = "schedules")]
pub(crate) use named::{EndOf, NamedChild, StartNamed};
pub use on_cancel::OnCancel;
pub use shielded::{Shielded, shielded};
pub use signal::{Recv, RecvTimeout, Signal};
pub use timer::{Sleep, SleepTime, sleep, sleep_until};
pub(crate) use update::{CHANNEL, Envelope, channel};
pub use update::{RecvUpdate, RecvUpdateTimeout, Reply, Ticket, Update};
pub use workflow::WorkflowCall;

use super::{
    ambient,
    command::{Command, Completion},
    frame::OpId,
    workflow::Helper,
};
use crate::journal::{
    encoding::{DecodeError, EncodeError},
    payload::Payload,
};
use jiff::Timestamp;
use std::{future::Future, time::Duration};

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// An operation: what can be awaited in a workflow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be awaited in a workflow, and no checkpoint can hold its future: await an `#[activity]`, `sleep`, a signal, or another workflow [WF004]",
    label = "this is not a durable operation",
    note = "an `async fn` of your own becomes one with `#[activity]` on it, which may touch the world, or with `#[workflow]`, which waits"
)]
pub trait Durable: Sealed + Sized {
    /// True for operations that consist of others.
    #[doc(hidden)]
    const GROUP: bool = false;
    /// True for workflows that run as part of this one.
    #[doc(hidden)]
    const INLINE: bool = false;
    /// What the await gives.
    type Output;
    /// What to ask the engine for.
    ///
    /// # Errors
    ///
    /// The arguments cannot be encoded.
    #[doc(hidden)]
    fn request(self) -> Result<Request, EncodeError>;
    /// The workflow that it is, if it is one that runs as part of this one.
    #[doc(hidden)]
    fn helper() -> Option<Helper> {
        None
    }
    /// The output from the way in which the operation ended.
    ///
    /// # Errors
    ///
    /// The completion is not of the operation's type.
    #[doc(hidden)]
    fn output(completion: Completion) -> Result<Self::Output, DecodeError>;
    /// The operation in a check copy. Operations themselves are no futures: an await outside of a workflow does not compile.
    #[doc(hidden)]
    type Future: Future<Output = Self::Output>;
    #[doc(hidden)]
    fn future(self) -> Self::Future;
}

/// What an operation asks for.
pub enum Request {
    /// The engine does it. The id of the operation in the command is set when it begins.
    Operation(Command),
    /// A workflow as part of this one: a nested frame.
    Inline {
        /// The helper.
        helper: Helper,
        /// Its arguments.
        args: Payload,
    },
    /// Nothing: it is over.
    Ready(Completion),
    /// One that a request to cancel the run does not reach.
    Shielded(Box<Request>),
}

/// The id in a command before the operation has begun.
const UNSET: OpId = OpId(u64::MAX);

impl Command {
    pub(super) fn with_op(mut self, id: OpId) -> Self {
        match &mut self {
            Command::Activity { op, .. }
            | Command::Timer { op, .. }
            | Command::Signal { op, .. }
            | Command::Remote { op, .. }
            | Command::Cancel { op }
            | Command::Detach { op } => *op = id,
            Command::Group { op, members, .. } => {
                *op = id;
                for (n, member) in members.iter_mut().enumerate() {
                    *member =
                        std::mem::replace(member, Command::Cancel { op: UNSET }).with_op(OpId(id.0 + 1 + n as u64));
                }
            }
            Command::SideEffect(_)
            | Command::Status(_)
            | Command::Compensating { .. }
            | Command::Tag { .. }
            | Command::Take { .. }
            | Command::SetAside { .. }
            | Command::Reply { .. } => {}
        }
        self
    }

    /// How many ids it takes behind its own.
    pub(super) fn more_ids(&self) -> u64 {
        match self {
            Command::Group { members, .. } => members.len() as u64,
            _ => 0,
        }
    }
}

fn unexpected(what: &str, completion: &Completion) -> DecodeError {
    DecodeError::mismatch(format!("{what} cannot end in {completion:?}"))
}

/// `now + d`, or the end of time if that is later than a timestamp can say.
fn after(d: Duration) -> Timestamp {
    ambient::now().checked_add(d).unwrap_or(Timestamp::MAX)
}
