//! How much there is, for people.

use serde_json::Value;
use std::fmt::Write as _;

/// `1.5 MiB`.
fn bytes(value: &Value) -> String {
    let n = value.as_u64().unwrap_or(0);
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let Some(unit) = (n.checked_ilog2().unwrap_or(0) / 10).checked_sub(1) else { return format!("{n} bytes") };
    let unit = (unit as usize).min(units.len() - 1);
    // Shown with one digit: what a float loses is not seen.
    format!("{:.1} {}", n as f64 / 1024_f64.powi(unit as i32 + 1), units[unit])
}

pub(super) fn snapshot(answer: &Value) -> String {
    format!("{} records, {}", answer["records"], bytes(&answer["bytes"]))
}

pub(super) fn compacted(answer: &Value) -> String {
    format!("{} records, {} before, {} now", answer["records"], bytes(&answer["before"]), bytes(&answer["after"]))
}

pub(super) fn stats(answer: &Value) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        // Writing to a `String` does not fail.
        let _ = writeln!(out, "{name:20} {text}");
    };
    let instances = answer["instances"].as_object();
    let total: u64 = instances.into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    line("instances", total.to_string());
    for (status, n) in instances.into_iter().flatten() {
        line(&format!("  {}", status.to_lowercase()), n.to_string());
    }
    line("in flight", answer["in_flight"].to_string());
    line("earliest timer", answer["next_due"].as_str().unwrap_or("none").to_owned());
    let store = &answer["store"];
    let sum: u64 = ["log_bytes", "database_bytes", "other_bytes"].iter().filter_map(|name| store[name].as_u64()).sum();
    line("on the disk", bytes(&sum.into()));
    line("  log", format!("{} in {} segments", bytes(&store["log_bytes"]), store["log_segments"]));
    line("  database", bytes(&store["database_bytes"]));
    line("  marks", bytes(&answer["marks_bytes"]));
    line("database behind by", format!("{} groups, {}", store["log_lag"], bytes(&store["log_lag_bytes"])));
    let counters = &answer["counters"];
    line("since opening", format!("{} commits, {} flushes", counters["commits"], counters["flushes"]));
    if let Some(kinds) = answer["records"]["kinds"].as_object() {
        line("records", String::new());
        for (kind, tally) in kinds {
            line(&format!("  {}", kind.to_lowercase()), format!("{}, {}", tally["records"], bytes(&tally["bytes"])));
        }
        line("  damaged", answer["records"]["damaged"].to_string());
        for id in answer["records"]["damaged_checkpoints"].as_array().into_iter().flatten() {
            line("  a checkpoint", format!("{}: `rebuild` or `terminate` it", id.as_str().unwrap_or_default()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_one_digit() {
        let shown = |n: u64| bytes(&n.into());
        assert_eq!(shown(0), "0 bytes");
        assert_eq!(shown(1023), "1023 bytes");
        assert_eq!(shown(1536), "1.5 KiB");
        assert_eq!(shown(32 << 20), "32.0 MiB");
        assert_eq!(shown(u64::MAX), "16777216.0 TiB");
    }
}
