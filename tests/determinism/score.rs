//! What each net caught of the evasive corpus.

use crate::{case::Case, project::Project, project::Treatment};
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
    /// Rustc refused a case in words that are those of no net.
    pub(crate) strange: String,
}

/// Each build shows the errors of one phase of the compiler; there are not more of them than this.
const BUILDS: usize = 8;

impl Score {
    /// Builds the evasive corpus until nothing is said any more: what a macro refuses goes on with an exemption, so that the other nets
    /// see it too, and what types refuse is taken out.
    pub(crate) fn of_compiler(project: &Project) -> Score {
        let cases = project.cases("evasive");
        let mut score = Score { caught: BTreeMap::new(), strange: String::new(), cases };
        let mut treated: BTreeMap<String, Treatment> = BTreeMap::new();
        for _ in 0..BUILDS {
            project.write(&score.cases, &treated);
            let built = project.build("evasive");
            for said in &built.said {
                let case = score.cases.iter().find(|c| said.is_of(c)).cloned();
                let Some(case) = case else { panic!("the corpus itself does not compile: {}", said.rendered) };
                score.add(&case, said, &mut treated);
            }
            if built.finished {
                return score;
            }
            assert!(built.said.iter().any(|s| s.error), "the corpus itself does not compile: {}", built.stderr);
        }
        panic!("there are errors left after {BUILDS} builds:\n{}", score.strange);
    }

    fn add(&mut self, case: &Case, said: &crate::build::Said, treated: &mut BTreeMap<String, Treatment>) {
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
        let coded = said.message.contains("[WF") && said.code.is_empty();
        match treated.get_mut(&case.name) {
            // Refused although it is exempt, or refused by types.
            Some(_) if !coded => drop(treated.insert(case.name.clone(), Treatment::Blank)),
            Some(Treatment::Exempt(rules)) => {
                let rule = said.rule().unwrap_or_default().to_owned();
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
            Some(Treatment::Blank) => {}
            None if coded => {
                let rule = said.rule().unwrap_or_default().to_owned();
                treated.insert(case.name.clone(), Treatment::Exempt(vec![rule]));
            }
            None => drop(treated.insert(case.name.clone(), Treatment::Blank)),
        }
    }

    /// What the calls of what is left show.
    pub(crate) fn add_calls(&mut self, project: &Project) {
        let checked = project.check_calls("evasive");
        for found in checked.found {
            let case = self.cases.iter().find(|c| c.holds(&found.file, found.line));
            let Some(case) = case else { panic!("found in no case: {}", found.text) };
            self.caught.entry(case.name.clone()).or_default().calls.insert(found.rule);
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
