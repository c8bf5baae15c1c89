//! Structure: which functions can be an activity or a workflow. Every finding is reported, on the user's own token.

use crate::{diagnostic::Errors, parse::workflow::WorkflowFn};

/// True if the signature is one that a workflow can have. The body is checked too, but decides nothing here.
pub(crate) fn workflow(f: &WorkflowFn, errors: &Errors) -> bool {
    if f.item.sig.asyncness.is_none() {
        errors.push(f.item.sig.fn_token, "a workflow waits, so it is an `async fn`: write `async` in front of `fn`");
        return false;
    }
    true
}
