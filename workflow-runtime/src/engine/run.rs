//! A handle of one instance.

use super::{
    checkpoint::{Checkpoint, State},
    client::{Engine, MaybeId},
    error::{ControlError, QueryError, RunError, SkipError, Unavailable},
    message::{Mail, Started},
    send::{AskUpdate, SendSignal},
    status::{self, RunStatus},
    stored::{self, Which},
};
use crate::{
    activity::bounds::Transport as _,
    journal::{
        encoding::{DecodeError, EncodeError},
        history::Entry,
        id::{RunId, WorkflowId},
        payload::Payload,
    },
    machine::{Closed, ErrOf, InlineWorkflow, OkOf, OpId, Signal, Update},
};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

pub use crate::machine::WorkflowFn;

/// A handle of an instance of the workflow `W`. It keeps its engine running.
pub struct Run<W> {
    engine: Engine,
    id: MaybeId,
    started: Option<Started>,
    /// Whatever followed it.
    only: Option<RunId>,
    workflow: PhantomData<fn() -> W>,
}

impl<W> Clone for Run<W> {
    fn clone(&self) -> Self {
        let Run { engine, id, started, only, .. } = self;
        Run { engine: engine.clone(), id: id.clone(), started: *started, only: *only, workflow: PhantomData }
    }
}

