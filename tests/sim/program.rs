//! A workflow that does what a program in its input says, so that a generator can write workflows.

use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use workflow_runtime::prelude::*;
use workflow_runtime::{activity, workflow};

/// One operation of a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// An activity without a retry policy.
    Steady(Work),
    /// An activity with four attempts, a timeout, and an error that is final.
    Flaky(Work),
    /// An activity that is retried until it works.
    Stubborn(Work),
    Sleep {
        seconds: u64,
    },
    Recv {
        name: usize,
    },
    RecvWithin {
        name: usize,
        seconds: u64,
    },
    /// Registers `undo(id)`.
    Undo {
        id: u64,
    },
    Commit,
    /// A helper, once or several times, whose error is passed on.
    Repeat {
        times: u32,
        body: Vec<Op>,
    },
    /// A helper whose error is caught.
    Try {
        body: Vec<Op>,
    },
    Fail {
        code: u32,
    },
    /// A child that is waited for.
    Child {
        id: u64,
        body: Vec<Op>,
    },
    /// A child that is started; the rest of the activation knows it.
    Spawn {
        id: u64,
        close: u64,
        body: Vec<Op>,
    },
    /// Waits for the child that was started last.
    Await,
    /// A signal to the child that was started last.
    Tell {
        name: usize,
        payload: u64,
    },
    /// A signal to another program.
    Send {
        to: String,
        name: usize,
        payload: u64,
    },
    /// An activity for each, together.
    All {
        works: Vec<Work>,
        limit: usize,
    },
    /// An activity for each, until one fails.
    Each {
        works: Vec<Work>,
    },
    /// Timers, and an activity: which is first?
    First {
        seconds: Vec<u64>,
    },
    /// Random numbers and what steps may do beside them.
    Draw,
    /// A local that is a record of its own lives across a timer.
    Carry {
        bytes: u64,
        seconds: u64,
    },
}

/// What an activity does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) id: u64,
    /// So many attempts fail with an error.
    pub(crate) fails: u32,
    /// The error is final.
    pub(crate) declines: bool,
}

/// What a program has seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Seen {
    Did {
        id: u64,
        value: u64,
    },
    Slept {
        seconds: i64,
    },
    Got {
        name: usize,
        payload: u64,
    },
    TimedOut {
        name: usize,
        seconds: i64,
    },
    Registered,
    Committed,
    Round(Vec<Seen>),
    Tried(Vec<Seen>),
    Caught(Broken),
    Drew {
        number: u64,
        id: String,
        measured: u32,
    },
    Carried {
        bytes: u64,
        sum: u64,
    },
    Child {
        id: String,
        end: End,
    },
    Spawned {
        id: String,
    },
    Told {
        to: String,
        name: usize,
        payload: u64,
        heard: Heard,
    },
    /// There is no child.
    Nobody,
    All {
        did: Vec<Result<u64, Why>>,
    },
    Each {
        did: Result<Vec<u64>, Why>,
    },
    First {
        place: Option<usize>,
        cancelled: bool,
    },
}

/// How a child has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum End {
    Returned(Vec<Seen>),
    Failed(Broken),
    Cancelled(Broken),
    Terminated,
    /// It was not started, for this reason.
    Not(String),
}

/// What a sender hears of a signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Heard {
    Taken,
    /// There is nobody to take it.
    Refused(String),
    /// It stopped waiting.
    Nothing,
}

