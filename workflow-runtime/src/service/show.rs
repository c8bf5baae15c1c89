//! Answers for people.

use super::{
    ServiceError,
    args::{Local, Remote},
    stats,
};
use crate::{
    engine::{Recorded, Verified, verify},
    registry::Registry,
    store::SledStore,
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
};

/// Prints what a command was answered.
pub(super) fn answer(command: &Remote, answer: &Value, as_json: bool) -> Result<(), ServiceError> {
    let text = match command {
        Remote::Export { .. } => pretty(answer),
        _ if as_json => pretty(answer),
        Remote::Start { .. } => {
            let what = if answer["is_new"] == true { "started" } else { "attached to" };
            format!("{what} {}", text(&answer["workflow_id"]))
        }
        Remote::Signal { .. } => "sent".into(),
        Remote::Update { .. } => text(answer),
        Remote::Skip { .. } => "skipped".into(),
        Remote::Cancel { .. } => "asked to stop".into(),
        Remote::Terminate { .. } => "terminated".into(),
        Remote::Retry { .. } => "tries again".into(),
        Remote::Rebuild { .. } => "rebuilt".into(),
        Remote::Remove { .. } => "removed".into(),
        Remote::Truncate { .. } => format!("removed {} entries", answer["removed"]),
        Remote::List { .. } => list(answer),
        Remote::Show { .. } => status(answer),
        Remote::History { .. } => history(answer),
        Remote::Stats { .. } => stats::stats(answer),
        Remote::Snapshot { file } => format!("{}: {}", file.display(), stats::snapshot(answer)),
        Remote::Result { .. } => result(answer),
    };
    say(text.trim_end())
}

/// Does what needs no store.
pub(super) fn local(command: &Local, data: &Path, as_json: bool) -> Result<(), ServiceError> {
    let registry = Registry::linked().map_err(crate::engine::BuildError::from)?;
    match command {
        Local::Functions => {
            let workflows: Vec<_> = registry.workflows().map(|d| (d.name, d.file, d.line)).collect();
            let activities: Vec<_> = registry.activities().map(|d| (d.name, d.file, d.line)).collect();
            if as_json {
                say(&pretty(&serde_json::json!({ "workflows": workflows, "activities": activities })))?;
                return Ok(());
            }
            for (kind, functions) in [("workflow", workflows), ("activity", activities)] {
                for (name, file, line) in functions {
                    say(&format!("{kind:9} {name:30} {file}:{line}"))?;
                }
            }
        }
        Local::Diagram { workflow } => {
            let Some(def) = registry.workflow(workflow) else {
                let known: Vec<_> = registry.workflows().map(|d| d.name).collect();
                return Err(ServiceError::Usage(format!(
                    "no workflow is named `{workflow}`; there are: {}",
                    known.join(", ")
                )));
            };
            say(def.definition().to_mermaid().trim_end())?;
        }
        Local::Compact => {
            if !data.is_dir() {
                return Err(ServiceError::NoStore { data: data.to_owned() });
            }
            let compacted = serde_json::json!(SledStore::compact(data)?);
            if as_json {
                say(&pretty(&compacted))?;
            } else {
                say(&stats::compacted(&compacted))?;
            }
        }
        Local::Restore { file, directory } => {
            let restored = serde_json::json!(SledStore::restore(file, directory)?);
            if as_json {
                say(&pretty(&restored))?;
            } else {
                say(&format!("{}: {}", directory.display(), stats::snapshot(&restored)))?;
            }
        }
        Local::Verify { file } => {
            let unreadable = |source| ServiceError::File { path: file.clone(), source };
            let json = match file.to_str() {
                Some("-") => std::io::read_to_string(std::io::stdin()),
                _ => std::fs::read_to_string(file),
            };
            let recorded = Recorded::from_json(&json.map_err(unreadable)?)?;
            let Verified { steps, skipped, .. } = verify(&recorded, &registry)?;
            if as_json {
                say(&pretty(&serde_json::json!({ "steps": steps, "skipped": skipped })))?;
            } else {
                let others =
                    if skipped > 0 { format!("; {skipped} were taken by other builds") } else { String::new() };
                say(&format!("{steps} steps do again what they did{others}"))?;
            }
        }
    }
    Ok(())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// A value without the quotes of a string.
fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Writes lines for people, or for a program. Who reads no further has what they wanted.
fn say(lines: &str) -> Result<(), ServiceError> {
    match io::stdout().lock().write_all(format!("{lines}\n").as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|source| ServiceError::Output { source }),
    }
}

/// The state, and behind it what there is to say of it.
fn result(answer: &Value) -> String {
    let more = ["value", "reason"].map(|what| &answer[what]);
    let more = more.into_iter().find(|value| !value.is_null()).map(|value| format!(": {}", text(value)));
    text(&answer["state"]) + &more.unwrap_or_default()
}

fn list(answer: &Value) -> String {
    let mut out = String::new();
    for instance in answer["instances"].as_array().into_iter().flatten() {
        let column = |name: &str| text(&instance[name]);
        // Writing to a `String` does not fail.
        let _ = writeln!(out, "{:11} {:24} {}", column("status"), column("workflow"), column("workflow_id"));
    }
    if out.is_empty() {
        out.push_str("none\n");
    }
    if answer["more"] == true {
        out.push_str("there are more; raise --limit\n");
    }
    out
}

/// Every field that says something, the nested ones below their names.
fn status(answer: &Value) -> String {
    let mut out = String::new();
    for (name, value) in answer.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(fields) if fields.is_empty() => {}
            Value::Array(items) => {
                let _ = writeln!(out, "{name}:");
                for item in items {
                    let _ = writeln!(out, "  {}", line(item));
                }
            }
            Value::Object(fields) => {
                let _ = writeln!(out, "{name}:");
                for (key, value) in fields {
                    let _ = writeln!(out, "  {key} = {}", text(value));
                }
            }
            plain => {
                let _ = writeln!(out, "{name}: {}", text(plain));
            }
        }
    }
    out
}

/// `Name field=value ..` for a variant with fields, JSON for all else.
fn line(item: &Value) -> String {
    let fields = |fields: &serde_json::Map<String, Value>| {
        let shown = fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| format!("{k}={}", text(v)));
        shown.collect::<Vec<_>>().join(" ")
    };
    match item {
        Value::Object(variant) if variant.len() == 1 => {
            let (name, value) = variant.iter().next().unwrap_or_else(|| unreachable!("it has one entry"));
            match value {
                Value::Object(f) => format!("{name} {}", fields(f)),
                other => format!("{name} {}", text(other)),
            }
        }
        Value::Object(f) => fields(f),
        other => text(other),
    }
}

fn history(answer: &Value) -> String {
    let mut out = String::new();
    for entry in answer.as_array().into_iter().flatten() {
        let step = entry["step"].as_u64().map(|n| format!(" step {n}")).unwrap_or_default();
        let _ = writeln!(out, "#{} {}{step}", text(&entry["seq"]), text(&entry["time"]));
        for event in entry["events"].as_array().into_iter().flatten() {
            let _ = writeln!(out, "    {}", line(event));
        }
    }
    out
}
