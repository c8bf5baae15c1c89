//! The search: breadth first from a step function, so that the first way to a sink is the shortest.
//!
//! A place in the search is a node and by whose will it is reached. What the engine does for a workflow is trusted, but a closure or
//! an implementation of the user's that it calls is his again; of what a dependency does within, only some rules count.

use crate::{
    graph::{At, Graph, NodeId},
    lines::Lines,
    rules::{self, By, Place, Sinks, Statics},
};
use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeSet, HashSet, VecDeque},
};
use workflow_rules::{ESCAPES, GLOBALS, HASH_ORDER, Rule};

/// By whose will a node is reached: who wrote the last code before it that is not of the standard library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Local,
    Foreign,
    Engine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    node: NodeId,
    owner: Owner,
    /// The engine is saving or loading a value here: it compares maps by key, so their order does not count.
    saving: bool,
}

impl State {
    /// How many states a node has.
    const KINDS: usize = 6;

    fn index(self) -> usize {
        let kind = self.owner as usize * 2 + usize::from(self.saving);
        self.node as usize * Self::KINDS + kind
    }
}

/// A way from a step function to a sink.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) rule: &'static Rule,
    /// The end of the sentence that begins with the sink.
    pub(crate) does: &'static str,
    /// The step function first, the sink last.
    pub(crate) hops: Vec<Hop>,
}

/// A function of a way, and the place where it calls the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    pub(crate) node: NodeId,
    /// `None` at the end of the way.
    pub(crate) call: Option<At>,
    pub(crate) place: Place,
}

/// What is known of a node by its name.
#[derive(Debug, Clone, Copy)]
struct Facts {
    place: Place,
    cut: bool,
    sink: Option<&'static Sinks>,
    saves: bool,
}

/// What a search goes through, and what it leaves out.
pub(crate) trait Filter {
    /// Whether this call is followed, and counts if it is a sink.
    fn follows(&self, from: NodeId, at: At, to: NodeId) -> bool;
}

/// Follows everything.
pub(crate) struct All;

impl Filter for All {
    fn follows(&self, _: NodeId, _: At, _: NodeId) -> bool {
        true
    }
}

/// The end of a sentence that begins with the function.
const FOREIGN: &str = "is a foreign function, which no rule can look into";

/// What searches of one build share.
pub(crate) struct Search<'g> {
    pub(crate) graph: &'g Graph,
    lines: &'g Lines<'g>,
    local: &'g BTreeSet<String>,
    /// Objects of local packages. No other can name a function of the user's.
    local_objects: HashSet<u32>,
    /// The step functions of all workflows.
    steps: HashSet<NodeId>,
    statics: Statics<'g>,
    facts: Vec<OnceCell<Facts>>,
    scratch: RefCell<Scratch>,
}

/// Memory that searches use one after the other.
struct Scratch {
    /// By state: the search that reached it last, and the one before it.
    reached: Vec<(u32, State, At)>,
    /// By node: the last visit that followed an edge to it.
    followed: Vec<u32>,
    search: u32,
    visit: u32,
}

