//! Blocks, statements and `let`.

use super::{Dest, Lower, names, place, splits, unit};
use crate::{
    ir::{Code, Effects, Kind, Origin, Part, Term, VarId},
    parse::threads,
};
use quote::quote;
use syn::{Block, Expr, Pat, Stmt, visit::Visit};

impl Lower<'_> {
    pub(super) fn scope(&mut self, b: &Block, dest: &Dest) {
        let ((), shadows) = self.scoped(|s| s.statements(b, dest));
        if shadows {
            // A variable that was hidden has its name again: begin a block that takes it.
            let node = self.node(true);
            self.end(Term::Goto(node));
            self.enter(node);
        }
    }

    fn statements(&mut self, b: &Block, dest: &Dest) {
        let (last, init) = match b.stmts.split_last() {
            Some((last @ Stmt::Expr(_, None), init)) => (Some(last), init),
            Some((last @ Stmt::Macro(m), init)) if m.semi_token.is_none() => (Some(last), init),
            _ => (None, &b.stmts[..]),
        };
        for stmt in init {
            match stmt {
                Stmt::Local(l) => self.local(l),
                Stmt::Item(_) => {}
                Stmt::Expr(e, _) => self.into(e, &Dest::Discard),
                Stmt::Macro(m) => self.into(&macro_expr(m), &Dest::Discard),
            }
        }
        match last {
            Some(Stmt::Expr(e, _)) => self.into(e, dest),
            Some(Stmt::Macro(m)) => self.into(&macro_expr(m), dest),
            _ => self.finish(dest, &unit()),
        }
    }

    fn local(&mut self, l: &syn::Local) {
        self.bind_local(l);
        if let (Pat::Ident(p), Some(init)) = (&l.pat, &l.init)
            && chooses(&init.expr)
            && let Some(var) = self.lookup(&p.ident.to_string())
        {
            self.m.chosen.insert(var);
        }
        self.note_decision(l);
        let names = names::bindings(&l.pat).into_iter().map(|b| b.ident.to_string());
        let bound: Vec<VarId> = names.filter(|n| self.held.contains(n)).filter_map(|n| self.lookup(&n)).collect();
        self.only_held.extend(bound.into_iter().filter(|v| self.m.vars[*v].origin == Origin::Local));
    }

    fn bind_local(&mut self, l: &syn::Local) {
        let (pat, ty) = match &l.pat {
            Pat::Type(t) => ((*t.pat).clone(), Some((*t.ty).clone())),
            other => (other.clone(), None),
        };
        let Some(init) = &l.init else {
            // Bound where it is assigned.
            for b in super::names::bindings(&pat) {
                let var = self.var(&b.ident, b.mutable, ty.clone(), Origin::Local);
                self.m.vars[var].deferred = true;
                self.in_scope(var);
            }
            return;
        };
        if let Some((_, diverge)) = &init.diverge {
            return self.let_else(pat, ty, &init.expr, diverge);
        }
        if self.splits(&init.expr) && is_control(&init.expr) {
            if let Pat::Ident(syn::PatIdent { by_ref: None, subpat: None, ident, mutability, .. }) = &pat {
                let var = self.var(ident, mutability.is_some(), None, Origin::Local);
                self.into(&init.expr, &Dest::Bind { var, ty });
                return self.in_scope(var);
            }
            let var = self.temp(true);
            self.into(&init.expr, &Dest::Bind { var, ty });
            let value = self.path(var);
            return self.let_value(pat, None, &value);
        }
        let value = self.operand(&init.expr);
        self.let_value(pat, ty, &value);
    }

    fn let_value(&mut self, pat: Pat, ty: Option<syn::Type>, value: &Expr) {
        let value = &self.held(value, [&pat].into_iter());
        let origin = match &ty {
            None => self.derive(&pat, value, true),
            // The type may decide what the borrow is of.
            Some(ty @ syn::Type::Reference(_)) => {
                let (attrs, colon_token) = (vec![], Default::default());
                let typed = Pat::Type(syn::PatType {
                    attrs,
                    pat: Box::new(pat.clone()),
                    colon_token,
                    ty: Box::new(ty.clone()),
                });
                self.derive(&typed, value, true)
            }
            Some(_) => Origin::Local,
        };
        let mut code = self.code(value);
        self.taken(&pat, value, &mut code.effects);
        if let Kind::Tokens(init) = code.kind {
            self.bind_let(pat.clone(), ty.clone(), init, None, code.effects, origin);
        }
        self.note_pointer(&pat, ty.as_ref(), Some(value));
    }

    fn let_else(&mut self, pat: Pat, ty: Option<syn::Type>, init: &Expr, diverge: &Expr) {
        let value = self.operand(init);
        let value = self.held(&value, [&pat].into_iter());
        let origin = if ty.is_none() { self.derive(&pat, &value, false) } else { Origin::Local };
        if !splits::expr(diverge) && !self.hides_own_lender(&pat, origin) {
            let mut effects = self.effects(|r| {
                r.visit_expr(&value);
                let kills = r.kills.clone();
                r.visit_expr(diverge);
                r.kills = kills;
            });
            self.taken(&pat, &value, &mut effects);
            let (init, diverge) = (self.rewrite(&value), self.rewrite(diverge));
            return self.bind_let(pat, ty, init, Some(diverge), effects, origin);
        }
        let Code { kind: Kind::Tokens(tokens), mut effects } = self.code(&value) else {
            return;
        };
        let tokens = match ty {
            Some(ty) => {
                let var = self.temp(true);
                self.bind_var(var, Some(ty), &value);
                effects = Effects::default();
                effects.uses.insert(var);
                effects.touches.insert(var);
                let name = &self.m.vars[var].ident;
                quote!(#name)
            }
            None => tokens,
        };
        let (then, els) = (self.node(false), self.node(false));
        let from = self.cur;
        // The else block does not see the bindings.
        self.enter(els);
        self.into(diverge, &Dest::Discard);
        // That it must not come to its end is rustc's to say, of the check copy.
        self.end(Term::Diverge(Code {
            kind: Kind::Tokens(quote!(::core::unreachable!())),
            effects: Effects::default(),
        }));
        self.enter(then);
        self.taken(&pat, &value, &mut effects);
        self.bind_pattern(&pat, &mut effects, origin);
        self.m.nodes[from].term = match std::mem::replace(&mut self.m.nodes[from].term, Term::Open) {
            Term::Open => Term::If { parts: vec![Part::Let(pat, tokens)], effects, then, els },
            ended => ended,
        };
        self.settle();
    }
}

