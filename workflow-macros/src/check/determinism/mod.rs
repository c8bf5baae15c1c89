//! Determinism, as far as tokens show it: what a step must not call, wherever it is called in the body.
//!
//! Symbols are looked for, never spellings: a path is followed through the imports of the function, and a name that the function
//! declares is the user's own. Where only a type could tell, nothing is found: the types of the expansion and
//! `cargo workflow check` stand behind this. Exempt is what stands in `side_effect(|| ..)`, and what an exemption names.

mod attributes;
mod formats;
mod imports;
mod items;
mod kinds;
mod macros;
mod methods;
mod order;
mod symbols;
#[cfg(test)]
mod tests;

use crate::{
    diagnostic::{Errors, Suspect, Suspicion, Warning, ends},
    lower,
    parse::{exempt::Exemption, workflow::WorkflowFn},
};
use imports::{Resolved, Scopes, Space, segments};
use kinds::Kind;
use order::Target;
use proc_macro2::Span;
use quote::{ToTokens, quote};
use std::collections::BTreeSet;
use symbols::{Doubt, Found};
use syn::{
    Attribute, Expr, ExprMethodCall, Pat, Stmt, Type,
    visit::{self, Visit},
};
use workflow_rules::{ADDRESSES, CLOCK, ESCAPES, RANDOMNESS, Rule, Severity};

/// Reports what makes a step differ when it is executed again, and takes the exemptions out of the body.
pub(crate) fn determinism(f: &mut WorkflowFn, errors: &Errors) {
    let mut net = Net::new(errors);
    net.exempt.clone_from(&f.exempt);
    net.active = (0..net.exempt.len()).collect();
    net.scopes.generics(&f.item.sig.generics);
    net.scopes.parameters(f.item.sig.inputs.iter(), |s, ty| s.of_type(ty));
    net.returns = match &f.item.sig.output {
        syn::ReturnType::Type(_, ty) => Some((**ty).clone()),
        syn::ReturnType::Default => None,
    };
    net.body(&f.item.block);
    let Net { exempt, warnings, suspicions, told, inert, .. } = net;
    f.exempt = exempt;
    f.warnings = warnings;
    f.suspicions = suspicions;
    f.told = told;
    if inert {
        attributes::strip(&mut f.item.block);
    }
}

struct Net<'e> {
    errors: &'e Errors,
    warnings: Vec<Warning>,
    suspicions: Vec<Suspicion>,
    told: BTreeSet<(usize, usize)>,
    scopes: Scopes,
    /// All exemptions so far, and those that hold here.
    exempt: Vec<Exemption>,
    active: Vec<usize>,
    /// The attributes of the statements around, which stand on their first expressions too.
    taken: Vec<*const Attribute>,
    /// Some attribute has to be taken out.
    inert: bool,
    /// Within what is recorded.
    recorded: usize,
    /// Within an event of `tracing` or a panic, whose text reaches no state.
    shown: usize,
    /// The type of what the present function returns.
    returns: Option<Type>,
}

impl<'e> Net<'e> {
    fn new(errors: &'e Errors) -> Self {
        Net {
            errors,
            warnings: vec![],
            suspicions: vec![],
            told: BTreeSet::new(),
            scopes: Scopes::new(),
            exempt: vec![],
            active: vec![],
            taken: vec![],
            inert: false,
            recorded: 0,
            shown: 0,
            returns: None,
        }
    }

    /// Reports a finding, unless it is exempt here. `what` begins the sentence.
    fn found(&mut self, rule: &'static Rule, on: impl ToTokens, what: &str) {
        self.report(rule, on, what, None);
    }

    /// Lets rustc report a finding, if a name that comes from around the function means what it seems to.
    fn suspect(&mut self, rule: &'static Rule, on: impl ToTokens, what: &str, suspect: Suspect) {
        self.report(rule, on, what, Some(suspect));
    }

    fn report(&mut self, rule: &'static Rule, on: impl ToTokens, what: &str, suspect: Option<Suspect>) {
        if self.recorded > 0 {
            return;
        }
        let (at, end) = ends(&on);
        self.tell(at);
        let exempt = self.active.iter().rev().filter_map(|i| self.exempt.get(*i)).find(|e| e.rule == rule);
        if let Some(exempt) = exempt {
            exempt.silenced.set(Some("net1"));
            return;
        }
        match rule.severity {
            Severity::Error if suspect.is_some() => {
                let message = rule.message(what);
                self.suspicions.extend(suspect.map(|suspect| Suspicion { suspect, at, end, message }));
            }
            Severity::Error => self.errors.push(on, rule.message(what)),
            Severity::Warning => {
                self.warnings.push(Warning { at, message: rule.message(what) });
            }
        }
    }

