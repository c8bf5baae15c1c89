//! Loops that await in their body or in their head.
//!
//! A cursor is saved, not an iterator: beside what the loop owns, which is encoded once, or beside the place that it borrows
//! from, which stays in its own slot and lends its item again wherever the item is used. See [`chain`](super::chain).

use super::{Dest, Lower, chain::Chain, make, names, unit};
use crate::ir::{Code, Kind, Origin, Term, VarId, VarSet};
use proc_macro2::Span;
use syn::{Expr, spanned::Spanned};

impl Lower<'_> {
    pub(super) fn loop_(&mut self, l: &syn::ExprLoop, dest: &Dest) {
        let (head, after) = (self.node(true), self.node(true));
        self.end(Term::Goto(head));
        self.enter(head);
        self.looped(l.label.as_ref(), (after, head), dest, &l.body);
        self.enter(after);
        if matches!(dest, Dest::Return) {
            self.end_dead(Term::Open);
        }
    }

    pub(super) fn while_(&mut self, w: &syn::ExprWhile, dest: &Dest) {
        let (head, body, after) = (self.node(true), self.node(false), self.node(true));
        self.end(Term::Goto(head));
        self.enter(head);
        self.scoped(|s| {
            s.condition(&w.cond, body, after);
            s.enter(body);
            s.looped(w.label.as_ref(), (after, head), &Dest::Discard, &w.body);
        });
        self.enter(after);
        self.finish(dest, &unit());
    }

    pub(super) fn for_(&mut self, f: &syn::ExprForLoop, dest: &Dest) {
        if let Some(chain) = self.chain(&f.expr) {
            self.for_each(f, chain);
        }
        self.finish(dest, &unit());
    }

    fn for_each(&mut self, f: &syn::ExprForLoop, mut chain: Chain) {
        let span = f.expr.span();
        let view = self.view(&chain, false, None);
        let cursor = self.temp(true);
        // What cannot be saved of it is reported on what the user loops over.
        self.m.vars[cursor].ident.set_span(Span::mixed_site().located_at(span));
        self.bind_plumbing(cursor, &ours("iterate::cursor", [view]));
        let hidden: Vec<String> = names::bindings(&f.pat).iter().map(|b| names::plain(&b.ident.to_string())).collect();
        self.rename(&mut chain, &hidden);
        let (at, view) = (self.path(cursor), self.view(&chain, false, None));
        let (head, body, after) = (self.node(true), self.node(false), self.node(true));
        self.end(Term::Goto(head));
        self.enter(head);
        let advance = ours("iterate::advance", [view, make::borrow(at, true, Span::call_site())]);
        let Code { kind, effects } = self.plumbing(&advance, &VarSet::from([cursor]));
        if let Kind::Tokens(advance) = kind {
            self.end(Term::If { parts: vec![crate::ir::Part::Expr(advance)], effects, then: body, els: after });
        }
        self.enter(body);
        self.scoped(|s| {
            s.bind_item(f, &chain, cursor);
            s.looped(f.label.as_ref(), (after, head), &Dest::Discard, &f.body);
        });
        self.enter(after);
    }

    /// Binds the item: values of its own are saved, what is lent is bound again where it is needed.
    fn bind_item(&mut self, f: &syn::ExprForLoop, chain: &Chain, cursor: VarId) {
        let (at, shape, changes) = (self.path(cursor), Self::shape(chain), self.changes(chain));
        let item = |view| ours("iterate::item", [view, make::borrow(at.clone(), false, Span::call_site())]);
        let origin = if shape.has_borrows() {
            let pat = self.lent_pattern(&f.pat, &shape);
            let again = item(self.view(chain, true, Some(&pat)));
            self.lent_item(pat, &again, changes.clone())
        } else {
            Origin::Local
        };
        let Code { kind, effects } = self.plumbing(&item(self.view(chain, true, None)), &changes);
        if let Kind::Tokens(init) = kind {
            self.bind_let((*f.pat).clone(), None, init, None, effects, origin);
        }
    }

    /// Code of ours, which changes nothing but `changes`.
    fn plumbing(&mut self, e: &Expr, changes: &VarSet) -> Code {
        let mut code = self.code(e);
        code.effects.changes = self.changed_through(&code.effects.touches);
        code.effects.changes.extend(changes);
        code
    }

    fn bind_plumbing(&mut self, var: VarId, value: &Expr) {
        let Code { kind, mut effects } = self.plumbing(value, &VarSet::new());
        effects.kills.insert(var);
        effects.binds.insert(var);
        effects.touches.insert(var);
        let pat = make::bound(&self.m.vars[var].ident, true);
        if let Kind::Tokens(init) = kind {
            self.emit(Code { kind: Kind::Let { pat, ty: None, init, diverge: None }, effects });
        }
    }
}

fn ours(function: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    make::ours(function, args, Span::call_site())
}
