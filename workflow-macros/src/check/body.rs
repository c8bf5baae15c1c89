//! What the body of a workflow cannot contain, wherever it stands.

use crate::{
    diagnostic::Errors,
    lower::{self, continues},
    parse::{
        threads::{self, Kind, Threads},
        workflow::WorkflowFn,
    },
};
use proc_macro2::Span;
use syn::{
    Expr, ExprAsync, ExprAwait, ExprClosure, ExprConst, ExprTryBlock, ExprYield, Item, ItemConst, ItemStatic, Macro,
    spanned::Spanned,
    visit::{self, Visit},
};

/// Reports what is refused without regard to its place.
pub(crate) fn body(f: &WorkflowFn, errors: &Errors) {
    Body { errors, inside: None, branch: false }.visit_block(&f.item.block);
}

/// Where the first `.await` of an item stands.
fn first_await(visit: impl FnOnce(&mut First)) -> Option<Span> {
    let mut first = First(None);
    visit(&mut first);
    first.0
}

struct First(Option<Span>);

impl Visit<'_> for First {
    fn visit_expr_await(&mut self, a: &ExprAwait) {
        visit::visit_expr_await(self, a);
        self.0.get_or_insert(a.await_token.span());
    }
    fn visit_item(&mut self, _: &Item) {}
}

/// What stands around an expression that is not run by the workflow itself.
#[derive(Clone, Copy)]
enum Inside {
    Closure,
    Async,
    Const,
    Try,
}

impl Inside {
    /// Why an `.await` in it is refused.
    fn refuses(self) -> &'static str {
        match self {
            Inside::Closure => {
                "an `.await` in a closure cannot be a suspension point, because whoever calls the closure cannot be saved: await in the body of the workflow, with a `for` loop in place of an iterator's method"
            }
            Inside::Async => {
                "an `.await` in an `async` block cannot be a suspension point, because the block is a future that no checkpoint can hold: make it a branch of `join!` or `select!`, await in the body of the workflow, or make the block a `#[workflow]` of its own"
            }
            Inside::Const => {
                "an `.await` in a constant cannot be a suspension point, because constants are evaluated when the program is compiled: bind the awaited value with `let`, in the body of the workflow"
            }
            Inside::Try => {
                "an `.await` in a `try` block is not supported, because `?` leaves the block and not the workflow: make the block a `#[workflow]` of its own and await that, or match on the `Result` of each `.await`"
            }
        }
    }

    fn place(self) -> &'static str {
        match self {
            Inside::Closure => "a closure",
            Inside::Async => "an `async` block that is no branch",
            Inside::Const => "a `const` block",
            Inside::Try => "a `try` block",
        }
    }
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
        let t = match threads::parse(m) {
            Some(Ok(t)) => t,
            Some(Err(e)) => {
                self.errors.seen_by_rustc();
                return self.errors.syn(e);
            }
            None => return,
        };
        let name = t.kind.name();
        if let Some(place) = self.inside.map(Inside::place) {
            self.errors.seen_by_rustc();
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
            self.errors.seen_by_rustc();
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
            Some(inside) => Some(inside.place()),
            None if self.branch => Some("a branch"),
            None => None,
        };
        if let Some(place) = place {
            self.errors.seen_by_rustc();
            let message = format!(
                "`continue_as_new!` in {place} cannot end the run, because it would only leave that: give the decision to the body of the workflow, and continue there"
            );
            return self.errors.push(&m.path, message);
        }
        match continues::arguments(m) {
            Ok(args) => args.iter().for_each(|e| self.nested(e)),
            Err(e) => {
                self.errors.seen_by_rustc();
                self.errors.at(
                    e.span(),
                    "`continue_as_new!` takes the arguments of the workflow, separated by commas, as a call of it would",
                );
            }
        }
    }
}

impl<'ast> Visit<'ast> for Body<'_> {
    fn visit_expr_await(&mut self, a: &'ast ExprAwait) {
        if let Some(inside) = self.inside {
            self.errors.at(a.await_token.span(), inside.refuses());
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
    fn visit_expr_const(&mut self, c: &'ast ExprConst) {
        self.within(Inside::Const, |s| visit::visit_expr_const(s, c));
    }
    fn visit_expr_try_block(&mut self, b: &'ast ExprTryBlock) {
        self.within(Inside::Try, |s| visit::visit_expr_try_block(s, b));
    }
    fn visit_expr_yield(&mut self, y: &'ast ExprYield) {
        self.errors.at(
            y.yield_token.span(),
            "a workflow gives one value, at its end, so it cannot `yield`: `set_status(&value)` shows what it has so far, and an activity or a signal hands it on",
        );
        self.errors.seen_by_rustc();
        visit::visit_expr_yield(self, y);
    }
    fn visit_macro(&mut self, m: &'ast Macro) {
        if threads::ours(m).is_some() {
            return self.threads(m);
        }
        if continues::is(m) {
            return self.continues(m);
        }
        if let Some(pieces) = lower::known_macro(m) {
            pieces.iter().for_each(|e| self.nested(e));
        }
    }
    fn visit_item(&mut self, item: &'ast Item) {
        // An item is no part of the body. One message says that it cannot wait.
        if let Item::Const(ItemConst { expr, .. }) | Item::Static(ItemStatic { expr, .. }) = item
            && let Some(at) = first_await(|f| f.visit_expr(expr))
        {
            self.errors.at(at, Inside::Const.refuses());
            self.errors.seen_by_rustc();
        }
        if let Item::Fn(f) = item
            && !lower::items::is_attributed(&f.attrs)
            && let Some(at) = first_await(|first| first.visit_block(&f.block))
        {
            let name = &f.sig.ident;
            self.errors.at(
                at,
                format!("an `.await` in a nested function cannot be a suspension point, because whoever runs `{name}` cannot be saved: write `#[workflow]` in front of `{name}`, an `async fn`, and await it, or await in the body of the workflow"),
            );
        }
    }
}
