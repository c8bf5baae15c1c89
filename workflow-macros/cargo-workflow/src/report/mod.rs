//! What is said of a check.

mod json;
mod sarif;
mod text;

use crate::{
    exemptions::{List, Outcome, Record, Used},
    graph::{Graph, NodeId},
    lines::{Line, Lines},
    name::EXTERN,
    roots::Root,
    rules::Place,
    search::{Found, Hop},
};
use serde::Serialize;
use std::{collections::HashSet, time::Duration};
use workflow_rules::{Rule, Severity};

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// The answer of a check.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) workflows: Vec<Workflow>,
    /// Exemptions that nothing needs.
    pub(crate) unneeded: Vec<Unneeded>,
    pub(crate) measured: Measured,
}

/// What was found in a workflow.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Workflow {
    pub(crate) name: String,
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) findings: Vec<Finding>,
    pub(crate) silenced: Vec<Silenced>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) message: String,
    /// The last call in code of the user's.
    #[serde(flatten)]
    pub(crate) place: Option<Source>,
    /// From the workflow to what breaks the rule. The place of a step is that of its call of the next one.
    pub(crate) chain: Vec<Step>,
}

/// A place in the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) line: u32,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    pub(crate) function: String,
    #[serde(rename = "crate", skip_serializing_if = "Option::is_none")]
    pub(crate) krate: Option<String>,
    #[serde(flatten)]
    pub(crate) place: Option<Source>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Silenced {
    #[serde(flatten)]
    pub(crate) finding: Finding,
    pub(crate) reason: String,
}

/// An exemption without which nothing would be found.
#[derive(Debug, Serialize)]
pub(crate) struct Unneeded {
    pub(crate) rule: &'static str,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) message: String,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    pub(crate) files: usize,
    pub(crate) symbols: usize,
    pub(crate) references: usize,
    /// Without the build.
    pub(crate) milliseconds: u64,
}

impl Report {
    /// Whether something stops the build.
    pub(crate) fn fails(&self) -> bool {
        let error = |f: &Finding| f.severity == "error";
        !self.unneeded.is_empty() || self.workflows.iter().any(|w| w.findings.iter().any(error))
    }

    /// Writes the report in a form.
    pub(crate) fn print(&self, format: Format) -> String {
        match format {
            Format::Human => text::text(self),
            Format::Json => json::json(self),
            Format::Sarif => sarif::sarif(self),
        }
    }
}

/// Makes a report of outcomes.
pub(crate) struct Writer<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) lines: &'g Lines<'g>,
}