/// A program that has come to an early end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{why:?} after {seen:?}")]
pub(crate) struct Broken {
    pub(crate) seen: Vec<Seen>,
    pub(crate) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    Failed(u32),
    Busy(u64),
    Declined(u64),
    TimedOut,
    Panicked,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum WorkError {
    #[error("busy")]
    Busy(u64),
    #[error("declined")]
    Declined(u64),
}

fn why(error: ActivityError<WorkError>) -> Why {
    match error {
        ActivityError::Failed(WorkError::Busy(id)) => Why::Busy(id),
        ActivityError::Failed(WorkError::Declined(id)) => Why::Declined(id),
        ActivityError::TimedOut => Why::TimedOut,
        ActivityError::Cancelled => Why::Cancelled,
        ActivityError::Panicked(_) => Why::Panicked,
    }
}

/// How much was done, whatever it was.
#[derive(Clone, Default)]
pub(crate) struct Done(pub(crate) Arc<AtomicU64>);

/// What an activity returns.
pub(crate) fn value(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
}

fn work(done: &Done, cx: &ActivityContext, work: Work) -> Result<u64, WorkError> {
    if work.declines {
        return Err(WorkError::Declined(work.id));
    }
    if cx.attempt() <= work.fails {
        return Err(WorkError::Busy(work.id));
    }
    done.0.fetch_add(1, Ordering::Relaxed);
    Ok(value(work.id))
}

#[activity]
pub(crate) async fn steady(done: State<Done>, cx: ActivityContext, what: Work) -> Result<u64, WorkError> {
    work(&done, &cx, what)
}

#[activity(timeout = "10s", retry(attempts = 4, initial = "1s", max = "10s", unless(WorkError::Declined(..))))]
pub(crate) async fn flaky(done: State<Done>, cx: ActivityContext, what: Work) -> Result<u64, WorkError> {
    work(&done, &cx, what)
}

#[activity(timeout = "1m", retry(initial = "1s", max = "1m"))]
pub(crate) async fn stubborn(done: State<Done>, cx: ActivityContext, what: Work) -> Result<u64, WorkError> {
    work(&done, &cx, Work { declines: false, ..what })
}

#[activity]
pub(crate) async fn undo(done: State<Done>, id: u64) -> Result<(), WorkError> {
    done.0.fetch_add(id & 1, Ordering::Relaxed);
    Ok(())
}

pub(crate) const SIGNALS: [Signal<u64>; 3] = [Signal::new("red"), Signal::new("green"), Signal::new("blue")];

fn end(result: Result<Vec<Seen>, ChildError<Broken>>) -> End {
    match result {
        Ok(seen) => End::Returned(seen),
        Err(ChildError::Failed(broken)) => End::Failed(broken),
        Err(ChildError::Cancelled { error, .. }) => End::Cancelled(error),
        Err(ChildError::Terminated { .. }) => End::Terminated,
        Err(other) => End::Not(other.to_string()),
    }
}

fn heard(result: Result<(), ExternalError>) -> Heard {
    match result {
        Ok(()) => Heard::Taken,
        Err(ExternalError::Cancelled { .. }) => Heard::Nothing,
        Err(other) => Heard::Refused(other.to_string()),
    }
}

fn close(n: u64) -> ParentClose {
    match n {
        0 => ParentClose::Cancel,
        1 => ParentClose::Terminate,
        _ => ParentClose::Abandon,
    }
}

fn child_id(n: u64) -> String {
    format!("{}/{n}", workflow_id())
}

fn elapsed(since: jiff::Timestamp) -> i64 {
    now().duration_since(since).as_secs()
}

#[workflow]
pub(crate) async fn program(ops: Vec<Op>) -> Result<Vec<Seen>, Broken> {
    let mut seen: Vec<Seen> = vec![];
    let mut children: Vec<Child<_>> = vec![];
    let mut at = 0;
    while at < ops.len() {
        match ops[at].clone() {
            Op::Steady(work) => match steady(work).await {
                Ok(value) => seen.push(Seen::Did { id: work.id, value }),
                Err(e) => return Err(Broken { seen, why: why(e) }),
            },
            Op::Flaky(work) => match flaky(work).await {
                Ok(value) => seen.push(Seen::Did { id: work.id, value }),
                Err(e) => return Err(Broken { seen, why: why(e) }),
            },
            Op::Stubborn(work) => match stubborn(work).await {
                Ok(value) => seen.push(Seen::Did { id: work.id, value }),
                Err(e) => return Err(Broken { seen, why: why(e) }),
            },
            Op::Sleep { seconds: asked } => {
                let begin = now();
                match sleep(seconds(asked)).await {
                    Ok(()) => seen.push(Seen::Slept { seconds: elapsed(begin) }),
                    Err(Cancelled) => return Err(Broken { seen, why: Why::Cancelled }),
                }
            }
            Op::Recv { name } => match SIGNALS[name].recv().await {
                Ok(payload) => seen.push(Seen::Got { name, payload }),
                Err(Cancelled) => return Err(Broken { seen, why: Why::Cancelled }),
            },
            Op::RecvWithin { name, seconds: asked } => {
                let begin = now();
                match SIGNALS[name].recv().timeout(seconds(asked)).await {
                    Ok(payload) => seen.push(Seen::Got { name, payload }),
                    Err(WaitError::TimedOut) => seen.push(Seen::TimedOut { name, seconds: elapsed(begin) }),
                    Err(WaitError::Cancelled) => return Err(Broken { seen, why: Why::Cancelled }),
                }
            }
            Op::Undo { id } => {
                saga::on_failure(undo(id));
                seen.push(Seen::Registered);
            }
            Op::Commit => {
                saga::commit();
                seen.push(Seen::Committed);
            }
            Op::Repeat { times, body } => {
                let mut round = 0;
                while round < times {
                    match program(body.clone()).await {
                        Ok(inner) => seen.push(Seen::Round(inner)),
                        Err(broken) => {
                            let why = broken.why;
                            seen.push(Seen::Caught(broken));
                            return Err(Broken { seen, why });
                        }
                    }
                    round += 1;
                }
            }
            Op::Try { body } => match program(body).await {
                Ok(inner) => seen.push(Seen::Tried(inner)),
                Err(broken) => seen.push(Seen::Caught(broken)),
            },
            Op::Child { id, body } => {
                let id = child_id(id);
                let result = program(body).child(id.clone()).await;
                seen.push(Seen::Child { id, end: end(result) });
            }
            Op::Spawn { id, close: n, body } => {
                let id = child_id(id);
                match program(body).start_child(id.clone()).parent_close(close(n)).await {
                    Ok(child) => {
                        children.push(child);
                        seen.push(Seen::Spawned { id });
                    }
                    Err(e) => seen.push(Seen::Child { id, end: End::Not(e.to_string()) }),
                }
            }
            Op::Await => match children.pop() {
                None => seen.push(Seen::Nobody),
                Some(child) => {
                    let result = child.result().await;
                    seen.push(Seen::Child { id: child.id().to_owned(), end: end(result) });
                }
            },
            Op::Tell { name, payload } => match children.last().cloned() {
                None => seen.push(Seen::Nobody),
                Some(child) => {
                    let told = child.signal(&SIGNALS[name], payload).await;
                    let to = child.id().to_owned();
                    seen.push(Seen::Told { to, name, payload, heard: heard(told) });
                }
            },
            Op::Send { to, name, payload } => {
                let told = external(program, to.clone()).signal(&SIGNALS[name], payload).await;
                seen.push(Seen::Told { to, name, payload, heard: heard(told) });
            }
            Op::All { works, limit } => {
                let did = for_each_concurrent(limit, works.into_iter().map(flaky)).await;
                seen.push(Seen::All { did: did.into_iter().map(|d| d.map_err(why)).collect() });
            }
            Op::Each { works } => {
                let did = try_join_all(works.into_iter().map(flaky)).await;
                seen.push(Seen::Each { did: did.map_err(why) });
            }
            Op::First { seconds: laps } => {
                let first = select_all(laps.into_iter().map(seconds).map(sleep)).await;
                let cancelled = first.as_ref().is_some_and(|(_, slept)| slept.is_err());
                seen.push(Seen::First { place: first.map(|(place, _)| place), cancelled });
            }
            Op::Fail { code } => return Err(Broken { seen, why: Why::Failed(code) }),
            Op::Draw => {
                let number = random();
                let id = uuid().to_string();
                let measured = side_effect(|| 7);
                set_status(&number);
                tag("last", number % 5);
                seen.push(Seen::Drew { number, id, measured });
            }
            Op::Carry { bytes, seconds: asked } => {
                let load: Vec<u64> = (0..bytes / 8).collect();
                if sleep(seconds(asked)).await.is_err() {
                    return Err(Broken { seen, why: Why::Cancelled });
                }
                seen.push(Seen::Carried { bytes, sum: load.iter().sum() });
            }
        }
        at += 1;
    }
    Ok(seen)
}
