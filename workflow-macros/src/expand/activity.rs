//! An activity: a function that builds the call, a hidden type that stands for the activity, and its registration.

use super::signature::marker;
use crate::parse::{
    activity::{ActivityFn, Role, bare, binding, last_segment},
    limits::Rate,
    retry::Retry,
};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use std::time::Duration;
use syn::{Attribute, GenericArgument, ItemFn, PathArguments, ReturnType, Type, spanned::Spanned};

/// The expansion of an activity whose signature has been checked.
pub(crate) fn activity(f: &ActivityFn) -> TokenStream {
    let (call, implementation) = (call(f), implementation(f));
    let (attrs, marker) = (&f.item.attrs, marker(&f.item.sig.ident));
    let cfg: Vec<_> = attrs.iter().filter(|a| is_cfg(a)).collect();
    quote! {
        #call
        #(#cfg)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        enum #marker {}
        #(#cfg)*
        #implementation
        #(#cfg)*
        ::workflow_runtime::__private::inventory::submit!(::workflow_runtime::__private::ActivityRegistration(
            <#marker as ::workflow_runtime::__private::Activity>::def
        ));
    }
}

/// The function under the user's name: it encodes the arguments and does nothing else.
///
/// Its return type names arguments, value and error, so that a test can stand in for the activity with their types.
fn call(f: &ActivityFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, .. } = &f.item;
    let attrs = attrs.iter().filter(|a| is_of_the_call(a));
    let (function, marker) = (&sig.ident, marker(&sig.ident));
    let (mut parameters, mut lent) = (vec![], vec![]);
    for role in f.roles() {
        match role {
            Role::Value(p) => {
                let (name, ty) = (binding(p), &p.ty);
                parameters.push(quote!(#name: #ty));
                lent.push(quote!(&#name));
            }
            Role::Lent(p, _) => {
                let (name, ty) = (binding(p), &p.ty);
                parameters.push(quote!(#name: #ty));
                lent.push(quote!(#name));
            }
            Role::State(_) | Role::Context | Role::Receiver => {}
        }
    }
    let ((ok, err), args) = (halves(&sig.output), args(f));
    quote! {
        #(#attrs)*
        #[allow(dead_code, private_interfaces, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::ptr_arg)]
        #vis fn #function(
            #(#parameters),*
        ) -> ::workflow_runtime::__private::ActivityCall<
            impl ::workflow_runtime::__private::Activity<Args = #args, Ok = #ok, Err = #err> + use<>,
        > {
            #[allow(unused_imports)]
            use ::workflow_runtime::__private::{Encode as _, Unencodable as _};
            ::workflow_runtime::__private::ActivityCall::<#marker>::of(
                (&::workflow_runtime::__private::Lending((#(#lent,)*))).encode(),
            )
        }
    }
}

fn implementation(f: &ActivityFn) -> TokenStream {
    let (marker, name, aliases) = (marker(&f.item.sig.ident), &f.name, &f.aliases);
    let (limits, options, unless, body) = (limits(f), options(f), unless(f), body(f));
    let (ok, err) = halves(&f.item.sig.output);
    let states = f.roles().filter_map(|r| match r {
        Role::State(t) => Some(quote!((::core::any::TypeId::of::<#t>(), ::core::any::type_name::<#t>()))),
        _ => None,
    });
    let args = args(f);
    quote! {
        impl ::workflow_runtime::__private::Activity for #marker {
            const NAME: &'static str = #name;
            type Args = #args;
            type Ok = #ok;
            type Err = #err;
            #limits
            #options
            fn def() -> &'static ::workflow_runtime::__private::ActivityDef {
                static DEF: ::workflow_runtime::__private::ActivityDef =
                    ::workflow_runtime::__private::ActivityDef::of::<#marker>(
                        &[#(#aliases),*],
                        ::core::file!(),
                        ::core::line!(),
                        || ::std::vec![#(#states),*],
                    );
                &DEF
            }
            #body
            #unless
        }
    }
}

/// The types of the arguments without states and context, owned, a tuple.
fn args(f: &ActivityFn) -> Group {
    let args = f.roles().filter_map(|r| match r {
        Role::Value(p) => Some(p.ty.to_token_stream()),
        Role::Lent(_, ty) => {
            let lend = quote_spanned!(ty.span()=> ::workflow_runtime::__private::Lend);
            Some(quote_spanned!(ty.span()=> <#ty as #lend>::Owned))
        }
        _ => None,
    });
    // An argument that cannot be stored is reported on the parameters.
    let mut args = Group::new(Delimiter::Parenthesis, quote!(#(#args,)*));
    args.set_span(f.item.sig.paren_token.span.join());
    args
}

/// The user's function, nested where nobody else can call it, and what the engine gives to it.
fn body(f: &ActivityFn) -> TokenStream {
    let ItemFn { attrs, sig, block, .. } = &f.item;
    let attrs = attrs.iter().filter(|a| !is_doc(a) && !is_cfg(a) && !is_named(a, &["must_use", "deprecated"]));
    let function = &sig.ident;
    let (mut injected, mut given, mut taken) = (vec![], vec![], vec![]);
    for (i, role) in f.roles().enumerate() {
        let local = Ident::new(&format!("a{i}"), Span::mixed_site());
        match role {
            Role::State(t) => {
                injected.push(quote!(let #local = ::workflow_runtime::__private::States::get::<#t>(states);));
                given.push(quote!(#local));
            }
            Role::Context => given.push(quote!(cx)),
            Role::Value(_) => {
                given.push(quote!(#local));
                taken.push(local);
            }
            Role::Lent(..) => {
                given.push(quote!(&#local));
                taken.push(local);
            }
            Role::Receiver => {}
        }
    }
    let awaited = match result(&sig.output) {
        Some(_) => quote!(#function(#(#given),*).await),
        None => quote!(::core::result::Result::Ok(#function(#(#given),*).await)),
    };
    // The error about a future that is not `Send` points here.
    let boxed = quote_spanned!(function.span()=> ::std::boxed::Box::pin(async move { #awaited }));
    quote! {
        #[allow(clippy::unused_async)]
        fn call(
            states: &::workflow_runtime::__private::States,
            cx: ::workflow_runtime::__private::ActivityContext,
            (#(#taken,)*): Self::Args,
        ) -> ::workflow_runtime::__private::SendBoxFuture<::core::result::Result<Self::Ok, Self::Err>> {
            #(#attrs)*
            #sig #block
            let _ = (states, &cx);
            #(#injected)*
            #boxed
        }
    }
}

fn options(f: &ActivityFn) -> TokenStream {
    let timeout = f.timeout.map(duration).map(|d| quote!(timeout: ::core::option::Option::Some(#d),));
    let retry = f.retry.as_ref().map(policy).map(|r| quote!(retry: ::core::option::Option::Some(#r),));
    let queue = f.queue.as_ref().map(|q| quote!(queue: ::core::convert::From::from(#q),));
    let said = &f.limits;
    let some = |d: Duration| {
        let d = duration(d);
        quote!(::core::option::Option::Some(#d))
    };
    let heartbeat = said.heartbeat.map(some).map(|d| quote!(heartbeat: #d,));
    let schedule_to_start = said.schedule_to_start.map(some).map(|d| quote!(schedule_to_start: #d,));
    let total_timeout = said.total_timeout.map(some).map(|d| quote!(total_timeout: #d,));
    let priority = said.priority.map(|n| quote!(priority: #n,));
    let on_cancel = said.on_cancel.map(|o| {
        let variant = Ident::new(&format!("{o:?}"), Span::mixed_site());
        quote!(on_cancel: ::workflow_runtime::__private::OnCancel::#variant,)
    });
    quote! {
        fn options() -> ::workflow_runtime::__private::ActivityOptions {
            ::workflow_runtime::__private::ActivityOptions {
                #timeout
                #heartbeat
                #schedule_to_start
                #total_timeout
                #retry
                #queue
                #priority
                #on_cancel
                ..::core::default::Default::default()
            }
        }
    }
}

/// What holds for all calls of the activity in one process.
fn limits(f: &ActivityFn) -> Option<TokenStream> {
    let (most, rate) = (f.limits.max_concurrent, f.limits.rate);
    if most.is_none() && rate.is_none() {
        return None;
    }
    let most = most.map(|n| quote!(.max_concurrent(#n)));
    let rate = rate.map(|Rate { starts, seconds }| {
        let per = quote!(::workflow_runtime::__private::Duration::from_secs(#seconds));
        quote!(.rate(::workflow_runtime::__private::Rate::new(#starts, #per)))
    });
    Some(quote! {
        const LIMITS: ::workflow_runtime::__private::Limits = ::workflow_runtime::__private::Limits::new() #most #rate;
    })
}

fn policy(r: &Retry) -> TokenStream {
    let attempts = r.attempts.map(|n| quote!(attempts: ::core::option::Option::Some(#n),));
    let initial = r.initial.map(duration).map(|d| quote!(initial: #d,));
    let factor = r.factor.map(|x| quote!(factor: #x,));
    let max = r.max.map(duration).map(|d| quote!(max: #d,));
    // A rest that gives no field is a lint in the user's code.
    let complete = [&attempts, &initial, &factor, &max].iter().all(|field| field.is_some());
    let rest = (!complete).then(|| quote!(..::core::default::Default::default()));
    quote! {
        ::workflow_runtime::__private::Retry {
            #attempts
            #initial
            #factor
            #max
            #rest
        }
    }
}

fn duration(d: Duration) -> TokenStream {
    let millis = u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    quote!(::workflow_runtime::__private::Duration::from_millis(#millis))
}

fn unless(f: &ActivityFn) -> Option<TokenStream> {
    let finals = &f.retry.as_ref().filter(|r| !r.unless.is_empty())?.unless;
    Some(quote! {
        #[deny(unreachable_patterns)]
        fn unless(error: &Self::Err) -> bool {
            match error {
                #(#finals)*
                #[allow(unreachable_patterns)]
                _ => false,
            }
        }
    })
}

/// The types of value and error. An `Option` is a value like any other.
fn halves(output: &ReturnType) -> (TokenStream, TokenStream) {
    let never = quote!(::workflow_runtime::__private::Never);
    match (output, result(output)) {
        (ReturnType::Default, _) => (quote!(()), never),
        (ReturnType::Type(_, ty), None) => (ty.to_token_stream(), never),
        (ReturnType::Type(..), Some(Halves::Both(ok, err))) => (ok.to_token_stream(), err.to_token_stream()),
        // An alias of `Result`: only the types know what is in it.
        (ReturnType::Type(_, ty), Some(Halves::Alias)) => {
            let half = |name| {
                let name = Ident::new(name, ty.span());
                quote_spanned!(ty.span()=> <#ty as ::workflow_runtime::__private::Halves>::#name)
            };
            (half("Ok"), half("Err"))
        }
    }
}

enum Halves<'t> {
    Both(&'t Type, &'t Type),
    Alias,
}

/// Of a type whose last path segment is `Result`: its two arguments.
fn result(output: &ReturnType) -> Option<Halves<'_>> {
    let ReturnType::Type(_, ty) = output else { return None };
    let last = last_segment(bare(ty)).filter(|s| s.ident == "Result")?;
    if let PathArguments::AngleBracketed(a) = &last.arguments
        && a.args.len() == 2
        && let (Some(GenericArgument::Type(ok)), Some(GenericArgument::Type(err))) = (a.args.first(), a.args.last())
    {
        return Some(Halves::Both(ok, err));
    }
    Some(Halves::Alias)
}

fn is_named(a: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|n| a.path().is_ident(n))
}

fn is_doc(a: &Attribute) -> bool {
    is_named(a, &["doc"])
}

fn is_cfg(a: &Attribute) -> bool {
    is_named(a, &["cfg"])
}

/// Documentation and lint levels stand on the function that is called; every other attribute is for the body.
fn is_of_the_call(a: &Attribute) -> bool {
    is_doc(a) || is_cfg(a) || is_named(a, &["deprecated", "must_use", "allow", "warn", "deny", "forbid"])
}
