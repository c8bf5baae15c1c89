//! From the graph to code. Nothing here can fail: what could was refused before.

mod activity;
mod check_copy;
mod definition;
pub(crate) mod fallback;
mod fields;
mod machine;
mod renames;
pub(crate) mod signature;
mod test;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use activity::activity;
pub(crate) use test::test;

use crate::{analyze::Facts, diagnostic::Errors, ir::Machine, lower, parse::workflow::WorkflowFn};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{FnArg, Ident, Pat, ReturnType, Type};

/// The signature of a workflow, taken apart.
pub(crate) struct Signature {
    pub(crate) tag: Ident,
    pub(crate) args: Vec<Ident>,
    pub(crate) types: Vec<Type>,
    /// The return type as written.
    pub(crate) out: Type,
    /// True if `?` cannot be used: the outcome is `Plain`.
    pub(crate) plain: bool,
}

impl Signature {
    pub(crate) fn of(f: &WorkflowFn) -> Self {
        let sig = &f.item.sig;
        let typed = sig.inputs.iter().filter_map(|a| match a {
            FnArg::Typed(p) => Some(p),
            FnArg::Receiver(_) => None,
        });
        let arg = |(i, p): (usize, &syn::PatType)| match &*p.pat {
            Pat::Ident(p) if p.subpat.is_none() => p.ident.clone(),
            _ => format_ident!("_{i}"),
        };
        let out = match &sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, t) => (**t).clone(),
        };
        Signature {
            tag: signature::marker(&sig.ident),
            args: typed.clone().enumerate().map(arg).collect(),
            types: typed.map(|p| (*p.ty).clone()).collect(),
            plain: is_primitive(&out) || !(fallible(&out) || lower::exits(&f.item.block).tries),
            out,
        }
    }

    pub(crate) fn outcome(&self) -> TokenStream {
        let out = &self.out;
        if self.plain { quote!(::workflow_runtime::__private::Plain<#out>) } else { quote!(#out) }
    }
}

/// `Result`, `Option`, and the aliases of `Result` that libraries define.
fn fallible(t: &Type) -> bool {
    let alias = |p: &syn::TypePath| p.path.segments.last().is_some_and(|s| s.ident.to_string().ends_with("Result"));
    signature::is_outcome(t) || matches!(t, Type::Path(p) if alias(p))
}

/// A type that nobody can have meant as an alias of `Result`.
fn is_primitive(t: &Type) -> bool {
    const NAMES: [&str; 18] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
        "usize", "String", "Vec",
    ];
    match t {
        Type::Path(p) => p.path.segments.first().is_some_and(|s| NAMES.iter().any(|n| s.ident == n)),
        Type::Tuple(_) | Type::Array(_) => true,
        _ => false,
    }
}

/// The public function, the registration, the check copy and the machine.
pub(crate) fn workflow(f: &WorkflowFn, m: &Machine, facts: &Facts) -> TokenStream {
    let s = Signature::of(f);
    let (attrs, vis, name) = (&f.item.attrs, &f.item.vis, &f.item.sig.ident);
    let (tag, args, types, outcome, out) = (&s.tag, &s.args, &s.types, s.outcome(), &s.out);
    let (registered, aliases) = (&f.name, &f.aliases);
    let items = lower::items::split(&mut f.item.block.clone());
    let keys = facts.saved(m).into_iter().map(|v| &m.vars[v].key);
    let describe = definition::describe(f, &s, m, facts);
    let check = check_copy::check_copy(f, &s);
    let continues = lower::continues::used(&f.item.block);
    let machine = machine::machine(&s, m, facts, continues);
    let is = is();
    let next = continues.then(|| next_run(&s));
    let p = quote!(::workflow_runtime::__private);
    let cfg: Vec<_> = attrs.iter().filter(|a| a.path().is_ident("cfg")).collect();
    let attrs = attrs.iter().filter(|a| !["allow", "warn", "expect", "deny"].iter().any(|l| a.path().is_ident(l)));
    quote! {
        #(#attrs)*
        #[allow(dead_code, private_interfaces, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::ptr_arg)]
        #vis fn #name(#(#args: #types),*) -> #p::WorkflowCall<impl #p::Workflow<Outcome = #outcome> + use<>> {
            #[allow(unused_imports)]
            use #p::{Encode as _, Unencodable as _};
            #p::WorkflowCall::<#tag>::of((&#p::Lending((#(&#args,)*))).encode())
        }
        #(#cfg)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        enum #tag {}
        #(#cfg)*
        const _: () = {
            #(#items)*
            #[automatically_derived]
            impl #p::Workflow for #tag {
                const NAME: &'static str = #registered;
                type Args = (#(#types,)*);
                type Outcome = #outcome;
                fn def() -> &'static #p::WorkflowDef {
                    static DEF: #p::WorkflowDef = #p::WorkflowDef {
                        name: #registered,
                        aliases: &[#(#aliases),*],
                        file: ::core::file!(),
                        line: ::core::line!(),
                        slots: &[#(#keys),*],
                        step: __step,
                        accepts: #p::accepts::<#tag>,
                        describe: __describe,
                        cache: #p::OnceLock::new(),
                    };
                    &DEF
                }
                fn check(args: Self::Args) -> #p::LocalBoxFuture<#out> {
                    ::std::boxed::Box::pin(__future(args))
                }
            }
            #is
            #next
            #check
            #machine
            #describe
            #p::inventory::submit!(#p::WorkflowRegistration(<#tag as #p::Workflow>::def));
        };
    }
}

/// What stands for a workflow of which something was refused: rustc says what else is wrong with it.
pub(crate) fn refused(f: &WorkflowFn, errors: &Errors) -> TokenStream {
    let function = fallback::workflow(f);
    if errors.is_seen_by_rustc() {
        return function;
    }
    let unchecked = unchecked(f);
    quote!(#function const _: () = { #unchecked };)
}

/// What stands for a workflow that rustc refuses, and that therefore has no machine.
pub(crate) fn rejected(f: &WorkflowFn) -> TokenStream {
    let (function, unchecked, is) = (fallback::workflow(f), unchecked(f), is());
    quote! {
        #function
        const _: () = {
            #unchecked
            #is
            fn __rejected() {
                ::workflow_runtime::__private::rejected::<__Is<()>>();
            }
        };
    }
}

/// The check copy alone, which nothing calls.
fn unchecked(f: &WorkflowFn) -> TokenStream {
    let s = Signature::of(f);
    let items = lower::items::split(&mut f.item.block.clone());
    let check = check_copy::check_copy(f, &s);
    let next = lower::continues::used(&f.item.block).then(|| next_run(&s));
    quote!(#(#items)* #next #check)
}

/// The type as which the machine knows a type: erroneous if the check copy has an error, so that what follows from that is
/// not reported once more.
fn is() -> TokenStream {
    quote! {
        type __Is<T> = <::workflow_runtime::__private::Checked<{ ::workflow_runtime::__private::checked(__future) }>
            as ::workflow_runtime::__private::Checks>::Is<T>;
    }
}

/// What `continue_as_new!` calls: it takes what the workflow takes.
fn next_run(s: &Signature) -> TokenStream {
    let (args, types) = (&s.args, &s.types);
    let p = quote!(::workflow_runtime::__private);
    quote! {
        #[allow(dead_code, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::ptr_arg)]
        fn continue_as_new(#(#args: #types),*) -> ::core::result::Result<#p::Payload, #p::EncodeError> {
            #[allow(unused_imports)]
            use #p::{Encode as _, Unencodable as _};
            (&#p::Lending((#(&#args,)*))).encode()
        }
    }
}
