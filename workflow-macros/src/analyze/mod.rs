//! What the expansion needs to know about the graph: liveness, blocks, keys, reachability.

mod liveness;
mod reach;

use crate::ir::{Machine, NodeId, Origin, PointId, Term, VarId, VarSet};
use std::collections::{BTreeMap, BTreeSet};

/// What was computed; read by `validate` and `expand`.
pub(crate) struct Facts {
    /// Variables whose value may be read from the start of a node on, by node.
    ///
    /// In a branch also what only other branches read, because who takes it puts it back.
    pub(crate) live: Vec<VarSet>,
    /// The same without that.
    own: Vec<VarSet>,
    /// What the other branches around a branch read.
    shared: Vec<VarSet>,
    /// Nodes that begin a block, in source order.
    pub(crate) roots: Vec<NodeId>,
    /// The numbers of these nodes: of those that nothing else names, their places in the source.
    numbers: BTreeMap<NodeId, u32>,
    /// Nodes that control can reach.
    pub(crate) reachable: BTreeSet<NodeId>,
    /// Ids of `patched!` sites from which control can reach a point, by point.
    pub(crate) passed: Vec<BTreeSet<String>>,
    /// Ids of `patched!` sites in a branch, by branch.
    pub(crate) patches_in: Vec<BTreeSet<String>>,
    /// Points to which only those ways lead on which an id of `patched!` has this value.
    pub(crate) decided: Vec<(PointId, String, bool)>,
    /// Ways from point to point; `None` is the start or the end.
    pub(crate) edges: BTreeSet<(Option<usize>, Option<usize>)>,
    /// The first point behind which a variable is live. A slot that is live behind none is empty before a step ends.
    pub(crate) across: BTreeMap<VarId, PointId>,
    /// How many pieces of code give a variable a value, by variable.
    pub(crate) written: Vec<usize>,
    /// Ids of all `patched!` sites, in source order.
    pub(crate) patches: Vec<String>,
    /// Locals that some block only assigns: what gave them their types stands in another one.
    pub(crate) declared: VarSet,
}

pub(crate) fn analyze(m: &mut Machine) -> Facts {
    let reachable = reach::nodes(m);
    name_temporaries(m);
    let mut live = liveness::live(m, &reachable);
    let own = live.clone();
    let shared = liveness::shared(m, &live);
    for n in &reachable {
        let node = &m.nodes[*n];
        if let Some(branch) = node.branch {
            live[*n].extend(&shared[branch]);
        }
        // Where it is looked at what a branch has ended with, the others may have to go on.
        let looked_at = match node.term {
            Term::Rest { branch, .. } => Some(branch),
            _ => node.ends,
        };
        if let Some(branch) = looked_at {
            live[*n].extend(liveness::aside(m, branch, |n| own[n].clone(), &shared));
        }
    }
    let moved = reach::moved(m, &reachable, &live);
    let needed = live.clone();
    liveness::by_fields(m, &mut live, &moved);
    liveness::alike(m, &mut live, (&needed, &own), &moved);
    let shared = liveness::as_saved(m, &shared, &live);
    let roots = roots(m, &reachable);
    let numbers = numbers(m, &roots);
    let (passed, patches) = reach::patches(m, &reachable);
    let mut written = vec![0; m.vars.len()];
    for n in &reachable {
        m.nodes[*n].effects().into_iter().flat_map(|e| &e.kills).for_each(|v| written[*v] += 1);
    }
    let decided = reach::decided(m, &reachable, &patches);
    let patches_in = (0..m.branches.len()).map(|b| reach::patches_in(m, &reachable, b)).collect();
    let mut facts = Facts {
        across: across(m, &reachable, &live),
        live,
        own,
        shared,
        roots,
        numbers,
        passed,
        patches_in,
        decided,
        edges: reach::edges(m, &reachable),
        patches,
        reachable,
        written,
        declared: VarSet::new(),
    };
    facts.declared = facts.roots.iter().flat_map(|root| facts.declared_by(m, *root)).collect();
    facts
}

