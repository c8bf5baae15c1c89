//! One block: a tree of the user's code from its entry to its leaves.
//!
//! Its entry takes variables; a leaf puts back what is live at its target. A variable that is about to be hidden by another of
//! its name is put away before.

use super::{
    entry::Entry,
    fields,
    machine::{binding, holder, line, slot},
    renames::Renames,
};
use crate::{
    analyze::Facts,
    ir::{Arm, Code, Effects, ForkId, Kind, Leaves, Machine, NodeId, Origin, Part, Term, VarId, VarSet},
    lower::{CX, bindings, cx, done, ident, token},
};
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use std::collections::BTreeMap;
use syn::Pat;

/// The variables that have their names at a place in a tree.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) visible: BTreeMap<String, Held>,
    /// Hidden by a binding that borrows from them: held under another name.
    pub(super) hidden: Vec<Held>,
}

#[derive(Clone)]
pub(super) struct Held {
    pub(super) var: VarId,
    /// The name under which it is held, if it is not its own.
    pub(super) alias: Option<Ident>,
    /// The slots whose encodings are still good: it was taken from them, and is not `mut`.
    pub(super) unchanged: VarSet,
    /// Parts that were not taken.
    pub(super) absent: VarSet,
}

impl Held {
    /// What is bound under its own name.
    fn bound(var: VarId) -> Held {
        Held { var, alias: None, unchanged: VarSet::new(), absent: VarSet::new() }
    }
}

pub(super) struct Tree<'a> {
    pub(super) m: &'a Machine,
    pub(super) facts: &'a Facts,
    held: VarSet,
    /// Taken and put back outside of the block's closure.
    pub(super) around: VarSet,
    /// What leaves the block's closure, if it has one.
    leaves: Option<Leaves>,
}

