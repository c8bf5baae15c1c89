//! Completing activities from outside, as callers see it.

use super::{
    client::Engine,
    error::CompleteError,
    message::{Mail, Named},
};
use crate::{
    activity::{Activity, ActivityDef, ActivityFn, CompletionToken, bounds::Transport as _},
    journal::{encoding::EncodeError, id::WorkflowId, payload::Payload},
};
use serde::Serialize;
use std::marker::PhantomData;

/// What somebody outside says about an activity.
pub(super) enum FromOutside {
    Value(Payload),
    Error(Payload),
    Cancelled,
}

/// What somebody outside who works on an activity is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// Somebody wants the activity to stop: complete it, fail it, or call [`Engine::confirm_cancelled`].
    pub cancel_requested: bool,
}

impl Engine {
    /// Gives an activity call its value, from outside of its body. The first completion wins, whether the body has
    /// deferred or still runs, and whatever the attempt. Durable on return.
    ///
    /// Where the function is at hand, [`activity`](Self::activity) has the compiler check the type.
    ///
    /// # Errors
    ///
    /// [`CompleteError`]: the activity has ended, or the value is not of its type. Nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// The activity may or may not be completed if the future is dropped.
    pub async fn complete(&self, token: &CompletionToken, value: impl Serialize) -> Result<(), CompleteError> {
        self.end(token, None, Payload::encode(&value).map(FromOutside::Value)).await
    }

    /// Ends an attempt in an error, from outside of its body: final, or retried, as if the body had returned it.
    ///
    /// # Errors
    ///
    /// [`CompleteError`]: the activity has ended, or the error is not of its type. Nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// The attempt may or may not be ended if the future is dropped.
    pub async fn fail(&self, token: &CompletionToken, error: impl Serialize) -> Result<(), CompleteError> {
        self.end(token, None, Payload::encode(&error).map(FromOutside::Error)).await
    }

    /// Says that what was asked to stop has stopped: the workflow gets `Cancelled`.
    ///
    /// # Errors
    ///
    /// [`CompleteError::NotCancelled`]: nobody has asked. Otherwise the activity has ended. Nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// The activity may or may not be ended if the future is dropped.
    pub async fn confirm_cancelled(&self, token: &CompletionToken) -> Result<(), CompleteError> {
        self.end(token, None, Ok(FromOutside::Cancelled)).await
    }

    /// Tells from outside that somebody works on an activity, and how far it is; and is told whether to stop.
    ///
    /// Cheap: it is written down at most once in each [`progress_interval`](super::EngineBuilder::progress_interval),
    /// and at a shutdown.
    ///
    /// # Errors
    ///
    /// [`CompleteError`]: the activity has ended: there is nothing left to work on.
    pub async fn heartbeat(
        &self,
        token: &CompletionToken,
        progress: impl Serialize,
    ) -> Result<Heartbeat, CompleteError> {
        self.beat(token, None, Payload::encode(&progress)).await
    }

