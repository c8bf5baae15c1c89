//! What can go wrong between a caller and the engine. One type per operation.

use crate::{
    journal::{
        encoding::{DecodeError, EncodeError},
        id::{InvalidId, RunId},
    },
    registry::{MissingState, RegistryError},
    store::{CommitError, OpenError, StoreError},
};

mod complete;
mod control;
mod rebuild;
mod run;
mod skip;
mod update;

pub use complete::CompleteError;
pub use control::ControlError;
pub use rebuild::RebuildError;
pub use run::RunError;
pub use skip::SkipError;
pub use update::UpdateError;

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The directory could not be opened as a store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The archive could not be taken.
    #[cfg(feature = "archive")]
    #[error(transparent)]
    Archive(#[from] crate::archive::ArchiveError),
    /// The store failed while the engine took it over.
    #[error("WE001: the engine could not take its store over; reopen the store and build again")]
    Store(#[source] StoreError),
    /// Two functions have one name, or a name is not known.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Activities need states that nobody has given.
    #[error("WE002: no state was given for {}; call `.state(..)` for each", list(missing))]
    MissingState {
        /// Which, and where.
        missing: Vec<MissingState>,
    },
    /// The builder was not given a store.
    #[error("WE003: the engine has no store; call `.store(..)`, or use `Engine::open(directory)`")]
    NoStore,
    /// There is no tokio runtime for activities to run on.
    #[error("WE004: there is no tokio runtime; build the engine inside of one, for example in `#[tokio::main]`")]
    NoRuntime,
    /// The operating system gave no thread.
    #[error("WE005: a worker thread could not be started; raise the limit of threads of this process")]
    Thread(#[source] std::io::Error),
}

fn list(missing: &[MissingState]) -> String {
    let each = missing.iter().map(|m| format!("`State<{}>` of activity `{}` ({})", m.state, m.activity, m.place));
    each.collect::<Vec<_>>().join(", ")
}

impl BuildError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open(e) => e.code(),
            #[cfg(feature = "archive")]
            Self::Archive(e) => e.code(),
            Self::Store(_) => "WE001",
            Self::Registry(_) => "WE006",
            Self::MissingState { .. } => "WE002",
            Self::NoStore => "WE003",
            Self::NoRuntime => "WE004",
            Self::Thread(_) => "WE005",
        }
    }
}

/// Why the engine could not serve a call at all. The same for every operation.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The engine is shutting down, or has.
    #[error("WE010: the engine is shut down; open the store with a new one")]
    ShutDown,
    /// The engine was built to read only.
    #[error("WE016: the engine only reads; build one that runs workflows")]
    ReadOnly,
    /// A write failed in a way that leaves open whether it happened. The engine does nothing more.
    #[error("WE011: a write to the store failed and the engine has stopped; reopen the store to go on where it was")]
    Poisoned(#[source] StoreError),
    /// The commit was refused, and nothing has happened.
    #[error("WE012: `{workflow_id}` could not be written, nothing has changed; look at the cause, then call again")]
    Refused {
        /// The instance.
        workflow_id: String,
        /// Why.
        #[source]
        source: CommitError,
    },
    /// The records of the instance could not be read.
    #[error("WE013: `{workflow_id}` could not be read; look at the cause, then call again")]
    Unreadable {
        /// The instance.
        workflow_id: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The checkpoint of the instance does not read back as it was written. Its other records do, as far as is known.
    #[error(
        "WE092: the checkpoint of `{workflow_id}` is damaged; make it anew from its history with `rebuild`, or end it with `terminate`, or restore a snapshot of the store"
    )]
    Damaged {
        /// The instance.
        workflow_id: String,
        /// What is wrong with it.
        #[source]
        source: StoreError,
    },
    /// A record of the instance is not of a form that this build reads.
    #[error("WE014: the {what} of `{workflow_id}` does not decode; use the build that wrote it, or a newer one")]
    Undecodable {
        /// The instance.
        workflow_id: String,
        /// Which record.
        what: &'static str,
        /// Where and why.
        #[source]
        source: DecodeError,
    },
    /// A step did not end, and its worker was replaced. The engine goes on. Calls that change nothing when they are made twice
    /// (starts that attach, signals and updates with an id) are made again and do not see this.
    #[error(
        "WE017: a step did not end and its worker was replaced while this call was under way: it may or may not have happened; call again"
    )]
    Replaced,
    /// Steps do not end, and each of them keeps a thread of the process busy. The engine does nothing more.
    #[error(
        "WE018: {steps} steps do not end and the engine has stopped; restart the process: the instances are blocked, or will be"
    )]
    Stuck {
        /// How many.
        steps: usize,
    },
    /// Something panicked outside of a step: the `drop` of a value of the workflow, or the engine itself. What is durable
    /// stands, and the instance is looked at again.
    #[error(
        "WE090: `{workflow_id}` could not be served: there was a panic outside of a step, which the output of the process shows; this call may or may not have happened"
    )]
    Panicked {
        /// The instance.
        workflow_id: String,
    },
    /// There is more under way than the engine takes: calls of clients, steps, and attempts of activities that run or wait in
    /// their queues. Nothing has happened. Only what brings more work is refused: starts, signals and updates.
    #[error(
        "WE019: {in_flight} calls and attempts are under way, and the engine takes {limit}: nothing has happened; call again after a pause, or raise `in_flight_limit`"
    )]
    Overloaded {
        /// What is under way.
        in_flight: usize,
        /// The limit.
        limit: usize,
    },
    /// The run could not be archived, and is not removed. It is tried again.
    #[cfg(feature = "archive")]
    #[error("WE091: `{workflow_id}` could not be archived and is not removed; look at the cause, it is tried again")]
    Archive {
        /// The instance.
        workflow_id: String,
        /// Why.
        #[source]
        source: crate::archive::ArchiveError,
    },
    /// The instance cannot be written in its new state.
    #[error("WE015: `{workflow_id}` could not be written, nothing has changed: {code}: {message}")]
    Unwritable {
        /// The instance.
        workflow_id: String,
        /// The code of the reason.
        code: String,
        /// The reason.
        message: String,
    },
}

