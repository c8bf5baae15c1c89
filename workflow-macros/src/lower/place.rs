//! Places: expressions that name storage. Borrows of places are taken again after an await instead of being saved.

use super::Lower;
use crate::ir::{Derivation, Effects, Origin, VarId};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, Pat, visit::Visit};

/// Methods of standard types that only lend a part of their receiver. What other types define under these names may be a
/// value of its own, which stays the same only as long as the receiver does: the receiver must not be `mut`.
const LENDING: &[&str] =
    &["as_ref", "as_deref", "as_str", "as_slice", "as_bytes", "as_path", "first", "last", "get", "trim"];

/// Methods that lend mutably, and nothing else.
const LENDING_MUT: &[&str] = &["as_mut", "as_deref_mut", "as_mut_slice"];

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
        Expr::Reference(r) => root(&r.expr),
        Expr::MethodCall(m) => lender(&m.receiver),
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
            Expr::Reference(r) => self.is_fixed(&r.expr),
            Expr::Field(f) => self.is_fixed(&f.base),
            Expr::Path(_) => root(e).and_then(|n| self.lookup(&n)).is_none_or(|v| !self.m.vars[v].mutable),
            _ => false,
        }
    }

    /// True for a variable that is bound again to a mutable borrow.
    pub(super) fn borrows_mutably(&self, v: VarId) -> bool {
        let Origin::Derived(d) = self.m.vars[v].origin else { return false };
        let how = self.m.derivations[d].expr.to_string();
        ["& mut", "at_mut", "as_mut", "as_deref_mut"].iter().any(|m| how.contains(m))
    }

    /// True for `&place`, `&mut place` and the lending methods of a place.
    pub(super) fn is_borrow(&self, e: &Expr) -> bool {
        match strip(e) {
            Expr::Reference(r) => self.is_place(&r.expr),
            Expr::MethodCall(m) => {
                let name = m.method.to_string();
                let lender = lender(&m.receiver).and_then(|n| self.lookup(&n));
                let fixed = lender.is_none_or(|v| !self.m.vars[v].mutable && !self.borrows_mutably(v));
                let lends = (LENDING.contains(&name.as_str()) && fixed) || LENDING_MUT.contains(&name.as_str());
                lends
                    && m.args.iter().all(|a| self.is_fixed(a))
                    && (self.is_place(&m.receiver) || self.is_borrow(&m.receiver))
            }
            _ => false,
        }
    }

    /// The origin of what `pat` binds if it is matched against the borrow `e`.
    pub(super) fn derive(&mut self, pat: &Pat, e: &Expr, irrefutable: bool) -> Origin {
        let bindings = super::names::bindings(pat);
        let by_value = contains_reference_pattern(pat) || bindings.iter().any(|b| b.mutable);
        if by_value || bindings.is_empty() || !self.is_borrow(e) {
            return Origin::Local;
        }
        let read = self.effects(|r| r.visit_expr(e));
        let names: Vec<String> = read.touches.iter().map(|v| self.m.vars[*v].ident.to_string()).collect();
        if bindings.iter().any(|b| names.contains(&b.ident.to_string())) {
            return Origin::Local;
        }
        self.derivation(pat.clone(), e.to_token_stream(), irrefutable, read)
    }

    pub(super) fn derivation(&mut self, pat: Pat, expr: TokenStream, irrefutable: bool, read: Effects) -> Origin {
        let Effects { uses, touches, .. } = read;
        self.m.derivations.push(Derivation { pat, expr, irrefutable, uses, touches });
        Origin::Derived(self.m.derivations.len() - 1)
    }
}

/// `&x` in a pattern copies out of the borrow: what it binds is a value of its own.
fn contains_reference_pattern(pat: &Pat) -> bool {
    struct Find(bool);
    impl Visit<'_> for Find {
        fn visit_pat_reference(&mut self, _: &syn::PatReference) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    find.visit_pat(pat);
    find.0
}
