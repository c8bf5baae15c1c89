//! Which functions can be a workflow.

use super::{function, receiver};
use crate::{diagnostic::Errors, parse::workflow::WorkflowFn};
use syn::FnArg;

/// True if the signature is one that a workflow can have. The body is checked too, but decides nothing here.
pub(crate) fn workflow(f: &WorkflowFn, errors: &Errors) -> bool {
    let own = Errors::new();
    function(&f.item.sig, "a workflow", &own);
    for input in &f.item.sig.inputs {
        if let FnArg::Receiver(r) = input {
            receiver(r, "a workflow", "take the value as an argument", &own);
        }
    }
    let fine = own.is_empty();
    if let Err(e) = own.finish() {
        errors.syn(e);
    }
    fine
}
