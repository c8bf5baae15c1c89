//! A workflow that does what its input says, as the macro would write it, and an activity that does what a test says.

use crate::{
    __private as p,
    activity::{Activity, ActivityContext, ActivityDef, ActivityError, ActivityOptions, Retry, SendBoxFuture, States},
    engine::{Engine, EngineBuilder},
    machine::*,
    store::Store,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::mpsc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Do {
    Call(String),
    Retried(String),
    Sleep(u64),
    Recv,
    RecvFor(u64),
    Status(String),
    Tag(String, String),
    Undo(String),
    Panic,
    Fail(String),
}

pub(super) const NEWS: Signal<String> = Signal::new("news");

pub(super) fn call(text: &str) -> Do {
    Do::Call(text.into())
}

/// Says what an attempt does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    Echo,
    Fail,
    Panic,
    /// Ends only when it is asked to stop, in its own way.
    UntilAsked,
    Large(usize),
}

/// What attempts do, in order; afterwards they echo. And which attempts have started.
#[derive(Clone)]
pub(super) struct World {
    pub(super) then: Arc<Mutex<VecDeque<Then>>>,
    pub(super) started: mpsc::UnboundedSender<(String, u32)>,
}

pub(super) enum EchoActivity {}
pub(super) fn echo(text: String) -> ActivityCall<EchoActivity> {
    ActivityCall::new(&(text,))
}
impl Activity for EchoActivity {
    const NAME: &'static str = "echo";
    type Args = (String,);
    type Ok = String;
    type Err = String;
    fn options() -> ActivityOptions {
        ActivityOptions::default()
    }
    fn def() -> &'static ActivityDef {
        static DEF: ActivityDef = ActivityDef::of::<EchoActivity>(&[], file!(), line!(), Vec::new);
        &DEF
    }
    fn call(s: &States, cx: ActivityContext, (text,): Self::Args) -> SendBoxFuture<Result<String, String>> {
        let world = s.get::<World>();
        Box::pin(async move {
            let then = world.then.lock().unwrap().pop_front().unwrap_or(Then::Echo);
            let _ = world.started.send((text.clone(), cx.attempt()));
            match then {
                Then::Echo => Ok(text),
                Then::Fail => Err(format!("no {text}")),
                Then::Panic => panic!("oh {text}"),
                Then::UntilAsked => {
                    cx.cancelled().await;
                    Ok(format!("stopped {text}"))
                }
                Then::Large(bytes) => Ok("x".repeat(bytes)),
            }
        })
    }
}

pub(super) enum ScriptWorkflow {}
pub(super) fn script(todo: Vec<Do>) -> WorkflowCall<ScriptWorkflow> {
    WorkflowCall::new(&(todo,))
}
type R = Result<Vec<String>, String>;
impl Workflow for ScriptWorkflow {}
impl InlineWorkflow for ScriptWorkflow {
    const NAME: &'static str = "script";
    type Args = (Vec<Do>,);
    type Outcome = R;
    fn def() -> &'static WorkflowDef {
        static DEF: WorkflowDef = WorkflowDef {
            name: "script",
            aliases: &["scenario"],
            file: file!(),
            line: line!(),
            slots: &["todo", "log"],
            step: Some(step),
            accepts: |_| Ok(()),
            describe,
            cache: p::OnceLock::new(),
        };
        &DEF
    }
    fn step(cx: &mut Cx<'_>) -> Result<Flow, StepError> {
        step(cx)
    }
    fn check(_: Self::Args) -> LocalBoxFuture<R> {
        unreachable!("the machine is tested here")
    }
}

fn describe() -> p::Definition {
    let point = |(label, line): (&str, u32)| p::Point {
        label: label.into(),
        operation: label.into(),
        line,
        live: vec!["log".into(), "todo".into()],
        passed: vec![],
        patched: vec![],
        unpatched: vec![],
    };
    p::Definition {
        name: "script".into(),
        file: "script.rs".into(),
        parameters: vec![],
        points: [("echo", 10), ("sleep", 20), ("news", 30), ("news-2", 40)].into_iter().map(point).collect(),
        edges: vec![],
        patches: vec![],
    }
}

fn retried() -> Retry {
    Retry { attempts: Some(3), initial: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(60) }
}

