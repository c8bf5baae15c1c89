//! What each net caught of the evasive corpus.

use crate::{
    build::Said,
    calls::Checked,
    case::Case,
    project::{Project, Treatment},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Which nets said which rules of one case.
#[derive(Debug, Default, Clone)]
pub(crate) struct Caught {
    pub(crate) tokens: BTreeSet<String>,
    pub(crate) types: BTreeSet<String>,
    pub(crate) calls: BTreeSet<String>,
}

/// What was caught of each case, by its name.
pub(crate) struct Score {
    pub(crate) cases: Vec<Case>,
    pub(crate) caught: BTreeMap<String, Caught>,
    /// What the cases are built as.
    treated: BTreeMap<String, Treatment>,
    /// Rustc refused a case in words that are those of no net.
    pub(crate) strange: String,
}

/// What the compiler says of the honest corpus, where it is to say nothing.
pub(crate) struct Honest {
    pub(crate) cases: Vec<Case>,
    pub(crate) alarms: String,
}

impl Honest {
    /// Builds the honest corpus. What is refused is taken out, so that the calls of all others can be looked at.
    pub(crate) fn of_compiler(project: &Project) -> Honest {
        let mut honest = Honest { cases: project.cases("honest"), alarms: String::new() };
        let mut treated: BTreeMap<String, Treatment> = BTreeMap::new();
        for _ in 0..BUILDS {
            project.write("honest", &honest.cases, &treated);
            let built = project.build("honest");
            for said in &built.said {
                let case = honest.cases.iter().find(|c| said.is_of(c));
                let Some(case) = case else { panic!("the corpus itself does not compile: {}", said.rendered) };
                writeln!(honest.alarms, "{}: {}", case.name, said.rendered.trim_end()).expect("text");
                if said.error {
                    treated.insert(case.name.clone(), Treatment::Blank);
                }
            }
            if built.finished {
                return honest;
            }
            assert!(built.said.iter().any(|s| s.error), "the corpus itself does not compile: {}", built.stderr);
        }
        panic!("there are errors left after {BUILDS} builds:\n{}", honest.alarms);
    }

    /// What the calls show, where nothing is to be found.
    pub(crate) fn add_calls(&mut self, checked: &Checked) {
        for found in checked.found.iter().filter(|f| f.package == "honest") {
            let case = self.cases.iter().find(|c| c.holds(&found.file, found.line));
            writeln!(self.alarms, "{}: {}", case.map_or("?", |c| &c.name), found.text).expect("text");
        }
    }
}

/// Each build shows the errors of one phase of the compiler; there are not more of them than this.
const BUILDS: usize = 8;

impl Score {
    /// Builds the evasive corpus until nothing is said any more: what is refused goes on with an exemption, so that the other nets see it
    /// too, and what is refused all the same is taken out.
    pub(crate) fn of_compiler(project: &Project) -> Score {
        let cases = project.cases("evasive");
        let mut score = Score { caught: BTreeMap::new(), treated: BTreeMap::new(), strange: String::new(), cases };
        for _ in 0..BUILDS {
            project.write("evasive", &score.cases, &score.treated);
            let built = project.build("evasive");
            let mut next = score.treated.clone();
            let (named, others): (Vec<_>, Vec<_>) = built.said.iter().partition(|s| s.named().is_some());
            for said in named.into_iter().chain(others) {
                let case = score.cases.iter().find(|c| said.is_of(c)).cloned();
                let Some(case) = case else { panic!("the corpus itself does not compile: {}", said.rendered) };
                score.add(&case, said, &mut next);
            }
            score.treated = next;
            if built.finished {
                return score;
            }
            assert!(built.said.iter().any(|s| s.error), "the corpus itself does not compile: {}", built.stderr);
        }
        panic!("there are errors left after {BUILDS} builds:\n{}", score.strange);
    }

    fn add(&mut self, case: &Case, said: &Said, next: &mut BTreeMap<String, Treatment>) {
        let caught = self.caught.entry(case.name.clone()).or_default();
        match said.rule() {
            Some(rule) if said.code.is_empty() => drop(caught.tokens.insert(rule.to_owned())),
            Some(rule) => drop(caught.types.insert(rule.to_owned())),
            // A message that follows from another one.
            None if !caught.types.is_empty() || !caught.tokens.is_empty() => {}
            None => writeln!(self.strange, "{}", said.rendered.trim_end()).expect("text"),
        }
        if !said.error {
            return;
        }
        let before = self.treated.get(&case.name);
        match (said.named(), next.get_mut(&case.name)) {
            // In spite of an exemption.
            (Some(rule), _) if before.is_some_and(|t| t.exempts(rule)) => {
                next.insert(case.name.clone(), Treatment::Blank);
            }
            (Some(rule), Some(Treatment::Exempt(rules))) => drop(rules.insert(rule.to_owned())),
            (Some(rule), None) => {
                next.insert(case.name.clone(), Treatment::Exempt(BTreeSet::from([rule.to_owned()])));
            }
            // What follows from another error of this build may be gone in the next one.
            (None, now) if now.as_deref() == before => drop(next.insert(case.name.clone(), Treatment::Blank)),
            _ => {}
        }
    }

    /// What the calls of what is left show.
    pub(crate) fn add_calls(&mut self, checked: &Checked) {
        for found in checked.found.iter().filter(|f| f.package == "evasive") {
            let case = self.cases.iter().find(|c| c.holds(&found.file, found.line));
            let Some(case) = case else { panic!("found in no case: {}", found.text) };
            self.caught.entry(case.name.clone()).or_default().calls.insert(found.rule.clone());
        }
    }

    /// The cases of which nobody said what is written over them.
    pub(crate) fn missed(&self) -> Vec<&Case> {
        let hit = |c: &&Case| self.nets(c).iter().any(|net| *net);
        self.cases.iter().filter(|c| !c.is_unreached() && !hit(c)).collect()
    }

    /// The cases that are said to be out of reach, and are not.
    pub(crate) fn reached(&self) -> Vec<&Case> {
        self.cases.iter().filter(|c| c.is_unreached() && self.nets(c).iter().any(|net| *net)).collect()
    }

    /// Whether tokens, types and calls said what is written over a case.
    fn nets(&self, case: &Case) -> [bool; 3] {
        let caught = self.caught.get(&case.name).cloned().unwrap_or_default();
        [caught.tokens, caught.types, caught.calls].map(|rules| rules.iter().any(|r| case.expects(r)))
    }

    /// What was said of a case under rules that are not written over it.
    pub(crate) fn others(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            let Some(caught) = self.caught.get(&case.name) else { continue };
            for (net, rules) in [("tokens", &caught.tokens), ("types", &caught.types), ("calls", &caught.calls)] {
                for rule in rules.iter().filter(|r| !case.expects(r)) {
                    writeln!(text, "  {} ({}): {net} say {rule}", case.name, case.rule()).expect("text");
                }
            }
        }
        text
    }

    /// The table: for each rule, how many cases there are and how many each net caught.
    pub(crate) fn table(&self) -> String {
        let mut rows: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
        for case in self.cases.iter().filter(|c| !c.is_unreached()) {
            let nets = self.nets(case);
            for key in [case.rule(), "all"] {
                let row = rows.entry(key).or_default();
                row[0] += 1;
                (1..4).for_each(|i| row[i] += usize::from(nets[i - 1]));
                row[4] += usize::from(nets.iter().any(|n| *n));
            }
        }
        let mut text =
            format!("{:<6}{:>7}{:>8}{:>7}{:>7}{:>9}\n", "rule", "cases", "tokens", "types", "calls", "caught");
        for (rule, [cases, tokens, types, calls, caught]) in rows {
            writeln!(text, "{rule:<6}{cases:>7}{tokens:>8}{types:>7}{calls:>7}{caught:>9}").expect("text");
        }
        text
    }
}
