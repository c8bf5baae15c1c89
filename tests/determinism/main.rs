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

use case::Case;
use project::Project;
use score::{Honest, Score};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Cases that no net catches yet, and some net can. What is out of reach for all of them is marked as such in the corpus.
const KNOWN: &[&str] = &[];

/// How many evasive workflows tokens and types catch, without calls.
const BY_COMPILER: usize = 84;

/// There is one copy of the corpus.
fn alone() -> MutexGuard<'static, ()> {
    static COPY: Mutex<()> = Mutex::new(());
    COPY.lock().unwrap_or_else(PoisonError::into_inner)
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
    let honest = Honest::of_compiler(&Project::copy());
    println!("{} honest workflows", honest.cases.len());
    assert!(honest.alarms.is_empty(), "false alarms:\n{}", honest.alarms);
    assert!(honest.cases.len() >= 120, "only {} honest workflows", honest.cases.len());
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
    let caught = score.cases.iter().filter(|c| !c.is_unreached()).count() - score.missed().len();
    assert!(caught >= BY_COMPILER, "the compiler caught {BY_COMPILER} of them once, and now {caught}");
    assert!(score.reached().is_empty(), "said to be out of reach, and caught:\n{}", listed(&score.reached()));
}

#[test]
#[ignore = "compiles every dependency anew for `cargo workflow check`: a step of .ci/run, which says --include-ignored"]
fn all_nets_together_miss_nothing_and_raise_no_false_alarm() {
    let _alone = alone();
    let project = Project::copy();
    assert!(project.build_checker(project.root()), "there is no cargo-workflow");
    let mut honest = Honest::of_compiler(&project);
    let mut score = Score::of_compiler(&project);
    let checked = project.check_calls();
    score.add_calls(&checked);
    honest.add_calls(&checked);
    println!("{}\nunder other rules:\n{}", score.table(), score.others());
    let (known, missed): (Vec<_>, Vec<_>) = score.missed().into_iter().partition(|c| KNOWN.contains(&c.name.as_str()));
    println!("known to be missed:\n{}", listed(&known));
    println!("missed:\n{}\nfalse alarms:\n{}", listed(&missed), honest.alarms);

    let seen = checked.workflows.iter().filter(|krate| *krate == "honest").count();
    assert!(seen >= honest.cases.len(), "{seen} of {} honest workflows are seen", honest.cases.len());
    assert!(missed.is_empty(), "missed:\n{}", listed(&missed));
    assert_eq!(known.len(), KNOWN.len(), "not all of KNOWN is missed: take out what is caught by now");
    assert!(score.reached().is_empty(), "said to be out of reach, and caught:\n{}", listed(&score.reached()));
    assert!(honest.alarms.is_empty(), "false alarms:\n{}", honest.alarms);
}
