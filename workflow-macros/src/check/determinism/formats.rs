//! Format strings: what shows an address, or a hash table.

use super::{Net, kinds::Kind};
use syn::{Expr, Lit, LitStr, Token, punctuated::Punctuated};
use workflow_rules::ADDRESSES;

/// True for macros that take a format string.
pub(super) fn is(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "anyhow",
        "assert",
        "assert_eq",
        "assert_ne",
        "bail",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "ensure",
        "eprint",
        "eprintln",
        "format",
        "format_args",
        "panic",
        "print",
        "println",
        "todo",
        "unimplemented",
        "unreachable",
        "write",
        "writeln",
    ];
    NAMES.binary_search(&name).is_ok()
}

/// A format string with its arguments.
pub(super) struct Text<'a> {
    literal: &'a LitStr,
    positional: Vec<&'a Expr>,
    named: Vec<(String, &'a Expr)>,
}

impl<'a> Text<'a> {
    /// The first string literal among the arguments of a macro, and what comes behind it.
    pub(super) fn of(all: &'a Punctuated<Expr, Token![,]>) -> Option<Self> {
        let mut rest = all.iter();
        let literal = rest.find_map(|e| match e {
            Expr::Lit(l) => match &l.lit {
                Lit::Str(s) => Some(s),
                _ => None,
            },
            _ => None,
        })?;
        let mut text = Text { literal, positional: vec![], named: vec![] };
        for e in rest {
            match e {
                Expr::Assign(a) => match &*a.left {
                    Expr::Path(p) if p.path.get_ident().is_some() => {
                        let name = p.path.get_ident().map(super::imports::plain).unwrap_or_default();
                        text.named.push((name, &a.right));
                    }
                    _ => text.positional.push(e),
                },
                e => text.positional.push(e),
            }
        }
        Some(text)
    }
}

/// What stands between `{` and `}`.
struct Place {
    name: String,
    /// The last letters of the format: `?`, `p`, `x`.
    form: String,
}

/// The places of a format string.
fn places(text: &str) -> Vec<Place> {
    let (mut places, mut next) = (vec![], 0);
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (_, from) = rest.split_at(at);
        if from.starts_with("{{") || from.starts_with("}}") || from.starts_with('}') {
            rest = from.get(if from.starts_with("{{") || from.starts_with("}}") { 2 } else { 1 }..).unwrap_or_default();
            continue;
        }
        let Some(end) = from.find('}') else { break };
        let inside = from.get(1..end).unwrap_or_default();
        let (name, form) = inside.split_once(':').unwrap_or((inside, ""));
        next += usize::from(form.contains(".*"));
        let name = match name.trim() {
            "" => {
                next += 1;
                (next - 1).to_string()
            }
            name => name.to_owned(),
        };
        places.push(Place { name, form: form.trim().to_owned() });
        rest = from.get(end + 1..).unwrap_or_default();
    }
    places
}

impl Net<'_> {
    pub(super) fn text(&mut self, text: &Text<'_>) {
        for place in places(&text.literal.value()) {
            if place.form.ends_with('p') {
                self.found(ADDRESSES, text.literal, &format!("`{{:{}}}` shows an address", place.form));
            }
            if !place.form.ends_with('?') || self.shown > 0 {
                continue;
            }
            let what = format!("`{{:{}}}` shows a hash table", place.form);
            let given = match place.name.parse::<usize>() {
                Ok(n) => text.positional.get(n).copied(),
                Err(_) => text.named.iter().find(|(n, _)| *n == place.name).map(|(_, e)| *e),
            };
            match given {
                Some(e) => {
                    if let Kind::Hash(by) = self.scopes.of_expr(e) {
                        self.hash(by, e, &what);
                    }
                }
                None => {
                    if let Kind::Hash(by) = self.scopes.kind(&place.name) {
                        self.hash(by, text.literal, &what);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_format_string() {
        let found = |text| places(text).into_iter().map(|p| (p.name, p.form)).collect::<Vec<_>>();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            found("{} {x:?} {{:p}} {0:#018p} {:>w$p}"),
            [pair("0", ""), pair("x", "?"), pair("0", "#018p"), pair("1", ">w$p")]
        );
        assert_eq!(found("{:.*} {}"), [pair("1", ".*"), pair("2", "")]);
        assert_eq!(found("{ {"), []);
        assert_eq!(found("} é {é:p}"), [pair("é", "p")]);
    }
}
