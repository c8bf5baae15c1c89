//! The machine: one function over slots that it owns, one arm per block, the loop in the runtime.

use super::{Signature, signature::Parameters, tree};
use crate::{
    analyze::Facts,
    ir::{Machine, NodeId, Origin, PointId, ScopeId, Term, Var, VarId},
    lower::{self, cx, ident, token},
};
use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

pub(super) fn machine(s: &Signature, g: &Parameters<'_>, m: &Machine, facts: &Facts, continues: bool) -> TokenStream {
    let (cx, what) = (cx(), ident("what"));
    let vars = facts.slots(m);
    let entered = m.branches.iter().filter(|b| facts.reachable.contains(&b.entry));
    let outputs = entered.map(|b| b.output).filter(|v| !vars.contains(v));
    let vars: Vec<usize> = vars.iter().copied().chain(outputs).collect();
    let slots: Vec<&Ident> = vars.iter().map(|v| slot(m, *v)).collect();
    let keys = vars.iter().map(|v| &m.vars[*v].key);
    // Several values must agree on a type: if they do not, the check copy says so.
    let types = vars.iter().map(|v| (facts.written[*v] > 1).then(|| quote!(: __Is<__p::Slot<_>>)));
    let saved = facts.saved(m);
    let spanned = saved.iter().map(|v| {
        let slot = slot(m, *v);
        let line = line(m, facts.across.get(v), slot.span());
        quote::quote_spanned!(slot.span()=> (&mut #slot.known()).durable::<#line>())
    });
    let held = facts.held(m);
    let known = facts.declared.iter().filter(|v| !held.contains(v));
    let holders: Vec<Ident> = held.iter().chain(known).map(|v| holder(m, *v)).collect();
    let agree = (0..holders.len()).map(|n| (n >= held.len()).then(|| quote!(: __Is<__p::Held<_>>)));
    let sides = (0..2 * m.compounds).map(lower::compound::side);
    let harmless = held.iter().zip(&holders).map(|(v, h)| {
        let line = line(m, m.held.get(v), h.span());
        quote::quote_spanned!(h.span()=> (&#h).harmless::<#line>();)
    });
    let awaited = awaited(m, facts);
    let tokens: Vec<Ident> = awaited.iter().map(|p| token(*p)).collect();
    let indices = awaited.iter().map(|p| *p as u32);
    let (blocks, items) = (blocks(m, facts, 0, &facts.roots), &m.scopes[0].items);
    let refill = refill(s, g, m, facts);
    let ended = match m.forks.is_empty() {
        true => TokenStream::new(),
        false => quote!(__p::What::Ended(..) => __go(__p::Go::Rest),),
    };
    let helpers = &tokens;
    let (ways, root) = (ways(s, g, continues), if g.captured.is_empty() { quote!(__R) } else { s.outcome() });
    let Parameters { implied, clause, .. } = g;
    quote! {
        #[allow(warnings, unused_mut, unused_variables, unused_assignments, clippy::all, clippy::pedantic, clippy::nursery)]
        fn __step #implied(#cx: &mut ::workflow_runtime::__private::Cx<'_>)
            -> ::core::result::Result<::workflow_runtime::__private::Flow, ::workflow_runtime::__private::StepError>
        #clause
        {
            use ::workflow_runtime::__private as __p;
            use __p::{Gives as _, GivesNothing as _};
            #ways
            #(let mut #slots #types = __p::Slot::new(#keys);)*
            #(let mut #tokens = __p::Token::new(#indices);)*
            #(let #holders #agree = __p::Held::new();)*
            #(let #sides = __p::Held::new();)*
            __p::drive::<#root>(#cx, &mut |#cx: &mut __Is<__p::Cx<'_>>, #what: __p::What| match #what {
                __p::What::Helpers => { #cx.bind(&[#(#helpers.helper()),*]); __go(__p::Go::Idle) }
                __p::What::Arguments => { #refill __go(__p::Go::Idle) }
                __p::What::Block(_) | __p::What::Resume(_) | __p::What::Ended(..) => {
                    #(#items)*
                    match #what {
                        #blocks
                        #ended
                        _ => ::core::unreachable!(),
                    }
                }
                __p::What::Load | __p::What::Save => {
                    use __p::{HeldCopy as _, HeldExt as _, SlotExt as _, refused::*};
                    #(#harmless)*
                    #cx.table(#what, &mut [#(#spanned),*]);
                    __go(__p::Go::Idle)
                }
            })
        }
    }
}

/// The line of a point, for a message at `span`.
pub(super) fn line(m: &Machine, point: Option<&PointId>, span: Span) -> Literal {
    let mut line = Literal::u32_unsuffixed(point.map_or(0, |p| m.points[*p].line));
    line.set_span(span);
    line
}

/// The arms of the blocks of a scope, in source order; those of a scope in it stand together behind its items.
fn blocks(m: &Machine, facts: &Facts, scope: ScopeId, roots: &[NodeId]) -> TokenStream {
    let mut arms = TokenStream::new();
    let mut rest = roots;
    while let Some(first) = rest.first() {
        let Some(inner) = m.scope_within(m.nodes[*first].scope, scope) else {
            let (pattern, body) = (pattern(m, facts, *first), tree::block(m, facts, *first));
            let body = Group::new(Delimiter::Brace, body);
            arms.extend(quote!(#pattern => #body));
            rest = &rest[1..];
            continue;
        };
        let inside = |n: &&NodeId| m.scope_within(m.nodes[**n].scope, scope) == Some(inner);
        let (run, behind) = rest.split_at(rest.iter().take_while(inside).count());
        let (what, items) = (ident("what"), &m.scopes[inner].items);
        let (patterns, inside) = (run.iter().map(|n| pattern(m, facts, *n)), blocks(m, facts, inner, run));
        arms.extend(quote!(#(#patterns)|* => {
            #(#items)*
            match #what { #inside _ => ::core::unreachable!() }
        }));
        rest = behind;
    }
    arms
}

/// The points that a block waits at. That of a fork awaits branches, which have no type.
fn awaited(m: &Machine, facts: &Facts) -> Vec<PointId> {
    let waits = facts.reachable.iter().filter_map(|n| match m.nodes[*n].term {
        Term::Wait { point, .. } => Some(point),
        _ => None,
    });
    let mut points: Vec<PointId> = waits.collect();
    points.sort_unstable();
    points
}

/// What a block answers with. Functions know nothing of the type parameters around them, so those of a generic workflow are closures.
/// A local has its name for code of the same hygiene only, so `__done`, which stands in the user's expressions too, is there twice.
fn ways(s: &Signature, g: &Parameters<'_>, continues: bool) -> TokenStream {
    let (outcome, tag, out) = (s.outcome(), &s.tag, &s.out);
    let done = if s.plain { quote!(__p::Outcome::done(__p::Plain(value))) } else { quote!(__p::Outcome::done(value)) };
    if !g.captured.is_empty() {
        let by_name = ident("__done");
        return quote! {
            let __go = |go: __p::Go<<#outcome as __p::Outcome>::Ok>| -> <#outcome as __p::Outcome>::Step {
                <#outcome as __p::Outcome>::go(go)
            };
            let #by_name = |value: #out| -> <#outcome as __p::Outcome>::Step { #done };
            let __done = #by_name;
        };
    }
    let leave = continues.then(|| {
        quote! {
            fn __continue(
                args: ::core::result::Result<__p::Payload, __p::EncodeError>,
            ) -> <__R as __p::Outcome>::Step {
                __go(__p::Go::Continue(args))
            }
        }
    });
    quote! {
        type __W = #tag;
        type __R = __Is<#outcome>;
        fn __go(go: __p::Go<<__R as __p::Outcome>::Ok>) -> <__R as __p::Outcome>::Step {
            <__R as __p::Outcome>::go(go)
        }
        fn __done(value: __Is<#out>) -> <__R as __p::Outcome>::Step {
            #done
        }
        #leave
    }
}

/// Fills the empty slots of arguments from the start record.
fn refill(s: &Signature, g: &Parameters<'_>, m: &Machine, facts: &Facts) -> TokenStream {
    let slots = facts.slots(m);
    let of = |name: &Ident| slots.iter().copied().find(|v| m.vars[*v].key == *name.to_string() && is_argument(m, *v));
    if !s.args.iter().any(|a| of(a).is_some()) {
        return TokenStream::new();
    }
    let types = &s.types;
    let names: Vec<Ident> = (0..s.args.len()).map(|i| ident(&format!("a{i}"))).collect();
    let fill = s.args.iter().zip(&names).filter_map(|(a, name)| {
        let slot = slot(m, of(a)?);
        Some(quote!(#slot.fill(#name);))
    });
    let cx = cx();
    let workflow = if g.captured.is_empty() { quote!(__W) } else { s.tag.clone() };
    quote!(let (#(#names,)*): (#(#types,)*) = __p::args::<#workflow>(#cx); #(#fill)*)
}

/// Arguments are bound by the first piece of code of the entry.
fn is_argument(m: &Machine, v: VarId) -> bool {
    m.vars[v].origin == Origin::Local && m.nodes[0].code.first().is_some_and(|c| c.effects.binds.contains(&v))
}

/// The slot of a variable.
pub(super) fn slot(m: &Machine, v: VarId) -> &Ident {
    let var = &m.vars[v];
    var.slot.get_or_init(|| match is_ours(var) {
        // With the user's own span errors about the slot stand on the variable.
        true => format_ident!("s_{}", stem(m, v), span = Span::mixed_site().located_at(var.ident.span())),
        false => format_ident!("__s_{}", stem(m, v), span = var.ident.span()),
    })
}

/// What knows the type of a local that is only held, or that some block only assigns.
pub(super) fn holder(m: &Machine, v: VarId) -> Ident {
    format_ident!("__h_{}", stem(m, v), span = m.vars[v].ident.span())
}

fn is_ours(var: &Var) -> bool {
    matches!(var.origin, Origin::Temp(_) | Origin::Output | Origin::Operation)
}

/// What the names of a variable are made of. No two variables have the same: two underscores that the user has written
/// become `__u`, so that `__f` begins a field, and a number behind two of them tells apart what shadows.
fn stem(m: &Machine, v: VarId) -> String {
    let base = &m.vars[m.base(v)];
    let written = |name: &str| name.replace("__", "__u").replace('#', "__");
    let mut stem = match is_ours(base) {
        true => base.ident.to_string().trim_start_matches("__").to_owned(),
        false => written(&base.key),
    };
    m.vars[v].path.iter().for_each(|part| stem.extend(["__f", &written(part)]));
    stem
}

/// The arm of a block: its number is its place in the source.
fn pattern(m: &Machine, facts: &Facts, root: usize) -> TokenStream {
    if let Some(branch) = m.nodes[root].ends {
        let of = &m.branches[branch];
        let (point, index) = (m.forks[of.fork].point as u32, of.index as u32);
        return quote!(__p::What::Ended(#point, #index));
    }
    match m.nodes[root].resumes {
        Some(point) => {
            let point = point as u32;
            quote!(__p::What::Resume(#point))
        }
        None => {
            let n = facts.number(root);
            quote!(__p::What::Block(#n))
        }
    }
}

/// `name` or `mut name`, to bind a variable as the user did, under its own name or another one.
pub(super) fn binding(m: &Machine, v: VarId, name: &Ident) -> TokenStream {
    if m.vars[v].mutable { quote!(mut #name) } else { quote!(#name) }
}
