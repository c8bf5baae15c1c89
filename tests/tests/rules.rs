//! The types of the runtime that carry rules say what the table of the rules says.

use workflow_rules::{RULES, Rule};

#[test]
fn probes_speak_as_the_table_does() {
    let source = include_str!("../../workflow-runtime/src/machine/probe.rs");
    let messages: Vec<&str> = source.lines().filter_map(|l| l.trim().strip_prefix("message = \"")).collect();
    assert!(!messages.is_empty());
    for message in messages {
        let rule = message.rsplit_once('[').and_then(|(_, code)| Rule::with_code(code.get(..5)?));
        let rule = rule.unwrap_or_else(|| panic!("no code: {message}"));
        let said = format!(", and {}: {} [{}]\",", rule.why, rule.instead, rule.code);
        assert!(message.ends_with(&said), "{message}\ndoes not end with\n{said}");
    }
}

#[test]
fn every_code_that_the_runtime_names_is_one() {
    for source in [
        include_str!("../../workflow-runtime/src/machine/probe.rs"),
        include_str!("../../workflow-runtime/src/machine/operation/foreign.rs"),
        include_str!("../../workflow-runtime/src/machine/operation/mod.rs"),
        include_str!("../../workflow-runtime/src/machine/refused.rs"),
        include_str!("../../workflow-runtime/src/machine/slot.rs"),
        include_str!("../../workflow-runtime/src/machine/held.rs"),
    ] {
        let codes: Vec<&str> = source.split("[WF").skip(1).filter_map(|rest| rest.get(..3)).collect();
        assert!(!codes.is_empty());
        for code in codes {
            assert!(RULES.iter().any(|r| r.code.ends_with(code)), "WF{code}");
        }
    }
}
