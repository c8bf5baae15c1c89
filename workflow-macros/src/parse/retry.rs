//! `retry(attempts = 5, initial = "200ms", factor = 2.0, max = "30s", unless(..))`.

use super::attribute;
use crate::diagnostic::Errors;
use proc_macro2::TokenStream;
use std::time::Duration;
use syn::{
    Expr, Lit, Meta, Pat, Token,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

const KEYS: [&str; 5] = ["attempts", "initial", "factor", "max", "unless"];

/// A retry policy; what is not said is as in the runtime's default.
#[derive(Default)]
pub(crate) struct Retry {
    pub(crate) attempts: Option<u32>,
    pub(crate) initial: Option<Duration>,
    pub(crate) factor: Option<f64>,
    pub(crate) max: Option<Duration>,
    pub(crate) unless: Vec<Final>,
}

/// A pattern of errors that are final in spite of the policy.
pub(crate) struct Final {
    pub(crate) pattern: Pat,
    pub(crate) guard: Option<Expr>,
}

impl Parse for Final {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = match input.parse::<Option<Token![if]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Final { pattern, guard })
    }
}

impl Retry {
    /// The policy that `retry` or `retry(..)` says. What is wrong is reported, and the rest kept.
    pub(crate) fn parse(meta: &Meta, errors: &Errors) -> Self {
        let mut retry = Retry::default();
        let tokens = match meta {
            Meta::Path(_) => return retry,
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(nv) => {
                errors.push(nv, "a retry policy has parts: write `retry(attempts = 5, initial = \"200ms\")`, or `retry` for the default");
                return retry;
            }
        };
        for (key, meta) in attribute::keys(tokens, "`retry(..)`", &KEYS, &[], errors) {
            match key.as_str() {
                "attempts" => retry.attempts = attempts(&meta, errors),
                "initial" => retry.initial = attribute::duration(&meta, "initial = \"200ms\"", 0, errors),
                "factor" => retry.factor = factor(&meta, errors),
                "max" => retry.max = attribute::duration(&meta, "max = \"30s\"", 0, errors),
                _ => retry.unless = unless(&meta, errors),
            }
        }
        retry
    }
}

fn attempts(meta: &Meta, errors: &Errors) -> Option<u32> {
    let literal = attribute::literal(meta, "attempts = 5", errors)?;
    let n = match &literal {
        Lit::Int(n) => n.base10_parse::<u32>().ok(),
        _ => None,
    };
    if n.is_none_or(|n| n == 0) {
        errors.push(literal, "the number of attempts is a whole number from 1 on, the first one counted: write `attempts = 5`, or leave it out to retry without end");
        return None;
    }
    n
}

fn factor(meta: &Meta, errors: &Errors) -> Option<f64> {
    let literal = attribute::literal(meta, "factor = 2.0", errors)?;
    let factor = match &literal {
        Lit::Float(f) => f.base10_parse::<f64>().ok(),
        Lit::Int(n) => n.base10_parse::<f64>().ok(),
        _ => None,
    };
    if factor.is_none_or(|f| !f.is_finite() || f < 1.0) {
        errors.push(literal, "the factor by which the pause grows is a number from 1 on: write `factor = 2.0`");
        return None;
    }
    factor
}

fn unless(meta: &Meta, errors: &Errors) -> Vec<Final> {
    let Meta::List(list) = meta else {
        errors.push(
            meta,
            "`unless` takes patterns of errors that are final: write `unless(ChargeError::Declined { .. })`",
        );
        return vec![];
    };
    let parsed = Punctuated::<Final, Token![,]>::parse_terminated.parse2(list.tokens.clone());
    let mut finals: Vec<_> = errors.ok(parsed).into_iter().flatten().collect();
    // What is refused is left out, so that it is reported once.
    finals.retain(|f: &Final| f.guard.is_some() || may_fail(&f.pattern, errors));
    finals
}

/// Refuses a pattern that every error matches. A name alone is a new variable, not a variant.
fn may_fail(pattern: &Pat, errors: &Errors) -> bool {
    match pattern {
        Pat::Ident(i) => match &i.subpat {
            Some((_, p)) => return may_fail(p, errors),
            None => errors.push(
                i,
                format!(
                    "`{0}` alone is a new variable, which matches every error: write the path of the variant, like `Error::{0}`, or add a guard",
                    i.ident
                ),
            ),
        },
        Pat::Wild(w) => errors.push(w, "`_` matches every error: to retry none, leave `retry(..)` out"),
        Pat::Rest(r) => errors.push(
            r,
            "`..` is not a pattern of an error: write the path of a variant, like `Error::Declined { .. }`",
        ),
        Pat::Or(or) => return or.cases.iter().filter(|p| !may_fail(p, errors)).count() == 0,
        Pat::Paren(p) => return may_fail(&p.pat, errors),
        Pat::Reference(r) => return may_fail(&r.pat, errors),
        // Any other pattern is checked by rustc, which denies one that makes those behind it unreachable.
        _ => return true,
    }
    false
}

/// The `match` arms of `unless(..)`.
impl quote::ToTokens for Final {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let (pattern, guard) = (&self.pattern, self.guard.as_ref().map(|g| quote::quote!(if #g)));
        tokens.extend(quote::quote!(#pattern #guard => true,));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn parse(tokens: TokenStream) -> (Retry, Vec<String>) {
        let errors = Errors::new();
        let retry = match syn::parse2(tokens) {
            Ok(meta) => Retry::parse(&meta, &errors),
            Err(e) => panic!("{e}"),
        };
        let found = errors.finish().map_or_else(|e| e.into_iter().map(|e| e.to_string()).collect(), |()| vec![]);
        (retry, found)
    }

    #[test]
    fn reads_every_part() {
        let (r, errors) = parse(quote!(retry(
            attempts = 5,
            initial = "200ms",
            factor = 2,
            max = "30s",
            unless(E::A { .. }, e if e.is_final(), "x" | "y",),
        )));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((r.attempts, r.factor), (Some(5), Some(2.0)));
        assert_eq!((r.initial, r.max), (Some(Duration::from_millis(200)), Some(Duration::from_secs(30))));
        assert_eq!(r.unless.len(), 3);
    }

    #[test]
    fn keeps_what_is_right_beside_what_is_wrong() {
        let (r, errors) = parse(quote!(retry(attempts = -1, factor = "2", max = "1m", unless(E::A, B))));
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert_eq!((r.attempts, r.factor, r.max, r.unless.len()), (None, None, Some(Duration::from_secs(60)), 1));
    }

    #[test]
    fn a_bare_policy_is_the_default_one() {
        let (r, errors) = parse(quote!(retry));
        assert!(errors.is_empty() && r.attempts.is_none() && r.unless.is_empty());
    }
}
