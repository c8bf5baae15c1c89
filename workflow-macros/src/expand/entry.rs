//! The beginning of a block: it takes the variables that its tree names, under their own names, or under others where later
//! variables have those.

use super::{
    fields,
    machine::{binding, slot},
    renames::Renames,
    tree::{self, Held, Names, Tree},
};
use crate::{
    ir::{Effects, NodeId, Origin, Term, VarId, VarSet},
    lower::{self, ident},
};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::collections::BTreeMap;

/// What stands at the beginning of a block, and what the block knows by name from there.
pub(super) struct Entry {
    pub(super) outer: TokenStream,
    pub(super) inner: TokenStream,
    pub(super) names: Names,
    pub(super) back: TokenStream,
}

impl Tree<'_> {
    /// Takes what the tree names, declares what it assigns first, and borrows again what is borrowed.
    pub(super) fn entry(&self, root: NodeId) -> Entry {
        let mut all = Effects::default();
        self.collect(root, &mut all);
        let Effects { touches, binds, changes, renamed, .. } = all;
        let live = &self.facts.live[root];
        // Parts that only other branches need may be gone, and stay where they are.
        let own = self.facts.own(self.m, root);
        let (mut code, mut names) = (TokenStream::new(), Names::default());
        let (mut outer, mut back) = (TokenStream::new(), TokenStream::new());
        let wanted: Vec<VarId> = touches.into_iter().filter(|v| !binds.contains(v)).collect();
        let hidden = self.hidden(&wanted, &renamed);
        let mut done = vec![];
        // In the order of their declarations: what is declared later hides what has the same name.
        for v in wanted.iter().copied() {
            let var = &self.m.vars[v];
            if let Origin::Derived(d) = var.origin {
                if live.contains(&v) && !done.contains(&d) {
                    done.push(d);
                    code.extend(self.borrowed_again(d, &wanted, &hidden));
                }
                continue;
            }
            let unchanged = !var.mutable || !changes.contains(&v);
            let alias = hidden.get(&v).cloned();
            let name = alias.as_ref().unwrap_or(&var.ident);
            let slot = slot(self.m, v);
            let parts = self.m.fields(v).filter(|f| live.contains(f));
            let (fields, mut absent): (VarSet, VarSet) = parts.partition(|f| own.contains(f));
            // So may be a variable that the tree gives another value.
            let whole = live.contains(&v) && own.contains(&v);
            absent.extend((live.contains(&v) && !whole).then_some(v));
            let code = if self.is_around(v) { &mut outer } else { &mut code };
            // What is not changed is bound without `mut`, so that rustc finds it if it is changed after all.
            let bind = if unchanged && whole { quote!(#name) } else { binding(self.m, v, name) };
            if whole {
                code.extend(quote!(let #bind = #slot.take();));
            } else if !fields.is_empty() {
                let value = fields::rest(self.m, &fields.iter().copied().collect::<Vec<_>>());
                code.extend(quote!(let #bind = #value;));
            } else {
                let ty = var.ty.as_ref().map(|t| quote!(: __Is<#t>));
                code.extend(quote!(let #bind #ty;));
                code.extend(self.typed(v, name));
            }
            let unchanged = match whole {
                true if unchanged => VarSet::from([v]),
                false if !var.mutable => fields,
                _ => VarSet::new(),
            };
            let held = Held { var: v, alias: alias.clone(), unchanged, absent };
            if self.is_around(v) {
                back.extend(self.put_back(&held, &self.around));
            }
            match alias {
                Some(_) => names.hidden.push(held),
                None => drop(names.visible.insert(var.ident.to_string(), held)),
            }
        }
        Entry { outer, inner: code, names, back }
    }

    /// The other names of variables whose own names mean later variables, which are there too.
    fn hidden(&self, wanted: &[VarId], renamed: &VarSet) -> BTreeMap<VarId, Ident> {
        let name = |v: VarId| self.m.vars[v].ident.to_string();
        let by_later = |v: VarId| wanted.iter().any(|w| *w > v && name(*w) == name(v));
        let hidden = wanted.iter().copied().filter(|v| renamed.contains(v) || by_later(*v));
        hidden.map(|v| (v, lower::outer(v))).collect()
    }

    /// Binds a borrow again, by the names that its lenders have here. Of its pattern only what is wanted gets its name.
    fn borrowed_again(&self, d: usize, wanted: &[VarId], hidden: &BTreeMap<VarId, Ident>) -> TokenStream {
        let of = &self.m.derivations[d];
        let mut bound = Renames::default();
        for v in (0..self.m.vars.len()).filter(|v| self.m.vars[*v].origin == Origin::Derived(d)) {
            let name = self.m.vars[v].ident.to_string();
            match hidden.get(&v) {
                Some(other) => drop(bound.names.insert(name, other.clone())),
                None if wanted.contains(&v) => {}
                None => drop(bound.names.insert(name, ident(&format!("__unwanted_{v}")))),
            }
        }
        let mut lenders = Renames::default();
        for v in of.touches.iter().filter(|v| !of.renamed.contains(v)) {
            let name = self.m.vars[*v].ident.to_string();
            // Of those with one name the expression means the latest.
            match hidden.get(v) {
                Some(other) => drop(lenders.names.insert(name, other.clone())),
                None => drop(lenders.names.remove(&name)),
            }
        }
        let (pat, expr) = (bound.pattern(&of.pat), lenders.tokens(of.expr.clone()));
        let diverge = (!of.irrefutable).then(|| quote!(else { ::core::unreachable!() }));
        let pat = tree::in_let(&pat);
        quote!(let #pat = #expr #diverge;)
    }

    fn collect(&self, n: NodeId, all: &mut Effects) {
        let node = &self.m.nodes[n];
        for e in node.effects() {
            all.touches.extend(&e.touches);
            all.binds.extend(&e.binds);
            all.changes.extend(&e.changes);
            all.renamed.extend(&e.renamed);
        }
        let waits = matches!(node.term, Term::Wait { .. });
        for s in node.term.successors() {
            if waits || self.facts.is_root(s) {
                // What is saved by fields there must be taken apart here.
                let own = self.facts.own(self.m, s).into_iter().map(|f| (f, self.m.base(f)));
                all.touches.extend(own.filter(|(f, of)| f != of).map(|(_, of)| of));
            } else {
                self.collect(s, all);
            }
        }
    }
}
