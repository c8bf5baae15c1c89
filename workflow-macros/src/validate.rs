//! The graph checks itself: a failure is a bug of the compiler and says so.

use crate::{
    analyze::Facts,
    diagnostic::Errors,
    ir::{Machine, Origin, Term, VarId},
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
        // A jump that rustc refuses leads nowhere.
        if matches!(node.term, Term::Open) && !m.wrong {
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
    assigned_while_borrowed(m, facts, errors);
    chosen(m, facts, errors);
    // At the entry nothing has a value yet.
    m.wrong |= facts.live[0].iter().any(|v| !matches!(m.vars[*v].origin, Origin::Derived(_)));
    let slots = facts.slots(m);
    let mut keys: Vec<&str> = slots.iter().map(|v| m.vars[*v].key.as_str()).collect();
    keys.sort_unstable();
    if let Some(w) = keys.windows(2).find(|w| w[0] == w[1]) {
        bug(format!("two variables have the key `{}`", w[0]));
    }
}

/// Which of several borrows it was is not known any more behind an await.
fn chosen(m: &Machine, facts: &Facts, errors: &Errors) {
    let part = |v: &VarId| m.fields(*v).chain([*v]).find_map(|v| facts.across.get(&v));
    for (v, point) in m.chosen.iter().filter_map(|v| Some((*v, part(v)?))) {
        if m.vars[v].origin != Origin::Local {
            continue;
        }
        let (name, line) = (&m.vars[v].ident, m.points[*point].line);
        errors.push(
            name,
            format!("`{name}` borrows from one of several places, which a checkpoint cannot tell apart behind the `.await` on line {line}: keep what decides, and choose once more behind the `.await`, as in `let {name} = if .. {{ &a }} else {{ &b }};`, or clone what it borrows"),
        );
    }
}

/// A borrow that is taken again must give the same storage. Rust lets nobody assign what is borrowed; but of a variable that is a
/// borrow itself it lets.
fn assigned_while_borrowed(m: &Machine, facts: &Facts, errors: &Errors) {
    let mut found = std::collections::BTreeSet::new();
    for n in &facts.reachable {
        for (code, live) in m.nodes[*n].code.iter().zip(facts.live_behind(m, *n)) {
            for borrow in live {
                let Origin::Derived(d) = m.vars[borrow].origin else { continue };
                let lenders = code.effects.assigns.iter().filter(|v| m.derivations[d].touches.contains(v));
                found.extend(lenders.map(|lender| (borrow, *lender)));
            }
        }
    }
    for (borrow, lender) in found {
        let (borrow, lender) = (&m.vars[borrow].ident, &m.vars[lender].ident);
        errors.push(
            borrow,
            format!("`{borrow}` is taken again from `{lender}` behind an `.await`, and `{lender}` is assigned while `{borrow}` is alive, so it would be another text then: assign to a variable of its own"),
        );
    }
}
