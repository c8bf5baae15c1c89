//! The engine under simulation: random programs, random faults, and the invariants after every commit.
//!
//! `SIM_SEEDS=10000 cargo test -p tests --test sim` runs that many seeds, `SIM_SEED=42` exactly one.

mod generate;
mod model;
mod program;
mod rebuild;

use workflow_runtime::{engine::Bug, testing::sim::Simulation};

/// Random programs, several at a time, and clients who disturb them.
fn programs() -> Simulation {
    Simulation::new(generate::world)
}

/// Of a tenth of the seeds that the others run.
#[test]
fn the_same_seed_gives_the_same_run() {
    let seeds = std::env::var("SIM_SEEDS").ok().and_then(|s| s.parse::<u64>().ok()).unwrap_or(200);
    for seed in 0..seeds / 10 {
        let first = programs().run_seed(seed).unwrap_or_else(|failure| panic!("{failure}"));
        let second = programs().run_seed(seed).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn random_programs_keep_every_invariant_whatever_fails() {
    let summary = programs().seeds(0..200).run().unwrap_or_else(|failure| panic!("{failure}"));
    println!("{summary}");
}

/// The defect is found within 200 seeds.
fn finds(bug: Bug, invariants: &[&str]) {
    let failure = programs().bug(bug).fixed_seeds(0..200).run().expect_err("the defect is not found");
    let found = invariants.iter().any(|i| failure.invariant.starts_with(i));
    assert!(found, "it is found as something else: {failure}");
    let shown = failure.to_string();
    assert!(shown.contains(&format!("SIM_SEED={}", failure.seed)), "{shown}");
    assert!(!failure.tail.is_empty() && failure.tail.len() <= 50);
}

#[test]
fn an_effect_before_its_commit_is_found() {
    finds(Bug::EffectBeforeCommit, &["I1"]);
}

#[test]
fn a_lost_signal_is_found() {
    finds(Bug::LostSignal, &["I5"]);
}

#[test]
fn a_doubled_completion_is_found() {
    finds(Bug::DoubledCompletion, &["I1", "I5"]);
}
