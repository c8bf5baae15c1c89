//! What leaves a body before its end: `?` and `return` at its own level, not in closures and nested `async` blocks.

use crate::parse::threads;
use syn::{
    Block,
    visit::{self, Visit},
};

#[derive(Default, Clone, Copy)]
pub(crate) struct Exits {
    pub(crate) tries: bool,
    pub(crate) returns: bool,
}

impl Visit<'_> for Exits {
    fn visit_expr_try(&mut self, t: &syn::ExprTry) {
        self.tries = true;
        visit::visit_expr_try(self, t);
    }
    fn visit_expr_return(&mut self, r: &syn::ExprReturn) {
        self.returns = true;
        visit::visit_expr_return(self, r);
    }
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
    fn visit_item(&mut self, _: &syn::Item) {}
    fn visit_macro(&mut self, m: &syn::Macro) {
        if let Some(Ok(t)) = threads::parse(m) {
            t.exprs().for_each(|e| self.visit_expr(e));
            return;
        }
        self.tries |= ["bail", "ensure"].contains(&super::macros::name(m).as_str());
        super::in_known_macro(&mut m.clone(), |e| self.visit_expr(e));
    }
}

/// What leaves a block before its end.
pub(crate) fn exits(b: &Block) -> Exits {
    let mut exits = Exits::default();
    visit::visit_block(&mut exits, b);
    exits
}
