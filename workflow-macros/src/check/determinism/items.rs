//! Items within the body: functions that a step calls, and globals.

use super::{Net, imports::plain};
use crate::parse::exempt::is_inert;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Item,
    visit::{self, Visit},
};
use workflow_rules::{ESCAPES, GLOBALS};

/// Types whose content changes behind a shared reference.
const CHANGING: &[&str] = &[
    "AtomicBool",
    "AtomicI16",
    "AtomicI32",
    "AtomicI64",
    "AtomicI8",
    "AtomicIsize",
    "AtomicPtr",
    "AtomicU16",
    "AtomicU32",
    "AtomicU64",
    "AtomicU8",
    "AtomicUsize",
    "Cell",
    "DashMap",
    "LazyCell",
    "LazyLock",
    "Mutex",
    "OnceCell",
    "OnceLock",
    "RefCell",
    "ReentrantMutex",
    "RwLock",
    "UnsafeCell",
];

/// True for an async function, which as a `#[workflow]` or an `#[activity]` is checked by its own.
pub(super) fn is_async(item: &Item) -> bool {
    matches!(item, Item::Fn(f) if f.sig.asyncness.is_some())
}

/// True for what another attribute macro of ours reads.
fn is_ours(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|a| is_inert(a) || a.path().segments.last().is_some_and(|s| s.ident == "activity"))
}

impl Net<'_> {
    pub(super) fn nested(&mut self, item: &Item) {
        match item {
            Item::Fn(f) if f.sig.asyncness.is_some() && is_ours(&f.attrs) => {}
            Item::Fn(f) => {
                self.unsafe_function(&f.sig);
                self.function(&f.sig, &f.block);
            }
            Item::Impl(i) => {
                if let Some(t) = &i.unsafety {
                    self.found(ESCAPES, t, "an `unsafe` implementation can promise anything");
                }
                self.walled(|s| {
                    s.scopes.generics(&i.generics);
                    visit::visit_item_impl(s, i);
                });
            }
            Item::Trait(t) => self.walled(|s| {
                s.scopes.generics(&t.generics);
                visit::visit_item_trait(s, t);
            }),
            Item::Static(i) => self.global_item(&i.mutability, &i.ident, &i.ty, &i.expr),
            Item::Const(c) => self.visit_expr(&c.expr),
            Item::ForeignMod(f) => self.found(ESCAPES, f.abi.extern_token, "a foreign function can do anything"),
            Item::Macro(m) if m.ident.is_some() => self.scan(m.mac.tokens.clone()),
            Item::Macro(m) => self.mac(&m.mac),
            // A module sees nothing of what is around it.
            Item::Mod(m) => {
                let outer = std::mem::replace(&mut self.scopes, super::Scopes::new());
                let items = m.content.iter().flat_map(|(_, items)| items);
                items.clone().for_each(|i| self.scopes.item(i));
                items.for_each(|i| self.nested(i));
                self.scopes = outer;
            }
            _ => {}
        }
    }

    fn unsafe_function(&mut self, sig: &syn::Signature) {
        if let Some(t) = &sig.unsafety {
            self.found(ESCAPES, t, "an `unsafe` function can do anything");
        }
    }

    fn walled(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.open(true);
        visit(self);
        self.scopes.close();
    }

    pub(super) fn function(&mut self, sig: &syn::Signature, block: &syn::Block) {
        self.walled(|s| {
            s.scopes.generics(&sig.generics);
            s.scopes.parameters(sig.inputs.iter(), |s, ty| s.of_type(ty));
            let ty = match &sig.output {
                syn::ReturnType::Type(_, ty) => Some((**ty).clone()),
                syn::ReturnType::Default => None,
            };
            let outer = std::mem::replace(&mut s.returns, ty);
            s.body(block);
            s.returns = outer;
        });
    }

    fn global_item(
        &mut self,
        mutability: &syn::StaticMutability,
        name: &syn::Ident,
        ty: &syn::Type,
        value: &syn::Expr,
    ) {
        if let syn::StaticMutability::Mut(t) = mutability {
            return self.found(GLOBALS, t, &format!("`{name}` is a global that changes"));
        }
        match changing(ty.to_token_stream()) {
            Some(inner) => {
                self.found(GLOBALS, name, &format!("`{name}` is a global that changes through its `{inner}`"))
            }
            None => self.visit_expr(value),
        }
    }
}

/// A type among the tokens whose content changes.
fn changing(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|t| match t {
        TokenTree::Ident(i) => Some(plain(&i)).filter(|n| CHANGING.binary_search(&n.as_str()).is_ok()),
        TokenTree::Group(g) => changing(g.stream()),
        _ => None,
    })
}
