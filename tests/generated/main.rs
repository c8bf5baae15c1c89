//! Programs made up at random, each compiled as plain async functions and as workflows, and compared.
//!
//! `GENERATED_SEEDS=5000 cargo test -p tests --test generated -- --nocapture` runs so many programs, from `GENERATED_FROM` on, and
//! `GENERATED_SEED=42` exactly one. What fails is made smaller before it is shown.

#![allow(unreachable_pub, reason = "the modules of a test are private")]

mod branch;
mod build;
mod chains;
mod r#gen;
mod groups;
mod items;
mod loops;
mod ops;
mod pattern;
mod program;
mod scope;
mod session;
mod shrink;
mod source;
mod stmt;
mod threads;
mod types;
mod value;

use build::{Builder, Under, Verdict};
use program::{Program, Rendering};
use shrink::{Failure, shrink};
use source::Source;
use std::{collections::BTreeMap, convert::Infallible};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn builder(name: &str) -> Builder {
    Builder::new(name).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn workflows_do_what_the_plain_functions_do() {
    let seeds: Vec<u64> = match number("GENERATED_SEED") {
        Some(seed) => vec![seed],
        None => {
            let from = number("GENERATED_FROM").unwrap_or(0);
            (from..from + number("GENERATED_SEEDS").unwrap_or(60)).collect()
        }
    };
    let (builder, under) = (builder("programs"), Under { oracles: 3, corrupt: None, check: false });
    let mut summary = session::run(&builder, seeds, under).unwrap_or_else(|e| panic!("{e}"));
    println!("{summary}");
    for (seed, _, verdict) in &summary.failing {
        println!("seed {seed}: {verdict}");
    }
    let n = summary.failing.len();
    let Some((seed, program, verdict)) = (!summary.failing.is_empty()).then(|| summary.failing.swap_remove(0)) else {
        return;
    };
    let failure = verdict.failure().unwrap_or(Failure::Differs);
    let rounds = number("GENERATED_ROUNDS").unwrap_or(40) as usize;
    let smallest = session::smallest(&builder, program, failure, under, rounds).unwrap_or_else(|e| panic!("{e}"));
    panic!(
        "{n} of {} programs fail. `GENERATED_SEED={seed} cargo test -p tests --test generated` shows this one again. The smallest program found:\n\n{}\n{}",
        summary.programs, smallest.2, smallest.1
    );
}

/// The comparison can fail, and what it reports is small.
#[test]
fn a_wrong_answer_is_found_and_made_small() {
    let (builder, under) = (builder("corrupt"), Under { oracles: 2, corrupt: Some(1), check: false });
    let summary = session::run(&builder, 0..16, under).unwrap_or_else(|e| panic!("{e}"));
    let differs = |v: &Verdict| matches!(v, Verdict::Differs(_));
    let failing = summary.failing.into_iter().filter(|(_, _, v)| differs(v)).max_by_key(|(_, p, _)| p.size());
    let Some((_, program, _)) = failing else { panic!("no program saw that the machine was answered wrongly") };
    let before = program.size();
    let (small, verdict, text) =
        session::smallest(&builder, program, Failure::Differs, under, 3).unwrap_or_else(|e| panic!("{e}"));
    assert!(differs(&verdict), "{verdict}\n{text}");
    assert!(small.size() * 2 < before, "{text}");
}

#[test]
fn a_program_is_a_function_of_its_choices() {
    for seed in 0..200 {
        let first = session::program(seed);
        let again = Program::generate(Source::replay(&first.choices), &format!("p{seed}"));
        assert_eq!(first.render(Rendering::Plain), again.render(Rendering::Plain), "seed {seed}");
    }
}

/// The renderings have the same lines, so that a panic has the same line in both.
#[test]
fn renderings_differ_in_the_heads_of_functions_only() {
    for seed in 0..200 {
        let program = session::program(seed);
        let (plain, flow) = (program.render(Rendering::Plain), program.render(Rendering::Workflow));
        assert_eq!(plain.lines().count(), flow.lines().count(), "seed {seed}");
        let differ = plain.lines().zip(flow.lines()).filter(|(p, f)| p != f).count();
        assert_eq!(differ, 1 + 2 * program.functions.len(), "seed {seed}");
    }
}

#[test]
fn what_fails_is_made_small() {
    for (construct, lines) in [("while ", 20), ("..=(", 20), (" else {", 20), ("sleep(", 20)] {
        let found = (0..).map(session::program).find(|p| p.render(Rendering::Plain).contains(construct));
        let Some(program) = found else { continue };
        let fails = |p: &Program| p.render(Rendering::Plain).contains(construct);
        let small = shrink(program, "small", (200, 24), |all| Ok::<_, Infallible>(all.iter().map(fails).collect()));
        let text = small.map(|p| p.render(Rendering::Plain)).unwrap_or_default();
        assert!(text.contains(construct) && text.lines().count() <= lines, "{construct}:\n{text}");
    }
}

#[test]
fn every_construct_is_used() {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for program in (0..2000).map(session::program) {
        program.uses.iter().for_each(|(construct, n)| *uses.entry(construct).or_default() += n);
    }
    let rare: Vec<_> = uses.iter().filter(|(_, n)| **n < 3).collect();
    assert!(rare.is_empty(), "{rare:?}");
    assert!(uses.len() >= 100, "{} constructs: {uses:#?}", uses.len());
}