pub(super) fn block(m: &Machine, facts: &Facts, root: NodeId) -> TokenStream {
    let branch = m.nodes[root].branch.map(|b| (b, &m.branches[b])).filter(|(_, b)| b.leaves != Leaves::Nothing);
    let around = branch.map_or_else(VarSet::new, |(b, _)| facts.around(m, b));
    let leaves = branch.map(|(_, b)| b.leaves);
    let tree = Tree { m, facts, held: facts.held(m).into_iter().collect(), around, leaves };
    let Entry { outer, inner, names, back } = tree.entry(root);
    let body = tree.node(root, names);
    let Some((_, branch)) = branch else {
        return joined([inner, body]);
    };
    // `?` leaves the closure; what others need is taken outside of it and put back on every way.
    let (run, to) = (run(branch.leaves), ident("to"));
    let output = slot(m, branch.output);
    let body = braced([inner, body]);
    quote!(#outer let #to = #run(&mut #output, || #body); #back __go(#to))
}

/// Tokens one behind the other. They are many in a deep tree, so they are moved, not copied.
fn joined<const N: usize>(parts: [TokenStream; N]) -> TokenStream {
    TokenStream::from_iter(parts)
}

/// The same between braces.
fn braced<const N: usize>(parts: [TokenStream; N]) -> Group {
    Group::new(Delimiter::Brace, joined(parts))
}

/// What runs a block that can be left early.
fn run(leaves: Leaves) -> TokenStream {
    match leaves {
        Leaves::Result => quote!(__p::branch::run_result),
        Leaves::Option => quote!(__p::branch::run_option),
        Leaves::Nothing | Leaves::Return => quote!(__p::branch::run),
    }
}

impl Tree<'_> {
    pub(super) fn is_around(&self, v: VarId) -> bool {
        self.around.contains(&v) || self.m.fields(v).any(|f| self.around.contains(&f))
    }

    fn node(&self, n: NodeId, mut names: Names) -> TokenStream {
        let node = &self.m.nodes[n];
        let behind = self.facts.live_behind(self.m, n);
        let code: TokenStream = node.code.iter().zip(&behind).map(|(c, live)| self.code(c, live, &mut names)).collect();
        // What was not taken is there once it has another value.
        for v in node.effects().into_iter().flat_map(|e| &e.kills) {
            names.visible.values_mut().filter(|h| h.var == *v).for_each(|h| h.absent.clear());
        }
        let cx = cx();
        let end = match &node.term {
            Term::Open => quote!(::core::unreachable!()),
            Term::Goto(to) => self.goto(*to, names),
            Term::Fork { fork, guards, .. } => self.fork(*fork, guards, &node.term, &names),
            Term::End { to, .. } => {
                let puts = self.puts(&self.facts.kept(self.m, &node.term, *to), &names);
                joined([puts, self.go(quote!(__p::Go::End))])
            }
            Term::Rest { to, .. } => {
                let puts = self.puts(&self.facts.kept(self.m, &node.term, *to), &names);
                joined([puts, self.go(quote!(__p::Go::Rest))])
            }
            Term::Leave { value, .. } => {
                let (value, done) = (tokens(value), done(self.leaves));
                quote!(#done(#value))
            }
            Term::If { parts, effects, then, els } => {
                let mut inner = names.clone();
                let aside = self.set_aside(effects, &effects.binds, &self.facts.live[*then], &mut inner);
                let (alias, back) = (&aside.bind, &aside.back);
                let mut renames = self.hide(effects, &self.facts.live[*then], &mut inner);
                let condition = self.condition(parts, &renames, &aside.names);
                let (put, rebind) = (renames.put_away(), renames.rebind());
                let types = self.types(effects);
                let (then, els) = (self.goto(*then, inner), self.goto(*els, names));
                let (then, els) = (braced([put, rebind, types, then]), braced([back.clone(), els]));
                quote!(#alias if #condition #then else #els)
            }
            Term::Match { scrutinee, effects, arms } => {
                let live = self.facts.live_in_successors(&node.term);
                let binds: VarSet = arms.iter().flat_map(|a| a.effects.binds.iter().copied()).collect();
                let mut outer = names.clone();
                let aside = self.set_aside(effects, &binds, &live, &mut outer);
                let scrutinee = aside.names.tokens(scrutinee.clone());
                let alias = &aside.bind;
                let arms = arms.iter().map(|arm| {
                    let back = self.taken_back(arm, &aside);
                    let mut inner = if back.is_empty() { outer.clone() } else { names.clone() };
                    let mut renames = self.hide(&arm.effects, &self.facts.live[arm.to], &mut inner);
                    let pat = renames.pattern(&arm.pat);
                    // A guard sees what was set aside, unless its pattern hides it.
                    let own = arm.effects.binds.iter().map(|v| self.m.vars[*v].ident.to_string()).collect();
                    let set_aside = aside.names.without(&own);
                    let guard = arm.guard.as_ref().map(|g| set_aside.tokens(renames.tokens(g.clone())));
                    let guard = guard.map(|g| quote!(if #g));
                    let (put, rebind, body) = (renames.put_away(), renames.rebind(), self.goto(arm.to, inner));
                    let body = braced([put, back, rebind, self.types(&arm.effects), body]);
                    quote!(#pat #guard => #body)
                });
                let scrutinee = in_front_of_a_block(scrutinee);
                quote!(#alias match #scrutinee { #(#arms)* })
            }
            Term::Wait { point, operation, resume } => {
                let (operation, token, k) = (tokens(operation), token(*point), *point as u32);
                let puts = self.puts(&self.facts.live[*resume], &names);
                let go = self.go(quote!(__p::Go::Wait(#k)));
                let begin = if names_cx(&operation) {
                    let value = ident("operation");
                    quote!(let #value = #operation; #cx.begin(#token.of(#value), &mut #token);)
                } else {
                    quote!(#cx.begin(#token.of(#operation), &mut #token);)
                };
                joined([begin, puts, go])
            }
            Term::Done(code) => {
                let value = tokens(code);
                quote!(__done(#value))
            }
            Term::Diverge(code) => tokens(code),
        };
        joined([code, end])
    }

    fn goto(&self, to: NodeId, names: Names) -> TokenStream {
        if !self.facts.is_root(to) {
            return self.node(to, names);
        }
        let (puts, n) = (self.puts(&self.facts.live[to], &names), self.facts.number(to));
        joined([puts, self.go(quote!(__p::Go::To(#n)))])
    }

    /// Where a block goes, as what it returns.
    fn go(&self, to: TokenStream) -> TokenStream {
        match self.leaves {
            None => quote!(__go(#to)),
            Some(Leaves::Result) => quote!(::core::result::Result::Ok(#to)),
            Some(Leaves::Option) => quote!(::core::option::Option::Some(#to)),
            Some(Leaves::Return | Leaves::Nothing) => to,
        }
    }

    /// Opens the branches: each begins in a block of its own.
    fn fork(&self, fork: ForkId, guards: &[Option<VarId>], term: &Term, names: &Names) -> TokenStream {
        let (cx, of) = (cx(), &self.m.forks[fork]);
        let (point, m) = (of.point as u32, self.m);
        let entries = of.branches.iter().zip(guards).map(|(b, guard)| {
            let n = self.facts.number(m.branches[*b].entry);
            match guard {
                Some(guard) => {
                    let guard = &m.vars[*guard].ident;
                    quote!(#guard.then_some(#n))
                }
                None => quote!(::core::option::Option::Some(#n)),
            }
        });
        let puts = self.puts(&self.facts.kept(m, term, m.branches[of.branches[0]].entry), names);
        let go = self.go(quote!(__p::Go::Wait(#point)));
        quote!(#cx.fork(&[#(#entries),*]); #puts #go)
    }

    fn puts(&self, live: &VarSet, names: &Names) -> TokenStream {
        let mut held: Vec<&Held> = names.visible.values().chain(&names.hidden).collect();
        held.retain(|h| !matches!(self.m.vars[h.var].origin, Origin::Derived(_)));
        held.sort_by_key(|h| h.var);
        held.into_iter().map(|h| self.put(h, live)).collect()
    }

    /// Puts a variable away as `live` wants it: whole, by fields, or not at all. What is around is put back there.
    fn put(&self, h: &Held, live: &VarSet) -> TokenStream {
        if !self.is_around(h.var) {
            return self.put_back(h, live);
        }
        let around = |v: &VarId| self.around.iter().any(|a| self.m.overlap(*a, *v));
        self.put_back(h, &live.iter().copied().filter(|v| !around(v)).collect())
    }

    pub(super) fn put_back(&self, h: &Held, live: &VarSet) -> TokenStream {
        let name = h.alias.as_ref().unwrap_or(&self.m.vars[h.var].ident);
        let put = |v: VarId| {
            let (slot, place) = (slot(self.m, v), fields::place(self.m, v, name));
            let put = if h.unchanged.contains(&v) { quote!(put_back) } else { quote!(put) };
            quote!(#slot.#put(#place);)
        };
        let there = |v: &VarId| live.contains(v) && !h.absent.contains(v);
        let parts: Vec<VarId> = self.m.fields(h.var).chain([h.var]).filter(there).collect();
        let within = |v: &VarId| parts.iter().any(|o| o != v && self.m.is_part(*v, *o));
        let puts: TokenStream = parts.iter().filter(|v| !within(v)).map(|v| put(*v)).collect();
        let bound = |v: &&VarId| **v != h.var && !h.unchanged.contains(v);
        // What stands around a closure was looked at where the branches begin; named as a whole in it, it would be moved into it.
        match parts.iter().find(bound).filter(|_| !self.is_around(h.var)) {
            Some(v) => TokenStream::from_iter([puts, self.apart(name, *v)]),
            None => puts,
        }
    }

    /// Of a borrow nothing can be moved out. What says so before rustc does is never run, and so not borrow-checked.
    fn apart(&self, name: &Ident, part: VarId) -> TokenStream {
        let line = line(self.m, self.facts.across.get(&part), name.span());
        let check = quote_spanned!(name.span()=> __p::refused::Apart(&#name).apart::<#line>());
        quote!(loop { break; #check; })
    }

    fn code(&self, c: &Code, live: &VarSet, names: &mut Names) -> TokenStream {
        let Kind::Let { pat, ty, init, diverge } = &c.kind else {
            return tokens(c);
        };
        let mut renames = self.hide(&c.effects, live, names);
        let pat = renames.pattern(pat);
        let (put, rebind) = (renames.put_away(), renames.rebind());
        // Several values must agree on a type: if they do not, the check copy says so.
        let several = c.effects.binds.iter().any(|v| self.facts.written[*v] > 1);
        let ty = ty.as_ref().map(|t| if several { quote!(: __Is<#t>) } else { quote!(: #t) });
        let diverge = diverge.as_ref().map(|d| quote!(else #d));
        let types = self.types(&c.effects);
        let pat = in_let(&pat);
        quote!(let #pat #ty = #init #diverge; #put #rebind #types)
    }

    /// The types of what is bound here: for the look at what is only held, and for the blocks that only assign it.
    fn types(&self, effects: &Effects) -> TokenStream {
        let held = effects.binds.intersection(&self.held).map(|v| {
            let (holder, name) = (holder(self.m, *v), &self.m.vars[*v].ident);
            quote!(#holder.note(&#name);)
        });
        held.chain(effects.binds.iter().map(|v| self.typed(*v, &self.m.vars[*v].ident))).collect()
    }

    /// Gives a local that some block only assigns the one type that it has in all of them. It is never run, and so not borrow-checked.
    pub(super) fn typed(&self, v: VarId, name: &Ident) -> TokenStream {
        if !self.facts.declared.contains(&v) {
            return TokenStream::new();
        }
        let holder = holder(self.m, v);
        quote!(loop { break; #holder.note(&#name); })
    }

    /// Notes what `effects` binds; what that hides and is still needed is put away.
    fn hide(&self, effects: &Effects, live: &VarSet, names: &mut Names) -> Renames {
        let mut r = Renames::default();
        for v in &effects.binds {
            let name = self.m.vars[*v].ident.to_string();
            if let Some(hidden) = names.visible.insert(name.clone(), Held::bound(*v)) {
                let derived = matches!(self.m.vars[hidden.var].origin, Origin::Derived(_));
                let put = self.put(&hidden, live);
                if hidden.var != *v && !put.is_empty() && !derived {
                    let bind = binding(self.m, *v, &self.m.vars[*v].ident);
                    let inner = ident(&format!("__inner_{name}"));
                    r.put.extend(put);
                    // What borrows from what it hides is taken again in the next block, which begins at once.
                    if !self.borrows_from(*v, hidden.var) {
                        r.bind.extend(quote!(let #bind = #inner;));
                    }
                    r.names.insert(name, inner);
                }
            }
        }
        r
    }

    /// Holds under other names what `binds` would hide while `effects`, which comes before, may borrow from it.
    fn set_aside(&self, effects: &Effects, binds: &VarSet, live: &VarSet, names: &mut Names) -> Aside {
        let mut aside = Aside::default();
        for v in binds {
            let name = self.m.vars[*v].ident.to_string();
            let Some(held) = names.visible.get(&name).cloned() else { continue };
            let var = &self.m.vars[held.var];
            let derived = matches!(var.origin, Origin::Derived(_));
            let named = effects.touches.contains(&held.var) && !self.lends_before(held.var, effects);
            if held.var == *v || derived || !named || self.put(&held, live).is_empty() {
                continue;
            }
            names.visible.remove(&name);
            let (alias, own, back) =
                (ident(&format!("__outer_{name}")), &var.ident, binding(self.m, held.var, &var.ident));
            let mutability = var.mutable.then(|| quote!(mut));
            aside.bind.extend(quote!(let #mutability #alias = #own;));
            aside.back.extend(quote!(let #back = #alias;));
            aside.vars.insert(held.var);
            aside.names.names.insert(name, alias.clone());
            names.hidden.push(Held { alias: Some(alias), ..held });
        }
        aside
    }

    /// True if code names what was borrowed from `lender` before: so `lender` cannot be moved to another name.
    fn lends_before(&self, lender: VarId, effects: &Effects) -> bool {
        effects.touches.iter().any(|v| self.borrows_from(*v, lender))
    }

    fn borrows_from(&self, v: VarId, lender: VarId) -> bool {
        matches!(self.m.vars[v].origin, Origin::Derived(d) if self.m.derivations[d].touches.contains(&lender))
    }

    /// An arm that does not borrow, or that names what was set aside, has it back under its own name.
    fn taken_back(&self, arm: &Arm, aside: &Aside) -> TokenStream {
        let named = self.names_itself(arm.to, &aside.vars);
        if arm.effects.binds.is_empty() || named { aside.back.clone() } else { TokenStream::new() }
    }

    /// True if the tree from `n` on names one of `vars`, other than through what borrows from it.
    fn names_itself(&self, n: NodeId, vars: &VarSet) -> bool {
        let node = &self.m.nodes[n];
        let derived = |v: &VarId| matches!(self.m.vars[*v].origin, Origin::Derived(_));
        let here = |e: &&Effects| !e.touches.is_disjoint(vars) && !e.touches.iter().any(derived);
        let waits = matches!(node.term, Term::Wait { .. });
        node.effects().iter().any(here)
            || (!waits
                && node.term.successors().into_iter().any(|s| !self.facts.is_root(s) && self.names_itself(s, vars)))
    }

    /// What a part binds, the parts behind it see under its name; before it the name is that of what is set aside.
    fn condition(&self, parts: &[Part], renames: &Renames, aside: &Renames) -> TokenStream {
        let mut seen = Renames { names: aside.names.clone(), ..Renames::default() };
        let parts = parts.iter().map(|p| match p {
            Part::Expr(e) => in_front_of_a_block(seen.tokens(e.clone())),
            Part::Let(pat, e) => {
                let e = in_front_of_a_block(seen.tokens(e.clone()));
                for name in bindings(pat).into_iter().map(|b| b.ident.to_string()) {
                    seen.names.remove(&name);
                    seen.names
                        .extend(renames.names.get_key_value(&name).map(|(name, new)| (name.clone(), new.clone())));
                }
                let pat = renames.pattern(pat);
                quote!(let #pat = #e)
            }
        });
        let parts: Vec<TokenStream> = parts.collect();
        quote!(#(#parts)&&*)
    }
}

/// Alternatives at the top of a `let` stand in parentheses.
pub(super) fn in_let(pat: &Pat) -> TokenStream {
    if matches!(pat, Pat::Or(_)) { quote!((#pat)) } else { quote!(#pat) }
}

/// A condition or a scrutinee with braces of its own, which the parser would take for the block behind it.
fn in_front_of_a_block(e: TokenStream) -> TokenStream {
    let braces = |t: TokenTree| matches!(t, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
    if e.clone().into_iter().any(braces) { quote!((#e)) } else { e }
}

fn tokens(c: &Code) -> TokenStream {
    match &c.kind {
        Kind::Tokens(t) => t.clone(),
        Kind::Let { init, .. } => init.clone(),
    }
}

/// True if the result of another operation stands in these tokens.
fn names_cx(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|t| match t {
        TokenTree::Ident(i) => i == CX,
        TokenTree::Group(g) => names_cx(&g.stream()),
        _ => false,
    })
}

/// Variables that are held under another name during a branch.
#[derive(Default)]
struct Aside {
    vars: VarSet,
    names: Renames,
    bind: TokenStream,
    back: TokenStream,
}
