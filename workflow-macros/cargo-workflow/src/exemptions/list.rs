//! The list of exemptions: a TOML file of `[[allow]]` tables, each with a reason.

use crate::{error::Error, roots::Root};
use serde::Deserialize;
use std::{fs, path::Path};
use workflow_rules::Rule;

/// The entries of the list.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) entries: Vec<Entry>,
}

/// One exemption.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) rule: &'static Rule,
    /// The registered name; all workflows without it.
    pub(crate) workflow: Option<String>,
    /// The path of a function that is trusted, as the report prints it. `*` stands for any text.
    pub(crate) function: Option<String>,
    pub(crate) reason: String,
    /// Where it stands in the file.
    pub(crate) line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<toml::Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rule: String,
    workflow: Option<String>,
    function: Option<String>,
    reason: String,
}

impl List {
    /// Reads the list.
    ///
    /// # Errors
    ///
    /// It is not there, is not TOML, or has an entry without a reason, of an unknown rule, or for everything.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|e| Error::read(path, &e))?;
        Self::parse(&text).map_err(|e| Error::new(format!("{}: {e}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut entries = vec![];
        for entry in file.allow {
            let line = 1 + text.get(..entry.span().start).unwrap_or_default().matches('\n').count();
            let Written { rule: code, workflow, function, reason } = entry.into_inner();
            let Some(rule) = Rule::with_code(&code) else {
                return Err(format!("line {line}: there is no rule `{code}`; `cargo workflow explain` lists them"));
            };
            if reason.trim().is_empty() {
                return Err(format!("line {line}: an exemption needs a reason: say why `{code}` does no harm here"));
            }
            if workflow.is_none() && function.is_none() {
                return Err(format!(
                    "line {line}: this would switch {code} off: name the `workflow`, or the `function` that is harmless"
                ));
            }
            entries.push(Entry { rule, workflow, function, reason, line });
        }
        Ok(List { entries })
    }
}

impl Entry {
    /// Whether it can apply to a workflow.
    pub(crate) fn is_for(&self, root: &Root) -> bool {
        self.workflow.as_ref().is_none_or(|w| *w == root.name)
    }
}

#[cfg(test)]
mod tests {
    use super::List;

    #[test]
    fn an_entry_names_rule_place_and_reason() {
        let list =
            List::parse("# why\n[[allow]]\nrule = \"WF007\"\nfunction = \"geo::load\"\nreason = \"compiled in\"\n")
                .unwrap();
        assert_eq!((list.entries[0].rule.code, list.entries[0].line), ("WF007", 2));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, part) in [
            ("[[allow]]\nrule = \"WF007\"\nworkflow = \"a\"\nreason = \" \"", "line 1: an exemption needs a reason"),
            ("[[allow]]\nrule = \"WF007\"\nworkflow = \"a\"\n", "reason"),
            ("[[allow]]\nrule = \"WF099\"\nworkflow = \"a\"\nreason = \"b\"", "there is no rule `WF099`"),
            ("\n[[allow]]\nrule = \"WF007\"\nreason = \"b\"", "line 2: this would switch WF007 off"),
            ("[[allow]]\nrule = \"WF007\"\nfunktion = \"a\"\nreason = \"b\"", "funktion"),
            ("[[alow]]\n", "alow"),
        ] {
            let e = List::parse(text).unwrap_err();
            assert!(e.contains(part), "{e}");
        }
    }
}
