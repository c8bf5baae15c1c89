//! Reachability: of nodes, between points, and from `patched!` sites to points.

use crate::ir::{BranchId, Machine, NodeId, PointId, Term, VarId, VarSet};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that control can reach from the entry.
pub(super) fn nodes(m: &Machine) -> BTreeSet<NodeId> {
    closure(m, [0], |_, _| true)
}

/// All nodes that control reaches from `from` by the edges that count.
fn closure(
    m: &Machine,
    from: impl IntoIterator<Item = NodeId>,
    counts: impl Fn(NodeId, NodeId) -> bool,
) -> BTreeSet<NodeId> {
    let mut seen = BTreeSet::new();
    let mut todo: Vec<NodeId> = from.into_iter().collect();
    while let Some(n) = todo.pop() {
        if seen.insert(n) {
            todo.extend(m.nodes[n].term.successors().into_iter().filter(|s| counts(n, *s)));
        }
    }
    seen
}

fn waits(m: &Machine, n: NodeId) -> Option<usize> {
    match &m.nodes[n].term {
        Term::Wait { point, .. } => Some(*point),
        Term::Fork { fork, .. } => Some(m.forks[*fork].point),
        _ => None,
    }
}

/// The edges between points.
pub(super) fn edges(m: &Machine, reachable: &BTreeSet<NodeId>) -> BTreeSet<(Option<usize>, Option<usize>)> {
    let mut edges = BTreeSet::new();
    let starts = reachable.iter().flat_map(|n| match &m.nodes[*n].term {
        Term::Wait { point, resume, .. } => vec![(Some(*point), *resume)],
        Term::Fork { fork, .. } => {
            let of = &m.forks[*fork];
            of.branches.iter().map(|b| (Some(of.point), m.branches[*b].entry)).collect()
        }
        _ => vec![],
    });
    for (from, node) in starts.chain([(None, 0)]) {
        for n in closure(m, [node], |n, _| waits(m, n).is_none()) {
            match &m.nodes[n].term {
                Term::Done(_) => drop(edges.insert((from, None))),
                _ => edges.extend(waits(m, n).map(|point| (from, Some(point)))),
            }
        }
    }
    edges
}

/// For every node the fields that may have been moved out before it, of variables that are live there. Around a fork, of all.
pub(super) fn moved(m: &Machine, reachable: &BTreeSet<NodeId>, live: &[VarSet]) -> Vec<VarSet> {
    // As bits: what was moved is never forgotten, so in a long function these sets are large.
    let fields: VarSet = reachable.iter().flat_map(|n| m.nodes[*n].effects()).flat_map(|e| &e.moves).copied().collect();
    let places: BTreeMap<VarId, usize> = fields.iter().enumerate().map(|(i, v)| (*v, i)).collect();
    let mut moved = vec![Bits::new(fields.len()); m.nodes.len()];
    // In the order of the source, so that only loops need another round.
    let mut forward: Vec<NodeId> = reachable.iter().copied().collect();
    forward.sort_by_key(|n| m.nodes[*n].order);
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for n in &forward {
            let mut behind = moved[*n].clone();
            for v in m.nodes[*n].effects().into_iter().flat_map(|e| &e.moves) {
                behind.insert(places[v]);
            }
            for s in m.nodes[*n].term.successors() {
                changed |= moved[s].extend(&behind);
            }
        }
    }
    let fields: Vec<VarId> = fields.into_iter().collect();
    let told = |(n, bits): (NodeId, &Bits)| {
        let lives: VarSet = live[n].iter().map(|v| m.base(*v)).collect();
        let forks = matches!(m.nodes[n].term, Term::Fork { .. }) || m.branches.iter().any(|b| b.entry == n);
        bits.iter().map(|i| fields[i]).filter(|v| forks || lives.contains(&m.base(*v))).collect()
    };
    moved.iter().enumerate().map(told).collect()
}

/// A set of small numbers.
#[derive(Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Bits(vec![0; len.div_ceil(64)])
    }

    fn insert(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    /// True if there was something new.
    fn extend(&mut self, other: &Bits) -> bool {
        let mut new = 0;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            new |= more & !*word;
            *word |= more;
        }
        new != 0
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|i| self.0[i / 64] >> (i % 64) & 1 == 1)
    }
}

/// For every point the sites that lie before it, and all sites in source order.
pub(super) fn patches(m: &Machine, reachable: &BTreeSet<NodeId>) -> (Vec<BTreeSet<String>>, Vec<String>) {
    let mut passed = vec![BTreeSet::new(); m.points.len()];
    let mut all: Vec<String> = vec![];
    let mut by_order: Vec<NodeId> = reachable.iter().copied().collect();
    by_order.sort_by_key(|n| m.nodes[*n].order);
    for n in by_order {
        let ids: Vec<&String> = m.nodes[n].effects().into_iter().flat_map(|e| &e.patches).collect();
        if ids.is_empty() {
            continue;
        }
        for point in closure(m, [n], |_, _| true).into_iter().filter_map(|n| waits(m, n)) {
            passed[point].extend(ids.iter().map(|id| (*id).clone()));
        }
        for id in ids {
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
    }
    (passed, all)
}

/// The ids that have one value on all ways to a point, by points, and the value.
pub(super) fn decided(m: &Machine, reachable: &BTreeSet<NodeId>, ids: &[String]) -> Vec<(PointId, String, bool)> {
    let mut decided = vec![];
    for (id, is) in ids.iter().flat_map(|id| [(id, true), (id, false)]) {
        let needs = |from, to| m.decided.get(&(from, to)).is_some_and(|d| d.iter().any(|(i, v)| i == id && *v == is));
        let otherwise = closure(m, [0], |from, to| !needs(from, to));
        let points = reachable.difference(&otherwise).filter_map(|n| waits(m, *n));
        decided.extend(points.map(|point| (point, id.clone(), is)));
    }
    decided
}

/// The sites in a branch, all of which are behind once it is over.
pub(super) fn patches_in(m: &Machine, reachable: &BTreeSet<NodeId>, branch: BranchId) -> BTreeSet<String> {
    let inside = reachable.iter().filter(|n| m.within(m.nodes[**n].branch, Some(branch)));
    inside.flat_map(|n| m.nodes[*n].effects()).flat_map(|e| e.patches.iter().cloned()).collect()
}
