//! Backward liveness over the graph: which values may still be read.
//!
//! A moved variable needs no rule of its own: code that compiles does not read it again before it is assigned. What is
//! not live at a point is not saved there. A variable that is bound again from a place keeps the place alive.

use crate::ir::{Effects, Machine, NodeId, Origin, Term, VarId, VarSet};
use std::collections::BTreeSet;

/// The live variables at the start of every node.
pub(super) fn live(m: &Machine, reachable: &BTreeSet<NodeId>) -> Vec<VarSet> {
    let mut live = vec![VarSet::new(); m.nodes.len()];
    loop {
        let mut changed = false;
        for n in reachable.iter().rev() {
            let mut set = at_end(m, &m.nodes[*n].term, &live);
            for code in m.nodes[*n].code.iter().rev() {
                before(m, &mut set, &code.effects);
            }
            if set != live[*n] {
                live[*n] = set;
                changed = true;
            }
        }
        if !changed {
            return live;
        }
    }
}

/// The live variables behind each piece of code of a node.
pub(super) fn behind(m: &Machine, n: NodeId, live: &[VarSet]) -> Vec<VarSet> {
    let mut set = at_end(m, &m.nodes[n].term, live);
    let mut all: Vec<VarSet> = vec![];
    for code in m.nodes[n].code.iter().rev() {
        all.push(set.clone());
        before(m, &mut set, &code.effects);
    }
    all.reverse();
    all
}

fn before(m: &Machine, set: &mut VarSet, e: &Effects) {
    set.retain(|v| match m.vars[*v].origin {
        Origin::Field(of) => !e.kills.contains(&of),
        _ => !e.kills.contains(v),
    });
    set.extend(&e.uses);
}

fn at_end(m: &Machine, term: &Term, live: &[VarSet]) -> VarSet {
    match term {
        Term::Open => VarSet::new(),
        Term::Goto(to) => live[*to].clone(),
        Term::If { effects, then, els, .. } => {
            let mut set = live[*then].clone();
            before(m, &mut set, effects);
            set.extend(&live[*els]);
            set
        }
        Term::Match { effects, arms, .. } => {
            let mut set = VarSet::new();
            for arm in arms {
                let mut of_arm = live[arm.to].clone();
                before(m, &mut of_arm, &arm.effects);
                set.extend(of_arm);
            }
            before(m, &mut set, effects);
            set
        }
        Term::Wait { operation, resume, .. } => {
            let mut set = live[*resume].clone();
            before(m, &mut set, &operation.effects);
            set
        }
        Term::Done(code) | Term::Diverge(code) => code.effects.uses.clone(),
    }
}

/// Decides where a variable is saved by fields.
///
/// Only where later code names nothing but fields of it, and a field that is not among them may have been moved out before.
/// Everywhere else it is saved whole.
pub(super) fn by_fields(m: &Machine, live: &mut [VarSet], moved: &[VarSet]) {
    for (set, moved) in live.iter_mut().zip(moved) {
        let fields: Vec<(VarId, VarId)> = set.iter().filter_map(|f| Some((*f, field_of(m, *f)?))).collect();
        for (_, var) in &fields {
            let gone = moved.iter().any(|g| field_of(m, *g) == Some(*var) && !set.contains(g));
            if set.contains(var) || !gone {
                set.retain(|f| field_of(m, *f) != Some(*var));
                set.insert(*var);
            }
        }
    }
}

fn field_of(m: &Machine, v: VarId) -> Option<VarId> {
    match m.vars[v].origin {
        Origin::Field(of) => Some(of),
        _ => None,
    }
}
