//! Runs of many programs, and the report of one that fails.

use crate::{
    build::{Builder, Counts, Under, Verdict},
    program::{Program, Rendering},
    shrink::{Failure, shrink},
    source::Source,
};
use std::{collections::BTreeMap, fmt, io};

/// How many programs are compiled together.
const BATCH: usize = 30;

/// How many batches are compiled at once. rustc itself does most of its work on one thread.
const WORKERS: usize = 2;

/// What many programs did.
#[derive(Default)]
pub struct Summary {
    pub programs: usize,
    pub total: Counts,
    pub oracles: usize,
    pub uses: BTreeMap<&'static str, usize>,
    pub failing: Vec<(u64, Program, Verdict)>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { points, crashes, runs, panics } = self.total;
        write!(
            f,
            "{} programs under {} oracles each: {points} suspension points, {crashes} crashes and restores, {runs} runs of machines, {panics} panics",
            self.programs, self.oracles
        )
    }
}

/// The program of a seed.
pub fn program(seed: u64) -> Program {
    Program::generate(Source::seeded(seed), &format!("p{seed}"))
}

/// Compiles and compares the programs of these seeds.
pub fn run(builder: &Builder, seeds: impl IntoIterator<Item = u64>, under: Under) -> io::Result<Summary> {
    let mut summary = Summary { oracles: under.oracles, ..Summary::default() };
    let seeds: Vec<u64> = seeds.into_iter().collect();
    let batches: Vec<&[u64]> = seeds.chunks(BATCH).collect();
    for at_once in batches.chunks(WORKERS) {
        let judged: Vec<io::Result<_>> = std::thread::scope(|scope| {
            let batch = |(i, seeds): (usize, &[u64])| {
                let seeds = seeds.to_vec();
                scope.spawn(move || {
                    let programs: Vec<Program> = seeds.iter().copied().map(program).collect();
                    let verdicts = builder.judge(&format!("batch{i}"), &programs, under)?;
                    Ok(seeds.iter().copied().zip(programs).zip(verdicts).collect::<Vec<_>>())
                })
            };
            let running: Vec<_> = at_once.iter().copied().enumerate().map(batch).collect();
            let joined = running.into_iter().map(|r| r.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))));
            joined.collect()
        });
        for batch in judged {
            for ((seed, program), verdict) in batch? {
                summary.programs += 1;
                for (construct, n) in &program.uses {
                    *summary.uses.entry(construct).or_insert(0) += n;
                }
                match verdict {
                    Verdict::Agrees(counts) => summary.total += counts,
                    verdict => summary.failing.push((seed, program, verdict)),
                }
            }
        }
    }
    Ok(summary)
}

/// The smallest program that fails as this one does, what becomes of it, and its text.
pub fn smallest(
    builder: &Builder,
    program: Program,
    failure: Failure,
    under: Under,
    rounds: usize,
) -> io::Result<(Program, Verdict, String)> {
    let under = Under { check: failure != Failure::Differs, ..under };
    let judge = |programs: &[Program]| builder.judge("shrink", programs, under);
    let name = program.functions.last().map(|f| f.name.clone()).unwrap_or_default();
    let small = shrink(program, &name, (rounds, 24), |candidates| {
        judge(&renamed(candidates)).map(|all| all.iter().map(|v| v.failure() == Some(failure)).collect())
    })?;
    let verdict = judge(std::slice::from_ref(&small))?.pop().unwrap_or(Verdict::Agrees(Counts::default()));
    let rendering = if failure == Failure::Invalid { Rendering::Plain } else { Rendering::Workflow };
    let text = small.render(rendering);
    Ok((small, verdict, text))
}

/// Candidates are compiled together, so each gets a name of its own.
fn renamed(programs: &[Program]) -> Vec<Program> {
    let again = |(i, p): (usize, &Program)| Program::generate(Source::replay(&p.choices), &format!("c{i}"));
    programs.iter().enumerate().map(again).collect()
}
