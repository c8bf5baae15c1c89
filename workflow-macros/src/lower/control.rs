//! Branches and jumps.

use super::{Dest, Jump, Lower, continues, names, place, splits, unit};
use crate::ir::{Effects, NodeId, Part, Term};
use syn::{BinOp, Expr};

impl Lower<'_> {
    /// Lowers `e` so that its value goes to `dest`.
    pub(super) fn into(&mut self, e: &Expr, dest: &Dest) {
        match e {
            Expr::Macro(m) if continues::is(&m.mac) => {
                if let Some(e) = continues::as_return(e) {
                    self.into(&e, dest);
                }
            }
            Expr::Return(r) => {
                let value = match &r.expr {
                    Some(e) => return self.into(e, &Dest::Return),
                    None => unit(),
                };
                self.finish(&Dest::Return, &value);
            }
            Expr::Macro(m) if self.threads_into(&m.mac, dest) => {}
            Expr::Break(b) => self.break_(b),
            Expr::Continue(c) => self.continue_(c),
            Expr::Macro(m) if names::is_diverging(&m.mac) => {
                let e = self.operand(e);
                let code = self.code(&e);
                self.end_dead(Term::Diverge(code));
            }
            // Nothing that is read behind it has to have a value here.
            _ if !self.splits(e) && names::never_ends(e) => {
                let code = self.code(e);
                self.end_dead(Term::Diverge(code));
            }
            _ if !self.splits(e) => self.finish(dest, e),
            Expr::Assign(a) if self.renews(e) => self.renew(a, dest),
            Expr::Paren(p) => self.into(&p.expr, dest),
            Expr::Group(g) => self.into(&g.expr, dest),
            Expr::If(i) => self.if_(i, dest),
            Expr::Match(m) => self.match_(m, dest),
            Expr::Unsafe(u) => self
                .refuse(u.unsafe_token, "an `.await` in an `unsafe` block is refused, because what the block relies on would have to hold once more behind it, perhaps in another process: keep `unsafe` around what needs it, and await outside of it"),
            Expr::Block(b) => self.block_expr(b, dest),
            Expr::Loop(l) => self.loop_(l, dest),
            Expr::While(w) => self.while_(w, dest),
            Expr::ForLoop(f) => self.for_(f, dest),
            _ => {
                let value = self.operand(e);
                self.finish(dest, &value);
            }
        }
    }

    fn if_(&mut self, i: &syn::ExprIf, dest: &Dest) {
        let (then, els, join) = (self.node(false), self.node(false), self.node(true));
        self.scoped(|s| {
            s.condition(&i.cond, then, els);
            s.enter(then);
            s.settle();
            s.block(&i.then_branch, dest);
            s.end(Term::Goto(join));
        });
        self.enter(els);
        match &i.else_branch {
            Some((_, e)) => self.into(e, dest),
            None => self.finish(dest, &unit()),
        }
        self.end(Term::Goto(join));
        self.enter(join);
    }

    /// Branches on `e`; a condition is split where a later part of a chain awaits.
    pub(super) fn condition(&mut self, e: &Expr, then: NodeId, els: NodeId) {
        let mut chain = vec![];
        flatten(e, &mut chain);
        // Of several links it is not known which one was false.
        if let [link] = chain[..]
            && let Some((id, is)) = self.patched(link)
        {
            self.decided(self.cur, els, (id, !is));
        }
        let (mut parts, mut effects) = (vec![], Effects::default());
        let mut decided = vec![];
        for link in chain {
            let first = matches!(link, Expr::Let(l) if self.prepares(&l.expr));
            if (splits::expr(link) || first) && !parts.is_empty() {
                let next = self.node(false);
                let (parts, effects) = (std::mem::take(&mut parts), std::mem::take(&mut effects));
                self.branch(Term::If { parts, effects, then: next, els }, next, std::mem::take(&mut decided));
                self.enter(next);
            }
            decided.extend(self.patched(link));
            match link {
                Expr::Let(l) => {
                    let value = self.operand(&l.expr);
                    let value = self.held(&value, [&*l.pat].into_iter());
                    let origin = self.derive(&l.pat, &value, false);
                    let code = self.code(&value);
                    self.merge(&mut effects, code.effects);
                    self.taken(&l.pat, &value, &mut effects);
                    self.bind_pattern(&l.pat, &mut effects, origin);
                    let value = self.rewrite(&value);
                    parts.push(Part::Let((*l.pat).clone(), value));
                }
                other => {
                    let value = self.operand(other);
                    parts.push(self.part_expr(&value, &mut effects));
                }
            }
        }
        self.branch(Term::If { parts, effects, then, els }, then, decided);
    }

    /// Ends the node in a condition, and notes what is decided where it is true.
    fn branch(&mut self, condition: Term, then: NodeId, decided: Vec<(String, bool)>) {
        let from = self.cur;
        decided.into_iter().for_each(|d| self.decided(from, then, d));
        self.end(condition);
    }

    fn block_expr(&mut self, b: &syn::ExprBlock, dest: &Dest) {
        let Some(label) = &b.label else {
            return self.block(&b.block, dest);
        };
        let after = self.node(true);
        let label = Some(label.name.ident.to_string());
        self.jumps.push(Jump { label, a_loop: false, brk: after, cont: after, dest: dest.clone() });
        self.block(&b.block, dest);
        self.jumps.pop();
        self.end(Term::Goto(after));
        self.enter(after);
    }

    fn break_(&mut self, b: &syn::ExprBreak) {
        let found = self.target(b.label.as_ref());
        let Some((to, _, dest)) = found else {
            return self.no_target(b, "break");
        };
        match &b.expr {
            Some(e) => self.into(e, &dest),
            None => self.finish(&dest, &unit()),
        }
        self.end_dead(Term::Goto(to));
    }

    fn continue_(&mut self, c: &syn::ExprContinue) {
        match self.target(c.label.as_ref()) {
            Some((_, to, _)) => self.end_dead(Term::Goto(to)),
            None => self.no_target(c, "continue"),
        }
    }

    /// A jump that leaves its branch is refused. What is in no loop at all is an error of Rust.
    fn no_target(&mut self, on: impl quote::ToTokens, jump: &str) {
        if self.branch.is_some() {
            let message = format!(
                "this `{jump}` would leave its branch for a loop around the `join!` or `select!`: end the branch with a value, and leave the loop by that"
            );
            self.errors.seen_by_rustc();
            return self.refuse(on, message);
        }
        self.m.wrong = true;
    }

    fn target(&self, label: Option<&syn::Lifetime>) -> Option<(NodeId, NodeId, Dest)> {
        let label = label.map(|l| l.ident.to_string());
        let fits = |j: &&Jump| if label.is_some() { j.label == label } else { j.a_loop };
        self.jumps.iter().rev().find(fits).map(|j| (j.brk, j.cont, j.dest.clone()))
    }

    /// The body of a loop: `brk` and `cont` are where its jumps lead.
    pub(super) fn looped(&mut self, label: Option<&syn::Label>, to: (NodeId, NodeId), dest: &Dest, body: &syn::Block) {
        let label = label.map(|l| l.name.ident.to_string());
        self.loop_labels.extend(label.clone());
        self.jumps.push(Jump { label: label.clone(), a_loop: true, brk: to.0, cont: to.1, dest: dest.clone() });
        self.settle();
        self.block(body, &Dest::Discard);
        self.end(Term::Goto(to.1));
        self.jumps.pop();
        if label.is_some() {
            self.loop_labels.pop();
        }
    }
}

fn flatten<'a>(e: &'a Expr, chain: &mut Vec<&'a Expr>) {
    match place::strip(e) {
        Expr::Binary(b) if matches!(b.op, BinOp::And(_)) => {
            flatten(&b.left, chain);
            flatten(&b.right, chain);
        }
        condition @ Expr::Let(_) => chain.push(condition),
        // Within its parentheses, which an `||` beside a `let` needs.
        _ => chain.push(e),
    }
}
