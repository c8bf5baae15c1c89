//! What the body of a workflow cannot contain, wherever it stands.

use crate::{diagnostic::Errors, parse::workflow::WorkflowFn};
use syn::{
    ExprAsync, ExprAwait, ExprClosure, Item, Macro,
    spanned::Spanned,
    visit::{self, Visit},
};

/// True if the body has nothing that is refused without regard to its place.
pub(crate) fn body(f: &WorkflowFn, errors: &Errors) -> bool {
    let own = Errors::new();
    Body { errors: &own, inside: None }.visit_block(&f.item.block);
    let fine = own.is_empty();
    if let Err(e) = own.finish() {
        errors.syn(e);
    }
    fine
}

/// What a nested future is called.
#[derive(Clone, Copy)]
enum Inside {
    Closure,
    Async,
}

struct Body<'e> {
    errors: &'e Errors,
    inside: Option<Inside>,
}

impl Body<'_> {
    fn within(&mut self, inside: Inside, visit: impl FnOnce(&mut Self)) {
        let outer = self.inside.replace(inside);
        visit(self);
        self.inside = outer;
    }
}

impl<'ast> Visit<'ast> for Body<'_> {
    fn visit_expr_await(&mut self, a: &'ast ExprAwait) {
        match self.inside {
            Some(Inside::Closure) => self.errors.at(
                a.await_token.span(),
                "an `.await` in a closure cannot be a suspension point, because whoever calls the closure cannot be saved: await in the body of the workflow, with a `for` loop in place of an iterator's method",
            ),
            Some(Inside::Async) => self.errors.at(
                a.await_token.span(),
                "an `.await` in an `async` block cannot be a suspension point, because the block is a future that no checkpoint can hold: await in the body of the workflow, or make the block a `#[workflow]` of its own",
            ),
            None => {}
        }
        visit::visit_expr_await(self, a);
    }
    fn visit_expr_closure(&mut self, c: &'ast ExprClosure) {
        self.within(Inside::Closure, |s| visit::visit_expr_closure(s, c));
    }
    fn visit_expr_async(&mut self, b: &'ast ExprAsync) {
        self.within(Inside::Async, |s| visit::visit_expr_async(s, b));
    }
    fn visit_macro(&mut self, m: &'ast Macro) {
        let Some(name) = m.path.segments.last().map(|s| s.ident.to_string()) else { return };
        let instead = match name.as_str() {
            "join" | "try_join" => "await one operation behind the other",
            "select" => "await one operation, with `.timeout(..)` where a signal may not come",
            "continue_as_new" => "use a loop: a checkpoint does not grow with the number of steps",
            _ => return,
        };
        self.errors.push(&m.path, format!("`{name}!` is not supported in workflows yet: {instead}"));
    }
    fn visit_item(&mut self, _: &'ast Item) {
        // An item has a body of its own.
    }
}
