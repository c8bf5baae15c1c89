//! `unsafe` that a macro writes: tokens do not show it, so a lint of rustc is to find it in the check copy.
//!
//! The lint is asked to deny, never to allow: what is exempt or recorded is left out of what it is asked about, because a crate that
//! forbids `unsafe_code` would refuse to allow it. Of what a macro of another crate writes rustc says nothing.

use crate::{
    lower,
    parse::{threads, workflow::WorkflowFn},
};
use syn::{
    Attribute, Block, Expr, Item, Macro, Stmt, parse_quote,
    spanned::Spanned,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};
use workflow_rules::ESCAPES;

/// Lets rustc refuse what macros write into the body. What it gives stands on the function.
pub(super) fn deny(block: &mut Block, f: &WorkflowFn) -> Option<Attribute> {
    match Written::of(f, |w| w.visit_block(block)) {
        Written { asked: false, .. } => None,
        Written { left: false, .. } => Some(lint()),
        _ => {
            Statements(f).visit_block_mut(block);
            None
        }
    }
}

fn lint() -> Attribute {
    let why = ESCAPES.message("an `unsafe` block, which a macro writes here, can do anything");
    parse_quote!(#[deny(unsafe_code, reason = #why)])
}

/// What macros may write into some code.
struct Written<'f> {
    f: &'f WorkflowFn,
    /// Something that rustc is to look at.
    asked: bool,
    /// Something that it is to leave: `unsafe` of the user's own, or what is exempt or recorded.
    left: bool,
    recorded: bool,
}

impl<'f> Written<'f> {
    fn of(f: &'f WorkflowFn, visit: impl FnOnce(&mut Self)) -> Self {
        let mut written = Written { f, asked: false, left: false, recorded: false };
        visit(&mut written);
        written
    }
}

impl Visit<'_> for Written<'_> {
    fn visit_expr_unsafe(&mut self, _: &syn::ExprUnsafe) {
        self.left = true;
    }
    fn visit_expr_call(&mut self, c: &syn::ExprCall) {
        let outer = self.recorded;
        self.recorded |= lower::records(&c.func);
        visit::visit_expr_call(self, c);
        self.recorded = outer;
    }
    fn visit_macro(&mut self, m: &Macro) {
        if let Some(Ok(t)) = threads::parse(m) {
            let arms = t.branches.iter().filter_map(|b| b.arm.as_ref());
            t.branches.iter().for_each(|b| self.visit_expr(&b.body));
            arms.for_each(|a| a.guard.iter().chain([&a.handler]).for_each(|e| self.visit_expr(e)));
            return t.els.iter().for_each(|e| self.visit_expr(e));
        }
        match lower::known_macro(m) {
            Some(all) => all.iter().for_each(|e| self.visit_expr(e)),
            None if self.recorded || lower::names_any(&m.tokens, &["unsafe"]) => self.left = true,
            None if self.f.leaves(m.path.span(), &[ESCAPES]) => self.left = true,
            None => self.asked = true,
        }
    }
    fn visit_item(&mut self, _: &Item) {}
}

/// Puts the lint on the outermost statements that have nothing that it is to leave.
struct Statements<'f>(&'f WorkflowFn);

impl VisitMut for Statements<'_> {
    fn visit_block_mut(&mut self, b: &mut Block) {
        let last = b.stmts.len().saturating_sub(1);
        for (i, s) in b.stmts.iter_mut().enumerate() {
            let written = Written::of(self.0, |w| w.visit_stmt(s));
            match s {
                _ if !written.asked => {}
                _ if written.left => visit_mut::visit_stmt_mut(self, s),
                Stmt::Local(l) => l.attrs.push(lint()),
                Stmt::Expr(e, semi) if semi.is_some() || i < last => match attributes(e) {
                    Some(attrs) => attrs.push(lint()),
                    None => visit_mut::visit_expr_mut(self, e),
                },
                // The value of a block, and a macro that is a statement, cannot have the attribute.
                s => visit_mut::visit_stmt_mut(self, s),
            }
        }
    }
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

/// The attributes that are printed in front of an expression.
fn attributes(e: &mut Expr) -> Option<&mut Vec<Attribute>> {
    macro_rules! attrs {
        ($($variant:ident)*) => {
            match e {
                $(Expr::$variant(e) => Some(&mut e.attrs),)*
                _ => None,
            }
        };
    }
    attrs!(Assign Await Binary Block Break Call Cast Field ForLoop If Index Loop Macro Match MethodCall Paren Return Try Unary While)
}
