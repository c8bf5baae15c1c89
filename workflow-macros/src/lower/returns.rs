//! `return e` becomes `return __done(e)`: a block of the machine returns where it goes, not the user's value.
//! In a branch the closure around the block is what is left.

use super::{Lower, continues, macros, make};
use crate::ir::Leaves;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Expr, Stmt,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

struct Returns {
    done: TokenStream,
}

impl VisitMut for Returns {
    fn visit_stmt_mut(&mut self, s: &mut Stmt) {
        continues::replace(s, &mut continues::returned);
        visit_mut::visit_stmt_mut(self, s);
    }
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        continues::replace_expr(e, &mut continues::returned);
        visit_mut::visit_expr_mut(self, e);
        if let Expr::Return(r) = e
            && !r.expr.as_deref().is_some_and(continues::leaves)
        {
            let value = r.expr.take().map_or_else(super::unit, |e| *e);
            r.expr = Some(Box::new(make::call(Expr::Verbatim(self.done.clone()), [value], Span::call_site())));
        }
    }
    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    fn visit_macro_mut(&mut self, m: &mut syn::Macro) {
        super::in_known_macro(m, |e| self.visit_expr_mut(e));
    }
}

/// Whether there may be something to rewrite.
struct Find(bool);

impl Visit<'_> for Find {
    fn visit_expr_return(&mut self, _: &syn::ExprReturn) {
        self.0 = true;
    }
    fn visit_macro(&mut self, m: &syn::Macro) {
        self.0 |= continues::is(m) || macros::names(&m.tokens, &["return", "continue_as_new"]);
    }
    fn visit_expr(&mut self, e: &Expr) {
        if !self.0 {
            visit::visit_expr(self, e);
        }
    }
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
    fn visit_item(&mut self, _: &syn::Item) {}
}

/// The function that makes a block's answer of what is returned.
pub(crate) fn done(leaves: Option<Leaves>) -> TokenStream {
    match leaves {
        None => super::ident("__done").to_token_stream(),
        Some(Leaves::Result) => quote!(__p::branch::done_result),
        Some(Leaves::Option) => quote!(__p::branch::done_option),
        Some(Leaves::Nothing | Leaves::Return) => quote!(__p::branch::done),
    }
}

impl Lower<'_> {
    pub(super) fn rewrite(&self, e: &Expr) -> TokenStream {
        let mut find = Find(false);
        find.visit_expr(e);
        if !find.0 {
            return e.to_token_stream();
        }
        let mut e = e.clone();
        let done = done(self.branch.map(|b| self.m.branches[b].leaves));
        Returns { done }.visit_expr_mut(&mut e);
        e.to_token_stream()
    }
}