impl<'g> Search<'g> {
    pub(crate) fn new(
        (graph, lines): (&'g Graph, &'g Lines<'g>),
        local: &'g BTreeSet<String>,
        local_objects: HashSet<u32>,
        steps: HashSet<NodeId>,
    ) -> Self {
        let (statics, facts) = (Statics::new(graph), vec![OnceCell::new(); graph.len()]);
        let nobody =
            (0, State { node: 0, owner: Owner::Local, saving: false }, At { object: 0, section: 0, offset: 0 });
        let (reached, followed) = (vec![nobody; graph.len() * State::KINDS], vec![0; graph.len()]);
        let scratch = RefCell::new(Scratch { reached, followed, search: 0, visit: 0 });
        Search { graph, lines, local, local_objects, steps, statics, facts, scratch }
    }

    /// In whose source the code of a node stands.
    pub(crate) fn place(&self, node: NodeId) -> Place {
        self.facts(node).place
    }

    /// Every way from `root` that ends in a sink, the shortest to each; shortest first.
    pub(crate) fn run(&self, root: NodeId, filter: &dyn Filter) -> Vec<Found> {
        let start = State { node: root, owner: Owner::Local, saving: false };
        let scratch = &mut *self.scratch.borrow_mut();
        scratch.search = scratch.search.wrapping_add(1);
        scratch.reached[start.index()].0 = scratch.search;
        let (mut queue, mut found) = (VecDeque::from([start]), vec![]);
        let mut reported: HashSet<(&str, NodeId, NodeId)> = HashSet::new();
        while let Some(state) = queue.pop_front() {
            scratch.visit = scratch.visit.wrapping_add(1);
            for edge in &self.graph.node(state.node).edges {
                // Of several calls of a function the first is enough, unless it matters which line calls it.
                let again = scratch.followed[edge.to as usize] == scratch.visit && self.facts(edge.to).sink.is_none();
                if again || !filter.follows(state.node, edge.at, edge.to) {
                    continue;
                }
                scratch.followed[edge.to as usize] = scratch.visit;
                let mut verdict = self.judge(state, edge.at, edge.to);
                let foreign = self.is_foreign_function(state, edge.at, edge.to).then_some((ESCAPES, FOREIGN));
                let sink = if let Verdict::Sink(rule, does) = verdict { Some((rule, does)) } else { None };
                for (rule, does) in foreign.into_iter().chain(sink) {
                    let hops = self.hops(scratch, (start, state), edge.at, edge.to);
                    if let Some(call) = own_call(&hops)
                        && reported.insert((rule.code, call.0, call.1))
                    {
                        found.push(Found { rule, does, hops });
                    }
                }
                if foreign.is_some() {
                    verdict = Verdict::Ends;
                }
                match verdict {
                    Verdict::Ends | Verdict::Sink(..) => {}
                    Verdict::Goes(next) => {
                        let reached = &mut scratch.reached[next.index()];
                        if reached.0 != scratch.search {
                            *reached = (scratch.search, state, edge.at);
                            queue.push_back(next);
                        }
                    }
                }
            }
        }
        found
    }

    fn facts(&self, node: NodeId) -> Facts {
        *self.facts[node as usize].get_or_init(|| {
            let name = self.graph.name(node);
            let saves = name.path.contains("workflow_runtime::journal::encoding");
            let place = Place::of(name, self.local);
            Facts { place, cut: rules::is_cut(&name.path), sink: rules::sink(&name.path), saves }
        })
    }

    fn judge(&self, from: State, at: At, to: NodeId) -> Verdict {
        let (facts, node) = (self.facts(to), self.graph.node(to));
        if self.steps.contains(&to) || self.is_never_printed(from, facts, to) {
            return Verdict::Ends;
        }
        if let Some(sink) = facts.sink {
            let counts = self.counts(from, (at, node.inlined), sink.by);
            if sink.rule == HASH_ORDER {
                let local = |n| self.place(n) == Place::Local;
                let shows = counts && !from.saving && rules::order_matters(self.graph, from.node, to, &local);
                // The closure that `retain` calls is searched.
                if !shows && self.graph.name(to).path.ends_with("::retain") {
                    return Verdict::Goes(State { node: to, ..from });
                }
                return if shows { Verdict::Sink(sink.rule, sink.does) } else { Verdict::Ends };
            }
            if counts {
                return Verdict::Sink(sink.rule, sink.does);
            }
        }
        if facts.cut {
            return Verdict::Ends;
        }
        if node.writable && facts.place == Place::Local {
            if rules::is_ours(self.graph.name(to)) {
                return Verdict::Ends;
            }
            if from.owner == Owner::Local && !self.statics.is_computed_once(to) {
                return Verdict::Sink(GLOBALS, "is a static that the program changes while it runs");
            }
        }
        let owner = match (facts.place, from.owner) {
            (Place::Local, _) => Owner::Local,
            (Place::Trusted, _) | (Place::Foreign, Owner::Engine) => Owner::Engine,
            (Place::Foreign, _) => Owner::Foreign,
            (Place::Std | Place::Unknown, owner) => owner,
        };
        // What was compiled before the user's crates cannot name them, and what it does by itself is trusted.
        let object = node.defined.map(|(at, _)| at.object);
        if owner == Owner::Engine && object.is_none_or(|o| !self.local_objects.contains(&o)) {
            return Verdict::Ends;
        }
        Verdict::Goes(State { node: to, owner, saving: from.saving || facts.saves })
    }

    /// Called by the user's own code, in another language, and not known: nothing can be said of it.
    fn is_foreign_function(&self, from: State, at: At, to: NodeId) -> bool {
        let node = self.graph.node(to);
        let unknown = node.defined.is_none() && !node.anonymous && !node.inlined;
        let own = || self.facts(from.node).place == Place::Local && self.lines.is_own(at);
        unknown && rules::is_unknown(&self.graph.name(to).path) && own()
    }

    fn counts(&self, from: State, (at, inlined): (At, bool), by: By) -> bool {
        let caller = self.facts(from.node).place;
        match by {
            By::Anyone => from.owner != Owner::Engine,
            By::Direct => from.owner != Owner::Engine && caller != Place::Std,
            By::Local => from.owner == Owner::Local && (caller != Place::Local || self.lines.is_own(at)),
            // Its code has no line of the caller's, but its call has.
            By::LocalDirect => caller == Place::Local && (inlined || self.lines.is_own(at)),
        }
    }

    /// An object of a dependency that can be printed because its trait says so, and that nobody prints: its table of methods names
    /// `Debug` among others, where a value that is printed names it alone.
    fn is_never_printed(&self, from: State, to: Facts, node: NodeId) -> bool {
        let is_table = || self.facts(from.node).place == Place::Unknown && self.graph.node(from.node).edges.len() > 2;
        from.owner == Owner::Foreign
            && to.place != Place::Local
            && is_table()
            && rules::is_debug(&self.graph.name(node).path)
    }

    fn hops(&self, scratch: &Scratch, (start, last): (State, State), at: At, sink: NodeId) -> Vec<Hop> {
        let hop = |node, call| Hop { node, call, place: self.place(node) };
        let mut hops = vec![hop(sink, None), hop(last.node, Some(at))];
        let mut state = last;
        while state != start {
            let (_, previous, at) = scratch.reached[state.index()];
            hops.push(hop(previous.node, Some(at)));
            state = previous;
        }
        hops.reverse();
        hops
    }
}

enum Verdict {
    /// Nothing behind this counts.
    Ends,
    Sink(&'static Rule, &'static str),
    Goes(State),
}

/// The last call that stands in the user's source: one finding for each is enough.
fn own_call(hops: &[Hop]) -> Option<(NodeId, NodeId)> {
    hops.windows(2).rev().find(|w| w[0].place == Place::Local).map(|w| (w[0].node, w[1].node))
}
