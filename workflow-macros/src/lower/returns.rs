//! `return e` becomes `return __done(e)`: a block of the machine returns where it goes, not the user's value.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Expr,
    visit_mut::{self, VisitMut},
};

struct Returns;

impl VisitMut for Returns {
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        visit_mut::visit_expr_mut(self, e);
        if let Expr::Return(r) = e {
            let done = super::ident("__done");
            let value = r.expr.take().unwrap_or_else(|| Box::new(super::unit()));
            r.expr = Some(syn::parse_quote!(#done(#value)));
        }
    }
    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    fn visit_macro_mut(&mut self, m: &mut syn::Macro) {
        super::in_known_macro(m, |e| self.visit_expr_mut(e));
    }
}

pub(super) fn rewrite(e: &Expr) -> TokenStream {
    let mut e = e.clone();
    Returns.visit_expr_mut(&mut e);
    e.to_token_stream()
}
