//! The static description that is registered with the function.

use super::Signature;
use crate::{analyze::Facts, ir::Machine, parse::workflow::WorkflowFn};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

pub(super) fn describe(f: &WorkflowFn, s: &Signature, m: &Machine, facts: &Facts) -> TokenStream {
    let name = &f.name;
    let parameters = s.args.iter().zip(&s.types).map(|(a, t)| {
        let (name, ty) = (a.to_string(), t.to_token_stream().to_string().replace(' ', ""));
        quote!((#name, #ty))
    });
    let live_at = facts.live_at_points(m);
    let points = m.points.iter().enumerate().map(|(i, p)| {
        let (label, operation, line) = (&p.label, &p.operation, p.line);
        let mut live: Vec<&str> = live_at[i].iter().map(|v| m.vars[*v].key.as_str()).collect();
        live.sort_unstable();
        let passed = &facts.passed[i].iter().collect::<Vec<_>>();
        quote!((#label, #operation, #line, &[#(#live),*], &[#(#passed),*]))
    });
    // What is behind a branch that is over; nothing waits there.
    let over = m.branches.iter().zip(&facts.patches_in).filter(|(_, ids)| !ids.is_empty()).map(|(b, ids)| {
        let of = &m.points[m.forks[b.fork].point];
        let (label, line) = (workflow_definition::over(&of.label, b.index), of.line);
        quote!((#label, "over", #line, &[], &[#(#ids),*]))
    });
    let points = points.chain(over);
    // By the place of a point, counted from 1: labels would be an eighth of all tokens of a long function.
    let place = |p: &Option<usize>| Literal::usize_unsuffixed(p.map_or(0, |p| p + 1));
    let edges = facts.edges.iter().map(|(a, b)| {
        let (a, b) = (place(a), place(b));
        quote!((#a, #b))
    });
    let patches = &facts.patches;
    let decided = facts.decided.iter().map(|(point, id, is)| {
        let place = Literal::usize_unsuffixed(point + 1);
        quote!((#place, #id, #is))
    });
    quote! {
        fn __describe() -> ::workflow_runtime::__private::Definition {
            ::workflow_runtime::__private::describe(
                #name,
                ::core::file!(),
                &[#(#parameters),*],
                &[#(#points),*],
                &[#(#edges),*],
                &[#(#patches),*],
                &[#(#decided),*],
            )
        }
    }
}
