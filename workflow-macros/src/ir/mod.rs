//! The machine as data: a control flow graph over the user's tokens.
//!
//! A node is straight-line code and one terminator. Suspension points are terminators; everything else that the user
//! wrote stays verbatim in [`Code`].

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};
use syn::{Pat, Type};

pub(crate) type VarId = usize;
pub(crate) type NodeId = usize;
pub(crate) type PointId = usize;
pub(crate) type BranchId = usize;
pub(crate) type ForkId = usize;
pub(crate) type ScopeId = usize;
pub(crate) type VarSet = BTreeSet<VarId>;

/// One workflow function.
#[derive(Default)]
pub(crate) struct Machine {
    pub(crate) vars: Vec<Var>,
    /// The variables that stand for fields, by the variable that they belong to.
    pub(crate) fields: BTreeMap<VarId, Vec<VarId>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) points: Vec<Point>,
    pub(crate) derivations: Vec<Derivation>,
    pub(crate) forks: Vec<Fork>,
    pub(crate) branches: Vec<Branch>,
    /// Rustc refuses the check copy, so there is no machine. If it does not refuse it, that is a bug of ours.
    pub(crate) wrong: bool,
    /// How many compound assignments await on both sides.
    pub(crate) compounds: usize,
    /// Locals that are in scope at a suspension and read by nobody but through `*`, with the first point where they are.
    pub(crate) held: BTreeMap<VarId, PointId>,
    /// Locals that are bound to one of several borrows.
    pub(crate) chosen: VarSet,
    /// What ids of `patched!` are where control goes from the one node to the other.
    pub(crate) decided: BTreeMap<(NodeId, NodeId), Vec<(String, bool)>>,
    /// Blocks with items; the first is the body of the function.
    pub(crate) scopes: Vec<Scope>,
}

/// A block with items of its own. Its nodes are blocks of the machine that stand together, with the items in front.
#[derive(Default)]
pub(crate) struct Scope {
    /// The scope around it.
    pub(crate) parent: Option<ScopeId>,
    pub(crate) items: Vec<syn::Item>,
}

/// One binding of the user's, or a temporary of ours.
pub(crate) struct Var {
    pub(crate) ident: Ident,
    pub(crate) mutable: bool,
    /// Key of the slot. Temporaries get theirs when the labels are known.
    pub(crate) key: String,
    pub(crate) ty: Option<Type>,
    pub(crate) origin: Origin,
    /// Of a field: how it is reached from its variable. Empty otherwise.
    pub(crate) path: Vec<String>,
    /// Declared without a value.
    pub(crate) deferred: bool,
    /// The branch that declares it.
    pub(crate) branch: Option<BranchId>,
    /// The name of its slot, once the key is known.
    pub(crate) slot: OnceCell<Ident>,
}

impl Var {
    /// One that is not assigned, and of which no more is known.
    pub(crate) fn new(ident: Ident, key: String, origin: Origin, branch: Option<BranchId>) -> Self {
        let (mutable, ty, path, deferred, slot) = (false, None, vec![], false, OnceCell::new());
        Var { ident, mutable, key, ty, origin, path, deferred, branch, slot }
    }
}

/// Where a variable gets its value from.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Origin {
    Local,
    /// A value that waits for an expression to go on: the point that it first waits at.
    Temp(PointId),
    /// Borrows from a place that is itself saved: bound again wherever it is used.
    Derived(usize),
    /// What a branch has ended with.
    Output,
    /// An operation that the next block begins. It is gone before the step ends.
    Operation,
    /// A field of this variable, or a field of a field, which stands for it where another one has been moved out.
    Field(VarId),
}

/// How borrowed variables are bound again at the entry of a block: `let pat = expr else { unreachable }`.
pub(crate) struct Derivation {
    pub(crate) pat: Pat,
    pub(crate) expr: TokenStream,
    pub(crate) irrefutable: bool,
    /// What `expr` reads.
    pub(crate) uses: VarSet,
    /// The variables that `expr` names.
    pub(crate) touches: VarSet,
    /// The variables that may be changed through what is bound.
    pub(crate) changes: VarSet,
    /// The variables that `expr` names differently.
    pub(crate) renamed: VarSet,
}

