//! Bindings: what a pattern brings into scope, and what it hides.

use super::{Lower, make, names};
use crate::ir::{Code, Effects, Kind, Origin, Term, VarId, VarSet};
use proc_macro2::{Ident, TokenStream};
use syn::{Expr, Pat, Type};

impl Lower<'_> {
    /// Emits a `let` and brings its bindings into scope.
    pub(super) fn bind_let(
        &mut self,
        pat: Pat,
        ty: Option<Type>,
        init: TokenStream,
        diverge: Option<TokenStream>,
        mut effects: Effects,
        origin: Origin,
    ) {
        let own = self.hides_own_lender(&pat, origin);
        self.bind_pattern(&pat, &mut effects, origin);
        let pat = if own { self.without_borrows(&pat, &mut effects) } else { pat };
        if !own || !effects.binds.is_empty() {
            self.emit(Code { kind: Kind::Let { pat, ty, init, diverge }, effects });
        }
        self.settle();
    }

    /// The pattern without its borrows: they are bound in the next block, where what they hide has another name.
    fn without_borrows(&self, pat: &Pat, effects: &mut Effects) -> Pat {
        let lent = |v: &VarId| matches!(self.m.vars[*v].origin, Origin::Derived(_));
        let (lent, own): (VarSet, VarSet) = effects.binds.iter().partition(|v| lent(v));
        let names: Vec<&Ident> = lent.iter().map(|v| &self.m.vars[*v].ident).collect();
        effects.binds = own;
        for v in &lent {
            effects.kills.remove(v);
            effects.touches.remove(v);
        }
        names::without(pat, |b| names.contains(&&b.ident))
    }

    /// True if what `pat` binds is a borrow of what had its name before.
    pub(super) fn hides_own_lender(&self, pat: &Pat, origin: Origin) -> bool {
        let Origin::Derived(d) = origin else { return false };
        let hidden = |b: names::Binding| self.lookup(&b.ident.to_string());
        names::bindings(pat).into_iter().filter_map(hidden).any(|v| self.m.derivations[d].touches.contains(&v))
    }

    /// True if a borrow in scope is taken again by way of a variable that is called `name`, be it hidden already or not.
    pub(super) fn is_lender(&self, name: &str) -> bool {
        let lent = |v: &VarId| match self.m.vars[*v].origin {
            Origin::Derived(d) => self.m.derivations[d].touches.iter().any(|t| self.m.vars[*t].ident == name),
            _ => false,
        };
        self.scopes.iter().flat_map(|s| s.values()).any(lent)
    }

    /// Begins a block if a binding has hidden a variable that a borrow is taken from: at its entry both have names.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.hid_lender) {
            let node = self.node(true);
            self.end(Term::Goto(node));
            self.enter(node);
        }
    }

    /// Brings the bindings of a pattern into scope and notes them in the effects of the code that binds them.
    pub(super) fn bind_pattern(&mut self, pat: &Pat, effects: &mut Effects, origin: Origin) {
        for b in names::bindings(pat) {
            let lent = |d: usize| names::bindings(&self.m.derivations[d].pat).iter().any(|l| l.ident == b.ident);
            let origin = match origin {
                Origin::Derived(d) if !lent(d) => Origin::Local,
                other => other,
            };
            let own = matches!(origin, Origin::Derived(_)) && self.hides_own_lender(pat, origin);
            self.hid_lender |= own || self.is_lender(&b.ident.to_string());
            let var = self.var(&b.ident, b.mutable, None, origin);
            self.in_scope(var);
            effects.kills.insert(var);
            effects.binds.insert(var);
            effects.touches.insert(var);
        }
    }

    /// Binds a variable that is ours to bind: a temporary, or the name of a simple `let`.
    pub(super) fn bind_var(&mut self, var: VarId, ty: Option<Type>, value: &Expr) {
        let v = &self.m.vars[var];
        let pat = make::bound(&v.ident, v.mutable);
        let mut code = self.code(value);
        code.effects.kills.insert(var);
        code.effects.binds.insert(var);
        code.effects.touches.insert(var);
        let Kind::Tokens(init) = code.kind else {
            return;
        };
        self.emit(Code { kind: Kind::Let { pat, ty, init, diverge: None }, effects: code.effects });
    }
}
