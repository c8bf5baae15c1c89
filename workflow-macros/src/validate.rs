//! The graph checks itself: a failure is a bug of the compiler and says so.

use crate::{
    analyze::Facts,
    diagnostic::Errors,
    ir::{Machine, Origin, Term},
};

pub(crate) fn validate(m: &mut Machine, facts: &Facts, errors: &Errors) {
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
    // At the entry nothing has a value yet.
    m.wrong |= facts.live[0].iter().any(|v| !matches!(m.vars[*v].origin, Origin::Derived(_)));
    let slots = facts.slots(m);
    let mut keys: Vec<&str> = slots.iter().map(|v| m.vars[*v].key.as_str()).collect();
    keys.sort_unstable();
    if let Some(w) = keys.windows(2).find(|w| w[0] == w[1]) {
        bug(format!("two variables have the key `{}`", w[0]));
    }
}
