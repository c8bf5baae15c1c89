//! Reachability: of nodes, between points, and from `patched!` sites to points.

use crate::ir::{Machine, NodeId, Term};
use std::collections::BTreeSet;

/// Nodes that control can reach from the entry.
pub(super) fn nodes(m: &Machine) -> BTreeSet<NodeId> {
    closure(m, [0], |_| false)
}

/// All nodes that control reaches from `from`, without going on behind nodes that `stop`.
fn closure(m: &Machine, from: impl IntoIterator<Item = NodeId>, stop: impl Fn(NodeId) -> bool) -> BTreeSet<NodeId> {
    let mut seen = BTreeSet::new();
    let mut todo: Vec<NodeId> = from.into_iter().collect();
    while let Some(n) = todo.pop() {
        if seen.insert(n) && !stop(n) {
            todo.extend(m.nodes[n].term.successors());
        }
    }
    seen
}

fn waits(m: &Machine, n: NodeId) -> Option<usize> {
    match &m.nodes[n].term {
        Term::Wait { point, .. } => Some(*point),
        _ => None,
    }
}

/// The edges between points.
pub(super) fn edges(m: &Machine, reachable: &BTreeSet<NodeId>) -> BTreeSet<(Option<usize>, Option<usize>)> {
    let mut edges = BTreeSet::new();
    let starts = reachable.iter().filter_map(|n| match &m.nodes[*n].term {
        Term::Wait { point, resume, .. } => Some((Some(*point), *resume)),
        _ => None,
    });
    for (from, node) in starts.chain([(None, 0)]) {
        for n in closure(m, [node], |n| waits(m, n).is_some()) {
            match &m.nodes[n].term {
                Term::Wait { point, .. } => drop(edges.insert((from, Some(*point)))),
                Term::Done(_) => drop(edges.insert((from, None))),
                _ => {}
            }
        }
    }
    edges
}

/// For every point the sites that lie before it, and all sites in source order.
pub(super) fn patches(m: &Machine, reachable: &BTreeSet<NodeId>) -> (Vec<BTreeSet<String>>, Vec<String>) {
    let mut passed = vec![BTreeSet::new(); m.points.len()];
    let mut all: Vec<String> = vec![];
    let mut by_order: Vec<NodeId> = reachable.iter().copied().collect();
    by_order.sort_by_key(|n| m.nodes[*n].order);
    for n in by_order {
        let node = &m.nodes[n];
        let mut ids: Vec<&String> = node.code.iter().flat_map(|c| &c.effects.patches).collect();
        match &node.term {
            Term::If { effects, .. } => ids.extend(&effects.patches),
            Term::Match { effects, arms, .. } => {
                ids.extend(&effects.patches);
                ids.extend(arms.iter().flat_map(|a| &a.effects.patches));
            }
            Term::Wait { operation: code, .. } | Term::Done(code) | Term::Diverge(code) => {
                ids.extend(&code.effects.patches)
            }
            Term::Open | Term::Goto(_) => {}
        }
        if ids.is_empty() {
            continue;
        }
        for point in closure(m, [n], |_| false).into_iter().filter_map(|n| waits(m, n)) {
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
