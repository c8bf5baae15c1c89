//! A test: a function of the test harness that gives the user's function to the runtime, which runs it again and again.

use crate::parse::test::{Crashes, TestFn};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{FnArg, ItemFn, ReturnType, spanned::Spanned};

/// The expansion of a test whose signature has been checked.
pub(crate) fn test(f: &TestFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = &f.item;
    let p = quote!(::workflow_runtime::__private);
    let name = &sig.ident;
    let text = name.to_string();
    let seed = f.seed.as_ref().map(|seed| quote!(seed: #seed,));
    let (sled, in_order) = (f.sled, f.in_order);
    let crashes = f.crashes.map(|crashes| {
        let crashes = match crashes {
            Crashes::None => quote!(None),
            Crashes::Every => quote!(Every),
            Crashes::Twice => quote!(Twice),
        };
        quote!(crashes: #p::Crashes::#crashes,)
    });
    let only = f.only.as_ref().map(|only| quote!(only: ::core::option::Option::Some(#only),));
    // A handle of another type is reported on the type that the user wrote, a return type that is no verdict on that.
    let handle = match sig.inputs.first() {
        Some(FnArg::Typed(parameter)) => quote_spanned!(parameter.ty.span()=> t),
        _ => quote!(t),
    };
    let verdict = match &sig.output {
        ReturnType::Default => quote!(run_test),
        ReturnType::Type(_, ty) => quote_spanned!(ty.span()=> run_test),
    };
    quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() {
            #sig #block
            #p::#verdict(
                &#p::TestOptions {
                    name: #text,
                    #seed
                    sled: #sled,
                    #crashes
                    in_order: #in_order,
                    #only
                    ..::core::default::Default::default()
                },
                |t: #p::Test| ::std::boxed::Box::pin(#name(#handle)),
            )
        }
    }
}
