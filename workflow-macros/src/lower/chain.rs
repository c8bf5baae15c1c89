//! What a `for` loop goes through: a chain of methods over something that is owned or lent.
//!
//! The numbers and patterns in the chain are evaluated once, at the beginning of the loop, in the order in which Rust does;
//! so is what the loop owns. From these the chain is made again wherever the loop goes on or its item is needed.

use super::{Lower, make, names, place};
use crate::ir::{Origin, VarId, VarSet};
use proc_macro2::Span;
use quote::ToTokens;
use syn::{Expr, ExprMethodCall, Ident, Pat, spanned::Spanned, visit_mut::VisitMut};

/// Adaptors without an argument.
pub(super) const PLAIN: &[&str] = &["enumerate", "rev", "cloned", "copied"];
/// Adaptors with a number.
pub(super) const NUMBERED: &[&str] = &["skip", "take", "step_by"];
/// Adaptors with something else to go through.
pub(super) const DOUBLE: &[&str] = &["zip", "chain"];
/// Methods that begin to go through what they borrow.
pub(super) const LENT: &[&str] = &[
    "iter",
    "keys",
    "values",
    "range",
    "chunks",
    "chunks_exact",
    "rchunks",
    "rchunks_exact",
    "windows",
    "chars",
    "char_indices",
    "bytes",
];
/// Those that borrow mutably: without the ending they are among [`LENT`].
pub(super) const MUT: &str = "_mut";
/// Methods that find the pieces of a text.
pub(super) const PIECES: &[&str] = &[
    "lines",
    "split",
    "rsplit",
    "splitn",
    "rsplitn",
    "split_terminator",
    "rsplit_terminator",
    "split_inclusive",
    "split_whitespace",
    "split_ascii_whitespace",
    "matches",
    "rmatches",
    "match_indices",
    "rmatch_indices",
];
/// Adaptors that keep a state of their own, with or without a closure.
pub(super) const REFUSED: &[&str] = &[
    "map",
    "filter",
    "filter_map",
    "flat_map",
    "flatten",
    "inspect",
    "take_while",
    "skip_while",
    "map_while",
    "scan",
    "peekable",
    "cycle",
    "by_ref",
    "fuse",
    "intersperse",
    "array_chunks",
    "map_windows",
];

