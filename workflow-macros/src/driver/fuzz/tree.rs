//! Token streams as trees that can be edited, and the edits.

use super::rng::Rng;
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

/// A token, or a delimiter with what is in it.
#[derive(Clone)]
pub(super) enum Tree {
    Leaf(TokenTree),
    Group(Delimiter, Vec<Tree>),
}

pub(super) fn grow(tokens: TokenStream) -> Vec<Tree> {
    let tree = |t| match t {
        TokenTree::Group(g) => Tree::Group(g.delimiter(), grow(g.stream())),
        leaf => Tree::Leaf(leaf),
    };
    tokens.into_iter().map(tree).collect()
}

/// The tokens; what an edit has brought in, which stands nowhere, gets `place`.
pub(super) fn stream(trees: &[Tree], place: Span) -> TokenStream {
    let token = |t: &Tree| {
        let mut token = match t {
            Tree::Leaf(t) => t.clone(),
            Tree::Group(d, inside) => TokenTree::Group(Group::new(*d, stream(inside, place))),
        };
        if token.span().byte_range().is_empty() {
            token.set_span(place);
        }
        token
    };
    trees.iter().map(token).collect()
}

/// How many places there are: every token and every group.
pub(super) fn size(trees: &[Tree]) -> usize {
    let of = |t: &Tree| match t {
        Tree::Leaf(_) => 1,
        Tree::Group(_, inside) => 1 + size(inside),
    };
    trees.iter().map(of).sum()
}

/// Goes to a place, counted in the order of the source, and edits there: the list that it stands in, and its index.
pub(super) fn at<T>(
    trees: &mut Vec<Tree>,
    place: usize,
    edit: &mut dyn FnMut(&mut Vec<Tree>, usize) -> T,
) -> Option<T> {
    let mut left = place;
    for i in 0..trees.len() {
        if left == 0 {
            return Some(edit(trees, i));
        }
        left -= 1;
        if let Tree::Group(_, inside) = &mut trees[i] {
            let n = size(inside);
            if left < n {
                return at(inside, left, edit);
            }
            left -= n;
        }
    }
    None
}

/// One random edit; `others` is where foreign tokens come from.
pub(super) fn mutate(trees: &mut Vec<Tree>, others: &[Tree], rng: &mut Rng) {
    let Some(place) = size(trees).checked_sub(1).map(|last| rng.below(last + 1)) else {
        return trees.extend(word(rng));
    };
    let foreign = foreign(others, rng);
    let kind = rng.below(12);
    at(trees, place, &mut |list, i| match kind {
        0 | 1 => drop(list.remove(i)),
        2 => list.insert(i, list[i].clone()),
        3 => {
            let j = rng.below(list.len());
            list.swap(i, j);
        }
        4 => list[i] = foreign.clone(),
        5 => list.insert(i, foreign.clone()),
        6 | 7 => list.splice(i..i, word(rng)).for_each(drop),
        8 => list[i] = Tree::Group(delimiter(rng), vec![list[i].clone()]),
        9 => {
            let j = i + rng.below(list.len() - i) + 1;
            let inside = list.splice(i..j, []).collect();
            list.insert(i, Tree::Group(delimiter(rng), inside));
        }
        10 => match list[i].clone() {
            Tree::Group(_, inside) => list.splice(i..=i, inside).for_each(drop),
            Tree::Leaf(_) => drop(list.remove(i)),
        },
        _ => match &mut list[i] {
            Tree::Group(d, _) => *d = delimiter(rng),
            Tree::Leaf(_) => list.truncate(i),
        },
    });
}

fn foreign(others: &[Tree], rng: &mut Rng) -> Tree {
    let mut others = others.to_vec();
    let place = rng.below(size(&others).max(1));
    let found = at(&mut others, place, &mut |list, i| list[i].clone());
    found.unwrap_or_else(|| Tree::Group(Delimiter::Parenthesis, vec![]))
}

fn delimiter(rng: &mut Rng) -> Delimiter {
    [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None][rng.below(4)]
}

/// Something that means something to the compiler.
fn word(rng: &mut Rng) -> Vec<Tree> {
    const WORDS: &[&str] = &[
        "async",
        "await",
        ".await",
        ".await?",
        "?",
        "return",
        "break",
        "break 'a",
        "continue",
        "loop",
        "while",
        "for",
        "in",
        "if",
        "else",
        "let",
        "match",
        "move",
        "mut",
        "ref",
        "&",
        "&mut",
        "*",
        "!",
        "=",
        "+=",
        "=>",
        "->",
        "..",
        "..=",
        "|",
        "||",
        "&&",
        "@",
        "::",
        ";",
        ",",
        ":",
        "#",
        "'a:",
        "'a",
        "self",
        "Self",
        "super",
        "crate",
        "_",
        "where",
        "impl",
        "dyn",
        "unsafe",
        "const",
        "static",
        "fn",
        "struct",
        "yield",
        "box",
        "union",
        "macro_rules!",
        "join!",
        "select!",
        "try_join!",
        "continue_as_new!",
        "patched!",
        "format!",
        "assert!",
        "vec!",
        "1",
        "1.0",
        "\"{x}\"",
        "'c'",
        "b\"\"",
        "r#type",
        "r#await",
        "0u8",
        "-",
        "<T>",
        "<'a>",
        "::<T>",
        "as u8",
        "#[cfg(x)]",
        "#![allow(x)]",
        "//! x",
        "const { 1 }",
        "async move {}",
        "for<'a>",
        "let x = x.await else { return };",
        "let (a, b);",
        "x.0.1",
        "x.y.await.z",
        "i32::MAX",
        "|x| x.await",
        "\"a\" \"b\"",
        "sleep(d).await",
        "saga::commit()",
        ".label(\"x\")",
        "#[workflow]",
        "async fn f() {}",
        "fn g(a: u8) {}",
    ];
    let text = rng.of(WORDS).copied().unwrap_or(";");
    text.parse().map(grow).unwrap_or_default()
}
