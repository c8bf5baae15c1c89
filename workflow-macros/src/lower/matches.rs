//! `match`, with awaits in the scrutinee, in guards and in arms.
//!
//! Kept equivalent: arms are tried in order, and a guard looks at the value without taking it. A guard that awaits cuts the
//! `match` in two: what stands before it, and what is tried if it says no. Until it has decided the scrutinee stays whole:
//! the guard gets its bindings from a copy. A borrowed scrutinee is not taken by its patterns, and needs none.

use super::{Dest, Lower, make, splits};
use crate::ir::{Arm, Effects, Kind, NodeId, Part, Term};
use syn::{Expr, Pat};

impl Lower<'_> {
    pub(super) fn match_(&mut self, m: &syn::ExprMatch, dest: &Dest) {
        let scrutinee = self.operand(&m.expr);
        let mut scrutinee = self.held(&scrutinee, m.arms.iter().map(|a| &a.pat));
        let join = self.node(true);
        let mut arms = &m.arms[..];
        let guarded = |a: &syn::Arm| a.guard.as_ref().is_some_and(|(_, g)| splits::expr(g));
        if arms.iter().any(guarded) {
            self.retried(&mut scrutinee);
        }
        while let Some(at) = arms.iter().position(guarded) {
            let (next, rest) = (self.node(false), self.node(true));
            self.arms(&arms[..at], &scrutinee, Some(next), (join, dest));
            self.enter(next);
            self.guarded(&arms[at], &scrutinee, rest, (join, dest));
            self.enter(rest);
            arms = &arms[at + 1..];
        }
        // What was tried before is not known to match nothing of what is left.
        let cut = arms.len() < m.arms.len();
        let otherwise = cut.then(|| self.node(false));
        self.arms(arms, &scrutinee, otherwise, (join, dest));
        if let Some(otherwise) = otherwise {
            self.enter(otherwise);
            self.end(Term::unreachable());
        }
        self.enter(join);
    }

    /// Makes a scrutinee one that can be matched again: values are kept, borrows are taken again.
    fn retried(&mut self, e: &mut Expr) {
        match e {
            e if self.is_place(e) || self.is_borrow(e) => {}
            Expr::Tuple(t) if t.elems.iter().any(|e| self.is_borrow(e)) => {
                t.elems.iter_mut().for_each(|e| self.retried(e));
            }
            e => {
                let var = self.temp(true);
                let value = std::mem::replace(e, self.path(var));
                self.bind_var(var, None, &value);
            }
        }
    }

    /// Arms whose guards do not await; control goes to `otherwise` if none of them matches.
    fn arms(&mut self, of: &[syn::Arm], scrutinee: &Expr, otherwise: Option<NodeId>, (join, dest): (NodeId, &Dest)) {
        let code = self.code(scrutinee);
        let Kind::Tokens(tokens) = code.kind else {
            return;
        };
        let from = self.cur;
        let mut arms = vec![];
        for arm in of {
            let to = self.node(false);
            if let Some(decided) = self.decided_by_arm(scrutinee, arm) {
                self.decided(from, to, decided);
            }
            self.enter(to);
            self.scoped(|s| {
                let mut effects = Effects::default();
                let origin = s.derive(&arm.pat, scrutinee, false);
                s.taken(&arm.pat, scrutinee, &mut effects);
                s.bind_pattern(&arm.pat, &mut effects, origin);
                let guard = arm.guard.as_ref().map(|(_, g)| {
                    let read = s.code(g).effects;
                    s.merge(&mut effects, read);
                    s.rewrite(g)
                });
                arms.push(Arm { pat: arm.pat.clone(), guard, effects, to });
                s.settle();
                s.into(&arm.body, dest);
                s.end(Term::Goto(join));
            });
        }
        let wild = otherwise.map(|to| Arm { pat: make::wild(), guard: None, effects: Effects::default(), to });
        let node = &mut self.m.nodes[from];
        if matches!(node.term, Term::Open) {
            let arms: Vec<Arm> = arms.into_iter().chain(wild).collect();
            node.term = match (&arms[..], otherwise) {
                // Nothing is tried, so nothing is taken.
                ([_], Some(to)) => Term::Goto(to),
                _ => Term::Match { scrutinee: tokens, effects: code.effects, arms },
            };
        }
    }

    /// An arm whose guard awaits; control goes to `rest` if its pattern or its guard says no.
    fn guarded(&mut self, arm: &syn::Arm, scrutinee: &Expr, rest: NodeId, (join, dest): (NodeId, &Dest)) {
        let Some((_, guard)) = &arm.guard else { return };
        let borrowed = self.is_borrow(scrutinee) || super::names::bindings(&arm.pat).is_empty();
        let looked_at = if borrowed { scrutinee.clone() } else { self.copied(scrutinee) };
        let (then, yes) = (self.node(false), self.node(false));
        self.scoped(|s| {
            s.matched(&arm.pat, &looked_at, then, rest);
            s.enter(then);
            s.settle();
            s.condition(guard, yes, rest);
            s.enter(yes);
            if borrowed {
                s.into(&arm.body, dest);
                s.end(Term::Goto(join));
            }
        });
        if !borrowed {
            self.scoped(|s| {
                let (taken, never) = (s.node(false), s.node(false));
                s.matched(&arm.pat, scrutinee, taken, never);
                s.enter(never);
                s.end(Term::unreachable());
                s.enter(taken);
                s.settle();
                s.into(&arm.body, dest);
                s.end(Term::Goto(join));
            });
        }
    }

    /// A copy of a value; of a tuple with borrows in it, of its values.
    fn copied(&mut self, e: &Expr) -> Expr {
        if let Expr::Tuple(t) = e
            && t.elems.iter().any(|e| self.is_borrow(e))
        {
            let mut t = t.clone();
            t.elems.iter_mut().for_each(|e| *e = if self.is_borrow(e) { e.clone() } else { self.copied(e) });
            return Expr::Tuple(t);
        }
        let (copy, cx) = (self.temp(false), super::cx());
        let value = syn::parse_quote!({
            use ::workflow_runtime::__private::LookExt as _;
            #cx.looked_at(::workflow_runtime::__private::Look(&#e).copied())
        });
        self.bind_var(copy, None, &value);
        self.path(copy)
    }

    /// Ends the node in `if let pat = value`, whose bindings are in scope from here on.
    fn matched(&mut self, pat: &Pat, value: &Expr, then: NodeId, els: NodeId) {
        let origin = self.derive(pat, value, false);
        let mut effects = Effects::default();
        let part = match self.part_expr(value, &mut effects) {
            Part::Expr(value) | Part::Let(_, value) => Part::Let(pat.clone(), value),
        };
        self.taken(pat, value, &mut effects);
        self.bind_pattern(pat, &mut effects, origin);
        self.end(Term::If { parts: vec![part], effects, then, els });
    }
}
