//! Which functions can be a workflow.

use super::{function, generics::parameters, receiver, types::owned};
use crate::{diagnostic::Errors, lower, parse::workflow::WorkflowFn};
use syn::{FnArg, ReturnType};

/// What serde and the runtime take in a tuple.
const MOST: usize = 12;
const NOUN: &str = "a workflow";

/// True if the signature is one that a workflow can have.
pub(crate) fn workflow(f: &WorkflowFn, errors: &Errors) -> bool {
    let own = Errors::new();
    function(&f.item.sig, NOUN, &own);
    parameters(&f.item.sig, &own);
    if let Some(thirteenth) = f.item.sig.inputs.iter().nth(MOST) {
        own.push(
            thirteenth,
            format!("the arguments of a workflow are stored as one tuple, of at most {MOST} values: put some of them into a struct"),
        );
    }
    if f.generic()
        && let Some(path) = lower::continues::first(&f.item.block)
    {
        own.push(path, "a generic workflow is always a part of another one, and has no run of its own to continue: return, and let the workflow that awaits it continue as new");
    }
    for input in &f.item.sig.inputs {
        match input {
            FnArg::Receiver(r) => receiver(r, NOUN, "take the value as an argument", &own),
            FnArg::Typed(p) => {
                owned(
                    &p.ty,
                    NOUN,
                    "the arguments of a workflow outlive their caller, so nothing in them is borrowed",
                    &own,
                );
            }
        }
    }
    if let ReturnType::Type(_, ty) = &f.item.sig.output {
        owned(ty, NOUN, "the result of a workflow is stored, so it is owned", &own);
    }
    let fine = own.is_empty();
    if let Err(e) = own.finish() {
        errors.syn(e);
    }
    fine
}
