//! The check copy: the user's function as a plain async fn.
//!
//! rustc type-checks, borrow-checks and lints it on the user's tokens. It never runs in production.

use super::{Signature, escapes, probes, refused, signature::Parameters};
use crate::{
    lower::{self, continues},
    parse::{
        threads::{self, Threads},
        workflow::WorkflowFn,
    },
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Expr, Index, Pat, Stmt,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

pub(super) fn check_copy(f: &WorkflowFn, s: &Signature) -> TokenStream {
    let mut block = (*f.item.block).clone();
    lower::items::split(&mut block);
    let import = probes::probe(&mut block, f);
    let escapes = escapes::deny(&mut block, f);
    Awaits.visit_block_mut(&mut block);
    let (inputs, args, types, out) = (&f.item.sig.inputs, &s.args, &s.types, &s.out);
    let (Parameters { given, .. }, (implied, _, clause)) =
        (Parameters::of(&f.item.sig), f.item.sig.generics.split_for_impl());
    let lints =
        f.item.attrs.iter().filter(|a| ["allow", "warn", "expect", "deny"].iter().any(|l| a.path().is_ident(l)));
    quote! {
        #import
        #(#lints)*
        #escapes
        #[allow(clippy::too_many_arguments, clippy::unused_async, clippy::large_futures, clippy::unused_unit)]
        async fn __check #implied(#inputs) -> #out #clause #block
        fn __future #implied((#(#args,)*): (#(#types,)*)) -> impl ::core::future::Future<Output = #out> #clause {
            __check #given(#(#args),*)
        }
    }
}

