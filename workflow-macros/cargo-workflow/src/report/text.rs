//! For people.

use super::{Finding, Report, Workflow};
use std::fmt::Write as _;

/// Findings, exemptions that nothing needs, and a sum.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    for workflow in &report.workflows {
        for finding in &workflow.findings {
            write_finding(&mut out, workflow, finding);
        }
    }
    for unneeded in &report.unneeded {
        let (message, file, line) = (&unneeded.message, &unneeded.file, unneeded.line);
        let _ = writeln!(out, "error[{}]: {message}\n  --> {file}:{line}\n", unneeded.rule);
    }
    sum(&mut out, report);
    out
}

fn write_finding(out: &mut String, workflow: &Workflow, finding: &Finding) {
    let message = finding.message.trim_end_matches(']').trim_end_matches(finding.rule).trim_end_matches(" [");
    let _ = writeln!(out, "{}[{}]: {message}", finding.severity, finding.rule);
    if let Some(place) = &finding.place {
        let _ = writeln!(out, "  --> {}:{}", place.file, place.line);
    }
    let width = finding.chain.iter().map(|s| s.function.len()).max().unwrap_or(0).min(90);
    for (i, step) in finding.chain.iter().enumerate() {
        let place = step.place.as_ref().map(|p| format!("{}:{}", p.file, p.line)).unwrap_or_default();
        let arrow = if i == 0 { "   " } else { "-> " };
        let line = format!("   | {arrow}{:width$}  {place}", step.function);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(
        out,
        "   = `cargo workflow explain {}` says more; workflow at {}:{}\n",
        finding.rule, workflow.file, workflow.line
    );
}

fn sum(out: &mut String, report: &Report) {
    let findings = || report.workflows.iter().flat_map(|w| &w.findings);
    let errors = findings().filter(|f| f.severity == "error").count();
    let warnings = findings().count() - errors;
    let silenced: usize = report.workflows.iter().map(|w| w.silenced.len()).sum();
    let m = &report.measured;
    let _ = write!(out, "{} checked: {}", count(report.workflows.len(), "workflow"), count(errors, "error"));
    if warnings > 0 {
        let _ = write!(out, ", {}", count(warnings, "warning"));
    }
    if silenced > 0 {
        let _ = write!(out, ", {silenced} exempted");
    }
    if !report.unneeded.is_empty() {
        let _ = write!(out, ", {} not needed", count(report.unneeded.len(), "exemption"));
    }
    let _ = writeln!(
        out,
        " ({} symbols, {} references in {} files, {} ms)",
        m.symbols, m.references, m.files, m.milliseconds
    );
}

fn count(n: usize, of: &str) -> String {
    format!("{n} {of}{}", if n == 1 { "" } else { "s" })
}
