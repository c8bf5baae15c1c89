//! A machine as the macro writes it, by hand: the contract between the two.

use super::*;
use crate::{__private as p, activity::*};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Charge(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

// #[activity] async fn charge(cents: u64) -> Result<u64, String>
#[allow(non_camel_case_types)]
enum __charge {}
fn charge(cents: u64) -> ActivityCall<__charge> {
    ActivityCall::new(&(cents,))
}
impl Activity for __charge {
    const NAME: &'static str = "charge";
    type Args = (u64,);
    type Ok = <Result<u64, String> as p::Outcome>::Ok;
    type Err = <Result<u64, String> as p::Outcome>::Err;
    fn options() -> ActivityOptions {
        ActivityOptions { timeout: Some(Duration::from_secs(10)), ..Default::default() }
    }
    fn def() -> &'static ActivityDef {
        static DEF: ActivityDef = ActivityDef::of::<__charge>(&[], file!(), line!(), Vec::new);
        &DEF
    }
    fn call(_: &States, _: ActivityContext, (cents,): Self::Args) -> SendBoxFuture<Result<u64, String>> {
        async fn charge(cents: u64) -> Result<u64, String> {
            Ok(cents)
        }
        Box::pin(async move { <Result<u64, String> as p::Outcome>::halves(charge(cents).await) })
    }
}
p::inventory::submit!(p::ActivityRegistration(<__charge as p::Activity>::def));

// #[workflow] async fn order(cents: u64) -> Result<String, OrderError> {
//     saga::on_failure(charge(0));
//     let note = format!("n{cents}");
//     let paid = charge(cents).await?;
//     sleep(days(1)).await?;
//     Ok(format!("{note} {paid}"))
// }
#[allow(non_camel_case_types)]
enum __order {}
fn order(cents: u64) -> WorkflowCall<__order> {
    WorkflowCall::new(&(cents,))
}
impl Workflow for __order {}
impl InlineWorkflow for __order {
    const NAME: &'static str = "order";
    type Args = (u64,);
    type Outcome = Result<String, OrderError>;
    fn def() -> &'static WorkflowDef {
        static DEF: WorkflowDef = WorkflowDef {
            name: "order",
            aliases: &[],
            file: file!(),
            line: line!(),
            slots: &["note", "paid"],
            step: Some(<__order as p::InlineWorkflow>::step),
            accepts: |_| Ok(()),
            describe,
            cache: p::OnceLock::new(),
        };
        fn describe() -> p::Definition {
            let point = |label: &str, line, live: &[&str]| p::Point {
                label: label.into(),
                operation: label.into(),
                line,
                live: live.iter().map(|s| s.to_string()).collect(),
                passed: vec![],
                patched: vec![],
                unpatched: vec![],
            };
            p::Definition {
                name: "order".into(),
                file: file!().into(),
                parameters: vec![],
                points: vec![point("charge", 4, &["note"]), point("sleep", 5, &["note", "paid"])],
                edges: vec![],
                patches: vec![],
            }
        }
        &DEF
    }
    fn step(cx: &mut Cx<'_>) -> Result<Flow, StepError> {
        type R = Result<String, OrderError>;
        fn go(g: Go<<R as Outcome>::Ok>) -> <R as Outcome>::Step {
            <R as Outcome>::go(g)
        }
        fn done(r: R) -> <R as Outcome>::Step {
            Outcome::done(r)
        }
        let mut s_note = Slot::new("note");
        let mut s_paid = Slot::new("paid");
        let (mut t0, mut t1) = (Token::new(0), Token::new(1));
        drive::<R>(cx, &mut |cx: &mut Cx<'_>, what: What| match what {
            What::Block(0) => {
                let (cents,): (u64,) = cx.args::<__order>();
                saga::on_failure(charge(0));
                let note = format!("n{cents}");
                cx.begin(charge(cents), &mut t0);
                s_note.put(note);
                go(Go::Wait(0))
            }
            What::Resume(0) => {
                let paid = cx.result(&t0)?;
                cx.begin(sleep(crate::days(1)), &mut t1);
                s_paid.put(paid);
                go(Go::Wait(1))
            }
            What::Resume(1) => {
                cx.result(&t1)?;
                let note = s_note.take();
                let paid = s_paid.take();
                done(Ok(format!("{note} {paid}")))
            }
            What::Block(_) | What::Resume(_) | What::Ended(..) => unreachable!(),
            What::Arguments | What::Helpers => go(Go::Idle),
            What::Load | What::Save => {
                #[allow(unused_imports)]
                use p::SlotExt as _;
                cx.table(what, &mut [s_note.durable::<0>(), s_paid.durable::<0>()]);
                go(Go::Idle)
            }
        })
    }
    fn check(_: Self::Args) -> LocalBoxFuture<Result<String, OrderError>> {
        Box::pin(std::future::pending())
    }
}
p::inventory::submit!(p::WorkflowRegistration(<__order as p::InlineWorkflow>::def));