fn step(cx: &mut Cx<'_>) -> Result<Flow, StepError> {
    let (mut s_todo, mut s_log) = (Slot::new("todo"), Slot::new("log"));
    let (mut t0, mut t1, mut t2, mut t3) = (Token::new(0), Token::new(1), Token::new(2), Token::new(3));
    let done = |r: R| -> <R as Outcome>::Step { Outcome::done(r) };
    drive::<R>(cx, &mut |cx: &mut Cx<'_>, what: What| match what {
        What::Block(0) => {
            let (mut todo,) = cx.args::<ScriptWorkflow>();
            todo.reverse();
            s_todo.put(todo);
            s_log.put(Vec::<String>::new());
            Ok(Go::To(1))
        }
        What::Block(_) | What::Ended(..) => {
            let mut todo: Vec<Do> = s_todo.take();
            let next = todo.pop();
            s_todo.put(todo);
            match next {
                None => return done(Ok(s_log.take())),
                Some(Do::Call(text)) => cx.begin(echo(text), &mut t0),
                Some(Do::Retried(text)) => cx.begin(echo(text).retry(retried()), &mut t0),
                Some(Do::Sleep(s)) => {
                    cx.begin(sleep(Duration::from_secs(s)), &mut t1);
                    return Ok(Go::Wait(1));
                }
                Some(Do::Recv) => {
                    cx.begin(NEWS.recv(), &mut t2);
                    return Ok(Go::Wait(2));
                }
                Some(Do::RecvFor(s)) => {
                    cx.begin(NEWS.recv().timeout(Duration::from_secs(s)), &mut t3);
                    return Ok(Go::Wait(3));
                }
                Some(Do::Status(text)) => {
                    set_status(&text);
                    return Ok(Go::To(1));
                }
                Some(Do::Tag(key, value)) => {
                    tag(key, value);
                    return Ok(Go::To(1));
                }
                Some(Do::Undo(text)) => {
                    saga::on_failure(echo(text));
                    return Ok(Go::To(1));
                }
                Some(Do::Panic) => panic!("the script says so"),
                Some(Do::Fail(text)) => return done(Err(text)),
            }
            Ok(Go::Wait(0))
        }
        What::Resume(point) => {
            let said = match point {
                0 => match cx.result(&t0) {
                    Ok(text) => text,
                    Err(ActivityError::Cancelled) => return done(Err("cancelled call".into())),
                    Err(e) => format!("{e:?}"),
                },
                1 => match cx.result(&t1) {
                    Ok(()) => "slept".into(),
                    Err(Cancelled) => return done(Err("cancelled sleep".into())),
                },
                2 => match cx.result(&t2) {
                    Ok(text) => text,
                    Err(Cancelled) => return done(Err("cancelled wait".into())),
                },
                _ => match cx.result(&t3) {
                    Ok(text) => text,
                    Err(e) => e.to_string(),
                },
            };
            let mut log: Vec<String> = s_log.take();
            log.push(said);
            s_log.put(log);
            Ok(Go::To(1))
        }
        What::Arguments | What::Helpers => Ok(Go::Idle),
        What::Load | What::Save => {
            #[allow(unused_imports)]
            use p::SlotExt as _;
            cx.table(what, &mut [s_todo.durable::<0>(), s_log.durable::<0>()]);
            Ok(Go::Idle)
        }
    })
}

/// An engine for scripts, the attempts that it starts, and what they do.
pub(super) struct Fixture {
    pub(super) engine: Engine,
    pub(super) started: mpsc::UnboundedReceiver<(String, u32)>,
}

pub(super) fn builder(store: impl Store, then: &[Then]) -> (EngineBuilder, mpsc::UnboundedReceiver<(String, u32)>) {
    let (sender, started) = mpsc::unbounded_channel();
    let world = World { then: Arc::new(Mutex::new(then.iter().cloned().collect())), started: sender };
    let builder = Engine::builder()
        .store(store)
        .state(world)
        .register([ScriptWorkflow::def()])
        .register([EchoActivity::def()])
        .workers(1);
    (builder, started)
}

pub(super) async fn fixture(store: impl Store, then: &[Then]) -> Fixture {
    let (builder, started) = builder(store, then);
    Fixture { engine: builder.build().await.unwrap(), started }
}
