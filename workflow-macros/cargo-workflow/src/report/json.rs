//! One JSON document.

use super::Report;

/// The whole report: workflows with their findings and what was silenced, exemptions that nothing needs, and how large the graph was.
pub(super) fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
