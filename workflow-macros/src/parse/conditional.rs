//! `#[cfg]` and `#[cfg_attr]` in the body of a workflow.
//!
//! Whether a statement is there decides about the state machine, and only rustc knows. So the function goes out twice, under the
//! predicate and under its opposite, each time with the predicate decided and with the attribute on it again; rustc
//! expands the one that is left. Items in the body are rustc's business.

use super::threads;
use crate::lower;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, Macro, Meta, Stmt, Token,
    punctuated::Punctuated,
    visit::Visit,
    visit_mut::{self, VisitMut},
};

/// The function under its first predicate and under the opposite; `None` if the body has no conditions.
pub(crate) fn split(attr: &TokenStream, item: &syn::ItemFn) -> Option<TokenStream> {
    let mut any = Any(false);
    any.visit_item_fn(item);
    if !any.0 {
        return None;
    }
    let mut find = Conditions { job: Job::Find(None) };
    find.visit_item_fn_mut(&mut item.clone());
    let Job::Find(Some(predicate)) = find.job else { return None };
    let decided = |holds| {
        let mut item = item.clone();
        Conditions { job: Job::Decide { predicate: predicate.to_string(), holds } }.visit_item_fn_mut(&mut item);
        item
    };
    let (yes, no) = (decided(true), decided(false));
    Some(quote! {
        #[cfg(#predicate)]
        #[::workflow_runtime::workflow(#attr)]
        #yes
        #[cfg(not(#predicate))]
        #[::workflow_runtime::workflow(#attr)]
        #no
    })
}

/// Whether there is any condition. Those of items count too, so it may be too much, and costs no copy.
struct Any(bool);

impl Visit<'_> for Any {
    fn visit_attribute(&mut self, a: &Attribute) {
        self.0 |= a.path().is_ident("cfg") || a.path().is_ident("cfg_attr");
    }
    fn visit_macro(&mut self, m: &Macro) {
        self.0 |= names_condition(m.tokens.clone());
    }
}

