//! Parts of variables: fields, and fields of fields, and which of them syntax moves out.

use super::{
    Dest, Lower,
    names::{Reader, consumes, is_constant, plain},
    place::strip,
    splits, unit,
};
use crate::ir::Term;
use proc_macro2::{Delimiter, TokenTree};
use quote::ToTokens;
use syn::{Expr, Pat, visit::Visit};

impl Lower<'_> {
    /// True if an expression that stands alone has to be split.
    pub(super) fn splits(&self, e: &Expr) -> bool {
        splits::expr(e) || self.renews(e)
    }

    /// True for an assignment of a variable that is renewed, and for what it stands in.
    pub(super) fn renews(&self, e: &Expr) -> bool {
        let can = matches!(strip(e), Expr::Assign(_) | Expr::If(_) | Expr::Match(_) | Expr::Block(_));
        if self.renewed.is_empty() || !can {
            return false;
        }
        let mut reader = Reader::default();
        reader.visit_expr(e);
        reader.assigns.iter().any(|name| self.renewed.contains(name))
    }

    /// Assigns in a block that has nothing of what the variable was.
    pub(super) fn renew(&mut self, a: &syn::ExprAssign, dest: &Dest) {
        let var = self.temp(false);
        let value = self.operand(&a.right);
        self.bind_var(var, None, &value);
        let node = self.node(true);
        self.end(Term::Goto(node));
        self.enter(node);
        let assign = syn::ExprAssign { right: Box::new(self.path(var)), ..a.clone() };
        self.finish(&Dest::Discard, &Expr::Assign(assign));
        self.finish(dest, &unit());
    }
}

/// A variable, and how a field is reached from it.
pub(super) type Field = (String, Vec<String>);

/// `.a.b.0` in the tokens behind a name.
pub(super) struct Chain {
    pub(super) path: Vec<String>,
    /// What is done with the field may move it out.
    pub(super) by_value: bool,
    /// Nothing stands between it and the next argument.
    pub(super) ends_argument: bool,
}

/// Reads the tokens behind a name.
pub(super) fn fields(tokens: &[TokenTree]) -> Chain {
    let (mut path, mut rest) = (vec![], tokens);
    while let [TokenTree::Punct(dot), member, behind @ ..] = rest
        && dot.as_char() == '.'
    {
        match member {
            TokenTree::Ident(name) => {
                let call = match behind {
                    [TokenTree::Group(g), ..] => g.delimiter() == Delimiter::Parenthesis,
                    [TokenTree::Punct(a), TokenTree::Punct(b), ..] => a.as_char() == ':' && b.as_char() == ':',
                    _ => false,
                };
                if call {
                    return Chain { path, by_value: consumes(&name.to_string()), ends_argument: false };
                }
                path.push(name.to_string());
            }
            // `.0.1` is a point and a number.
            TokenTree::Literal(l) => path.extend(l.to_string().split('.').map(str::to_owned)),
            TokenTree::Group(_) | TokenTree::Punct(_) => break,
        }
        rest = behind;
    }
    let index = matches!(rest, [TokenTree::Group(g), ..] if g.delimiter() == Delimiter::Bracket);
    let ends_argument = match rest {
        [] => true,
        [TokenTree::Punct(p), ..] => p.as_char() == ',',
        _ => false,
    };
    Chain { path, by_value: !index, ends_argument }
}

/// Macros that only look at what they are given.
pub(super) fn lends(name: &str) -> bool {
    const NAMES: &[&str] =
        &["format", "print", "println", "eprint", "eprintln", "write", "writeln", "panic", "format_args"];
    NAMES.contains(&name) || name.starts_with("assert") || name.starts_with("debug_assert")
}

/// The variable and the fields that a place consists of.
pub(super) fn place(e: &Expr) -> Option<Field> {
    match strip(e) {
        Expr::Path(p) => Some((plain(&p.path.get_ident()?.to_string()), vec![])),
        Expr::Field(f) => {
            let (name, mut path) = place(&f.base)?;
            path.push(f.member.to_token_stream().to_string());
            Some((name, path))
        }
        _ => None,
    }
}

/// The fields of the place `value` that `pat` binds by value.
pub(super) fn taken(pat: &Pat, value: &Expr) -> Vec<Field> {
    let Some((name, path)) = place(value) else { return vec![] };
    let mut found = vec![];
    parts(pat, &path, &mut found);
    found.into_iter().filter(|path| !path.is_empty()).map(|path| (name.clone(), path)).collect()
}

fn parts(pat: &Pat, at: &[String], found: &mut Vec<Vec<String>>) {
    let below = |member: String| -> Vec<String> { at.iter().cloned().chain([member]).collect() };
    match pat {
        Pat::Ident(p) if p.by_ref.is_none() && !is_constant(p) => found.push(at.to_vec()),
        Pat::Paren(p) => parts(&p.pat, at, found),
        Pat::Type(t) => parts(&t.pat, at, found),
        Pat::Or(o) => o.cases.iter().for_each(|p| parts(p, at, found)),
        Pat::Struct(s) => {
            s.fields.iter().for_each(|f| parts(&f.pat, &below(f.member.to_token_stream().to_string()), found));
        }
        Pat::Tuple(syn::PatTuple { elems, .. }) | Pat::TupleStruct(syn::PatTupleStruct { elems, .. }) => {
            let mut numbered = true;
            for (i, p) in elems.iter().enumerate() {
                numbered &= !matches!(p, Pat::Rest(_));
                // Behind `..` it is not known which of the fields it is.
                if numbered { parts(p, &below(i.to_string()), found) } else { parts(p, at, found) }
            }
        }
        Pat::Slice(s) => s.elems.iter().for_each(|p| parts(p, at, found)),
        _ => {}
    }
}
