//! `join!`, `try_join!` and `select!`: what stands between their brackets.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Expr, Macro, Pat, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token,
};

/// Which of the macros it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    Join,
    TryJoin,
    Select,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Join => "join",
            Kind::TryJoin => "try_join",
            Kind::Select => "select",
        }
    }
}

/// One of the macros with its branches.
pub(crate) struct Threads {
    pub(crate) kind: Kind,
    pub(crate) branches: Vec<Branch>,
    pub(crate) els: Option<Expr>,
}

pub(crate) struct Branch {
    pub(crate) body: Expr,
    /// What `select!` does with the output.
    pub(crate) arm: Option<Arm>,
}

pub(crate) struct Arm {
    pub(crate) pat: Pat,
    pub(crate) guard: Option<Expr>,
    pub(crate) handler: Expr,
}

impl Branch {
    /// The `async` block, if the branch is one.
    pub(crate) fn block(&self) -> Option<&syn::ExprAsync> {
        fn of(e: &Expr) -> Option<&syn::ExprAsync> {
            match e {
                Expr::Async(a) => Some(a),
                Expr::Paren(p) => of(&p.expr),
                Expr::Group(g) => of(&g.expr),
                _ => None,
            }
        }
        of(&self.body)
    }
}

impl Threads {
    /// Everything in it that runs: bodies, guards and handlers.
    pub(crate) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let arms = self.branches.iter().filter_map(|b| b.arm.as_ref());
        let in_arms = arms.flat_map(|a| a.guard.iter().chain([&a.handler]));
        self.branches.iter().map(|b| &b.body).chain(in_arms).chain(&self.els)
    }

    /// As [`exprs`](Threads::exprs), to be changed.
    pub(crate) fn exprs_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let in_branches = self.branches.iter_mut().flat_map(|b| {
            let arm = b.arm.as_mut().map(|a| a.guard.iter_mut().chain([&mut a.handler]));
            [&mut b.body].into_iter().chain(arm.into_iter().flatten())
        });
        in_branches.chain(&mut self.els)
    }
}

impl ToTokens for Threads {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for Branch { body, arm } in &self.branches {
            match arm {
                None => quote!(#body,),
                Some(Arm { pat, guard: None, handler }) => quote!(#pat = #body => #handler,),
                Some(Arm { pat, guard: Some(guard), handler }) => quote!(#pat = #body, if #guard => #handler,),
            }
            .to_tokens(tokens);
        }
        if let Some(els) = &self.els {
            quote!(else => #els).to_tokens(tokens);
        }
    }
}

/// The macro that a path names by its last segment.
pub(crate) fn named(m: &Macro) -> Option<Kind> {
    match m.path.segments.last()?.ident.to_string().as_str() {
        "join" => Some(Kind::Join),
        "try_join" => Some(Kind::TryJoin),
        "select" => Some(Kind::Select),
        _ => None,
    }
}

/// Ours: named without a path, or by one that begins with the runtime.
pub(crate) fn ours(m: &Macro) -> Option<Kind> {
    let first = m.path.segments.first()?;
    (m.path.segments.len() == 1 || first.ident == "workflow_runtime").then(|| named(m)).flatten()
}

/// The macro taken apart; `None` if it is none of ours.
pub(crate) fn parse(m: &Macro) -> Option<syn::Result<Threads>> {
    let kind = ours(m)?;
    Some(match kind {
        Kind::Select => m.parse_body().map(|Select { branches, els }| Threads { kind, branches, els }),
        _ => m.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).map(|all| {
            let branches = all.into_iter().map(|body| Branch { body, arm: None }).collect();
            Threads { kind, branches, els: None }
        }),
    })
}

struct Select {
    branches: Vec<Branch>,
    els: Option<Expr>,
}

mod keyword {
    syn::custom_keyword!(biased);
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // The order of the history decides anyway.
        if input.peek(keyword::biased) && input.peek2(Token![;]) {
            input.parse::<keyword::biased>()?;
            input.parse::<Token![;]>()?;
        }
        let (mut branches, mut els) = (vec![], None);
        while !input.is_empty() {
            if input.peek(Token![else]) {
                input.parse::<Token![else]>()?;
                input.parse::<Token![=>]>()?;
                els = Some(handler(input)?);
                if !input.is_empty() {
                    return Err(input.error("`else` is the last arm of a `select!`"));
                }
                break;
            }
            let pat = Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Token![=]>()?;
            let body = input.parse()?;
            let guard = match input.parse::<Option<Token![,]>>()? {
                Some(_) => {
                    input.parse::<Token![if]>()?;
                    Some(input.parse()?)
                }
                None => None,
            };
            input.parse::<Token![=>]>()?;
            let handler = handler(input)?;
            branches.push(Branch { body, arm: Some(Arm { pat, guard, handler }) });
        }
        Ok(Select { branches, els })
    }
}

/// As the body of an arm of `match`: a block needs no comma behind it.
fn handler(input: ParseStream<'_>) -> syn::Result<Expr> {
    if input.peek(token::Brace) {
        let block: syn::ExprBlock = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        return Ok(Expr::Block(block));
    }
    let e: Expr = input.parse()?;
    let open = matches!(e, Expr::If(_) | Expr::Match(_) | Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_));
    if !(input.is_empty() || open) {
        input.parse::<Token![,]>()?;
    } else {
        input.parse::<Option<Token![,]>>()?;
    }
    Ok(e)
}

/// True if a pattern may not match: by its look, because types are not known.
pub(crate) fn refutable(p: &Pat) -> bool {
    match p {
        Pat::Wild(_) | Pat::Rest(_) => false,
        Pat::Ident(i) => {
            let constant = i.ident.to_string().starts_with(char::is_uppercase);
            constant || i.subpat.as_ref().is_some_and(|(_, p)| refutable(p))
        }
        Pat::Paren(p) => refutable(&p.pat),
        Pat::Reference(r) => refutable(&r.pat),
        Pat::Tuple(t) => t.elems.iter().any(refutable),
        Pat::Type(t) => refutable(&t.pat),
        _ => true,
    }
}
