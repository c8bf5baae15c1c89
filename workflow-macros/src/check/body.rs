//! What the body of a workflow cannot contain, wherever it stands.

use crate::{
    diagnostic::Errors,
    lower::{self, continues},
    parse::{
        threads::{self, Kind, Threads},
        workflow::WorkflowFn,
    },
};
use syn::{
    Expr, ExprAsync, ExprAwait, ExprClosure, Item, Macro,
    spanned::Spanned,
    visit::{self, Visit},
};

/// Reports what is refused without regard to its place.
pub(crate) fn body(f: &WorkflowFn, errors: &Errors) {
    let before = errors.is_empty();
    Body { errors, inside: None, branch: false }.visit_block(&f.item.block);
    if before && !errors.is_empty() {
        errors.seen_by_rustc();
    }
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
    /// In a branch of `join!` or `select!`, not in a handler.
    branch: bool,
}

impl Body<'_> {
    fn within(&mut self, inside: Inside, visit: impl FnOnce(&mut Self)) {
        let outer = self.inside.replace(inside);
        visit(self);
        self.inside = outer;
    }
}

impl Body<'_> {
    /// The macros whose branches are threads of the workflow.
    fn threads(&mut self, m: &Macro) {
        let place = match self.inside {
            Some(Inside::Closure) => Some("a closure"),
            Some(Inside::Async) => Some("an `async` block that is no branch"),
            None => None,
        };
        let t = match threads::parse(m) {
            Some(Ok(t)) => t,
            Some(Err(e)) => return self.errors.syn(e),
            None => return,
        };
        let name = t.kind.name();
        if let Some(place) = place {
            let message = format!(
                "`{name}!` in {place} cannot wait, because whoever runs that cannot be saved: use it in the body of the workflow"
            );
            self.errors.push(&m.path, message);
        }
        if t.kind == Kind::Select {
            self.decides(m, &t);
        }
        for b in &t.branches {
            let outer = std::mem::replace(&mut self.branch, true);
            match b.block() {
                Some(a) => self.nested_block(&a.block),
                None => self.nested(&b.body),
            }
            self.branch = outer;
            if let Some(arm) = &b.arm {
                arm.guard.iter().for_each(|g| self.nested(g));
                self.nested(&arm.handler);
            }
        }
        t.els.iter().for_each(|e| self.nested(e));
    }

    /// A `select!` must have an answer when no branch is left.
    fn decides(&self, m: &Macro, t: &Threads) {
        let always =
            |b: &threads::Branch| b.arm.as_ref().is_some_and(|a| a.guard.is_none() && !threads::refutable(&a.pat));
        if t.branches.is_empty() {
            self.errors
                .push(&m.path, "a `select!` without a branch waits for nothing: add `pattern = operation => value`");
        } else if t.els.is_none() && !t.branches.iter().any(always) {
            self.errors.push(&m.path, "every branch of this `select!` has a guard, or a pattern that may not match, so all of them can be disabled, and then it would wait for ever: add `else => value`, or bind one output with a plain name");
        }
    }

    fn nested(&mut self, e: &Expr) {
        Body { errors: self.errors, inside: self.inside, branch: self.branch }.visit_expr(e);
    }

    fn nested_block(&mut self, b: &syn::Block) {
        Body { errors: self.errors, inside: self.inside, branch: self.branch }.visit_block(b);
    }

    fn continues(&mut self, m: &Macro) {
        let place = match self.inside {
            Some(Inside::Closure) => Some("a closure"),
            Some(Inside::Async) => Some("an `async` block"),
            None if self.branch => Some("a branch"),
            None => None,
        };
        if let Some(place) = place {
            let message = format!(
                "`continue_as_new!` in {place} cannot end the run, because it would only leave that: give the decision to the body of the workflow, and continue there"
            );
            return self.errors.push(&m.path, message);
        }
        match continues::arguments(m) {
            Ok(args) => args.iter().for_each(|e| self.nested(e)),
            Err(e) => self.errors.at(
                e.span(),
                "`continue_as_new!` takes the arguments of the workflow, separated by commas, as a call of it would",
            ),
        }
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
                "an `.await` in an `async` block cannot be a suspension point, because the block is a future that no checkpoint can hold: make it a branch of `join!` or `select!`, await in the body of the workflow, or make the block a `#[workflow]` of its own",
            ),
            None => {}
        }
        visit::visit_expr_await(self, a);
    }
    fn visit_expr_closure(&mut self, c: &'ast ExprClosure) {
        self.within(Inside::Closure, |s| visit::visit_expr_closure(s, c));
    }
    fn visit_expr_async(&mut self, b: &'ast ExprAsync) {
        if !lower::awaits(&b.block) {
            self.errors.at(
                b.async_token.span(),
                "an `async` block is a future that no checkpoint can hold; only the branches of `join!`, `try_join!` and `select!` are `async` blocks: write it there, or leave `async` out",
            );
        }
        self.within(Inside::Async, |s| visit::visit_expr_async(s, b));
    }
    fn visit_macro(&mut self, m: &'ast Macro) {
        if threads::ours(m).is_some() {
            return self.threads(m);
        }
        if let Some(kind) = threads::named(m) {
            let name = kind.name();
            let message = format!(
                "this `{name}!` polls futures, which no checkpoint can hold: use `workflow_runtime::{name}!`, whose branches are saved{}",
                if kind == Kind::Select { "" } else { "; there is no `.await` behind it" }
            );
            return self.errors.push(&m.path, message);
        }
        if continues::is(m) {
            return self.continues(m);
        }
        if let Some(pieces) = lower::known_macro(m) {
            pieces.iter().for_each(|e| self.nested(e));
        }
    }
    fn visit_item(&mut self, _: &'ast Item) {
        // An item has a body of its own.
    }
}
