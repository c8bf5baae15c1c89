//! From tokens to what the user said: the attribute's keys and the function.

pub(crate) mod activity;
mod attribute;
pub(crate) mod conditional;
pub(crate) mod depth;
mod duration;
pub(crate) mod exempt;
pub(crate) mod limits;
pub(crate) mod retry;
pub(crate) mod test;
pub(crate) mod threads;
pub(crate) mod workflow;

use crate::diagnostic::Errors;
use proc_macro2::{Ident, TokenStream};
use quote::format_ident;
use syn::{ItemFn, ext::IdentExt};

/// The hidden type that stands for the function. Nothing in the type namespace has the function's own name.
pub(crate) fn marker(function: &Ident) -> Ident {
    format_ident!("__{}", function.unraw(), span = function.span())
}

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
