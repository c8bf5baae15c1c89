//! Errors of operations, of workflows, and of steps.

use crate::journal::encoding::{DecodeError, EncodeError};
use serde::{Deserialize, Serialize};
use std::{any::Any, cell::RefCell, fmt, ops::Deref, sync::Once};
use workflow_definition::{Fingerprint, Incompatible};

/// The wait was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Why a limited wait gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WaitError {
    /// The time is over.
    #[error("timed out")]
    TimedOut,
    /// The wait was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Any error, for workflows and activities that want no error type of their own.
///
/// Keeps the messages of the whole source chain. Like `anyhow::Error` it is made from any error with `?`, is not
/// an `Error` itself, and dereferences to one.
///
/// ```
/// use workflow_runtime::WorkflowError;
/// fn parse(s: &str) -> Result<u32, WorkflowError> { Ok(s.parse()?) }
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowError(Link);

/// One message of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    message: String,
    source: Option<Box<Link>>,
}

impl Link {
    fn of(e: &(dyn std::error::Error + 'static)) -> Self {
        Link { message: e.to_string(), source: e.source().map(|s| Box::new(Link::of(s))) }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Link {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

impl WorkflowError {
    /// An error that says `message`.
    pub fn msg(message: impl fmt::Display) -> Self {
        WorkflowError(Link { message: message.to_string(), source: None })
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for WorkflowError {
    fn from(e: E) -> Self {
        WorkflowError(Link::of(&e))
    }
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut next = self.0.source.as_deref();
        while let Some(link) = next {
            write!(f, "\ncaused by: {link}")?;
            next = link.source.as_deref();
        }
        Ok(())
    }
}

impl Deref for WorkflowError {
    type Target = dyn std::error::Error + Send + Sync + 'static;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<WorkflowError> for Box<dyn std::error::Error + Send + Sync> {
    fn from(e: WorkflowError) -> Self {
        Box::new(e.0)
    }
}

/// Why a machine could not be loaded or could not finish a step. The instance is blocked; its last checkpoint stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// This build has no such workflow.
    #[error(
        "this build has no workflow `{workflow}`: link the crate that defines it, or give the renamed function `alias = \"{workflow}\"`"
    )]
    UnknownWorkflow {
        /// Its name in the frame.
        workflow: String,
    },
    /// The frame was written under a definition that the store does not hold.
    #[error(
        "the checkpoint of `{workflow}` was written under definition {fingerprint}, which the store does not hold: resume it with the build that wrote it"
    )]
    UnknownDefinition {
        /// Name of the workflow.
        workflow: String,
        /// Its definition.
        fingerprint: Fingerprint,
    },
    /// The code has changed in a way that strands this instance.
    #[error(
        "`{workflow}` has changed under this instance, which waits in `{point}`: {source}; {}, or let the old build finish it",
        .source.remedy()
    )]
    Incompatible {
        /// Name of the workflow.
        workflow: String,
        /// Label of the point.
        point: String,
        /// What is missing.
        source: Incompatible,
    },
    /// The arguments do not decode.
    #[error("the arguments of `{workflow}` do not decode: {source}; make the new type read what the old one wrote")]
    Arguments {
        /// Name of the workflow.
        workflow: String,
        /// Where and why.
        source: DecodeError,
    },
    /// A saved local does not decode.
    #[error(
        "the local `{local}` of `{workflow}` does not decode: {source}; make the new type read what the old one wrote"
    )]
    Local {
        /// Name of the workflow.
        workflow: String,
        /// Key of the slot.
        local: String,
        /// Where and why.
        source: DecodeError,
    },
    /// The result of an operation does not decode.
    #[error(
        "the result that `{workflow}` awaits at `{point}` does not decode: {source}; make the new type read what the old one wrote"
    )]
    Result {
        /// Name of the workflow.
        workflow: String,
        /// Label of the point.
        point: String,
        /// Where and why.
        source: DecodeError,
    },
    /// A local cannot be encoded.
    #[error("the local `{local}` of `{workflow}` cannot be saved: {source}")]
    Unsaveable {
        /// Name of the workflow.
        workflow: String,
        /// Key of the slot.
        local: String,
        /// Where and why.
        source: EncodeError,
    },
    /// The arguments of an operation cannot be encoded.
    #[error("what `{workflow}` gives to the operation at `{point}` cannot be encoded: {source}")]
    Request {
        /// Name of the workflow.
        workflow: String,
        /// Label of the point.
        point: String,
        /// Where and why.
        source: EncodeError,
    },
    /// The return value cannot be encoded.
    #[error("what `{workflow}` returned cannot be encoded: {source}")]
    Outcome {
        /// Name of the workflow.
        workflow: String,
        /// Where and why.
        source: EncodeError,
    },
    /// The step looks at a buffered message that is not at hand: read it and take the step again.
    #[error("the step needs a buffered message of `{channel}`, which was not read from the store")]
    Unread {
        /// The name of a signal, or the channel of an update.
        channel: String,
    },
    /// An inline helper asked for a new run.
    #[error(
        "`{workflow}` was awaited inline and used `continue_as_new!`, but a helper is part of its caller's run and has none of its own to continue: run it with `.child(\"id\")`, or return to the caller and let it continue"
    )]
    ContinuedInline {
        /// Name of the helper.
        workflow: String,
    },
    /// The point now awaits another helper, or none.
    #[error(
        "this instance of `{workflow}` waits for its helper `{helper}`, and the code now awaits {} there; restore the call, or let the old build finish it", now.as_ref().map_or("no helper".to_owned(), |n| format!("`{n}`"))
    )]
    OtherHelper {
        /// Name of the workflow.
        workflow: String,
        /// Name of the helper in the frame.
        helper: String,
        /// Name of the helper in the code.
        now: Option<String>,
    },
    /// A generic workflow was to run as the root of an instance.
    #[error(
        "`{workflow}` is generic, and the name of an instance's workflow does not say for which types: start a workflow that awaits it"
    )]
    Generic {
        /// Its name.
        workflow: String,
    },
    /// The arguments of the next run are larger than the engine takes.
    #[error(
        "the arguments with which `{workflow}` continues have {bytes} bytes, the limit is {limit}: keep the data elsewhere and pass a reference, or raise `payload_limit`"
    )]
    InputTooLarge {
        /// Name of the workflow.
        workflow: String,
        /// Their size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The step panicked.
    #[error("a step of `{workflow}` panicked{}: {message}; deploy a build without the panic and retry the instance", location.as_ref().map(|l| format!(" at {l}")).unwrap_or_default())]
    Panicked {
        /// Name of the workflow.
        workflow: String,
        /// The panic's message.
        message: String,
        /// File, line and column.
        location: Option<String>,
    },
}

