//! The command line.

use super::{ServiceError, control::Request};
use crate::engine::Status;
use clap::{Parser, Subcommand};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Durable workflows: run them, look at them, steer them.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(super) struct Args {
    /// The directory that holds the instances.
    #[arg(long, global = true, default_value = "data")]
    pub(super) data: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the workflows until ctrl-c or SIGTERM.
    Serve {
        /// Write runs to the archive in this directory before they are removed, 30 days after their end unless told otherwise.
        #[arg(long, value_name = "DIR")]
        archive: Option<PathBuf>,
    },
    #[command(flatten)]
    Local(Local),
    #[command(flatten)]
    Remote(Remote),
}

/// What needs neither a service nor a store.
#[derive(Debug, Subcommand)]
pub(super) enum Local {
    /// Lists the workflows and activities of this program.
    Functions,
    /// Prints the state machine of a workflow as a Mermaid diagram.
    Diagram {
        /// Name of the workflow.
        workflow: String,
    },
    /// Gives back the room on the disk that the store does not use any more. No service may run on it.
    Compact,
    /// Makes a store of a snapshot, in a directory that does not exist yet. Then `--data DIRECTORY serve` goes on with it.
    Restore {
        /// The snapshot.
        file: PathBuf,
        /// The new directory.
        directory: PathBuf,
    },
    /// Runs the steps of an exported history again with the code of this program, and shows the first difference.
    Verify {
        /// The file, or `-` for the standard input.
        file: PathBuf,
    },
}

