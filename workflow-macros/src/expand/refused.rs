//! What stands for awaits that were refused, so that rustc says what else is wrong with the function, and not that once more.
//!
//! An `.await` where Rust allows none becomes a call that gives the same type. What comes out of an `async` block that was refused may be
//! awaited, although it is no durable operation.

use crate::{lower, parse::threads};
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use std::collections::BTreeSet;
use syn::{
    Block, Expr, Item, Pat, Stmt,
    spanned::Spanned,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

pub(super) fn stand_in(b: &mut Block) {
    let mut futures = Futures::default();
    loop {
        let known = futures.0.len();
        futures.visit_block(b);
        if futures.0.len() == known {
            break;
        }
    }
    StandIn { futures, sync: false }.visit_block_mut(b);
}

/// True for what is awaited as the future that it is.
pub(super) fn is_stand_in(e: &Expr) -> bool {
    matches!(e, Expr::Verbatim(_))
}

/// A block as syntax, which gets parentheses where it would end a statement.
fn in_block(inside: TokenStream) -> Expr {
    let stmts = vec![Stmt::Expr(Expr::Verbatim(inside), None)];
    let block = Block { brace_token: Default::default(), stmts };
    Expr::Block(syn::ExprBlock { attrs: vec![], label: None, block })
}

/// Names of what may hold, or return, a future of the user's own.
#[derive(Default)]
struct Futures(BTreeSet<String>);

impl Futures {
    fn gives(&self, e: &Expr) -> bool {
        struct Gives<'f>(&'f Futures, bool);
        impl Visit<'_> for Gives<'_> {
            fn visit_expr_async(&mut self, _: &syn::ExprAsync) {
                self.1 = true;
            }
            fn visit_expr_closure(&mut self, c: &syn::ExprClosure) {
                self.1 |= c.asyncness.is_some();
                visit::visit_expr_closure(self, c);
            }
            fn visit_expr_path(&mut self, p: &syn::ExprPath) {
                self.1 |= p.path.get_ident().is_some_and(|i| self.0.0.contains(&i.to_string()));
            }
            fn visit_macro(&mut self, m: &syn::Macro) {
                self.1 |= self.0.named(m.tokens.clone());
            }
        }
        let mut gives = Gives(self, false);
        gives.visit_expr(e);
        gives.1
    }

    fn named(&self, tokens: TokenStream) -> bool {
        tokens.into_iter().any(|t| match t {
            TokenTree::Ident(i) => i == "async" || self.0.contains(&i.to_string()),
            TokenTree::Group(g) => self.named(g.stream()),
            _ => false,
        })
    }

    fn bound(&mut self, pat: &Pat, to: &Expr) {
        struct Names<'f>(&'f mut BTreeSet<String>);
        impl Visit<'_> for Names<'_> {
            fn visit_pat_ident(&mut self, p: &syn::PatIdent) {
                self.0.insert(p.ident.to_string());
            }
        }
        if self.gives(to) {
            Names(&mut self.0).visit_pat(pat);
        }
    }
}

impl Visit<'_> for Futures {
    fn visit_local(&mut self, l: &syn::Local) {
        if let Some(init) = &l.init {
            self.bound(&l.pat, &init.expr);
        }
        visit::visit_local(self, l);
    }
    fn visit_expr_for_loop(&mut self, f: &syn::ExprForLoop) {
        self.bound(&f.pat, &f.expr);
        visit::visit_expr_for_loop(self, f);
    }
    fn visit_expr_let(&mut self, l: &syn::ExprLet) {
        self.bound(&l.pat, &l.expr);
        visit::visit_expr_let(self, l);
    }
    fn visit_expr_match(&mut self, m: &syn::ExprMatch) {
        m.arms.iter().for_each(|a| self.bound(&a.pat, &m.expr));
        visit::visit_expr_match(self, m);
    }
    fn visit_item(&mut self, item: &Item) {
        if let Item::Fn(f) = item
            && f.sig.asyncness.is_some()
            && !lower::items::is_attributed(&f.attrs)
        {
            self.0.insert(f.sig.ident.to_string());
        }
    }
}

struct StandIn {
    futures: Futures,
    /// In what waits for nothing.
    sync: bool,
}

impl StandIn {
    fn within(&mut self, sync: bool, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.sync, sync);
        visit(self);
        self.sync = outer;
    }
}

impl VisitMut for StandIn {
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        match e {
            Expr::Await(a) if self.sync => {
                self.visit_expr_mut(&mut a.base);
                let (base, at) = (&a.base, a.await_token.span());
                let wrapped = quote_spanned!(base.span()=> ::workflow_runtime::__private::StandIn(#base));
                let output = quote_spanned!(at=> .output());
                *e = in_block(quote!(use ::workflow_runtime::__private::StandInFuture as _; #wrapped #output));
            }
            Expr::Await(a) => {
                self.visit_expr_mut(&mut a.base);
                if self.futures.gives(&a.base) {
                    let base = &a.base;
                    let future = quote_spanned!(base.span()=> ::workflow_runtime::__private::StandIn(#base).future());
                    *a.base =
                        Expr::Verbatim(quote!({ use ::workflow_runtime::__private::StandInFuture as _; #future }));
                }
            }
            // Not evaluated by the compiler, so that anything may stand in it.
            Expr::Const(c) if lower::awaits(&c.block) => {
                self.within(true, |s| s.visit_block_mut(&mut c.block));
                let block = &c.block;
                *e = in_block(quote!((|| #block)()));
            }
            Expr::Closure(c) => {
                let sync = c.asyncness.is_none();
                self.within(sync, |s| visit_mut::visit_expr_closure_mut(s, c));
            }
            Expr::Async(b) => self.within(false, |s| visit_mut::visit_expr_async_mut(s, b)),
            e => visit_mut::visit_expr_mut(self, e),
        }
    }
    fn visit_stmt_mut(&mut self, s: &mut Stmt) {
        if let Stmt::Item(Item::Fn(f)) = s
            && !lower::items::is_attributed(&f.attrs)
        {
            let mut own = Futures::default();
            own.visit_block(&f.block);
            let outer = std::mem::replace(&mut self.futures, own);
            self.within(true, |s| s.visit_block_mut(&mut f.block));
            self.futures = outer;
            return;
        }
        visit_mut::visit_stmt_mut(self, s);
    }
    fn visit_item_mut(&mut self, _: &mut Item) {}
    fn visit_macro_mut(&mut self, m: &mut syn::Macro) {
        let Some(Ok(mut branches)) = threads::parse(m) else {
            return lower::in_known_macro(m, |e| self.visit_expr_mut(e));
        };
        // They are parsed again, and what stands for a future would not be known as that then.
        let futures = std::mem::take(&mut self.futures);
        branches.exprs_mut().for_each(|e| self.visit_expr_mut(e));
        self.futures = futures;
        m.tokens = branches.to_token_stream();
    }
}
