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
        Pat::Or(or) => return or.cases.iter().fold(true, |all, p| may_fail(p, errors) && all),
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
