//! Borrows of values that have no name: `match &f().await? { .. }`, `let Some(x) = text(..).await?.strip_prefix("a")`.
//!
//! Such a value lives as long as what borrows from it, so it gets a name of ours, and the borrow a place.

use super::{Lower, elements, place};
use syn::{Expr, visit::Visit};

impl Lower<'_> {
    /// Gives the value that `e` borrows from a name, if it has none.
    pub(super) fn anchor(&mut self, e: &mut Expr) {
        let Some(value) = self.nameless(e) else { return };
        let var = self.temp(true);
        let named = std::mem::replace(value, self.path(var));
        self.bind_var(var, None, &named);
    }

    /// The value without a name that `e` borrows from.
    fn nameless<'a>(&self, e: &'a mut Expr) -> Option<&'a mut Expr> {
        let lender = match e {
            Expr::Paren(p) => return self.nameless(&mut p.expr),
            Expr::Group(g) => return self.nameless(&mut g.expr),
            Expr::Reference(r) => &mut *r.expr,
            Expr::MethodCall(m) if self.lends(m) => &mut *m.receiver,
            _ => return None,
        };
        if self.is_storage(lender) || self.is_borrow(lender) {
            return None;
        }
        self.value(lender)
    }

    /// True for a method that lends a part of its receiver, or takes a borrow out of what holds one.
    fn lends(&self, m: &syn::ExprMethodCall) -> bool {
        let borrow = |e: &Expr| match place::strip(e) {
            Expr::Reference(_) => true,
            Expr::MethodCall(m) => self.lends(m),
            other => self.is_borrow(other),
        };
        place::lends(m) && !elements::is_iterator(&m.receiver) && (!place::unwraps(m) || borrow(&m.receiver))
    }

    /// The value that a place, or a borrow, is a part of.
    fn value<'a>(&self, e: &'a mut Expr) -> Option<&'a mut Expr> {
        match e {
            Expr::Paren(p) => self.value(&mut p.expr),
            Expr::Group(g) => self.value(&mut g.expr),
            Expr::Field(f) => self.value(&mut f.base),
            Expr::Index(i) => self.value(&mut i.expr),
            Expr::Unary(syn::ExprUnary { op: syn::UnOp::Deref(_), expr, .. }) => self.value(expr),
            Expr::Reference(_) => self.nameless(e),
            Expr::MethodCall(m) if self.lends(m) => self.nameless(e),
            Expr::Call(_)
            | Expr::MethodCall(_)
            | Expr::Macro(_)
            | Expr::Try(_)
            | Expr::Struct(_)
            | Expr::Array(_)
            | Expr::Repeat(_)
            | Expr::Tuple(_)
            | Expr::Binary(_)
            | Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::Loop(_) => Some(e),
            _ => None,
        }
    }

    /// True if a borrow needs something evaluated before it can be taken: that must not run before what stands in front of it.
    pub(super) fn prepares(&self, e: &Expr) -> bool {
        struct Find(bool);
        impl Visit<'_> for Find {
            fn visit_expr_index(&mut self, i: &syn::ExprIndex) {
                self.0 |= !matches!(*i.index, Expr::Lit(_) | Expr::Path(_));
                self.visit_expr(&i.expr);
            }
            fn visit_expr_method_call(&mut self, m: &syn::ExprMethodCall) {
                self.0 |= m.args.iter().any(|a| !matches!(a, Expr::Lit(_) | Expr::Path(_)));
                self.visit_expr(&m.receiver);
            }
        }
        let mut find = Find(false);
        find.visit_expr(e);
        (find.0 && self.is_borrow(e)) || self.nameless(&mut e.clone()).is_some()
    }
}
