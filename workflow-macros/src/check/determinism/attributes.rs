//! `#[workflow(allow(..))]` within the body of a workflow: it holds for what it stands on, and is gone before anything is expanded.

use super::Net;
use crate::parse::exempt::{self, is_inert};
use quote::ToTokens;
use syn::{
    Attribute, Expr, Item, Stmt,
    visit_mut::{self, VisitMut},
};

/// How many exemptions held before.
pub(super) struct Held {
    active: usize,
    taken: usize,
}

impl Net<'_> {
    /// Lets the exemptions among `attrs` hold, until [`release`](Self::release).
    pub(super) fn attributes(&mut self, attrs: &[Attribute], on: &impl ToTokens) -> Held {
        let held = Held { active: self.active.len(), taken: self.taken.len() };
        for a in attrs.iter().filter(|a| is_inert(a)) {
            let this = std::ptr::from_ref(a);
            if self.taken.contains(&this) {
                continue;
            }
            self.taken.push(this);
            self.inert = true;
            for exempt in exempt::inert(a, exempt::lines(on), self.errors) {
                self.active.push(self.exempt.len());
                self.exempt.push(exempt);
            }
        }
        held
    }

    pub(super) fn release(&mut self, held: Held) {
        self.active.truncate(held.active);
        self.taken.truncate(held.taken);
    }
}

/// The attributes of a statement. Those of an expression stand on its first operand.
pub(super) fn of_stmt(s: &Stmt) -> &[Attribute] {
    match s {
        Stmt::Local(l) => &l.attrs,
        Stmt::Macro(m) => &m.attrs,
        Stmt::Expr(e, _) => of_expr(e),
        Stmt::Item(item) => of_item(item),
    }
}

/// The attributes of an item that is no workflow of its own.
pub(super) fn of_item(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(f) if f.sig.asyncness.is_none() => &f.attrs,
        Item::Static(i) => &i.attrs,
        Item::Const(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::ForeignMod(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        _ => &[],
    }
}

/// The attributes in front of an expression, which the parser gives to its first operand.
pub(super) fn of_expr(e: &Expr) -> &[Attribute] {
    macro_rules! attrs {
        ($($variant:ident)*) => {
            match e {
                Expr::Assign(e) => of_expr(&e.left),
                Expr::Binary(e) => of_expr(&e.left),
                Expr::Cast(e) => of_expr(&e.expr),
                $(Expr::$variant(e) => &e.attrs,)*
                _ => &[],
            }
        };
    }
    attrs!(Array Async Await Block Break Call Closure Const Continue Field ForLoop Group If Index Infer Let Lit Loop Macro
        Match MethodCall Paren Path Range RawAddr Reference Repeat Return Struct Try TryBlock Tuple Unary Unsafe While Yield)
}

/// Takes the attributes out of a body, but for those of workflows in it.
pub(super) fn strip(b: &mut syn::Block) {
    struct Strip;
    impl VisitMut for Strip {
        fn visit_attributes_mut(&mut self, attrs: &mut Vec<Attribute>) {
            attrs.retain(|a| !is_inert(a));
        }
        fn visit_item_mut(&mut self, item: &mut Item) {
            if !super::items::is_async(item) {
                visit_mut::visit_item_mut(self, item);
            }
        }
        fn visit_macro_mut(&mut self, m: &mut syn::Macro) {
            crate::lower::in_known_macro(m, |e| self.visit_expr_mut(e));
        }
    }
    Strip.visit_block_mut(b);
}
