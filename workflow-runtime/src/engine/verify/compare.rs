//! The first difference between two runs of a step, and what it may come from.

use crate::{
    engine::status::{self, Local},
    journal::{
        history::Event,
        payload::{self, Payload},
    },
    machine::Machine,
};
use serde_json::Value;
use std::fmt;

/// A recorded step decides something else when it is run again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The instance.
    pub workflow_id: String,
    /// Registered name of the workflow.
    pub workflow: String,
    /// Number of the step. If several steps share an entry of the history, the last of them.
    pub step: u64,
    /// Number of the entry in the history.
    pub seq: u64,
    /// Label of the point at which the step began.
    pub point: String,
    /// Source file.
    pub file: String,
    /// Line of the point.
    pub line: Option<u32>,
    /// What was recorded, for people; absent if this build decides something where nothing was recorded.
    pub recorded: Option<String>,
    /// What this build decides, for people; absent if it decides nothing where something was recorded.
    pub attempted: Option<String>,
    /// Where it may come from.
    pub cause: &'static str,
    /// The locals behind the step, in this build.
    pub locals: Vec<Local>,
}

impl std::error::Error for Difference {}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow_id, workflow, step, seq, point, file, .. } = self;
        let line = self.line.map(|l| format!(":{l}")).unwrap_or_default();
        writeln!(
            f,
            "WE102: step {step} of `{workflow_id}` (entry {seq}) does not do again what it did: `{workflow}` went on at `{point}` ({file}{line})"
        )?;
        writeln!(f, "  recorded:  {}", self.recorded.as_deref().unwrap_or("nothing more"))?;
        writeln!(f, "  attempted: {}", self.attempted.as_deref().unwrap_or("nothing more"))?;
        write!(f, "  likely cause: {}", self.cause)?;
        for Local { name, value, .. } in &self.locals {
            write!(f, "\n  local {name} = {value}")?;
        }
        Ok(())
    }
}

pub(super) struct Found {
    pub(super) recorded: Option<String>,
    pub(super) attempted: Option<String>,
    pub(super) cause: &'static str,
}

const ANOTHER_WAY: &str = "the code took another way: it was changed without `patched!`, or it depends on something that is not an input (a clock, randomness, a global, the environment); take that from `now()`, `random()`, an argument or an activity";
const ANOTHER_VALUE: &str = "a value was computed in another way: the code was changed without `patched!`, or the value depends on something that is not an input (a clock, randomness, a global, the environment)";
const ORDER: &str = "the same values in another order: a `HashMap` or `HashSet` was gone through, whose order differs from run to run; use a `BTreeMap`, or sort first";
const ANOTHER_LOCAL: &str = "a local holds another value, though the step decided the same: it depends on something that is not an input, or a `HashSet` among the locals is saved in another order (use a `BTreeSet`), or state is shared behind the locals (`Rc`, `Cell`, a global)";

/// Compares what was decided.
pub(super) fn events(recorded: &[Event], attempted: &[Event]) -> Option<Found> {
    let end = recorded.len().max(attempted.len());
    let at = (0..end).find(|i| !alike(recorded.get(*i), attempted.get(*i)))?;
    let (old, new) = (recorded.get(at), attempted.get(at));
    let (Some(old), Some(new)) = (old, new) else {
        let shown = |e: Option<&Event>| e.map(|e| json(e).to_string());
        return Some(Found { recorded: shown(old), attempted: shown(new), cause: ANOTHER_WAY });
    };
    let (old, new) = (json(old), json(new));
    let moved = recorded.len() == attempted.len() && is_reordered(recorded, attempted);
    let same_kind = kind(&old) == kind(&new);
    let (path, a, b) = difference("", &old, &new).unwrap_or_default();
    let cause = match () {
        () if moved || is_permuted(&a, &b) => ORDER,
        () if same_kind => ANOTHER_VALUE,
        () => ANOTHER_WAY,
    };
    if !same_kind {
        return Some(Found { recorded: Some(old.to_string()), attempted: Some(new.to_string()), cause });
    }
    Some(Found { recorded: Some(format!("{path} = {a} in {old}")), attempted: Some(format!("{path} = {b}")), cause })
}

/// True if both are the same but for the order of maps in their payloads.
fn alike(a: Option<&Event>, b: Option<&Event>) -> bool {
    let likeness = |e: Option<&Event>| Payload::encode(&e).map(|p| p.likeness64());
    a == b || matches!((likeness(a), likeness(b)), (Ok(a), Ok(b)) if a == b)
}

/// The step decided the same and left other locals behind.
pub(super) fn frames(machine: Option<&Machine>) -> Found {
    let names: Vec<_> = locals(machine).into_iter().map(|l| l.name).collect();
    let recorded = Some("a checkpoint with another hash".into());
    Found {
        recorded,
        attempted: Some(format!("other values among the locals {}", names.join(", "))),
        cause: ANOTHER_LOCAL,
    }
}

pub(super) fn locals(machine: Option<&Machine>) -> Vec<Local> {
    let mut found = vec![];
    if let Some(machine) = machine {
        status::locals(&machine.frame().root, &mut found);
    }
    found
}

fn json(event: &Event) -> Value {
    payload::for_people(|| serde_json::to_value(event)).unwrap_or_default()
}

fn kind(event: &Value) -> Option<&str> {
    match event {
        Value::String(name) => Some(name),
        Value::Object(fields) => fields.keys().next().map(String::as_str),
        _ => None,
    }
}

fn is_reordered(recorded: &[Event], attempted: &[Event]) -> bool {
    // Operations are numbered in the order in which they begin: the number is what another order changes.
    let without_numbers = |events: &[Event]| {
        let mut all: Vec<String> = events
            .iter()
            .map(|e| {
                let mut json = json(e);
                if let Some(fields) =
                    json.as_object_mut().and_then(|o| o.values_mut().next()).and_then(Value::as_object_mut)
                {
                    fields.remove("op");
                }
                json.to_string()
            })
            .collect();
        all.sort();
        all
    };
    recorded.len() > 1 && without_numbers(recorded) == without_numbers(attempted)
}

pub(super) fn is_permuted(a: &Value, b: &Value) -> bool {
    let sorted = |v: &Value| {
        let mut all: Vec<String> = v.as_array()?.iter().map(Value::to_string).collect();
        all.sort();
        Some(all)
    };
    a != b && a.as_array().is_some_and(|a| a.len() > 1) && sorted(a) == sorted(b)
}

/// The path to the innermost value that differs and is not only another order, and both values.
pub(super) fn difference(path: &str, a: &Value, b: &Value) -> Option<(String, Value, Value)> {
    if a == b {
        return None;
    }
    let inner = match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(k, v)| difference(&format!("{path}.{k}"), v, &b[k]))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() && !is_permuted(a, b) => {
            x.iter().zip(y).enumerate().find_map(|(i, (v, w))| difference(&format!("{path}[{i}]"), v, w))
        }
        _ => None,
    };
    inner.or_else(|| Some((path.trim_start_matches('.').to_owned(), a.clone(), b.clone())))
}
