//! The compiler behind `#[workflow]` and `#[activity]`: an async function becomes an explicit, resumable state machine.
//!
//! This is the only file that names `proc_macro`; the pipeline stands in [`driver`].

mod analyze;
mod check;
mod diagnostic;
mod driver;
mod expand;
mod ir;
mod lower;
mod parse;
mod validate;

use proc_macro::TokenStream;

/// Turns an `async fn` into an activity: a function that does the work of a workflow, may touch the world, and is retried.
#[proc_macro_attribute]
pub fn activity(attr: TokenStream, item: TokenStream) -> TokenStream {
    driver::activity(attr.into(), item.into()).into()
}

/// Turns an `async fn` into a workflow: a process that survives crashes, deploys and month-long waits.
#[proc_macro_attribute]
pub fn workflow(attr: TokenStream, item: TokenStream) -> TokenStream {
    driver::workflow(attr.into(), item.into()).into()
}
