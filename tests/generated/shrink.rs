//! Makes a failing program smaller: parts of its choices are left out or replaced by simpler ones. Many candidates are compiled
//! together, and the smallest that still fails goes on.

use crate::{build::Verdict, program::Program, source::Source};
use std::{collections::BTreeSet, fmt};

/// What a failure is recognised by. Another failure is not the same program made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Differs,
    Refused,
    Invalid,
}

impl Verdict {
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Verdict::Agrees(_) => None,
            Verdict::Differs(_) => Some(Failure::Differs),
            Verdict::Refused(_) => Some(Failure::Refused),
            Verdict::Invalid(_) => Some(Failure::Invalid),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Agrees(_) => f.write_str("the renderings agree"),
            Verdict::Differs(why) => write!(f, "the renderings differ: {why}"),
            Verdict::Refused(why) => write!(f, "the workflow does not compile: {why}"),
            Verdict::Invalid(why) => write!(f, "not even the plain function compiles: {why}"),
        }
    }
}

/// The smallest failing program found in so many rounds of so many candidates.
pub fn shrink<E>(
    program: Program,
    name: &str,
    (rounds, width): (usize, usize),
    mut fails: impl FnMut(&[Program]) -> Result<Vec<bool>, E>,
) -> Result<Program, E> {
    let mut best = program;
    let mut tried = BTreeSet::new();
    let mut skip = 0;
    for _ in 0..rounds {
        let mut round = candidates(&best, name, &mut tried, width, &mut skip);
        if round.is_empty() {
            break;
        }
        let failing = fails(&round)?;
        let smallest = (0..round.len()).filter(|i| failing[*i]).min_by_key(|i| weight(&round[*i]));
        if let Some(i) = smallest {
            best = round.swap_remove(i);
            skip = 0;
        }
    }
    Ok(best)
}

fn weight(p: &Program) -> (usize, usize, u32) {
    (p.size(), p.choices.len(), p.choices.iter().sum())
}

/// Smaller programs, the boldest first.
fn candidates(
    program: &Program,
    name: &str,
    tried: &mut BTreeSet<Vec<u32>>,
    width: usize,
    skip: &mut usize,
) -> Vec<Program> {
    let (all, choices) = (ideas(program), &program.choices);
    let mut found = vec![];
    while let Some(idea) = all.get(*skip) {
        *skip += 1;
        let mut fewer = choices.clone();
        match *idea {
            Idea::Remove(a, b) => drop(fewer.drain(a..b)),
            Idea::Zero(a, b) => fewer[a..b].fill(0),
            Idea::Simplest(a, b) => drop(fewer.splice(a..b, [0])),
            Idea::Hoist((a, b), (c, d)) => {
                let inner = choices[c..d].to_vec();
                fewer.splice(a..b, inner);
            }
            Idea::Less(i) => fewer[i] /= 2,
        }
        let smaller = Program::generate(Source::replay(&fewer), name);
        if weight(&smaller) < weight(program) && tried.insert(smaller.choices.clone()) {
            found.push(smaller);
            if found.len() == width {
                break;
            }
        }
    }
    found
}

enum Idea {
    Remove(usize, usize),
    Zero(usize, usize),
    Simplest(usize, usize),
    Hoist((usize, usize), (usize, usize)),
    Less(usize),
}

fn ideas(program: &Program) -> Vec<Idea> {
    let mut spans = program.spans.clone();
    spans.sort_by_key(|(a, b)| std::cmp::Reverse(b - a));
    let mut ideas = vec![];
    for &(a, b) in &spans {
        ideas.extend([Idea::Simplest(a, b), Idea::Remove(a, b)]);
        ideas.extend(a.checked_sub(1).map(|before| Idea::Remove(before, b)));
        let inner = spans.iter().filter(|(c, d)| a <= *c && *d <= b && d - c < b - a && d > c);
        ideas.extend(inner.take(6).map(|s| Idea::Hoist((a, b), *s)));
        ideas.push(Idea::Zero(a, b));
    }
    ideas.extend(
        (0..program.choices.len())
            .filter(|i| program.choices[*i] > 0)
            .flat_map(|i| [Idea::Zero(i, i + 1), Idea::Less(i), Idea::Remove(i, i + 1)]),
    );
    ideas
}
