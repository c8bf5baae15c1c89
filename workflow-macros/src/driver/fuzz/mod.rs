//! Random edits of real functions, given to the whole compiler: it never panics, and what it writes is Rust, or an error with
//! a place.
//!
//! `FUZZ=100000 cargo test -p workflow-macros --release fuzz -- --nocapture` makes so many edits, and `FUZZ_SEED` begins elsewhere.

mod rng;
pub(super) mod seeds;
mod syntax;
mod tree;

use super::{activity, test, workflow};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use rng::Rng;
use seeds::Seeds;
use std::{cell::Cell, collections::BTreeMap, panic, sync::Once};
use tree::Tree;

/// Makes a list of trees smaller, at a place in it.
type Cut = dyn Fn(&mut Vec<Tree>, usize);
type Expand = fn(TokenStream, TokenStream) -> TokenStream;
const ENTRIES: [(&str, Expand); 3] = [("workflow", workflow), ("activity", activity), ("test", test)];

/// Edits that `cargo test` makes.
const EDITS: u64 = 250;

fn number(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok().map(|n| n.parse().unwrap_or_else(|_| panic!("`{variable}` is a number")));
    given.unwrap_or(otherwise)
}

#[test]
fn fuzz_no_edit_of_a_function_breaks_the_compiler() {
    silence();
    let seeds = Seeds::of_the_repository();
    assert!(seeds.functions.len() > 300, "only {} functions were found", seeds.functions.len());
    let mut faults = BTreeMap::new();
    for (keys, f) in seeds.functions.iter().step_by(8) {
        judge(0, keys, &seeds::tokens(f), &mut faults);
    }
    let (edits, first) = (number("FUZZ", EDITS), number("FUZZ_SEED", 1));
    let (mut parsed, mut expanded) = (0u64, 0u64);
    for seed in first..first + edits {
        let (keys, item) = program(seed, &seeds);
        judge(seed, &keys, &item, &mut faults);
        let is_function = syn::parse2::<syn::ItemFn>(item.clone()).is_ok();
        parsed += u64::from(is_function);
        let mut places = vec![];
        errors(&workflow(keys, item), &mut places);
        expanded += u64::from(is_function && places.is_empty());
    }
    assert!(faults.is_empty(), "{}", faults.into_values().collect::<Vec<_>>().join("\n\n"));
    println!("{edits} edits: {parsed} functions, {expanded} machines");
    // Edits that nothing gets through would prove nothing.
    assert!(edits < 100 || (parsed * 2 > edits && expanded * 10 > edits), "{edits}: {parsed}, {expanded}");
}

/// A function that was edited a few times, as tokens, as syntax, or first the one and then the other.
fn program(seed: u64, seeds: &Seeds) -> (TokenStream, TokenStream) {
    let mut rng = Rng::new(seed);
    let Some((keys, mut f)) = rng.of(&seeds.functions).cloned() else { return Default::default() };
    let kind = rng.below(8);
    if kind < 6 {
        for _ in 0..=rng.below(6) {
            syntax::mutate(&mut f, seeds, &mut rng);
        }
    }
    let (mut keys, mut item) = (tree::grow(keys), tree::grow(seeds::tokens(&f)));
    if kind > 4 {
        let others = rng.of(&seeds.functions).map(|(_, f)| tree::grow(seeds::tokens(f))).unwrap_or_default();
        for _ in 0..=rng.below(4) {
            tree::mutate(&mut item, &others, &mut rng);
        }
        if rng.below(4) == 0 {
            tree::mutate(&mut keys, &others, &mut rng);
        }
    }
    (tree::stream(&keys, somewhere()), tree::stream(&item, somewhere()))
}

