//! `#[workflow_runtime::test(..)] async fn`.

use super::{attribute, function};
use crate::diagnostic::Errors;
use proc_macro2::TokenStream;
use syn::{ItemFn, Lit, LitInt, LitStr, Meta};

/// When the process of a test dies.
#[derive(Clone, Copy)]
pub(crate) enum Crashes {
    None,
    Every,
    Twice,
}

/// What the user said about a test.
pub(crate) struct TestFn {
    pub(crate) seed: Option<LitInt>,
    pub(crate) sled: bool,
    pub(crate) crashes: Option<Crashes>,
    pub(crate) in_order: bool,
    pub(crate) only: Option<LitStr>,
    /// The function as written, without the attribute.
    pub(crate) item: ItemFn,
}

const KEYS: [&str; 5] = ["seed", "sled", "crashes", "in_order", "only"];

impl TestFn {
    /// `None` if the item is not a function that can be parsed. A wrong attribute is reported, and the rest of it kept.
    pub(crate) fn parse(attr: TokenStream, item: TokenStream, errors: &Errors) -> Option<Self> {
        let keys = attribute::keys(attr, "`#[workflow_runtime::test]`", &KEYS, &[], errors);
        let item = function(item, "workflow_runtime::test", errors)?;
        let mut test = TestFn { seed: None, sled: false, crashes: None, in_order: false, only: None, item };
        for (key, meta) in keys {
            match key.as_str() {
                "seed" => test.seed = seed(&meta, errors),
                "sled" => test.sled = flag(&meta, "sled", errors),
                "crashes" => test.crashes = crashes(&meta, errors),
                "in_order" => test.in_order = flag(&meta, "in_order", errors),
                _ => test.only = attribute::string(&meta, "only = \"memory-evicted-before3\"", errors),
            }
        }
        Some(test)
    }
}

fn seed(meta: &Meta, errors: &Errors) -> Option<LitInt> {
    let form = "seed = 7";
    match attribute::literal(meta, form, errors)? {
        Lit::Int(number) if number.base10_parse::<u64>().is_ok() && matches!(number.suffix(), "" | "u64") => {
            return Some(number);
        }
        other => errors.push(other, format!("this is not a number of 64 bits: write `{form}`")),
    }
    None
}

fn flag(meta: &Meta, key: &str, errors: &Errors) -> bool {
    let bare = matches!(meta, Meta::Path(_));
    if !bare {
        errors.push(meta, format!("`{key}` has no value: write `{key}`, or leave it out"));
    }
    bare
}

fn crashes(meta: &Meta, errors: &Errors) -> Option<Crashes> {
    let literal = attribute::string(meta, "crashes = \"every\"", errors)?;
    match literal.value().as_str() {
        "none" => return Some(Crashes::None),
        "every" => return Some(Crashes::Every),
        "twice" => return Some(Crashes::Twice),
        _ => errors.push(
            literal,
            "the process of a test dies never (`\"none\"`), at every commit (`\"every\"`), or there and once more soon after (`\"twice\"`)",
        ),
    }
    None
}