/// An expression that has ways of its own to its end.
pub(super) fn is_control(e: &Expr) -> bool {
    if let Expr::Macro(m) = place::strip(e) {
        return matches!(threads::ours(&m.mac), Some(threads::Kind::Select | threads::Kind::TryJoin));
    }
    matches!(
        place::strip(e),
        Expr::If(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Unsafe(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
    )
}

fn macro_expr(m: &syn::StmtMacro) -> Expr {
    Expr::Macro(syn::ExprMacro { attrs: m.attrs.clone(), mac: m.mac.clone() })
}

/// True for a choice between borrows of places, such as `if a { &b } else { &c }`.
fn chooses(e: &Expr) -> bool {
    let mut ends = vec![];
    match place::strip(e) {
        e @ (Expr::If(_) | Expr::Match(_)) => values(e, &mut ends),
        _ => return false,
    }
    let borrows = ends.into_iter().filter(|e| !leaves(e)).map(is_borrowed_place);
    let borrows: Vec<bool> = borrows.collect();
    !borrows.is_empty() && borrows.iter().all(|b| *b)
}

/// Gives no value.
fn leaves(e: &Expr) -> bool {
    match e {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Macro(m) => names::is_diverging(&m.mac),
        e => names::never_ends(e),
    }
}

/// What a choice may give.
fn values<'e>(e: &'e Expr, all: &mut Vec<&'e Expr>) {
    let block = |b: &'e syn::Block, all: &mut Vec<&'e Expr>| match b.stmts.last() {
        Some(Stmt::Expr(e, None)) => values(e, all),
        Some(Stmt::Expr(e, Some(_))) if leaves(e) => {}
        _ => all.push(e),
    };
    match place::strip(e) {
        Expr::If(i) => {
            block(&i.then_branch, all);
            i.else_branch.iter().for_each(|(_, e)| values(e, all));
        }
        Expr::Match(m) => m.arms.iter().for_each(|a| values(&a.body, all)),
        Expr::Block(b) if b.label.is_none() => block(&b.block, all),
        other => all.push(other),
    }
}

/// Not of a slice, which may be a text that lives as long as the program.
fn is_borrowed_place(e: &Expr) -> bool {
    fn is_place(e: &Expr) -> bool {
        match place::strip(e) {
            Expr::Path(_) => true,
            Expr::Field(f) => is_place(&f.base),
            Expr::Index(i) => !matches!(place::strip(&i.index), Expr::Range(_)) && is_place(&i.expr),
            _ => false,
        }
    }
    matches!(place::strip(e), Expr::Reference(r) if is_place(&r.expr))
}