impl Unavailable {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ShutDown => "WE010",
            Self::Poisoned(_) => "WE011",
            Self::Refused { .. } => "WE012",
            Self::Unreadable { .. } => "WE013",
            Self::Undecodable { .. } => "WE014",
            Self::Unwritable { .. } => "WE015",
            Self::ReadOnly => "WE016",
            Self::Replaced => "WE017",
            Self::Stuck { .. } => "WE018",
            Self::Overloaded { .. } => "WE019",
            Self::Panicked { .. } => "WE090",
            Self::Damaged { .. } => "WE092",
            #[cfg(feature = "archive")]
            Self::Archive { .. } => "WE091",
        }
    }
}

/// Why an instance was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The id is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// The id is taken by an instance of another workflow, or with another input.
    #[error(
        "WE020: `{workflow_id}` exists: it runs `{existing}` with {existing_input}, and `{requested}` with {requested_input} was to be started; use another id, or start what is there"
    )]
    Conflict {
        /// The instance.
        workflow_id: String,
        /// The workflow that it runs.
        existing: String,
        /// Its input, for people.
        existing_input: String,
        /// The workflow that was to be started.
        requested: String,
        /// Its input, for people.
        requested_input: String,
    },
    /// The workflow is not one of the engine's.
    #[error(
        "WE021: `{workflow_id}` cannot run `{workflow}`: this engine has no workflow of that name; correct the name, or link its crate, or add it to `.only([..])`"
    )]
    UnknownWorkflow {
        /// The instance.
        workflow_id: String,
        /// The workflow.
        workflow: String,
    },
    /// The arguments cannot be encoded.
    #[error("WE022: the arguments of `{workflow_id}` cannot be saved")]
    Unencodable {
        /// The instance.
        workflow_id: String,
        /// Where and why.
        #[source]
        source: EncodeError,
    },
    /// These are not the arguments of the workflow.
    #[error("WE024: `{workflow_id}` was not started: these are not the arguments of `{workflow}`")]
    Undecodable {
        /// The instance.
        workflow_id: String,
        /// The workflow.
        workflow: String,
        /// Where and why.
        #[source]
        source: DecodeError,
    },
    /// The arguments are larger than the engine takes.
    #[error(
        "WE023: the arguments of `{workflow_id}` have {bytes} bytes, the limit is {limit}; keep the data elsewhere and pass a reference, or raise `payload_limit`"
    )]
    TooLarge {
        /// The instance.
        workflow_id: String,
        /// Their size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The id has been used, and the start says [`IdReuse::Reject`](super::IdReuse::Reject).
    #[error(
        "WE025: `{workflow_id}` exists: run {run_id} of `{existing}` ({state}); use another id, or another `IdReuse`"
    )]
    AlreadyExists {
        /// The instance.
        workflow_id: String,
        /// The workflow that it runs.
        existing: String,
        /// Its run.
        run_id: RunId,
        /// The state of the run.
        state: &'static str,
    },
    /// The signal that goes with the start was refused. The run that is there was attached to.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// The update that goes with the start cannot be sent. Nothing was started.
    #[error(transparent)]
    Update(Box<UpdateError>),
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl StartError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::Conflict { .. } => "WE020",
            Self::UnknownWorkflow { .. } => "WE021",
            Self::Unencodable { .. } => "WE022",
            Self::TooLarge { .. } => "WE023",
            Self::Undecodable { .. } => "WE024",
            Self::AlreadyExists { .. } => "WE025",
            Self::Signal(e) => e.code(),
            Self::Update(e) => e.code(),
            Self::Unavailable(e) => e.code(),
        }
    }
}

