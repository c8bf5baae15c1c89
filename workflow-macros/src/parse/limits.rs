//! `priority = 5, max_concurrent = 10, rate = "100/s", on_cancel = "wait"`, and what else limits an activity.

use super::attribute;
use crate::diagnostic::Errors;
use std::time::Duration;
use syn::{Lit, Meta};

/// What the attribute says beside timeout, retries and queue.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) schedule_to_start: Option<Duration>,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) priority: Option<u8>,
    pub(crate) max_concurrent: Option<u32>,
    pub(crate) rate: Option<Rate>,
    pub(crate) on_cancel: Option<OnCancel>,
}

/// So many starts per so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) starts: u32,
    pub(crate) seconds: u64,
}

/// As in the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnCancel {
    Try,
    Wait,
    Abandon,
}

/// The whole number of `key = 5`.
fn number(meta: &Meta, form: &str, fits: impl Fn(u32) -> bool, why: &str, errors: &Errors) -> Option<u32> {
    let literal = attribute::literal(meta, form, errors)?;
    let n = match &literal {
        Lit::Int(n) => n.base10_parse::<u32>().ok().filter(|n| fits(*n)),
        _ => None,
    };
    if n.is_none() {
        errors.push(literal, format!("{why}: write `{form}`"));
    }
    n
}

pub(super) fn priority(meta: &Meta, errors: &Errors) -> Option<u8> {
    let why = "a priority is a whole number from 0, the default, to 9, which starts first";
    number(meta, "priority = 5", |n| n <= 9, why, errors).map(|n| n as u8)
}

pub(super) fn max_concurrent(meta: &Meta, errors: &Errors) -> Option<u32> {
    let why = "the number of attempts that may run at a time is a whole number from 1 on: with 0 none would ever start";
    number(meta, "max_concurrent = 10", |n| n > 0, why, errors)
}

pub(super) fn rate(meta: &Meta, errors: &Errors) -> Option<Rate> {
    let literal = attribute::string(meta, "rate = \"100/s\"", errors)?;
    let text = literal.value();
    let rate = text.split_once('/').and_then(|(n, unit)| {
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        Some(Rate { starts: n.trim().parse().ok().filter(|n| *n > 0)?, seconds })
    });
    if rate.is_none() {
        let m = format!(
            "`{text}` is not a rate: write how many attempts may start per second, minute or hour, like \"100/s\", \"30/m\" or \"5/h\""
        );
        errors.push(literal, m);
    }
    rate
}

pub(super) fn on_cancel(meta: &Meta, errors: &Errors) -> Option<OnCancel> {
    let literal = attribute::string(meta, "on_cancel = \"wait\"", errors)?;
    match literal.value().as_str() {
        "try" => Some(OnCancel::Try),
        "wait" => Some(OnCancel::Wait),
        "abandon" => Some(OnCancel::Abandon),
        other => {
            let m = format!(
                "`{other}` is not what a cancellation can do: write \"try\" (the default: its result or `Cancelled`, whichever is confirmed first), \"wait\" (its own end) or \"abandon\" (`Cancelled` at once)"
            );
            errors.push(literal, m);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn with<T>(
        tokens: proc_macro2::TokenStream,
        parse: impl Fn(&Meta, &Errors) -> Option<T>,
    ) -> (Option<T>, Vec<String>) {
        let errors = Errors::new();
        let parsed = match syn::parse2(tokens) {
            Ok(meta) => parse(&meta, &errors),
            Err(e) => panic!("{e}"),
        };
        (parsed, errors.finish().map_or_else(|e| e.into_iter().map(|e| e.to_string()).collect(), |()| vec![]))
    }

    #[test]
    fn reads_what_is_right() {
        assert_eq!(with(quote!(rate = "100/s"), rate), (Some(Rate { starts: 100, seconds: 1 }), vec![]));
        assert_eq!(with(quote!(rate = " 5 / h"), rate).0, Some(Rate { starts: 5, seconds: 3600 }));
        assert_eq!(with(quote!(priority = 0), priority).0, Some(0));
        assert_eq!(with(quote!(priority = 9), priority).0, Some(9));
        assert_eq!(with(quote!(max_concurrent = 1), max_concurrent).0, Some(1));
        assert_eq!(with(quote!(on_cancel = "abandon"), on_cancel).0, Some(OnCancel::Abandon));
    }

    #[test]
    fn refuses_the_rest() {
        for tokens in [quote!(rate = "100"), quote!(rate = "0/s"), quote!(rate = "1/d"), quote!(rate = 5), quote!(rate)]
        {
            assert_eq!(with(tokens.clone(), rate).1.len(), 1, "{tokens}");
        }
        for tokens in [quote!(priority = 10), quote!(priority = -1), quote!(priority = "5"), quote!(priority)] {
            assert_eq!(with(tokens.clone(), priority).1.len(), 1, "{tokens}");
        }
        assert_eq!(with(quote!(max_concurrent = 0), max_concurrent).1.len(), 1);
        assert_eq!(with(quote!(on_cancel = "Wait"), on_cancel).1.len(), 1);
    }
}
