//! `allow(WF001, reason = "..")`: a rule of determinism that does not hold for a workflow, or for a statement of it.

use super::attribute;
use crate::diagnostic::Errors;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::cell::Cell;
use syn::{Attribute, Lit, Meta, MetaList, Token, parse::ParseStream, spanned::Spanned};
use workflow_rules::{RULES, Rule};

const FORM: &str = "allow(WF001, reason = \"why it is harmless\")";

/// One rule that does not hold for some lines, and why.
#[derive(Clone)]
pub(crate) struct Exemption {
    pub(crate) rule: &'static Rule,
    pub(crate) reason: String,
    /// The first line and the last one.
    pub(crate) lines: (usize, usize),
    /// The net that it has silenced: `net1` is this crate's reading of tokens.
    pub(crate) silenced: Cell<Option<&'static str>>,
}

/// The lines from the first token to the last.
pub(crate) fn lines(of: &impl ToTokens) -> (usize, usize) {
    let tokens = of.to_token_stream();
    let last = tokens.clone().into_iter().last().map_or_else(Span::call_site, |t| match t {
        TokenTree::Group(g) => g.span_close(),
        t => t.span(),
    });
    (tokens.span().start().line, last.end().line)
}

/// The exemptions of an `allow(..)`. What is wrong with it is reported, and the rest of it kept.
pub(super) fn allow(meta: &Meta, lines: (usize, usize), errors: &Errors) -> Vec<Exemption> {
    let Meta::List(list) = meta else {
        errors.push(meta, format!("an exemption names its rules and the reason: write `{FORM}`"));
        return vec![];
    };
    let Some(Allow { rules, reason }) = errors.ok(list.parse_args_with(|input: ParseStream<'_>| read(input, errors)))
    else {
        return vec![];
    };
    let reason = reason.unwrap_or_else(|| missing(list, errors));
    let exempt = |rule| Exemption { rule, reason: reason.clone(), lines, silenced: Cell::new(None) };
    rules.into_iter().map(exempt).collect()
}

struct Allow {
    rules: Vec<&'static Rule>,
    reason: Option<String>,
}

/// Reports that there is no reason. The exemption holds all the same, so that its findings are not reported too.
fn missing(list: &MetaList, errors: &Errors) -> String {
    let message =
        format!("an exemption without a reason helps nobody who reads it later: add `reason = \"..\"`, as in `{FORM}`");
    errors.push(&list.path, message);
    String::new()
}

fn read(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Allow> {
    let (mut rules, mut reason): (Vec<&'static Rule>, _) = (vec![], None);
    let (start, mut named) = (input.span(), false);
    while !input.is_empty() {
        let key: syn::Ident = input.parse().map_err(|e| {
            syn::Error::new(e.span(), format!("an exemption names rules by their codes: write `{FORM}`"))
        })?;
        if input.parse::<Option<Token![=]>>()?.is_some() {
            let value: Lit = input.parse()?;
            if key != "reason" {
                errors.push(key, format!("an exemption has codes and a `reason`: write `{FORM}`"));
            } else if reason.replace(text(&value, errors)).is_some() {
                errors.push(key, "`reason` stands twice: keep one");
            }
        } else {
            named = true;
            match Rule::with_code(&key.to_string()) {
                None => errors.push(&key, unknown(&key.to_string())),
                Some(rule) if rules.contains(&rule) => errors.push(&key, format!("`{key}` stands twice: keep one")),
                Some(rule) => rules.push(rule),
            }
        }
        if input.parse::<Option<Token![,]>>()?.is_none() && !input.is_empty() {
            return Err(input.error("expected `,`"));
        }
    }
    if !named {
        errors.at(start, format!("this exemption names no rule: write `{FORM}`"));
    }
    Ok(Allow { rules, reason })
}

/// The text of a reason. That of a wrong one, which is reported here, is empty.
fn text(value: &Lit, errors: &Errors) -> String {
    let text = match value {
        Lit::Str(s) => s.value(),
        _ => String::new(),
    };
    if text.trim().is_empty() || text.contains('\0') {
        errors.push(value, "this is no reason: say in a few words why it is harmless here");
    }
    text
}

fn unknown(code: &str) -> String {
    let by_name = RULES.iter().find(|r| r.name.replace([' ', '/'], "_").eq_ignore_ascii_case(code));
    let by_case = RULES.iter().find(|r| r.code.eq_ignore_ascii_case(code));
    match by_case.or(by_name) {
        Some(rule) => format!("there is no rule `{code}`: write `{}`", rule.code),
        None => format!(
            "there is no rule `{code}`: they are called `{}` to `{}`",
            RULES.first().map_or("", |r| r.code),
            RULES.last().map_or("", |r| r.code)
        ),
    }
}

/// True for `#[workflow(..)]`, which within the body of a workflow says what is exempt.
pub(crate) fn is_inert(a: &Attribute) -> bool {
    let path = a.path();
    path.segments.last().is_some_and(|s| s.ident == "workflow")
        && (path.segments.len() == 1 || path.segments.first().is_some_and(|s| s.ident == "workflow_runtime"))
}

/// The exemptions of an inert attribute, which stands on `lines`.
pub(crate) fn inert(a: &Attribute, lines: (usize, usize), errors: &Errors) -> Vec<Exemption> {
    let tokens = match &a.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    if tokens.is_empty() {
        let message =
            format!("in the body of a workflow `#[workflow(..)]` exempts a statement: write `#[workflow({FORM})]`");
        errors.push(a.path(), message);
        return vec![];
    }
    let keys = attribute::keys(tokens, "`#[workflow]` on a statement", &["allow"], &["allow"], errors);
    let mut all = vec![];
    for (_, meta) in &keys {
        let new = once(&all, meta, allow(meta, lines, errors), errors);
        all.extend(new);
    }
    all
}

/// Reports a rule that two exemptions of one thing name.
pub(super) fn once(all: &[Exemption], on: &Meta, new: Vec<Exemption>, errors: &Errors) -> Vec<Exemption> {
    let twice = |e: &Exemption| all.iter().any(|a| a.rule == e.rule);
    new.iter().filter(|e| twice(e)).for_each(|e| {
        errors.push(on, format!("`{}` is exempt already: keep one of the two", e.rule.code));
    });
    new.into_iter().filter(|e| !twice(e)).collect()
}