struct ThisBuild;
impl Resolve for ThisBuild {
    fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        (name == "order").then(__order::def)
    }
    fn definition(&self, _: workflow_definition::Fingerprint) -> Option<p::Definition> {
        None
    }
}

fn identity() -> Identity {
    Identity { workflow_id: "o-1".into(), run_id: Uuid::from_u128(7) }
}

/// Runs the inputs; with `evict` the machine goes through bytes after every step.
fn run(inputs: Vec<Input>, evict: bool) -> (Vec<Command>, Option<Closed>) {
    let args = order(500).into_args().unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let mut m = Machine::start(identity(), __order::def(), args.clone(), now);
    let (mut commands, mut closed) = (vec![], None);
    for input in inputs {
        let step = m.step(input, now).unwrap();
        commands.extend(step.commands);
        closed = step.closed;
        if evict {
            let bytes = crate::journal::encoding::encode(&m.frame()).unwrap();
            let frame: Frame = crate::journal::encoding::decode(&bytes).unwrap();
            assert_eq!(frame, m.frame());
            m = Machine::load(identity(), frame, &args, &ThisBuild).unwrap().0;
        }
    }
    (commands, closed)
}

fn completed(op: u64, completion: Completion) -> Input {
    Input::Completed { op: OpId(op), completion }
}

#[test]
fn completes_the_same_resident_and_evicted() {
    let inputs = || {
        vec![
            Input::Start,
            completed(0, Completion::Value(Payload::encode(&500u64).unwrap())),
            completed(99, Completion::Fired),
            completed(1, Completion::Fired),
        ]
    };
    let (a, b) = (run(inputs(), false), run(inputs(), true));
    assert_eq!(a, b);
    assert_eq!(a.1, Some(Closed::Completed(Payload::encode("n500 500").unwrap())));
    assert!(matches!(&a.0[..], [Command::Activity { .. }, Command::Timer { .. }]));
}

#[test]
fn a_failure_runs_its_compensations_before_it_closes() {
    let declined = Completion::Failed(Payload::encode("declined").unwrap());
    for evict in [false, true] {
        let (commands, closed) = run(vec![Input::Start, completed(0, declined.clone())], evict);
        assert!(closed.is_none());
        assert!(
            matches!(&commands[1..], [Command::Compensating { calls: 1, .. }, Command::Activity { op: OpId(1), name, options, .. }] if name == "charge" && options.shielded)
        );
        let inputs = vec![
            Input::Start,
            completed(0, declined.clone()),
            completed(1, Completion::Value(Payload::encode(&0u64).unwrap())),
        ];
        let Some(Closed::Failed { error, .. }) = run(inputs, evict).1 else { panic!("must fail") };
        assert_eq!(error.decode::<OrderError>().unwrap(), OrderError::Charge(ActivityError::Failed("declined".into())));
    }
}

#[test]
fn cancellation_asks_the_pending_operation_and_shows_in_the_outcome() {
    let cancel = || Input::Cancel { reason: "bored".into() };
    for evict in [false, true] {
        let (commands, _) = run(vec![Input::Start, cancel(), cancel()], evict);
        assert!(matches!(&commands[..], [Command::Activity { .. }, Command::Cancel { op: OpId(0) }]));
        let inputs = vec![
            Input::Start,
            cancel(),
            completed(0, Completion::Cancelled),
            completed(1, Completion::Value(Payload::encode(&0u64).unwrap())),
        ];
        assert!(matches!(run(inputs, evict).1, Some(Closed::Cancelled { reason, .. }) if reason == "bored"));
    }
}

#[test]
fn a_result_of_another_type_is_an_error_with_the_point() {
    let mut m = Machine::start(identity(), __order::def(), order(1).into_args().unwrap(), Timestamp::UNIX_EPOCH);
    m.step(Input::Start, Timestamp::UNIX_EPOCH).unwrap();
    let wrong = completed(0, Completion::Value(Payload::encode("five").unwrap()));
    let e = m.step(wrong, Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(matches!(&e, StepError::Result { point, .. } if point == "charge"), "{e}");
}
