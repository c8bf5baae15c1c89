//! Known macros: which of their arguments are plain expressions that run once, in order.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Expr, Macro, Token,
    parse::{ParseStream, Parser},
};

/// A part of a macro's arguments.
#[derive(Clone)]
pub(crate) enum Piece {
    /// An expression that is evaluated once, always, in order.
    Eager(Expr),
    /// An expression that may not be evaluated.
    Lazy(Expr),
    /// Anything else.
    Raw(TokenStream),
}

impl Piece {
    pub(crate) fn expr(&self) -> Option<&Expr> {
        match self {
            Piece::Eager(e) | Piece::Lazy(e) => Some(e),
            Piece::Raw(_) => None,
        }
    }
}

impl ToTokens for Piece {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Piece::Eager(e) | Piece::Lazy(e) => e.to_tokens(tokens),
            Piece::Raw(t) => t.to_tokens(tokens),
        }
    }
}

pub(crate) fn name(m: &Macro) -> String {
    m.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default()
}

/// True if `. await` stands anywhere in the tokens.
pub(crate) fn awaits(tokens: &TokenStream) -> bool {
    let mut dot = false;
    for t in tokens.clone() {
        match &t {
            TokenTree::Group(g) if awaits(&g.stream()) => return true,
            TokenTree::Ident(i) if dot && i == "await" => return true,
            _ => {}
        }
        dot = matches!(&t, TokenTree::Punct(p) if p.as_char() == '.');
    }
    false
}

/// The arguments of a known macro; `None` if the macro is not known or its arguments are not what it expects.
pub(crate) fn pieces(m: &Macro) -> Option<Vec<Piece>> {
    let eager = match name(m).as_str() {
        "println" | "print" | "eprintln" | "eprint" | "format" | "write" | "writeln" | "panic" | "vec" | "dbg"
        | "unreachable" | "todo" | "unimplemented" | "bail" | "continue_as_new" => usize::MAX,
        "assert" | "debug_assert" | "matches" | "ensure" => 1,
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => 2,
        _ => return None,
    };
    let only_first = name(m) == "matches";
    (|input: ParseStream<'_>| parse(input, eager, only_first)).parse2(m.tokens.clone()).ok()
}

fn parse(input: ParseStream<'_>, eager: usize, only_first: bool) -> syn::Result<Vec<Piece>> {
    let (mut pieces, mut n) = (vec![], 0);
    while !input.is_empty() {
        if only_first && n == 1 {
            pieces.push(Piece::Raw(input.parse()?));
            break;
        }
        if input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let (name, eq) = (input.parse::<syn::Ident>()?, input.parse::<Token![=]>()?);
            pieces.push(Piece::Raw(quote!(#name #eq)));
        }
        let e: Expr = input.parse()?;
        pieces.push(if n < eager { Piece::Eager(e) } else { Piece::Lazy(e) });
        n += 1;
        if let Some(comma) = input.parse::<Option<Token![,]>>()? {
            pieces.push(Piece::Raw(comma.to_token_stream()));
        } else if let Some(semi) = input.parse::<Option<Token![;]>>()? {
            pieces.push(Piece::Raw(semi.to_token_stream()));
        }
    }
    Ok(pieces)
}
