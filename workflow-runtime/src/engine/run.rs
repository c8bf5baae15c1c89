//! A handle of one instance.

use super::{
    checkpoint::{Checkpoint, State},
    client::{Engine, MaybeId},
    error::{ControlError, QueryError, RunError, SignalError},
    instance::Instance,
    message::{Mail, Started},
    status::{self, RunStatus},
};
use crate::{
    activity::bounds::Transport as _,
    journal::{
        history::Entry,
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Closed, ErrOf, OkOf, Signal, Workflow},
};
use serde::Serialize;
use std::marker::PhantomData;

pub use crate::machine::WorkflowFn;

/// A handle of an instance of the workflow `W`. It keeps its engine running.
pub struct Run<W> {
    engine: Engine,
    id: MaybeId,
    started: Option<Started>,
    workflow: PhantomData<fn() -> W>,
}

impl<W> Clone for Run<W> {
    fn clone(&self) -> Self {
        let Run { engine, id, started, .. } = self;
        Run { engine: engine.clone(), id: id.clone(), started: *started, workflow: PhantomData }
    }
}

impl<W> std::fmt::Debug for Run<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<W: Workflow> Run<W> {
    /// Waits until the run has ended, and gives what it returned.
    ///
    /// # Errors
    ///
    /// [`RunError`]: it ended in another way, there is no such run, or the engine ended first.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again.
    pub async fn result(&self) -> Result<OkOf<W>, RunError<ErrOf<W>>> {
        let (id, c) = self.ended().await?;
        outcome::<W>(&id, c)
    }
}

impl<W> Run<W> {
    pub(super) fn new(engine: Engine, id: MaybeId, started: Option<Started>) -> Self {
        Run { engine, id, started, workflow: PhantomData }
    }

    /// True if the call that made this handle started the instance.
    pub fn is_new(&self) -> bool {
        self.started.is_some_and(|s| s.is_new)
    }

    /// The id of the instance, as it was given.
    pub fn id(&self) -> &str {
        self.id.as_ref().map_or("", WorkflowId::as_str)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn workflow_id(&self) -> MaybeId {
        self.id.clone()
    }

    /// The id of the run, if this handle comes from a start.
    pub fn run_id(&self) -> Option<RunId> {
        self.started.map(|s| s.run)
    }

    /// Waits until the run has ended.
    pub(super) async fn ended<E>(&self) -> Result<(WorkflowId, Checkpoint), RunError<E>> {
        let id = self.id.clone().map_err(RunError::InvalidId)?;
        let shared = &self.engine.inner.shared;
        shared.health.alive()?;
        loop {
            let (reply, ended) = tokio::sync::oneshot::channel();
            self.engine.inner.send(&id, Mail::Watch { reply });
            // Answered at once if the run has ended or does not exist.
            tokio::select! {
                biased;
                told = ended => match told {
                    Ok(told) => told?,
                    Err(_) => return Err(shared.health.unanswered().into()),
                },
                down = shared.health.down() => return Err(down.into()),
            }
            let instance = Instance::load(shared, id.clone()).await?;
            match instance.checkpoint {
                None => return Err(RunError::NotFound { workflow_id: id.to_string() }),
                Some(c) if c.is_closed() => return Ok((id, c)),
                // It was seen between two of its lives.
                Some(_) => {}
            }
        }
    }

    /// Sends a signal. It is durable on return, and is received in the order in which signals of this name came.
    ///
    /// # Errors
    ///
    /// [`SignalError::NotFound`], [`SignalError::Closed`]: nobody can receive it.
    ///
    /// # Cancel safety
    ///
    /// The signal may or may not be sent if the future is dropped.
    pub async fn signal<T: Serialize>(&self, signal: &Signal<T>, value: T) -> Result<(), SignalError> {
        let payload = Payload::encode(&value);
        self.send(signal.name(), payload).await
    }

    /// Sends a signal whose payload is encoded already, or whose type is not known here. See [`Run::signal`].
    ///
    /// # Errors
    ///
    /// As [`Run::signal`].
    pub async fn signal_payload(&self, name: &str, payload: Payload) -> Result<(), SignalError> {
        self.send(name, Ok(payload)).await
    }

    async fn send(
        &self,
        name: &str,
        payload: Result<Payload, crate::journal::encoding::EncodeError>,
    ) -> Result<(), SignalError> {
        let id = self.id.clone()?;
        let (workflow_id, signal) = (id.to_string(), name.to_owned());
        let payload = match payload {
            Ok(payload) => payload,
            Err(source) => return Err(SignalError::Unencodable { workflow_id, signal, source }),
        };
        let (bytes, limit) = (payload.len(), self.engine.inner.shared.settings.payload_limit);
        if bytes > limit {
            return Err(SignalError::TooLarge { workflow_id, signal, bytes, limit });
        }
        self.engine
            .inner
            .ask(&id, |reply| Mail::Signal { name: signal, payload, reply })
            .await
            .unwrap_or_else(|e| Err(e.into()))
    }

    /// Where the run is and why it waits. Reads the store; the run is not disturbed.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn status(&self) -> Result<RunStatus, QueryError> {
        status::status(&self.engine.inner.shared, self.id.clone()?).await
    }

