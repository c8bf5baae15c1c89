//! From the function's syntax to the control flow graph of [`ir`](crate::ir).
//!
//! Only constructs that contain a durable await, or a jump to a loop that does, are split; everything else stays
//! verbatim. Kept equivalent: the order in which Rust evaluates operands, the scopes of names, and what every jump and
//! `?` leaves. The default arm over syntax is an error on the user's tokens.

mod anchor;
mod bind;
mod chain;
pub(crate) mod compound;
pub(crate) mod continues;
mod control;
mod elements;
mod exits;
mod expr;
mod held;
pub(crate) mod items;
mod loops;
mod macro_calls;
mod macros;
mod make;
mod matches;
mod names;
mod parts;
mod patches;
mod place;
mod point;
mod returns;
mod splits;
mod stmt;
mod threads;

use crate::{
    diagnostic::Errors,
    ir::{
        BranchId, Code, Effects, Kind, Machine, Node, NodeId, Origin, Part, Scope, ScopeId, Term, Var, VarId, VarSet,
    },
    parse::workflow::WorkflowFn,
};
pub(crate) use exits::{Exits, exits};
use make::unit;
use names::Reader;
pub(crate) use names::{bindings, named_in_text, plain};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
pub(crate) use returns::done;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use syn::{Expr, FnArg, Pat, Type};

/// Lowers a function whose structure has been checked. What is refused is reported.
///
/// What assigns a variable that is `renewed` gets a block of its own.
pub(crate) fn lower(f: &WorkflowFn, errors: &Errors, renewed: BTreeSet<String>) -> Machine {
    let mut l = Lower { renewed, ..Lower::new(errors) };
    l.parameters(f);
    let mut body = Cow::Borrowed(&*f.item.block);
    if !items::lifted(&body).is_empty() {
        items::split(body.to_mut());
    }
    l.held = held::names(&body);
    l.m.scopes[0].items = items::of(&body);
    l.scope(&body, &Dest::Return);
    l.m
}

/// True if a block awaits.
pub(crate) fn awaits(b: &syn::Block) -> bool {
    splits::awaits(b)
}

/// Visits the expressions among the arguments of a macro that is known.
pub(crate) fn in_known_macro(m: &mut syn::Macro, mut f: impl FnMut(&mut Expr)) {
    if let Some(mut pieces) = macros::pieces(m) {
        pieces.iter_mut().filter_map(macros::Piece::expr_mut).for_each(&mut f);
        m.tokens = quote!(#(#pieces)*);
    }
}

/// The expressions among the arguments of a macro that is known.
pub(crate) fn known_macro(m: &syn::Macro) -> Option<Vec<Expr>> {
    Some(macros::pieces(m)?.into_iter().filter_map(|p| p.expr().cloned()).collect())
}

/// True if one of the names stands anywhere in the tokens.
pub(crate) fn names_any(tokens: &TokenStream, any: &[&str]) -> bool {
    macros::names(tokens, any)
}

/// True if a function is called as `side_effect` is.
pub(crate) fn records(f: &Expr) -> bool {
    let Expr::Path(f) = f else { return false };
    f.path.segments.last().is_some_and(|s| s.ident == "side_effect")
}

/// The names that a pattern binds.
pub(crate) fn names_in(pat: &Pat) -> Vec<Ident> {
    names::bindings(pat).into_iter().map(|b| b.ident).collect()
}

/// Where the value of an expression goes.
#[expect(clippy::large_enum_variant, reason = "one at a time")]
#[derive(Clone)]
pub(crate) enum Dest {
    Discard,
    Bind {
        var: VarId,
        ty: Option<Type>,
    },
    /// It is what the function returns.
    Return,
}

/// Begins the other name of a variable whose own name is hidden by the item of a loop over it.
const OUTER: &str = "__outer";

struct Jump {
    label: Option<String>,
    a_loop: bool,
    brk: NodeId,
    cont: NodeId,
    dest: Dest,
}

struct Lower<'e> {
    errors: &'e Errors,
    m: Machine,
    cur: NodeId,
    scopes: Vec<BTreeMap<String, VarId>>,
    jumps: Vec<Jump>,
    loop_labels: Vec<String>,
    /// The branch that is being written.
    branch: Option<BranchId>,
    /// The block with items that is being written.
    item_scope: ScopeId,
    /// A binding has hidden a variable that a borrow is taken from.
    hid_lender: bool,
    /// Names of locals that are only held, and those of them that are bound already.
    held: BTreeSet<String>,
    only_held: VarSet,
    /// Variables that are what `patched!` said: the id, and whether they are true if it is.
    decisions: BTreeMap<VarId, (String, bool)>,
    /// Pointers that share what they point to: nothing can be moved out of it.
    pointers: BTreeSet<VarId>,
    /// Names of variables that are assigned where parts of them have been moved out.
    renewed: BTreeSet<String>,
    keys: BTreeMap<String, usize>,
    labels: BTreeMap<String, usize>,
    given_labels: BTreeMap<String, syn::LitStr>,
    /// In the second of the two ways of a compound assignment, where everything has been lowered once before.
    place_first: bool,
    order: usize,
}

