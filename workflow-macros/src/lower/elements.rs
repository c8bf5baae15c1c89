//! Borrows of one element that an iterator finds: `lines.iter().find(|l| l.open)`, `text.lines().next()`.
//!
//! They are taken again by going through the elements again. So nothing in the chain may come out differently by then: it takes
//! nothing by value, what its closures name does not change, and they call no functions: `now()` and `random()` are others by then.

use super::{
    Lower,
    chain::{DOUBLE, LENT, MUT, NUMBERED, PIECES, PLAIN, REFUSED},
    known_macro,
    names::Reader,
    place,
};
use crate::ir::VarId;
use syn::{
    Expr, ExprMethodCall,
    visit::{self, Visit},
};

/// Methods that give one of the items.
const FINDING: &[&str] = &["next", "nth", "last", "min", "max", "min_by", "max_by", "min_by_key", "max_by_key", "find"];

/// Adaptors that pass items on as they are.
const PASSING: &[&str] = &["rev", "skip", "take", "step_by", "filter", "skip_while", "take_while"];

/// True for a method that gives one item of an iterator.
pub(super) fn finds(m: &ExprMethodCall) -> bool {
    FINDING.contains(&m.method.to_string().as_str())
}

/// True for a call that gives an iterator, by its name.
pub(super) fn is_iterator(e: &Expr) -> bool {
    let Expr::MethodCall(m) = place::strip(e) else { return false };
    let name = m.method.to_string();
    PASSING.contains(&name.as_str()) || iterates(&name)
}

/// True for a method that goes through borrows of what it is called on.
fn lends_items(method: &str) -> bool {
    const VALUES: &[&str] = &["chars", "char_indices", "bytes", "range"];
    (LENT.contains(&method) && !VALUES.contains(&method))
        || (PIECES.contains(&method) && !method.ends_with("match_indices"))
}

/// True for the name of a method that gives an iterator.
fn iterates(method: &str) -> bool {
    let lends = LENT.contains(&method.trim_end_matches(MUT)) || PIECES.contains(&method);
    let adapts = [PLAIN, NUMBERED, DOUBLE, REFUSED].iter().any(|names| names.contains(&method));
    lends || adapts || method == "into_iter"
}

impl Lower<'_> {
    /// True for a call that finds an element of a place.
    pub(super) fn finds_element(&self, m: &ExprMethodCall) -> bool {
        finds(m) && self.same_arguments(m) && self.goes_through(&m.receiver)
    }

    fn goes_through(&self, e: &Expr) -> bool {
        let Expr::MethodCall(m) = place::strip(e) else { return false };
        let name = m.method.to_string();
        if PASSING.contains(&name.as_str()) {
            return self.same_arguments(m) && self.goes_through(&m.receiver);
        }
        let lender = || {
            self.is_storage(&m.receiver)
                || (self.is_borrow(&m.receiver) && self.changed_by(&m.receiver).is_empty())
                || matches!(place::strip(&m.receiver), Expr::Lit(_))
        };
        lends_items(&name) && m.args.iter().all(|a| !matches!(a, Expr::Closure(_))) && lender()
    }

    /// True if the closures among the arguments name nothing that may change.
    fn same_arguments(&self, m: &ExprMethodCall) -> bool {
        m.args.iter().all(|a| match place::strip(a) {
            Expr::Closure(c) => c.capture.is_none() && self.is_same(&c.body, c),
            _ => true,
        })
    }

    fn is_same(&self, body: &Expr, c: &syn::ExprClosure) -> bool {
        /// What may do something else than to look at values.
        struct Find(bool);
        impl Visit<'_> for Find {
            fn visit_macro(&mut self, m: &syn::Macro) {
                let known = ["matches", "format"].iter().any(|known| m.path.is_ident(known));
                match known_macro(m).filter(|_| known) {
                    Some(arguments) => arguments.iter().for_each(|e| self.visit_expr(e)),
                    None => self.0 = true,
                }
            }
            fn visit_expr_call(&mut self, c: &syn::ExprCall) {
                self.0 |= !constructs(&c.func);
                visit::visit_expr_call(self, c);
            }
            fn visit_expr_assign(&mut self, _: &syn::ExprAssign) {
                self.0 = true;
            }
            fn visit_expr_unsafe(&mut self, _: &syn::ExprUnsafe) {
                self.0 = true;
            }
            fn visit_expr_reference(&mut self, r: &syn::ExprReference) {
                self.0 |= r.mutability.is_some();
                visit::visit_expr_reference(self, r);
            }
        }
        let (mut find, mut reader) = (Find(false), Reader::default());
        find.visit_expr(body);
        reader.visit_expr_closure(c);
        let fixed = |v: VarId| !self.m.vars[v].mutable && !self.borrows_mutably(v);
        !find.0 && reader.touches.iter().filter_map(|n| self.lookup(n)).all(fixed)
    }
}

/// True for what has the name of a variant or of a tuple struct, and for conversions: `u64::from`.
fn constructs(function: &Expr) -> bool {
    let Expr::Path(p) = function else { return false };
    let converts = |name: &syn::Ident| p.path.segments.len() > 1 && name == "from";
    p.path.segments.last().is_some_and(|s| s.ident.to_string().starts_with(char::is_uppercase) || converts(&s.ident))
}