impl<W> std::fmt::Debug for Run<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<W: InlineWorkflow> Run<W> {
    /// Waits until the run has ended, and gives what it returned. A run that goes on as a new one has not ended.
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
        Run { engine, id, started, only: None, workflow: PhantomData }
    }

    /// True if the call that made this handle started the instance. False if the call had to be made again, because the worker
    /// of the instance was replaced meanwhile, and the first time was the one that started it.
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

    /// The id of the run, if this handle comes from a start, or is for one run.
    pub fn run_id(&self) -> Option<RunId> {
        self.only.or(self.started.map(|s| s.run))
    }

    /// A handle of one run under this id, also if others have followed it: what it reads and waits for is that run's.
    /// What it sends goes to the present run.
    #[must_use]
    pub fn of_run(&self, run: RunId) -> Self {
        Run { only: Some(run), ..self.clone() }
    }

    /// A handle of the one run that this handle stands for now, as [`of_run`](Self::of_run): its result does not follow
    /// `continue_as_new!`, which it tells as [`RunError::ContinuedAsNew`].
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn pinned(&self) -> Result<Self, QueryError> {
        let run = match self.only {
            Some(run) => run,
            None => self.existing(&self.id.clone()?).await?.run,
        };
        Ok(self.of_run(run))
    }

    /// Waits until the run has ended.
    pub(super) async fn ended<E>(&self) -> Result<(WorkflowId, Checkpoint), RunError<E>> {
        let id = self.id.clone().map_err(RunError::InvalidId)?;
        let shared = &self.engine.inner.shared;
        shared.health.alive()?;
        loop {
            let (reply, ended) = tokio::sync::oneshot::channel();
            let sent = shared.watch.sending(shared.worker_of(&id));
            let chain = self.started.filter(|_| self.only.is_none()).map(|s| s.chain);
            self.engine.inner.send(&id, Mail::Watch { chain, reply });
            // The one run that this is the handle of may have been followed by another, which nobody waits for here.
            if self.only.is_some()
                && let Some(c) = self.stored_end(&id).await?
            {
                return Ok((id, c));
            }
            // Answered at once if the run has ended or does not exist.
            let ended = tokio::select! {
                biased;
                told = ended => told.unwrap_or_else(|_| Err(shared.health.unanswered())),
                down = shared.health.down() => Err(down),
                // Its next worker is asked.
                () = shared.watch.replaced(&sent) => Ok(None),
            }?;
            match ended.filter(|c| self.only.is_none_or(|run| run == c.run)) {
                Some(c) => return Ok((id, *c)),
                None => {
                    if let Some(c) = self.stored_end(&id).await? {
                        return Ok((id, c));
                    }
                    // It was seen between two of its lives.
                }
            }
        }
    }

    /// How the run has ended, if it has and the store says so.
    async fn stored_end<E>(&self, id: &WorkflowId) -> Result<Option<Checkpoint>, RunError<E>> {
        match self.stored(id).await? {
            None => Err(RunError::NotFound { workflow_id: id.to_string() }),
            Some(c) => Ok(Some(c).filter(Checkpoint::is_closed)),
        }
    }

    /// What is stored of the run that this handle is for: of the one that it has started or attached to, and of what that
    /// goes on as; without one, of the newest.
    async fn stored(&self, id: &WorkflowId) -> Result<Option<Checkpoint>, Unavailable> {
        let which = match (self.only, self.started) {
            (Some(run), _) => Which::Run(run),
            (None, Some(Started { run, chain, .. })) => Which::Chain { run, chain },
            (None, None) => Which::Newest,
        };
        stored::find(&self.engine.inner.shared, id, which).await
    }

    /// Sends a signal. It is durable when the await returns, and is received in the order in which signals of this name came.
    ///
    /// ```standalone_crate
    /// # use workflow_runtime::{prelude::*, testing::TestEngine};
    /// const PAID: Signal<u32> = Signal::new("paid");
    /// # #[workflow] async fn wait() -> Result<u32, Cancelled> { PAID.recv().await }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = TestEngine::new().await?;
    /// # let run = engine.start("w", wait()).await?;
    /// run.signal(&PAID, 5).id("payment-123").await?;
    /// // Not sure whether it has arrived? Once more; the workflow gets it once.
    /// run.signal(&PAID, 5).id("payment-123").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SignalError::NotFound`](super::SignalError::NotFound), [`SignalError::Closed`](super::SignalError::Closed): nobody
    /// can receive it.
    pub fn signal<T: Serialize>(&self, signal: &Signal<T>, value: T) -> SendSignal {
        self.send(signal.name(), Payload::encode(&value))
    }

    /// Sends a signal whose payload is encoded already, or whose type is not known here. See [`Run::signal`].
    ///
    /// One that the workflow cannot decode is set aside when the workflow would receive it, with an event in its history.
    ///
    /// # Errors
    ///
    /// As [`Run::signal`].
    pub fn signal_payload(&self, name: &str, payload: Payload) -> SendSignal {
        self.send(name, Ok(payload))
    }

    fn send(&self, name: &str, payload: Result<Payload, EncodeError>) -> SendSignal {
        SendSignal { engine: self.engine.clone(), to: self.id.clone(), name: name.into(), payload, id: None }
    }

    /// Asks the workflow for something, and waits for its response. The request is durable before the workflow sees it, and
    /// the response before the client does.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Rejected`](super::UpdateError::Rejected): the workflow said no;
    /// [`UpdateError::Unanswered`](super::UpdateError::Unanswered): it ended and said nothing; and others.
    pub fn update<Req: Serialize, Resp>(&self, update: &Update<Req, Resp>, request: Req) -> AskUpdate<Resp> {
        let (name, request) = (update.name().into(), Payload::encode(&request));
        let (engine, to) = (self.engine.clone(), self.id.clone());
        AskUpdate { engine, to, name, request, id: None, response: PhantomData }
    }

    /// Asks with a request that is encoded already, or whose type is not known here. See [`Run::update`].
    ///
    /// # Errors
    ///
    /// As [`Run::update`].
    pub fn update_payload(&self, name: &str, request: Payload) -> AskUpdate<serde_json::Value> {
        let (engine, to) = (self.engine.clone(), self.id.clone());
        AskUpdate { engine, to, name: name.into(), request: Ok(request), id: None, response: PhantomData }
    }

    /// The local `name` of the workflow where it waits, as JSON; of a helper if the workflow itself has none of this name.
    /// Reads the store; the run is not disturbed.
    ///
    /// None: there is no such local, or it is not needed any more and so is not stored.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn local(&self, name: &str) -> Result<Option<serde_json::Value>, QueryError> {
        Ok(self.local_payload(name).await?.map(|p| p.to_json()))
    }

    /// [`local`](Self::local) as a value.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, it cannot be read, or the local is of another type.
    pub async fn local_as<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, QueryError> {
        let payload = self.local_payload(name).await?;
        let undecodable = |source| self.undecodable(format!("local `{name}`"), source);
        payload.map(|p| p.decode().map_err(undecodable)).transpose()
    }

    async fn local_payload(&self, name: &str) -> Result<Option<Payload>, QueryError> {
        let id = self.id.clone()?;
        let c = self.existing(&id).await?;
        status::local(&self.engine.inner.shared, &id, &c, name).await
    }

    /// What the workflow passed to `set_status` last, as a value.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, it cannot be read, or the status is of another type.
    pub async fn status_as<S: DeserializeOwned>(&self) -> Result<Option<S>, QueryError> {
        let c = self.existing(&self.id.clone()?).await?;
        let undecodable = |source| self.undecodable("status".into(), source);
        c.status.map(|p| p.decode().map_err(undecodable)).transpose()
    }

    fn undecodable(&self, what: String, source: DecodeError) -> QueryError {
        QueryError::Undecodable { workflow_id: self.id().into(), what, source }
    }

    async fn existing(&self, id: &WorkflowId) -> Result<Checkpoint, QueryError> {
        self.engine.inner.shared.health.alive()?;
        self.stored(id).await?.ok_or_else(|| QueryError::NotFound { workflow_id: id.to_string() })
    }

    /// Where the run is and why it waits. Reads the store; the run is not disturbed.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn status(&self) -> Result<RunStatus, QueryError> {
        let id = self.id.clone()?;
        let c = self.existing(&id).await?;
        status::status(&self.engine.inner.shared, &id, c).await
    }

    /// Everything that happened to the run, or since its history was [truncated](Self::truncate_history). Reads the store.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: there is no such run, or it cannot be read.
    pub async fn history(&self) -> Result<Vec<Entry>, QueryError> {
        let mut all = vec![];
        let mut from = 0;
        loop {
            let page = self.history_page(from, 1024).await?;
            let last = page.len() < 1024;
            from = page.last().map_or(from, |entry| entry.seq + 1);
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
        let id = self.id.clone()?;
        let c = self.existing(&id).await?;
        status::history(&self.engine.inner.shared, &id, c.run, from.max(c.truncated), limit).await
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
    /// Also a run whose checkpoint is damaged (`WE092`), unless [`rebuild`](Self::rebuild) is to let it go on: it is ended with what its other records say, its parent is told, and
    /// its history stays. One that had ended has its result again, and this is [`ControlError::Closed`].
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

    /// Removes the history of a run that goes on, and tells how many entries. With an archive they are written there first.
    ///
    /// A new segment of the history begins with a full checkpoint of the run: [`verify`](Self::verify) begins with it, and the numbers of
    /// entries go on. The run notices nothing. It is durable on return.
    ///
    /// # Errors
    ///
    /// [`ControlError::InTheWay`]: not now: a group of operations is under way, or what waits in its inbox, or what it holds, is too much to be written
    /// down once more.
    pub async fn truncate_history(&self) -> Result<u64, ControlError> {
        let id = self.id.clone()?;
        self.engine.inner.ask(&id, |reply| Mail::Truncate { reply }).await.unwrap_or_else(|e| Err(e.into()))
    }

    /// Removes what has ended now, and not when its retention is over: all runs under the id, with their histories and results.
    /// With an archive they are written there first.
    ///
    /// It is decided durably on return, and done at once, or by the next engine. What it has to tell other instances is told before.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotClosed`]: it has not ended.
    pub async fn remove(&self) -> Result<(), ControlError> {
        self.control(|reply| Mail::Remove { reply }).await
    }

    /// Leaves the compensation undone that runs now, and goes on with the next one. The decision and its reason stand in the
    /// history, and are durable on return.
    ///
    /// For a compensation that fails for days: see `compensating` in the [`status`](Self::status). Its attempt that
    /// runs is asked to stop; what it has done by then is done.
    ///
    /// # Errors
    ///
    /// [`SkipError`]: no compensation runs; or several do (`saga::parallel()`), then say which with
    /// [`skip_compensation_of`](Self::skip_compensation_of).
    pub async fn skip_compensation(&self, reason: impl Into<String>) -> Result<(), SkipError> {
        self.skip(None, reason.into()).await
    }

    /// [`skip_compensation`](Self::skip_compensation) of one that runs, by the number of its operation. Asking again
    /// does not skip another one.
    ///
    /// # Errors
    ///
    /// [`SkipError`]: no such compensation runs.
    pub async fn skip_compensation_of(&self, op: OpId, reason: impl Into<String>) -> Result<(), SkipError> {
        self.skip(Some(op), reason.into()).await
    }

    async fn skip(&self, op: Option<OpId>, reason: String) -> Result<(), SkipError> {
        let id = self.id.clone()?;
        self.engine.inner.ask(&id, |reply| Mail::Skip { op, reason, reply }).await.unwrap_or_else(|e| Err(e.into()))
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
fn outcome<W: InlineWorkflow>(id: &WorkflowId, c: Checkpoint) -> Result<OkOf<W>, RunError<ErrOf<W>>> {
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
        State::TimedOut { after } => Err(RunError::TimedOut { workflow_id, after }),
        State::Continued { next } => Err(RunError::ContinuedAsNew { workflow_id, next }),
        State::Running | State::Blocked(_) => Err(RunError::NotFound { workflow_id }),
    }
}
