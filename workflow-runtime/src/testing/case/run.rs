//! A handle of one instance in a test.

use super::handle::Test;
use crate::{
    engine::{ControlError, QueryError, Run, RunError, RunStatus},
    journal::{
        history::{Entry, Event},
        payload::Payload,
    },
    machine::{ErrOf, OkOf, Signal, Workflow},
    testing::engine::place,
};
use serde::Serialize;
use std::{fmt, marker::PhantomData, panic::Location};

/// An instance of the workflow `W` in a [`Test`].
pub struct TestRun<W> {
    test: Test,
    id: String,
    workflow: PhantomData<fn() -> W>,
}

impl<W> Clone for TestRun<W> {
    fn clone(&self) -> Self {
        TestRun { test: self.test.clone(), id: self.id.clone(), workflow: PhantomData }
    }
}

impl<W: Workflow> fmt::Debug for TestRun<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRun").field("workflow", &W::NAME).field("id", &self.id).finish_non_exhaustive()
    }
}

impl<W: Workflow> TestRun<W> {
    pub(super) fn new(test: Test, id: String) -> Self {
        TestRun { test, id, workflow: PhantomData }
    }

    /// The id of the instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Lets time run ahead until the run has ended, and gives what it returned, also after it was cancelled.
    ///
    /// # Errors
    ///
    /// The error that the workflow returned.
    ///
    /// # Panics
    ///
    /// If the run ended in another way, or waits for something that never comes.
    #[track_caller]
    pub fn result(&self) -> impl Future<Output = Result<OkOf<W>, ErrOf<W>>> + '_ {
        let outcome = self.outcome();
        let caller = Location::caller();
        async move {
            match outcome.await {
                Ok(value) => Ok(value),
                Err(RunError::Failed(e) | RunError::Cancelled { error: e, .. }) => Err(e),
                Err(RunError::Terminated { reason, .. }) => panic!("{caller}: `{}` was terminated: {reason}", self.id),
                Err(e) => panic!("{caller}: `{}` gave no result: {}", self.id, e.code()),
            }
        }
    }

    /// Lets time run ahead until the run has ended, and tells how.
    ///
    /// # Errors
    ///
    /// As [`Run::result`].
    ///
    /// # Panics
    ///
    /// If the run waits for something that never comes.
    #[track_caller]
    pub fn outcome(&self) -> impl Future<Output = Result<OkOf<W>, RunError<ErrOf<W>>>> + '_ {
        let caller = Location::caller();
        async move {
            loop {
                let process = self.test.0.process().await;
                let run: Run<W> = process.engine().handle(&self.id);
                let ended = run.result();
                tokio::pin!(ended);
                let outcome = loop {
                    tokio::select! {
                        biased;
                        outcome = &mut ended => break outcome,
                        went_on = self.test.0.go_on() => if !went_on && !process.is_dead() {
                            self.stuck(caller, "has no result", true).await;
                        },
                    }
                };
                self.test.0.check();
                if !(process.is_dead() && matches!(outcome, Err(RunError::Unavailable(_)))) {
                    self.test.0.settle().await;
                    return outcome;
                }
            }
        }
    }

    /// Nothing is due: the test would wait for ever, unless the run has just ended.
    async fn stuck(&self, caller: &Location<'_>, what: &str, may_have_ended: bool) {
        match self.status_or_error().await {
            Ok(status) if may_have_ended && status.state.is_closed() => tokio::task::yield_now().await,
            Ok(status) => {
                let due = "and nothing is due: send what it waits for, or mock what does not end";
                panic!("{caller}: `{}` {what}: it {}, {due}", self.id, place(&status))
            }
            // Told by who waits.
            Err(_) => tokio::task::yield_now().await,
        }
    }

    async fn status_or_error(&self) -> Result<RunStatus, QueryError> {
        self.test.call(async |engine| engine.handle::<W>(&self.id).status().await).await
    }

    /// Where the run is and why it waits.
    ///
    /// # Panics
    ///
    /// If there is no such run.
    #[track_caller]
    pub fn status(&self) -> impl Future<Output = RunStatus> + '_ {
        let caller = Location::caller();
        async move { self.status_or_error().await.unwrap_or_else(|e| panic!("{caller}: `{}` has no status: {e}", self.id)) }
    }

    /// Everything that happened to the run. A crash adds notes to it.
    ///
    /// # Panics
    ///
    /// If there is no such run.
    #[track_caller]
    pub fn history(&self) -> impl Future<Output = Vec<Entry>> + '_ {
        let caller = Location::caller();
        async move {
            let history = self.test.call(async |engine| engine.handle::<W>(&self.id).history().await).await;
            history.unwrap_or_else(|e| panic!("{caller}: `{}` has no history: {e}", self.id))
        }
    }

    /// Lets time run ahead until the run waits at the suspension point with this label.
    ///
    /// # Panics
    ///
    /// If the run ends before, or waits for something that never comes.
    #[track_caller]
    pub fn wait_until_at<'a>(&'a self, point: &'a str) -> impl Future<Output = RunStatus> + 'a {
        let caller = Location::caller();
        async move {
            loop {
                self.test.0.settle().await;
                let status = self.status().await;
                if status.point.as_deref() == Some(point) {
                    return status;
                }
                let id = &self.id;
                assert!(
                    !status.state.is_closed(),
                    "{caller}: `{id}` ended before it waited at `{point}`: it {}",
                    place(&status)
                );
                if !self.test.0.go_on().await {
                    self.stuck(caller, &format!("never waits at `{point}`"), false).await;
                }
            }
        }
    }

    /// How many events of the history are these.
    async fn count(&self, run: &Run<W>, is: impl Fn(&Event) -> bool) -> Option<usize> {
        let history = run.history().await.ok()?;
        Some(history.iter().flat_map(|e| &e.events).filter(|e| is(e)).count())
    }

    /// Sends a signal, and lets the run do what it can do at this time. A crash neither loses nor doubles it.
    ///
    /// # Panics
    ///
    /// If nobody can receive it.
    #[track_caller]
    pub fn signal<T: Serialize>(&self, signal: &Signal<T>, value: T) -> impl Future<Output = ()> + '_ {
        let (name, payload, caller) = (signal.name(), Payload::encode(&value), Location::caller());
        async move {
            let _alone = self.test.0.sending.lock().await;
            let payload = payload.unwrap_or_else(|e| panic!("{caller}: the signal `{name}` cannot be sent: {e}"));
            let received = |e: &Event| matches!(e, Event::SignalReceived { name: n, .. } if n == name);
            let before = std::cell::Cell::new(None);
            let sent = self.test.call(async |engine| {
                let run: Run<W> = engine.handle(&self.id);
                let there = self.count(&run, received).await;
                match (before.get(), there) {
                    (Some(before), Some(there)) if there > before => return Ok(()),
                    (None, there) => before.set(there),
                    _ => {}
                }
                run.signal_payload(name, payload.clone()).await
            });
            if let Err(e) = sent.await {
                panic!("{caller}: the signal `{name}` was not taken: {e}");
            }
        }
    }

    /// Asks the run to stop, and lets it do what it can do at this time.
    ///
    /// # Panics
    ///
    /// If there is no such run, or it has ended.
    #[track_caller]
    pub fn cancel(&self, reason: impl Into<String>) -> impl Future<Output = ()> + '_ {
        let (reason, caller) = (reason.into(), Location::caller());
        async move {
            let asked = |e: &Event| matches!(e, Event::CancelRequested { .. });
            let done = self.control(async |run| run.cancel(reason.as_str()).await, asked).await;
            if let Err(e) = done {
                panic!("{caller}: `{}` was not cancelled: {e}", self.id);
            }
        }
    }

    /// Ends the run as it stands.
    ///
    /// # Panics
    ///
    /// If there is no such run, or it has ended.
    #[track_caller]
    pub fn terminate(&self, reason: impl Into<String>) -> impl Future<Output = ()> + '_ {
        let (reason, caller) = (reason.into(), Location::caller());
        async move {
            let ended = |e: &Event| matches!(e, Event::Closed(crate::journal::history::Outcome::Terminated { .. }));
            let done = self.control(async |run| run.terminate(reason.as_str()).await, ended).await;
            if let Err(e) = done {
                panic!("{caller}: `{}` was not terminated: {e}", self.id);
            }
        }
    }

    /// Something that is done once, unless its event says that it was done before a crash.
    async fn control(
        &self,
        f: impl AsyncFn(&Run<W>) -> Result<(), ControlError>,
        is: impl Fn(&Event) -> bool,
    ) -> Result<(), ControlError> {
        let tried = std::cell::Cell::new(false);
        let done = self.test.call(async |engine| {
            let run: Run<W> = engine.handle(&self.id);
            if tried.replace(true) && self.count(&run, &is).await.is_some_and(|n| n > 0) {
                return Ok(());
            }
            f(&run).await
        });
        done.await
    }
}
