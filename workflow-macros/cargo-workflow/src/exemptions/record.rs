//! The records that the macro leaves beside a machine: `rule\0workflow\0file\0first line\0last line\0net1 or -\0reason\0`.

use crate::{
    error::Error,
    graph::{Bytes, Graph},
    roots::Root,
};
use workflow_rules::Rule;

/// An exemption that stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) rule: &'static Rule,
    /// The registered name.
    pub(crate) workflow: String,
    pub(crate) file: String,
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// The macro has silenced something with it.
    pub(crate) used_by_macro: bool,
    pub(crate) reason: String,
}

const RECORD: &str = "__WORKFLOW_ALLOW_";

/// All records of a build.
///
/// # Errors
///
/// An object file cannot be read any more, or a record is not of this version's form.
pub(crate) fn find(graph: &Graph, bytes: &Bytes) -> Result<Vec<Record>, Error> {
    let mut records = vec![];
    for id in graph.ids() {
        let node = graph.node(id);
        if node.anonymous || node.defined.is_none() || !node.symbol.contains(RECORD) {
            continue;
        }
        let data = bytes.of(graph, id)?;
        let record = parse(&data).ok_or_else(|| {
            Error::new(format!("`{}` is not a record of this version: build with the same versions of workflow-macros and cargo-workflow", graph.name(id).text))
        })?;
        if !records.contains(&record) {
            records.push(record);
        }
    }
    records.sort_by(|a, b| (&a.file, a.first, a.rule.code).cmp(&(&b.file, b.first, b.rule.code)));
    Ok(records)
}

fn parse(data: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(data).ok()?;
    let mut fields = text.split_terminator('\0');
    let mut field = || fields.next();
    let record = Record {
        rule: Rule::with_code(field()?)?,
        workflow: field()?.to_owned(),
        file: field()?.to_owned(),
        first: field()?.parse().ok()?,
        last: field()?.parse().ok()?,
        used_by_macro: field()? != "-",
        reason: field()?.to_owned(),
    };
    Some(record)
}

impl Record {
    /// It stands on the function, not on a statement.
    pub(crate) fn is_whole(&self, root: &Root) -> bool {
        self.first <= root.line
    }

    pub(crate) fn covers(&self, line: u32) -> bool {
        (self.first..=self.last).contains(&line)
    }

    /// Only types decide these rules, so only the macro knows whether it is needed.
    pub(crate) fn is_decided_elsewhere(&self) -> bool {
        ["WF004", "WF012", "WF014", "WF015"].contains(&self.rule.code)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_record_is_what_the_macro_wrote() {
        let r = parse("WF001|order|src/main.rs|12|14|net1|a log line only|".replace('|', "\0").as_bytes()).unwrap();
        assert_eq!((r.rule.code, r.workflow.as_str(), r.first, r.last), ("WF001", "order", 12, 14));
        assert!(r.used_by_macro && r.covers(13) && !r.covers(15));
        assert_eq!(r.reason, "a log line only");
    }

    #[test]
    fn half_a_record_is_none() {
        for text in ["", "WF001|order|", "WF099|o|f|1|2|-|r|", "WF001|o|f|x|2|-|r|"] {
            assert_eq!(parse(text.replace('|', "\0").as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\xff\0"), None);
    }
}
