//! What is left of a variable of which fields were moved out: a value with the same fields, so that the user's tokens
//! mean the same.

use super::machine::slot;
use crate::ir::{Machine, VarId};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Index, Member};

/// A field of the variable that is held as `name`.
pub(super) fn place(m: &Machine, field: VarId, name: &Ident) -> TokenStream {
    let members = m.vars[field].path.iter().map(|p| member(p));
    quote!(#name #(.#members)*)
}

/// A value that has these fields, taken from their slots. None of them is a part of another.
pub(super) fn rest(m: &Machine, fields: &[VarId]) -> TokenStream {
    value(m, fields, 0)
}

/// The value that has these fields, `depth` steps away from the variable.
fn value(m: &Machine, fields: &[VarId], depth: usize) -> TokenStream {
    let mut members: Vec<(Member, Vec<VarId>)> = vec![];
    for f in fields {
        let Some(name) = m.vars[*f].path.get(depth) else {
            let slot = slot(m, *f);
            return quote!(#slot.take());
        };
        let name = member(name);
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, of)) => of.push(*f),
            None => members.push((name, vec![*f])),
        }
    }
    let values = members.iter().map(|(_, of)| value(m, of, depth + 1));
    if let Some((Member::Unnamed(_), _)) = members.first() {
        let values: Vec<TokenStream> = values.collect();
        let last = members.iter().map(|(m, _)| index(m)).max().unwrap_or_default();
        let elements = (0..=last).map(|i| match members.iter().position(|(m, _)| index(m) == i) {
            Some(at) => values[at].clone(),
            None => quote!(()),
        });
        return quote!((#(#elements,)*));
    }
    let names: Vec<&Member> = members.iter().map(|(name, _)| name).collect();
    let types: Vec<Ident> = (0..names.len()).map(|i| format_ident!("__T{i}")).collect();
    quote!({
        struct __Rest<#(#types),*> { #(#names: #types),* }
        __Rest { #(#names: #values),* }
    })
}

/// A field by its name or index.
fn member(name: &str) -> Member {
    match name.parse::<u32>() {
        Ok(index) => Member::Unnamed(Index { index, span: Span::mixed_site() }),
        Err(_) => Member::Named(syn::parse_str(name).unwrap_or_else(|_| Ident::new("field", Span::mixed_site()))),
    }
}

fn index(m: &Member) -> u32 {
    match m {
        Member::Unnamed(i) => i.index,
        Member::Named(_) => 0,
    }
}
