//! What is nested very deeply is an error where it is too deep, and no overflow of the stack.

use super::{activity, test, workflow};
use crate::{diagnostic::Errors, parse::depth};
use proc_macro2::TokenStream;
use std::thread;

fn program(kind: &str, n: usize) -> String {
    let e = match kind {
        "paren" => "(".repeat(n) + "x.await" + &")".repeat(n),
        "call" => "f(".repeat(n) + "x.await" + &")".repeat(n),
        "block" => "{".repeat(n) + "x.await" + &"}".repeat(n),
        "add" => vec!["x.await"; n].join("+"),
        "ones" => vec!["1"; n].join("+"),
        "method" => "x".to_owned() + &".f(1)".repeat(n) + ".await",
        "awaits" => "x".to_owned() + &".await".repeat(n),
        "not" => "!".repeat(n) + "x.await",
        "if" => "if x.await { 1 } else ".repeat(n) + "{ 2 }",
        "nested if" => "if x.await {".repeat(n) + &"}".repeat(n),
        "closure" => "|a| ".repeat(n) + "1",
        "type" => format!("x.await as {}u8{}", "A<".repeat(n), ">".repeat(n)),
        "pattern" => format!("match x.await {{ {}1 => 1 }}", "&".repeat(n)),
        "macro" => "vec![".repeat(n) + "x.await" + &"]".repeat(n),
        "join" => "join!(".repeat(n) + "x" + &")".repeat(n),
        "unknown macro" => "m![".repeat(n) + "x.await" + &"]".repeat(n),
        "and" => vec!["x.await"; n].join("&&"),
        "path" => vec!["x"; n].join("::"),
        other => panic!("{other}"),
    };
    format!("async fn f(x: u8) -> u8 {{ let y = {e}; y }}")
}
const KINDS: &[&str] = &[
    "paren",
    "call",
    "block",
    "add",
    "ones",
    "method",
    "awaits",
    "not",
    "if",
    "nested if",
    "closure",
    "type",
    "pattern",
    "macro",
    "join",
    "unknown macro",
    "and",
    "path",
];

fn parsed(kind: &'static str, n: usize) -> TokenStream {
    program(kind, n).parse().unwrap_or_else(|e| panic!("{kind}: {e}"))
}

/// True if the compiler takes it.
fn taken(kind: &'static str, n: usize) -> bool {
    let errors = Errors::new();
    let shallow = depth::shallow(&parsed(kind, n), &errors);
    assert_eq!(errors.finish().is_ok(), shallow);
    shallow
}

/// Expands on a stack like that of rustc's threads, of which rustc has taken a quarter; true if it was refused.
fn refused(kind: &'static str, n: usize) -> bool {
    let run = move || {
        [activity, test, workflow].map(|expand| {
            let out = expand(TokenStream::new(), parsed(kind, n));
            // The error stands at the end; to write down all of it would recurse.
            let text = out.into_iter().last().map(|t| t.to_string()).unwrap_or_default();
            assert!(!text.contains("bug of the workflow compiler"), "{kind}, {n} deep: {text}");
            text.contains("nested too deeply")
        })
    };
    let thread = thread::Builder::new().stack_size(6 << 20).spawn(run).unwrap_or_else(|e| panic!("{e}"));
    thread.join().unwrap_or_else(|_| panic!("{kind}, {n} deep"))[2]
}

#[test]
fn what_is_nested_too_deeply_is_an_error_and_no_overflow() {
    for kind in KINDS {
        let (mut low, mut high) = (1, 10_000);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if taken(kind, middle) { low = middle } else { high = middle }
        }
        assert!((60..1_000).contains(&low), "`{kind}` goes {low} deep");
        assert!(!refused(kind, low), "`{kind}`, {low} deep");
        assert!(refused(kind, low + 1) && refused(kind, 10_000), "`{kind}` goes deeper than {low}");
    }
}

#[test]
fn what_stands_side_by_side_is_not_nested() {
    let item = format!(
        "async fn f(x: u8) {{ {} }}",
        "if x < 1 { 1 } match x { 1 => {} _ => {} } f([1, 2, 3]); ".repeat(1_000)
    );
    let errors = Errors::new();
    depth::shallow(&item.parse().unwrap_or_default(), &errors);
    assert!(errors.finish().is_ok());
}
