//! `#[activity(..)] async fn`.

use super::{attribute, function};
use crate::diagnostic::Errors;
use proc_macro2::TokenStream;
use syn::ItemFn;

/// What the user said about an activity.
pub(crate) struct ActivityFn {
    /// The registered name.
    pub(crate) name: String,
    /// Names from before a rename.
    pub(crate) aliases: Vec<String>,
    /// The function as written, without the attribute.
    pub(crate) item: ItemFn,
}

impl ActivityFn {
    /// `None` if the item is not a function that can be parsed. A wrong attribute is reported, and the rest of it kept.
    pub(crate) fn parse(attr: TokenStream, item: TokenStream, errors: &Errors) -> Option<Self> {
        let keys = attribute::keys(attr, "`#[activity]`", &["name", "alias"], &["alias"], errors);
        let item = function(item, "activity", errors)?;
        let mut activity = ActivityFn { name: attribute::default_name(&item.sig.ident), aliases: vec![], item };
        for (key, meta) in keys {
            match key.as_str() {
                "name" => {
                    if let Some(name) = attribute::name(&meta, "name = \"charge\"", errors) {
                        activity.name = name;
                    }
                }
                _ => activity.aliases.extend(attribute::name(&meta, "alias = \"old_name\"", errors)),
            }
        }
        Some(activity)
    }
}
