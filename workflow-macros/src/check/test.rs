//! Which functions can be a test.

use crate::{diagnostic::Errors, parse::test::TestFn};
use syn::FnArg;

/// True if the signature is one that a test can have.
pub(crate) fn test(f: &TestFn, errors: &Errors) -> bool {
    let own = Errors::new();
    let sig = &f.item.sig;
    if sig.asyncness.is_none() {
        own.push(
            sig.fn_token,
            "a workflow test waits for its runs, so it is an `async fn`: write `async` in front of `fn`",
        );
    }
    if let Some(t) = &sig.constness {
        own.push(t, "a test runs long after compile time: remove `const`");
    }
    if let Some(t) = &sig.unsafety {
        own.push(t, "a test is called by the test harness: remove `unsafe` and use an `unsafe` block");
    }
    if let Some(t) = &sig.abi {
        own.push(t, "a test is called by the test harness, never from another language: remove `extern`");
    }
    if !sig.generics.params.is_empty() {
        own.push(
            &sig.generics,
            "nobody can say for which types a test is run, so it cannot be generic: write one test for each type",
        );
    }
    for input in sig.inputs.iter().take(1) {
        if let FnArg::Receiver(r) = input {
            own.at(r.self_token.span, "a test has no object: take the handle, `t: Test`, instead of `self`");
        }
    }
    for input in sig.inputs.iter().skip(1) {
        own.push(input, "a workflow test takes its handle and nothing else: remove this parameter");
    }
    if sig.inputs.is_empty() {
        own.push(
            &sig.ident,
            format!("a workflow test takes its handle, which runs workflows and moves time: write `async fn {}(t: workflow_runtime::testing::Test)`", sig.ident),
        );
    }
    let fine = own.is_empty();
    if let Err(e) = own.finish() {
        errors.syn(e);
    }
    fine
}
