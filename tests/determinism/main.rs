//! What the three nets of determinism catch, and what they leave alone.
//!
//! `corpus` is a workspace of its own: `honest` has workflows that are fine, and use what others go wrong with; `evasive` has workflows
//! that hide one nondeterminism each; `shared` is the crate that both call into. The test copies it, builds it, and holds what the
//! compiler and `cargo workflow check` say against what is written over each case.

mod build;
mod case;
mod project;

use build::Said;
use case::Case;
use project::Project;
use std::fmt::Write as _;

/// What is said where nothing is to be said.
fn alarms(cases: &[Case], said: &[Said]) -> String {
    let mut wrong = String::new();
    for s in said {
        let case = cases.iter().find(|c| c.holds(&s.file, s.line));
        let name = case.map_or("outside of the cases", |c| &c.name);
        writeln!(wrong, "{}:{} ({name}): {}", s.file, s.line, s.rendered.trim_end()).expect("text");
    }
    wrong
}

#[test]
fn honest_workflows_compile_without_a_word() {
    let project = Project::copy();
    let cases = project.cases("honest");
    let built = project.build("honest");
    let wrong = alarms(&cases, &built.said);
    assert!(built.finished && wrong.is_empty(), "false alarms:\n{wrong}\n{}", built.stderr);
    println!("{} honest workflows, no false alarm", cases.len());
    assert!(cases.len() >= 120, "only {} honest workflows", cases.len());
}
