//! Borrows of one element that an iterator finds: `lines.iter().find(|l| l.open)`, `text.lines().next()`.
//!
//! They are taken again by going through the elements again. So nothing in the chain may come out differently by then: it takes
//! nothing by value, and what its closures name does not change.

use super::{Lower, chain, names::Reader, place};
use crate::ir::VarId;
use syn::{
    Expr, ExprMethodCall,
    visit::{self, Visit},
};

/// Methods that give one of the items.
const FINDING: &[&str] = &["next", "nth", "last", "min", "max", "min_by", "max_by", "min_by_key", "max_by_key", "find"];

/// Adaptors that pass items on as they are.
const PASSING: &[&str] = &["rev", "skip", "take", "step_by", "filter", "skip_while", "take_while"];

/// True for a method that gives one item of an iterator.
pub(super) fn finds(m: &ExprMethodCall) -> bool {
    FINDING.contains(&m.method.to_string().as_str())
}

/// True for a call that gives an iterator, by its name.
pub(super) fn is_iterator(e: &Expr) -> bool {
    let Expr::MethodCall(m) = place::strip(e) else { return false };
    let name = m.method.to_string();
    PASSING.contains(&name.as_str()) || chain::iterates(&name)
}

impl Lower<'_> {
    /// True for a call that finds an element of a place.
    pub(super) fn finds_element(&self, m: &ExprMethodCall) -> bool {
        finds(m) && self.same_arguments(m) && self.goes_through(&m.receiver)
    }

    fn goes_through(&self, e: &Expr) -> bool {
        let Expr::MethodCall(m) = place::strip(e) else { return false };
        let name = m.method.to_string();
        if PASSING.contains(&name.as_str()) {
            return self.same_arguments(m) && self.goes_through(&m.receiver);
        }
        let lender = || {
            self.is_storage(&m.receiver)
                || (self.is_borrow(&m.receiver) && self.changed_by(&m.receiver).is_empty())
                || matches!(place::strip(&m.receiver), Expr::Lit(_))
        };
        chain::lends_items(&name) && m.args.iter().all(|a| !matches!(a, Expr::Closure(_))) && lender()
    }

    /// True if the closures among the arguments name nothing that may change.
    fn same_arguments(&self, m: &ExprMethodCall) -> bool {
        m.args.iter().all(|a| match place::strip(a) {
            Expr::Closure(c) => c.capture.is_none() && self.is_same(&c.body, c),
            _ => true,
        })
    }

    fn is_same(&self, body: &Expr, c: &syn::ExprClosure) -> bool {
        /// What may do something else than to look at values.
        struct Find(bool);
        impl Visit<'_> for Find {
            fn visit_macro(&mut self, m: &syn::Macro) {
                self.0 |= !["matches", "format"].iter().any(|known| m.path.is_ident(known));
            }
            fn visit_expr_assign(&mut self, _: &syn::ExprAssign) {
                self.0 = true;
            }
            fn visit_expr_unsafe(&mut self, _: &syn::ExprUnsafe) {
                self.0 = true;
            }
            fn visit_expr_reference(&mut self, r: &syn::ExprReference) {
                self.0 |= r.mutability.is_some();
                visit::visit_expr_reference(self, r);
            }
        }
        let (mut find, mut reader) = (Find(false), Reader::default());
        find.visit_expr(body);
        reader.visit_expr_closure(c);
        let fixed = |v: VarId| !self.m.vars[v].mutable && !self.borrows_mutably(v);
        !find.0 && reader.touches.iter().filter_map(|n| self.lookup(n)).all(fixed)
    }
}