/// What a piece of code does to variables.
#[derive(Clone, Default, Debug)]
pub(crate) struct Effects {
    /// Read before it is assigned.
    pub(crate) uses: VarSet,
    /// Assigned or bound on every way through.
    pub(crate) kills: VarSet,
    /// Bound: in scope for the code that follows in the tree.
    pub(crate) binds: VarSet,
    /// Fields that may be moved out.
    pub(crate) moves: VarSet,
    /// Named at all.
    pub(crate) touches: VarSet,
    /// Assigned as a whole, at least on some way.
    pub(crate) assigns: VarSet,
    /// Named in a way that may change them; of all others the encoding stays good.
    pub(crate) changes: VarSet,
    /// Named differently, because their own names are hidden.
    pub(crate) renamed: VarSet,
    /// Ids of `patched!` sites.
    pub(crate) patches: Vec<String>,
}

/// Await-free code.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) kind: Kind,
    pub(crate) effects: Effects,
}

#[expect(clippy::large_enum_variant, reason = "a few hundred live for one expansion")]
#[derive(Clone)]
pub(crate) enum Kind {
    /// A statement or an expression.
    Tokens(TokenStream),
    /// A `let`, taken apart because a variable that it hides may have to be put away between the value and the binding.
    Let { pat: Pat, ty: Option<Type>, init: TokenStream, diverge: Option<TokenStream> },
}

/// A part of a condition; the parts are joined by `&&`.
#[expect(clippy::large_enum_variant, reason = "a few hundred live for one expansion")]
#[derive(Clone)]
pub(crate) enum Part {
    Expr(TokenStream),
    Let(Pat, TokenStream),
}

pub(crate) struct Arm {
    pub(crate) pat: Pat,
    pub(crate) guard: Option<TokenStream>,
    pub(crate) effects: Effects,
    pub(crate) to: NodeId,
}

/// The end of a node.
pub(crate) enum Term {
    /// Not decided yet; also the end of code that no control reaches.
    Open,
    Goto(NodeId),
    If {
        parts: Vec<Part>,
        effects: Effects,
        then: NodeId,
        els: NodeId,
    },
    Match {
        scrutinee: TokenStream,
        effects: Effects,
        arms: Vec<Arm>,
    },
    Wait {
        point: PointId,
        operation: Code,
        resume: NodeId,
    },
    /// Opens the branches of a `join!` or `select!`: which of them are enabled, by guards that stand in variables.
    Fork {
        fork: ForkId,
        guards: Vec<Option<VarId>>,
        effects: Effects,
        /// Where the branches begin, and what else can be next: behind a guard, and where `?` leaves a branch.
        to: Vec<NodeId>,
    },
    /// The branch has ended, its output is in its variable. Control goes on there once it is decided what that means.
    End {
        branch: BranchId,
        to: NodeId,
    },
    /// The branch ends with this value, from within the closure that `?` leaves.
    Leave {
        branch: BranchId,
        value: Code,
        to: NodeId,
    },
    /// What a branch has ended with decides nothing: the other branches go on. If none is left, control goes there.
    Rest {
        branch: BranchId,
        to: NodeId,
    },
    /// The function returns this value.
    Done(Code),
    /// Code that never comes back, such as `panic!`.
    Diverge(Code),
}

pub(crate) struct Node {
    pub(crate) code: Vec<Code>,
    pub(crate) term: Term,
    /// Begins a block of its own even if only one way leads here.
    pub(crate) root: bool,
    /// Set when control goes on behind this point here.
    pub(crate) resumes: Option<PointId>,
    /// Set when what this branch has ended with is looked at here.
    pub(crate) ends: Option<BranchId>,
    /// The branch that it belongs to.
    pub(crate) branch: Option<BranchId>,
    /// The innermost block with items around it.
    pub(crate) scope: ScopeId,
    /// Position in the source: types are inferred in this order.
    pub(crate) order: usize,
}

/// A suspension point.
pub(crate) struct Point {
    pub(crate) label: String,
    pub(crate) operation: String,
    pub(crate) line: u32,
}

/// A `join!`, `try_join!` or `select!`.
pub(crate) struct Fork {
    pub(crate) point: PointId,
    /// The branch that it stands in.
    pub(crate) parent: Option<BranchId>,
    pub(crate) branches: Vec<BranchId>,
    /// What the branches end with, and what is made of that. None of it has a value when the branches begin.
    pub(crate) values: Vec<VarId>,
    /// Where control goes when no branch is left.
    pub(crate) rest: NodeId,
}

/// A branch: code with a program counter of its own.
pub(crate) struct Branch {
    pub(crate) fork: ForkId,
    /// Its place among the branches.
    pub(crate) index: usize,
    pub(crate) leaves: Leaves,
    pub(crate) output: VarId,
    pub(crate) entry: NodeId,
    /// The operation that it is, unless it is an `async` block.
    pub(crate) call: Option<VarId>,
    /// Where what it has ended with is looked at.
    pub(crate) after: NodeId,
}

