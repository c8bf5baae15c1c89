//! SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), which code scanning of forges reads.

use super::{Finding, Report, Source};
use serde_json::{Value, json};
use workflow_rules::RULES;

/// One run with a result for each finding, the way to it as a code flow.
pub(super) fn sarif(report: &Report) -> String {
    let findings = report.workflows.iter().flat_map(|w| w.findings.iter().map(move |f| (w, f)));
    let mut results: Vec<Value> = findings
        .map(|(w, f)| {
            let place = f.place.clone().unwrap_or(Source { file: w.file.clone(), line: w.line });
            let mut result = result(f.rule, f.severity, &format!("{} (in workflow `{}`)", f.message, w.name), &place);
            result["codeFlows"] = json!([{ "threadFlows": [{ "locations": flow(f, &place) }] }]);
            result
        })
        .collect();
    results.extend(report.unneeded.iter().map(|u| {
        let place = Source { file: u.file.clone(), line: u.line };
        result(u.rule, "error", &u.message, &place)
    }));
    let rules: Vec<Value> = RULES
        .iter()
        .map(|r| {
            json!({
                "id": r.code,
                "name": r.name,
                "shortDescription": { "text": format!("{}: {}", r.name, r.why) },
                "help": { "text": r.instead, "markdown": r.page() },
            })
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "cargo-workflow", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn result(rule: &str, level: &str, message: &str, place: &Source) -> Value {
    json!({ "ruleId": rule, "level": level, "message": { "text": message }, "locations": [location(place)] })
}

fn location(place: &Source) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": place.file.replace('\\', "/") },
            "region": { "startLine": place.line.max(1) },
        }
    })
}

/// The steps of the chain; those without a line of their own stand at the call before them.
fn flow(finding: &Finding, at: &Source) -> Vec<Value> {
    let mut last = at.clone();
    let steps = finding.chain.iter().map(|step| {
        if let Some(place) = &step.place {
            last = place.clone();
        }
        let mut location = location(&last);
        location["message"] = json!({ "text": step.function });
        json!({ "location": location })
    });
    steps.collect()
}
