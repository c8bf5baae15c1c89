//! What is left of a variable of which fields were moved out: a value with the same fields, so that the user's tokens
//! mean the same.

use super::machine::slot;
use crate::ir::{Machine, VarId};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Index, Member};

/// The name or index of a field.
pub(super) fn member(m: &Machine, field: VarId) -> Member {
    let name = m.vars[field].key.rsplit('.').next().unwrap_or_default();
    match name.parse::<u32>() {
        Ok(index) => Member::Unnamed(Index { index, span: Span::mixed_site() }),
        Err(_) => Member::Named(syn::parse_str(name).unwrap_or_else(|_| Ident::new("field", Span::mixed_site()))),
    }
}

/// A value that has these fields, taken from their slots.
pub(super) fn rest(m: &Machine, fields: &[VarId]) -> TokenStream {
    let members: Vec<Member> = fields.iter().map(|f| member(m, *f)).collect();
    let slots: Vec<Ident> = fields.iter().map(|f| slot(m, *f)).collect();
    if let Some(Member::Unnamed(_)) = members.first() {
        let last = members.iter().map(index).max().unwrap_or_default();
        let elements = (0..=last).map(|i| match members.iter().position(|m| index(m) == i) {
            Some(at) => {
                let slot = &slots[at];
                quote!(#slot.take())
            }
            None => quote!(()),
        });
        return quote!((#(#elements,)*));
    }
    let types: Vec<Ident> = (0..fields.len()).map(|i| format_ident!("__T{i}")).collect();
    quote!({
        struct __Rest<#(#types),*> { #(#members: #types),* }
        __Rest { #(#members: #slots.take()),* }
    })
}

fn index(m: &Member) -> u32 {
    match m {
        Member::Unnamed(i) => i.index,
        Member::Named(_) => 0,
    }
}
