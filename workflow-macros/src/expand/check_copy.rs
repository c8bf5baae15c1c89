//! The check copy: the user's function as a plain async fn.
//!
//! rustc type-checks, borrow-checks and lints it on the user's tokens. It never runs in production.

use super::Signature;
use crate::{lower, parse::workflow::WorkflowFn};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Block, Expr, Stmt,
    spanned::Spanned,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

pub(super) fn check_copy(f: &WorkflowFn, s: &Signature) -> TokenStream {
    let mut block = (*f.item.block).clone();
    Awaits.visit_block_mut(&mut block);
    let (inputs, out) = (&f.item.sig.inputs, &s.out);
    let lints =
        f.item.attrs.iter().filter(|a| ["allow", "warn", "expect", "deny"].iter().any(|l| a.path().is_ident(l)));
    quote! {
        #(#lints)*
        #[allow(clippy::too_many_arguments, clippy::unused_async, clippy::large_futures)]
        async fn __check(#inputs) -> #out #block
    }
}

/// Wraps what is awaited, so that what is not durable is reported on the user's expression.
struct Awaits;

impl VisitMut for Awaits {
    fn visit_block_mut(&mut self, b: &mut Block) {
        // Items stand beside both copies.
        if lower::awaits(b) {
            b.stmts.retain(|s| !matches!(s, Stmt::Item(_)));
        }
        visit_mut::visit_block_mut(self, b);
    }
    fn visit_expr_await_mut(&mut self, a: &mut syn::ExprAwait) {
        visit_mut::visit_expr_await_mut(self, a);
        let base = &a.base;
        let wrapped: TokenStream = quote_spanned!(base.span()=> ::workflow_runtime::__private::awaited(#base));
        *a.base = Expr::Verbatim(wrapped);
    }
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    fn visit_macro_mut(&mut self, m: &mut syn::Macro) {
        lower::in_known_macro(m, |e| self.visit_expr_mut(e));
    }
}

/// True if `?` is used at the level of the function.
pub(super) fn tries(b: &Block) -> bool {
    struct Find(bool);
    impl Visit<'_> for Find {
        fn visit_expr_try(&mut self, _: &syn::ExprTry) {
            self.0 = true;
        }
        fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
        fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
        fn visit_item(&mut self, _: &syn::Item) {}
        fn visit_macro(&mut self, m: &syn::Macro) {
            lower::in_known_macro(&mut m.clone(), |e| self.visit_expr(e));
        }
    }
    let mut find = Find(false);
    visit::visit_block(&mut find, b);
    find.0
}
