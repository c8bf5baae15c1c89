//! Places: expressions that name storage. Borrows of places are taken again after an await instead of being saved.

use super::{Lower, elements, make, parts};
use crate::ir::{Code, Derivation, Effects, Kind, Origin, VarId, VarSet};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{
    Expr, Pat,
    visit::Visit,
    visit_mut::{self, VisitMut},
};

/// Methods of standard types that only lend a part of their receiver. What other types define under these names may be a
/// value of its own, which stays the same only as long as the receiver does: if the receiver is `mut`, what they return
/// must be a borrow.
const LENDING: &[&str] = &[
    "as_ref",
    "as_deref",
    "as_str",
    "as_slice",
    "as_bytes",
    "as_path",
    "first",
    "last",
    "get",
    "get_key_value",
    "first_key_value",
    "last_key_value",
    "split_first",
    "split_last",
    "split_at",
    "split_once",
    "rsplit_once",
    "strip_prefix",
    "strip_suffix",
    "trim",
    "trim_start",
    "trim_end",
    "trim_matches",
    "trim_start_matches",
    "trim_end_matches",
];

/// Methods that lend mutably, and nothing else.
const LENDING_MUT: &[&str] = &[
    "as_mut",
    "as_deref_mut",
    "as_mut_slice",
    "as_mut_str",
    "first_mut",
    "last_mut",
    "get_mut",
    "split_at_mut",
    "split_first_mut",
    "split_last_mut",
];

/// Methods that take a borrow out of what the ones above return.
const UNWRAPPING: &[&str] = &["unwrap", "expect", "unwrap_or", "unwrap_or_default"];

/// True for a call of one of these methods.
pub(super) fn lends(m: &syn::ExprMethodCall) -> bool {
    let name = m.method.to_string();
    [LENDING, LENDING_MUT, UNWRAPPING].iter().any(|names| names.contains(&name.as_str()))
}

/// True for a call of a method that takes a borrow out of what holds one.
pub(super) fn unwraps(m: &syn::ExprMethodCall) -> bool {
    UNWRAPPING.contains(&m.method.to_string().as_str())
}

pub(super) fn strip(e: &Expr) -> &Expr {
    match e {
        Expr::Paren(p) => strip(&p.expr),
        Expr::Group(g) => strip(&g.expr),
        other => other,
    }
}

/// The name at the root of a chain of fields, indexes and dereferences.
pub(super) fn root(e: &Expr) -> Option<String> {
    match strip(e) {
        Expr::Path(p) if p.path.segments.len() == 1 => Some(p.path.segments[0].ident.to_string()),
        Expr::Field(f) => root(&f.base),
        Expr::Index(i) => root(&i.expr),
        Expr::Unary(u) if matches!(u.op, syn::UnOp::Deref(_)) => root(&u.expr),
        _ => None,
    }
}

/// The name at the root of a borrow.
fn lender(e: &Expr) -> Option<String> {
    match strip(e) {
        Expr::Reference(r) => lender(&r.expr),
        Expr::MethodCall(m) => lender(&m.receiver),
        Expr::Try(t) => lender(&t.expr),
        Expr::Call(c) if is_made(e, "lent") => lender(c.args.first()?),
        Expr::Field(f) => lender(&f.base),
        Expr::Index(i) => lender(&i.expr),
        Expr::Unary(u) => lender(&u.expr),
        other => root(other),
    }
}