    /// The path of a value: a function that is called with so many arguments, or that is passed on.
    fn path(&mut self, names: &[String], path: Option<&syn::Path>, given: Option<usize>, on: impl ToTokens) {
        let Some(Found { symbols, doubt }) = self.lookup(names, given) else { return self.renamed(names, given, on) };
        let written: Vec<&str> = names.iter().map(String::as_str).collect();
        let what = format!("`{}` {}", written.join("::"), symbols.does);
        match (doubt, path) {
            (Some(doubt), Some(path)) => self.suspect(symbols.rule, on, &what, suspected(path, doubt)),
            _ => self.found(symbols.rule, on, &what),
        }
    }

    /// Keeps types from saying something at this place: it is told already, or seen to be harmless.
    fn tell(&mut self, at: Span) {
        let at = at.start();
        self.told.insert((at.line, at.column));
    }

    /// `When::now()`, with a type whose name is given around the function: rustc knows which one it is.
    fn renamed(&mut self, names: &[String], given: Option<usize>, on: impl ToTokens) {
        let rule = match names.last().map(String::as_str) {
            Some("now" | "now_v7") => CLOCK,
            Some("new_v4") => RANDOMNESS,
            _ => return,
        };
        let Resolved::Path { segments, .. } = self.scopes.resolve(names, Space::Value) else { return };
        let [path @ .., ty, _] = &segments[..] else { return };
        if given.is_some_and(|n| n > 0) || !ty.starts_with(char::is_uppercase) || path.iter().any(|s| s == "Self") {
            return;
        }
        let at = ends(&on).0;
        let ty = path.iter().chain([ty]).filter_map(|s| syn::parse_str::<syn::Ident>(s).ok().or_else(|| keyword(s)));
        let ty = ty.map(|mut name| {
            name.set_span(at);
            name
        });
        let does = if rule == CLOCK { "reads a clock" } else { "draws a random id" };
        self.suspect(rule, &on, &format!("`{}` {does}", names.join("::")), Suspect::Type(quote!(#(#ty)::*)));
    }

    fn lookup(&self, path: &[String], given: Option<usize>) -> Option<Found> {
        let last = path.last()?;
        // If nothing can be called something else, only the names in the table count.
        if !self.scopes.renames() && !symbols::known(last) {
            return None;
        }
        let Resolved::Path { segments, open, globs } = self.scopes.resolve(path, Space::Value) else { return None };
        let by_glob = || globs.iter().find_map(|g| symbols::find(g, false, given));
        symbols::find(&segments, open, given).or_else(by_glob)
    }

    /// A path that is called with so many arguments, or passed on.
    fn value(&mut self, p: &syn::ExprPath, given: Option<usize>) {
        if p.qself.as_ref().is_some_and(|q| matches!(&*q.ty, Type::Ptr(_))) && methods::addresses(&p.path) {
            return self.found(ADDRESSES, p, "this gives an address");
        }
        let path = match &p.qself {
            None => segments(&p.path),
            // `<Instant>::now`, and `<StdRng as SeedableRng>::from_os_rng`, which is a function of the trait.
            Some(q) => match &*q.ty {
                Type::Path(ty) if q.position == 0 && ty.qself.is_none() => {
                    segments(&ty.path).into_iter().chain(segments(&p.path)).filter(|s| !s.is_empty()).collect()
                }
                _ => segments(&p.path),
            },
        };
        let of = p.qself.as_ref().map(|q| &*q.ty);
        // No clock has type arguments, and what is asked of rustc is asked without them.
        let generic = has_arguments(&p.path) || matches!(of, Some(Type::Path(t)) if has_arguments(&t.path));
        if !generic || self.lookup(&path, given).is_some() {
            self.path(&path, p.qself.is_none().then_some(&p.path), given, p);
        }
    }

    /// `side_effect`, whose value is recorded.
    fn records(&self, f: &Expr) -> bool {
        let Expr::Path(path) = f else { return false };
        if !lower::records(f) {
            return false;
        }
        match self.scopes.resolve(&segments(&path.path), Space::Value) {
            Resolved::Own => false,
            Resolved::Path { segments, .. } => segments.len() == 1 || segments[0] == "workflow_runtime",
        }
    }

    fn recorded(&mut self, visit: impl FnOnce(&mut Self)) {
        self.recorded += 1;
        visit(self);
        self.recorded -= 1;
    }

    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.open(false);
        visit(self);
        self.scopes.close();
    }

    /// The block of a function, whose value has the type that the function returns.
    fn body(&mut self, b: &syn::Block) {
        self.scoped(|s| s.statements(&b.stmts, true));
    }

    fn statements(&mut self, stmts: &[Stmt], returned: bool) {
        self.scopes.items(stmts);
        let mut rest = stmts;
        while let Some((stmt, behind)) = rest.split_first() {
            rest = behind;
            let held = self.attributes(attributes::of_stmt(stmt), stmt);
            match stmt {
                Stmt::Expr(e, None) if returned && behind.is_empty() => {
                    let ty = self.returns.clone();
                    self.destined(e, ty.as_ref());
                }
                Stmt::Expr(e, _) => self.expr_before(e, behind),
                Stmt::Local(l) => self.local(l, behind),
                stmt => self.visit_stmt(stmt),
            }
            self.release(held);
        }
    }

    /// An expression whose value is of a type that is known.
    fn destined(&mut self, e: &Expr, ty: Option<&Type>) {
        match e {
            Expr::MethodCall(m) => self.chain(m, &ty.map_or(Target::Unknown, |ty| Target::Type(Box::new(ty.clone())))),
            Expr::Paren(p) => self.destined(&p.expr, ty),
            Expr::Call(c) if wraps(&c.func) && c.args.len() == 1 && c.attrs.is_empty() => {
                let inner = ty.and_then(order::first_argument);
                c.args.iter().for_each(|a| self.destined(a, inner.as_ref()));
            }
            e => self.visit_expr(e),
        }
    }

    /// A statement: `v.extend(m.keys())` is fine if `v` is sorted next.
    fn expr_before(&mut self, e: &Expr, behind: &[Stmt]) {
        match e {
            Expr::MethodCall(m) if m.method == "extend" && order::sorted_next(&m.receiver, behind) => {
                let held = self.attributes(attributes::of_expr(e), e);
                self.visit_expr(&m.receiver);
                m.args.iter().for_each(|a| self.into(a, &Target::Sorted));
                self.release(held);
            }
            e => self.visit_expr(e),
        }
    }

    /// An expression whose value goes to `target`.
    fn into(&mut self, e: &Expr, target: &Target) {
        match e {
            Expr::MethodCall(m) => self.chain(m, target),
            e => self.visit_expr(e),
        }
    }

    fn local(&mut self, l: &syn::Local, behind: &[Stmt]) {
        let (pat, ty) = match &l.pat {
            Pat::Type(t) => (&*t.pat, Some(&*t.ty)),
            pat => (pat, None),
        };
        let name = match pat {
            Pat::Ident(i) if i.subpat.is_none() => Some(&i.ident),
            _ => None,
        };
        let mut kind = ty.map_or(Kind::Other, |ty| self.scopes.of_type(ty));
        if let Some(init) = &l.init {
            let sorted = || name.is_some_and(|n| order::sorted_behind(&n.to_string(), behind));
            match &*init.expr {
                Expr::MethodCall(m) if m.method == "collect" && sorted() => self.chain(m, &Target::Sorted),
                e => self.destined(e, ty),
            }
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
            if ty.is_none() {
                kind = self.scopes.of_expr(&init.expr);
            }
        }
        match name {
            Some(name) => self.scopes.local(name, kind),
            None => self.scopes.bind(&l.pat),
        }
    }

    /// A loop over `e`.
    fn iterated(&mut self, e: &Expr) {
        match e {
            Expr::MethodCall(m) => self.chain(m, &Target::Loop),
            e => {
                if let Kind::Hash(by) = self.scopes.of_expr(e) {
                    self.hash(by, e, "this loop goes through a hash table");
                }
                self.visit_expr(e);
            }
        }
    }
}

/// `crate`, where a path begins.
fn keyword(s: &str) -> Option<syn::Ident> {
    (s == "crate").then(|| syn::Ident::new(s, proc_macro2::Span::call_site()))
}

fn has_arguments(path: &syn::Path) -> bool {
    path.segments.iter().any(|s| !s.arguments.is_empty())
}

/// What rustc looks at to tell what a path is.
fn suspected(path: &syn::Path, doubt: Doubt) -> Suspect {
    let names: Vec<_> = path.segments.iter().map(|s| &s.ident).collect();
    let before = names.get(..names.len().saturating_sub(1)).unwrap_or_default();
    let (before, all) = (quote!(#(#before)::*), quote!(#(#names)::*));
    match doubt {
        Doubt::Type => Suspect::Type(before),
        Doubt::Module(witness) => Suspect::Module(before, witness),
        Doubt::Now => Suspect::Now(all),
        Doubt::Lock(method) => Suspect::Lock(all, method),
    }
}

/// `Some` and `Ok`.
fn wraps(f: &Expr) -> bool {
    matches!(f, Expr::Path(p) if ["Some", "Ok"].iter().any(|n| p.path.is_ident(n)))
}

impl Visit<'_> for Net<'_> {
    fn visit_expr(&mut self, e: &Expr) {
        let held = self.attributes(attributes::of_expr(e), e);
        visit::visit_expr(self, e);
        self.release(held);
    }
    fn visit_arm(&mut self, a: &syn::Arm) {
        let held = self.attributes(&a.attrs, a);
        self.scoped(|s| {
            s.scopes.bind(&a.pat);
            if let Some((_, guard)) = &a.guard {
                s.visit_expr(guard);
            }
            s.visit_expr(&a.body);
        });
        self.release(held);
    }
    fn visit_field_value(&mut self, f: &syn::FieldValue) {
        let held = self.attributes(&f.attrs, f);
        self.visit_expr(&f.expr);
        self.release(held);
    }
    fn visit_attribute(&mut self, _: &Attribute) {}
    fn visit_type(&mut self, _: &Type) {}
    fn visit_pat(&mut self, _: &Pat) {}
    fn visit_expr_path(&mut self, p: &syn::ExprPath) {
        self.value(p, None);
    }
    fn visit_expr_call(&mut self, c: &syn::ExprCall) {
        if self.records(&c.func) {
            for a in &c.args {
                match a {
                    Expr::Closure(_) | Expr::Path(_) => self.recorded(|s| s.visit_expr(a)),
                    a => self.visit_expr(a),
                }
            }
            return;
        }
        match &*c.func {
            Expr::Path(f) => self.value(f, Some(c.args.len())),
            f => self.visit_expr(f),
        }
        let target = self.fills(&c.func);
        c.args.iter().for_each(|a| self.into(a, &target));
    }
    fn visit_expr_method_call(&mut self, m: &ExprMethodCall) {
        self.chain(m, &Target::Unknown);
    }
    fn visit_expr_reference(&mut self, r: &syn::ExprReference) {
        // Whoever is lent a generator draws from it.
        if r.mutability.is_some() && self.is_os_rng(&r.expr) {
            self.found(RANDOMNESS, r, "`OsRng` draws from the randomness of the system");
        }
        self.visit_expr(&r.expr);
    }
    fn visit_expr_cast(&mut self, c: &syn::ExprCast) {
        self.cast(c);
        self.visit_expr(&c.expr);
    }
    fn visit_expr_unsafe(&mut self, u: &syn::ExprUnsafe) {
        // One that awaits is refused anyway.
        if !lower::awaits(&u.block) {
            self.found(ESCAPES, u.unsafe_token, "an `unsafe` block can do anything");
        }
        self.scoped(|s| s.statements(&u.block.stmts, false));
    }
    fn visit_block(&mut self, b: &syn::Block) {
        self.scoped(|s| s.statements(&b.stmts, false));
    }
    fn visit_expr_closure(&mut self, c: &syn::ExprClosure) {
        self.scoped(|s| {
            for input in &c.inputs {
                match input {
                    Pat::Type(t) => match &*t.pat {
                        Pat::Ident(i) => {
                            let kind = s.scopes.of_type(&t.ty);
                            s.scopes.local(&i.ident, kind);
                        }
                        pat => s.scopes.bind(pat),
                    },
                    pat => s.scopes.bind(pat),
                }
            }
            s.visit_expr(&c.body);
        });
    }
    fn visit_expr_if(&mut self, i: &syn::ExprIf) {
        self.scoped(|s| {
            s.visit_expr(&i.cond);
            s.visit_block(&i.then_branch);
        });
        if let Some((_, els)) = &i.else_branch {
            self.visit_expr(els);
        }
    }
    fn visit_expr_while(&mut self, w: &syn::ExprWhile) {
        self.scoped(|s| {
            s.visit_expr(&w.cond);
            s.visit_block(&w.body);
        });
    }
    fn visit_expr_let(&mut self, l: &syn::ExprLet) {
        self.visit_expr(&l.expr);
        self.scopes.bind(&l.pat);
    }
    fn visit_expr_for_loop(&mut self, f: &syn::ExprForLoop) {
        self.iterated(&f.expr);
        self.scoped(|s| {
            s.scopes.bind(&f.pat);
            s.visit_block(&f.body);
        });
    }
    fn visit_expr_return(&mut self, r: &syn::ExprReturn) {
        if let Some(e) = &r.expr {
            let ty = self.returns.clone();
            self.destined(e, ty.as_ref());
        }
    }
    fn visit_macro(&mut self, m: &syn::Macro) {
        self.mac(m);
    }
    fn visit_stmt_macro(&mut self, m: &syn::StmtMacro) {
        self.mac(&m.mac);
    }
    fn visit_item(&mut self, item: &syn::Item) {
        self.nested(item);
    }
}