/// Keys of temporaries: the label of the point that they first wait at, and the first ordinal that is free. A field of a
/// variable that is called like the label has such a key too, and what a label says is up to the user.
fn name_temporaries(m: &mut Machine) {
    let mut taken: BTreeSet<String> = m.vars.iter().map(|v| v.key.clone()).collect();
    let mut ordinals: BTreeMap<usize, usize> = BTreeMap::new();
    for v in 0..m.vars.len() {
        let Origin::Temp(point) = m.vars[v].origin else { continue };
        let label = m.points.get(point).map_or("end", |p| p.label.as_str());
        let n = ordinals.entry(point).or_default();
        let fields: Vec<VarId> = m.fields(v).collect();
        let keys = loop {
            let key = format!("{label}.{n}");
            *n += 1;
            let of = |f: &VarId| format!("{key}.{}", m.vars[*f].path.join("."));
            let keys: Vec<String> = fields.iter().map(of).chain([key.clone()]).collect();
            if keys.iter().all(|key| !taken.contains(key)) {
                break keys;
            }
        };
        for (var, key) in fields.into_iter().chain([v]).zip(keys) {
            taken.insert(key.clone());
            m.vars[var].key = key;
        }
    }
}

/// The first point behind which each variable is live; what a branch has ended with is looked at behind the point of its fork.
fn across(m: &Machine, reachable: &BTreeSet<NodeId>, live: &[VarSet]) -> BTreeMap<VarId, PointId> {
    let mut across = BTreeMap::new();
    for n in reachable {
        let node = &m.nodes[*n];
        let fork = |b: usize| m.forks[m.branches[b].fork].point;
        for point in node.resumes.into_iter().chain(node.ends.map(fork)) {
            for v in &live[*n] {
                let first = across.entry(*v).or_insert(point);
                *first = point.min(*first);
            }
        }
    }
    across
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

/// Nodes where control goes on behind a point are known by that, and all have the number that comes next.
fn numbers(m: &Machine, roots: &[NodeId]) -> BTreeMap<NodeId, u32> {
    let mut next = 0;
    let numbered = roots.iter().map(|n| {
        let number = next;
        next += u32::from(m.nodes[*n].resumes.is_none() && m.nodes[*n].ends.is_none());
        (*n, number)
    });
    numbered.collect()
}

impl Facts {
    pub(crate) fn is_root(&self, n: NodeId) -> bool {
        self.numbers.contains_key(&n)
    }

    /// The number of a node that begins a block.
    pub(crate) fn number(&self, root: NodeId) -> u32 {
        self.numbers.get(&root).copied().unwrap_or_default()
    }

    /// Slots in the order of the table: every variable that is live where a block begins and is not bound anew there.
    pub(crate) fn slots(&self, m: &Machine) -> Vec<usize> {
        let live: VarSet = self.roots.iter().flat_map(|n| self.live[*n].iter().copied()).collect();
        live.into_iter().filter(|v| !matches!(m.vars[*v].origin, Origin::Derived(_))).collect()
    }

    /// Slots that are saved: all but those of operations and of what is used up within a step, which are empty before it ends.
    pub(crate) fn saved(&self, m: &Machine) -> Vec<usize> {
        let saved = |v: &usize| m.vars[*v].origin != Origin::Operation && self.across.contains_key(v);
        self.slots(m).into_iter().filter(saved).collect()
    }

    /// Locals that are only held over a suspension, and dropped early.
    pub(crate) fn held(&self, m: &Machine) -> Vec<usize> {
        if m.held.is_empty() {
            return vec![];
        }
        let slots: VarSet = self.slots(m).into_iter().collect();
        m.held.keys().copied().filter(|v| !slots.contains(v)).collect()
    }

    /// What is live behind each point.
    pub(crate) fn live_at_points(&self, m: &Machine) -> Vec<VarSet> {
        let mut all = vec![VarSet::new(); m.points.len()];
        for n in &self.reachable {
            let node = &m.nodes[*n];
            let joined = node.ends.map(|b| m.forks[m.branches[b].fork].point);
            for point in node.resumes.into_iter().chain(joined) {
                all[point].extend(self.own(m, *n));
            }
        }
        let saved = |v: &usize| !matches!(m.vars[*v].origin, Origin::Derived(_) | Origin::Operation);
        all.iter_mut().for_each(|live| live.retain(saved));
        all
    }

    /// What must be in its slot when control leaves a node to `to`, a node that begins a block.
    pub(crate) fn kept(&self, m: &Machine, term: &Term, to: NodeId) -> VarSet {
        let mut set = self.live[to].clone();
        match term {
            Term::Fork { fork, to, .. } => {
                set.extend(to.iter().copied().chain(m.behind(*fork)).flat_map(|n| self.live[n].iter().copied()));
                set.retain(|v| !m.forks[*fork].values.contains(v));
            }
            // What the end of another branch keeps for this one is over: this one has ended.
            Term::Rest { branch, .. } => {
                set.extend(liveness::aside(m, *branch, |n| self.own(m, n), &self.shared));
            }
            Term::End { branch, .. } => set.extend(&self.shared[*branch]),
            _ => {}
        }
        set
    }

    /// What a block of a branch that `?` may leave takes out of its slots around the closure, and always puts back.
    pub(crate) fn around(&self, m: &Machine, branch: usize) -> VarSet {
        let fork = m.branches[branch].fork;
        let mut set: VarSet = m.behind(fork).flat_map(|n| self.own(m, n)).collect();
        set.remove(&m.branches[branch].output);
        set.extend(&self.shared[branch]);
        set
    }

    /// What is live at the start of a node for the code that follows it, as it is saved there.
    pub(crate) fn own(&self, m: &Machine, n: NodeId) -> VarSet {
        let own = |v: &usize| self.own[n].iter().any(|o| m.overlap(*v, *o));
        self.live[n].iter().copied().filter(own).collect()
    }

    /// Names of variables of which a block has parts only, when it assigns the whole: the assignment needs a block of its own.
    pub(crate) fn renewed(&self, m: &Machine) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for root in &self.roots {
            let parted = self.own(m, *root).into_iter().filter(|v| m.base(*v) != *v).map(|v| m.base(v));
            let parted: VarSet = parted.collect();
            let mut tree = if parted.is_empty() { vec![] } else { vec![*root] };
            while let Some(n) = tree.pop() {
                let assigned = m.nodes[n].effects().into_iter().flat_map(|e| e.assigns.intersection(&parted));
                names.extend(assigned.map(|v| m.vars[*v].ident.to_string()));
                tree.extend(m.nodes[n].term.successors().into_iter().filter(|s| !self.is_root(*s)));
            }
        }
        names
    }

    /// The locals that a block assigns as a whole, and has neither from their slots nor from a `let` of its own.
    fn declared_by(&self, m: &Machine, root: NodeId) -> VarSet {
        let (mut assigned, mut bound, mut tree) = (VarSet::new(), VarSet::new(), vec![root]);
        while let Some(n) = tree.pop() {
            for e in m.nodes[n].effects() {
                assigned.extend(&e.assigns);
                bound.extend(&e.binds);
            }
            tree.extend(m.nodes[n].term.successors().into_iter().filter(|s| !self.is_root(*s)));
        }
        let there = |v: VarId| self.live[root].iter().any(|l| m.base(*l) == v);
        assigned.retain(|v| m.vars[*v].origin == Origin::Local && !bound.contains(v) && !there(*v));
        assigned
    }

    /// What is live behind the `i`th piece of code of a node, for every `i`.
    pub(crate) fn live_behind(&self, m: &Machine, n: NodeId) -> Vec<VarSet> {
        let mut behind = liveness::behind(m, n, &self.live);
        if let Some(branch) = m.nodes[n].branch {
            let around = self.around(m, branch);
            behind.iter_mut().for_each(|live| live.extend(&around));
        }
        behind
    }

    /// What is live behind the conditions or patterns that end a node.
    pub(crate) fn live_in_successors(&self, term: &Term) -> VarSet {
        term.successors().into_iter().flat_map(|s| self.live[s].iter().copied()).collect()
    }
}
