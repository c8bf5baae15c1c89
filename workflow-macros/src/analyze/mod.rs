//! What the expansion needs to know about the graph: liveness, blocks, keys, reachability.

mod liveness;
mod reach;

use crate::ir::{Machine, NodeId, Origin, Term, VarSet};
use std::collections::{BTreeMap, BTreeSet};

/// What was computed; read by `validate` and `expand`.
pub(crate) struct Facts {
    /// Variables whose value may be read from the start of a node on, by node.
    pub(crate) live: Vec<VarSet>,
    /// Nodes that begin a block, in source order.
    pub(crate) roots: Vec<NodeId>,
    /// Nodes that control can reach.
    pub(crate) reachable: BTreeSet<NodeId>,
    /// Ids of `patched!` sites from which control can reach a point, by point.
    pub(crate) passed: Vec<BTreeSet<String>>,
    /// Ways from point to point; `None` is the start or the end.
    pub(crate) edges: BTreeSet<(Option<usize>, Option<usize>)>,
    /// Ids of all `patched!` sites, in source order.
    pub(crate) patches: Vec<String>,
}

pub(crate) fn analyze(m: &mut Machine) -> Facts {
    let reachable = reach::nodes(m);
    name_temporaries(m);
    let mut live = liveness::live(m, &reachable);
    liveness::by_fields(m, &mut live, &reach::moved(m, &reachable));
    let roots = roots(m, &reachable);
    let (passed, patches) = reach::patches(m, &reachable);
    Facts { live, roots, passed, edges: reach::edges(m, &reachable), patches, reachable }
}

/// Keys of temporaries: the label of the point that they first wait at, and an ordinal.
fn name_temporaries(m: &mut Machine) {
    let mut ordinals: BTreeMap<usize, usize> = BTreeMap::new();
    for v in &mut m.vars {
        if let Origin::Temp(point) = v.origin {
            let n = ordinals.entry(point).or_default();
            let label = m.points.get(point).map_or("end", |p| p.label.as_str());
            v.key = format!("{label}.{n}");
            *n += 1;
        }
    }
}

/// A node begins a block if control comes back to it, from several nodes, or from a suspension.
fn roots(m: &Machine, reachable: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let mut ways = vec![0usize; m.nodes.len()];
    for n in reachable {
        for s in m.nodes[*n].term.successors() {
            ways[s] += 1;
        }
    }
    let begins = |n: &NodeId| *n == 0 || m.nodes[*n].root || m.nodes[*n].resumes.is_some() || ways[*n] > 1;
    let mut roots: Vec<NodeId> = reachable.iter().copied().filter(begins).collect();
    roots.sort_by_key(|n| m.nodes[*n].order);
    roots
}

impl Facts {
    pub(crate) fn is_root(&self, n: NodeId) -> bool {
        self.roots.contains(&n)
    }

    /// Slots in the order of the table: every variable that is live where a block begins and is not bound anew there.
    pub(crate) fn slots(&self, m: &Machine) -> Vec<usize> {
        let live: VarSet = self.roots.iter().flat_map(|n| self.live[*n].iter().copied()).collect();
        live.into_iter().filter(|v| !matches!(m.vars[*v].origin, Origin::Derived(_))).collect()
    }

    /// What is live behind a point.
    pub(crate) fn live_at(&self, m: &Machine, point: usize) -> VarSet {
        let resume = m.nodes.iter().position(|n| n.resumes == Some(point));
        let all = resume.map(|n| self.live[n].clone()).unwrap_or_default();
        all.into_iter().filter(|v| !matches!(m.vars[*v].origin, Origin::Derived(_))).collect()
    }

    /// What is live behind the `i`th piece of code of a node, for every `i`.
    pub(crate) fn live_behind(&self, m: &Machine, n: NodeId) -> Vec<VarSet> {
        liveness::behind(m, n, &self.live)
    }

    /// What is live behind the conditions or patterns that end a node.
    pub(crate) fn live_in_successors(&self, term: &Term) -> VarSet {
        term.successors().into_iter().flat_map(|s| self.live[s].iter().copied()).collect()
    }
}
