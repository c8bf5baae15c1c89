//! The language, item by item: one small workflow for each, in the order of the table in `docs/language.md`.
//!
//! Each is compared with its function over inputs that reach all of its branches, and its checkpoints hold nothing that no
//! continuation needs.

/// A workflow and its runs.
macro_rules! case {
    ($($f:ident($($a:expr),*)),+ $(,)?) => {
        super::Case::new(vec![$(super::run(move || $f($($a),*))),+])
    };
}

mod control;
mod matching;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall, WorkflowRegistration},
    testing::differential::{Differential, Saved},
};

/// One input of a workflow: it is compared with its function, and its checkpoints are looked at.
pub struct Run {
    workflow: &'static str,
    saved: Box<dyn Fn() -> Vec<Saved>>,
}

fn run<W: Workflow>(call: impl Fn() -> WorkflowCall<W> + 'static) -> Run {
    let saved = move || {
        Differential::new(&call).run();
        Differential::new(&call).saved()
    };
    Run { workflow: W::NAME, saved: Box::new(saved) }
}

/// A workflow of the corpus, with its runs.
pub struct Case(Vec<Run>);

impl Case {
    fn new(runs: Vec<Run>) -> Self {
        Case(runs)
    }
}

#[test]
fn every_item_does_what_the_function_does_and_saves_nothing_else() {
    let all = [control::cases(), matching::cases(), places::cases()];
    let (mut idle, mut saved_locals) = (vec![], 0);
    for case in all.into_iter().flatten() {
        let mut needed: BTreeMap<(&str, String, String), bool> = BTreeMap::new();
        for run in case.0 {
            for saved in (run.saved)() {
                *needed.entry((run.workflow, saved.point, saved.local)).or_default() |= saved.needed;
            }
        }
        saved_locals += needed.len();
        idle.extend(needed.into_iter().filter(|(_, needed)| !needed).map(|(at, _)| at));
    }
    assert!(saved_locals > 30, "only {saved_locals} locals are saved at all");
    assert!(idle.is_empty(), "locals that are saved at a point and that no run needs behind it: {idle:#?}");
}

/// Every function that the table names is there, and what the table says about its file is true.
#[test]
fn the_table_of_the_language_is_true() {
    let table = include_str!("../../../docs/language.md");
    let known: BTreeSet<(String, String)> = workflow_runtime::__private::inventory::iter::<WorkflowRegistration>
        .into_iter()
        .map(|r| (r.0)())
        .map(|def| (def.name.to_owned(), def.file.rsplit("lang/").next().unwrap_or_default().to_owned()))
        .collect();
    let mut rows = 0;
    for line in table.lines().filter(|l| l.starts_with("| ") && l.contains(".rs` |")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [.., functions, file] = &cells[..] else { panic!("a row without functions: {line}") };
        let file = file.trim_matches(|c| c == '`' || c == '|' || c == ' ');
        for function in functions.split(", ").map(|f| f.trim_matches('`')) {
            let there = known.contains(&(function.to_owned(), file.to_owned()));
            assert!(there, "`{function}` is no workflow of tests/lang/{file}");
            rows += 1;
        }
    }
    assert!(rows > 85, "the table names {rows} functions only");
}