/// Why a signal was not delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The id is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such instance.
    #[error("WE030: there is no instance `{workflow_id}` to receive `{signal}`; start it first, or check the id")]
    NotFound {
        /// The instance.
        workflow_id: String,
        /// The signal.
        signal: String,
    },
    /// The instance has ended, so nothing can receive the signal.
    #[error("WE031: `{workflow_id}` has ended ({state}) and does not receive `{signal}`; start a new instance")]
    Closed {
        /// The instance.
        workflow_id: String,
        /// The signal.
        signal: String,
        /// How it has ended.
        state: &'static str,
    },
    /// The payload cannot be encoded.
    #[error("WE032: the payload of `{signal}` to `{workflow_id}` cannot be saved")]
    Unencodable {
        /// The instance.
        workflow_id: String,
        /// The signal.
        signal: String,
        /// Where and why.
        #[source]
        source: EncodeError,
    },
    /// The payload is larger than the engine takes.
    #[error(
        "WE033: the payload of `{signal}` to `{workflow_id}` has {bytes} bytes, the limit is {limit}; keep the data elsewhere and send a reference, or raise `payload_limit`"
    )]
    TooLarge {
        /// The instance.
        workflow_id: String,
        /// The signal.
        signal: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The name is that of an update's channel.
    #[error(
        "WE034: `{workflow_id}` takes no signal `{signal}`: names that begin with `update:` are taken; use `run.update(..)`"
    )]
    Reserved {
        /// The instance.
        workflow_id: String,
        /// The signal.
        signal: String,
    },
    /// The workflow takes its messages more slowly than they come. Nothing has happened.
    #[error(
        "WE035: {buffered} messages wait in the inbox of `{workflow_id}`, which takes no more; send `{signal}` again after a pause, or raise `inbox_limit`"
    )]
    InboxFull {
        /// The instance.
        workflow_id: String,
        /// The signal.
        signal: String,
        /// How many messages wait, of all names.
        buffered: u64,
    },
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl SignalError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::NotFound { .. } => "WE030",
            Self::Closed { .. } => "WE031",
            Self::Unencodable { .. } => "WE032",
            Self::TooLarge { .. } => "WE033",
            Self::Reserved { .. } => "WE034",
            Self::InboxFull { .. } => "WE035",
            Self::Unavailable(e) => e.code(),
        }
    }
}

/// Why something about instances could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The id is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// There is no such instance.
    #[error("WE050: there is no instance `{workflow_id}`; check the id, or start it")]
    NotFound {
        /// The instance.
        workflow_id: String,
    },
    /// What the workflow stored is not of the type that was asked for.
    #[error("WE052: the {what} of `{workflow_id}` does not decode; ask for the type that the workflow stores")]
    Undecodable {
        /// The instance.
        workflow_id: String,
        /// What was to be read.
        what: String,
        /// Where and why.
        #[source]
        source: DecodeError,
    },
    /// The cursor of a page is not one that a page gave.
    #[error("WE051: the cursor is not one that `list` gave; begin again without one")]
    InvalidCursor,
    /// The engine could not serve the call.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl QueryError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidId(e) => e.code(),
            Self::NotFound { .. } => "WE050",
            Self::InvalidCursor => "WE051",
            Self::Undecodable { .. } => "WE052",
            Self::Unavailable(e) => e.code(),
        }
    }
}
