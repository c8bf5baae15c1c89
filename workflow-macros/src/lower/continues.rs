//! `continue_as_new!(args)` leaves the function as a `return` does: with the arguments of the next run for a value.

use super::make;
use proc_macro2::{Ident, Span, TokenTree};
use syn::{Block, Expr, Macro, Stmt, Token, punctuated::Punctuated, visit::Visit};

/// True if this is the macro, by whatever path.
pub(crate) fn is(m: &Macro) -> bool {
    m.path.segments.last().is_some_and(|s| s.ident == "continue_as_new")
}

/// The arguments.
///
/// # Errors
///
/// They are no expressions.
pub(crate) fn arguments(m: &Macro) -> syn::Result<Vec<Expr>> {
    let parsed = m.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)?;
    Ok(parsed.into_iter().collect())
}

/// The call that encodes the arguments, on the user's tokens: rustc checks them against those of the workflow.
pub(crate) fn call(m: &Macro, args: &[Expr]) -> Expr {
    let last = m.path.segments.last().map(|s| s.ident.clone());
    let name = last.unwrap_or_else(|| super::ident("continue_as_new"));
    make::call(make::name(&name), args.iter().cloned(), name.span())
}

/// Replaces the macro where it stands, as an expression or a statement. Arguments that do not parse were refused before.
pub(crate) fn replace(stmt: &mut Stmt, with: &mut dyn FnMut(&Macro, Vec<Expr>) -> Expr) {
    if let Stmt::Macro(m) = stmt
        && is(&m.mac)
        && let Ok(args) = arguments(&m.mac)
    {
        *stmt = Stmt::Expr(with(&m.mac, args), m.semi_token);
    }
}

/// As [`replace`], for an expression. True if it was one.
pub(crate) fn replace_expr(e: &mut Expr, with: &mut dyn FnMut(&Macro, Vec<Expr>) -> Expr) -> bool {
    if let Expr::Macro(m) = e
        && is(&m.mac)
        && let Ok(args) = arguments(&m.mac)
    {
        *e = with(&m.mac, args);
        return true;
    }
    false
}

/// True if the function may continue itself: the macro may stand in a branch of another one.
pub(crate) fn used(b: &Block) -> bool {
    first(b).is_some()
}

/// Where it does so first.
pub(crate) fn first(b: &Block) -> Option<Ident> {
    fn named(tokens: proc_macro2::TokenStream) -> Option<Ident> {
        tokens.into_iter().find_map(|t| match t {
            TokenTree::Ident(i) if i == "continue_as_new" => Some(i),
            TokenTree::Group(g) => named(g.stream()),
            _ => None,
        })
    }
    struct Find(Option<Ident>);
    impl Visit<'_> for Find {
        fn visit_macro(&mut self, m: &Macro) {
            let own = || m.path.segments.iter().map(|s| &s.ident).find(|i| *i == "continue_as_new").cloned();
            self.0 = self.0.take().or_else(own).or_else(|| named(m.tokens.clone()));
        }
    }
    let mut find = Find(None);
    find.visit_block(b);
    find.0
}

/// `return __continue(..)`, which is what the macro stands for in the machine.
pub(super) fn returned(m: &Macro, args: Vec<Expr>) -> Expr {
    let (leave, call) = (make::name(&super::ident("__continue")), call(m, &args));
    let left = make::call(leave, [call], Span::call_site());
    Expr::Return(syn::ExprReturn { attrs: vec![], return_token: Default::default(), expr: Some(Box::new(left)) })
}

/// The same for an expression that is the macro.
pub(super) fn as_return(e: &Expr) -> Option<Expr> {
    let mut e = e.clone();
    replace_expr(&mut e, &mut returned).then_some(e)
}

/// True for what [`returned`] returns: where to go, not a value of the user's.
pub(super) fn leaves(value: &Expr) -> bool {
    matches!(value, Expr::Call(c) if matches!(&*c.func, Expr::Path(p) if p.path.is_ident("__continue")))
}
