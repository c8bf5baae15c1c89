//! What a client sends to an instance: signals, and updates with their answers.

use super::{
    client::{Engine, MaybeId},
    error::{SignalError, Unavailable, UpdateError},
    message::Mail,
    start::outgoing,
    watch::Sent,
};
use crate::journal::{
    encoding::EncodeError,
    id::{self, InvalidId},
    payload::Payload,
};
use serde::de::DeserializeOwned;
use std::{
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
};
use tokio::sync::oneshot;

/// A signal on its way, made by [`Run::signal`](super::Run::signal). Await it.
#[must_use = "nothing is sent before this is awaited"]
pub struct SendSignal {
    pub(super) engine: Engine,
    pub(super) to: MaybeId,
    pub(super) name: String,
    pub(super) payload: Result<Payload, EncodeError>,
    pub(super) id: Option<String>,
}

impl SendSignal {
    /// Names the signal: a second one of this name with this id is acknowledged and ignored, for as long as the instance
    /// and the runs that it continues as exist.
    ///
    /// A client that does not know whether its signal has arrived sends it again with the same id.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    async fn send(self) -> Result<(), SignalError> {
        let SendSignal { engine, to, name, payload, id } = self;
        let to = to?;
        let mut signal = outgoing(&to, name, payload, id, engine.inner.shared.settings.payload_limit)?;
        loop {
            engine.inner.shared.admit()?;
            // A second one with the same id changes nothing.
            let again = signal.id.is_some().then(|| signal.clone());
            let asked = engine.inner.ask(&to, |reply| Mail::Signal { signal, reply }).await;
            match (asked, again) {
                (Err(Unavailable::Replaced), Some(again)) => signal = again,
                (asked, _) => return asked.unwrap_or_else(|e| Err(e.into())),
            }
        }
    }
}

impl IntoFuture for SendSignal {
    type Output = Result<(), SignalError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Cancel safety
    ///
    /// The signal may or may not be sent if the future is dropped.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// An update on its way, made by [`Run::update`](super::Run::update). Await it.
#[must_use = "nothing is sent before this is awaited"]
pub struct AskUpdate<Resp> {
    pub(super) engine: Engine,
    pub(super) to: MaybeId,
    pub(super) name: String,
    pub(super) request: Result<Payload, EncodeError>,
    pub(super) id: Option<String>,
    pub(super) response: PhantomData<fn() -> Resp>,
}

impl<Resp: DeserializeOwned> AskUpdate<Resp> {
    /// Names the request: the workflow gets it once, and its answer is kept for as long as the instance and the runs that
    /// it continues as exist.
    ///
    /// A client that asks again with the same id, also after a restart, gets the answer to the first request.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    async fn send(self) -> Result<Resp, UpdateError> {
        let AskUpdate { engine, to, name, request, id, .. } = self;
        let (to, inner) = (to?, &engine.inner);
        inner.shared.admit()?;
        let request = asked(to.as_str(), &name, request, id.as_deref(), inner.shared.settings.payload_limit)?;
        loop {
            let (reply, answer) = oneshot::channel();
            let sent = inner.shared.watch.sending(inner.shared.worker_of(&to));
            let (update, request, id) = (name.clone(), request.clone(), id.clone());
            // One that was taken with the same id is not taken twice.
            let repeats = id.is_some();
            inner.send(&to, Mail::Update { name: update, request, id, reply });
            match answered(&engine, to.as_str(), &name, answer, sent).await {
                Err(UpdateError::Unavailable(Unavailable::Replaced)) if repeats => {}
                answer => return answer,
            }
        }
    }
}

impl<Resp: DeserializeOwned + 'static> IntoFuture for AskUpdate<Resp> {
    type Output = Result<Resp, UpdateError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Cancel safety
    ///
    /// The request may or may not be taken if the future is dropped; one that was taken is answered all the same. Ask again
    /// with the same id for the answer.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A request whose size and names have been looked at.
pub(super) fn asked(
    workflow_id: &str,
    update: &str,
    request: Result<Payload, EncodeError>,
    message_id: Option<&str>,
    limit: usize,
) -> Result<Payload, UpdateError> {
    checked_name("name of an update", update, message_id)?;
    let (workflow_id, update) = (workflow_id.to_owned(), update.to_owned());
    match request {
        Err(source) => Err(UpdateError::Unencodable { workflow_id, update, source }),
        Ok(request) if request.len() > limit => {
            Err(UpdateError::TooLarge { workflow_id, update, bytes: request.len(), limit })
        }
        Ok(request) => Ok(request),
    }
}

/// Waits for an answer, for as long as there is an engine that can give it.
pub(super) async fn answered<Resp: DeserializeOwned>(
    engine: &Engine,
    workflow_id: &str,
    update: &str,
    answer: oneshot::Receiver<Result<Payload, UpdateError>>,
    sent: Sent,
) -> Result<Resp, UpdateError> {
    let health = &engine.inner.shared.health;
    let answer = tokio::select! {
        biased;
        answer = answer => answer.unwrap_or_else(|_| Err(health.unanswered().into())),
        down = health.down() => Err(down.into()),
        () = engine.inner.shared.watch.replaced(&sent) => Err(health.lost_worker().into()),
    }?;
    answer.decode().map_err(|source| UpdateError::Undecodable {
        workflow_id: workflow_id.into(),
        update: update.into(),
        source,
    })
}

/// Names become parts of keys.
pub(super) fn checked_name(what: &'static str, name: &str, message_id: Option<&str>) -> Result<(), InvalidId> {
    id::check(what, name)?;
    message_id.map_or(Ok(()), |given| id::check("id of a message", given))
}
