//! Which variables a piece of syntax reads, assigns and names.
//!
//! Names are resolved by the lowering, which knows the scopes; here only what is bound inside the piece itself is told
//! apart. Every identifier in a macro counts as a use, inline format arguments included.

use super::parts::{Field, fields, lends, place_of, taken};
use crate::parse::threads::{self, Threads};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{
    Expr, Ident, Pat,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

type Names = BTreeSet<String>;

/// `r#type` and the `type` of a format string are one name.
pub(crate) fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_owned()
}

/// What was found; names, not yet variables.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) uses: Names,
    pub(crate) kills: Names,
    pub(crate) touches: Names,
    /// Assigned as a whole, at least on some way.
    pub(crate) assigns: Names,
    /// Read as `name.field` only, or as `name.field.field`.
    pub(crate) fields: BTreeSet<Field>,
    /// The fields among them that are read by value.
    pub(crate) moves: BTreeSet<Field>,
    pub(crate) patches: Vec<String>,
    bound: Vec<Names>,
}

/// A name that a pattern binds.
pub(crate) struct Binding {
    pub(crate) ident: Ident,
    /// `mut`, so that the variable can be changed.
    pub(crate) mutable: bool,
    /// `ref`, or `ref mut`.
    pub(crate) by_ref: bool,
    pub(crate) by_ref_mut: bool,
    /// Beneath a `&`, so that it is copied out of a borrow.
    pub(crate) copied: bool,
}

impl Binding {
    /// It is a value of its own, whatever the pattern is matched against.
    fn own(&self) -> bool {
        self.mutable || (self.copied && !self.by_ref)
    }
}

/// An identifier that starts in upper case is a constant.
pub(super) fn is_constant(p: &syn::PatIdent) -> bool {
    let upper = p.ident.to_string().chars().next().is_some_and(char::is_uppercase);
    upper && p.by_ref.is_none() && p.mutability.is_none() && p.subpat.is_none()
}

/// The bindings of a pattern, once each.
pub(crate) fn bindings(pat: &Pat) -> Vec<Binding> {
    struct Find(Vec<Binding>, bool);
    impl Visit<'_> for Find {
        fn visit_pat_ident(&mut self, p: &syn::PatIdent) {
            if !is_constant(p) && self.0.iter().all(|b| b.ident != p.ident) {
                let (by_ref, mutable) = (p.by_ref.is_some(), p.mutability.is_some());
                self.0.push(Binding {
                    ident: p.ident.clone(),
                    mutable: mutable && !by_ref,
                    by_ref,
                    by_ref_mut: mutable && by_ref,
                    copied: self.1,
                });
            }
            visit::visit_pat_ident(self, p);
        }
        fn visit_pat_reference(&mut self, p: &syn::PatReference) {
            let outer = std::mem::replace(&mut self.1, true);
            visit::visit_pat_reference(self, p);
            self.1 = outer;
        }
        fn visit_expr(&mut self, _: &Expr) {}
    }
    let mut find = Find(vec![], false);
    find.visit_pat(pat);
    find.0
}

/// The pattern without the bindings that are values of their own if it is matched against a borrow.
pub(crate) fn lent(pat: &Pat) -> Pat {
    without(pat, Binding::own)
}

/// The pattern with nothing but the bindings by reference.
pub(crate) fn by_ref(pat: &Pat) -> Pat {
    without(pat, |b| !b.by_ref)
}

/// The pattern with `_` in the place of some bindings.
pub(super) fn without(pat: &Pat, gone: impl Fn(&Binding) -> bool) -> Pat {
    struct Clean(Vec<Ident>);
    impl VisitMut for Clean {
        fn visit_pat_mut(&mut self, pat: &mut Pat) {
            if let Pat::Ident(p) = pat
                && !is_constant(p)
                && self.0.contains(&p.ident)
            {
                *pat = match p.subpat.take() {
                    Some((_, sub)) => *sub,
                    None => Pat::Wild(syn::PatWild { attrs: vec![], underscore_token: Default::default() }),
                };
            }
            visit_mut::visit_pat_mut(self, pat);
        }
        fn visit_field_pat_mut(&mut self, f: &mut syn::FieldPat) {
            f.colon_token = Some(f.colon_token.unwrap_or_default());
            self.visit_pat_mut(&mut f.pat);
        }
    }
    let gone = bindings(pat).into_iter().filter(|b| gone(b)).map(|b| b.ident).collect();
    let mut pat = pat.clone();
    Clean(gone).visit_pat_mut(&mut pat);
    pat
}

