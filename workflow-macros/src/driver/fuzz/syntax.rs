//! Edits of a function that leave it one that can be parsed, so that they reach the stages behind the parser.

use super::{rng::Rng, seeds::Seeds};
use quote::quote;
use syn::{
    Expr, ItemFn, Pat, Stmt, parse_quote,
    visit_mut::{self, VisitMut},
};

/// One random edit of an expression, a statement or a pattern.
pub(super) fn mutate(f: &mut ItemFn, seeds: &Seeds, rng: &mut Rng) {
    let mut count = Edit { count: [0; 3], at: None, with: &mut |_| {} };
    count.visit_item_fn_mut(f);
    let count = count.count;
    let kind = [0, 0, 0, 0, 1, 1, 2][rng.below(7)];
    if count[kind] == 0 {
        return;
    }
    let at = Some((kind, rng.below(count[kind])));
    let mut with = |node: Node<'_>| match node {
        Node::Expr(e) => *e = expr(e, seeds, rng),
        Node::Stmts(all, i) => stmts(all, i, seeds, rng),
        Node::Pat(p) => *p = pat(p, seeds, rng),
    };
    Edit { count: [0; 3], at, with: &mut with }.visit_item_fn_mut(f);
}

enum Node<'n> {
    Expr(&'n mut Expr),
    Stmts(&'n mut Vec<Stmt>, usize),
    Pat(&'n mut Pat),
}

/// Counts expressions, statements and patterns, and edits the one at a number.
struct Edit<'f> {
    count: [usize; 3],
    at: Option<(usize, usize)>,
    with: &'f mut dyn FnMut(Node<'_>),
}

impl Edit<'_> {
    fn here(&mut self, kind: usize) -> bool {
        let n = self.count[kind];
        self.count[kind] += 1;
        self.at == Some((kind, n))
    }
}

impl VisitMut for Edit<'_> {
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        if self.here(0) {
            return (self.with)(Node::Expr(e));
        }
        visit_mut::visit_expr_mut(self, e);
    }
    fn visit_block_mut(&mut self, b: &mut syn::Block) {
        for i in 0..b.stmts.len() {
            if self.here(1) {
                return (self.with)(Node::Stmts(&mut b.stmts, i));
            }
        }
        visit_mut::visit_block_mut(self, b);
    }
    fn visit_pat_mut(&mut self, p: &mut Pat) {
        if self.here(2) {
            return (self.with)(Node::Pat(p));
        }
        visit_mut::visit_pat_mut(self, p);
    }
}

fn other(seeds: &Seeds, rng: &mut Rng) -> Expr {
    rng.of(&seeds.exprs).cloned().unwrap_or_else(|| parse_quote!(()))
}

/// Another expression in its place, or one that contains it.
fn expr(e: &Expr, seeds: &Seeds, rng: &mut Rng) -> Expr {
    let (a, p) = (other(seeds, rng), rng.of(&seeds.pats).cloned().unwrap_or_else(|| parse_quote!(_)));
    let tokens = match rng.below(44) {
        0..=7 => return a,
        8 => quote!((#e).await),
        9 => quote!((#e).await?),
        10 => quote!((#e)?),
        11 => quote!({ #e }),
        12 => quote!(if #e { #a } else { #e }),
        13 => quote!(if let #p = #e { #a }),
        14 => quote!(match #e { #p if #a => #e, _ => #a }),
        15 => quote!('l: loop { break 'l #e; }),
        16 => quote!(while #e { #a; if #e { continue; } }),
        17 => quote!(for #p in #e { #a; break; }),
        18 => quote!('b: { if #a { break 'b #e } #e }),
        19 => quote!(join!(#e, async { #a })),
        20 => quote!(select! { #p = #e => #a, #p = async { (#a).await? }, if #e => #e, else => #a }),
        21 => quote!(try_join!(#e, async { #a; return #e; })),
        22 => quote!(|x| #e),
        23 => quote!(async move { #e }),
        24 => quote!(vec![#e, #a]),
        25 => quote!(format!("{} {x}", #e)),
        26 => quote!(assert!(#e, "{}", #a)),
        27 => quote!(return #e),
        28 => quote!(continue_as_new!(#e, #a)),
        29 => quote!((#e, #a)),
        30 => quote!([#e, #a]),
        31 => quote!(&mut #e),
        32 => quote!((#e) && (#a)),
        33 => quote!((#e) + (#a)),
        34 => quote!(x.y = #e),
        35 => quote!(x[#e] += #a),
        36 => quote!(f(#e, #a).await),
        37 => quote!((#e).f(#a).g.await),
        38 => quote!(S { x: #e, y, ..#a }),
        39 => quote!((#e)..(#a)),
        40 => quote!(unsafe { #e }),
        41 => quote!(if patched!("p") && #e { #a } else if let #p = #a && #e { #e } else { #a }),
        42 => quote!(const { #e }),
        _ => quote!((#e) as T),
    };
    syn::parse2(tokens).unwrap_or(a)
}

/// A statement goes, comes, moves, or is wrapped.
fn stmts(all: &mut Vec<Stmt>, i: usize, seeds: &Seeds, rng: &mut Rng) {
    let (s, e) = (all[i].clone(), other(seeds, rng));
    let p = rng.of(&seeds.pats).cloned().unwrap_or_else(|| parse_quote!(_));
    let tokens = match rng.below(12) {
        0 => return drop(all.remove(i)),
        1 => return all.insert(i, s),
        2 => {
            let j = rng.below(all.len());
            return all.swap(i, j);
        }
        3 | 4 => match rng.of(&seeds.stmts) {
            Some(s) => return all.insert(i, s.clone()),
            None => return,
        },
        5 => quote!(let #p = #e;),
        6 => quote!(let #p = #e else { #s return; };),
        7 => quote!(let #p: T;),
        8 => quote!(#[cfg(x)] { #s }),
        9 => quote!(if #e { #s }),
        10 => quote!(for #p in #e { #s }),
        _ => quote!(#p = #e;),
    };
    if let Ok(new) = syn::parse::Parser::parse2(syn::Block::parse_within, tokens) {
        all.splice(i..=i, new);
    }
}

fn pat(p: &Pat, seeds: &Seeds, rng: &mut Rng) -> Pat {
    let a = rng.of(&seeds.pats).cloned().unwrap_or_else(|| parse_quote!(_));
    let tokens = match rng.below(12) {
        0..=2 => return a,
        3 => quote!((#p, #a)),
        4 => quote!(Some(#p)),
        5 => quote!([#p, .., #a]),
        6 => quote!(&#p),
        7 => quote!(x @ #p),
        8 => quote!((#p | #a)),
        9 => quote!(S { x: #p, ref mut y, .. }),
        10 => quote!(ref x),
        _ => quote!(1..=9),
    };
    syn::parse::Parser::parse2(Pat::parse_multi, tokens).unwrap_or(a)
}
