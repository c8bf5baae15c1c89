//! Attempts that begin, end and fail when the simulation says so.

use super::{
    tasks,
    world::{Inside, World},
};
use crate::{
    activity::{
        ActivityContext, Attempt, AttemptHandle, AttemptReport, AttemptRequest, Execute, OnDone, SendBoxFuture, States,
    },
    activity::{Beats, Stop, Timeout},
    machine::{panic_message, watch_panics},
    registry::Registry,
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

/// The attempts of all processes.
#[derive(Default)]
pub(super) struct Work {
    next: u64,
    attempts: Vec<Underway>,
}

struct Underway {
    id: u64,
    process: u64,
    request: AttemptRequest,
    on_done: OnDone,
    cancel: Stop,
    deadline: Option<Timestamp>,
    body: Arc<Mutex<Option<SendBoxFuture<Attempt>>>>,
    stage: Stage,
}

enum Stage {
    /// The engine has asked for it.
    Queued,
    Running,
    Ended(AttemptReport),
}

impl Underway {
    /// Whether something can become of it at this time.
    fn can_go_on(&self, now: Timestamp) -> bool {
        match self.stage {
            Stage::Queued | Stage::Ended(_) => true,
            Stage::Running => self.cancel.is_asked() || self.deadline.is_some_and(|d| d <= now),
        }
    }
}

impl Work {
    /// How many attempts something can become of.
    pub(super) fn can_go_on(&self, now: Timestamp) -> usize {
        self.attempts.iter().filter(|a| a.can_go_on(now)).count()
    }

    /// When the next attempt runs out of time.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let running = self.attempts.iter().filter(|a| matches!(a.stage, Stage::Running));
        running.filter_map(|a| a.deadline).min()
    }

    /// Whether an attempt runs that nobody and nothing will end.
    pub(super) fn hangs(&self) -> Option<&AttemptRequest> {
        let hangs = |a: &&Underway| matches!(a.stage, Stage::Running) && a.deadline.is_none();
        self.attempts.iter().find(hangs).map(|a| &a.request)
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.attempts.iter().position(|a| a.id == id)
    }

    /// Forgets the attempts of a process. To be dropped outside of the world's lock.
    pub(super) fn forget(&mut self, process: u64) -> Vec<impl Sized + use<>> {
        let (gone, kept) = std::mem::take(&mut self.attempts).into_iter().partition(|a| a.process == process);
        self.attempts = kept;
        gone
    }
}

/// What an attempt does next, to be done outside of the world's lock.
pub(super) enum Next {
    Begin {
        id: u64,
        process: u64,
        request: AttemptRequest,
        stop: Stop,
    },
    /// With what is left of the body.
    Report(OnDone, AttemptReport, Option<SendBoxFuture<Attempt>>),
}

impl Inside {
    /// Lets something become of one of the attempts.
    pub(super) fn next_of_attempts(&mut self) -> Option<Next> {
        let now = self.time.now;
        let n = self.rng.index(self.work.can_go_on(now));
        let found = self.work.attempts.iter().enumerate().filter(|(_, a)| a.can_go_on(now)).nth(n);
        let at = found.map(|(at, _)| at)?;
        let fails = self.rng.chance(self.odds.attempt);
        let injected = if fails { self.injected(at) } else { None };
        let a = &mut self.work.attempts[at];
        let report = match (&a.stage, injected) {
            (Stage::Queued, _) if a.cancel.is_asked() => AttemptReport::Cancelled,
            (Stage::Queued | Stage::Ended(_), Some(report)) => report,
            (Stage::Queued, None) => {
                a.stage = Stage::Running;
                a.deadline = a
                    .request
                    .options
                    .timeout
                    .map(|t| self.time.after(SignedDuration::try_from(t).unwrap_or(SignedDuration::MAX)));
                let (id, process, request) = (a.id, a.process, a.request.clone());
                let stop = a.cancel.clone();
                self.note(format_args!(
                    "p{process} attempt {} of {} begins",
                    request.attempt,
                    request.idempotency_key()
                ));
                self.checker.begins(process, &request);
                return Some(Next::Begin { id, process, request, stop });
            }
            (Stage::Running, _) if a.deadline.is_some_and(|d| d <= now) => AttemptReport::TimedOut(Timeout::Attempt),
            (Stage::Running, _) => AttemptReport::Cancelled,
            (Stage::Ended(_), None) => match std::mem::replace(&mut a.stage, Stage::Running) {
                Stage::Ended(report) => report,
                Stage::Queued | Stage::Running => return None,
            },
        };
        let a = self.work.attempts.remove(at);
        let body = a.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let key = a.request.idempotency_key();
        self.note(format_args!("p{} attempt {} of {key} ends: {}", a.process, a.request.attempt, told(&report)));
        self.checker.reported(&a.request, &report);
        Some(Next::Report(a.on_done, report, body))
    }

