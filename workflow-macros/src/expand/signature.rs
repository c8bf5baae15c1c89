//! What both expansions derive from a function's signature.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{ReturnType, Type, ext::IdentExt};

/// The hidden type that stands for the function. Nothing in the type namespace has the function's own name.
pub(crate) fn marker(function: &Ident) -> Ident {
    format_ident!("__{}", function.unraw(), span = function.span())
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
