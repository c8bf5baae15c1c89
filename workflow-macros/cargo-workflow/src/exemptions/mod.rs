//! What the user has exempted: in the source, where the macro leaves a record of it in the object file, and in a list.

mod list;
mod record;

pub(crate) use list::List;
pub(crate) use record::{Record, find as records};

use crate::graph::{At, Graph, NodeId};
use crate::{
    lines::Lines,
    roots::Root,
    rules,
    search::{All, Filter, Found, Search},
};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};
use workflow_rules::Rule;

/// A finding that was silenced, and why.
#[derive(Debug, Clone)]
pub(crate) struct Silenced {
    pub(crate) found: Found,
    pub(crate) reason: String,
}

/// What a search of one workflow found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) open: Vec<Found>,
    pub(crate) silenced: Vec<Silenced>,
}

/// Which exemptions silenced something, over all workflows.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub(crate) records: Vec<bool>,
    pub(crate) list: Vec<bool>,
}

/// One exemption that can apply to a workflow.
enum Exemption<'e> {
    Record(usize, &'e Record),
    Entry(usize, &'e list::Entry),
}

impl Exemption<'_> {
    fn rule(&self) -> &'static Rule {
        match self {
            Exemption::Record(_, r) => r.rule,
            Exemption::Entry(_, e) => e.rule,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Exemption::Record(_, r) => &r.reason,
            Exemption::Entry(_, e) => &e.reason,
        }
    }
}

/// Searches one workflow, and takes out what is exempted.
///
/// A finding is silenced only if every way to it leads through the exempted code: the search is made again without that code.
pub(crate) fn apply(
    search: &Search<'_>,
    lines: &Lines<'_>,
    root: &Root,
    step: NodeId,
    (records, list): (&[Record], &List),
    used: &mut Used,
) -> Outcome {
    let all = search.run(step, &All);
    let mut outcome = Outcome::default();
    let records = records.iter().enumerate().filter(|(_, r)| r.workflow == root.name && same_file(&r.file, &root.file));
    let mut exemptions: Vec<Exemption<'_>> = records.map(|(i, r)| Exemption::Record(i, r)).collect();
    exemptions
        .extend(list.entries.iter().enumerate().filter(|(_, e)| e.is_for(root)).map(|(i, e)| Exemption::Entry(i, e)));
    if exemptions.is_empty() {
        outcome.open = all;
        return outcome;
    }
    let own = Own::of(search.graph, step);
    let mut by_rule: HashMap<&str, Vec<&Exemption<'_>>> = HashMap::new();
    for e in &exemptions {
        by_rule.entry(e.rule().code).or_default().push(e);
    }
    let of = |code: &str, found: Vec<Found>| found.into_iter().filter(|f| f.rule.code == code).collect::<Vec<_>>();
    for found in &all {
        if !by_rule.contains_key(found.rule.code) {
            outcome.open.push(found.clone());
        }
    }
    for (code, exemptions) in by_rule {
        let without = Without { search, lines, own: &own, root, exemptions: &exemptions };
        let rest = of(code, search.run(step, &without));
        for found in all.iter().filter(|f| f.rule.code == code && !rest.iter().any(|r| same(r, f))) {
            let reason = exemptions.first().map(|e| e.reason().to_owned()).unwrap_or_default();
            outcome.silenced.push(Silenced { found: found.clone(), reason });
        }
        for e in &exemptions {
            if without.is_needed(e, step, &all) {
                match e {
                    Exemption::Record(i, _) => used.records[*i] = true,
                    Exemption::Entry(i, _) => used.list[*i] = true,
                }
            }
        }
        outcome.open.extend(rest);
    }
    outcome.open.sort_by_key(|f| f.hops.len());
    outcome
}

fn same(a: &Found, b: &Found) -> bool {
    a.rule.code == b.rule.code && a.hops.last().map(|h| h.node) == b.hops.last().map(|h| h.node)
}

