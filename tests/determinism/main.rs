//! What the three nets of determinism catch, and what they leave alone.
//!
//! `corpus` is a workspace of its own: `honest` has workflows that are fine, and use what others go wrong with; `evasive` has workflows
//! that hide one nondeterminism each; `shared` is the crate that both call into, and `stubs` has small crates with the names of large
//! ones. The test copies it, builds it, and holds what the compiler and `cargo workflow check` say against what is written over each
//! case.
//!
//! What the compiler says is a part of `cargo test`. `cargo workflow check` compiles all dependencies anew, with its own flags, so the
//! whole judgement is a step of `.ci/run`: `cargo test -p tests --test determinism -- --include-ignored --nocapture`.

mod build;
mod calls;
mod case;
mod project;
mod score;

use build::Said;
use case::Case;
use project::Project;
use score::Score;
use std::{
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Cases that no net catches yet, and some net will: each is a bug that its owner knows.
const KNOWN: &[&str] = &[];

/// There is one copy of the corpus.
fn alone() -> MutexGuard<'static, ()> {
    static COPY: Mutex<()> = Mutex::new(());
    COPY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is said where nothing is to be said.
fn alarms(cases: &[Case], said: &[Said]) -> String {
    let mut wrong = String::new();
    for s in said {
        let case = cases.iter().find(|c| s.is_of(c));
        let name = case.map_or("outside of the cases", |c| &c.name);
        writeln!(wrong, "{}:{} ({name}): {}", s.file, s.line, s.rendered.trim_end()).expect("text");
    }
    wrong
}

fn listed(cases: &[&Case]) -> String {
    let line = |c: &&Case| {
        let place = c.hides.as_ref().map_or("", |h| &h.place);
        format!("  {}:{} {} ({}): {place}\n", c.file, c.first, c.name, c.rule())
    };
    cases.iter().map(line).collect()
}

#[test]
fn honest_workflows_compile_without_a_word() {
    let _alone = alone();
    let project = Project::copy();
    let cases = project.cases("honest");
    let built = project.build("honest");
    let wrong = alarms(&cases, &built.said);
    assert!(built.finished && wrong.is_empty(), "false alarms:\n{wrong}\n{}", built.stderr);
    println!("{} honest workflows, no false alarm", cases.len());
    assert!(cases.len() >= 120, "only {} honest workflows", cases.len());
}

/// Of tokens and types, without calls: not all is caught, but what is caught is caught under its rule.
#[test]
fn evasive_workflows_are_refused_by_the_compiler() {
    let _alone = alone();
    let score = Score::of_compiler(&Project::copy());
    println!("{}\nmissed by tokens and types:\n{}", score.table(), listed(&score.missed()));
    println!("under other rules:\n{}", score.others());
    assert!(score.strange.is_empty(), "refused in words that are those of no net:\n{}", score.strange);
    let hidden = score.cases.iter().filter(|c| c.hides.is_none()).collect::<Vec<_>>();
    assert!(hidden.is_empty(), "without a rule:\n{}", listed(&hidden));
    assert!(score.cases.len() >= 120, "only {} evasive workflows", score.cases.len());
    assert!(score.reached().is_empty(), "said to be out of reach, and caught:\n{}", listed(&score.reached()));
}

#[test]
#[ignore = "compiles every dependency anew for `cargo workflow check`: a step of .ci/run, which says --include-ignored"]
fn all_nets_together_miss_nothing_and_raise_no_false_alarm() {
    let _alone = alone();
    let project = Project::copy();
    assert!(project.build_checker(project.root()), "there is no cargo-workflow");
    let mut score = Score::of_compiler(&project);
    score.add_calls(&project);
    println!("{}\nunder other rules:\n{}", score.table(), score.others());
    let missed: Vec<_> = score.missed().into_iter().filter(|c| !KNOWN.contains(&c.name.as_str())).collect();
    println!("missed:\n{}", listed(&missed));

    let honest = project.cases("honest");
    let checked = project.check_calls("honest");
    assert!(checked.workflows >= honest.len(), "{} of {} workflows are seen", checked.workflows, honest.len());
    let mut wrong = String::new();
    for found in &checked.found {
        let case = honest.iter().find(|c| c.holds(&found.file, found.line));
        writeln!(wrong, "{}: {}", case.map_or("?", |c| &c.name), found.text).expect("text");
    }
    println!("false alarms of the calls:\n{wrong}");
    assert!(missed.is_empty(), "missed:\n{}", listed(&missed));
    assert!(score.reached().is_empty(), "said to be out of reach, and caught:\n{}", listed(&score.reached()));
    assert!(wrong.is_empty(), "false alarms:\n{wrong}");
}
