//! Starting a run: what a caller may ask for besides workflow and input.

use super::{
    client::Engine,
    error::{StartError, Unavailable, UpdateError},
    message::{Mail, Started},
    requests::{Begins, FirstUpdate, Outgoing, StartOptions, StartRequest},
    run::Run,
    send::checked_name,
    updates::Client,
};
use crate::{
    journal::{
        encoding::EncodeError,
        id::{self, WorkflowId},
        payload::Payload,
    },
    machine::{InlineWorkflow, Signal, Update, WorkflowCall},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    time::Duration,
};
use tokio::sync::oneshot;

/// What a start does when its id has been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum IdReuse {
    /// Attach, also to a run that has ended, if workflow and input are the same. Otherwise
    /// [`StartError::Conflict`].
    #[default]
    AttachOrConflict,
    /// Begin another run if the one before has ended, however it did. While it runs, as `AttachOrConflict`.
    AllowIfClosed,
    /// Begin another run if the one before has ended without a value. Otherwise as `AttachOrConflict`.
    AllowIfFailed,
    /// [`StartError::AlreadyExists`], whatever there is.
    Reject,
    /// Begin another run; one that has not ended is terminated in the same commit.
    TerminateRunning,
}

/// A start, made by [`Engine::start`]. Await it.
#[must_use = "nothing is started before this is awaited"]
pub struct Start<W> {
    engine: Engine,
    id: String,
    call: WorkflowCall<W>,
    options: StartOptions,
    signals: Vec<(String, Result<Payload, EncodeError>, Option<String>)>,
}

impl<W: InlineWorkflow> Start<W> {
    pub(super) fn new(engine: Engine, id: String, call: WorkflowCall<W>) -> Self {
        Start { engine, id, call, options: StartOptions::default(), signals: vec![] }
    }

    /// Puts the first step off by `d`. The run exists at once, as scheduled, and takes signals and updates.
    pub fn delay(mut self, d: Duration) -> Self {
        self.options.begins = Some(Begins::After(d));
        self
    }

    /// Puts the first step off until `at`. A time that has passed is no delay.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.options.begins = Some(Begins::At(at));
        self
    }

    /// Ends the run, and every run that it continues as, `d` after its first step is due: as it stands, without a step of
    /// its own, as [`Run::terminate`] does. [`Run::result`] is then [`RunError::TimedOut`](super::RunError::TimedOut).
    pub fn execution_timeout(mut self, d: Duration) -> Self {
        self.options.execution_timeout = Some(d);
        self
    }

    /// What happens if the id has been used. Default: [`IdReuse::AttachOrConflict`].
    pub fn reuse(mut self, reuse: IdReuse) -> Self {
        self.options.reuse = reuse;
        self
    }

    /// Puts a searchable tag on the run that begins.
    pub fn tag(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.options.tags.insert(key.into(), value.to_string());
        self
    }

    /// How long the run is kept once it has ended. Default: as the engine says. With next to nothing its result may be gone
    /// before it is asked for.
    pub fn retention(mut self, d: Duration) -> Self {
        self.options.retention = Some(Some(d));
        self
    }

    /// Keeps the run for ever.
    pub fn retention_forever(mut self) -> Self {
        self.options.retention = Some(None);
        self
    }

    /// Sends a signal along: if this starts a run, then in the commit that starts it. Signals arrive in the order of these
    /// calls. One that is sent along with a start that is made again arrives again; see
    /// [`signal_with_id`](Self::signal_with_id).
    pub fn signal<T: Serialize>(mut self, signal: &Signal<T>, value: T) -> Self {
        self.signals.push((signal.name().into(), Payload::encode(&value), None));
        self
    }

    /// [`signal`](Self::signal) with an id: a second one with this id changes nothing, however often the start is made.
    pub fn signal_with_id<T: Serialize>(mut self, signal: &Signal<T>, value: T, id: impl Into<String>) -> Self {
        self.signals.push((signal.name().into(), Payload::encode(&value), Some(id.into())));
        self
    }

    /// Asks for an update along with the start: if this starts a run, then in the commit that starts it. The await gives
    /// the run and, once the workflow has answered, its response.
    pub fn update<Req: Serialize, Resp>(self, update: &Update<Req, Resp>, request: Req) -> StartUpdate<W, Resp> {
        let request = Payload::encode(&request);
        StartUpdate { start: self, name: update.name().into(), request, id: None, response: PhantomData }
    }

    fn request(&self) -> Result<(WorkflowId, Box<StartRequest>), StartError> {
        let id = WorkflowId::new(self.id.clone())?;
        let shared = &self.engine.inner.shared;
        shared.admit()?;
        let limit = shared.settings.payload_limit;
        let unencodable = |source| StartError::Unencodable { workflow_id: id.to_string(), source };
        let input = self.call.clone().into_args().map_err(unencodable)?;
        if input.len() > limit {
            return Err(StartError::TooLarge { workflow_id: id.to_string(), bytes: input.len(), limit });
        }
        let Some(workflow) = shared.registry.workflow(W::NAME) else {
            return Err(StartError::UnknownWorkflow { workflow_id: id.to_string(), workflow: W::NAME.into() });
        };
        for (key, value) in &self.options.tags {
            id::check("tag", key)?;
            id::check_length("value of a tag", value)?;
        }
        let signals = self.signals.iter().cloned();
        let signals: Result<Vec<_>, _> = signals.map(|(name, p, i)| outgoing(&id, name, p, i, limit)).collect();
        let options = self.options.clone();
        Ok((id, Box::new(StartRequest { workflow, input, options, signals: signals?, update: None })))
    }

    async fn send(self, update: Option<FirstUpdate>) -> Result<Run<W>, StartError> {
        let (id, mut request) = self.request()?;
        let repeats = update.is_none() && self.repeats();
        request.update = update;
        loop {
            let asked = self.engine.inner.ask(&id, |reply| Mail::Start { request, reply }).await;
            match asked {
                Err(Unavailable::Replaced) if repeats => request = self.request()?.1,
                asked => {
                    let started: Started = asked.unwrap_or_else(|e| Err(e.into()))?;
                    return Ok(Run::new(self.engine, Ok(id), Some(started)));
                }
            }
        }
    }

    /// Whether starting a second time changes nothing.
    fn repeats(&self) -> bool {
        self.options.reuse == IdReuse::AttachOrConflict && self.signals.iter().all(|(.., id)| id.is_some())
    }
}

