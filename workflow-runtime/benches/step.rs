//! One step of a machine: an input in, the bytes of the frame out, with five small live locals.
//!
//! `cargo bench -p workflow-runtime --bench step`

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use std::hint::black_box;
use uuid::Uuid;
use workflow_runtime::{
    journal::{encoding, payload::Payload},
    machine::{Completion, Frame, Identity, Input, Machine, OpId, Resolve, Workflow, WorkflowCall, WorkflowDef},
    prelude::*,
};

#[activity]
async fn next(n: u64) -> u64 {
    n + 1
}

#[workflow]
async fn counter(name: String, limit: u64) -> u64 {
    let mut sum = 0;
    let mut last = 0;
    let label = format!("{name}!");
    for i in 0..limit {
        last = next(last).await.unwrap_or(i);
        sum += last;
    }
    sum + label.len() as u64 + name.len() as u64
}

struct ThisBuild(&'static WorkflowDef);

impl Resolve for ThisBuild {
    fn workflow(&self, _: &str) -> Option<&'static WorkflowDef> {
        Some(self.0)
    }
    fn definition(&self, _: workflow_definition::Fingerprint) -> Option<workflow_definition::Definition> {
        None
    }
}

fn identity() -> Identity {
    Identity { workflow_id: "counter-1".into(), run_id: Uuid::from_u128(1) }
}

fn started<W: Workflow>(call: WorkflowCall<W>) -> (Machine, Payload) {
    let args = call.into_args().expect("encodable");
    let mut machine = Machine::start(identity(), W::def(), args.clone(), Timestamp::UNIX_EPOCH);
    machine.step(Input::Start, Timestamp::UNIX_EPOCH).expect("starts");
    (machine, args)
}

fn steps(c: &mut Criterion) {
    let value = Payload::encode(&7u64).expect("encodable");
    let input = |op| Input::Completed { op: OpId(op), completion: Completion::Value(value.clone()) };
    let (mut machine, args) = started(counter("bench".into(), u64::MAX));
    let (mut op, mut bytes) = (0, Vec::with_capacity(1_024));
    c.bench_function("step of a resident machine", |b| {
        b.iter(|| {
            let step = machine.step(input(op), Timestamp::UNIX_EPOCH).expect("steps");
            op += 1;
            bytes.clear();
            encoding::encode_into(&mut bytes, &machine.frame()).expect("encodable");
            black_box((step, bytes.len()))
        })
    });
    let def = ThisBuild(machine_def(&counter));
    c.bench_function("the same step from and to bytes", |b| {
        b.iter(|| {
            let frame: Frame = encoding::decode(&bytes).expect("a frame");
            let (mut machine, _) = Machine::load(identity(), frame, &args, &def).expect("loads");
            let step = machine.step(input(op), Timestamp::UNIX_EPOCH).expect("steps");
            op += 1;
            bytes.clear();
            encoding::encode_into(&mut bytes, &machine.frame()).expect("encodable");
            black_box((step, bytes.len()))
        })
    });
}

fn machine_def<W: Workflow>(_: &impl Fn(String, u64) -> WorkflowCall<W>) -> &'static WorkflowDef {
    W::def()
}

criterion_group!(benches, steps);
criterion_main!(benches);
