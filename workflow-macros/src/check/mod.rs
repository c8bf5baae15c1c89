//! Structure: which functions can be an activity or a workflow. Every finding is reported, on the user's own token, with
//! what is wrong, why it matters, and what to write instead.

mod activity;
mod body;
mod determinism;
mod generics;
mod test;
mod types;
mod workflow;

pub(crate) use activity::activity;
pub(crate) use body::body;
pub(crate) use determinism::determinism;
pub(crate) use test::test;
pub(crate) use workflow::workflow;

use crate::diagnostic::Errors;
use syn::{Signature, Token, spanned::Spanned};

/// What no annotated function can have. `noun` is `a workflow` or `an activity`.
fn function(sig: &Signature, noun: &str, errors: &Errors) {
    if sig.asyncness.is_none() {
        errors.push(sig.fn_token, format!("{noun} waits, so it is an `async fn`: write `async` in front of `fn`"));
    }
    if let Some(t) = &sig.constness {
        errors.push(t, format!("{noun} runs long after compile time: remove `const`"));
    }
    if let Some(t) = &sig.unsafety {
        errors.push(
            t,
            format!("{noun} is called by the engine, which can keep no promise for it: remove `unsafe` and use an `unsafe` block"),
        );
    }
    if let Some(t) = &sig.abi {
        errors.push(t, format!("{noun} is called by the engine, never from another language: remove `extern`"));
    }
    if let Some(t) = &sig.variadic {
        errors.push(t, format!("the arguments of {noun} are stored, so their number is fixed: remove `...`"));
    }
    lifetimes(sig, noun, errors);
}

fn lifetimes(sig: &Signature, noun: &str, errors: &Errors) {
    for l in sig.generics.lifetimes() {
        errors
            .push(l, format!("the arguments of {noun} are stored, so they borrow from nobody: leave the lifetime out"));
    }
}

fn receiver(r: &syn::Receiver, noun: &str, instead: &str, errors: &Errors) {
    let self_token: &Token![self] = &r.self_token;
    errors.at(
        self_token.span(),
        format!("{noun} is registered by name and called without an object, so it cannot be a method: {instead}"),
    );
}