/// The chain as it is written.
enum Written<'e> {
    /// `&place`, `&mut place`.
    Borrow(&'e syn::ExprReference),
    /// A variable that is a borrow itself.
    Again(&'e Expr, VarId),
    /// A method that lends what is gone through.
    Lending(&'e Expr),
    Lent(&'e ExprMethodCall),
    Pieces(&'e ExprMethodCall),
    Owned(&'e Expr),
    /// The name of a constant, or a path: it is the same wherever it is evaluated.
    Constant(&'e Expr),
    Adapted(Box<Written<'e>>, &'e ExprMethodCall),
}

/// The chain with everything in it evaluated that is evaluated once.
pub(super) enum Chain {
    Lent { place: Expr, how: How, mutable: bool },
    Pieces { place: Expr, saved: VarId, found: bool },
    Owned(VarId),
    Adapted { inner: Box<Chain>, name: Ident, number: Option<Expr> },
    Double { name: Ident, parts: Box<(Chain, Chain)> },
}

/// How a place is borrowed.
pub(super) enum How {
    /// `IntoIterator` of a reference to the place.
    Into,
    /// `IntoIterator` of the place, which is a shared reference.
    Copied,
    /// `IntoIterator` of the place, which is a constant.
    Constant,
    /// `iter()` and its like.
    Method(ExprMethodCall),
}

/// What the loop binds.
#[derive(Clone, PartialEq)]
pub(super) enum Shape {
    /// A value of its own.
    Own,
    /// A number that is known from the cursor.
    Index,
    Borrow,
    Pair(Box<(Shape, Shape)>),
}

impl Shape {
    pub(super) fn has_borrows(&self) -> bool {
        match self {
            Shape::Borrow => true,
            Shape::Own | Shape::Index => false,
            Shape::Pair(p) => p.0.has_borrows() || p.1.has_borrows(),
        }
    }
}

impl Lower<'_> {
    /// The chain of a loop, begun; `None` if it is refused.
    pub(super) fn chain(&mut self, e: &Expr) -> Option<Chain> {
        let e = place::strip(e);
        let written = self.written(e)?.unwrap_or(Written::Owned(e));
        Some(self.begin(&written))
    }

    /// Takes apart what is iterated. `Some(None)` is anything else, `None` what is refused.
    #[expect(clippy::option_option, reason = "the outer one is an error that has been reported")]
    fn written<'e>(&self, e: &'e Expr) -> Option<Option<Written<'e>>> {
        Some(match place::strip(e) {
            Expr::Reference(r) => Some(Written::Borrow(r)),
            Expr::Path(_) => match place::root(e).and_then(|n| self.lookup(&n)) {
                Some(v) if matches!(self.m.vars[v].origin, Origin::Derived(_)) => Some(Written::Again(e, v)),
                None if place::is_constant(e) => Some(Written::Constant(e)),
                _ => None,
            },
            other => match self.iterator(other)? {
                None if self.is_borrow(other) && self.changed_by(other).is_empty() => Some(Written::Lending(other)),
                known => known,
            },
        })
    }

    /// The same for an expression that is an iterator already.
    #[expect(clippy::option_option, reason = "the outer one is an error that has been reported")]
    fn iterator<'e>(&self, e: &'e Expr) -> Option<Option<Written<'e>>> {
        let e = place::strip(e);
        let m = match e {
            Expr::Range(_) => return Some(Some(Written::Owned(e))),
            Expr::MethodCall(m) => m,
            _ => return Some(None),
        };
        let name = m.method.to_string();
        let (name, args) = (name.as_str(), m.args.len());
        if LENT.contains(&name.trim_end_matches(MUT)) {
            return Some(Some(Written::Lent(m)));
        }
        if PIECES.contains(&name) {
            return Some(Some(Written::Pieces(m)));
        }
        if name == "drain" {
            return Some(Some(Written::Owned(e)));
        }
        if name == "into_iter" && args == 0 {
            return Some(Some(self.written(&m.receiver)?.unwrap_or(Written::Owned(&m.receiver))));
        }
        let adapts = match args {
            0 => PLAIN.contains(&name),
            1 => NUMBERED.contains(&name) || DOUBLE.contains(&name),
            _ => false,
        };
        let refused = REFUSED.contains(&name);
        if !adapts && !refused {
            return Some(None);
        }
        let Some(inner) = self.iterator(&m.receiver)? else { return Some(None) };
        if refused {
            let why =
                if args == 0 { "keeps a state that cannot be saved" } else { "calls a closure, which cannot be saved" };
            self.refuse(&m.method, format!("`{name}` in the head of a loop that awaits {why}: collect owned values into a `Vec` before the loop and go through that, or decide inside of the loop"));
            return None;
        }
        Some(Some(Written::Adapted(Box::new(inner), m)))
    }

    fn begin(&mut self, written: &Written<'_>) -> Chain {
        match written {
            Written::Owned(e) => {
                let value = self.operand(e);
                let span = e.span();
                let start = make::ours("iterate::owned", [value], span);
                Chain::Owned(self.kept(&start, span))
            }
            Written::Borrow(r) => {
                let mutable = r.mutability.is_some();
                let place = self.lender(&r.expr, mutable);
                Chain::Lent { place, how: How::Into, mutable }
            }
            Written::Again(e, v) => {
                let mutable = self.borrows_mutably(*v);
                let place = (*e).clone();
                let place = if mutable { make::paren(make::deref(place)) } else { place };
                Chain::Lent { place, how: if mutable { How::Into } else { How::Copied }, mutable }
            }
            Written::Constant(e) => {
                // In the place of what is owned elsewhere: the temporaries behind it have their names by their numbers.
                self.temp(false);
                Chain::Lent { place: (*e).clone(), how: How::Constant, mutable: false }
            }
            Written::Lending(e) => {
                let value = self.operand(e);
                Chain::Lent { place: self.borrowed_again(&value), how: How::Copied, mutable: false }
            }
            Written::Lent(m) => {
                let mutable = m.method.to_string().ends_with(MUT);
                let place = self.lender(&m.receiver, mutable);
                let mut m = (*m).clone();
                m.args = m.args.iter().map(|a| self.once(a)).collect();
                Chain::Lent { place, how: How::Method(m), mutable }
            }
            Written::Pieces(m) => self.begin_pieces(m),
            Written::Adapted(inner, m) => {
                let inner = Box::new(self.begin(inner));
                let name = m.method.clone();
                match m.args.first() {
                    Some(arg) if DOUBLE.contains(&name.to_string().as_str()) => match self.written(arg) {
                        Some(other) => {
                            let other = self.begin(&other.unwrap_or(Written::Owned(place::strip(arg))));
                            Chain::Double { name, parts: Box::new((*inner, other)) }
                        }
                        None => *inner,
                    },
                    arg => {
                        let number = arg.map(|n| self.once(n));
                        Chain::Adapted { inner, name, number }
                    }
                }
            }
        }
    }

    fn begin_pieces(&mut self, m: &ExprMethodCall) -> Chain {
        let place = self.lender(&m.receiver, false);
        let mut call = m.clone();
        let p = super::ident("p");
        *call.receiver = make::name(&p);
        call.args = m.args.iter().map(|a| self.operand(a)).collect();
        let span = m.span();
        let (lent, each) = (make::borrow(place.clone(), false, span), make::closure(&p, Expr::MethodCall(call), span));
        let start = make::ours("iterate::pieces", [lent, each], span);
        let found = m.method.to_string().ends_with("match_indices");
        Chain::Pieces { place, saved: self.kept(&start, span), found }
    }

    /// A hidden variable that does not change. What cannot be saved of it is reported where the user wrote it.
    fn kept(&mut self, value: &Expr, span: proc_macro2::Span) -> VarId {
        let var = self.temp(false);
        self.m.vars[var].ident.set_span(proc_macro2::Span::mixed_site().located_at(span));
        self.bind_var(var, None, value);
        var
    }

    /// A place that a loop borrows from; what is no place is kept in one.
    fn lender(&mut self, e: &Expr, mutable: bool) -> Expr {
        let e = place::strip(e);
        let value = self.operand(e);
        if let Expr::Lit(_) = value {
            return value;
        }
        if self.is_storage(&value) {
            let place = self.steady(&value);
            let var = matches!(place, Expr::Path(_)).then(|| place::root(&place)).flatten();
            let through = var.and_then(|n| self.lookup(&n)).is_some_and(|v| self.borrows_mutably(v));
            return if through { make::paren(make::deref(place)) } else { place };
        }
        if self.is_borrow(&value) {
            let path = self.borrowed_again(&value);
            return if mutable { make::paren(make::deref(path)) } else { path };
        }
        let var = self.temp(true);
        self.m.vars[var].ident.set_span(proc_macro2::Span::mixed_site().located_at(e.span()));
        self.bind_var(var, None, &value);
        self.path(var)
    }

    /// What a loop over the chain binds.
    pub(super) fn shape(chain: &Chain) -> Shape {
        match chain {
            Chain::Owned(_) => Shape::Own,
            Chain::Pieces { found: false, .. } => Shape::Borrow,
            Chain::Pieces { found: true, .. } => Shape::Pair(Box::new((Shape::Index, Shape::Borrow))),
            Chain::Lent { how: How::Method(m), .. } => match m.method.to_string().as_str() {
                "chars" | "bytes" | "char_indices" => Shape::Own,
                _ => Shape::Borrow,
            },
            Chain::Lent { .. } => Shape::Borrow,
            Chain::Adapted { inner, name, .. } => match name.to_string().as_str() {
                "enumerate" => match Self::shape(inner) {
                    Shape::Own => Shape::Own,
                    inner => Shape::Pair(Box::new((Shape::Index, inner))),
                },
                "cloned" | "copied" => Shape::Own,
                _ => Self::shape(inner),
            },
            Chain::Double { name, parts } if name == "zip" => match (Self::shape(&parts.0), Self::shape(&parts.1)) {
                (Shape::Own, Shape::Own) => Shape::Own,
                (a, b) => Shape::Pair(Box::new((a, b))),
            },
            Chain::Double { parts, .. } => Self::shape(&parts.0),
        }
    }

    /// The view of the chain. One that lends mutably gives items, any other says where they are. What `pat` does not bind
    /// is not taken.
    pub(super) fn view(&self, chain: &Chain, lends: bool, pat: Option<&Pat>) -> Expr {
        let (wild, span) = (matches!(pat, Some(Pat::Wild(_))), Span::call_site());
        let view = match chain {
            Chain::Owned(v) => make::borrow(self.path(*v), false, span),
            Chain::Pieces { place, saved, .. } => {
                let args = [place.clone(), self.path(*saved)].map(|e| make::borrow(e, false, span));
                make::ours("iterate::pieced", args, span)
            }
            Chain::Lent { place, how, mutable, .. } => lent(place, how, *mutable && lends && !wild),
            Chain::Adapted { inner, name, number } => {
                let text = name.to_string();
                let (function, inner_pat) = match text.as_str() {
                    "enumerate" => ("enumerate", part(pat, 1)),
                    "cloned" | "copied" => ("cloned", None),
                    other => (other, pat),
                };
                let args = [self.view(inner, lends, inner_pat)].into_iter().chain(number.clone());
                make::call(adaptor(function, name), args, span)
            }
            Chain::Double { name, parts } => {
                let (a, b) = if name == "zip" { (part(pat, 0), part(pat, 1)) } else { (None, None) };
                let (a, b) = (self.view(&parts.0, lends, a), self.view(&parts.1, lends, b));
                make::call(adaptor(&name.to_string(), name), [a, b], span)
            }
        };
        if wild { make::ours("iterate::without", [view], span) } else { view }
    }

    /// The variables that the items of the chain may be used to change.
    pub(super) fn changes(&self, chain: &Chain) -> VarSet {
        match chain {
            Chain::Owned(_) | Chain::Pieces { .. } | Chain::Lent { mutable: false, .. } => VarSet::new(),
            Chain::Lent { place, .. } => self.roots(place),
            Chain::Adapted { inner, .. } => self.changes(inner),
            Chain::Double { parts, .. } => {
                let mut set = self.changes(&parts.0);
                set.extend(self.changes(&parts.1));
                set
            }
        }
    }

    /// Names what the chain borrows from differently, because its own name is hidden in the body of the loop.
    pub(super) fn rename(&mut self, chain: &mut Chain, hidden: &[String]) {
        match chain {
            Chain::Owned(_) => {}
            Chain::Pieces { place, .. } | Chain::Lent { place, .. } => {
                let Some(name) = place::root(place).filter(|n| hidden.contains(&names::plain(n))) else { return };
                let Some(var) = self.lookup(&name) else { return };
                if !matches!(self.m.vars[var].origin, Origin::Derived(_)) {
                    let other = self.other_name(var);
                    RenameRoot { name, other }.visit_expr_mut(place);
                }
            }
            Chain::Adapted { inner, .. } => self.rename(inner, hidden),
            Chain::Double { parts, .. } => {
                self.rename(&mut parts.0, hidden);
                self.rename(&mut parts.1, hidden);
            }
        }
    }

    /// The pattern without what the loop keeps as values of its own.
    pub(super) fn lent_pattern(&self, pat: &Pat, shape: &Shape) -> Pat {
        match (shape, pat) {
            (_, Pat::Paren(p)) => self.lent_pattern(&p.pat, shape),
            (Shape::Own, _) => make::wild(),
            (Shape::Pair(shapes), Pat::Tuple(t)) if t.elems.len() == 2 && !t.elems.iter().any(is_rest) => {
                let mut t = t.clone();
                for (p, shape) in t.elems.iter_mut().zip([&shapes.0, &shapes.1]) {
                    *p = self.lent_pattern(p, shape);
                }
                Pat::Tuple(t)
            }
            (Shape::Pair(shapes), _) if takes(shapes) && !matches!(pat, Pat::Wild(_)) => {
                self.refuse(pat, "one part of this pair is a borrow, which is taken again after each `.await`, and the other is a value that is saved: bind them apart, as `(a, b)`");
                make::wild()
            }
            _ => names::lent(pat),
        }
    }

    fn other_name(&mut self, var: VarId) -> Ident {
        let other = super::outer(var);
        self.scopes[0].insert(other.to_string(), var);
        other
    }

    /// A derivation over a chain: `pat` is bound again to the item at the cursor.
    pub(super) fn lent_item(&mut self, pat: Pat, item: &Expr, changes: VarSet) -> Origin {
        let code = self.code(item);
        self.derivation(pat, item.to_token_stream(), true, code.effects, changes)
    }
}

fn takes(shapes: &(Shape, Shape)) -> bool {
    [&shapes.0, &shapes.1].iter().any(|s| match s {
        Shape::Own => true,
        Shape::Pair(p) => takes(p),
        Shape::Index | Shape::Borrow => false,
    })
}

fn is_rest(p: &Pat) -> bool {
    matches!(p, Pat::Rest(_))
}

/// One half of a pattern for a pair.
fn part(pat: Option<&Pat>, i: usize) -> Option<&Pat> {
    match pat? {
        Pat::Tuple(t) if t.elems.len() == 2 && !t.elems.iter().any(is_rest) => t.elems.get(i),
        _ => None,
    }
}

/// The function of ours that stands for an adaptor which the user wrote.
fn adaptor(function: &str, written: &Ident) -> Expr {
    let mut path = make::private(&format!("iterate::{function}"), Span::call_site());
    if let Expr::Path(p) = &mut path
        && let Some(last) = p.path.segments.last_mut()
    {
        last.ident.set_span(written.span());
    }
    path
}

fn lent(place: &Expr, how: &How, mutable: bool) -> Expr {
    let p = super::ident("p");
    let call_site = Span::call_site();
    let into_iter = |e| make::call(make::absolute("core::iter::IntoIterator::into_iter", call_site), [e], call_site);
    let made = match how {
        How::Into => into_iter(make::name(&p)),
        How::Copied => into_iter(make::deref(make::name(&p))),
        How::Constant => into_iter(place.clone()),
        How::Method(m) => {
            let mut m = m.clone();
            *m.receiver = make::name(&p);
            if !mutable {
                let name = m.method.to_string();
                m.method = Ident::new(name.trim_end_matches(MUT), m.method.span());
            }
            Expr::MethodCall(m)
        }
    };
    let span = place.span();
    let source = if mutable { "iterate::source_mut" } else { "iterate::source" };
    let args = [make::borrow(place.clone(), mutable, span), make::closure(&p, made, span)];
    make::ours(source, args, span)
}

struct RenameRoot {
    name: String,
    other: Ident,
}

impl VisitMut for RenameRoot {
    fn visit_expr_path_mut(&mut self, p: &mut syn::ExprPath) {
        if p.path.is_ident(&self.name) {
            p.path = self.other.clone().into();
        }
    }
}
