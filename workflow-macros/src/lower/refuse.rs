//! What cannot be compiled wherever it stands, found before anything is split.

use super::macros;
use crate::diagnostic::Errors;
use syn::{
    Block,
    visit::{self, Visit},
};

struct Refuse<'e>(&'e Errors);

impl Visit<'_> for Refuse<'_> {
    fn visit_expr_async(&mut self, a: &syn::ExprAsync) {
        self.0.push(
            a.async_token,
            "an `async` block in a workflow is not supported: it would be a future, and a future cannot be saved in a checkpoint; await what it does in order, or move it into a `#[workflow]` function of its own",
        );
    }
    fn visit_expr_closure(&mut self, c: &syn::ExprClosure) {
        match &c.asyncness {
            Some(token) => self.0.push(
                token,
                "an `async` closure in a workflow is not supported: what it returns would be a future, which cannot be saved in a checkpoint; make it a `#[workflow]` function",
            ),
            None => visit::visit_expr_closure(self, c),
        }
    }
    fn visit_macro(&mut self, m: &syn::Macro) {
        let name = macros::name(m);
        if ["join", "try_join", "select"].contains(&name.as_str()) {
            let message =
                format!("`{name}!` is not supported in a workflow yet: await its branches one after the other");
            return self.0.push(&m.path, message);
        }
        let pieces = macros::pieces(m).unwrap_or_default();
        pieces.iter().filter_map(macros::Piece::expr).for_each(|e| self.visit_expr(e));
    }
    fn visit_item(&mut self, _: &syn::Item) {}
}

pub(super) fn refuse(b: &Block, errors: &Errors) {
    Refuse(errors).visit_block(b);
}
