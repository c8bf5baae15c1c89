//! A picture of the state machine.

use crate::Definition;
use std::fmt::Write as _;

impl Definition {
    /// The state machine as a [Mermaid](https://mermaid.js.org/syntax/stateDiagram.html) state diagram: points are states,
    /// what they await is below their names.
    ///
    /// ```
    /// use workflow_definition::{Definition, Edge};
    ///
    /// let edges = vec![Edge { from: None, to: None }];
    /// let definition = Definition { name: "noop".into(), file: "a.rs".into(), parameters: vec![], points: vec![], edges, patches: vec![] };
    /// assert_eq!(definition.to_mermaid(), "---\ntitle: noop\n---\nstateDiagram-v2\n    [*] --> [*]\n");
    /// ```
    pub fn to_mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nstateDiagram-v2\n", self.name);
        // Writing to a `String` does not fail.
        for (i, p) in self.points.iter().enumerate() {
            let text = |t: &str| t.replace('"', "'").replace(['\n', ':'], " ");
            let _ = writeln!(out, "    p{i}: {} ({}, line {})", text(&p.label), text(&p.operation), p.line);
        }
        let place = |label: &Option<String>| {
            let index = label.as_ref().and_then(|l| self.points.iter().position(|p| p.label == *l));
            index.map_or_else(|| "[*]".to_owned(), |i| format!("p{i}"))
        };
        for edge in &self.edges {
            let _ = writeln!(out, "    {} --> {}", place(&edge.from), place(&edge.to));
        }
        out
    }
}
