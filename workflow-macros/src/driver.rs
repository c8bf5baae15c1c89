//! The pipeline: parse, check, lower, analyze, validate, expand.
//!
//! After an error, what is emitted still has the user's signature, so that one mistake gives one message.

use crate::{
    analyze, check,
    diagnostic::Errors,
    expand, lower,
    parse::{activity::ActivityFn, conditional, test::TestFn, workflow::WorkflowFn},
    validate,
};
use proc_macro2::{Span, TokenStream};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Expands `#[activity(attr)] item`.
pub(crate) fn activity(attr: TokenStream, item: TokenStream) -> TokenStream {
    guarded(&item.clone(), || {
        let errors = Errors::new();
        let parsed = ActivityFn::parse(attr, item.clone(), &errors);
        let function = match parsed {
            Some(f) if check::activity(&f, &errors) => expand::activity(&f),
            Some(f) => expand::fallback::signature(&f.item),
            None => item,
        };
        with(function, errors)
    })
}

/// Expands `#[workflow(attr)] item`.
pub(crate) fn workflow(attr: TokenStream, item: TokenStream) -> TokenStream {
    guarded(&item.clone(), || {
        let errors = Errors::new();
        let parsed = WorkflowFn::parse(attr.clone(), item.clone(), &errors);
        if let Some(both) = parsed.as_ref().and_then(|f| conditional::split(&attr, &f.item)) {
            // What was found is found again when one of the two is expanded.
            let _ = errors.finish();
            return both;
        }
        let function = match parsed {
            Some(mut f) if check::workflow(&f, &errors) => compile(&mut f, &errors),
            Some(f) => expand::fallback::signature(&f.item),
            None => item,
        };
        with(function, errors)
    })
}

/// Expands `#[workflow_runtime::test(attr)] item`.
pub(crate) fn test(attr: TokenStream, item: TokenStream) -> TokenStream {
    guarded(&item.clone(), || {
        let errors = Errors::new();
        let parsed = TestFn::parse(attr, item.clone(), &errors);
        let function = match parsed {
            Some(f) if check::test(&f, &errors) => expand::test(&f),
            Some(f) => expand::fallback::signature(&f.item),
            None => item,
        };
        with(function, errors)
    })
}

/// The machine of a function whose signature has been checked, or what stands for it if something is refused.
fn compile(f: &mut WorkflowFn, errors: &Errors) -> TokenStream {
    check::body(f, errors);
    check::determinism(f, errors);
    let f = &*f;
    let mut machine = lower::lower(f, errors, BTreeSet::new());
    if !errors.is_empty() {
        return expand::refused(f, errors);
    }
    let mut facts = analyze::analyze(&mut machine);
    let renewed = facts.renewed(&machine);
    if !renewed.is_empty() {
        machine = lower::lower(f, errors, renewed);
        if !errors.is_empty() {
            return expand::refused(f, errors);
        }
        facts = analyze::analyze(&mut machine);
    }
    validate::validate(&mut machine, &facts, errors);
    match machine.wrong {
        _ if !errors.is_empty() => expand::refused(f, errors),
        true => expand::rejected(f),
        false => expand::workflow(f, &machine, &facts),
    }
}

/// The code, and behind it the errors.
fn with(code: TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.finish().map_or_else(syn::Error::into_compile_error, |()| TokenStream::new());
    TokenStream::from_iter([code, errors])
}

/// Makes a panic of the compiler a readable error.
fn guarded(item: &TokenStream, expand: impl FnOnce() -> TokenStream) -> TokenStream {
    catch_unwind(AssertUnwindSafe(expand)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let message = format!("this is a bug of the workflow compiler, not of your code; please report it: {text}");
        TokenStream::from_iter([item.clone(), syn::Error::new(Span::call_site(), message).into_compile_error()])
    })
}

#[cfg(test)]
mod deep;
#[cfg(test)]
mod editors;
#[cfg(test)]
mod expansion;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
