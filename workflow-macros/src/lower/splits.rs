//! Which syntax has to be split: it awaits, or it jumps to a loop outside of itself.

use super::macros;
use crate::parse::threads;
use syn::{
    Block, Expr, Lifetime,
    visit::{self, Visit},
};

#[derive(Default)]
struct Find {
    found: bool,
    /// Only awaits are looked for.
    awaits: bool,
    loops: usize,
    labels: Vec<String>,
}

impl Find {
    fn jump(&mut self, label: Option<&Lifetime>) {
        self.found |= !self.awaits
            && match label {
                Some(l) => !self.labels.contains(&l.ident.to_string()),
                None => self.loops == 0,
            };
    }

    fn labelled(&mut self, label: Option<&syn::Label>, a_loop: bool, f: impl FnOnce(&mut Self)) {
        let labels = self.labels.len();
        self.labels.extend(label.map(|l| l.name.ident.to_string()));
        self.loops += usize::from(a_loop);
        f(self);
        self.loops -= usize::from(a_loop);
        self.labels.truncate(labels);
    }
}

impl Visit<'_> for Find {
    fn visit_expr_await(&mut self, _: &syn::ExprAwait) {
        self.found = true;
    }
    fn visit_expr_break(&mut self, b: &syn::ExprBreak) {
        self.jump(b.label.as_ref());
        visit::visit_expr_break(self, b);
    }
    fn visit_expr_continue(&mut self, c: &syn::ExprContinue) {
        self.jump(c.label.as_ref());
    }
    fn visit_expr_loop(&mut self, l: &syn::ExprLoop) {
        self.labelled(l.label.as_ref(), true, |s| visit::visit_expr_loop(s, l));
    }
    fn visit_expr_while(&mut self, l: &syn::ExprWhile) {
        self.labelled(l.label.as_ref(), true, |s| visit::visit_expr_while(s, l));
    }
    fn visit_expr_for_loop(&mut self, l: &syn::ExprForLoop) {
        self.visit_expr(&l.expr);
        self.labelled(l.label.as_ref(), true, |s| s.visit_block(&l.body));
    }
    fn visit_expr_block(&mut self, b: &syn::ExprBlock) {
        self.labelled(b.label.as_ref(), false, |s| visit::visit_expr_block(s, b));
    }
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
    fn visit_expr_const(&mut self, _: &syn::ExprConst) {}
    fn visit_item(&mut self, _: &syn::Item) {}
    fn visit_macro(&mut self, m: &syn::Macro) {
        if threads::ours(m).is_some() {
            self.found = true;
            return;
        }
        // Most macros have nothing in them that is looked for, and parsing them is dear.
        if !macros::names(&m.tokens, &["await", "break", "continue", "join", "try_join", "select"]) {
            return;
        }
        match macros::pieces(m) {
            Some(pieces) => pieces.iter().filter_map(|p| p.expr()).for_each(|e| self.visit_expr(e)),
            None => self.found |= macros::awaits(&m.tokens),
        }
    }
}

pub(crate) fn expr(e: &Expr) -> bool {
    let mut find = Find::default();
    find.visit_expr(e);
    find.found
}

/// True if a block awaits.
pub(crate) fn awaits(b: &Block) -> bool {
    let mut find = Find { awaits: true, ..Find::default() };
    find.visit_block(b);
    find.found
}
