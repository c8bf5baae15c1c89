//! Expressions with an await inside: what Rust evaluates before the await moves into temporaries.
//!
//! Kept equivalent: the order of evaluation. Literals, constants, closures, borrows of places and reads that nothing
//! between can change are evaluated again behind the await, which keeps their expected types.

use super::{Dest, Lower, continues, make, place, splits};
use crate::ir::Term;
use quote::ToTokens;
use syn::{BinOp, Expr, UnOp, visit::Visit};

/// How an operand is read.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Value,
    /// As storage: the operand of a borrow, a comparison or an assignment, a receiver.
    Place,
}

type Operands<'a> = Vec<(&'a mut Expr, Mode)>;

impl Lower<'_> {
    /// Emits what `e` does up to its last await; what is left of it stands for its value.
    pub(super) fn operand(&mut self, e: &Expr) -> Expr {
        let mut e = e.clone();
        self.reduce(&mut e);
        e
    }

    /// The same in place.
    pub(super) fn reduce(&mut self, e: &mut Expr) {
        if !splits::expr(e) {
            return;
        }
        *e = match e {
            Expr::Await(a) => self.awaited(a),
            Expr::If(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Unsafe(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_) => {
                let var = self.temp(false);
                self.into(e, &Dest::Bind { var, ty: None });
                self.path(var)
            }
            Expr::Binary(b) if matches!(b.op, BinOp::And(_) | BinOp::Or(_)) && splits::expr(&b.right) => {
                self.short_circuit(b)
            }
            Expr::Macro(m) if continues::is(&m.mac) => {
                self.into(e, &Dest::Discard);
                syn::parse_quote!(::core::unreachable!())
            }
            Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => {
                self.into(e, &Dest::Discard);
                syn::parse_quote!(::core::unreachable!())
            }
            Expr::Macro(m) => match self.threads_operand(&m.mac) {
                Some(value) => value,
                None => self.macro_operands(m),
            },
            // Refused where they stand.
            Expr::TryBlock(_) | Expr::Yield(_) => e.clone(),
            Expr::Binary(b) if is_compound(&b.op) && splits::expr(&b.left) && splits::expr(&b.right) => {
                self.compound(b)
            }
            _ => {
                match operands(e) {
                    Some(all) => self.sequence(all),
                    None => self.refuse(&e, "an `.await` inside of this expression is not supported, because the compiler does not know in which order its parts run: bind the awaited value with `let` first"),
                }
                return;
            }
        };
    }

    /// Evaluates both sides of an assignment, in this order.
    pub(super) fn sides(&mut self, b: &mut syn::ExprBinary, value_first: bool) {
        let (left, right) = ((&mut *b.left, Mode::Place), (&mut *b.right, Mode::Value));
        self.sequence(if value_first { vec![right, left] } else { vec![left, right] });
    }

    /// Operands in the order in which Rust evaluates them.
    fn sequence(&mut self, mut all: Operands<'_>) {
        let Some(last) = all.iter().rposition(|(e, _)| splits::expr(e)) else {
            return;
        };
        for i in 0..=last {
            let (present, later) = all[..=last].split_at_mut(i + 1);
            let Some((e, mode)) = present.last_mut() else { return };
            self.reduce(e);
            if i < last {
                self.keep(e, *mode, later);
            }
        }
    }

    /// Makes `e` safe to evaluate after `later`, by evaluating it now where that is needed.
    fn keep(&mut self, e: &mut Expr, mode: Mode, later: &[(&mut Expr, Mode)]) {
        match e {
            Expr::Lit(_) | Expr::Closure(_) => {}
            Expr::Paren(p) => self.keep(&mut p.expr, mode, later),
            Expr::Group(g) => self.keep(&mut g.expr, mode, later),
            Expr::Cast(c) => self.keep(&mut c.expr, Mode::Value, later),
            Expr::Reference(r) => self.keep(&mut r.expr, Mode::Place, later),
            Expr::Tuple(t) => t.elems.iter_mut().for_each(|e| self.keep(e, Mode::Value, later)),
            Expr::Array(a) => a.elems.iter_mut().for_each(|e| self.keep(e, Mode::Value, later)),
            Expr::Struct(s) => {
                s.fields.iter_mut().for_each(|f| {
                    self.keep(&mut f.expr, Mode::Value, later);
                    if !matches!(&f.expr, Expr::Path(_)) || f.colon_token.is_none() {
                        f.colon_token = Some(Default::default());
                    }
                });
                if let Some(rest) = &mut s.rest {
                    self.keep(rest, Mode::Value, later);
                }
            }
            Expr::Call(c) if is_constructor(&c.func) => {
                c.args.iter_mut().for_each(|e| self.keep(e, Mode::Value, later))
            }
            // A cursor of its own is made of what the receiver is made of: that is saved, and the cursor made again.
            Expr::MethodCall(m) if mode == Mode::Place && m.args.is_empty() && remakes(&m.method.to_string()) => {
                self.keep(&mut m.receiver, Mode::Place, later);
            }
            // A part of what is no storage yet, such as an awaited value: that is evaluated now.
            Expr::Field(f) if mode == Mode::Place && !self.is_storage(&f.base) && !self.is_borrow(&f.base) => {
                self.keep_base(&mut f.base, later);
            }
            Expr::Index(i) if mode == Mode::Place && !self.is_storage(&i.expr) && !self.is_borrow(&i.expr) => {
                self.keep_base(&mut i.expr, later);
                self.keep(&mut i.index, Mode::Value, later);
            }
            Expr::Path(_) | Expr::Field(_) if mode == Mode::Place || !self.may_change(e, later) => {}
            Expr::Index(_) | Expr::Unary(_) if mode == Mode::Place && self.is_place(e) => {}
            // Its indices are evaluated now.
            Expr::Index(_) if mode == Mode::Place && self.is_storage(e) => *e = self.steady(e),
            _ => {
                let var = self.temp(mode == Mode::Place);
                let value = std::mem::replace(e, self.path(var));
                self.bind_var(var, None, &value);
            }
        }
    }

    /// The same for what a part is taken of: not even a `Box` is moved out of.
    fn keep_base(&mut self, e: &mut Expr, later: &[(&mut Expr, Mode)]) {
        match e {
            Expr::Paren(p) => self.keep_base(&mut p.expr, later),
            Expr::Group(g) => self.keep_base(&mut g.expr, later),
            Expr::Unary(u) if matches!(u.op, UnOp::Deref(_)) => self.keep_base(&mut u.expr, later),
            e => self.keep(e, Mode::Place, later),
        }
    }

    /// True if `later` may assign what the place `e` reads, or if `e` reads what is not a plain place.
    fn may_change(&mut self, e: &Expr, later: &[(&mut Expr, Mode)]) -> bool {
        let Some(root) = place::root(e) else {
            return !matches!(e, Expr::Path(_));
        };
        let Some(var) = self.lookup(&root) else {
            return false;
        };
        let touched = self.effects(|r| later.iter().for_each(|(e, _)| r.visit_expr(e))).touches;
        self.m.vars[var].mutable && touched.contains(&var)
    }

    /// `a && b.await`, `a || b.await`: the right side runs only if the left does not decide.
    fn short_circuit(&mut self, b: &syn::ExprBinary) -> Expr {
        let and = matches!(b.op, BinOp::And(_));
        let var = self.temp(false);
        let dest = Dest::Bind { var, ty: None };
        let (yes, no, join) = (self.node(false), self.node(false), self.node(true));
        self.condition(&b.left, yes, no);
        let (more, decided) = if and { (yes, no) } else { (no, yes) };
        self.enter(more);
        self.into(&b.right, &dest);
        self.end(Term::Goto(join));
        self.enter(decided);
        let value = make::boolean(!and);
        self.finish(&dest, &value);
        self.end(Term::Goto(join));
        self.enter(join);
        self.path(var)
    }

    /// The arguments of a macro, by value or as what it borrows.
    pub(super) fn arguments(&mut self, all: Vec<&mut Expr>, by_value: bool) {
        let mode = if by_value { Mode::Value } else { Mode::Place };
        self.sequence(all.into_iter().map(|e| (e, mode)).collect());
    }
}

