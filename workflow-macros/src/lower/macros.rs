//! Known macros: which of their arguments are plain expressions, and when they run.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Expr, Macro, Pat, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
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

    pub(crate) fn expr_mut(&mut self) -> Option<&mut Expr> {
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

/// True if one of the names stands anywhere in the tokens.
pub(crate) fn names(tokens: &TokenStream, any: &[&str]) -> bool {
    tokens.clone().into_iter().any(|t| match t {
        TokenTree::Ident(i) => any.iter().any(|name| i == name),
        TokenTree::Group(g) => names(&g.stream(), any),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// What is known of a macro.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Known {
    /// Every argument is evaluated, in order.
    Eager,
    /// The first arguments are evaluated; the others if the assertion fails.
    Assertion {
        /// How many are evaluated first.
        operands: usize,
        /// It is left out of builds without debug assertions.
        debug: bool,
    },
    /// A value, a pattern and a guard.
    Matches,
    /// Nothing is evaluated unless somebody listens.
    Event,
}

/// The table of macros whose arguments may await.
pub(crate) fn known(m: &Macro) -> Option<Known> {
    let assertion = |operands, debug| Known::Assertion { operands, debug };
    Some(match name(m).as_str() {
        "println" | "print" | "eprintln" | "eprint" | "format" | "write" | "writeln" | "panic" | "vec" | "dbg"
        | "unreachable" | "todo" | "unimplemented" | "bail" | "anyhow" | "continue_as_new" => Known::Eager,
        "assert" | "ensure" => assertion(1, false),
        "debug_assert" => assertion(1, true),
        "assert_eq" | "assert_ne" => assertion(2, false),
        "debug_assert_eq" | "debug_assert_ne" => assertion(2, true),
        "matches" => Known::Matches,
        "trace" | "debug" | "info" | "warn" | "error" | "event" if of_tracing(m) => Known::Event,
        _ => return None,
    })
}

fn of_tracing(m: &Macro) -> bool {
    m.path.segments.len() == 1 || m.path.segments.first().is_some_and(|s| s.ident == "tracing")
}

/// The arguments of a known macro; `None` if the macro is not known or its arguments are not what it expects.
pub(crate) fn pieces(m: &Macro) -> Option<Vec<Piece>> {
    let known = known(m)?;
    let parse = |input: ParseStream<'_>| match known {
        Known::Eager => arguments(input, usize::MAX),
        Known::Assertion { operands, .. } => arguments(input, operands),
        Known::Matches => matches(input),
        Known::Event => event(input),
    };
    parse.parse2(m.tokens.clone()).ok()
}

fn arguments(input: ParseStream<'_>, eager: usize) -> syn::Result<Vec<Piece>> {
    let (mut pieces, mut n) = (vec![], 0);
    while !input.is_empty() {
        if input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let (name, eq) = (input.parse::<syn::Ident>()?, input.parse::<Token![=]>()?);
            pieces.push(Piece::Raw(quote!(#name #eq)));
        }
        let e: Expr = input.parse()?;
        pieces.push(if n < eager { Piece::Eager(e) } else { Piece::Lazy(e) });
        n += 1;
        separator(input, &mut pieces)?;
    }
    Ok(pieces)
}

fn separator(input: ParseStream<'_>, pieces: &mut Vec<Piece>) -> syn::Result<()> {
    if let Some(comma) = input.parse::<Option<Token![,]>>()? {
        pieces.push(Piece::Raw(comma.to_token_stream()));
    } else if let Some(semi) = input.parse::<Option<Token![;]>>()? {
        pieces.push(Piece::Raw(semi.to_token_stream()));
    } else if !input.is_empty() {
        return Err(input.error("expected `,`"));
    }
    Ok(())
}

/// `value, pattern if guard`.
fn matches(input: ParseStream<'_>) -> syn::Result<Vec<Piece>> {
    let value: Expr = input.parse()?;
    let comma: Token![,] = input.parse()?;
    let pat = Pat::parse_multi_with_leading_vert(input)?;
    let mut pieces = vec![Piece::Eager(value), Piece::Raw(quote!(#comma #pat))];
    if let Some(if_token) = input.parse::<Option<Token![if]>>()? {
        pieces.extend([Piece::Raw(quote!(#if_token)), Piece::Lazy(input.parse()?)]);
    }
    input.parse::<Option<Token![,]>>()?;
    Ok(pieces)
}

/// The arguments of `tracing::info!` and its like: `target: ".."`, `field = ?value`, `%value`, a message and what it shows.
fn event(input: ParseStream<'_>) -> syn::Result<Vec<Piece>> {
    let mut pieces = vec![];
    while !input.is_empty() {
        let mut prefix = TokenStream::new();
        if input.peek(syn::Ident) && input.peek2(Token![:]) && !input.peek2(Token![::]) {
            let (key, colon) = (input.parse::<syn::Ident>()?, input.parse::<Token![:]>()?);
            prefix.extend(quote!(#key #colon));
        } else if field(&input.fork()).is_ok() {
            prefix.extend(field(input)?);
        }
        if let Some(debug) = input.parse::<Option<Token![?]>>()? {
            prefix.extend(quote!(#debug));
        } else if let Some(display) = input.parse::<Option<Token![%]>>()? {
            prefix.extend(quote!(#display));
        }
        if !prefix.is_empty() {
            pieces.push(Piece::Raw(prefix));
        }
        pieces.push(Piece::Lazy(input.parse()?));
        separator(input, &mut pieces)?;
    }
    Ok(pieces)
}

/// The name of a field and its `=`.
fn field(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let name = match input.peek(syn::LitStr) {
        true => input.parse::<syn::LitStr>()?.to_token_stream(),
        false => Punctuated::<syn::Ident, Token![.]>::parse_separated_nonempty(input)?.to_token_stream(),
    };
    if input.peek(Token![==]) {
        return Err(input.error("expected `=`"));
    }
    let eq: Token![=] = input.parse()?;
    Ok(quote!(#name #eq))
}

/// The pattern and the guard of `matches!`.
pub(crate) fn as_match(m: &Macro) -> Option<Expr> {
    let parse = |input: ParseStream<'_>| {
        let value: Expr = input.parse()?;
        input.parse::<Token![,]>()?;
        let arm: TokenStream = input.parse()?;
        Ok((value, arm))
    };
    let (value, arm) = parse.parse2(m.tokens.clone()).ok()?;
    let arm: TokenStream = without_trailing_comma(arm);
    syn::parse2(quote!(match #value { #arm => true, _ => false })).ok()
}

fn without_trailing_comma(tokens: TokenStream) -> TokenStream {
    let mut all: Vec<TokenTree> = tokens.into_iter().collect();
    if matches!(all.last(), Some(TokenTree::Punct(p)) if p.as_char() == ',') {
        all.pop();
    }
    all.into_iter().collect()
}
