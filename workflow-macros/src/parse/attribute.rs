//! Attribute arguments: `key = literal`, `key(..)`, `key`, separated by commas.

use super::depth;
use super::duration;
use crate::diagnostic::Errors;
use proc_macro2::{Ident, TokenStream};
use std::time::Duration;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Token, ext::IdentExt, parse::Parser, punctuated::Punctuated};

/// The arguments whose key is in `known`; any other key is reported. A key that stands twice is reported unless it is in `repeated`.
pub(super) fn keys(
    tokens: TokenStream,
    what: &str,
    known: &[&str],
    repeated: &[&str],
    errors: &Errors,
) -> Vec<(String, Meta)> {
    if !depth::shallow(&tokens, errors) {
        return vec![];
    }
    let parsed = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens);
    let mut found: Vec<(String, Meta)> = vec![];
    for meta in errors.ok(parsed).into_iter().flatten() {
        let key = meta.path().get_ident().map(|i| i.unraw().to_string());
        match key.filter(|k| known.contains(&k.as_str())) {
            None => errors.push(meta.path(), unknown(&meta, what, known)),
            Some(k) if !repeated.contains(&k.as_str()) && found.iter().any(|(f, _)| *f == k) => {
                errors.push(meta.path(), format!("`{k}` stands twice: keep one"));
            }
            Some(k) => found.push((k, meta)),
        }
    }
    found
}

fn unknown(meta: &Meta, what: &str, known: &[&str]) -> String {
    let path = meta.path();
    let key = quote::quote!(#path).to_string().replace(' ', "");
    let known: Vec<_> = known.iter().map(|k| format!("`{k}`")).collect();
    format!("unknown key `{key}`: {what} takes {}", known.join(", "))
}

/// The literal of `key = literal`; `form` is an example of it.
pub(super) fn literal(meta: &Meta, form: &str, errors: &Errors) -> Option<Lit> {
    match meta {
        Meta::NameValue(nv) => match &nv.value {
            Expr::Lit(ExprLit { lit, .. }) => return Some(lit.clone()),
            other => errors.push(other, format!("this is not a literal: write `{form}`")),
        },
        other => errors.push(other, format!("a value is missing: write `{form}`")),
    }
    None
}

/// The string of `key = "string"`.
pub(super) fn string(meta: &Meta, form: &str, errors: &Errors) -> Option<LitStr> {
    match literal(meta, form, errors)? {
        Lit::Str(s) => Some(s),
        other => {
            errors.push(other, format!("this is not a string: write `{form}`"));
            None
        }
    }
}

/// A registered name: not empty, without control characters.
pub(super) fn name(meta: &Meta, form: &str, errors: &Errors) -> Option<String> {
    let literal = string(meta, form, errors)?;
    let value = literal.value();
    if value.trim().is_empty() || value.chars().any(char::is_control) {
        errors.push(literal, format!("this cannot be a name: write `{form}`"));
        return None;
    }
    Some(value)
}

/// The name that a function is registered under by default: the bare one, never a module path.
pub(super) fn default_name(function: &Ident) -> String {
    function.unraw().to_string()
}

/// The duration of `key = "10s"`, of at least `least` milliseconds.
pub(super) fn duration(meta: &Meta, form: &str, least: u128, errors: &Errors) -> Option<Duration> {
    let literal = string(meta, form, errors)?;
    match duration::parse(&literal.value()) {
        Ok(d) if d.as_millis() >= least => return Some(d),
        Ok(_) => errors
            .push(literal, format!("nothing can be done in no time: write `{form}`, or leave it out for no limit")),
        Err(message) => errors.push(literal, message),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn found(tokens: TokenStream) -> (Vec<String>, Vec<String>) {
        let errors = Errors::new();
        let keys = keys(tokens, "`#[x]`", &["name", "alias", "type"], &["alias"], &errors);
        let errors = errors.finish().map_or_else(|e| e.into_iter().map(|e| e.to_string()).collect(), |()| vec![]);
        (keys.into_iter().map(|(k, _)| k).collect(), errors)
    }

    #[test]
    fn knows_its_keys() {
        let (keys, errors) = found(quote!(name = "a", alias = "b", alias = "c", r#type));
        assert_eq!(keys, ["name", "alias", "alias", "type"]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(found(quote!()), (vec![], vec![]));
    }

    #[test]
    fn names_every_key_that_it_does_not_know() {
        let (keys, errors) = found(quote!(nam = "a", alias = "b", a::name, name = "x", name = "y"));
        assert_eq!(keys, ["alias", "name"]);
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors[0].contains("unknown key `nam`") && errors[0].contains("`name`, `alias`, `type`"), "{errors:?}");
        assert!(errors[1].contains("`a::name`") && errors[2].contains("stands twice"), "{errors:?}");
    }

    #[test]
    fn what_is_no_list_of_keys_is_one_error() {
        for tokens in [quote!("a"), quote!(name "a"), quote!(name =), quote!(= = =), quote!(,)] {
            assert_eq!(found(tokens.clone()).1.len(), 1, "{tokens}");
        }
    }
}
