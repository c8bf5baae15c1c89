//! Suspension points: the await itself, and its stable label.

use super::{Lower, cx, make, place, token};
use crate::ir::{Code, Point, Term};
use proc_macro2::Span;
use syn::{Expr, spanned::Spanned};

/// The label of what has not been run at all.
const START: &str = "start";

/// What is awaited, as the user wrote it.
pub(super) struct Written {
    name: String,
    label: Option<Expr>,
    span: Span,
}

impl Written {
    pub(super) fn of(e: &Expr) -> Written {
        let (name, label) = describe(e);
        Written { name, label, span: e.span() }
    }
}

impl Lower<'_> {
    /// Ends the node in the suspension point of `base.await`; the value is what is returned.
    pub(super) fn awaited(&mut self, a: &mut syn::ExprAwait) -> Expr {
        let written = Written::of(&a.base);
        self.reduce(&mut a.base);
        let operation = self.code(&a.base);
        self.suspend(written, a.await_token.span(), operation)
    }

    /// Ends the node in a suspension point that awaits `operation`.
    pub(super) fn suspend(&mut self, written: Written, at: Span, operation: Code) -> Expr {
        self.hold();
        let Written { name, label: given, span } = written;
        let label = self.label(&name, given);
        let line = at.start().line as u32;
        let point = self.m.points.len();
        self.m.points.push(Point { label, operation: name, line });
        let resume = self.node(true);
        self.m.nodes[resume].resumes = Some(point);
        self.end(Term::Wait { point, operation, resume });
        self.enter(resume);
        // From the first token of the user's to the last, so that what is wrong with the value stands where it stands in the
        // check copy.
        let token = make::borrow(make::name(&token(point)), false, Span::call_site());
        let awaited = make::call(make::private("Awaited", span), [token], Span::call_site());
        make::method(awaited, "result", make::name(&cx()), at)
    }

    /// The label of the next point. A checkpoint finds its point by it, so no two have the same.
    pub(super) fn label(&mut self, operation: &str, given: Option<Expr>) -> String {
        if let Some(given) = given {
            return self.given_label(&given);
        }
        let name = operation.strip_suffix(".recv").unwrap_or(operation);
        let label = self.loop_labels.iter().map(|l| format!("{l}/")).collect::<String>() + name;
        let n = self.labels.entry(label.clone()).or_default();
        let label = if *n == 0 && label != START { label } else { format!("{label}#{n}") };
        *n += 1;
        if let Some(given) = self.given_labels.get(&label) {
            self.refuse(given, taken(&label));
        }
        label
    }

    fn given_label(&mut self, given: &Expr) -> String {
        let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. }) = place::strip(given) else {
            self.refuse(given, "a label is a string literal, as in `.label(\"charge again\")`: the compiler reads it, because checkpoints find their points by it");
            return String::new();
        };
        let is_taken = |label: &str| label == START || self.m.points.iter().any(|p| p.label == label);
        let mut label = literal.value();
        if label.is_empty() {
            self.refuse(literal, "a label has at least one character: checkpoints find their points by it");
        } else if self.place_first {
            for n in 1.. {
                if !is_taken(&label) {
                    break;
                }
                label = format!("{}#{n}", literal.value());
            }
        } else if is_taken(&label) {
            self.refuse(literal, taken(&label));
        }
        self.given_labels.insert(label.clone(), literal.clone());
        label
    }
}

fn taken(label: &str) -> String {
    format!("the label `{label}` is taken: a checkpoint finds its point by the label, give each its own")
}

/// What is awaited, as written: the callee, or the receiver and its method; and the argument of `.label("..")`.
fn describe(e: &Expr) -> (String, Option<Expr>) {
    let last = |p: &syn::Path| p.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    match e {
        Expr::Paren(p) => describe(&p.expr),
        Expr::Group(g) => describe(&g.expr),
        Expr::Try(t) => describe(&t.expr),
        Expr::Reference(r) => describe(&r.expr),
        Expr::Path(p) => (last(&p.path), None),
        Expr::Field(f) => match &f.member {
            syn::Member::Named(n) => (n.to_string(), None),
            syn::Member::Unnamed(i) => (format!("{}.{}", describe(&f.base).0, i.index), None),
        },
        // The shield does not change what is awaited, so it can be added and taken away under running instances.
        Expr::Call(c) if c.args.len() == 1 && shields(&c.func) => describe(&c.args[0]),
        Expr::Call(c) => match &*c.func {
            Expr::Path(p) => (last(&p.path), None),
            other => describe(other),
        },
        Expr::MethodCall(m) => {
            if m.method == "label" && m.args.len() == 1 {
                return (describe(&m.receiver).0, m.args.first().cloned());
            }
            match &*m.receiver {
                Expr::Path(p) => (format!("{}.{}", last(&p.path), m.method), None),
                Expr::Field(_) => (format!("{}.{}", describe(&m.receiver).0, m.method), None),
                other => describe(other),
            }
        }
        Expr::Macro(m) => (last(&m.mac.path), None),
        _ => ("await".into(), None),
    }
}

fn shields(callee: &Expr) -> bool {
    matches!(callee, Expr::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == "shielded"))
}
