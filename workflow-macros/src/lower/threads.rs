//! `join!`, `try_join!` and `select!`: a fork into branches, each with a program counter of its own over the same variables.
//!
//! Kept equivalent: guards are evaluated first, then the operations, both in order, and only then anything begins; `?` and
//! `return` in an `async` block leave that block; what an `async move` block changes is its own.

use super::{Dest, Lower, make, names::Reader, point::Written, splits, unit};
use crate::{
    ir::{Arm, Branch, BranchId, Effects, Fork, ForkId, Kind, Leaves, NodeId, Origin, Part, Point, Term, VarId},
    parse::threads::{self, Threads, refutable},
};
use quote::quote;
use syn::{Expr, Macro, spanned::Spanned, visit::Visit};

impl Lower<'_> {
    /// Lowers one of our macros whose value goes to `dest`; false if it is another macro.
    pub(super) fn threads_into(&mut self, m: &Macro, dest: &Dest) -> bool {
        match self.parsed(m) {
            None => return false,
            Some(None) => {}
            Some(Some(t)) => match t.kind {
                threads::Kind::Select => self.select(m, &t, dest),
                threads::Kind::Join => {
                    let value = self.join(m, &t);
                    self.finish(dest, &value);
                }
                threads::Kind::TryJoin => {
                    let value = self.try_join(m, &t);
                    self.finish(dest, &value);
                }
            },
        }
        true
    }

    /// One of our macros as an operand; `None` if it is another macro.
    pub(super) fn threads_operand(&mut self, m: &Macro) -> Option<Expr> {
        let Some(t) = self.parsed(m)? else { return Some(unit()) };
        Some(match t.kind {
            threads::Kind::Join => self.join(m, &t),
            threads::Kind::TryJoin => self.try_join(m, &t),
            threads::Kind::Select => {
                let var = self.temp(false);
                self.select(m, &t, &Dest::Bind { var, ty: None });
                self.path(var)
            }
        })
    }

    /// What `check` has found to be well formed.
    fn parsed(&mut self, m: &Macro) -> Option<Option<Threads>> {
        threads::parse(m).map(|r| self.errors.ok(r))
    }

    fn join(&mut self, m: &Macro, t: &Threads) -> Expr {
        if t.branches.is_empty() {
            return unit();
        }
        let rest = self.node(true);
        let fork = self.fork(m, t, rest);
        self.branches(fork, t, |s, _, _| s.m.forks[fork].rest);
        self.enter(rest);
        let outputs = self.m.forks[fork].values.iter().map(|v| self.path(*v));
        syn::parse_quote!((#(#outputs,)*))
    }

    fn try_join(&mut self, m: &Macro, t: &Threads) -> Expr {
        let value = self.temp(false);
        if t.branches.is_empty() {
            self.bind_var(value, None, &syn::parse_quote!(::core::result::Result::Ok(())));
            return self.path(value);
        }
        let (rest, after) = (self.node(true), self.node(true));
        let fork = self.fork(m, t, rest);
        let label = self.m.points[self.m.forks[fork].point].label.clone();
        let key = |i: usize| format!("{label}/{i}.ok");
        let oks: Vec<VarId> = (0..t.branches.len()).map(|i| self.hidden(false, key(i), Origin::Output)).collect();
        self.m.forks[fork].values.extend(&oks);
        self.branches(fork, t, |s, branch, i| {
            let at = s.ending(branch);
            let (yes, no) = (s.node(false), s.node(false));
            let (ok, err) = (s.m.vars[oks[i]].ident.clone(), s.temp(false));
            s.enter(yes);
            s.end(Term::Rest { branch, to: rest });
            s.enter(no);
            s.won();
            let e = s.path(err);
            s.bind_var(value, None, &syn::parse_quote!(::core::result::Result::Err(#e)));
            s.end(Term::Goto(after));
            let arm = |pat, var, to| {
                let bound: crate::ir::VarSet = [var].into();
                let effects =
                    Effects { kills: bound.clone(), binds: bound.clone(), touches: bound, ..Effects::default() };
                Arm { pat, guard: None, effects, to }
            };
            let err_name = s.m.vars[err].ident.clone();
            let ok_pat = super::parse_pat(quote!(::core::result::Result::Ok(#ok)));
            let err_pat = super::parse_pat(quote!(::core::result::Result::Err(#err_name)));
            let arms = vec![arm(ok_pat, oks[i], yes), arm(err_pat, err, no)];
            let output = s.path(s.m.branches[branch].output);
            let code = s.code(&output);
            if let Kind::Tokens(scrutinee) = code.kind {
                s.m.nodes[at].term = Term::Match { scrutinee, effects: code.effects, arms };
            }
            at
        });
        self.enter(rest);
        let oks = oks.into_iter().map(|v| self.path(v));
        self.bind_var(value, None, &syn::parse_quote!(::core::result::Result::Ok((#(#oks,)*))));
        self.end(Term::Goto(after));
        self.enter(after);
        self.path(value)
    }

    fn select(&mut self, m: &Macro, t: &Threads, dest: &Dest) {
        let (rest, after) = (self.node(true), self.node(true));
        let fork = self.fork(m, t, rest);
        self.branches(fork, t, |s, branch, i| {
            let at = s.ending(branch);
            if let Some(arm) = &t.branches[i].arm {
                let output = s.path(s.m.branches[branch].output);
                s.scoped(|s| s.arm(arm, &output, (branch, rest), dest));
                s.end(Term::Goto(after));
            }
            at
        });
        self.enter(rest);
        match &t.els {
            Some(e) => self.into(e, dest),
            // Not reached: one branch has no guard and a pattern that always matches.
            None => self.end(Term::unreachable()),
        }
        self.end(Term::Goto(after));
        self.enter(after);
    }

    /// What `select!` does with the output of a branch.
    fn arm(&mut self, arm: &threads::Arm, output: &Expr, (branch, rest): (BranchId, NodeId), dest: &Dest) {
        if refutable(&arm.pat) {
            let (then, els) = (self.node(false), self.node(false));
            let mut effects = Effects::default();
            let part = match self.part_expr(output, &mut effects) {
                Part::Expr(output) => Part::Let(arm.pat.clone(), output),
                other => other,
            };
            let at = self.cur;
            self.enter(els);
            self.end(Term::Rest { branch, to: rest });
            self.enter(then);
            self.bind_pattern(&arm.pat, &mut effects, Origin::Local);
            self.m.nodes[at].term = Term::If { parts: vec![part], effects, then, els };
            self.won();
        } else {
            self.won();
            let code = self.code(output);
            if let Kind::Tokens(init) = code.kind {
                self.bind_let(arm.pat.clone(), None, init, None, code.effects, Origin::Local);
            }
        }
        self.settle();
        self.into(&arm.handler, dest);
    }

    fn won(&mut self) {
        let cx = super::cx();
        self.emit(crate::ir::Code { kind: Kind::Tokens(quote!(#cx.won();)), effects: Effects::default() });
    }

    /// Begins the node in which the end of a branch is looked at.
    fn ending(&mut self, branch: BranchId) -> NodeId {
        let node = self.node(true);
        self.m.nodes[node].ends = Some(branch);
        self.enter(node);
        node
    }

    /// Ends the present node in a fork whose branches are still to be written.
    fn fork(&mut self, m: &Macro, t: &Threads, rest: NodeId) -> ForkId {
        let guards: Vec<Option<VarId>> = t
            .branches
            .iter()
            .map(|b| b.arm.as_ref().and_then(|a| a.guard.as_ref()).map(|g| self.early(g, "guard", Origin::Temp(0))))
            .collect();
        let calls: Vec<Option<VarId>> = t
            .branches
            .iter()
            .map(|b| b.block().is_none().then(|| self.early(&b.body, "expression", Origin::Operation)))
            .collect();
        self.hold();
        let label = self.label(t.kind.name(), None);
        let point = self.m.points.len();
        let operation = format!("{}!({})", t.kind.name(), t.branches.len());
        let line = m.path.span().start().line as u32;
        self.m.points.push(Point { label: label.clone(), operation, line });
        let fork = self.m.forks.len();
        let mut branches = vec![];
        for (index, (b, call)) in t.branches.iter().zip(calls).enumerate() {
            let output = self.hidden(false, format!("{label}/{index}"), Origin::Output);
            let leaves = b.block().map_or(Leaves::Nothing, |a| leaves(&a.block));
            let entry = self.node(true);
            self.m.branches.push(Branch { fork, index, leaves, output, entry, after: rest, call });
            branches.push(self.m.branches.len() - 1);
        }
        self.m.nodes[rest].resumes = Some(point);
        let values = branches.iter().map(|b| self.m.branches[*b].output).collect();
        self.m.forks.push(Fork { point, parent: self.branch, branches, values, rest });
        let mut effects = Effects::default();
        effects.uses.extend(guards.iter().flatten());
        effects.touches.extend(guards.iter().flatten());
        self.end(Term::Fork { fork, guards, effects, to: vec![] });
        fork
    }

    /// Evaluates a guard or an operation before anything begins.
    fn early(&mut self, e: &Expr, what: &str, origin: Origin) -> VarId {
        let var = match origin {
            Origin::Operation => self.hidden(false, format!("{}.operation", self.m.vars.len()), origin),
            _ => self.temp(false),
        };
        if splits::expr(e) {
            self.refuse(e, format!("an `.await` or a jump in the {what} of a branch is not supported, because it would run before the branches begin: bind the value with `let` first, or make the branch an `async` block"));
        } else {
            self.bind_var(var, None, e);
        }
        var
    }

    /// Writes the branches; behind each `ended` says where what it has ended with is looked at.
    fn branches(&mut self, fork: ForkId, t: &Threads, mut ended: impl FnMut(&mut Self, BranchId, usize) -> NodeId) {
        let from = self.m.nodes.iter().position(|n| matches!(n.term, Term::Fork { fork: f, .. } if f == fork));
        let label = self.m.points[self.m.forks[fork].point].label.clone();
        let mut to = vec![];
        for (i, b) in t.branches.iter().enumerate() {
            let branch = self.m.forks[fork].branches[i];
            let outer = self.branch.replace(branch);
            let labels = std::mem::replace(&mut self.loop_labels, vec![format!("{label}/{i}")]);
            let jumps = std::mem::take(&mut self.jumps);
            let entry = self.m.branches[branch].entry;
            self.m.nodes[entry].branch = Some(branch);
            self.enter(entry);
            self.scoped(|s| s.branch_body(branch, b));
            (self.branch, self.loop_labels, self.jumps) = (outer, labels, jumps);
            let after = ended(self, branch, i);
            self.m.branches[branch].after = after;
            for n in &mut self.m.nodes {
                if let Term::End { branch: b, to } | Term::Leave { branch: b, to, .. } = &mut n.term
                    && *b == branch
                {
                    *to = after;
                }
            }
            to.push(entry);
            if self.m.branches[branch].leaves != Leaves::Nothing {
                to.push(after);
            }
        }
        if t.els.is_some() {
            to.push(self.m.forks[fork].rest);
        }
        if let Some(from) = from
            && let Term::Fork { to: known, .. } = &mut self.m.nodes[from].term
        {
            *known = to;
        }
    }

    fn branch_body(&mut self, branch: BranchId, b: &threads::Branch) {
        let Some(block) = b.block() else {
            let Some(call) = self.m.branches[branch].call else { return };
            let operation = self.path(call);
            let operation = self.code(&operation);
            let value = self.suspend(Written::of(&b.body), b.body.span(), operation);
            return self.leave(branch, &value);
        };
        if block.capture.is_some() {
            self.capture(&block.block);
        }
        self.block(&block.block, &Dest::Return);
    }

    /// `async move`: what the block can change becomes its own. What it only borrows from stays where it is.
    fn capture(&mut self, b: &syn::Block) {
        let mut read = Reader::default();
        read.visit_block(b);
        let named: Vec<VarId> = read.touches.iter().filter_map(|name| self.lookup(name)).collect();
        for v in named {
            let var = &self.m.vars[v];
            if !var.mutable || var.origin != Origin::Local {
                continue;
            }
            let name = var.ident.clone();
            let value = make::name(&name);
            let code = self.code(&value);
            if let Kind::Tokens(init) = code.kind {
                let pat = make::bound(&name, true);
                self.bind_let(pat, None, init, None, code.effects, Origin::Local);
            }
        }
    }

    /// Ends a branch with a value.
    pub(super) fn leave(&mut self, branch: BranchId, value: &Expr) {
        let of = &self.m.branches[branch];
        let (to, output) = (of.after, of.output);
        if of.leaves == Leaves::Nothing {
            self.bind_var(output, None, value);
            return self.end_dead(Term::End { branch, to });
        }
        let value = self.code(value);
        self.end_dead(Term::Leave { branch, value, to });
    }
}

/// What leaves an `async` block before its end, other than what is nested in it.
fn leaves(b: &syn::Block) -> Leaves {
    let found = super::exits(b);
    match found {
        super::Exits { tries: true, .. } if optional(b) => Leaves::Option,
        super::Exits { tries: true, .. } => Leaves::Result,
        super::Exits { returns: true, .. } => Leaves::Return,
        _ => Leaves::Nothing,
    }
}

/// True if a block visibly ends in `Some(..)` or `None`.
fn optional(b: &syn::Block) -> bool {
    fn value(e: &Expr) -> bool {
        let named = |e: &Expr, name: &str| matches!(e, Expr::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == name));
        match e {
            Expr::Call(c) => named(&c.func, "Some"),
            Expr::If(i) => optional(&i.then_branch) || i.else_branch.as_ref().is_some_and(|(_, e)| value(e)),
            Expr::Match(m) => m.arms.iter().any(|a| value(&a.body)),
            Expr::Block(b) => optional(&b.block),
            Expr::Paren(p) => value(&p.expr),
            other => named(other, "None"),
        }
    }
    matches!(b.stmts.last(), Some(syn::Stmt::Expr(e, None)) if value(e))
}
