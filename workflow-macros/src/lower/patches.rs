//! What `patched!` decides: on which way out of a condition an id is true, and on which it is false.
//!
//! A run of an older build has passed the new sites on their old paths. So a checkpoint of it must not go on in a point to
//! which only the new path leads, be it called like the one in which the run waits.

use super::{Lower, place};
use crate::ir::NodeId;
use syn::{Expr, Pat, UnOp};

impl Lower<'_> {
    /// The id that decides a condition, and whether the condition is true if the id is.
    pub(super) fn patched(&self, e: &Expr) -> Option<(String, bool)> {
        match place::strip(e) {
            Expr::Macro(m) if m.mac.path.segments.last().is_some_and(|s| s.ident == "patched") => {
                Some((m.mac.parse_body::<syn::LitStr>().ok()?.value(), true))
            }
            Expr::Unary(u) if matches!(u.op, UnOp::Not(_)) => self.patched(&u.expr).map(|(id, is)| (id, !is)),
            Expr::Path(p) => self.decisions.get(&self.lookup(&p.path.get_ident()?.to_string())?).cloned(),
            _ => None,
        }
    }

    /// Notes that a variable is what `patched!` said.
    pub(super) fn note_decision(&mut self, l: &syn::Local) {
        let Pat::Ident(syn::PatIdent { mutability: None, ident, .. }) = &l.pat else { return };
        if let Some(decision) = l.init.as_ref().and_then(|init| self.patched(&init.expr))
            && let Some(var) = self.lookup(&ident.to_string())
        {
            self.decisions.insert(var, decision);
        }
    }

    /// Notes what an id is where control goes from the one node to the other.
    pub(super) fn decided(&mut self, from: NodeId, to: NodeId, (id, is): (String, bool)) {
        self.m.decided.entry((from, to)).or_default().push((id, is));
    }

    /// What the id in a scrutinee is where an arm is taken.
    pub(super) fn decided_by_arm(&self, scrutinee: &Expr, arm: &syn::Arm) -> Option<(String, bool)> {
        let (Pat::Lit(syn::ExprLit { lit: syn::Lit::Bool(b), .. }), None) = (&arm.pat, &arm.guard) else { return None };
        let (id, is) = self.patched(scrutinee)?;
        Some((id, is == b.value))
    }
}