    /// The call that `token` names, of the activity that the function `activity` is. Nothing is looked up until it is used.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use workflow_runtime::{prelude::*, testing::TestEngine};
    ///
    /// #[activity]
    /// async fn asked_outside(question: &str) -> Result<bool, WorkflowError> {
    ///     unreachable!("nobody asks {question} here")
    /// }
    ///
    /// async fn answered(engine: &Engine, token: &CompletionToken) -> Result<(), WorkflowError> {
    ///     Ok(engine.activity(asked_outside, token).complete(true).await?)
    /// }
    ///
    /// let engine = TestEngine::new().await?;
    /// let nobody = ActivityContext::for_test().completion_token();
    /// assert!(answered(&engine, &nobody).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn activity<Args, F: ActivityFn<Args>>(&self, activity: F, token: &CompletionToken) -> CalledActivity<F::Def> {
        let _ = activity;
        CalledActivity { engine: self.clone(), token: token.clone(), activity: PhantomData }
    }

    async fn end(
        &self,
        token: &CompletionToken,
        activity: Option<&'static ActivityDef>,
        with: Result<FromOutside, EncodeError>,
    ) -> Result<(), CompleteError> {
        let id = WorkflowId::new(token.workflow_id())?;
        let with = with.map_err(|source| unencodable(token, source))?;
        if let FromOutside::Value(payload) | FromOutside::Error(payload) = &with {
            self.check_size(token, payload)?;
        }
        let call = Named { run: token.run_id(), op: token.op(), activity };
        let asked = self.inner.ask(&id, |reply| Mail::Complete { call, with, reply }).await;
        asked.unwrap_or_else(|e| Err(e.into()))
    }

    async fn beat(
        &self,
        token: &CompletionToken,
        activity: Option<&'static ActivityDef>,
        progress: Result<Payload, EncodeError>,
    ) -> Result<Heartbeat, CompleteError> {
        let id = WorkflowId::new(token.workflow_id())?;
        let progress = progress.map_err(|source| unencodable(token, source))?;
        self.check_size(token, &progress)?;
        let call = Named { run: token.run_id(), op: token.op(), activity };
        let asked = self.inner.ask(&id, |reply| Mail::Beat { call, progress, reply }).await;
        asked.unwrap_or_else(|e| Err(e.into()))
    }

    fn check_size(&self, token: &CompletionToken, payload: &Payload) -> Result<(), CompleteError> {
        let (bytes, limit) = (payload.len(), self.inner.shared.settings.payload_limit);
        if bytes > limit {
            let (workflow_id, op) = (token.workflow_id().to_owned(), token.op());
            return Err(CompleteError::TooLarge { workflow_id, op, bytes, limit });
        }
        Ok(())
    }
}

fn unencodable(token: &CompletionToken, source: EncodeError) -> CompleteError {
    CompleteError::Unencodable { workflow_id: token.workflow_id().to_owned(), op: token.op(), source }
}

/// One call of the activity `A`, by its token. Made by [`Engine::activity`]; it keeps its engine running.
pub struct CalledActivity<A> {
    engine: Engine,
    token: CompletionToken,
    activity: PhantomData<fn() -> A>,
}

impl<A> Clone for CalledActivity<A> {
    fn clone(&self) -> Self {
        CalledActivity { engine: self.engine.clone(), token: self.token.clone(), activity: PhantomData }
    }
}

impl<A: Activity> std::fmt::Debug for CalledActivity<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CalledActivity").field("activity", &A::NAME).field("token", &self.token).finish_non_exhaustive()
    }
}

impl<A: Activity> CalledActivity<A> {
    /// The token.
    pub fn token(&self) -> &CompletionToken {
        &self.token
    }

    /// As [`Engine::complete`].
    ///
    /// # Errors
    ///
    /// As [`Engine::complete`], and [`CompleteError::OtherActivity`].
    pub async fn complete(&self, value: A::Ok) -> Result<(), CompleteError> {
        self.engine.end(&self.token, Some(A::def()), value.save().map(FromOutside::Value)).await
    }

    /// As [`Engine::fail`].
    ///
    /// # Errors
    ///
    /// As [`Engine::fail`], and [`CompleteError::OtherActivity`].
    pub async fn fail(&self, error: A::Err) -> Result<(), CompleteError> {
        self.engine.end(&self.token, Some(A::def()), error.save().map(FromOutside::Error)).await
    }

    /// As [`Engine::confirm_cancelled`].
    ///
    /// # Errors
    ///
    /// As [`Engine::confirm_cancelled`], and [`CompleteError::OtherActivity`].
    pub async fn confirm_cancelled(&self) -> Result<(), CompleteError> {
        self.engine.end(&self.token, Some(A::def()), Ok(FromOutside::Cancelled)).await
    }

    /// As [`Engine::heartbeat`].
    ///
    /// # Errors
    ///
    /// As [`Engine::heartbeat`], and [`CompleteError::OtherActivity`].
    pub async fn heartbeat<P: Serialize + ?Sized>(&self, progress: &P) -> Result<Heartbeat, CompleteError> {
        self.engine.beat(&self.token, Some(A::def()), Payload::encode(progress)).await
    }
}
