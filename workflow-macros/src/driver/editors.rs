//! What editors need: spans that lead to what the user wrote, and all of it, also while it is half written.

use super::{
    fuzz::seeds::{Seeds, tokens},
    workflow,
};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use std::{collections::BTreeSet, ops::Range};

type Place = (String, Range<usize>);

/// Every name in the tokens, with its place. Keywords and lifetimes are none, and exemptions have none.
fn names(tokens: TokenStream, found: &mut BTreeSet<(String, usize, usize)>) {
    let mut before = String::new();
    for t in tokens {
        match &t {
            // An exemption goes into no copy.
            TokenTree::Group(g) if before == "#" && g.stream().to_string().starts_with("workflow") => {}
            TokenTree::Group(g) => names(g.stream(), found),
            TokenTree::Ident(i) if before != "'" && syn::parse_str::<Ident>(&i.to_string()).is_ok() => {
                let Range { start, end } = i.span().byte_range();
                found.insert((i.to_string(), start, end));
            }
            _ => {}
        }
        before = t.to_string();
    }
}

/// The expansion without the machine: the function, the check copy, and the items of the body.
fn without_the_machine(tokens: TokenStream) -> TokenStream {
    let mut machine = false;
    let keep = |t: TokenTree| match t {
        TokenTree::Ident(i) if i == "__step" => {
            machine = true;
            Some(TokenTree::Ident(i))
        }
        TokenTree::Group(g) if g.delimiter() == Delimiter::Brace && std::mem::take(&mut machine) => None,
        TokenTree::Group(g) if g.delimiter() == Delimiter::Brace => {
            Some(TokenTree::Group(proc_macro2::Group::new(g.delimiter(), without_the_machine(g.stream()))))
        }
        other => Some(other),
    };
    tokens.into_iter().filter_map(keep).collect()
}

/// What stands in the source and, with the same place, not in the expansion.
fn lost(item: TokenStream, expansion: TokenStream) -> Vec<Place> {
    let (mut written, mut there) = (BTreeSet::new(), BTreeSet::new());
    names(item, &mut written);
    names(expansion, &mut there);
    written.difference(&there).map(|(name, start, end)| (name.clone(), *start..*end)).collect()
}

#[test]
fn every_name_leads_to_what_the_user_wrote() {
    let seeds = Seeds::of_the_repository();
    let mut compiled = 0;
    for (keys, f) in seeds.functions.iter().filter(|(_, f)| !tokens(f).to_string().contains("cfg")) {
        let mut f = f.clone();
        f.attrs.clear();
        let out = workflow(keys.clone(), tokens(&f));
        if out.to_string().contains("compile_error") {
            continue;
        }
        compiled += 1;
        let mut lost = lost(tokens(&f), without_the_machine(out.clone()));
        // The path of `workflow_runtime::continue_as_new!`, which becomes a call; a word of `select!` that names nothing.
        lost.retain(|(name, _)| name != "workflow_runtime" && name != "biased");
        assert!(lost.is_empty(), "in `{}` these names lead nowhere: {lost:?}", f.sig.ident);
        let place = f.sig.ident.span().byte_range();
        let public = out.into_iter().skip_while(|t| !matches!(t, TokenTree::Ident(i) if i == "fn")).nth(1);
        assert_eq!(public.map(|t| (t.to_string(), t.span().byte_range())), Some((f.sig.ident.to_string(), place)));
    }
    assert!(compiled > 200, "only {compiled} workflows were compiled");
}

#[test]
fn what_is_refused_keeps_every_name_for_the_editor() {
    for item in [
        "async fn f(order: Order) -> u8 { tokio::join!(a(), b()); let x = charge(order).await; x. y }",
        "async fn f(order: Order) -> u8 { use a::b; fn inner(z: u8) {} let c = || order.await; c() }",
        "async fn f(order: &Order) -> u8 { charge(order).await }",
        "fn f(order: Order) -> u8 { order.total }",
        "async fn f(&self, order: Order) -> u8 { let x = self.charge(order).await; x }",
    ] {
        let item: TokenStream = item.parse().unwrap_or_default();
        let out = workflow(TokenStream::new(), item.clone());
        assert!(out.to_string().contains("compile_error"), "{item}");
        let lost = lost(item.clone(), out);
        assert!(lost.is_empty(), "of `{item}` these names are lost: {lost:?}");
    }
}

#[test]
fn what_is_half_written_stays_as_it_was() {
    for body in [
        "let x = ",
        "let x = ;",
        "let x: = 5;",
        "foo(.await)",
        "foo(order, .await",
        "order.",
        "order.lines.iter().",
        "order.await.",
        "match order {",
        "match order { Some(x) }",
        "match order { Some(x) => ",
        "if let Some(",
        "if let Some(x) = ",
        "if order. {}",
        "for x in {}",
        "for in order.lines {}",
        "while let {}",
        "join!(charge(order).await, ",
        "charge(order).await? charge(order).await?",
        "let y = |x, x.",
        "return return ;;; )",
        "x = = 3;",
        "async move",
        "#[cfg(",
        "let a = [1, 2,; order.total",
        "order::",
        "Order { id: , .. }",
        "'a: { break 'a",
        "let Some(x) = order else",
        "else {}",
        "pub let x = 3;",
    ] {
        // What is not closed cannot come to a macro: the compiler closes it.
        let mut closed = body.replace(')', "");
        let opened = closed.clone();
        let open = opened.chars().filter(|c| "([{".contains(*c));
        let close = open.map(|c| {
            if c == '(' {
                ')'
            } else if c == '[' {
                ']'
            } else {
                '}'
            }
        });
        closed = closed.replace(['}', ']'], "");
        closed.extend(close.collect::<Vec<_>>().into_iter().rev());
        let text = format!("pub async fn f(order: Order) -> u8 {{ charge(order).await; {closed} }}");
        let Ok(item) = text.parse::<TokenStream>() else { panic!("`{text}` is no tokens") };
        let out = workflow(TokenStream::new(), item.clone());
        if syn::parse2::<syn::ItemFn>(item.clone()).is_ok() {
            assert!(lost(item, out).is_empty(), "{text}");
            continue;
        }
        let text = out.to_string();
        assert!(text.starts_with(&item.to_string()), "{text}");
        assert!(text.contains("compile_error"), "{text}");
        assert!(lost(item, out).is_empty());
    }
}
