//! `place op= value` with awaits on both sides.
//!
//! Rust evaluates the value first if both types are primitive, and the place first if not. Types are not known here, so both
//! ways are written, and the types decide which is taken: a constant for each program.

use super::{Dest, Lower, ident, unit};
use crate::ir::{Code, Effects, Kind, Term};
use quote::quote;
use syn::{Expr, visit::Visit};

impl Lower<'_> {
    /// Lowers a compound assignment whose sides both await.
    pub(super) fn compound(&mut self, b: &syn::ExprBinary) -> Expr {
        let [left, right] = [0, 1].map(|i| side(2 * self.m.compounds + i));
        self.m.compounds += 1;
        let (value_first, place_first, after) = (self.node(false), self.node(false), self.node(true));
        let primitive = syn::parse_quote!(::workflow_runtime::__private::primitive(&#left, &#right));
        self.condition(&primitive, value_first, place_first);
        for (node, value_first) in [(value_first, true), (place_first, false)] {
            self.enter(node);
            let around = self.place_first;
            self.place_first |= !value_first;
            let mut b = b.clone();
            self.sides(&mut b, value_first);
            let (place, value) = (&b.left, &b.right);
            // Nothing runs here, and so nothing is moved: the types of both sides are named.
            let mut effects = self.effects(|r| {
                r.visit_expr(place);
                r.visit_expr(value);
            });
            effects.kills.clear();
            let types = quote!(loop { break; #left.note(&#place); #right.note(&#value); });
            self.emit(Code { kind: Kind::Tokens(types), effects: Effects { moves: Default::default(), ..effects } });
            self.finish(&Dest::Discard, &Expr::Binary(b));
            self.end(Term::Goto(after));
            self.place_first = around;
        }
        self.enter(after);
        unit()
    }
}

/// What knows the type of a side of a compound assignment.
pub(crate) fn side(n: usize) -> proc_macro2::Ident {
    ident(&format!("__k{n}"))
}