    /// Everything that happened to the run. Reads the store.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn history(&self) -> Result<Vec<Entry>, QueryError> {
        let mut all = vec![];
        loop {
            let page = self.history_page(all.len() as u64, 1024).await?;
            let last = page.len() < 1024;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// At most `limit` entries of the history, from number `from` on.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn history_page(&self, from: u64, limit: usize) -> Result<Vec<Entry>, QueryError> {
        status::history(&self.engine.inner.shared, self.id.clone()?, from, limit).await
    }

    /// Asks the run to stop: everything that it waits for is cancelled, and it can still clean up. The request is
    /// durable on return; [`result`](Self::result) tells how the run ended. A second request changes nothing.
    ///
    /// # Errors
    ///
    /// [`ControlError`]: there is no such run, or it has ended.
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<(), ControlError> {
        let reason = reason.into();
        self.control(|reply| Mail::Cancel { reason, reply }).await
    }

    /// Ends the run as it stands, without a step of its own: nothing is cleaned up.
    ///
    /// # Errors
    ///
    /// [`ControlError`]: there is no such run, or it has ended.
    pub async fn terminate(&self, reason: impl Into<String>) -> Result<(), ControlError> {
        let reason = reason.into();
        self.control(|reply| Mail::Terminate { reason, reply }).await
    }

    /// Lets a blocked run try again.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotBlocked`]: it is not blocked.
    pub async fn retry(&self) -> Result<(), ControlError> {
        self.control(|reply| Mail::Retry { reply }).await
    }

    async fn control(
        &self,
        mail: impl FnOnce(super::message::Reply<(), ControlError>) -> Mail,
    ) -> Result<(), ControlError> {
        let id = self.id.clone()?;
        self.engine.inner.ask(&id, mail).await.unwrap_or_else(|e| Err(e.into()))
    }
}

/// What a run that has ended returned.
fn outcome<W: Workflow>(id: &WorkflowId, c: Checkpoint) -> Result<OkOf<W>, RunError<ErrOf<W>>> {
    let workflow_id = id.to_string();
    if c.workflow != W::NAME && !W::def().aliases.contains(&c.workflow.as_str()) {
        return Err(RunError::OtherWorkflow { workflow_id, existing: c.workflow, expected: W::NAME.into() });
    }
    let undecodable = |source| RunError::Undecodable { workflow_id: id.to_string(), source };
    match c.state {
        State::Closed(Closed::Completed(value)) => OkOf::<W>::load(&value).map_err(undecodable),
        State::Closed(Closed::Failed { error, .. }) => {
            Err(ErrOf::<W>::load(&error).map_or_else(undecodable, RunError::Failed))
        }
        State::Closed(Closed::Cancelled { reason, error }) => Err(ErrOf::<W>::load(&error)
            .map_or_else(undecodable, |error| RunError::Cancelled { workflow_id, reason, error })),
        State::Terminated { reason } => Err(RunError::Terminated { workflow_id, reason }),
        State::Running | State::Blocked(_) => Err(RunError::NotFound { workflow_id }),
    }
}