impl<'e> Lower<'e> {
    fn new(errors: &'e Errors) -> Self {
        let mut l = Lower {
            errors,
            m: Machine::default(),
            cur: 0,
            scopes: vec![BTreeMap::new()],
            jumps: vec![],
            loop_labels: vec![],
            branch: None,
            item_scope: 0,
            hid_lender: false,
            held: BTreeSet::new(),
            only_held: VarSet::new(),
            decisions: BTreeMap::new(),
            pointers: BTreeSet::new(),
            renewed: BTreeSet::new(),
            keys: BTreeMap::new(),
            labels: BTreeMap::new(),
            given_labels: BTreeMap::new(),
            place_first: false,
            order: 0,
        };
        l.m.scopes.push(Scope::default());
        let entry = l.node(true);
        l.enter(entry);
        l
    }

    fn parameters(&mut self, f: &WorkflowFn) {
        let workflow = if f.generic() { f.tag() } else { quote!(__W) };
        let typed = f.item.sig.inputs.iter().filter_map(|a| match a {
            FnArg::Typed(p) => Some(p),
            FnArg::Receiver(_) => None,
        });
        let (pats, types): (Vec<_>, Vec<_>) = typed.map(|p| (&p.pat, &p.ty)).unzip();
        if pats.is_empty() {
            return;
        }
        let cx = cx();
        let pat: Pat = Pat::Tuple(syn::PatTuple {
            attrs: vec![],
            paren_token: Default::default(),
            elems: pats.iter().map(|p| (***p).clone()).map(with_comma).collect(),
        });
        self.bind_let(pat, None, quote!(__p::args::<#workflow>(#cx)), None, Effects::default(), Origin::Local);
        for (pat, ty) in pats.into_iter().zip(types) {
            self.note_pointer(pat, Some(ty), None);
        }
    }

    fn node(&mut self, root: bool) -> NodeId {
        let (branch, scope) = (self.branch, self.item_scope);
        self.m.nodes.push(Node {
            code: vec![],
            term: Term::Open,
            root,
            resumes: None,
            ends: None,
            branch,
            scope,
            order: usize::MAX,
        });
        self.m.nodes.len() - 1
    }

    /// Goes on writing in `node`, which stands here in the source.
    fn enter(&mut self, node: NodeId) {
        self.cur = node;
        self.m.nodes[node].order = self.order;
        self.order += 1;
    }

    /// Ends the present node, unless it has ended.
    fn end(&mut self, term: Term) {
        let node = &mut self.m.nodes[self.cur];
        if matches!(node.term, Term::Open) {
            node.term = term;
        }
    }

    /// Ends the present node and goes on in code that no control reaches.
    fn end_dead(&mut self, term: Term) {
        self.end(term);
        let dead = self.node(false);
        self.enter(dead);
    }

    fn scoped<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        self.scopes.push(BTreeMap::new());
        let t = f(self);
        let scope = self.scopes.pop().unwrap_or_default();
        let shadows = scope.keys().any(|name| self.lookup(name).is_some());
        (t, shadows)
    }

    fn lookup(&self, name: &str) -> Option<VarId> {
        let name = name.strip_prefix("r#").unwrap_or(name);
        self.scopes.iter().rev().find_map(|s| s.get(name).copied())
    }

    /// A new variable, not yet in scope.
    fn var(&mut self, ident: &Ident, mutable: bool, ty: Option<Type>, origin: Origin) -> VarId {
        let name = syn::ext::IdentExt::unraw(ident).to_string();
        let n = self.keys.entry(name.clone()).or_default();
        let key = if *n == 0 { name } else { format!("{name}#{n}") };
        *n += 1;
        self.m.vars.push(Var { mutable, ty, ..Var::new(ident.clone(), key, origin, self.branch) });
        self.m.vars.len() - 1
    }

    fn in_scope(&mut self, var: VarId) {
        let name = names::plain(&self.m.vars[var].ident.to_string());
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, var);
        }
    }

    /// A temporary: in scope everywhere, its name cannot be written by the user.
    fn temp(&mut self, mutable: bool) -> VarId {
        self.hidden(mutable, String::new(), Origin::Temp(self.m.points.len()))
    }

    fn hidden(&mut self, mutable: bool, key: String, origin: Origin) -> VarId {
        let name = ident(&format!("__v{}", self.m.vars.len()));
        self.m.vars.push(Var { mutable, ..Var::new(name.clone(), key, origin, self.branch) });
        let var = self.m.vars.len() - 1;
        self.scopes[0].insert(name.to_string(), var);
        var
    }

    /// Notes which of the locals that are only held are so over a suspension here.
    fn hold(&mut self) {
        for var in self.scopes.iter().flat_map(BTreeMap::values).filter(|v| self.only_held.contains(v)) {
            self.m.held.entry(*var).or_insert(self.m.points.len());
        }
    }

    fn path(&self, var: VarId) -> Expr {
        make::name(&self.m.vars[var].ident)
    }

    /// What the code that `read` visits does to the variables in scope here.
    fn effects(&mut self, read: impl FnOnce(&mut Reader)) -> Effects {
        let mut r = Reader::default();
        read(&mut r);
        let resolve = |names: &BTreeSet<String>| names.iter().filter_map(|n| self.lookup(n)).collect();
        let mut e = Effects {
            uses: resolve(&r.uses),
            kills: resolve(&r.kills),
            touches: resolve(&r.touches),
            assigns: resolve(&r.assigns),
            patches: r.patches,
            ..Effects::default()
        };
        e.uses.extend(r.fields.into_iter().filter_map(|f| self.field(f)).collect::<Vec<_>>());
        e.moves = r.moves.into_iter().filter_map(|f| self.moved(f)).collect();
        e.changes = e.touches.clone();
        e.renamed = r.touches.iter().filter(|n| n.starts_with(OUTER)).filter_map(|n| self.lookup(n)).collect();
        for v in e.touches.clone() {
            if let Origin::Derived(d) = self.m.vars[v].origin {
                let d = &self.m.derivations[d];
                e.uses.extend(&d.uses);
                e.touches.extend(&d.touches);
                e.changes.extend(&d.changes);
                e.renamed.extend(&d.renamed);
            }
        }
        // To borrow again from a mutable borrow, that is taken again first.
        for v in e.touches.clone() {
            if let Origin::Derived(d) = self.m.vars[v].origin {
                e.changes.extend(&self.m.derivations[d].changes);
            }
        }
        e
    }

    fn emit(&mut self, code: Code) {
        if matches!(self.m.nodes[self.cur].term, Term::Open) {
            self.m.nodes[self.cur].code.push(code);
        }
    }

    fn code(&mut self, e: &Expr) -> Code {
        use syn::visit::Visit;
        Code { kind: Kind::Tokens(self.rewrite(e)), effects: self.effects(|r| r.visit_expr(e)) }
    }

    fn finish(&mut self, dest: &Dest, value: &Expr) {
        match dest {
            Dest::Discard => {
                if !matches!(value, Expr::Tuple(t) if t.elems.is_empty()) {
                    let mut code = self.code(value);
                    if let Kind::Tokens(t) = &mut code.kind {
                        *t = quote!(#t;);
                    }
                    self.emit(code);
                }
            }
            Dest::Bind { var, ty } => self.bind_var(*var, ty.clone(), value),
            Dest::Return => match self.branch {
                Some(branch) => self.leave(branch, value),
                None => {
                    let code = self.code(value);
                    self.end_dead(if continues::leaves(value) { Term::Diverge(code) } else { Term::Done(code) });
                }
            },
        }
    }

    fn part_expr(&mut self, e: &Expr, effects: &mut Effects) -> Part {
        let code = self.code(e);
        self.merge(effects, code.effects);
        match code.kind {
            Kind::Tokens(t) => Part::Expr(t),
            Kind::Let { init, .. } => Part::Expr(init),
        }
    }

    /// Effects of two pieces of code that run one behind the other.
    fn merge(&self, first: &mut Effects, then: Effects) {
        // A field of what the first piece binds is bound with it.
        first.uses.extend(then.uses.into_iter().filter(|v| !first.kills.contains(&self.m.base(*v))));
        first.kills.extend(then.kills);
        first.binds.extend(then.binds);
        first.moves.extend(then.moves);
        first.touches.extend(then.touches);
        first.assigns.extend(then.assigns);
        first.changes.extend(then.changes);
        first.renamed.extend(then.renamed);
        first.patches.extend(then.patches);
    }

    fn refuse(&self, on: impl ToTokens, message: impl std::fmt::Display) {
        self.errors.push(on, message);
    }
}

/// A name of ours, which nothing that the user writes can mean.
pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The name of the machine's context, in all code of a block.
pub(crate) const CX: &str = "__cx";

/// The machine's context.
pub(crate) fn cx() -> Ident {
    ident(CX)
}

/// The other name of a variable whose own name is hidden.
pub(crate) fn outer(var: VarId) -> Ident {
    ident(&format!("{OUTER}{var}"))
}

/// The token that ties a point to the type of its operation.
pub(crate) fn token(point: usize) -> Ident {
    format_ident!("__t{point}", span = Span::mixed_site())
}

fn parse_pat(tokens: TokenStream) -> Pat {
    use syn::parse::Parser;
    Pat::parse_single.parse2(tokens.clone()).unwrap_or(Pat::Verbatim(tokens))
}

fn with_comma(p: Pat) -> syn::punctuated::Pair<Pat, syn::Token![,]> {
    syn::punctuated::Pair::Punctuated(p, Default::default())
}
