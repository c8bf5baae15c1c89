//! Parts of variables: fields, and fields of fields, and which of them syntax moves out.

use super::{
    Dest, Lower,
    names::{Binding, Reader, bindings, consumes, is_constant, plain},
    parse_pat,
    place::{self, strip},
    splits, unit,
};
use crate::ir::{Effects, Origin, Term, Var, VarId};
use proc_macro2::{Delimiter, Ident, TokenTree};
use quote::{ToTokens, quote};
use syn::{Expr, Pat, Type, punctuated::Punctuated, visit::Visit};

impl Lower<'_> {
    /// The variable that stands for a field, or a field of a field; for one of what is borrowed, the variable itself.
    pub(super) fn field(&mut self, (name, path): Field) -> Option<VarId> {
        let var = self.lookup(&name)?;
        if matches!(self.m.vars[var].origin, Origin::Derived(_)) {
            return Some(var);
        }
        // What is around it has a variable too: it may be saved in its place.
        (1..=path.len()).map(|n| self.field_at(var, &path[..n])).last()
    }

    fn field_at(&mut self, var: VarId, path: &[String]) -> VarId {
        if let Some(known) = self.m.fields(var).find(|f| self.m.vars[*f].path == path) {
            return known;
        }
        let of = &self.m.vars[var];
        let (ident, branch, deferred) = (of.ident.clone(), of.branch, of.deferred);
        let (key, path, origin) = (format!("{}.{}", of.key, path.join(".")), path.to_vec(), Origin::Field(var));
        self.m.vars.push(Var { path, deferred, ..Var::new(ident, key, origin, branch) });
        let field = self.m.vars.len() - 1;
        self.m.fields.entry(var).or_default().push(field);
        field
    }

    /// Notes the parts of the place `value` that `pat` moves out of it.
    pub(super) fn taken(&mut self, pat: &Pat, value: &Expr, effects: &mut Effects) {
        for field in taken(pat, value) {
            effects.moves.extend(self.moved(field));
        }
    }

    /// The part that is moved out by this read, unless it is a copy for sure.
    pub(super) fn moved(&mut self, field: Field) -> Option<VarId> {
        let pointer = self.lookup(&field.0).is_some_and(|v| self.pointers.contains(&v));
        if pointer { None } else { self.field(field) }
    }

    /// Notes that what `pat` binds is a pointer that shares what it points to, by its type or by the call that makes it.
    pub(super) fn note_pointer(&mut self, pat: &Pat, ty: Option<&Type>, value: Option<&Expr>) {
        let Pat::Ident(name) = pat else { return };
        let cloned = |e: &Expr| match e {
            Expr::MethodCall(m) if m.method == "clone" => {
                place::root(&m.receiver).and_then(|n| self.lookup(&n)).is_some_and(|v| self.pointers.contains(&v))
            }
            _ => false,
        };
        let pointer = match (ty, value.map(strip)) {
            (Some(Type::Path(p)), _) => p.path.segments.last().is_some_and(is_pointer),
            (None, Some(Expr::Call(c))) => {
                matches!(&*c.func, Expr::Path(p) if p.path.segments.iter().rev().nth(1).is_some_and(is_pointer))
            }
            (None, Some(e)) => cloned(e),
            _ => false,
        };
        if pointer {
            self.pointers.extend(self.lookup(&name.ident.to_string()));
        }
    }

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

fn is_pointer(s: &syn::PathSegment) -> bool {
    ["Arc", "Rc", "Cow"].iter().any(|name| s.ident == name)
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
pub(super) fn place_of(e: &Expr) -> Option<Field> {
    match strip(e) {
        Expr::Path(p) => Some((plain(&p.path.get_ident()?.to_string()), vec![])),
        Expr::Field(f) => {
            let (name, mut path) = place_of(&f.base)?;
            path.push(f.member.to_token_stream().to_string());
            Some((name, path))
        }
        _ => None,
    }
}

/// The fields of the place `value` that `pat` binds by value.
pub(super) fn taken(pat: &Pat, value: &Expr) -> Vec<Field> {
    let Some((name, path)) = place_of(value) else { return vec![] };
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

/// The fields of the place `value` that `pat` borrows, if it also takes some by value: `(a, b)` and `(&value.a, &mut value.c.b)`.
pub(super) fn lent_beside(pat: &Pat, value: &Expr) -> Option<(Pat, Expr)> {
    let bindings = bindings(pat);
    let lent = |b: &Binding| b.by_ref || b.by_ref_mut;
    if bindings.iter().all(lent) || !bindings.iter().any(lent) {
        return None;
    }
    let mut found = vec![];
    lent_parts(pat, value.clone(), &mut found)?;
    let (names, borrows): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    Some((parse_pat(quote!((#(#names,)*))), syn::parse_quote!((#(#borrows,)*))))
}

/// `None` where a part that is borrowed cannot be reached by fields.
fn lent_parts(pat: &Pat, at: Expr, found: &mut Vec<(Ident, Expr)>) -> Option<()> {
    // The last but one segment of a variant names a type.
    let variant = |p: &syn::Path| {
        let named = |s: &syn::PathSegment| s.ident.to_string().starts_with(char::is_uppercase);
        p.segments.iter().rev().nth(1).is_some_and(named)
    };
    let below = |member: syn::Member| -> Expr { syn::parse_quote!(#at.#member) };
    match pat {
        Pat::Ident(p) if p.by_ref.is_some() && p.subpat.is_none() => {
            let mutability = p.mutability;
            found.push((p.ident.clone(), syn::parse_quote!(&#mutability #at)));
            Some(())
        }
        Pat::Paren(p) => lent_parts(&p.pat, at, found),
        Pat::Struct(s) if !variant(&s.path) => {
            s.fields.iter().try_for_each(|f| lent_parts(&f.pat, below(f.member.clone()), found))
        }
        Pat::Tuple(syn::PatTuple { elems, .. }) => lent_elements(elems, &below, found),
        Pat::TupleStruct(t) if !variant(&t.path) => lent_elements(&t.elems, &below, found),
        other => bindings(other).iter().all(|b| !b.by_ref && !b.by_ref_mut).then_some(()),
    }
}

fn lent_elements(
    elems: &Punctuated<Pat, syn::Token![,]>,
    below: &dyn Fn(syn::Member) -> Expr,
    found: &mut Vec<(Ident, Expr)>,
) -> Option<()> {
    let known = elems.iter().take_while(|p| !matches!(p, Pat::Rest(_))).count();
    for (i, p) in elems.iter().enumerate() {
        if i < known {
            lent_parts(p, below(syn::Member::from(i)), found)?;
        } else if bindings(p).iter().any(|b| b.by_ref || b.by_ref_mut) {
            return None;
        }
    }
    Some(())
}
