//! What the checks of determinism leave behind: warnings, and the exemptions for `cargo workflow check`.

use crate::{
    diagnostic::{Suspect, Suspicion},
    parse::workflow::WorkflowFn,
};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

/// Constants that rustc cannot evaluate if a name means what it seems to. They stand where the names of the function come from.
pub(super) fn suspicions(f: &WorkflowFn) -> TokenStream {
    let all = f.suspicions.iter().map(|Suspicion { suspect, at, end, message }| {
        let (ty, import) = match suspect {
            Suspect::Now(f) => return of_what_is_made(&quote!(#f()), "__tells_time", *at),
            Suspect::Lock(f, method) => {
                // Whatever the lock holds: this argument is never there.
                let method = Ident::new(method, *at);
                return of_what_is_made(&quote_spanned!(*at=> #f(loop {}).#method()), "__locks", *at);
            }
            Suspect::Type(path) => (path.clone(), None),
            Suspect::Module(path, witness) => {
                let witness = Ident::new(witness, *at);
                // What the module does not have is found around it.
                (
                    quote!(#witness),
                    Some((quote!(use ::workflow_runtime::__private::names::absent::#witness;), quote!(use #path::*;))),
                )
            }
        };
        let (absent, import) = import.unzip();
        let mut arguments = Group::new(
            Delimiter::Parenthesis,
            quote!(!::workflow_runtime::__private::names::Named::<#ty>::KNOWN, "{}", #message),
        );
        arguments.set_span(*end);
        let holds = quote_spanned!(*at=> ::core::assert!);
        quote! {
            #[allow(warnings, clippy::all, clippy::pedantic, clippy::restriction)]
            const _: () = {
                use ::workflow_runtime::__private::names::Unknown as _;
                #absent
                {
                    #import
                    #holds #arguments;
                }
            };
        }
    });
    quote!(#(#all)*)
}

/// A function that nothing calls, and that rustc refuses if what an expression gives is what it seems to be.
fn of_what_is_made(value: &TokenStream, question: &str, at: Span) -> TokenStream {
    let question = Ident::new(question, at);
    let probe = quote_spanned!(at=> ::workflow_runtime::__private::Probe(#value).#question());
    quote! {
        #[allow(warnings, clippy::all, clippy::pedantic, clippy::restriction)]
        const _: () = {
            use ::workflow_runtime::__private::{Allowed as _, NoLock as _};
            fn __made() {
                #probe;
            }
        };
    }
}

/// Warnings as rustc gives them: the use of something deprecated, on the user's own token.
pub(super) fn warnings(f: &WorkflowFn) -> TokenStream {
    if f.warnings.is_empty() {
        return TokenStream::new();
    }
    let lints =
        f.item.attrs.iter().filter(|a| ["allow", "warn", "expect", "deny"].iter().any(|l| a.path().is_ident(l)));
    let all = f.warnings.iter().enumerate().map(|(i, w)| {
        let (message, name) = (&w.message, Ident::new(&format!("__of_platform_{i}"), w.at));
        let used = quote_spanned!(w.at=> #name);
        quote! {
            #[deprecated(note = #message)]
            const #name: () = ();
            let () = #used;
        }
    });
    quote! {
        #(#lints)*
        #[allow(dead_code, non_upper_case_globals)]
        fn __warnings() {
            #(#all)*
        }
    }
}

/// One record of bytes for each exemption, which stays in the object file.
pub(super) fn exemptions(f: &WorkflowFn) -> TokenStream {
    let all = f.exempt.iter().enumerate().map(|(i, e)| {
        let (bytes, text) = (format_ident!("__WORKFLOW_ALLOW_{i}"), format_ident!("__EXEMPT_{i}"));
        let before = format!("{}\0{}\0", e.rule.code, f.name);
        let ((first, last), net) = (e.lines, e.silenced.get().unwrap_or("-"));
        let behind = format!("\0{first}\0{last}\0{net}\0{}\0", e.reason);
        quote! {
            const #text: &str = ::core::concat!(#before, ::core::file!(), #behind);
            #[used]
            static #bytes: [u8; #text.len()] = match #text.as_bytes().first_chunk() {
                ::core::option::Option::Some(bytes) => *bytes,
                ::core::option::Option::None => [0; #text.len()],
            };
        }
    });
    quote!(#(#all)*)
}
