//! The rules of determinism: what a step of a workflow must not do, why, and what to write instead.
//!
//! A step is executed again after a crash, by `verify`, and by the test kit, so it must be a function of the checkpoint and
//! the input. The macro looks for what breaks that in tokens and types, `cargo workflow check` in calls; both take codes,
//! reasons and advice from this table, and `docs/rules` is written from it.

mod page;
mod table;

pub use table::{
    ADDRESSES, BACKTRACES, BLOCKING, CLOCK, CONCURRENCY, ENVIRONMENT, ESCAPES, FLOATS, FOREIGN_AWAIT, GLOBALS,
    HASH_ORDER, IO, OUTPUT, RANDOMNESS, RULES, UNSAVEABLE,
};

/// What a finding of a rule does to a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It stops the build.
    Error,
    /// It is reported, and the build goes on.
    Warning,
}

/// A rule of determinism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The stable code, such as `WF001`.
    pub code: &'static str,
    /// One or two words, such as `clock`.
    pub name: &'static str,
    /// What a finding does.
    pub severity: Severity,
    /// Why it matters, as the end of a sentence: "a step that is executed again reads another time".
    pub why: &'static str,
    /// What to write instead, as the end of a sentence: "use `now()` of workflow_runtime".
    pub instead: &'static str,
    /// What is found, and what is not, as paragraphs of Markdown.
    pub catches: &'static str,
    /// A workflow that breaks the rule.
    pub wrong: &'static str,
    /// What keeps it and does the same.
    pub right: &'static str,
}

impl Rule {
    /// The rule with this code.
    ///
    /// ```
    /// use workflow_rules::Rule;
    ///
    /// assert_eq!(Rule::with_code("WF001").map(|r| r.name), Some("clock"));
    /// assert_eq!(Rule::with_code("wf001"), None);
    /// ```
    pub fn with_code(code: &str) -> Option<&'static Rule> {
        RULES.iter().copied().find(|r| r.code == code)
    }

    /// The message of a finding. `what` is the beginning of a sentence, for example "`Utc::now` reads a clock".
    ///
    /// ```
    /// assert_eq!(
    ///     workflow_rules::CLOCK.message("`Utc::now` reads a clock"),
    ///     "`Utc::now` reads a clock, and a step that is executed again reads another time: use `now()` of workflow_runtime, \
    ///      the time at which the step was decided [WF001]",
    /// );
    /// ```
    pub fn message(&self, what: &str) -> String {
        format!("{what}, and {}: {} [{}]", self.why, self.instead, self.code)
    }

    /// The page of the documentation, in Markdown.
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// The file of the page within `docs/rules`.
    pub fn file(&self) -> String {
        format!("{}.md", self.code)
    }
}

/// The index of the pages, in Markdown: the table of the rules.
pub fn index() -> String {
    page::index()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, path::Path};

    #[test]
    fn codes_are_in_order_and_each_stands_once() {
        for (i, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.code, format!("WF{:03}", i + 1));
        }
    }

    #[test]
    fn sentences_fit_into_a_message() {
        for r in RULES {
            for part in [r.why, r.instead] {
                assert!(!part.ends_with('.') && part.starts_with(|c: char| c.is_lowercase()), "{}: {part}", r.code);
            }
        }
    }

    /// `UPDATE=1` writes the pages anew.
    #[test]
    fn the_documentation_is_that_of_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules");
        let pages = RULES.iter().map(|r| (r.file(), r.page())).chain([("README.md".to_owned(), index())]);
        for (file, page) in pages {
            let path = folder.join(&file);
            if env::var_os("UPDATE").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &page).unwrap();
            }
            assert_eq!(
                fs::read_to_string(&path).unwrap_or_default(),
                page,
                "{file} is not that of the table: run with UPDATE=1"
            );
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), RULES.len() + 1, "a page without a rule");
    }
}