impl Lower<'_> {
    /// True if evaluating `e` again gives the same storage, as long as nobody assigns what it names.
    pub(super) fn is_place(&self, e: &Expr) -> bool {
        match strip(e) {
            Expr::Path(_) => true,
            Expr::Field(f) => self.is_place(&f.base),
            Expr::Unary(u) => matches!(u.op, syn::UnOp::Deref(_)) && self.is_place(&u.expr),
            Expr::Index(i) => self.is_place(&i.expr) && self.is_fixed(&i.index),
            _ => false,
        }
    }

    /// An index that cannot change: a literal, a constant, or a local that is not `mut`.
    fn is_fixed(&self, e: &Expr) -> bool {
        match strip(e) {
            Expr::Lit(_) => true,
            other if is_made(other, "again") => true,
            Expr::Reference(r) => self.is_fixed(&r.expr),
            Expr::Field(f) => self.is_fixed(&f.base),
            Expr::Path(_) => root(e).and_then(|n| self.lookup(&n)).is_none_or(|v| !self.m.vars[v].mutable),
            _ => false,
        }
    }

    /// True for an expression that names storage, if its indices are evaluated once.
    pub(super) fn is_storage(&self, e: &Expr) -> bool {
        match strip(e) {
            Expr::Path(_) => true,
            Expr::Field(f) => self.is_storage(&f.base) || self.is_borrow(&f.base),
            Expr::Unary(u) => {
                matches!(u.op, syn::UnOp::Deref(_)) && (self.is_storage(&u.expr) || self.is_borrow(&u.expr))
            }
            Expr::Index(i) => self.is_storage(&i.expr) || self.is_borrow(&i.expr),
            _ => false,
        }
    }

    /// True for `&place`, `&mut place`, the lending methods of a place, and a variable that is such a borrow itself.
    pub(super) fn is_borrow(&self, e: &Expr) -> bool {
        match strip(e) {
            Expr::Reference(r) => self.is_storage(&r.expr) || self.is_borrow(&r.expr),
            Expr::Path(_) => self.derived(e).is_some(),
            Expr::Tuple(t) => !t.elems.is_empty() && t.elems.iter().all(|e| self.is_borrow(e)),
            Expr::Try(t) => self.is_borrow_call(before_try(&t.expr)),
            other if is_made(other, "lent") => true,
            other => self.is_borrow_call(other),
        }
    }

    fn is_borrow_call(&self, e: &Expr) -> bool {
        let Expr::MethodCall(m) = strip(e) else { return false };
        let name = m.method.to_string();
        let name = name.as_str();
        if UNWRAPPING.contains(&name) {
            return self.is_borrow(&m.receiver) && m.args.iter().all(|a| self.is_default(a));
        }
        if self.finds_element(m) {
            return true;
        }
        (LENDING.contains(&name) || LENDING_MUT.contains(&name))
            && m.args.iter().all(|a| !contains_closure(a))
            && (self.is_storage(&m.receiver) || self.is_borrow(&m.receiver) || matches!(*m.receiver, Expr::Lit(_)))
    }

    /// What stands in for a borrow where there is none: it is the same, or borrows the same, whenever it is evaluated.
    fn is_default(&self, e: &Expr) -> bool {
        match strip(e) {
            Expr::Tuple(t) => t.elems.iter().all(|e| self.is_default(e)),
            other => is_constant(other) || self.is_borrow(other),
        }
    }

    /// The variable that `e` is, if that is bound again where it is needed.
    fn derived(&self, e: &Expr) -> Option<VarId> {
        let Expr::Path(_) = strip(e) else { return None };
        let var = self.lookup(&root(e)?)?;
        matches!(self.m.vars[var].origin, Origin::Derived(_)).then_some(var)
    }

    /// A borrow or a place that gives the same storage whenever it is evaluated: what may change of it is evaluated here.
    pub(super) fn steady(&mut self, e: &Expr) -> Expr {
        let mut e = e.clone();
        self.make_steady(&mut e);
        e
    }

    fn make_steady(&mut self, e: &mut Expr) {
        match e {
            Expr::Paren(p) => self.make_steady(&mut p.expr),
            Expr::Group(g) => self.make_steady(&mut g.expr),
            Expr::Field(f) => self.make_steady(&mut f.base),
            Expr::Unary(u) => self.make_steady(&mut u.expr),
            Expr::Reference(r) => self.make_steady(&mut r.expr),
            Expr::Tuple(t) => t.elems.iter_mut().for_each(|e| self.make_steady(e)),
            Expr::Index(i) => {
                self.make_steady(&mut i.expr);
                *i.index = self.once(&i.index);
            }
            Expr::MethodCall(m) => {
                self.make_steady(&mut m.receiver);
                let name = m.method.to_string();
                let changeable = (LENDING.contains(&name.as_str()) || elements::finds(m))
                    && lender(&m.receiver)
                        .and_then(|n| self.lookup(&n))
                        .is_some_and(|v| self.m.vars[v].mutable || self.borrows_mutably(v));
                for a in &mut m.args {
                    match a {
                        Expr::Closure(_) => {}
                        a if UNWRAPPING.contains(&name.as_str()) => self.make_steady(a),
                        a => *a = self.once(a),
                    }
                }
                if changeable {
                    let span = syn::spanned::Spanned::span(m);
                    let call = Expr::MethodCall(m.clone());
                    *e = make::ours("iterate::lent", [call], span);
                }
            }
            Expr::Try(t) => match &mut *t.expr {
                Expr::MethodCall(m) if makes_error(m) => self.make_steady(&mut m.receiver),
                other => self.make_steady(other),
            },
            _ => {}
        }
    }

    /// A value that is the same whenever it is evaluated: a constant, or what is evaluated here and saved.
    pub(super) fn once(&mut self, e: &Expr) -> Expr {
        let e = match strip(e) {
            Expr::Reference(r) if r.mutability.is_none() && !matches!(*r.expr, Expr::Lit(_)) => {
                let mut r = r.clone();
                *r.expr = self.once(&r.expr);
                return Expr::Reference(r);
            }
            e => e,
        };
        let local = root(e).and_then(|n| self.lookup(&n));
        if is_constant(e) && local.is_none() {
            return e.clone();
        }
        if local.is_some_and(|v| !self.m.vars[v].mutable) && self.is_fixed(e) {
            return again(e.clone());
        }
        let value = self.operand(e);
        let var = self.temp(false);
        self.m.vars[var].ident.set_span(proc_macro2::Span::mixed_site().located_at(syn::spanned::Spanned::span(e)));
        self.bind_var(var, None, &value);
        again(self.path(var))
    }

    /// True for a variable that is bound again to a mutable borrow.
    pub(super) fn borrows_mutably(&self, v: VarId) -> bool {
        let Origin::Derived(d) = self.m.vars[v].origin else { return false };
        !self.m.derivations[d].changes.is_empty()
    }

    /// The variables that may be changed through the borrow `e`.
    pub(super) fn changed_by(&self, e: &Expr) -> VarSet {
        match strip(e) {
            Expr::Reference(r) if r.mutability.is_some() => self.roots(&r.expr),
            Expr::Reference(r) => self.changed_by(&r.expr),
            Expr::MethodCall(m) if LENDING_MUT.contains(&m.method.to_string().as_str()) => self.roots(&m.receiver),
            Expr::MethodCall(m) => {
                let defaults = m.args.iter().filter(|_| unwraps(m)).flat_map(|a| self.changed_by(a));
                defaults.chain(self.changed_by(&m.receiver)).collect()
            }
            Expr::Try(t) => self.changed_by(before_try(&t.expr)),
            Expr::Tuple(t) => t.elems.iter().flat_map(|e| self.changed_by(e)).collect(),
            Expr::Call(c) => c.args.iter().flat_map(|e| self.changed_by(e)).collect(),
            other => match self.derived(other).map(|v| self.m.vars[v].origin) {
                Some(Origin::Derived(d)) => self.m.derivations[d].changes.clone(),
                _ => VarSet::new(),
            },
        }
    }

    /// The variables that a change of the place `e` changes.
    pub(super) fn roots(&self, e: &Expr) -> VarSet {
        let Some(var) = lender(e).and_then(|n| self.lookup(&n)) else { return VarSet::new() };
        match self.m.vars[var].origin {
            Origin::Derived(d) => self.m.derivations[d].changes.clone(),
            _ => VarSet::from([var]),
        }
    }

    /// What code that names these variables may change through those of them that are mutable borrows.
    pub(super) fn changed_through(&self, named: &VarSet) -> VarSet {
        let derived = named.iter().filter_map(|v| match self.m.vars[*v].origin {
            Origin::Derived(d) => Some(&self.m.derivations[d].changes),
            _ => None,
        });
        derived.flatten().copied().collect()
    }

    /// A borrow, or a place that `pat` borrows from, made steady; anything else as it is.
    pub(super) fn held<'p>(&mut self, e: &Expr, mut pats: impl Iterator<Item = &'p Pat>) -> Expr {
        let binds_by_ref = |p: &Pat| super::names::bindings(p).iter().any(|b| b.by_ref);
        let mut anchored = e.clone();
        self.anchor(&mut anchored);
        match strip(&anchored) {
            e if self.is_borrow(e) || (self.is_storage(e) && pats.any(binds_by_ref)) => self.steady(e),
            Expr::Tuple(t) => {
                let mut t = t.clone();
                t.elems
                    .iter_mut()
                    .filter(|e| self.is_borrow(e))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|e| self.make_steady(e));
                Expr::Tuple(t)
            }
            _ => anchored.clone(),
        }
    }

    /// Of a tuple of values and borrows the borrows, with their patterns.
    fn borrowed_part(&self, pat: &Pat, e: &Expr) -> Option<(Pat, Expr)> {
        let (Pat::Tuple(p), Expr::Tuple(t)) = (pat, strip(e)) else { return None };
        let borrowed: Vec<bool> = t.elems.iter().map(|e| self.is_borrow(e)).collect();
        let rest = p.elems.iter().any(|p| matches!(p, Pat::Rest(_)));
        if rest || p.elems.len() != t.elems.len() || !borrowed.contains(&true) || !borrowed.contains(&false) {
            return None;
        }
        let pats = p.elems.iter().zip(&borrowed).filter_map(|(p, b)| b.then_some(p));
        let exprs = t.elems.iter().zip(&borrowed).filter_map(|(e, b)| b.then_some(e));
        let pat = super::parse_pat(quote::quote!((#(#pats,)*)));
        Some((pat, syn::parse_quote!((#(#exprs,)*))))
    }

    /// The origin of what `pat` binds of the steady borrow or place `e`. What it binds by value is local.
    pub(super) fn derive(&mut self, pat: &Pat, e: &Expr, irrefutable: bool) -> Origin {
        if let Some((pat, e)) = self.borrowed_part(pat, e) {
            return self.derive(&pat, &e, irrefutable);
        }
        let lent = if self.is_borrow(e) {
            super::names::lent(pat)
        } else if self.is_storage(e) {
            // Beside what it takes by value: the rest is no value that the pattern fits.
            if irrefutable && let Some((pat, e)) = parts::lent_beside(pat, e) {
                return self.derive(&pat, &e, irrefutable);
            }
            super::names::by_ref(pat)
        } else {
            return Origin::Local;
        };
        let bindings = super::names::bindings(&lent);
        if bindings.is_empty() {
            return Origin::Local;
        }
        let read = self.effects(|r| r.visit_expr(e));
        let mut changes = self.changed_by(e);
        if bindings.iter().any(|b| b.by_ref_mut) {
            changes.extend(self.roots(e));
        }
        self.derivation(lent, tried(e).to_token_stream(), irrefutable, read, changes)
    }

    pub(super) fn derivation(
        &mut self,
        pat: Pat,
        expr: TokenStream,
        irrefutable: bool,
        read: Effects,
        changes: VarSet,
    ) -> Origin {
        let Effects { uses, touches, renamed, .. } = read;
        self.m.derivations.push(Derivation { pat, expr, irrefutable, uses, touches, changes, renamed });
        Origin::Derived(self.m.derivations.len() - 1)
    }

    /// A hidden variable that is a borrow.
    pub(super) fn borrowed_again(&mut self, e: &Expr) -> Expr {
        let value = self.steady(e);
        let var = self.temp(false);
        let name = self.m.vars[var].ident.clone();
        let pat = make::bound(&name, false);
        let Code { kind, mut effects } = self.code(&value);
        let Kind::Tokens(init) = kind else { return value };
        let (again, changes) = (tried(&value).to_token_stream(), self.changed_by(&value));
        self.m.vars[var].origin = self.derivation(pat.clone(), again, true, effects.clone(), changes);
        effects.kills.insert(var);
        effects.binds.insert(var);
        effects.touches.insert(var);
        self.emit(Code { kind: Kind::Let { pat, ty: None, init, diverge: None }, effects });
        self.path(var)
    }
}

/// What stands before `?`, without what makes an error of `None`.
fn before_try(e: &Expr) -> &Expr {
    match strip(e) {
        Expr::MethodCall(m) if makes_error(m) => &m.receiver,
        other => other,
    }
}

fn makes_error(m: &syn::ExprMethodCall) -> bool {
    m.method == "ok_or" || m.method == "ok_or_else"
}

/// The borrow as it is taken again: `?` has let it pass before.
fn tried(e: &Expr) -> Expr {
    struct Tried;
    impl VisitMut for Tried {
        fn visit_expr_mut(&mut self, e: &mut Expr) {
            visit_mut::visit_expr_mut(self, e);
            if let Expr::Try(t) = e {
                let inner = before_try(&t.expr).clone();
                *e = make::ours("iterate::good", [inner], Span::call_site());
            }
        }
        fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    }
    let mut e = e.clone();
    Tried.visit_expr_mut(&mut e);
    e
}

/// What is the same whenever it is evaluated.
fn again(e: Expr) -> Expr {
    let span = Span::call_site();
    make::ours("iterate::again", [make::borrow(e, false, span)], span)
}

/// A call of ours.
fn is_made(e: &Expr, function: &str) -> bool {
    let ours = |p: &syn::Path| {
        p.segments.first().is_some_and(|s| s.ident == "workflow_runtime")
            && p.segments.last().is_some_and(|s| s.ident == function)
    };
    matches!(strip(e), Expr::Call(c) if matches!(&*c.func, Expr::Path(p) if ours(&p.path)))
}

/// A literal, a constant, a range of these: nothing that a local can change.
pub(super) fn is_constant(e: &Expr) -> bool {
    match strip(e) {
        Expr::Lit(_) => true,
        Expr::Unary(u) => is_constant(&u.expr),
        Expr::Reference(r) => is_constant(&r.expr),
        Expr::Array(a) => a.elems.iter().all(is_constant),
        Expr::Range(r) => r.start.iter().chain(&r.end).all(|e| is_constant(e)),
        Expr::Path(p) => {
            p.path.segments.last().is_some_and(|s| s.ident.to_string().starts_with(char::is_uppercase))
                || p.path.segments.len() > 1
        }
        _ => false,
    }
}

fn contains_closure(e: &Expr) -> bool {
    struct Find(bool);
    impl Visit<'_> for Find {
        fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    find.visit_expr(e);
    find.0
}
