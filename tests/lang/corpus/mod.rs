//! The language, item by item: one small workflow for each, in the order of the table in `docs/language.md`.
//!
//! Each is compared with its function over inputs that reach all of its branches, and its checkpoints hold nothing that no
//! continuation needs.

mod control;
mod matching;
mod places;
mod rest;

use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall, WorkflowRegistration},
    testing::differential::{Differential, Saved},
};

/// A workflow of the corpus, with its runs.
pub struct Case {
    name: &'static str,
    runs: Vec<Box<dyn Fn() -> Vec<Saved>>>,
}

/// A workflow without runs.
pub fn case<W: Workflow, F>(_: F) -> Case
where
    F: workflow_runtime::machine::WorkflowFn<W::Args, Def = W>,
{
    Case { name: W::NAME, runs: vec![] }
}

impl Case {
    /// Adds a run.
    fn run<W: Workflow>(mut self, call: impl Fn() -> WorkflowCall<W> + 'static) -> Self {
        let run = move || {
            crate::agree(&call);
            Differential::new(&call).saved()
        };
        self.runs.push(Box::new(run));
        self
    }
}
