//! What rustc and clippy say about a workflow is what they say about the same function without the attribute.
//!
//! Every file in `cases` is compiled twice, with its attributes and without. Both must give the same
//! diagnostics: same code, same message, same place, as often. What is to differ is marked in the file, with the reason:
//!
//! ```text
//! //~ plain(dead_code): who calls a registered function is not known
//! ```
//!
//! says that on the next line the plain function gets one such diagnostic more; `durable(..)` that the workflow does, and
//! `other(..)` that both get it in words of their own.

mod compare;
mod project;

use compare::{Diagnostic, Marks};
use std::collections::BTreeMap;

/// The diagnostics of both renderings of a case.
#[derive(Default)]
struct Case {
    plain: Vec<Diagnostic>,
    durable: Vec<Diagnostic>,
}

#[test]
fn diagnostics_are_those_of_the_plain_function() {
    let project = project::write();
    let mut cases: BTreeMap<String, Case> = project.cases.iter().map(|c| (c.clone(), Case::default())).collect();
    for (package, case, diagnostic) in project.check() {
        let of = cases.entry(case).or_default();
        let side = if package == "plain" { &mut of.plain } else { &mut of.durable };
        side.push(diagnostic);
    }
    let mut wrong = String::new();
    let mut seen = 0;
    for (name, case) in cases {
        let marks = Marks::of(&project.source(&name));
        seen += case.plain.len();
        if name.starts_with("silent") {
            silent(&name, &case.plain, &mut wrong);
            silent(&name, &case.durable, &mut wrong);
        }
        wrong += &compare::report(&name, case.plain, case.durable, marks);
    }
    println!("{seen} diagnostics compared");
    assert!(wrong.is_empty(), "diagnostics differ:\n{wrong}");
    assert!(seen > 100, "only {seen} diagnostics: the cases are not compiled");
}

/// Some cases have nothing that anybody could say anything about.
fn silent(name: &str, all: &[Diagnostic], wrong: &mut String) {
    for d in all {
        *wrong += &format!("`{name}` is to be silent: {}\n", d.rendered);
    }
}
