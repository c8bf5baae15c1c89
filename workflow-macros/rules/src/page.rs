//! The pages of the documentation.

use crate::{RULES, Rule, Severity};
use std::fmt::Write;

/// What every page says of exemptions.
const EXEMPT: &str = "What stands in `side_effect(|| ..)` and in the body of an `#[activity]` is exempt. If you know that a finding is \
harmless, say so where it stands, with the reason:";

pub(crate) fn page(r: &Rule) -> String {
    let mut page = format!("# {}: {}\n\n", r.code, r.name);
    let weight = match r.severity {
        Severity::Error => "",
        Severity::Warning => "This rule warns and does not stop the build. ",
    };
    let _ = write!(page, "{weight}{}: **{}**.\n\n{}\n\n", sentence(r.why), r.instead, r.catches);
    let shown = if r.severity == Severity::Error { "Refused" } else { "Warned of" };
    let _ = write!(page, "{shown}:\n\n```rust,ignore\n{}\n```\n\n", r.wrong.trim());
    let _ = write!(page, "Instead:\n\n```rust\n# use workflow_runtime::prelude::*;\n{}\n```\n\n", r.right.trim());
    let _ = write!(
        page,
        "{EXEMPT}\n\n```rust,ignore\n#[workflow(allow({}, reason = \"..\"))]   // on the function, or on a statement in it\n```\n\n\
         All rules: [the table](README.md).\n",
        r.code
    );
    page
}

pub(crate) fn index() -> String {
    let mut page = String::from(
        "# The rules of determinism\n\nA step of a workflow is executed again: after a crash, by `verify`, by the test kit. So it must be a function of its \
         checkpoint and its input. What breaks that does not compile, or is found by `cargo workflow check`. Nothing but calls \
         counts, never a module or a crate as a whole: a `HashMap` that is only looked up is fine.\n\n\
         | code | what | why | instead |\n| --- | --- | --- | --- |\n",
    );
    for r in RULES {
        let warns = if r.severity == Severity::Warning { " (warns)" } else { "" };
        let _ = writeln!(page, "| [{}]({}) | {}{warns} | {} | {} |", r.code, r.file(), r.name, r.why, r.instead);
    }
    page
}

/// With a capital letter.
fn sentence(s: &str) -> String {
    let mut chars = s.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
