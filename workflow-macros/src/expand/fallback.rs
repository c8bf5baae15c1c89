//! What stands for a function after an error, so that one mistake gives one message.

use super::signature::{Parameters, declare, outcome};
use crate::parse::workflow::WorkflowFn;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, Meta};

/// The signature as written with a body that diverges: the signature itself is wrong.
pub(crate) fn signature(f: &ItemFn) -> TokenStream {
    let ItemFn { vis, sig, .. } = f;
    let editors = for_editors(&f.to_token_stream());
    quote! {
        #[allow(unused, clippy::all, clippy::pedantic)]
        #vis #sig {
            #editors
            ::core::panic!("this function has an error")
        }
    }
}

/// What nobody compiles: an editor finds the names of the body in it. rustc does not know the condition, and takes the lint
/// level for it from around the item that has it.
pub(crate) fn for_editors(code: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unexpected_cfgs)]
        const _: () = {
            #[cfg(rust_analyzer)]
            const _: () = { #code };
        };
    }
}

/// A workflow that can be called, awaited and started, and has no body.
pub(crate) fn workflow(f: &WorkflowFn) -> TokenStream {
    let ItemFn { vis, sig, attrs, .. } = &f.item;
    let docs = attrs.iter().filter(|a| a.path().is_ident("doc") && !is_macro(&a.meta));
    let (name, function, tag, outcome) = (&f.name, &sig.ident, f.tag(), outcome(&sig.output));
    let (declare, Parameters { declared, implied, clause, captured, bound, .. }) = (declare(sig), Parameters::of(sig));
    let root = (!f.generic())
        .then(|| quote!(#[diagnostic::do_not_recommend] impl ::workflow_runtime::__private::Workflow for #tag {}));
    let types: Vec<_> = sig
        .inputs
        .iter()
        .filter_map(|a| match a {
            FnArg::Typed(p) => Some(p.ty.to_token_stream()),
            FnArg::Receiver(_) => None,
        })
        .collect();
    quote! {
        #(#docs)*
        #[allow(unused, clippy::all, clippy::pedantic)]
        #vis fn #function #declared(
            #(_: #types),*
        ) -> ::workflow_runtime::__private::WorkflowCall<
            impl ::workflow_runtime::__private::#bound<Outcome = #outcome> + use<#(#captured),*>,
        >
        #clause
        {
            ::workflow_runtime::__private::WorkflowCall::<#tag>::new(&())
        }
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #declare
        #root
        #[allow(unused, clippy::all, clippy::pedantic)]
        impl #implied ::workflow_runtime::__private::InlineWorkflow for #tag #clause {
            const NAME: &'static str = #name;
            type Args = (#(#types,)*);
            type Outcome = #outcome;
            fn def() -> &'static ::workflow_runtime::__private::WorkflowDef {
                ::core::panic!("this workflow has an error")
            }
            fn step(
                _: &mut ::workflow_runtime::__private::Cx<'_>,
            ) -> ::core::result::Result<::workflow_runtime::__private::Flow, ::workflow_runtime::__private::StepError> {
                ::core::panic!("this workflow has an error")
            }
            fn check(
                _: Self::Args,
            ) -> ::workflow_runtime::__private::LocalBoxFuture<
                <Self::Outcome as ::workflow_runtime::__private::Outcome>::Out,
            > {
                ::core::panic!("this workflow has an error")
            }
        }
    }
}

/// `#[doc = include_str!(..)]` and the like, which need not be repeated.
fn is_macro(meta: &Meta) -> bool {
    matches!(meta, Meta::NameValue(nv) if !matches!(&nv.value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. })))
}
