//! The graph checks itself: a failure is a bug of the compiler and says so.

use crate::{
    analyze::Facts,
    diagnostic::Errors,
    ir::{Machine, Origin, Term, VarSet},
};

pub(crate) fn validate(m: &Machine, facts: &Facts, errors: &Errors) {
    let bug = |what: String| {
        errors.at(
            proc_macro2::Span::call_site(),
            format!("this is a bug of the workflow compiler, not of your code; please report it: {what}"),
        );
    };
    for n in &facts.reachable {
        let node = &m.nodes[*n];
        if matches!(node.term, Term::Open) {
            bug(format!("node {n} has no end"));
        }
        if node.order == usize::MAX {
            bug(format!("node {n} was never written"));
        }
        for s in node.term.successors() {
            if s >= m.nodes.len() {
                bug(format!("node {n} leads to {s}, which does not exist"));
            }
        }
    }
    // At the entry nothing has a value yet. What the user declares and never assigns is rustc's to report.
    let assigned: VarSet = m.nodes.iter().flat_map(|n| n.effects()).flat_map(|e| e.kills.iter().copied()).collect();
    for v in &facts.live[0] {
        let declared = m.vars[*v].origin == Origin::Local && !assigned.contains(v);
        if !declared && !matches!(m.vars[*v].origin, Origin::Derived(_)) {
            bug(format!("`{}` is read before it is bound", m.vars[*v].key));
        }
    }
    let slots = facts.slots(m);
    let mut keys: Vec<&str> = slots.iter().map(|v| m.vars[*v].key.as_str()).collect();
    keys.sort_unstable();
    if let Some(w) = keys.windows(2).find(|w| w[0] == w[1]) {
        bug(format!("two variables have the key `{}`", w[0]));
    }
}
