//! The static description of a workflow's state machine, and the rule that decides whether a
//! checkpoint written under one description can be resumed under another.
//!
//! The macro writes definitions, the runtime stores and compares them, and both use the one
//! function [`compatibility`](compatibility()), so that a compile error, a preflight check and a blocked instance can
//! never disagree.

mod compatibility;
mod diagram;
mod fingerprint;

pub use compatibility::{Incompatible, Parked, Renamed, Resume, compatibility};
pub use fingerprint::Fingerprint;

use serde::{Deserialize, Serialize};

/// The label of the point at which every run starts, before its first operation.
pub const START: &str = "start";

/// Label under which a definition says what is behind branch `index` of the fork with this label once the branch is over.
/// No run waits there; only a branch that has `patched!` sites has one.
pub fn over(fork: &str, index: usize) -> String {
    format!("{fork}/{index} (over)")
}

/// What the compiler knows about one workflow function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The registered name of the workflow.
    pub name: String,
    /// The source file, as the compiler named it.
    pub file: String,
    /// Arguments in order.
    pub parameters: Vec<Parameter>,
    /// Suspension points in source order.
    pub points: Vec<Point>,
    /// Control flow between points; `None` on either side is the start or the end.
    pub edges: Vec<Edge>,
    /// Ids of every `patched!` in the function, in source order, without repetition.
    pub patches: Vec<String>,
}

/// An argument of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name, or `_0`, `_1`, .. where the argument is a pattern.
    pub name: String,
    /// The type as written, without white space.
    pub ty: String,
}

/// A place where the machine can stop: a durable `.await`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Stable name of the point, unique in the definition. Frames store it.
    pub label: String,
    /// What is awaited, as written: the callee or the method (`charge`, `APPROVED.recv`, `sleep`).
    pub operation: String,
    /// Line of the `.await` in the source file. Not part of the fingerprint.
    pub line: u32,
    /// Keys of the slots that a frame parked here holds, sorted.
    pub live: Vec<String>,
    /// Ids of the `patched!` sites from which control can reach this point, sorted.
    pub passed: Vec<String>,
    /// Ids that `patched!` says are true on every way to this point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patched: Vec<String>,
    /// Ids that it says are false on every way to this point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpatched: Vec<String>,
}

/// A way from one point to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Label of the point that is left; `None`: the start.
    pub from: Option<String>,
    /// Label of the point that is reached; `None`: the end.
    pub to: Option<String>,
}

impl Definition {
    /// The point with this label.
    pub fn point(&self, label: &str) -> Option<&Point> {
        self.points.iter().find(|p| p.label == label)
    }

    /// Hash of everything that decides how a frame is read. Source lines and file names are not part of it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }
}
