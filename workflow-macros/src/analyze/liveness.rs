//! Backward liveness over the graph: which values may still be read.
//!
//! A moved variable needs no rule of its own: code that compiles does not read it again before it is assigned. What is
//! not live at a point is not saved there. A variable that is bound again from a place keeps the place alive.

use crate::ir::{BranchId, Effects, ForkId, Machine, NodeId, Origin, Term, VarId, VarSet};
use std::collections::{BTreeMap, BTreeSet};

/// The live variables at the start of every node.
pub(super) fn live(m: &Machine, reachable: &BTreeSet<NodeId>) -> Vec<VarSet> {
    let mut live = vec![VarSet::new(); m.nodes.len()];
    // Against the order of the source, so that only loops need another round.
    let mut backward: Vec<NodeId> = reachable.iter().copied().collect();
    backward.sort_by_key(|n| std::cmp::Reverse(m.nodes[*n].order));
    loop {
        let mut changed = false;
        for n in &backward {
            let mut set = at_end(m, &m.nodes[*n].term, &live);
            for code in m.nodes[*n].code.iter().rev() {
                before(m, &mut set, &code.effects);
            }
            set.extend(around(m, *n, &live));
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
    set.retain(|v| !e.kills.contains(&m.base(*v)));
    set.extend(&e.uses);
}

/// What the code around a branch reads once the branch is over, or given up, which can be at any time.
fn around(m: &Machine, n: NodeId, live: &[VarSet]) -> VarSet {
    let Some(branch) = m.nodes[n].branch else { return VarSet::new() };
    let of = &m.branches[branch];
    let mut set: VarSet = m.behind(of.fork).flat_map(|n| live[n].iter().copied()).collect();
    set.remove(&of.output);
    set
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
        Term::Fork { fork, effects, to, .. } => {
            let mut set: VarSet = to.iter().flat_map(|n| live[*n].iter().copied()).collect();
            set.retain(|v| !m.forks[*fork].values.contains(v));
            before(m, &mut set, effects);
            set
        }
        Term::End { to, .. } | Term::Rest { to, .. } => live[*to].clone(),
        Term::Leave { branch, value, to } => {
            let mut set = live[*to].clone();
            set.remove(&m.branches[*branch].output);
            set.extend(&value.effects.uses);
            set
        }
        Term::Done(code) | Term::Diverge(code) => code.effects.uses.clone(),
    }
}

/// What the other branches around a node still read: whoever takes it puts it back.
pub(super) fn shared(m: &Machine, live: &[VarSet]) -> Vec<VarSet> {
    let named = |b: BranchId| -> VarSet {
        let inside = m.nodes.iter().filter(|n| m.within(n.branch, Some(b)));
        inside.flat_map(|n| n.effects()).flat_map(|e| e.touches.iter().chain(&e.uses).copied()).collect()
    };
    let mut shared: Vec<VarSet> = vec![];
    for b in 0..m.branches.len() {
        let of = &m.forks[m.branches[b].fork];
        let mut set = VarSet::new();
        for other in of.branches.iter().filter(|o| **o != b) {
            let named = named(*other);
            let read = |v: &VarId| {
                (named.contains(v) || named.contains(&m.base(*v))) && m.vars[*v].origin != Origin::Operation
            };
            let entry = &live[m.branches[*other].entry];
            set.extend(entry.iter().copied().filter(read));
        }
        // Forks are numbered from the outside in.
        if let Some(parent) = of.parent {
            set.extend(&shared[parent]);
        }
        shared.push(set);
    }
    shared
}

/// What is needed if what a branch has ended with decides nothing: by the other branches, and by the code behind the fork.
pub(super) fn aside(m: &Machine, branch: BranchId, own: impl Fn(NodeId) -> VarSet, shared: &[VarSet]) -> VarSet {
    let fork = m.branches[branch].fork;
    let values = &m.forks[fork].values;
    let behind = m.behind(fork).flat_map(own).filter(|v| !values.contains(v));
    shared[branch].iter().copied().chain(behind).collect()
}

/// Within a fork a variable that more than one branch, or the code behind it, needs is saved in one way only: by parts if some
/// are moved out before or within, else whole. Each node has those of the parts that it needs, as `live` says; `own` says what
/// it needs for itself.
pub(super) fn alike(m: &Machine, sets: &mut [VarSet], (live, own): (&[VarSet], &[VarSet]), moved: &[VarSet]) {
    let mut decided: Vec<(VarId, ForkId)> = vec![];
    // Forks are numbered from the outside in.
    for fork in 0..m.forks.len() {
        let inside: Vec<NodeId> = (0..m.nodes.len()).filter(|n| m.in_fork(*n, fork)).collect();
        let region: Vec<NodeId> = inside.iter().copied().chain(m.behind(fork)).collect();
        let from = m.nodes.iter().position(|n| matches!(n.term, Term::Fork { fork: f, .. } if f == fork));
        let Some(from) = from else { continue };
        let owner = |n: NodeId| m.forks[fork].branches.iter().position(|b| m.within(m.nodes[n].branch, Some(*b)));
        // What is moved out in front of the fork, in its own node too.
        let begins = m.forks[fork].branches.iter().map(|b| m.branches[*b].entry);
        let before: VarSet = begins.chain([from]).flat_map(|n| moved[n].iter().copied()).collect();
        let mut by_var: BTreeMap<VarId, (BTreeSet<Option<usize>>, VarSet)> = BTreeMap::new();
        for n in &region {
            for v in live[*n].iter().filter(|v| m.outside(**v, fork)) {
                let known = by_var.entry(m.base(*v)).or_default();
                known.0.insert(owner(*n));
                known.1.insert(*v);
            }
        }
        // What is read again behind it was only copied within.
        let read_again: VarSet = m.behind(fork).flat_map(|n| own[n].iter().copied()).collect();
        let moves = inside.iter().flat_map(|n| m.nodes[*n].effects()).flat_map(|e| &e.moves).copied().collect();
        let within = gone(m, &read_again, &moves);
        for (var, (owners, entries)) in by_var {
            let known = decided.iter().any(|(v, f)| *v == var && m.in_fork(from, *f));
            if owners.len() < 2 || known {
                continue;
            }
            decided.push((var, fork));
            let mut gone = gone(m, &entries, &before);
            gone.extend(within.iter().filter(|g| m.base(**g) == var));
            let one = saved(m, var, &entries, &gone);
            for n in &region {
                let needs = |part: &VarId| live[*n].iter().any(|v| m.overlap(*v, *part));
                sets[*n].retain(|v| m.base(*v) != var);
                sets[*n].extend(one.iter().copied().filter(needs));
            }
        }
    }
}

/// Decides where a variable is saved by fields.
///
/// Only where later code names nothing but fields of it, and a field that is not among them may have been moved out before.
/// Everywhere else it is saved whole.
pub(super) fn by_fields(m: &Machine, live: &mut [VarSet], moved: &[VarSet]) {
    for (set, moved) in live.iter_mut().zip(moved) {
        let mut parts: BTreeMap<VarId, VarSet> = BTreeMap::new();
        for v in set.iter().filter(|v| m.base(**v) != **v) {
            parts.entry(m.base(*v)).or_default().insert(*v);
        }
        for (var, mut of) in parts {
            of.extend(set.contains(&var).then_some(var));
            set.retain(|v| !of.contains(v));
            set.extend(saved(m, var, &of, &gone(m, &of, moved)));
        }
    }
}

/// What may be gone. What is live has a value: if it was moved out, it has been assigned again.
fn gone(m: &Machine, live: &VarSet, moved: &VarSet) -> VarSet {
    moved.iter().copied().filter(|g| !live.iter().any(|l| m.overlap(*g, *l))).collect()
}

/// The largest parts of a variable that hold what is live of it, and nothing else that may be gone.
fn saved(m: &Machine, var: VarId, live: &VarSet, gone: &VarSet) -> VarSet {
    let gone: Vec<VarId> = gone.iter().copied().filter(|g| m.base(*g) == var).collect();
    let whole = |p: VarId| live.contains(&p) || !gone.iter().any(|g| m.is_part(*g, p));
    let holds = |p: VarId| live.iter().any(|l| m.is_part(*l, p));
    let parts = || m.fields(var).chain([var]);
    let candidate = |p: &VarId| holds(*p) && whole(*p);
    parts().filter(|p| candidate(p) && !parts().any(|o| o != *p && candidate(&o) && m.is_part(*p, o))).collect()
}

/// What other branches read, as it is saved at the entry of a branch.
pub(super) fn as_saved(m: &Machine, shared: &[VarSet], live: &[VarSet]) -> Vec<VarSet> {
    let of = |(b, read): (BranchId, &VarSet)| {
        let saved = &live[m.branches[b].entry];
        saved.iter().copied().filter(|s| read.iter().any(|r| m.overlap(*s, *r))).collect()
    };
    shared.iter().enumerate().map(of).collect()
}
