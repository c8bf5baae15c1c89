//! Items in the body: `use`, `const`, `fn`, types, `impl`, `macro_rules!`.
//!
//! They stand in the check copy where the user wrote them, and once more in the machine, in front of the blocks of their scope.
//! What may exist only once is lifted out of both: implementations for what is declared elsewhere, and what an
//! attribute macro may register.

use super::{Dest, Lower};
use crate::ir::{Scope, Term};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{
    Attribute, Block, Item, Stmt,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

/// Attributes of the language and of its tools, on items.
const BUILT_IN: &[&str] = &[
    "allow",
    "warn",
    "deny",
    "forbid",
    "expect",
    "doc",
    "cfg",
    "cfg_attr",
    "inline",
    "must_use",
    "derive",
    "deprecated",
    "track_caller",
    "cold",
    "repr",
    "non_exhaustive",
    "automatically_derived",
    "rustfmt",
    "clippy",
    "diagnostic",
    "macro_use",
];

/// The items of a block.
pub(super) fn of(b: &Block) -> Vec<Item> {
    let items = b.stmts.iter().filter_map(|s| match s {
        Stmt::Item(item) => Some(item.clone()),
        _ => None,
    });
    items.collect()
}

impl Lower<'_> {
    /// Lowers a block within a block: with items in it, it is a scope of its own.
    pub(super) fn block(&mut self, b: &Block, dest: &Dest) {
        let items = of(b);
        if items.is_empty() {
            return self.scope(b, dest);
        }
        self.m.scopes.push(Scope { parent: Some(self.item_scope), items });
        let outer = std::mem::replace(&mut self.item_scope, self.m.scopes.len() - 1);
        let inside = self.node(true);
        self.end(Term::Goto(inside));
        self.enter(inside);
        self.scope(b, dest);
        self.item_scope = outer;
        let behind = self.node(true);
        self.end(Term::Goto(behind));
        self.enter(behind);
    }
}

/// The names of the types and traits that a body declares, at any depth.
fn declared(b: &Block) -> BTreeSet<String> {
    struct Find(BTreeSet<String>);
    impl Visit<'_> for Find {
        fn visit_item(&mut self, item: &Item) {
            let name = match item {
                Item::Struct(i) => &i.ident,
                Item::Enum(i) => &i.ident,
                Item::Union(i) => &i.ident,
                Item::Trait(i) => &i.ident,
                Item::Type(i) => &i.ident,
                Item::TraitAlias(i) => &i.ident,
                _ => return,
            };
            self.0.insert(name.to_string());
        }
    }
    let mut find = Find(BTreeSet::new());
    visit::visit_block(&mut find, b);
    find.0
}

/// True for an item that may exist only once.
fn is_lifted(item: &Item, declared: &BTreeSet<String>) -> bool {
    match item {
        Item::Impl(i) => {
            let local = |t: &dyn ToTokens| names(t.to_token_stream(), declared);
            !(local(&i.self_ty) || i.trait_.as_ref().is_some_and(|(_, path, _)| local(path))) || is_attributed(&i.attrs)
        }
        Item::Fn(f) => is_attributed(&f.attrs),
        Item::Mod(m) => is_attributed(&m.attrs),
        _ => false,
    }
}

/// True for what an attribute macro makes something else of.
pub(crate) fn is_attributed(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|a| !is_built_in(a))
}

fn is_built_in(a: &Attribute) -> bool {
    a.path().segments.first().is_some_and(|s| BUILT_IN.contains(&s.ident.to_string().as_str()))
}

fn names(tokens: TokenStream, any: &BTreeSet<String>) -> bool {
    tokens.into_iter().any(|t| match t {
        TokenTree::Ident(i) => any.contains(&i.to_string()),
        TokenTree::Group(g) => names(g.stream(), any),
        _ => false,
    })
}

/// The items that stand beside both copies.
pub(crate) fn lifted(b: &Block) -> Vec<Item> {
    struct Find {
        declared: BTreeSet<String>,
        lifted: Vec<Item>,
    }
    impl Visit<'_> for Find {
        fn visit_item(&mut self, item: &Item) {
            if is_lifted(item, &self.declared) {
                self.lifted.push(item.clone());
            }
        }
    }
    let mut find = Find { declared: declared(b), lifted: vec![] };
    find.visit_block(b);
    find.lifted
}

/// Takes the items that stand beside both copies out of a body.
pub(crate) fn split(b: &mut Block) {
    struct Split {
        declared: BTreeSet<String>,
    }
    impl VisitMut for Split {
        fn visit_block_mut(&mut self, b: &mut Block) {
            b.stmts.retain(|s| !matches!(s, Stmt::Item(item) if is_lifted(item, &self.declared)));
            visit_mut::visit_block_mut(self, b);
        }
        fn visit_item_mut(&mut self, _: &mut Item) {}
    }
    Split { declared: declared(b) }.visit_block_mut(b);
}