impl Reader {
    fn used(&mut self, name: String) {
        let name = plain(&name);
        if self.bound.iter().any(|b| b.contains(&name)) {
            return;
        }
        if !self.kills.contains(&name) {
            self.uses.insert(name.clone());
        }
        self.touches.insert(name);
    }

    /// A read of one field. True if it is a field of a variable.
    fn field(&mut self, f: &syn::ExprField, by_value: bool) -> bool {
        let Some((name, mut path)) = place_of(&f.base) else { return false };
        path.push(f.member.to_token_stream().to_string());
        self.field_of(name, path, by_value);
        true
    }

    fn field_of(&mut self, name: String, field: Vec<String>, by_value: bool) {
        let name = plain(&name);
        if self.bound.iter().any(|b| b.contains(&name)) {
            return;
        }
        if !self.kills.contains(&name) {
            self.fields.insert((name.clone(), field.clone()));
        }
        if by_value {
            self.moves.insert((name.clone(), field));
        }
        self.touches.insert(name);
    }

    /// An operand that is not moved.
    fn lent(&mut self, e: &Expr) {
        match e {
            Expr::Field(f) if self.field(f, false) => {}
            Expr::Field(f) => self.lent(&f.base),
            Expr::Paren(p) => self.lent(&p.expr),
            other => self.visit_expr(other),
        }
    }

