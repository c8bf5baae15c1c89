//! `#[workflow(..)] async fn`.

use super::{attribute, function, marker};
use crate::diagnostic::Errors;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

/// What the user said about a workflow.
#[derive(Clone)]
pub(crate) struct WorkflowFn {
    /// The registered name.
    pub(crate) name: String,
    /// Names from before a rename.
    pub(crate) aliases: Vec<String>,
    /// The function as written, without the attribute.
    pub(crate) item: ItemFn,
}

impl WorkflowFn {
    /// The type that stands for the function, with its type parameters.
    pub(crate) fn tag(&self) -> TokenStream {
        let (marker, (_, parameters, _)) = (marker(&self.item.sig.ident), self.item.sig.generics.split_for_impl());
        quote!(#marker #parameters)
    }

    /// True if it has type parameters: it runs as a part of others only.
    pub(crate) fn generic(&self) -> bool {
        !self.item.sig.generics.params.is_empty()
    }

    /// `None` if the item is not a function that can be parsed. A wrong attribute is reported, and the rest of it kept.
    pub(crate) fn parse(attr: TokenStream, item: TokenStream, errors: &Errors) -> Option<Self> {
        let keys = attribute::keys(attr, "`#[workflow]`", &["name", "alias"], &["alias"], errors);
        let item = function(item, "workflow", errors)?;
        let mut workflow = WorkflowFn { name: attribute::default_name(&item.sig.ident), aliases: vec![], item };
        for (key, meta) in keys {
            match key.as_str() {
                "name" => {
                    if let Some(name) = attribute::name(&meta, "name = \"order\"", errors) {
                        workflow.name = name;
                    }
                }
                _ => workflow.aliases.extend(attribute::name(&meta, "alias = \"old_name\"", errors)),
            }
        }
        Some(workflow)
    }
}
