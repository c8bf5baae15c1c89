//! Expressions of ours, made as syntax: to parse tokens for each of them would be a large part of an expansion.

use proc_macro2::{Ident, Span};
use syn::{Expr, PathSegment, Token, punctuated::Punctuated};

/// A name.
pub(super) fn name(name: &Ident) -> Expr {
    path(syn::Path::from(name.clone()))
}

/// A call of a function of the runtime's, which is named by its place in `__private`.
pub(super) fn ours(function: &str, args: impl IntoIterator<Item = Expr>, span: Span) -> Expr {
    call(private(function, span), args, span)
}

/// What the runtime has for expansions, by its place in `__private`.
pub(super) fn private(name: &str, span: Span) -> Expr {
    absolute(&format!("workflow_runtime::__private::{name}"), span)
}

/// What a path names that begins with the name of a crate.
pub(super) fn absolute(name: &str, span: Span) -> Expr {
    let segments = name.split("::").map(|s| PathSegment::from(Ident::new(s, span)));
    let mut path = syn::Path { leading_colon: Some(Token![::](span)), segments: Punctuated::new() };
    for segment in segments {
        if !path.segments.is_empty() {
            path.segments.push_punct(Token![::](span));
        }
        path.segments.push_value(segment);
    }
    self::path(path)
}

pub(super) fn call(func: Expr, args: impl IntoIterator<Item = Expr>, span: Span) -> Expr {
    let (args, paren_token) = (args.into_iter().collect(), syn::token::Paren(span));
    Expr::Call(syn::ExprCall { attrs: vec![], func: Box::new(func), paren_token, args })
}

/// `receiver.method(arg)`.
pub(super) fn method(receiver: Expr, method: &str, arg: Expr, span: Span) -> Expr {
    Expr::MethodCall(syn::ExprMethodCall {
        attrs: vec![],
        receiver: Box::new(receiver),
        dot_token: Token![.](span),
        method: Ident::new(method, span),
        turbofish: None,
        paren_token: syn::token::Paren(span),
        args: [arg].into_iter().collect(),
    })
}

/// `&e`, or `&mut e`.
pub(super) fn borrow(e: Expr, mutable: bool, span: Span) -> Expr {
    let (and_token, mutability) = (Token![&](span), mutable.then(|| Token![mut](span)));
    Expr::Reference(syn::ExprReference { attrs: vec![], and_token, mutability, expr: Box::new(e) })
}

/// `*e`.
pub(super) fn deref(e: Expr) -> Expr {
    Expr::Unary(syn::ExprUnary { attrs: vec![], op: syn::UnOp::Deref(Default::default()), expr: Box::new(e) })
}

pub(super) fn paren(e: Expr) -> Expr {
    Expr::Paren(syn::ExprParen { attrs: vec![], paren_token: Default::default(), expr: Box::new(e) })
}

/// `|parameter| body`.
pub(super) fn closure(parameter: &Ident, body: Expr, span: Span) -> Expr {
    Expr::Closure(syn::ExprClosure {
        attrs: vec![],
        lifetimes: None,
        constness: None,
        movability: None,
        asyncness: None,
        capture: None,
        or1_token: Token![|](span),
        inputs: [bound(parameter, false)].into_iter().collect(),
        or2_token: Token![|](span),
        output: syn::ReturnType::Default,
        body: Box::new(body),
    })
}

/// `name`, or `mut name`, as a pattern.
pub(super) fn bound(name: &Ident, mutable: bool) -> syn::Pat {
    let mutability = mutable.then(Default::default);
    syn::Pat::Ident(syn::PatIdent { attrs: vec![], by_ref: None, mutability, ident: name.clone(), subpat: None })
}

pub(super) fn wild() -> syn::Pat {
    syn::Pat::Wild(syn::PatWild { attrs: vec![], underscore_token: Default::default() })
}

pub(super) fn unit() -> Expr {
    Expr::Tuple(syn::ExprTuple { attrs: vec![], paren_token: Default::default(), elems: Punctuated::new() })
}

pub(super) fn boolean(value: bool) -> Expr {
    let lit = syn::Lit::Bool(syn::LitBool::new(value, Span::call_site()));
    Expr::Lit(syn::ExprLit { attrs: vec![], lit })
}

fn path(path: syn::Path) -> Expr {
    Expr::Path(syn::ExprPath { attrs: vec![], qself: None, path })
}
