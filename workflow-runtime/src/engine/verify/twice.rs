//! Runs recorded steps twice, in different surroundings, and compares what they leave behind.

use super::{
    Recorded, Verified, VerifyError, compare, observed,
    replay::{Left, Place},
};
use crate::{
    journal::payload::{self, Payload},
    machine::{Activation, Frame},
    registry::Registry,
};
use serde_json::Value;
use std::{fmt, hint::black_box, panic::resume_unwind, thread};

/// A step that leaves other values behind when it is run twice with the same input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Wavering {
    /// The instance.
    pub workflow_id: String,
    /// The workflow or helper whose local it is, or the workflow.
    pub workflow: String,
    /// Number of the step.
    pub step: u64,
    /// Label of the point at which the step began.
    pub point: String,
    /// Source file.
    pub file: String,
    /// Line of the point.
    pub line: Option<u32>,
    /// The local that differs; absent if something else of the checkpoint does.
    pub local: Option<String>,
    /// Where in the local, or in the checkpoint.
    pub path: String,
    /// What the first run left there, for people.
    pub first: String,
    /// What the second run left there, for people.
    pub second: String,
    /// Where it may come from.
    pub cause: &'static str,
}

impl std::error::Error for Wavering {}

impl fmt::Display for Wavering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow_id, workflow, step, point, file, path, first, second, cause, .. } = self;
        let line = self.line.map(|l| format!(":{l}")).unwrap_or_default();
        let what = match &self.local {
            Some(local) => format!("local `{local}` of `{workflow}`"),
            None => "checkpoint".into(),
        };
        let path = if path.is_empty() { String::new() } else { format!(" at {path}") };
        writeln!(
            f,
            "WE106: step {step} of `{workflow_id}` leaves another value behind each time it runs: it went on at `{point}` ({file}{line}), and the {what} differs{path}"
        )?;
        writeln!(f, "  first run:  {first}")?;
        writeln!(f, "  second run: {second}")?;
        write!(f, "  likely cause: {cause}")
    }
}

const PERMUTED: &str = "the same values in another order: a `HashMap` or `HashSet` was gone through, or a `HashSet` is saved, whose order differs from run to run; use a `BTreeMap` or `BTreeSet`, or sort first";
const VALUE: &str = "it depends on something that is no input: a clock, randomness, an address, a global, a thread-local; take it from `now()`, `random()`, an argument or an activity";

/// Runs the steps of a recorded history twice, compares what they leave behind (maps by key, everything else byte for byte), and then does what [`verify`](super::verify) does.
///
/// The two runs differ in what no step may depend on: the thread and its thread-locals, the keys of hash maps, the addresses of stack and heap,
/// and the time of the process. What differs is named: the step, the local, the values. A time that is rounded to days is the
/// same in both; what reads a clock is for the compiler and `cargo workflow check` to find.
///
/// # Errors
///
/// [`VerifyError::Wavering`]: the first local that differs; otherwise as [`verify`](super::verify).
pub fn verify_twice(recorded: &Recorded, registry: &Registry) -> Result<Verified, VerifyError> {
    let (first, verified) = surrounded(Surroundings { stack: 0, heap: 0 }, recorded, registry);
    let (second, _) = surrounded(Surroundings { stack: 37, heap: 1021 }, recorded, registry);
    let differs = first.iter().zip(&second).find_map(|(a, b)| wavering(recorded, a, b));
    match differs {
        Some(w) => Err(VerifyError::Wavering(Box::new(w))),
        None => verified,
    }
}

/// What differs between two runs.
#[derive(Clone, Copy)]
struct Surroundings {
    /// How many calls deep on the stack it begins.
    stack: u32,
    /// How many blocks of memory are taken before it.
    heap: usize,
}

/// What one step has left behind.
struct Seen {
    step: u64,
    before: Place,
    frame: Frame,
}

/// Runs the steps on a thread of their own.
fn surrounded(s: Surroundings, recorded: &Recorded, registry: &Registry) -> (Vec<Seen>, Result<Verified, VerifyError>) {
    let run = || {
        let ballast: Vec<Box<[u8]>> = (0..s.heap).map(|i| vec![0; 16 + i % 240].into_boxed_slice()).collect();
        // Every other block is free again: what a step takes is scattered among them.
        let ballast: Vec<_> = ballast.into_iter().step_by(2).collect();
        let mut seen = vec![];
        let verified = deeper(s.stack, &mut || {
            observed(recorded, registry, &mut |Left { step, before, frame }| {
                seen.push(Seen { step, before, frame: frame.clone() });
            })
        });
        drop(black_box(ballast));
        (seen, verified)
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// Calls `f` so many frames further down the stack.
#[inline(never)]
fn deeper<T>(calls: u32, f: &mut dyn FnMut() -> T) -> T {
    let here = black_box([calls; 24]);
    let value = if calls == 0 { f() } else { deeper(calls - 1, f) };
    black_box(here);
    value
}

fn wavering(recorded: &Recorded, a: &Seen, b: &Seen) -> Option<Wavering> {
    let likeness = |f: &Frame| Payload::encode(f).map(|p| p.likeness64());
    if a.frame == b.frame || matches!((likeness(&a.frame), likeness(&b.frame)), (Ok(a), Ok(b)) if a == b) {
        return None;
    }
    let (point, file, line) = a.before.clone();
    let at = |workflow: &str, local: Option<&str>, (path, first, second): (String, Value, Value), cause| Wavering {
        workflow_id: recorded.workflow_id.clone(),
        workflow: workflow.to_owned(),
        step: a.step,
        point: point.clone(),
        file: file.clone(),
        line,
        local: local.map(str::to_owned),
        path,
        first: first.to_string(),
        second: second.to_string(),
        cause,
    };
    let slot = slots(&a.frame.root, &b.frame.root);
    Some(match slot {
        Some((workflow, name, x, y)) => {
            let (x, y) = (x.to_json(), y.to_json());
            let found = compare::difference("", &x, &y).unwrap_or_else(|| (String::new(), x, y));
            let cause = if compare::is_permuted(&found.1, &found.2) { PERMUTED } else { VALUE };
            at(workflow, Some(name), found, cause)
        }
        None => {
            let json = |f: &Frame| payload::for_people(|| serde_json::to_value(f)).unwrap_or_default();
            let (x, y) = (json(&a.frame), json(&b.frame));
            let found = compare::difference("", &x, &y).unwrap_or_else(|| (String::new(), x, y));
            at(&recorded.workflow, None, found, VALUE)
        }
    })
}

/// The first local that differs, with the workflow or helper that it belongs to.
fn slots<'a>(a: &'a Activation, b: &'a Activation) -> Option<(&'a str, &'a str, &'a Payload, &'a Payload)> {
    let own = a.slots.iter().find_map(|(name, x)| {
        let y = b.slots.get(name)?;
        (x.likeness64() != y.likeness64()).then_some((&*a.workflow, &**name, x, y))
    });
    own.or_else(|| {
        let helpers = |a: &'a Activation| a.all_threads().into_iter().filter_map(|t| t.helper.as_deref());
        helpers(a).zip(helpers(b)).find_map(|(a, b)| slots(a, b))
    })
}
