//! Instances whose workflow is known by name only: for tools.

use super::{
    checkpoint::State,
    client::Engine,
    error::{RunError, StartError, Unavailable},
    message::Mail,
    requests::StartRequest,
    run::Run,
};
use crate::{
    journal::{id::WorkflowId, payload::Payload},
    machine::Closed,
};

/// Stands for a workflow whose type is not known at compile time; see [`Engine::untyped`].
#[derive(Debug, Clone, Copy)]
pub enum Untyped {}

impl Engine {
    /// A handle of an instance of any workflow. Nothing is looked up until it is used.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use workflow_runtime::{Engine, MemoryStore};
    ///
    /// let engine = Engine::builder().store(MemoryStore::new()).build().await?;
    /// assert_eq!(engine.untyped("order-42").status().await.unwrap_err().code(), "WE050");
    /// # Ok(()) }
    /// ```
    pub fn untyped(&self, id: impl Into<String>) -> Run<Untyped> {
        Run::new(self.clone(), WorkflowId::new(id), None)
    }

    /// Starts an instance of the workflow that is registered under `workflow`, or attaches to it; see [`Engine::start`].
    ///
    /// `args` is the encoded tuple of the workflow's arguments. It is decoded once, so that what does not fit is refused
    /// here.
    ///
    /// # Errors
    ///
    /// As [`Engine::start`], and [`StartError::Undecodable`]: these are not the arguments of that workflow.
    pub async fn start_untyped(
        &self,
        workflow: &str,
        id: impl Into<String>,
        args: Payload,
    ) -> Result<Run<Untyped>, StartError> {
        let id = WorkflowId::new(id)?;
        let shared = &self.inner.shared;
        shared.admit()?;
        let workflow_id = || id.to_string();
        let Some(def) = shared.registry.workflow(workflow) else {
            return Err(StartError::UnknownWorkflow { workflow_id: workflow_id(), workflow: workflow.into() });
        };
        let (bytes, limit) = (args.len(), shared.settings.payload_limit);
        if bytes > limit {
            return Err(StartError::TooLarge { workflow_id: workflow_id(), bytes, limit });
        }
        (def.accepts)(&args).map_err(|source| StartError::Undecodable {
            workflow_id: workflow_id(),
            workflow: workflow.into(),
            source,
        })?;
        loop {
            let request = Box::new(StartRequest::new(def, args.clone()));
            match self.inner.ask(&id, |reply| Mail::Start { request, reply }).await {
                // A second start attaches.
                Err(Unavailable::Replaced) => {}
                asked => {
                    let started = asked.unwrap_or_else(|e| Err(e.into()))?;
                    return Ok(Run::new(self.clone(), Ok(id), Some(started)));
                }
            }
        }
    }
}

impl Run<Untyped> {
    /// Waits until the run has ended, and gives the encoding of what it returned.
    ///
    /// # Errors
    ///
    /// As for a typed handle; errors of the workflow are encoded.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again.
    pub async fn result(&self) -> Result<Payload, RunError<Payload>> {
        let (id, c) = self.ended().await?;
        let workflow_id = id.to_string();
        match c.state {
            State::Closed(Closed::Completed(value)) => Ok(value),
            State::Closed(Closed::Failed { error, .. }) => Err(RunError::Failed(error)),
            State::Closed(Closed::Cancelled { reason, error }) => {
                Err(RunError::Cancelled { workflow_id, reason, error })
            }
            State::Terminated { reason } => Err(RunError::Terminated { workflow_id, reason }),
            State::TimedOut { after } => Err(RunError::TimedOut { workflow_id, after }),
            State::Continued { next } => Err(RunError::ContinuedAsNew { workflow_id, next }),
            State::Running | State::Blocked(_) => Err(RunError::NotFound { workflow_id }),
        }
    }
}