/// Notes the smallest program found that fails, once for each way to fail.
fn judge(seed: u64, keys: &TokenStream, item: &TokenStream, faults: &mut BTreeMap<String, String>) {
    let Some((name, wrong)) = fault(keys, item) else { return };
    let kind: String = wrong.chars().take(90).collect();
    if faults.contains_key(&kind) {
        return;
    }
    let same = |keys: &TokenStream, item: &TokenStream| {
        fault(keys, item).is_some_and(|(n, wrong)| n == name && wrong.starts_with(&kind))
    };
    let keys = shrink(tree::grow(keys.clone()), |k| same(k, item));
    let item = shrink(tree::grow(item.clone()), |i| same(&keys, i));
    faults.insert(kind, format!("`FUZZ_SEED={seed} FUZZ=1`: {wrong}\n#[{name}({keys})]\n{item}"));
}

/// Which attribute fails on a program, and how.
fn fault(keys: &TokenStream, item: &TokenStream) -> Option<(&'static str, String)> {
    ENTRIES.iter().find_map(|(name, expand)| Some((*name, wrong(*expand, keys, item)?)))
}

fn wrong(expand: Expand, keys: &TokenStream, item: &TokenStream) -> Option<String> {
    SILENT.set(true);
    let out = expand(keys.clone(), item.clone());
    SILENT.set(false);
    let text = out.to_string();
    if let Some(at) = text.find("bug of the workflow compiler") {
        return Some(text[at..].chars().take(300).collect());
    }
    let parsed = syn::parse2::<syn::ItemFn>(item.clone());
    let mut places = vec![];
    errors(&out, &mut places);
    if places.is_empty() && parsed.is_err() {
        return Some("it is no function, and there is no error".into());
    }
    // The end of what is there has no place of its own.
    let nowhere = |s: &Span| s.byte_range().is_empty();
    if parsed.is_ok() && keys.is_empty() && places.iter().any(nowhere) {
        return Some(format!("an error has no place: {text}"));
    }
    match syn::parse2::<syn::File>(out) {
        // This is what syn takes `break 'a ::path` for.
        Err(e) if e.to_string() == "expected loop or block expression" => None,
        Err(e) if parsed.is_ok() => Some(format!("the expansion is not Rust: {e}: {text}")),
        _ => None,
    }
}

/// A place in a source file.
fn somewhere() -> Span {
    thread_local!(static TOKEN: Option<TokenTree> = "here".parse::<TokenStream>().ok().and_then(|t| t.into_iter().next()));
    TOKEN.with(|t| t.as_ref().map_or_else(Span::call_site, TokenTree::span))
}

/// The places of all errors.
fn errors(tokens: &TokenStream, places: &mut Vec<Span>) {
    let mut before: Option<Ident> = None;
    for t in tokens.clone() {
        match t {
            TokenTree::Ident(i) if i == "compile_error" => before = Some(i),
            TokenTree::Punct(p) if p.as_char() == '!' => places.extend(before.take().map(|i| i.span())),
            TokenTree::Group(g) => errors(&g.stream(), places),
            _ => before = None,
        }
    }
}

/// Takes out and takes apart as much as can be without losing the fault.
fn shrink(mut trees: Vec<Tree>, fails: impl Fn(&TokenStream) -> bool) -> TokenStream {
    let mut place = 0;
    while place < tree::size(&trees) {
        let edits: [&Cut; 3] = [&|list, i| list.truncate(i), &|list, i| drop(list.remove(i)), &|list, i| {
            if let Tree::Group(_, inside) = list[i].clone() {
                list.splice(i..=i, inside);
            }
        }];
        let smaller = edits.iter().find_map(|edit| {
            let mut fewer = trees.clone();
            tree::at(&mut fewer, place, &mut |list, i| edit(list, i))?;
            (tree::size(&fewer) < tree::size(&trees) && fails(&tree::stream(&fewer, somewhere()))).then_some(fewer)
        });
        match smaller {
            Some(fewer) => trees = fewer,
            None => place += 1,
        }
    }
    tree::stream(&trees, somewhere())
}

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// The panics of the compiler are looked for, and not worth a line each.
fn silence() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !SILENT.get() {
                loud(info);
            }
        }));
    });
}