    /// A failure that is not the activity's own.
    fn injected(&mut self, at: usize) -> Option<AttemptReport> {
        let slow = self.rng.chance(500);
        let timeout = self.work.attempts[at].request.options.timeout;
        Some(match timeout {
            Some(_) if slow => AttemptReport::TimedOut(Timeout::Attempt),
            _ => AttemptReport::Panicked("the simulation made the attempt fail".into()),
        })
    }
}

fn told(report: &AttemptReport) -> String {
    match report {
        AttemptReport::Ok(v) => format!("ok {}", v.to_json()),
        AttemptReport::Err { error, .. } => format!("error {}", error.to_json()),
        AttemptReport::TimedOut(limit) => format!("timed out: {}", limit.as_str()),
        AttemptReport::Deferred => "deferred".into(),
        AttemptReport::Panicked(message) => format!("panicked: {message}"),
        AttemptReport::Cancelled => "cancelled".into(),
        AttemptReport::Undecodable(e) => format!("undecodable: {e}"),
        AttemptReport::Unencodable(e) => format!("unencodable: {e}"),
        AttemptReport::UnknownActivity => "unknown activity".into(),
    }
}

/// Runs the attempts of one process.
pub(super) struct SimExecutor {
    pub(super) world: World,
    pub(super) process: u64,
}

#[async_trait]
impl Execute for SimExecutor {
    fn run(&self, request: AttemptRequest, on_done: OnDone) -> AttemptHandle {
        let mut world = self.world.lock();
        let process = self.process;
        let key = request.idempotency_key();
        let what = format!("{}{}", request.name, request.args.to_json());
        world.note(format_args!("p{process} starts attempt {} of {key}: {what}", request.attempt));
        world.checker.starts(process, &request);
        let id = world.work.next;
        world.work.next += 1;
        let cancel = Stop::default();
        let stage = Stage::Queued;
        let attempt = Underway { id, process, request, on_done, cancel, deadline: None, body: Arc::default(), stage };
        world.work.attempts.push(attempt);
        let asked = self.world.clone();
        AttemptHandle::new(move || {
            let world = asked.lock();
            if let Some(at) = world.work.place(id) {
                world.work.attempts[at].cancel.ask();
            }
        })
    }

    async fn drain(&self, _grace: Duration) -> usize {
        let stopped = self.world.lock().work.forget(self.process);
        stopped.len()
    }
}

/// Makes an attempt, as a task of its process.
pub(super) fn begin(
    world: &World,
    (registry, states): (&Registry, &States),
    (id, process): (u64, u64),
    request: &AttemptRequest,
    stop: Stop,
) {
    let told = world.clone();
    let beats = Arc::new(Beats::new(Arc::new(move || told.lock().time.now), usize::MAX));
    let body = match registry.activity(&request.name) {
        None => Err(AttemptReport::UnknownActivity),
        Some(def) => {
            let cx = ActivityContext {
                workflow_id: request.workflow_id.clone(),
                run_id: request.run_id,
                op: request.op,
                attempt: request.attempt,
                stop,
                beats: beats.clone(),
                progress: request.progress.clone(),
            };
            let _quiet = watch_panics();
            catch_unwind(AssertUnwindSafe(|| (def.run)(states, cx, &request.args)))
                .map_err(|panic| AttemptReport::Panicked(panic_message(&*panic)))
        }
    };
    let body = match body {
        Ok(body) => body,
        Err(report) => return ended(world, id, report),
    };
    let slot = {
        let world = world.lock();
        let Some(at) = world.work.place(id) else { return };
        world.work.attempts[at].body.clone()
    };
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    let world = world.clone();
    let polled = std::future::poll_fn(move |cx| {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        // Gone: the attempt was stopped.
        let Some(body) = slot.as_mut() else { return Poll::Ready(()) };
        let _quiet = watch_panics();
        let report = match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx))) {
            Ok(Poll::Pending) if beats.is_deferred() => AttemptReport::Deferred,
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Attempt::Ok(v))) => AttemptReport::Ok(v),
            Ok(Poll::Ready(Attempt::Err { error, permanent })) => AttemptReport::Err { error, permanent },
            Ok(Poll::Ready(Attempt::Undecodable(e))) => AttemptReport::Undecodable(e),
            Ok(Poll::Ready(Attempt::Unencodable(e))) => AttemptReport::Unencodable(e),
            Err(panic) => AttemptReport::Panicked(panic_message(&*panic)),
        };
        *slot = None;
        ended(&world, id, report);
        Poll::Ready(())
    });
    tasks::spawn(process, Box::pin(polled));
}

fn ended(world: &World, id: u64, report: AttemptReport) {
    let mut world = world.lock();
    if let Some(at) = world.work.place(id) {
        world.work.attempts[at].stage = Stage::Ended(report);
    }
}