/// What leaves a branch before its end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Leaves {
    /// Nothing.
    Nothing,
    /// `return`.
    Return,
    /// `?` on `Result`.
    Result,
    /// `?` on `Option`.
    Option,
}

impl Machine {
    /// The scope directly in `outer` that `inner` is or stands in; `None` if `inner` is `outer`.
    pub(crate) fn scope_within(&self, inner: ScopeId, outer: ScopeId) -> Option<ScopeId> {
        match self.scopes[inner].parent {
            Some(parent) if parent == outer => Some(inner),
            Some(parent) => self.scope_within(parent, outer),
            None => None,
        }
    }

    /// True if `inner` is `outer` or stands in it; every branch stands in the function.
    pub(crate) fn within(&self, inner: Option<BranchId>, outer: Option<BranchId>) -> bool {
        inner == outer || inner.is_some_and(|b| self.within(self.forks[self.branches[b].fork].parent, outer))
    }

    /// True for a variable that the code around a fork declares.
    pub(crate) fn outside(&self, v: VarId, fork: ForkId) -> bool {
        self.within(self.forks[fork].parent, self.vars[v].branch)
    }

    /// True for a node in a branch of the fork.
    pub(crate) fn in_fork(&self, n: NodeId, fork: ForkId) -> bool {
        let of = &self.forks[fork];
        of.branches.iter().any(|b| self.within(self.nodes[n].branch, Some(*b)))
    }

    /// Where control goes from a fork but into its branches.
    pub(crate) fn behind(&self, fork: ForkId) -> impl Iterator<Item = NodeId> + '_ {
        let of = &self.forks[fork];
        of.branches.iter().map(|b| self.branches[*b].after).chain([of.rest])
    }

    /// The variables that stand for fields of `var`, at any depth.
    pub(crate) fn fields(&self, var: VarId) -> impl Iterator<Item = VarId> + '_ {
        self.fields.get(&var).into_iter().flatten().copied()
    }

    /// The variable that a field belongs to; any other variable itself.
    pub(crate) fn base(&self, v: VarId) -> VarId {
        match self.vars[v].origin {
            Origin::Field(of) => of,
            _ => v,
        }
    }

    /// True if `inner` is `outer` or a part of it.
    pub(crate) fn is_part(&self, inner: VarId, outer: VarId) -> bool {
        self.base(inner) == self.base(outer) && self.vars[inner].path.starts_with(&self.vars[outer].path)
    }

    /// True if one is a part of the other.
    pub(crate) fn overlap(&self, a: VarId, b: VarId) -> bool {
        self.is_part(a, b) || self.is_part(b, a)
    }
}

impl Term {
    /// An end that control does not reach.
    pub(crate) fn unreachable() -> Self {
        Term::Diverge(Code { kind: Kind::Tokens(quote!(::core::unreachable!())), effects: Effects::default() })
    }

    /// Where control can go within the function, suspension included.
    pub(crate) fn successors(&self) -> Vec<NodeId> {
        match self {
            Term::Open | Term::Done(_) | Term::Diverge(_) => vec![],
            Term::Goto(to) => vec![*to],
            Term::If { then, els, .. } => vec![*then, *els],
            Term::Match { arms, .. } => arms.iter().map(|a| a.to).collect(),
            Term::Wait { resume, .. } => vec![*resume],
            Term::Fork { to, .. } => to.clone(),
            Term::End { to, .. } | Term::Leave { to, .. } | Term::Rest { to, .. } => vec![*to],
        }
    }
}

impl Node {
    /// What everything in the node does, in the order in which it runs.
    pub(crate) fn effects(&self) -> Vec<&Effects> {
        let mut all: Vec<&Effects> = self.code.iter().map(|c| &c.effects).collect();
        match &self.term {
            Term::Open | Term::Goto(_) | Term::End { .. } | Term::Rest { .. } => {}
            Term::If { effects, .. } | Term::Fork { effects, .. } => all.push(effects),
            Term::Match { effects, arms, .. } => {
                all.push(effects);
                all.extend(arms.iter().map(|a| &a.effects));
            }
            Term::Wait { operation: code, .. }
            | Term::Leave { value: code, .. }
            | Term::Done(code)
            | Term::Diverge(code) => all.push(&code.effects),
        }
        all
    }
}