impl Writer<'_> {
    pub(crate) fn workflow(&self, root: &Root, outcome: &Outcome) -> Workflow {
        let mut findings: Vec<Finding> = outcome.open.iter().map(|f| self.finding(root, f)).collect();
        findings.sort_by(|a, b| (a.rule, a.chain.len()).cmp(&(b.rule, b.chain.len())));
        // One line that reaches several sinks of a rule is one mistake; the shortest way tells it best.
        let mut told: HashSet<(&str, Option<Source>)> = HashSet::new();
        findings.retain(|f| f.place.is_none() || told.insert((f.rule, f.place.clone())));
        let silenced = outcome
            .silenced
            .iter()
            .map(|s| Silenced { finding: self.finding(root, &s.found), reason: s.reason.clone() });
        Workflow {
            name: root.name.clone(),
            krate: root.krate.clone(),
            file: self.lines.shown(&root.file),
            line: root.line,
            findings,
            silenced: silenced.collect(),
        }
    }

    fn finding(&self, root: &Root, found: &Found) -> Finding {
        let own = found.hops.iter().rev().find(|h| h.place == Place::Local && h.call.is_some());
        let place = own.and_then(|h| self.line(h)).map(place);
        let sink = found.hops.last().map(|h| self.sink(h.node)).unwrap_or_default();
        Finding {
            rule: found.rule.code,
            severity: severity(found.rule),
            message: found.rule.message(&format!("{sink} {}", found.does)),
            place,
            chain: self.chain(root, &found.hops),
        }
    }

    /// The steps of a way. What the workflow's own function was compiled to, the step function and its closures, is one step.
    fn chain(&self, root: &Root, hops: &[Hop]) -> Vec<Step> {
        let is_own = |h: &&Hop| self.is_part_of_step(root, h.node);
        let own = hops.iter().take_while(is_own).count().max(1);
        let mut steps = vec![Step {
            function: format!("workflow `{}`", root.name),
            krate: Some(root.krate.clone()),
            place: hops.get(own - 1).and_then(|h| self.line(h)).map(place),
        }];
        steps.extend(hops.iter().skip(own).filter_map(|h| {
            let name = self.graph.name(h.node);
            // A vtable or a constant has no name that says anything.
            if name.krate.is_none() && !name.path.starts_with(EXTERN) || self.graph.node(h.node).anonymous {
                return None;
            }
            Some(Step {
                function: name.short().into_owned(),
                krate: name.krate.clone(),
                place: self.line(h).map(place),
            })
        }));
        steps
    }

    fn is_part_of_step(&self, root: &Root, node: NodeId) -> bool {
        let step = root.step.map(|s| self.graph.name(s).path.as_str());
        step.is_some_and(|step| self.graph.name(node).path.starts_with(step)) || self.graph.node(node).anonymous
    }

    /// Where a hop calls the next one. In the standard library it is nobody's concern.
    fn line(&self, hop: &Hop) -> Option<Line> {
        match hop.place {
            Place::Local => self.lines.own(hop.call?),
            Place::Foreign | Place::Trusted => {
                let line = self.lines.any(hop.call?)?;
                // A dependency is compiled in its own folder.
                let krate = self.graph.name(hop.node).krate.as_deref().filter(|_| line.file.starts_with("src/"));
                let file = krate.map_or(line.file.clone(), |k| format!("{k}/{}", line.file));
                Some(Line { file, ..line })
            }
            Place::Std | Place::Unknown => None,
        }
    }

    /// The beginning of the sentence: the last two parts of the path.
    fn sink(&self, node: NodeId) -> String {
        let name = self.graph.name(node);
        if let Some(function) = name.path.strip_prefix(EXTERN) {
            return format!("`{function}` of the C library");
        }
        let path = name.path.trim_start_matches('<').replace("::{", "::").replace('}', "");
        let (of, method) = path.rsplit_once("::").unwrap_or(("", &path));
        let of = of.split(" as ").next().unwrap_or(of);
        let last = of.rsplit("::").next().unwrap_or(of);
        let last = last.trim_end_matches('>');
        if last.is_empty() { format!("`{method}`") } else { format!("`{last}::{method}`") }
    }
}

/// What nothing needs, of records and list.
pub(crate) fn unneeded(records: &[Record], list: &List, used: &Used, file: &str) -> Vec<Unneeded> {
    let of_record =
        records.iter().zip(&used.records).filter(|(r, used)| !**used && !r.used_by_macro && !r.is_decided_elsewhere());
    let of_list = list.entries.iter().zip(&used.list).filter(|(_, used)| !**used);
    let message = "this exemption is not needed: nothing breaks the rule here any more; take it out, so that what comes later is found";
    let records = of_record.map(|(r, _)| Unneeded {
        rule: r.rule.code,
        file: r.file.clone(),
        line: r.first,
        message: message.into(),
    });
    let list = of_list.map(|(e, _)| Unneeded {
        rule: e.rule.code,
        file: file.into(),
        line: e.line as u32,
        message: message.into(),
    });
    records.chain(list).collect()
}

fn place(line: Line) -> Source {
    Source { file: line.file, line: line.line }
}

fn severity(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

impl Measured {
    pub(crate) fn new(graph: &Graph, files: usize, took: Duration) -> Self {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Measured { files, symbols: graph.len(), references: graph.edges(), milliseconds }
    }
}