    /// A value that patterns are matched against: they take the parts of it that they bind.
    fn matched<'p>(&mut self, e: &Expr, pats: impl Iterator<Item = &'p Pat>) {
        self.lent(e);
        let fields = pats.flat_map(|p| taken(p, e));
        let outer: Vec<Field> = fields.filter(|(n, _)| !self.bound.iter().any(|b| b.contains(n))).collect();
        self.moves.extend(outer);
    }

    fn bind(&mut self, pat: &Pat) {
        let names = bindings(pat).into_iter().map(|b| plain(&b.ident.to_string()));
        match self.bound.last_mut() {
            Some(scope) => scope.extend(names),
            None => self.bound.push(names.collect()),
        }
        self.visit_pat(pat);
    }

    fn scoped(&mut self, f: impl FnOnce(&mut Self)) {
        self.bound.push(Names::new());
        f(self);
        self.bound.pop();
    }

    /// Code that may not run: what it assigns is not assigned for sure.
    fn maybe(&mut self, f: impl FnOnce(&mut Self)) -> Names {
        let before = self.kills.clone();
        f(self);
        std::mem::replace(&mut self.kills, before)
    }

    pub(crate) fn tokens(&mut self, tokens: TokenStream) {
        self.arguments(tokens, false);
    }

    /// The tokens of a macro. Some macros `lend` what stands alone between commas.
    fn arguments(&mut self, tokens: TokenStream, lend: bool) {
        let all: Vec<TokenTree> = tokens.into_iter().collect();
        let punct = |i: usize, c: char| matches!(all.get(i), Some(TokenTree::Punct(p)) if p.as_char() == c);
        for (i, t) in all.iter().enumerate() {
            match t {
                TokenTree::Group(g) => {
                    let of = if i > 1 && punct(i - 1, '!') { Some(&all[i - 2]) } else { None };
                    if let Some(name) = of {
                        self.patch(name, g.stream());
                    }
                    self.arguments(g.stream(), of.is_some_and(|name| lends(&name.to_string())));
                }
                TokenTree::Ident(ident) => {
                    let field = i > 0 && punct(i - 1, '.') && !(i > 1 && punct(i - 2, '.'));
                    let path =
                        (i > 1 && punct(i - 1, ':') && punct(i - 2, ':')) || (punct(i + 1, ':') && punct(i + 2, ':'));
                    if field || path {
                        continue;
                    }
                    let chain = fields(&all[i + 1..]);
                    let borrowed = i > 0 && punct(i - 1, '&');
                    let alone = (i == 0 || punct(i - 1, ',') || punct(i - 1, '=')) && chain.ends_argument;
                    match chain.path.is_empty() {
                        true => self.used(ident.to_string()),
                        false => {
                            let by_value = chain.by_value && !borrowed && !(lend && alone);
                            self.field_of(ident.to_string(), chain.path, by_value);
                        }
                    }
                }
                TokenTree::Literal(l) => {
                    if let syn::Lit::Str(s) = syn::Lit::new(l.clone()) {
                        inline_arguments(&s.value()).into_iter().for_each(|n| self.used(n));
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn threads(&mut self, t: &Threads) {
        let guards = t.branches.iter().filter_map(|b| b.arm.as_ref()?.guard.as_ref());
        guards.chain(t.branches.iter().map(|b| &b.body)).for_each(|e| self.visit_expr(e));
        for arm in t.branches.iter().filter_map(|b| b.arm.as_ref()) {
            self.maybe(|s| {
                s.scoped(|s| {
                    s.bind(&arm.pat);
                    s.visit_expr(&arm.handler);
                });
            });
        }
        self.maybe(|s| t.els.iter().for_each(|e| s.visit_expr(e)));
    }

    fn patch(&mut self, name: &TokenTree, args: TokenStream) {
        if name.to_string() == "patched"
            && let Ok(id) = syn::parse2::<syn::LitStr>(args)
        {
            self.patches.push(id.value());
        }
    }
}

/// What string literals may name as inline format arguments, and where.
pub(crate) fn named_in_text(tokens: &TokenStream) -> Vec<(String, proc_macro2::Span)> {
    let mut named = vec![];
    for t in tokens.clone() {
        match t {
            TokenTree::Group(g) => named.extend(named_in_text(&g.stream())),
            TokenTree::Literal(l) => {
                if let syn::Lit::Str(s) = syn::Lit::new(l.clone()) {
                    named.extend(inline_arguments(&s.value()).into_iter().map(|name| (name, l.span())));
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
    named
}

/// The names in `{name}`, `{name:?}`, `{:width$}` and `{:.precision$}`.
fn inline_arguments(text: &str) -> Names {
    let mut names = Names::new();
    for piece in text.replace("{{", "").split('{').skip(1) {
        let inside = piece.split('}').next().unwrap_or_default();
        let (name, spec) = inside.split_once(':').unwrap_or((inside, ""));
        let words =
            spec.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).filter_map(|w| w.strip_suffix('$'));
        for word in words.chain([name.trim()]) {
            // `0>width$`: fill and flags may stand directly in front of the name.
            let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
            if word.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                names.insert(word.to_owned());
            }
        }
    }
    names
}

/// Methods of standard types that take their receiver by value.
pub(super) fn consumes(method: &str) -> bool {
    const NAMES: &[&str] =
        &["expect", "flatten", "filter", "zip", "or", "or_else", "and", "and_then", "ok", "err", "xor"];
    let prefixes = ["into", "unwrap", "map", "ok_or", "is_some_and", "is_ok_and", "is_none_or"];
    prefixes.iter().any(|p| method.starts_with(p)) || NAMES.contains(&method)
}

/// True if a block never reaches its end.
fn diverges(b: &syn::Block) -> bool {
    matches!(b.stmts.last(), Some(syn::Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), _)))
        || matches!(b.stmts.last(), Some(syn::Stmt::Macro(m)) if is_diverging(&m.mac))
}

/// True if control never comes out behind a block, or behind alternatives of which each is left.
pub(super) fn never_ends(e: &Expr) -> bool {
    match e {
        Expr::Block(b) => b.label.is_none() && diverges(&b.block),
        Expr::If(i) => diverges(&i.then_branch) && i.else_branch.as_ref().is_some_and(|(_, els)| never_ends(els)),
        _ => false,
    }
}

/// Macros of the standard library that never give a value, and those of the error crates that return.
pub(crate) fn is_diverging(mac: &syn::Macro) -> bool {
    let last = mac.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    ["panic", "unreachable", "todo", "unimplemented", "bail", "continue_as_new"].contains(&last.as_str())
}

impl Visit<'_> for Reader {
    fn visit_expr_path(&mut self, p: &syn::ExprPath) {
        if p.qself.is_none() && p.path.leading_colon.is_none() && p.path.segments.len() == 1 {
            self.used(p.path.segments[0].ident.to_string());
        }
    }
    fn visit_macro(&mut self, m: &syn::Macro) {
        if m.path.segments.last().is_some_and(|s| s.ident == "patched")
            && let Ok(id) = m.parse_body::<syn::LitStr>()
        {
            self.patches.push(id.value());
        }
        // What is bound in them has scopes of its own.
        if let Some(Ok(t)) = threads::parse(m) {
            return self.threads(&t);
        }
        let name = m.path.segments.last().map(|s| s.ident.to_string());
        self.arguments(m.tokens.clone(), name.is_some_and(|n| lends(&n)));
    }
    fn visit_item(&mut self, _: &syn::Item) {}
    fn visit_block(&mut self, b: &syn::Block) {
        self.scoped(|s| visit::visit_block(s, b));
    }
    fn visit_local(&mut self, l: &syn::Local) {
        if let Some(init) = &l.init {
            self.matched(&init.expr, [&l.pat].into_iter());
            if let Some((_, diverge)) = &init.diverge {
                self.maybe(|s| s.visit_expr(diverge));
            }
        }
        self.bind(&l.pat);
    }
    fn visit_expr_assign(&mut self, a: &syn::ExprAssign) {
        self.visit_expr(&a.right);
        match &*a.left {
            Expr::Path(p) if p.path.segments.len() == 1 => {
                let name = plain(&p.path.segments[0].ident.to_string());
                if !self.bound.iter().any(|b| b.contains(&name)) {
                    self.kills.insert(name.clone());
                    self.assigns.insert(name.clone());
                    self.touches.insert(name);
                }
            }
            left => self.lent(left),
        }
    }
    fn visit_expr_field(&mut self, f: &syn::ExprField) {
        if !self.field(f, true) {
            visit::visit_expr_field(self, f);
        }
    }
    fn visit_expr_reference(&mut self, r: &syn::ExprReference) {
        self.lent(&r.expr);
    }
    fn visit_expr_unary(&mut self, u: &syn::ExprUnary) {
        self.lent(&u.expr);
    }
    fn visit_expr_cast(&mut self, c: &syn::ExprCast) {
        self.lent(&c.expr);
    }
    fn visit_expr_index(&mut self, i: &syn::ExprIndex) {
        self.lent(&i.expr);
        self.visit_expr(&i.index);
    }
    fn visit_expr_method_call(&mut self, m: &syn::ExprMethodCall) {
        if consumes(&m.method.to_string()) {
            self.visit_expr(&m.receiver);
        } else {
            self.lent(&m.receiver);
        }
        m.args.iter().for_each(|a| self.visit_expr(a));
    }
    fn visit_expr_closure(&mut self, c: &syn::ExprClosure) {
        self.maybe(|s| {
            s.scoped(|s| {
                c.inputs.iter().for_each(|p| s.bind(p));
                s.visit_expr(&c.body);
            });
        });
    }
    fn visit_expr_async(&mut self, a: &syn::ExprAsync) {
        self.maybe(|s| s.visit_block(&a.block));
    }
    fn visit_expr_let(&mut self, l: &syn::ExprLet) {
        self.matched(&l.expr, [&*l.pat].into_iter());
        self.bind(&l.pat);
    }
    fn visit_expr_if(&mut self, i: &syn::ExprIf) {
        let mut then = Names::new();
        // What the condition binds is not in scope in the `else`.
        self.scoped(|s| {
            s.visit_expr(&i.cond);
            then = s.maybe(|s| s.visit_block(&i.then_branch));
        });
        let Some((_, els)) = &i.else_branch else {
            return;
        };
        let els_diverges = matches!(&**els, Expr::Block(b) if diverges(&b.block));
        let els = self.maybe(|s| s.visit_expr(els));
        let both = match (diverges(&i.then_branch), els_diverges) {
            (true, _) => els,
            (_, true) => then,
            _ => then.intersection(&els).cloned().collect(),
        };
        self.kills.extend(both);
    }
    fn visit_expr_match(&mut self, m: &syn::ExprMatch) {
        self.matched(&m.expr, m.arms.iter().map(|a| &a.pat));
        let arms = m.arms.iter().map(|arm| {
            self.maybe(|s| {
                s.scoped(|s| {
                    s.bind(&arm.pat);
                    if let Some((_, guard)) = &arm.guard {
                        s.visit_expr(guard);
                    }
                    s.visit_expr(&arm.body);
                });
            })
        });
        let all = arms.reduce(|a, b| a.intersection(&b).cloned().collect());
        self.kills.extend(all.unwrap_or_default());
    }
    fn visit_expr_while(&mut self, w: &syn::ExprWhile) {
        self.maybe(|s| s.scoped(|s| visit::visit_expr_while(s, w)));
    }
    fn visit_expr_loop(&mut self, l: &syn::ExprLoop) {
        self.maybe(|s| visit::visit_expr_loop(s, l));
    }
    fn visit_expr_for_loop(&mut self, f: &syn::ExprForLoop) {
        self.visit_expr(&f.expr);
        self.maybe(|s| {
            s.scoped(|s| {
                s.bind(&f.pat);
                s.visit_block(&f.body);
            });
        });
    }
    fn visit_expr_binary(&mut self, b: &syn::ExprBinary) {
        self.lent(&b.left);
        if matches!(b.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) {
            self.maybe(|s| s.visit_expr(&b.right));
        } else {
            self.lent(&b.right);
        }
    }
}
