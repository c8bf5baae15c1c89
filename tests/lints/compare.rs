//! Two lists of diagnostics, and what is to differ.

use serde_json::Value;
use std::collections::BTreeMap;

/// One message of the compiler.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    /// The lint, or the number of the error.
    pub(crate) code: String,
    pub(crate) level: String,
    pub(crate) message: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) rendered: String,
}

impl Diagnostic {
    /// `None` for a summary, which stands at no place.
    pub(crate) fn of(m: &Value) -> Option<Self> {
        let spans = m["spans"].as_array()?;
        let span = spans.iter().find(|s| s["is_primary"] == true)?;
        Some(Diagnostic {
            code: m["code"]["code"].as_str().unwrap_or_default().into(),
            level: m["level"].as_str()?.into(),
            message: m["message"].as_str()?.into(),
            line: span["line_start"].as_u64()?,
            column: span["column_start"].as_u64()?,
            rendered: m["rendered"].as_str().unwrap_or_default().into(),
        })
    }

    fn key(&self) -> (u64, u64, String) {
        (self.line, self.column, format!("{}[{}] {}", self.level, self.code, self.message))
    }
}

/// What a case says is to differ.
pub(crate) struct Marks(Vec<Mark>);

struct Mark {
    kind: String,
    code: String,
    line: u64,
}

impl Marks {
    pub(crate) fn of(source: &str) -> Self {
        let mut marks = vec![];
        let mut waiting = vec![];
        for (i, line) in source.lines().enumerate() {
            match line.trim().strip_prefix("//~ ") {
                Some(mark) => {
                    let (head, reason) = mark.split_once(": ").expect("a mark has a reason");
                    let (kind, code) = head.trim_end_matches(')').split_once('(').expect("a mark names a code");
                    assert!(["plain", "durable", "other"].contains(&kind) && !reason.is_empty(), "{line}");
                    waiting.push((kind.to_owned(), code.to_owned()));
                }
                None => marks.extend(waiting.drain(..).map(|(kind, code)| Mark { kind, code, line: i as u64 + 1 })),
            }
        }
        Marks(marks)
    }
}

/// What a plain function is told and a workflow never is.
const NOT_FOR_WORKFLOWS: [(&str, &str); 4] = [
    ("clippy::missing_errors_doc", "the function that users see builds a call, and returns no `Result`"),
    ("clippy::missing_panics_doc", "a panic blocks the instance, and does not reach who calls the function"),
    ("clippy::unused_async", "a workflow is an `async fn` also if it does not wait yet"),
    ("clippy::many_single_char_names", "it counts the names in the macros of tokio, which stand for ours"),
];

/// Empty if both are the same but for the marks.
pub(crate) fn report(case: &str, mut plain: Vec<Diagnostic>, mut durable: Vec<Diagnostic>, marks: Marks) -> String {
    let mut wrong = String::new();
    for m in marks.0 {
        // Rather what the other one does not have.
        let find = |all: &[Diagnostic], other: &[Diagnostic]| {
            let fits = |d: &Diagnostic| d.line == m.line && d.code == m.code;
            let alone = all.iter().position(|d| fits(d) && other.iter().all(|o| o.key() != d.key()));
            alone.or_else(|| all.iter().position(fits))
        };
        let in_plain = (m.kind != "durable").then(|| find(&plain, &durable));
        let in_durable = (m.kind != "plain").then(|| find(&durable, &plain));
        if in_plain == Some(None) || in_durable == Some(None) {
            wrong += &format!("{case}.rs:{}: the mark `{}({})` is not needed\n", m.line, m.kind, m.code);
            continue;
        }
        if let Some(at) = in_plain.flatten() {
            plain.remove(at);
        }
        if let Some(at) = in_durable.flatten() {
            durable.remove(at);
        }
    }
    plain.retain(|d| NOT_FOR_WORKFLOWS.iter().all(|(code, _)| *code != d.code));
    let mut counts: BTreeMap<_, (i32, String)> = BTreeMap::new();
    for d in &plain {
        counts.entry(d.key()).or_default().0 -= 1;
    }
    for d in &durable {
        let entry = counts.entry(d.key()).or_default();
        entry.0 += 1;
        entry.1.clone_from(&d.rendered);
    }
    for ((line, column, text), (n, rendered)) in counts.into_iter().filter(|(_, (n, _))| *n != 0) {
        let what = if n < 0 { "missing from the workflow" } else { "invented for the workflow" };
        wrong += &format!("{case}.rs:{line}:{column}: {what}, {} times: {text}\n", n.abs());
        if n > 0 {
            wrong += &format!("{}\n", rendered.trim_end().replace('\n', "\n    | "));
        }
    }
    wrong
}
