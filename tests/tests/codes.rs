//! Codes are what people search for: each stands for one thing.

use std::{collections::BTreeMap, fs, path::Path};

fn sources(dir: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Codes that an arm of a `fn code` gives: `=> "WE012"`.
fn given(source: &str) -> impl Iterator<Item = &str> {
    let arms = source.split("=> \"W").skip(1);
    arms.filter_map(|arm| arm.split_once('"').map(|(code, _)| code)).filter(|code| {
        code.len() == 4 && code.starts_with(['E', 'B', 'S']) && code[1..].bytes().all(|b| b.is_ascii_digit())
    })
}

#[test]
fn every_code_stands_for_one_thing() {
    let mut all = vec![];
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../workflow-runtime/src")), &mut all);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for code in all.iter().flat_map(|source| given(source)) {
        *counts.entry(code).or_default() += 1;
    }
    assert!(counts.len() > 50, "the codes were not found");
    let twice: Vec<_> = counts.iter().filter(|(_, n)| **n > 1).map(|(code, _)| format!("W{code}")).collect();
    assert!(twice.is_empty(), "given twice: {twice:?}");
}

/// A code of ours at the start of a text.
fn code(text: &str) -> Option<&str> {
    let code = text.strip_prefix('W')?.get(..4)?;
    (code.starts_with(['E', 'B', 'S']) && code[1..].bytes().all(|b| b.is_ascii_digit())).then_some(code)
}

/// The variants whose messages begin with a code, with it.
fn told(source: &str) -> impl Iterator<Item = (&str, &str)> {
    source.split("#[error(").skip(1).filter_map(|rest| {
        let (attribute, variant) = rest.split_once(")]\n")?;
        let code = code(attribute.trim_start().strip_prefix('"')?)?;
        Some((variant.trim_start().split([' ', '(', ',']).next()?, code))
    })
}

#[test]
fn a_message_begins_with_the_code_of_its_error() {
    let mut all = vec![];
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../workflow-runtime/src")), &mut all);
    let mut checked = 0;
    let mut wrong = vec![];
    for source in &all {
        for (variant, told) in told(source) {
            // Several enums of one file may have a variant of this name.
            let arm = format!("Self::{variant}");
            let arms = source.split(arm.as_str()).skip(1);
            let given = arms.filter_map(|arm| code(arm.lines().next()?.split_once("=> \"")?.1)).collect::<Vec<_>>();
            if !given.is_empty() {
                checked += 1;
                if !given.contains(&told) {
                    wrong.push(format!("{variant} says W{told}, its code is W{}", given.join(" or W")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 60, "{checked}");
}
