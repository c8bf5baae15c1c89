//! From tokens to what the user said: the attribute's keys and the function.

pub(crate) mod activity;
mod attribute;
pub(crate) mod conditional;
pub(crate) mod depth;
mod duration;
pub(crate) mod limits;
pub(crate) mod retry;
pub(crate) mod test;
pub(crate) mod threads;
pub(crate) mod workflow;

use crate::diagnostic::Errors;
use proc_macro2::TokenStream;
use syn::ItemFn;

/// The function that an attribute stands on, or the reason why it is none.
fn function(item: TokenStream, attribute: &str, errors: &Errors) -> Option<ItemFn> {
    if !depth::shallow(&item, errors) {
        return None;
    }
    match syn::parse2::<ItemFn>(item.clone()) {
        Ok(f) => Some(f),
        Err(e) => {
            match syn::parse2::<syn::Item>(item) {
                Ok(other) => errors.push(other, format!("`#[{attribute}]` stands on an `async fn`: put it on one")),
                Err(_) => errors.syn(e),
            }
            None
        }
    }
}