/// Methods that only begin to go through their receiver.
fn remakes(method: &str) -> bool {
    [
        "into_iter",
        "iter",
        "iter_mut",
        "chars",
        "bytes",
        "lines",
        "keys",
        "values",
        "rev",
        "enumerate",
        "cloned",
        "copied",
    ]
    .contains(&method)
}

/// `Some(..)`, `Kind::Card(..)`: building a value has no effect.
fn is_constructor(func: &Expr) -> bool {
    let Expr::Path(p) = func else { return false };
    p.path.segments.last().is_some_and(|s| s.ident.to_string().starts_with(char::is_uppercase))
}

/// The parts of an expression that all run, in the order in which Rust evaluates them.
fn operands(e: &mut Expr) -> Option<Operands<'_>> {
    let value = |e| (e, Mode::Value);
    Some(match e {
        Expr::Paren(p) => vec![(&mut *p.expr, Mode::Place)],
        Expr::Group(g) => vec![(&mut *g.expr, Mode::Place)],
        Expr::Try(t) => vec![value(&mut *t.expr)],
        Expr::Cast(c) => vec![value(&mut *c.expr)],
        Expr::Reference(r) => vec![(&mut *r.expr, Mode::Place)],
        Expr::Unary(u) => {
            let mode = if matches!(u.op, UnOp::Deref(_)) { Mode::Place } else { Mode::Value };
            vec![(&mut *u.expr, mode)]
        }
        Expr::Field(f) => vec![(&mut *f.base, Mode::Place)],
        Expr::Index(i) => vec![(&mut *i.expr, Mode::Place), value(&mut *i.index)],
        Expr::Call(c) => {
            let func = (!matches!(&*c.func, Expr::Path(_))).then_some((&mut *c.func, Mode::Place));
            func.into_iter().chain(c.args.iter_mut().map(value)).collect()
        }
        Expr::MethodCall(m) => {
            std::iter::once((&mut *m.receiver, Mode::Place)).chain(m.args.iter_mut().map(value)).collect()
        }
        Expr::Tuple(t) => t.elems.iter_mut().map(value).collect(),
        Expr::Array(a) => a.elems.iter_mut().map(value).collect(),
        Expr::Repeat(r) => vec![value(&mut *r.expr)],
        Expr::Struct(s) => {
            s.fields.iter_mut().for_each(|f| f.colon_token = Some(Default::default()));
            s.fields.iter_mut().map(|f| &mut f.expr).chain(s.rest.as_deref_mut()).map(value).collect()
        }
        Expr::Range(r) => r.start.as_deref_mut().into_iter().chain(r.end.as_deref_mut()).map(value).collect(),
        // The value of an assignment is evaluated before its place.
        Expr::Assign(a) => vec![value(&mut *a.right), (&mut *a.left, Mode::Place)],
        Expr::Binary(b) => {
            let compares =
                matches!(b.op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_));
            let mode = if compares { Mode::Place } else { Mode::Value };
            let (left, right) = (&mut *b.left, &mut *b.right);
            if is_compound(&b.op) { vec![value(right), (left, Mode::Place)] } else { vec![(left, mode), (right, mode)] }
        }
        _ => return None,
    })
}

fn is_compound(op: &BinOp) -> bool {
    op.to_token_stream().to_string().len() > 1
        && op.to_token_stream().to_string().ends_with('=')
        && !matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Le(_) | BinOp::Ge(_))
}
