//! From the graph to code. Nothing here can fail: what could was refused before.

mod activity;
mod check_copy;
mod definition;
mod determinism;
mod entry;
mod escapes;
pub(crate) mod fallback;
mod fields;
mod machine;
mod probes;
mod refused;
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
use quote::{format_ident, quote, quote_spanned};
use signature::Parameters;
use syn::{FnArg, Ident, Pat, ReturnType, Type};

/// The signature of a workflow, taken apart.
pub(crate) struct Signature {
    /// The type that stands for the function, with its type parameters.
    pub(crate) tag: TokenStream,
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
            tag: f.tag(),
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
    let (declare, g) = (signature::declare(&f.item.sig), Parameters::of(&f.item.sig));
    let Parameters { declared, implied, clause, given, captured, bound } = &g;
    let items = lower::items::lifted(&f.item.block);
    let keys = facts.saved(m).into_iter().map(|v| &m.vars[v].key);
    let describe = definition::describe(f, &s, m, facts);
    let check = check_copy::check_copy(f, &s);
    let continues = lower::continues::used(&f.item.block);
    let machine = machine::machine(&s, &g, m, facts, continues);
    let register = register(f, &s, &keys.collect::<Vec<_>>());
    let (warnings, exemptions, suspicions) =
        (determinism::warnings(f), determinism::exemptions(f), determinism::suspicions(f));
    let is = is(f);
    let next = continues.then(|| next_run(&s));
    let (p, registered) = (quote!(::workflow_runtime::__private), &f.name);
    let cfg: Vec<_> = attrs.iter().filter(|a| a.path().is_ident("cfg")).collect();
    let attrs = attrs.iter().filter(|a| !["allow", "warn", "expect", "deny"].iter().any(|l| a.path().is_ident(l)));
    quote! {
        #(#attrs)*
        #[allow(dead_code, private_interfaces, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::ptr_arg)]
        #vis fn #name #declared(#(#args: #types),*)
            -> #p::WorkflowCall<impl #p::#bound<Outcome = #outcome> + use<#(#captured),*>>
        #clause
        {
            use #p::{Encode as _, Unencodable as _};
            #p::WorkflowCall::<#tag>::of((&#p::Lending((#(&#args,)*))).encode())
        }
        #(#cfg)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #declare
        #(#cfg)*
        const _: () = {
            #(#items)*
            #[automatically_derived]
            impl #implied #p::InlineWorkflow for #tag #clause {
                const NAME: &'static str = #registered;
                type Args = (#(#types,)*);
                type Outcome = #outcome;
                fn def() -> &'static #p::WorkflowDef {
                    __def()
                }
                fn step(cx: &mut #p::Cx<'_>) -> ::core::result::Result<#p::Flow, #p::StepError> {
                    __step #given(cx)
                }
                fn check(args: Self::Args) -> #p::LocalBoxFuture<#out> {
                    ::std::boxed::Box::pin(__future #given(args))
                }
            }
            #is
            #next
            #check
            #machine
            #describe
            #register
            #warnings
            #exemptions
        };
        #suspicions
    }
}

/// What stands for a workflow of which something was refused: rustc says what else is wrong with it.
pub(crate) fn refused(f: &WorkflowFn, errors: &Errors) -> TokenStream {
    let (function, suspicions) = (fallback::workflow(f), determinism::suspicions(f));
    if errors.is_seen_by_rustc() {
        let editors = fallback::for_editors(&unchecked(f));
        return quote!(#function #editors #suspicions);
    }
    let unchecked = unchecked(f);
    quote!(#function const _: () = { #unchecked }; #suspicions)
}

/// What stands for a workflow that rustc refuses, and that therefore has no machine.
pub(crate) fn rejected(f: &WorkflowFn) -> TokenStream {
    let (function, unchecked, suspicions) = (fallback::workflow(f), unchecked(f), determinism::suspicions(f));
    let rejected = quote_spanned!(f.item.sig.ident.span()=> ::workflow_runtime::__private::rejected());
    quote! {
        #function
        const _: () = {
            #unchecked
            #[deny(unused_must_use)]
            fn __rejected() {
                #rejected;
            }
        };
        #suspicions
    }
}

/// The check copy alone, which nothing calls.
fn unchecked(f: &WorkflowFn) -> TokenStream {
    let s = Signature::of(f);
    let mut f = f.clone();
    refused::stand_in(&mut f.item.block);
    let f = &f;
    let items = lower::items::lifted(&f.item.block);
    let check = check_copy::check_copy(f, &s);
    let next = lower::continues::used(&f.item.block).then(|| next_run(&s));
    quote!(#(#items)* #next #check)
}

/// The type as which the machine knows a type: erroneous if the check copy has an error, so that what follows from that is
/// not reported once more.
///
/// A constant can say nothing of a function with type parameters: there it is the type itself.
fn is(f: &WorkflowFn) -> TokenStream {
    if f.generic() {
        return quote!(
            type __Is<T> = T;
        );
    }
    quote! {
        type __Is<T> = <::workflow_runtime::__private::Checked<{ ::workflow_runtime::__private::checked(__future) }>
            as ::workflow_runtime::__private::Checks>::Is<T>;
    }
}

/// The description, and what puts it into the registry. It is one for all types that a generic workflow is used with; only their
/// machines differ, and those are found from the points that await them.
fn register(f: &WorkflowFn, s: &Signature, keys: &[&String]) -> TokenStream {
    let (tag, registered, aliases) = (&s.tag, &f.name, &f.aliases);
    let p = quote!(::workflow_runtime::__private);
    let (step, accepts, root) = if f.generic() {
        (quote!(::core::option::Option::None), quote!(#p::accepts_nothing), None)
    } else {
        let root = quote! {
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::Workflow for #tag {}
        };
        (quote!(::core::option::Option::Some(__step)), quote!(#p::accepts::<#tag>), Some(root))
    };
    quote! {
        #root
        fn __def() -> &'static #p::WorkflowDef {
            static DEF: #p::WorkflowDef = #p::WorkflowDef {
                name: #registered,
                aliases: &[#(#aliases),*],
                file: ::core::file!(),
                line: ::core::line!(),
                slots: &[#(#keys),*],
                step: #step,
                accepts: #accepts,
                describe: __describe,
                cache: #p::OnceLock::new(),
            };
            &DEF
        }
        #p::inventory::submit!(#p::WorkflowRegistration(__def));
    }
}

/// What `continue_as_new!` calls: it takes what the workflow takes.
fn next_run(s: &Signature) -> TokenStream {
    let (args, types) = (&s.args, &s.types);
    let p = quote!(::workflow_runtime::__private);
    quote! {
        #[allow(dead_code, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::ptr_arg)]
        fn continue_as_new(#(#args: #types),*) -> ::core::result::Result<#p::Payload, #p::EncodeError> {
            use #p::{Encode as _, Unencodable as _};
            (&#p::Lending((#(&#args,)*))).encode()
        }
    }
}
