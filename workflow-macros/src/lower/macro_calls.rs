//! Known macros with an await among their arguments.
//!
//! Kept equivalent: what a macro evaluates only in some cases awaits only then. An assertion becomes a branch on its condition,
//! with the message in the branch that fails; an event of `tracing` a branch on whether anybody listens. That is not a
//! function of the input of a step, so the answer is recorded as a side effect.

use super::{Dest, Lower, macros, place, splits, unit};
use crate::ir::Term;
use macros::{Known, Piece};
use quote::quote;
use syn::{Expr, spanned::Spanned};

impl Lower<'_> {
    pub(super) fn macro_operands(&mut self, m: &syn::ExprMacro) -> Expr {
        let (Some(known), Some(mut pieces)) = (macros::known(&m.mac), macros::pieces(&m.mac)) else {
            let name = macros::name(&m.mac);
            let message = format!(
                "an `.await` inside of `{name}!` is not supported, because the compiler does not know what the macro does with it: bind the awaited value with `let` first"
            );
            self.errors.seen_by_rustc();
            self.refuse(&m.mac.path, &message);
            return unit();
        };
        let later = pieces.iter().any(|p| matches!(p, Piece::Lazy(e) if splits::expr(e)));
        match known {
            Known::Matches if later => match macros::as_match(&m.mac) {
                Some(e) => self.operand(&e),
                None => self.eagerly(m, &mut pieces),
            },
            Known::Assertion { operands, debug } => {
                self.assertion(m, &mut pieces, operands, debug);
                unit()
            }
            Known::Event => {
                self.event(m, &mut pieces);
                unit()
            }
            Known::Matches | Known::Eager => self.eagerly(m, &mut pieces),
        }
    }

    /// The macro with all of its arguments evaluated.
    fn eagerly(&mut self, m: &syn::ExprMacro, pieces: &mut [Piece]) -> Expr {
        let mut m = m.clone();
        self.evaluate(&m.mac, pieces);
        m.mac.tokens = quote!(#(#pieces)*);
        Expr::Macro(m)
    }

    fn evaluate(&mut self, m: &syn::Macro, pieces: &mut [Piece]) {
        let by_value = matches!(macros::name(m).as_str(), "vec" | "dbg");
        self.arguments(pieces.iter_mut().filter_map(Piece::expr_mut).collect(), by_value);
    }

    fn assertion(&mut self, m: &syn::ExprMacro, pieces: &mut [Piece], operands: usize, debug: bool) {
        let (on, after) = (self.node(true), self.node(true));
        if debug {
            self.condition(&syn::parse_quote!(::core::cfg!(debug_assertions)), on, after);
        } else {
            self.end(Term::Goto(on));
        }
        self.enter(on);
        let failed = self.node(false);
        let (first, message) = pieces.split_at_mut(pieces.iter().position(is_lazy).unwrap_or(pieces.len()));
        let written = first.iter().find_map(Piece::expr).cloned();
        let condition = self.asserted(m, first, operands);
        self.condition(&condition, after, failed);
        self.enter(failed);
        let call = match (message.is_empty(), written) {
            (true, Some(written)) if operands == 1 => Self::unexplained(m, &written),
            _ => {
                self.evaluate(&m.mac, message);
                if operands == 1
                    && let Some(Piece::Eager(e)) = first.first_mut()
                {
                    *e = syn::parse_quote!(false);
                }
                let mut m = m.clone();
                m.mac.tokens = quote!(#(#first)* #(#message)*);
                Expr::Macro(m)
            }
        };
        self.finish(&Dest::Discard, &call);
        self.end(Term::unreachable());
        self.enter(after);
    }

    /// The condition of an assertion, whose operands can be read again where its message shows them.
    fn asserted(&mut self, m: &syn::ExprMacro, first: &mut [Piece], operands: usize) -> Expr {
        let mut all: Vec<&mut Expr> = first.iter_mut().filter_map(Piece::expr_mut).collect();
        if operands == 2 {
            self.arguments(all.iter_mut().map(|e| &mut **e).collect(), false);
            all.iter_mut().for_each(|e| self.fixed(e));
            let [left, right] = &all[..] else { return syn::parse_quote!(true) };
            return match macros::name(&m.mac).ends_with("_ne") {
                true => syn::parse_quote!((#left) != (#right)),
                false => syn::parse_quote!((#left) == (#right)),
            };
        }
        let Some(condition) = all.into_iter().next() else { return syn::parse_quote!(true) };
        place::strip(condition).clone()
    }

    /// An operand that is evaluated once and named twice.
    fn fixed(&mut self, e: &mut Expr) {
        if !(self.is_place(e) || matches!(place::strip(e), Expr::Lit(_))) {
            let var = self.temp(false);
            let value = std::mem::replace(e, self.path(var));
            self.bind_var(var, None, &value);
        }
    }

    /// The failure of an assertion without a message, which shows the condition as it was written.
    fn unexplained(m: &syn::ExprMacro, written: &Expr) -> Expr {
        let text = quote!(::workflow_runtime::__written!(#written));
        // With the user's span the panic is where the assertion is.
        let (path, span) = (&m.mac.path, m.mac.path.span());
        match macros::name(&m.mac).as_str() {
            "ensure" => {
                syn::parse_quote!(#path!(false, "Condition failed: `{}`", #text))
            }
            _ => syn::parse_quote_spanned!(span=> ::core::panic!("assertion failed: {}", #text)),
        }
    }

    fn event(&mut self, m: &syn::ExprMacro, pieces: &mut [Piece]) {
        let name = macros::name(&m.mac);
        let mut all = pieces.iter();
        let (mut target, mut level) = (None, None);
        while let Some(piece) = all.next() {
            match piece {
                Piece::Raw(t) if t.to_string().replace(' ', "") == "target:" => target = all.next(),
                Piece::Lazy(e) if name == "event" && level.is_none() && !splits::expr(e) => level = Some(quote!(#e)),
                _ => {}
            }
        }
        let own = syn::Ident::new(&name.to_uppercase(), proc_macro2::Span::mixed_site());
        let level = level.unwrap_or_else(|| quote!(::workflow_runtime::__private::tracing::Level::#own));
        let target = target.map(|t| quote!(target: #t,));
        let listens: Expr = syn::parse_quote!(::workflow_runtime::__private::listens(|| {
            ::workflow_runtime::__private::tracing::enabled!(#target #level)
        }));
        let (on, after) = (self.node(false), self.node(true));
        self.condition(&listens, on, after);
        self.enter(on);
        // `tracing` evaluates what the message shows first, and then the fields.
        let is_message = |p: &Piece| matches!(p, Piece::Lazy(Expr::Lit(l)) if matches!(l.lit, syn::Lit::Str(_)));
        let (fields, message) = pieces.split_at_mut(pieces.iter().position(is_message).unwrap_or(pieces.len()));
        self.arguments(message.iter_mut().chain(&mut *fields).filter_map(Piece::expr_mut).collect(), false);
        let mut m = m.clone();
        m.mac.tokens = quote!(#(#pieces)*);
        self.finish(&Dest::Discard, &Expr::Macro(m));
        self.end(Term::Goto(after));
        self.enter(after);
    }
}

fn is_lazy(p: &Piece) -> bool {
    matches!(p, Piece::Lazy(_))
}