/// What is asked of a service, or of the store of one that does not run.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Remote {
    /// Starts an instance, or attaches to it.
    Start {
        /// Name of the workflow.
        workflow: String,
        /// Id of the instance.
        id: String,
        /// The arguments, each as JSON.
        args: Vec<String>,
    },
    /// Sends a signal.
    Signal {
        /// Id of the instance.
        id: String,
        /// Name of the signal.
        signal: String,
        /// What it carries, as JSON.
        #[arg(default_value = "null")]
        payload: String,
        /// Names the signal: a second one of the same name is ignored.
        #[arg(long)]
        message_id: Option<String>,
    },
    /// Asks an instance for something, and prints its response.
    Update {
        /// Id of the instance.
        id: String,
        /// Name of the update.
        update: String,
        /// The request, as JSON.
        #[arg(default_value = "null")]
        payload: String,
        /// Names the request: asked again with the same name, the instance gives the answer that it gave.
        #[arg(long)]
        message_id: Option<String>,
    },
    /// Asks an instance to stop; it can still clean up.
    Cancel {
        /// Id of the instance.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Ends an instance as it stands.
    Terminate {
        /// Id of the instance.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Lets a blocked instance try again.
    Retry {
        /// Id of the instance.
        id: String,
    },
    /// Makes the damaged checkpoint of an instance anew, from its history: it goes on where it was.
    Rebuild {
        /// Id of the instance.
        id: String,
    },
    /// Gives up the compensation that an instance cannot get done.
    Skip {
        /// Id of the instance.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Removes the history of an instance that goes on. It is archived first, if the service has an archive.
    Truncate {
        /// Id of the instance.
        id: String,
    },
    /// Removes an instance that has ended, before its retention is over. It is archived first, if the service has an archive.
    Remove {
        /// Id of the instance.
        id: String,
    },
    /// Lists instances.
    List {
        /// Only instances of this workflow.
        #[arg(long)]
        workflow: Option<String>,
        /// Only instances in this state: running, blocked, completed, failed, cancelled, ..
        #[arg(long)]
        status: Option<String>,
        /// Only instances with this tag.
        #[arg(long, value_name = "KEY=VALUE")]
        tag: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// List the runs of this archive instead.
        #[arg(long, value_name = "DIR")]
        archive: Option<PathBuf>,
    },
    /// Shows where an instance is, its locals, and why it waits.
    Show {
        /// Id of the instance.
        id: String,
        #[command(flatten)]
        which: Archived,
    },
    /// Shows what happened to an instance.
    History {
        /// Id of the instance.
        id: String,
        #[command(flatten)]
        which: Archived,
    },
    /// Prints the history of an instance in the form that `verify` reads.
    Export {
        /// Id of the instance.
        id: String,
        #[command(flatten)]
        which: Archived,
    },
    /// Prints what an instance returned.
    Result {
        /// Id of the instance.
        id: String,
        /// Wait until it has ended.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        which: Archived,
    },
    /// Shows how much there is: instances, bytes on the disk, what is due.
    Stats {
        /// Also count all records, history entries among them. Reads the whole store.
        #[arg(long)]
        records: bool,
    },
    /// Writes a snapshot of the store, a backup in one file, while work goes on.
    Snapshot {
        /// The file, which must not exist yet.
        file: PathBuf,
    },
}

/// A run that was removed from the store.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Archived {
    /// Look into this archive instead of the store.
    #[arg(long, value_name = "DIR")]
    pub(super) archive: Option<PathBuf>,
    /// Of several runs under the id this one, not the last.
    #[arg(long, value_name = "RUN-ID", requires = "archive")]
    pub(super) run: Option<uuid::Uuid>,
}

impl Remote {
    /// The archive that is asked, if it is one.
    pub(super) fn archive(&self) -> Option<&Path> {
        match self {
            Self::List { archive, .. } => archive.as_deref(),
            Self::Show { which, .. }
            | Self::History { which, .. }
            | Self::Export { which, .. }
            | Self::Result { which, .. } => which.archive.as_deref(),
            _ => None,
        }
    }

    /// What is sent to the service.
    pub(super) fn request(&self) -> Result<Request, ServiceError> {
        Ok(match self.clone() {
            Self::Start { workflow, id, args } => {
                let args = args.iter().enumerate().map(|(i, arg)| json(&format!("argument {}", i + 1), arg));
                let args: Vec<Value> = args.collect::<Result<_, _>>()?;
                // No arguments are `()`, as serde sees it.
                let args = if args.is_empty() { Value::Null } else { Value::Array(args) };
                Request::Start { workflow, id, args }
            }
            Self::Signal { id, signal, payload, message_id } => {
                Request::Signal { id, signal, payload: json("the payload", &payload)?, message_id }
            }
            Self::Update { id, update, payload, message_id } => {
                Request::Update { id, update, payload: json("the request", &payload)?, message_id }
            }
            Self::Skip { id, reason } => Request::Skip { id, reason },
            Self::Cancel { id, reason } => Request::Cancel { id, reason },
            Self::Terminate { id, reason } => Request::Terminate { id, reason },
            Self::Retry { id } => Request::Retry { id },
            Self::Rebuild { id } => Request::Rebuild { id },
            Self::Remove { id } => Request::Remove { id },
            Self::Truncate { id } => Request::Truncate { id },
            Self::List { workflow, status, tag, limit, .. } => Request::List {
                workflow,
                status: status.as_deref().map(parse_status).transpose()?,
                tag: tag.as_deref().map(parse_tag).transpose()?,
                limit,
            },
            Self::Show { id, .. } => Request::Show { id },
            Self::History { id, .. } => Request::History { id },
            Self::Export { id, .. } => Request::Export { id },
            Self::Result { id, wait, .. } => Request::Result { id, wait },
            Self::Stats { records } => Request::Stats { records },
            Self::Snapshot { file } => Request::Snapshot { file: whole_path(&file)? },
        })
    }
}

fn json(what: &str, text: &str) -> Result<Value, ServiceError> {
    serde_json::from_str(text).map_err(|source| ServiceError::Json { what: what.into(), text: text.into(), source })
}

/// A path that means the same to the service, which may run in another directory.
fn whole_path(path: &Path) -> Result<PathBuf, ServiceError> {
    let unusable = |source| ServiceError::File { path: path.to_owned(), source };
    std::path::absolute(path).map_err(unusable)
}

pub(super) fn parse_status(text: &str) -> Result<Status, ServiceError> {
    Status::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
        let known = Status::ALL.map(Status::as_str).join(", ");
        ServiceError::Usage(format!("`{text}` is not a state; there are {known}"))
    })
}

pub(super) fn parse_tag(text: &str) -> Result<(String, String), ServiceError> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| ServiceError::Usage(format!("`{text}` is not a tag; write key=value")))?;
    Ok((key.into(), value.into()))
}
