//! Every construct that the compiler lowers, once as a workflow of its own. Each is run as the function that stands here and as
//! the machine that the compiler made of it, resident and evicted; outcome and operations must agree.

#![allow(unreachable_pub, reason = "the modules of a test are private")]
#![allow(
    for_loops_over_fallibles,
    clippy::never_loop,
    clippy::nonminimal_bool,
    clippy::useless_format,
    reason = "what is unusual to write must be compiled all the same"
)]

mod assigned;
mod borrows;
mod conditional;
mod continues;
mod control;
mod corpus;
mod edges;
mod exempt;
mod expressions;
mod found;
mod generics;
mod groups;
mod guards;
mod helpers;
mod hidden;
mod items;
mod keys;
mod loops;
mod loops_borrowed;
mod loops_cost;
mod loops_owned;
mod loops_text;
mod macros;
mod matching;
mod messages;
mod nameless;
mod partial_moves;
mod sagas;
mod scopes;

mod shop;
mod signatures;
mod threads;
mod threads_nested;
mod threads_random;

use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    testing::differential::{Agreement, Differential},
};

/// Compares function and machine, and asserts that something was awaited.
#[track_caller]
fn agree<W: Workflow>(call: impl Fn() -> WorkflowCall<W>) -> Agreement {
    let agreement = Differential::new(call).run();
    assert!(!agreement.operations.is_empty(), "`{}` awaited nothing", W::NAME);
    agreement
}