fn names_condition(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|t| match t {
        TokenTree::Ident(i) => i == "cfg" || i == "cfg_attr",
        TokenTree::Group(g) => names_condition(g.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

enum Job {
    /// The first predicate is looked for.
    Find(Option<TokenStream>),
    /// This predicate is known.
    Decide { predicate: String, holds: bool },
}

struct Conditions {
    job: Job,
}

impl Conditions {
    /// Decides the conditions among `attrs`; false if what they stand on is not there.
    fn keep(&mut self, attrs: &mut Vec<Attribute>) -> bool {
        let mut kept = vec![];
        let mut there = true;
        for a in std::mem::take(attrs) {
            let Some((predicate, applied)) = condition(&a) else {
                kept.push(a);
                continue;
            };
            match &mut self.job {
                Job::Find(found) => {
                    found.get_or_insert(predicate);
                    kept.push(a);
                }
                Job::Decide { predicate: known, .. } if *known != predicate.to_string() => kept.push(a),
                Job::Decide { holds, .. } => match applied {
                    None => there &= *holds,
                    Some(applied) if *holds => kept.extend(applied.into_iter().map(|meta| attribute(&a, meta))),
                    Some(_) => {}
                },
            }
        }
        *attrs = kept;
        there
    }

    fn kept(&mut self, e: &mut Expr) -> bool {
        first(e).is_none_or(|attrs| self.keep(attrs))
    }

    fn list(&mut self, all: &mut Punctuated<Expr, Token![,]>) {
        *all = std::mem::take(all).into_pairs().filter_map(|mut p| self.kept(p.value_mut()).then_some(p)).collect();
    }
}

/// The predicate of a condition, and what it applies if it is a `cfg_attr`.
fn condition(a: &Attribute) -> Option<(TokenStream, Option<Vec<Meta>>)> {
    let Meta::List(list) = &a.meta else { return None };
    if list.path.is_ident("cfg") {
        return Some((list.tokens.clone(), None));
    }
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let all = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut all = all.into_iter();
    Some((all.next()?.to_token_stream(), Some(all.collect())))
}

fn attribute(like: &Attribute, meta: Meta) -> Attribute {
    Attribute { meta, ..like.clone() }
}

impl VisitMut for Conditions {
    fn visit_item_fn_mut(&mut self, f: &mut syn::ItemFn) {
        f.sig.inputs = std::mem::take(&mut f.sig.inputs)
            .into_pairs()
            .filter_map(|mut p| match p.value_mut() {
                syn::FnArg::Typed(t) => self.keep(&mut t.attrs).then_some(p),
                syn::FnArg::Receiver(_) => Some(p),
            })
            .collect();
        self.visit_block_mut(&mut f.block);
    }
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    /// What the macros are that await is known here; what stands in others is rustc's business.
    fn visit_macro_mut(&mut self, m: &mut Macro) {
        if !names_condition(m.tokens.clone()) {
            return;
        }
        match threads::parse(m) {
            Some(Ok(mut all)) => {
                all.branches.retain_mut(|b| self.kept(&mut b.body));
                all.exprs_mut().for_each(|e| self.visit_expr_mut(e));
                m.tokens = all.into_token_stream();
            }
            // It is refused later.
            Some(Err(_)) => {}
            None => lower::in_known_macro(m, |e| self.visit_expr_mut(e)),
        }
    }
    fn visit_block_mut(&mut self, b: &mut syn::Block) {
        b.stmts.retain_mut(|s| match s {
            Stmt::Local(l) => self.keep(&mut l.attrs),
            Stmt::Macro(m) => self.keep(&mut m.attrs),
            Stmt::Expr(e, _) => self.kept(e),
            Stmt::Item(_) => true,
        });
        visit_mut::visit_block_mut(self, b);
    }
    fn visit_expr_match_mut(&mut self, m: &mut syn::ExprMatch) {
        m.arms.retain_mut(|a| self.keep(&mut a.attrs));
        visit_mut::visit_expr_match_mut(self, m);
    }
    fn visit_expr_struct_mut(&mut self, s: &mut syn::ExprStruct) {
        let fields = std::mem::take(&mut s.fields).into_pairs();
        s.fields = fields.filter_map(|mut p| self.keep(&mut p.value_mut().attrs).then_some(p)).collect();
        visit_mut::visit_expr_struct_mut(self, s);
    }
    fn visit_pat_struct_mut(&mut self, s: &mut syn::PatStruct) {
        let fields = std::mem::take(&mut s.fields).into_pairs();
        s.fields = fields.filter_map(|mut p| self.keep(&mut p.value_mut().attrs).then_some(p)).collect();
        visit_mut::visit_pat_struct_mut(self, s);
    }
    fn visit_expr_array_mut(&mut self, a: &mut syn::ExprArray) {
        self.list(&mut a.elems);
        visit_mut::visit_expr_array_mut(self, a);
    }
    fn visit_expr_tuple_mut(&mut self, t: &mut syn::ExprTuple) {
        self.list(&mut t.elems);
        visit_mut::visit_expr_tuple_mut(self, t);
    }
    fn visit_expr_call_mut(&mut self, c: &mut syn::ExprCall) {
        self.list(&mut c.args);
        visit_mut::visit_expr_call_mut(self, c);
    }
    fn visit_expr_method_call_mut(&mut self, c: &mut syn::ExprMethodCall) {
        self.list(&mut c.args);
        visit_mut::visit_expr_method_call_mut(self, c);
    }
}

/// The attributes in front of an expression, which the parser gives to its first operand.
fn first(e: &mut Expr) -> Option<&mut Vec<Attribute>> {
    macro_rules! attrs {
        ($($variant:ident)*) => {
            match e {
                Expr::Assign(e) => first(&mut e.left),
                Expr::Binary(e) => first(&mut e.left),
                Expr::Cast(e) => first(&mut e.expr),
                $(Expr::$variant(e) => Some(&mut e.attrs),)*
                _ => None,
            }
        };
    }
    attrs!(Array Async Await Block Break Call Closure Const Continue Field ForLoop Group If Index Infer Let Lit Loop Macro
        Match MethodCall Paren Path Range RawAddr Reference Repeat Return Struct Try TryBlock Tuple Unary Unsafe While Yield)
}
