//! What both expansions derive from a function's signature.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{GenericParam, ReturnType, Type};

pub(crate) use crate::parse::marker;

/// Declares the type that stands for the function.
pub(crate) fn declare(sig: &syn::Signature) -> TokenStream {
    let marker = marker(&sig.ident);
    if sig.generics.params.is_empty() {
        return quote!(enum #marker {});
    }
    let types: Vec<_> = sig.generics.type_params().map(|t| &t.ident).collect();
    let parameters = sig.generics.params.iter().map(|p| match p {
        GenericParam::Type(t) => {
            let name = &t.ident;
            quote!(#name: ?::core::marker::Sized)
        }
        GenericParam::Const(c) => {
            let (name, ty) = (&c.ident, &c.ty);
            quote!(const #name: #ty)
        }
        GenericParam::Lifetime(l) => quote!(#l),
    });
    quote! {
        struct #marker<#(#parameters),*>(
            ::core::marker::PhantomData<fn() -> (#(::core::marker::PhantomData<#types>,)*)>,
            ::workflow_runtime::__private::Never,
        );
    }
}

/// What a signature with type parameters adds to the public function's.
pub(crate) struct Parameters<'s> {
    /// As written.
    pub(crate) declared: &'s syn::Generics,
    /// Without defaults, for an `impl` or a function of ours.
    pub(crate) implied: syn::ImplGenerics<'s>,
    pub(crate) clause: Option<&'s syn::WhereClause>,
    /// `::<T, N>`.
    pub(crate) given: syn::Turbofish<'s>,
    /// What the hidden type in the public signature captures.
    pub(crate) captured: Vec<&'s Ident>,
    /// The trait that it implements.
    pub(crate) bound: Ident,
}

impl<'s> Parameters<'s> {
    pub(crate) fn of(sig: &'s syn::Signature) -> Self {
        let (implied, types, clause) = sig.generics.split_for_impl();
        let captured = sig.generics.params.iter().filter_map(|p| match p {
            GenericParam::Type(t) => Some(&t.ident),
            GenericParam::Const(c) => Some(&c.ident),
            GenericParam::Lifetime(_) => None,
        });
        let captured: Vec<_> = captured.collect();
        let bound = if captured.is_empty() { "Workflow" } else { "InlineWorkflow" };
        let (declared, given) = (&sig.generics, types.as_turbofish());
        Parameters { declared, implied, clause, given, captured, bound: format_ident!("{bound}") }
    }
}

/// The return type as the runtime's `Outcome`: `Result` and `Option` as they are, anything else as `Plain`.
pub(crate) fn outcome(output: &ReturnType) -> TokenStream {
    match output {
        ReturnType::Default => quote!(::workflow_runtime::__private::Plain<()>),
        ReturnType::Type(_, ty) if is_outcome(ty) => quote!(#ty),
        ReturnType::Type(_, ty) => quote!(::workflow_runtime::__private::Plain<#ty>),
    }
}

/// True for a type whose last path segment is `Result` or `Option`.
pub(crate) fn is_outcome(ty: &Type) -> bool {
    match ty {
        Type::Path(p) => p.path.segments.last().is_some_and(|s| s.ident == "Result" || s.ident == "Option"),
        Type::Group(g) => is_outcome(&g.elem),
        Type::Paren(p) => is_outcome(&p.elem),
        _ => false,
    }
}