impl Awaits {
    /// The branches of `join!` and `select!`, polled one behind the other by one future.
    fn threads(&mut self, m: &syn::Macro) -> Option<TokenStream> {
        let Ok(mut t) = threads::parse(m)? else { return Some(TokenStream::new()) };
        for b in &mut t.branches {
            let call = b.block().is_none();
            self.visit_expr_mut(&mut b.body);
            if call {
                let body = &b.body;
                let wrapped = quote_spanned!(body.span()=> ::workflow_runtime::__private::awaited(#body));
                b.body = Expr::Verbatim(wrapped);
            }
            if let Some(arm) = &mut b.arm {
                arm.guard.iter_mut().for_each(|g| self.visit_expr_mut(g));
                self.visit_expr_mut(&mut arm.handler);
            }
        }
        t.els.iter_mut().for_each(|e| self.visit_expr_mut(e));
        let path = &m.path;
        let value = match t.kind {
            threads::Kind::Join => join(&t, path.span()),
            threads::Kind::TryJoin => try_join(&t),
            threads::Kind::Select => select(&t),
        };
        // An import of the macro is used. What is unused of the value is reported on the macro.
        Some(quote_spanned!(path.span()=> { #path!(@in_workflow); #value }))
    }
}

/// The variable of all branches, a tuple so that they are given up in order, and the places in it.
fn branches(t: &Threads) -> (Ident, Vec<Index>) {
    (lower::ident("all"), (0..t.branches.len()).map(Index::from).collect())
}

fn join(t: &Threads, span: Span) -> TokenStream {
    let bodies = t.branches.iter().map(|b| &b.body);
    let (cx, (all, at)) = (lower::ident("cx"), branches(t));
    let value = quote_spanned!(span=> (#(::workflow_runtime::__private::Polled::take(&mut #all.#at),)*));
    quote! {{
        let mut #all = (#(::workflow_runtime::__private::Polled::new(#bodies),)*);
        ::workflow_runtime::__private::poll_fn(|#cx| {
            ::workflow_runtime::__private::all(&[#(#all.#at.poll(#cx)),*])
        }).await;
        #value
    }}
}

fn try_join(t: &Threads) -> TokenStream {
    let bodies = t.branches.iter().map(|b| &b.body);
    let (cx, over, e, (all, at)) = (lower::ident("cx"), lower::ident("over"), lower::ident("e"), branches(t));
    quote! {{
        let mut #all = (#(::workflow_runtime::__private::Polled::new(#bodies),)*);
        let #e = ::workflow_runtime::__private::poll_fn(|#cx| {
            let mut #over = true;
            #(if let ::core::option::Option::Some(#e) = #all.#at.failed(#cx, &mut #over) {
                return ::core::task::Poll::Ready(::core::option::Option::Some(#e));
            })*
            ::workflow_runtime::__private::all(&[#over]).map(|()| ::core::option::Option::None)
        }).await;
        match #e {
            ::core::option::Option::Some(#e) => {
                ::core::mem::drop(#all);
                ::core::result::Result::Err(#e)
            }
            ::core::option::Option::None => ::core::result::Result::Ok((#(#all.#at.ok(),)*)),
        }
    }}
}

fn select(t: &Threads) -> TokenStream {
    let (cx, out, (all, at)) = (lower::ident("cx"), lower::ident("out"), branches(t));
    let arms: Vec<_> = t.branches.iter().filter_map(|b| b.arm.as_ref()).collect();
    let guards = arms.iter().map(|a| a.guard.as_ref().map_or_else(|| quote!(true), |g| quote!(#g)));
    let enabled: Vec<Ident> = (0..t.branches.len()).map(|i| lower::ident(&format!("__g{i}"))).collect();
    let variants: Vec<Ident> = (0..t.branches.len()).map(|i| lower::ident(&format!("__{i}"))).collect();
    let bodies = t.branches.iter().map(|b| &b.body);
    let pats: Vec<_> = arms.iter().map(|a| &a.pat).collect();
    let tests = pats.iter().map(|p| unbound(p));
    let handlers = arms.iter().zip(&pats).zip(&variants);
    let handlers = handlers.map(|((arm, pat), variant)| handler(quote!(__Won::#variant(#pat)), arm.handler.clone()));
    let els = t.els.clone().unwrap_or_else(|| Expr::Verbatim(quote!(::core::unreachable!())));
    let els = handler(quote!(__Won::__Else), els);
    quote! {{
        #[allow(non_camel_case_types)]
        enum __Won<#(#variants),*> { #(#variants(#variants),)* __Else }
        match {
            let (#(#enabled,)*) = (#(#guards,)*);
            let mut #all = (#(::workflow_runtime::__private::Polled::new(#bodies),)*);
            #(if !#enabled { #all.#at.disable(); })*
            let #out = ::workflow_runtime::__private::poll_fn(|#cx| {
                #(if let ::core::option::Option::Some(#out) = #all.#at.output(#cx) {
                    #[allow(unused_variables, irrefutable_let_patterns, clippy::all)]
                    if let #tests = &#out {
                        return ::core::task::Poll::Ready(__Won::#variants(#out));
                    }
                })*
                ::workflow_runtime::__private::all(&[#(#all.#at.is_over()),*]).map(|()| __Won::__Else)
            }).await;
            ::core::mem::drop(#all);
            #out
        } {
            #(#handlers)*
            #els
            #[allow(unreachable_patterns)]
            _ => ::core::unreachable!(),
        }
    }}
}

/// An arm as syntax, where a body that only begins as a block does gets parentheses.
fn handler(pat: TokenStream, body: Expr) -> syn::Arm {
    let (pat, body, comma) = (Pat::Verbatim(pat), Box::new(body), Some(Default::default()));
    syn::Arm { attrs: vec![], pat, guard: None, fat_arrow_token: Default::default(), body, comma }
}

/// The pattern as it is matched against a borrow, which binds nothing by value.
fn unbound(p: &Pat) -> Pat {
    struct Clean;
    impl VisitMut for Clean {
        fn visit_pat_ident_mut(&mut self, p: &mut syn::PatIdent) {
            (p.by_ref, p.mutability) = (None, None);
            visit_mut::visit_pat_ident_mut(self, p);
        }
    }
    let mut p = p.clone();
    Clean.visit_pat_mut(&mut p);
    p
}

/// Wraps what is awaited, so that what is not durable is reported on the user's expression.
struct Awaits;

impl VisitMut for Awaits {
    fn visit_expr_await_mut(&mut self, a: &mut syn::ExprAwait) {
        visit_mut::visit_expr_await_mut(self, a);
        if refused::is_stand_in(&a.base) {
            return;
        }
        let base = &a.base;
        let wrapped: TokenStream = quote_spanned!(base.span()=> ::workflow_runtime::__private::awaited(#base));
        *a.base = Expr::Verbatim(wrapped);
    }
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        if let Expr::Macro(m) = e
            && let Some(value) = self.threads(&m.mac)
        {
            // A block would end an arm or a statement of which it is only the beginning.
            let (attrs, paren_token, expr) = (vec![], Default::default(), Box::new(Expr::Verbatim(value)));
            *e = Expr::Paren(syn::ExprParen { attrs, paren_token, expr });
            return;
        }
        if continues::replace_expr(e, &mut continued) {
            return;
        }
        visit_mut::visit_expr_mut(self, e);
    }
    fn visit_stmt_mut(&mut self, s: &mut Stmt) {
        if let Stmt::Macro(m) = s
            && let Some(value) = self.threads(&m.mac)
        {
            *s = Stmt::Expr(Expr::Verbatim(value), m.semi_token);
            return;
        }
        continues::replace(s, &mut continued);
        visit_mut::visit_stmt_mut(self, s);
    }
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    fn visit_macro_mut(&mut self, m: &mut syn::Macro) {
        // Most macros have nothing in them that is looked for, and parsing them is dear.
        if !lower::names_any(&m.tokens, &["await", "join", "try_join", "select", "continue_as_new"]) {
            return;
        }
        lower::in_known_macro(m, |e| self.visit_expr_mut(e));
    }
}

/// Never comes back: what awaits it is of the type `!`.
fn continued(m: &syn::Macro, mut args: Vec<Expr>) -> Expr {
    args.iter_mut().for_each(|e| Awaits.visit_expr_mut(e));
    let call = continues::call(m, &args);
    let never = quote!((match ::workflow_runtime::__private::continued(#call).await {}));
    Expr::Verbatim(never)
}