/// One of them may be absolute.
fn same_file(a: &str, b: &str) -> bool {
    a == b || a.ends_with(&format!("/{b}")) || b.ends_with(&format!("/{a}"))
}

/// The functions that a workflow's own code was compiled to: the step function, and the closures in it.
struct Own(String);

impl Own {
    fn of(graph: &Graph, step: NodeId) -> Self {
        // A closure's symbol names the function around it: `..step` is in `..step::{closure}`.
        let symbol = &graph.node(step).symbol;
        Own(symbol.trim_start_matches('_').trim_start_matches('R').to_owned())
    }

    fn contains(&self, graph: &Graph, node: NodeId) -> bool {
        graph.node(node).symbol.contains(&self.0)
    }
}

/// A search without exempted code.
struct Without<'e> {
    search: &'e Search<'e>,
    lines: &'e Lines<'e>,
    own: &'e Own,
    root: &'e Root,
    exemptions: &'e [&'e Exemption<'e>],
}

impl Without<'_> {
    /// Whether something in the code of one exemption breaks its rule, whatever else does.
    fn is_needed(&self, e: &Exemption<'_>, step: NodeId, all: &[Found]) -> bool {
        let breaks = |found: &[Found]| found.iter().any(|f| f.rule.code == e.rule().code);
        match e {
            Exemption::Record(_, record) if !record.is_whole(self.root) => {
                breaks(&self.search.run(step, &Only { of: self, record }))
            }
            Exemption::Entry(_, list::Entry { function: Some(function), .. }) => {
                let graph = self.search.graph;
                let is_it = |n: NodeId| rules::matches(&graph.name(n).path, function);
                let ends = |f: &Found| f.hops.last().is_some_and(|h| is_it(h.node));
                let reached = Reached { is_it: &is_it, nodes: RefCell::default() };
                self.search.run(step, &reached);
                let nodes = reached.nodes.into_inner();
                all.iter().any(|f| f.rule.code == e.rule().code && ends(f))
                    || nodes.into_iter().any(|n| breaks(&self.search.run(n, &All)))
            }
            Exemption::Record(..) | Exemption::Entry(..) => breaks(all),
        }
    }

    /// Whether a call stands in the lines of a record.
    fn covers(&self, record: &Record, from: NodeId, at: At) -> bool {
        self.own.contains(self.search.graph, from) && self.lines.own(at).is_some_and(|l| record.covers(l.line))
    }
}

impl Filter for Without<'_> {
    fn follows(&self, from: NodeId, at: At, to: NodeId) -> bool {
        let graph = self.search.graph;
        !self.exemptions.iter().any(|e| match e {
            Exemption::Record(_, r) => r.is_whole(self.root) || self.covers(r, from, at),
            Exemption::Entry(_, e) => e.function.as_ref().is_none_or(|f| rules::matches(&graph.name(to).path, f)),
        })
    }
}

/// A search of the statement of a record alone.
struct Only<'e> {
    of: &'e Without<'e>,
    record: &'e Record,
}

impl Filter for Only<'_> {
    fn follows(&self, from: NodeId, at: At, to: NodeId) -> bool {
        let (own, graph) = (self.of.own, self.of.search.graph);
        // A closure is named where it is made, and its code has lines of its own.
        if !own.contains(graph, from) || own.contains(graph, to) {
            return true;
        }
        // What the macro has written has the line of the attribute.
        let line = self.of.lines.own(at).map(|l| l.line).filter(|l| *l != self.of.root.line);
        line.is_none_or(|l| self.record.covers(l))
    }
}

/// A search that notes which of some functions it reaches.
struct Reached<'e> {
    is_it: &'e dyn Fn(NodeId) -> bool,
    nodes: RefCell<HashSet<NodeId>>,
}

impl Filter for Reached<'_> {
    fn follows(&self, _: NodeId, _: At, to: NodeId) -> bool {
        if (self.is_it)(to) {
            self.nodes.borrow_mut().insert(to);
        }
        true
    }
}