/// A signal whose size and names have been looked at.
pub(super) fn outgoing(
    id: &WorkflowId,
    name: String,
    payload: Result<Payload, EncodeError>,
    message_id: Option<String>,
    limit: usize,
) -> Result<Outgoing, super::SignalError> {
    use super::SignalError;
    checked_name("name of a signal", &name, message_id.as_deref())?;
    let (workflow_id, signal) = (id.to_string(), name.clone());
    if name.starts_with(crate::machine::CHANNEL) {
        return Err(SignalError::Reserved { workflow_id, signal });
    }
    let payload = match payload {
        Ok(payload) => payload,
        Err(source) => return Err(SignalError::Unencodable { workflow_id, signal, source }),
    };
    let bytes = payload.len();
    if bytes > limit {
        return Err(SignalError::TooLarge { workflow_id, signal, bytes, limit });
    }
    Ok(Outgoing { name, payload, id: message_id })
}

impl<W: InlineWorkflow> IntoFuture for Start<W> {
    type Output = Result<Run<W>, StartError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Cancel safety
    ///
    /// The instance may or may not be started if the future is dropped. Starting it again attaches.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send(None))
    }
}

/// A start with an update, made by [`Start::update`]. The await gives the run, and the response to the update.
#[must_use = "nothing is started before this is awaited"]
pub struct StartUpdate<W, Resp> {
    start: Start<W>,
    name: String,
    request: Result<Payload, EncodeError>,
    id: Option<String>,
    response: PhantomData<fn() -> Resp>,
}

impl<W: InlineWorkflow, Resp: DeserializeOwned> StartUpdate<W, Resp> {
    /// Names the request: however often the start is made, the workflow gets the request once, and its answer is kept.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    async fn send(self) -> Result<(Run<W>, Result<Resp, UpdateError>), StartError> {
        let StartUpdate { start, name, request, id, .. } = self;
        let (workflow_id, limit) = (start.id.clone(), start.engine.inner.shared.settings.payload_limit);
        let engine = start.engine.clone();
        let request = super::send::asked(&workflow_id, &name, request, id.as_deref(), limit).map_err(refused)?;
        let (client, answer): (Client, _) = oneshot::channel();
        let sent = WorkflowId::new(workflow_id.clone()).map(|id| {
            let shared = &engine.inner.shared;
            shared.watch.sending(shared.worker_of(&id))
        })?;
        let run = start.send(Some(FirstUpdate { name: name.clone(), request, id, client })).await?;
        let answer = super::send::answered(&engine, &workflow_id, &name, answer, sent).await;
        Ok((run, answer))
    }
}

/// A request that cannot even be sent: nothing was started.
fn refused(e: UpdateError) -> StartError {
    match e {
        UpdateError::InvalidId(e) => StartError::InvalidId(e),
        e => StartError::Update(Box::new(e)),
    }
}

impl<W: InlineWorkflow, Resp: DeserializeOwned + 'static> IntoFuture for StartUpdate<W, Resp> {
    type Output = Result<(Run<W>, Result<Resp, UpdateError>), StartError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Cancel safety
    ///
    /// The instance may or may not be started, and asked, if the future is dropped.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
