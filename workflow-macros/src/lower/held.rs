//! Locals that are there only to be dropped: guards, permits, entered spans.
//!
//! What is dead at a suspension is dropped there. Of a value that is only held this would end early what it holds, in silence. Such
//! a local is never read, or only through `*`; whether its type has anything to end is for its slot to say.

use crate::parse::threads;
use std::collections::BTreeSet;
use syn::{
    Block, Expr, Local, UnOp,
    visit::{self, Visit},
};

/// The names that `let` binds and nothing reads but `*name`.
pub(super) fn names(b: &Block) -> BTreeSet<String> {
    let mut find = Find::default();
    find.visit_block(b);
    let held = |n: &String| !find.read.contains(n) && (n.starts_with('_') || find.dereferenced.contains(n));
    find.bound.iter().filter(|n| held(n)).cloned().collect()
}

#[derive(Default)]
struct Find {
    bound: BTreeSet<String>,
    dereferenced: BTreeSet<String>,
    read: BTreeSet<String>,
}

impl Visit<'_> for Find {
    fn visit_local(&mut self, l: &Local) {
        self.bound.extend(super::names::bindings(&l.pat).into_iter().map(|b| b.ident.to_string()));
        visit::visit_local(self, l);
    }
    fn visit_expr_unary(&mut self, u: &syn::ExprUnary) {
        match (&u.op, &*u.expr) {
            (UnOp::Deref(_), Expr::Path(p)) if p.path.get_ident().is_some() => {
                self.dereferenced.extend(p.path.get_ident().map(ToString::to_string));
            }
            _ => visit::visit_expr_unary(self, u),
        }
    }
    fn visit_expr_path(&mut self, p: &syn::ExprPath) {
        self.read.extend(p.path.get_ident().map(ToString::to_string));
    }
    fn visit_macro(&mut self, m: &syn::Macro) {
        if let Some(Ok(t)) = threads::parse(m) {
            t.exprs().for_each(|e| self.visit_expr(e));
            return;
        }
        let mut reader = super::names::Reader::default();
        reader.tokens(m.tokens.clone());
        self.read.extend(reader.touches);
    }
    fn visit_item(&mut self, _: &syn::Item) {}
}
