//! Loops that await in their body or in their head.
//!
//! A cursor is saved, not an iterator: the rest of an owned collection or range, or the position in a borrowed one,
//! which stays in its own slot and lends its item again wherever the item is used.

use super::{Dest, Lower, place, unit};
use crate::ir::{Effects, Kind, Origin, Part, Term};
use quote::quote;
use syn::Expr;

/// `for pat in &mut place`, `place.iter().enumerate()` ..
struct Borrowed {
    place: Expr,
    mutable: bool,
    enumerate: bool,
}

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
        match borrowed(place::strip(&f.expr)).or_else(|| self.reborrowed(&f.expr)) {
            Some(b) => self.for_borrowed(f, b),
            None => self.for_owned(f),
        }
        self.finish(dest, &unit());
    }

    /// A variable that is a borrow itself, which is taken again where it is needed.
    fn reborrowed(&self, e: &Expr) -> Option<Borrowed> {
        let Expr::Path(_) = place::strip(e) else { return None };
        let var = self.lookup(&place::root(e)?)?;
        let Origin::Derived(_) = self.m.vars[var].origin else { return None };
        Some(Borrowed { place: syn::parse_quote!((*#e)), mutable: self.borrows_mutably(var), enumerate: false })
    }

    fn for_owned(&mut self, f: &syn::ExprForLoop) {
        let value = self.operand(&f.expr);
        let rest = self.temp(true);
        // What cannot be saved of it is reported on what the user loops over.
        let span = syn::spanned::Spanned::span(&f.expr);
        self.m.vars[rest].ident.set_span(proc_macro2::Span::mixed_site().located_at(span));
        let start: Expr = syn::parse_quote_spanned!(span=> ::workflow_runtime::__private::owned(#value));
        self.bind_var(rest, None, &start);
        let rest = self.path(rest);
        let next: Expr = syn::parse_quote!(::workflow_runtime::__private::next(&mut #rest));
        let (head, body, after) = (self.node(true), self.node(false), self.node(true));
        self.end(Term::Goto(head));
        self.enter(head);
        self.scoped(|s| {
            let code = s.code(&next);
            let mut effects = code.effects;
            let pat = (*f.pat).clone();
            s.bind_pattern(&pat, &mut effects, Origin::Local);
            let pat = super::parse_pat(quote!(::core::option::Option::Some(#pat)));
            if let Kind::Tokens(next) = code.kind {
                s.end(Term::If { parts: vec![Part::Let(pat, next)], effects, then: body, els: after });
            }
            s.enter(body);
            s.looped(f.label.as_ref(), (after, head), &Dest::Discard, &f.body);
        });
        self.enter(after);
    }

    fn for_borrowed(&mut self, f: &syn::ExprForLoop, mut b: Borrowed) {
        if let Some(reborrowed) = self.reborrowed(&b.place) {
            b.place = reborrowed.place;
        }
        if !self.is_place(&b.place) {
            let value = self.operand(&b.place);
            let var = self.temp(true);
            self.bind_var(var, None, &value);
            b.place = self.path(var);
        }
        let root = place::root(&b.place);
        let place = &b.place;
        let cursor = self.temp(true);
        let start: Expr = syn::parse_quote!(::workflow_runtime::__private::cursor(&#place));
        self.bind_var(cursor, None, &start);
        let at = self.path(cursor);
        let item: Expr = match b.mutable {
            true => syn::parse_quote!(::workflow_runtime::__private::at_mut(&mut #place, &#at)),
            false => syn::parse_quote!(::workflow_runtime::__private::at(&#place, &#at)),
        };
        let item: Expr =
            if b.enumerate { syn::parse_quote!((::workflow_runtime::__private::index(&#at), #item)) } else { item };
        let advance: Expr = syn::parse_quote!(::workflow_runtime::__private::advance(&#place, &mut #at));
        let (head, body, after) = (self.node(true), self.node(false), self.node(true));
        self.end(Term::Goto(head));
        self.enter(head);
        let mut effects = Effects::default();
        let part = self.part_expr(&advance, &mut effects);
        self.end(Term::If { parts: vec![part], effects, then: body, els: after });
        self.enter(body);
        self.scoped(|s| {
            let bindings = super::names::bindings(&f.pat);
            if let Some(same) = bindings.iter().find(|b| Some(b.ident.to_string()) == root) {
                s.refuse(&same.ident, "this name hides the collection that the loop goes through, which is needed after an `.await`: give the item another name");
            }
            let code = s.code(&item);
            let origin = if bindings.iter().any(|b| b.mutable) {
                Origin::Local
            } else {
                s.derivation((*f.pat).clone(), quote!(#item), true, code.effects.clone())
            };
            if let Kind::Tokens(init) = code.kind {
                s.bind_let((*f.pat).clone(), None, init, None, code.effects, origin);
            }
            s.looped(f.label.as_ref(), (after, head), &Dest::Discard, &f.body);
        });
        self.enter(after);
    }
}

/// The collection that a loop borrows, if it is one of the known ways to do so.
fn borrowed(e: &Expr) -> Option<Borrowed> {
    match e {
        Expr::Reference(r) => {
            Some(Borrowed { place: (*r.expr).clone(), mutable: r.mutability.is_some(), enumerate: false })
        }
        Expr::MethodCall(m) if m.args.is_empty() && m.turbofish.is_none() => match m.method.to_string().as_str() {
            "iter" => Some(Borrowed { place: (*m.receiver).clone(), mutable: false, enumerate: false }),
            "iter_mut" => Some(Borrowed { place: (*m.receiver).clone(), mutable: true, enumerate: false }),
            "enumerate" => {
                borrowed(place::strip(&m.receiver)).filter(|b| !b.enumerate).map(|b| Borrowed { enumerate: true, ..b })
            }
            _ => None,
        },
        _ => None,
    }
}