impl StepError {
    /// A stable code for people and machines.
    pub fn code(&self) -> &'static str {
        match self {
            StepError::UnknownWorkflow { .. } => "WB001",
            StepError::UnknownDefinition { .. } => "WB002",
            StepError::Incompatible { .. } => "WB003",
            StepError::Arguments { .. } => "WB004",
            StepError::Local { .. } => "WB005",
            StepError::Result { .. } => "WB006",
            StepError::Unsaveable { .. } => "WB007",
            StepError::Request { .. } => "WB008",
            StepError::Outcome { .. } => "WB009",
            StepError::Panicked { .. } => "WB010",
            StepError::Unread { .. } => "WB011",
            StepError::ContinuedInline { .. } => "WB012",
            StepError::InputTooLarge { .. } => "WB013",
            StepError::OtherHelper { .. } => "WB014",
            StepError::Generic { .. } => "WB015",
        }
    }

    pub(super) fn from_panic(workflow: &str, panic: Box<dyn Any + Send>) -> Self {
        let panic = match panic.downcast::<StepError>() {
            Ok(e) => return *e,
            Err(p) => p,
        };
        StepError::Panicked { workflow: workflow.into(), message: panic_message(&*panic), location: panic_location() }
    }
}

/// The text of a caught panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a value that is not text".into())
}

/// Where the panic was that this thread caught last under [`watch_panics`], once.
pub(crate) fn panic_location() -> Option<String> {
    WATCH.with(|w| w.borrow_mut().location.take())
}

#[derive(Default)]
struct Watch {
    depth: u32,
    location: Option<String>,
}

thread_local!(static WATCH: RefCell<Watch> = RefCell::default());

/// While it lives, panics of this thread note their location and print nothing: the blocked instance reports them.
pub(crate) struct PanicWatch(());

pub(crate) fn watch_panics() -> PanicWatch {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let watched = WATCH.try_with(|w| {
                let mut w = w.borrow_mut();
                if w.depth > 0 {
                    w.location = info.location().map(ToString::to_string);
                }
                w.depth > 0
            });
            if !watched.unwrap_or(false) {
                before(info);
            }
        }));
    });
    WATCH.with(|w| w.borrow_mut().depth += 1);
    PanicWatch(())
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        WATCH.with(|w| w.borrow_mut().depth -= 1);
    }
}
